"""The folders of real checkouts that environment variables name, and the table of what they were put through.

    ISAACLAB_SRC       Isaac Lab, with the commit that env/pins.env pins
    RSL_RL_SRC         rsl_rl at its tag v1.0.2, as in the contract tests; of several the first with a git folder
    BHL_SRC            Berkeley Humanoid Lite, with the commit that is pinned
    BHL_ASSETS_SRC     its submodules; where they lack the commits that the robot pins, their newest stand in
    BHL_LOWLEVEL_SRC
    ASSETS_SRC         NVIDIA's assets; without it its server, and where that is not known, stand-ins
    TASK_PROJECTS      projects with tasks for Isaac Lab, joined by colons
    REAL_CACHE         what is downloaded and made of it, 7 GB; empty: .cache/real_sources
    REAL_TABLE         a file that the table is written to, in Markdown; of docs/real_sources.md the part below its mark

Bare repositories will do, except for TASK_PROJECTS, BHL_SRC and BHL_LOWLEVEL_SRC whose files are read. Nothing is
written into any of them.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("REAL_CACHE") or ROOT / ".cache" / "real_sources")
PINS = dict(re.findall(r"^(\w+)=(.*)$", (ROOT / "env/pins.env").read_text(), re.MULTILINE))
CHECKOUTS = ("ISAACLAB_SRC", "RSL_RL_SRC", "BHL_SRC", "BHL_ASSETS_SRC", "BHL_LOWLEVEL_SRC")


def checkout(variable: str) -> Path:
    """The folder of a variable; the calling test is skipped without it."""
    words = shlex.split(os.environ.get(variable, ""))
    for word in words:
        folder = Path(word).expanduser().resolve()
        if folder.is_dir() and has_commits(folder):
            return folder
    pytest.skip(f"{variable} names no checkout" + (f": '{' '.join(words)}'" if words else ""))


def projects() -> list[Path]:
    """Those of TASK_PROJECTS."""
    words = [word for word in os.environ.get("TASK_PROJECTS", "").split(":") if word]
    return [Path(word).expanduser().resolve() for word in words]


def git(folder: Path, *words: str, stdin: str = "", **env: str) -> str:
    """What git prints in a folder, without its last newline."""
    command = ["git", "-c", "safe.directory=*", "-C", str(folder), *words]
    done = subprocess.run(
        command, env={**os.environ, **env}, input=stdin, stdout=subprocess.PIPE, check=True, text=True
    )
    return done.stdout.removesuffix("\n")


def has_commits(folder: Path) -> bool:
    command = ["git", "-c", "safe.directory=*", "-C", str(folder), "rev-parse", "--quiet", "--verify", "HEAD"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def has_object(folder: Path, name: str) -> bool:
    command = ["git", "-c", "safe.directory=*", "-C", str(folder), "cat-file", "-e", name]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


# --- the table -----------------------------------------------------------------------------------


class Table:
    """Rows under headings, in the order in which they were first given."""

    def __init__(self) -> None:
        self._sections: dict[str, list[Mapping[str, str]]] = {}

    def add(self, section: str, row: Mapping[str, object]) -> None:
        """All rows of a section have the same keys, which are the columns."""
        self._sections.setdefault(section, []).append({key: without_folders(str(value)) for key, value in row.items()})

    def markdown(self) -> str:
        """Nothing if there are no rows."""
        if not self._sections:
            return ""
        lines = [f"Run on {datetime.now(timezone.utc):%Y-%m-%d}, this project at {described(ROOT)}."]
        for section, rows in self._sections.items():
            lines += ["", f"## {section}", "", line(rows[0]), line(dict.fromkeys(rows[0], "---"), values=True)]
            lines += [line(row, values=True) for row in rows]
        return "\n".join(lines) + "\n"


def without_folders(text: str) -> str:
    """Where the projects are on this machine is nobody's concern."""
    for folder in projects():
        text = text.replace(str(folder), folder.name)
    return text


def line(row: Mapping[str, str], values: bool = False) -> str:
    cells = row.values() if values else row
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def described(folder: Path) -> str:
    return git(folder, "rev-parse", "--short=12", "HEAD")


def add_source(name: str, folder: Path, commit: str = "HEAD", remark: str = "") -> None:
    """A row of the sources: which commit, of when."""
    found, date = git(folder, "log", "-1", "--format=%H %cs", commit).split()
    TABLE.add("Sources", {"what": name, "commit": found, "date": date, "remark": remark})


TABLE = Table()
