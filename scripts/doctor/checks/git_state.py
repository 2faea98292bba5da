"""What a git checkout is on. Nothing is written, and git itself is asked only for local changes."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from checks.files import text_of
from finding import Place

LIMIT = 5
HASH = re.compile(r"[0-9a-f]{40,64}")


def head(folder: Path) -> str | None:
    """The commit that is checked out, or None where that cannot be told."""
    git = _git_folder(folder)
    word = text_of(git / "HEAD").strip()
    if not word.startswith("ref: "):
        return word if HASH.fullmatch(word) else None
    name = word[len("ref: ") :]
    common = git / (text_of(git / "commondir").strip() or ".")
    loose = text_of(common / name).strip()
    if HASH.fullmatch(loose):
        return loose
    packed = re.search(rf"^({HASH.pattern}) {re.escape(name)}$", text_of(common / "packed-refs"), re.MULTILINE)
    return packed.group(1) if packed else None


def changed(folder: Path, place: Place) -> list[str]:
    """The tracked files with local changes, as git names them; none where git does not answer."""
    command = ["git", "-C", str(folder), "status", "--porcelain", "--untracked-files=no"]
    kept = {key: value for key, value in place.env.items() if not key.startswith("GIT_")}
    # without it, git status writes what it has learned into the index
    environment = {"PATH": os.defpath, **kept, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=LIMIT, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [line[3:] for line in done.stdout.decode("utf-8", "replace").splitlines()]


def _git_folder(folder: Path) -> Path:
    """The folder .git, or the one that a file .git names, as in a submodule or a worktree."""
    git = folder / ".git"
    if git.is_dir():
        return git
    return folder / text_of(git).replace("gitdir:", "", 1).strip()
