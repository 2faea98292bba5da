"""Everything needed to repeat a run: what ``run.json`` and ``command.txt`` hold."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from runners.run_dir import LIBRARY, RUNNING, process_identity, table, write_text

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = 1
ISAAC_LAB_VERSION = 1
ISAAC_LAB_AGENT = "rsl_rl_cfg_entry_point"
"""Version of Isaac Lab's run manifest, and the agent that it names where none is asked for.

Isaac Lab 3.0.0, isaaclab_rl/entrypoints/common.py: ``write_run_manifest`` writes ``run.json`` with version, library,
task, created_at and metadata, and ``resolve_checkpoint_selector`` (--checkpoint latest) takes the runs in
logs/rsl_rl/<experiment>/ that agree in them.
"""


def now() -> str:
    """Local time with its offset."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def versions(distributions: list[str]) -> dict[str, str | None]:
    """Installed versions of Python and of the named distributions; None where one is missing."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in distributions:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def git(*words: str) -> str | None:
    """What git says of the checkout; None without git, or outside of a repository."""
    try:
        run = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return run.stdout.decode(errors="replace").strip() if run.returncode == 0 else None


def commit() -> dict[str, Any]:
    """The checkout's commit, and whether files differ from it."""
    changed = git("status", "--porcelain")
    return {"id": git("rev-parse", "HEAD"), "changed": None if changed is None else bool(changed)}


def write_code_state(folder: Path) -> None:
    """Write what differs from the commit to ``git/<checkout>.diff``, as later releases of rsl_rl do.

    Releases differ in whether, when and where they can do that; so they are kept from it. They pass over a
    file that is there.
    """
    status, diff = git("status"), git("diff", "HEAD")
    if status is None or diff is None:
        return
    target = folder / "git" / f"{ROOT.name}.diff"
    target.parent.mkdir(exist_ok=True)
    write_text(target, f"--- git status ---\n{status}\n\n\n--- git diff ---\n{diff}\n")


def command(values: dict[str, Any]) -> str:
    """The make command line that repeats the run. ``$`` is doubled for make."""
    words = [f"{key}={text}" for key, value in values.items() if (text := _text(value)) is not None]
    return "make train " + " ".join(shlex.quote(word).replace("$", "$$") for word in words)


def _text(value: Any) -> str | None:
    if value is None or value == "" or value is False:
        return None
    return "1" if value is True else str(value)


def agent_of(manifest: dict[str, Any]) -> str | None:
    """The agent configuration that a manifest names, ours or Isaac Lab's; None for the task's usual one."""
    agent = manifest.get("agent") or table(manifest, "metadata").get("agent")
    return agent if isinstance(agent, str) and agent != ISAAC_LAB_AGENT else None


def started(agent: str | None = None, **facts: Any) -> dict[str, Any]:
    """The manifest of a run that begins now, in this process."""
    return {
        "schema": SCHEMA,
        "version": ISAAC_LAB_VERSION,
        "library": LIBRARY,
        "created_at": datetime.now(timezone.utc).isoformat(),
        "metadata": {"agent": agent or ISAAC_LAB_AGENT},
        "agent": agent,
        **facts,
        "status": RUNNING,
        "reason": None,
        "started": now(),
        "ended": None,
        "process": process_identity(os.getpid()),
        "commit": commit(),
    }
