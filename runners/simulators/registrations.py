"""Ids of tasks, read from the calls that register them in a package's sources. Nothing is imported."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path

from runners.errors import UserError


def source_of(module: str, simulator: str) -> Path:
    """Where a module's source lies; the ``__init__.py`` of a package.

    Raises:
        UserError: its package is not installed.
    """
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)  # of a submodule it would import the parents
    if spec is None or spec.origin is None:
        raise UserError(
            f"package '{top}' is not installed; run: make setup SIM={simulator}, or name its folder in TASK_PACKAGE"
        )
    path = Path(spec.origin).parent.joinpath(*rest)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def files_below(source: Path) -> list[Path]:
    """All sources of a package, given its ``__init__.py``; of another module only its own."""
    return sorted(source.parent.rglob("*.py")) if source.name == "__init__.py" else [source]


def ids(files: Iterable[Path], function: str, keyword: str) -> Iterator[str]:
    """Find ``function(keyword="id")`` and ``function("id")`` in source files."""
    for file in files:
        source = file.read_text(encoding="utf-8")
        if function not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", getattr(node.func, "attr", "")) != function:
                continue
            task = next((k.value for k in node.keywords if k.arg == keyword), node.args[0] if node.args else None)
            if isinstance(task, ast.Constant) and isinstance(task.value, str):
                yield task.value
