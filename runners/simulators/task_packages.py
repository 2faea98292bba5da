"""TASK_PACKAGE: packages of the user's that register tasks when they are imported. Standard library only."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

from runners.errors import UserError

BEFORE_2_0 = ("omni.isaac.lab", "omni.isaac.orbit")
"""What Isaac Lab was called up to 1.4; since 2.0 omni.isaac.lab_tasks is isaaclab_tasks, and so on."""


def resolve(text: str | None) -> list[str]:
    """Names of modules, for names and folders joined by commas; what a folder's import needs is put on sys.path.

    Raises:
        UserError: a folder that is no package.
    """
    return [_from_folder(word) if "/" in word else word for word in (text or "").split(",") if word]


def recorded(text: str | None) -> str | None:
    """The same for a run's manifest: with folders in full."""
    words = [str(Path(word).resolve()) if "/" in word else word for word in (text or "").split(",") if word]
    return ",".join(words) or None


def _from_folder(word: str) -> str:
    folder = Path(word).expanduser().resolve()
    if not (folder / "__init__.py").is_file():
        raise UserError(f"TASK_PACKAGE '{word}' is no package: it has no __init__.py; name the folder that has it")
    names = [folder.name]
    while (folder.parent / "__init__.py").is_file():
        folder = folder.parent
        names.insert(0, folder.name)
    if str(folder.parent) not in sys.path:
        sys.path.insert(0, str(folder.parent))
    return ".".join(names)


def load(packages: Iterable[str]) -> None:
    """Import packages, which registers their tasks. The traceback of one that fails goes to the log.

    Raises:
        UserError: one of them cannot be imported.
    """
    for package in packages:
        try:
            importlib.import_module(package)
        except Exception as error:
            traceback.print_exc()
            why = _why(error, package)
            raise UserError(f"tasks of '{package}' cannot be loaded: {type(error).__name__}: {why}") from error


def _why(error: Exception, package: str) -> str:
    line = (str(error).strip().splitlines() or [""])[0]
    missing = getattr(error, "name", None) or ""
    if isinstance(error, ImportError) and missing.startswith(BEFORE_2_0):
        return f"{line}; it is written for Isaac Lab before 2.0, where isaaclab was called omni.isaac.lab"
    if isinstance(error, ModuleNotFoundError) and f"{package}.".startswith(f"{missing}."):
        return f"{line}; give its folder: TASK_PACKAGE=/path/to/{package.rpartition('.')[2]}"
    return line
