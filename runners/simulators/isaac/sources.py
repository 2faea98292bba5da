"""Which packages register tasks, and which of their sources an import of them would load. Nothing is imported."""

from __future__ import annotations

import ast
import os
from pathlib import Path

from runners.errors import UserError
from runners.simulators import registrations
from runners.simulators.isaac.launcher import REPAIR, lab_folder

TASKS = "isaaclab_tasks"


def always_loaded() -> list[str]:
    """Modules that register tasks when they are imported: Isaac Lab's, and those that set-up has installed."""
    return [TASKS, *filter(None, os.environ.get("ISAAC_TASK_PACKAGES", "").split(":"))]


def imported_files(package: str) -> list[Path]:
    """The sources that importing a package with tasks loads.

    isaaclab_tasks.utils.import_packages passes over names that contain a word of ``_BLACKLIST_PKGS``.

    Raises:
        UserError: the package is not there.
    """
    lab_source = lab_folder() / "source" / package / package / "__init__.py"
    source = lab_source if lab_source.is_file() else registrations.source_of(package, "isaac")
    if not source.is_file():
        raise UserError(f"package '{package}' has no '{source}'; {REPAIR}")
    words = passed_over(source)
    named = {
        file: ".".join((package, *file.relative_to(source.parent).with_suffix("").parts))
        for file in registrations.files_below(source)
    }
    return [file for file, name in named.items() if not any(word in name for word in words)]


def passed_over(source: Path) -> list[str]:
    """The list ``_BLACKLIST_PKGS`` of a module's source; empty without one."""
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_BLACKLIST_PKGS":
            words: list[str] = ast.literal_eval(node.value)
            return words
    return []
