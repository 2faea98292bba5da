"""Looks at files that may be missing, unreadable or not at all what they should be."""

from __future__ import annotations

from pathlib import Path


def text(path: Path) -> str:
    """A small file; empty where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


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
