"""Looks at files that may be missing, unreadable or not at all what they should be."""

from __future__ import annotations

from pathlib import Path


def text_of(path: Path, limit: int = 1_000_000) -> str:
    """A file's text, as much as the limit; nothing where it cannot be read."""
    try:
        with open(str(path), encoding="utf-8", errors="surrogateescape") as stream:
            return stream.read(limit)
    except OSError:
        return ""


def names_in(folder: Path) -> list[str]:
    """What is in a folder, sorted; nothing where it cannot be read."""
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError:
        return []


def is_there(path: Path) -> bool:
    """Whether a path leads to something that this user may see."""
    try:
        return path.exists()
    except OSError:
        return False


def matching(folder: Path, pattern: str) -> list[Path]:
    """What in a folder fits a pattern, sorted; nothing where it cannot be looked into."""
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []
