"""What Python files import and define, told without importing them."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

from checks.files import names_in, text_of

IMPORT_ERRORS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
DEPTH = 5
Function = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True)
class Import:
    """One name that is imported; an empty name where a module is."""

    module: str
    name: str
    line: int
    is_late: bool
    """In a function: only a call fails."""


def parse(path: Path) -> ast.Module | None:
    """The syntax tree, or None where this Python cannot read the file."""
    try:
        return ast.parse(text_of(path))
    except (SyntaxError, ValueError, RecursionError):
        return None


def imports(tree: ast.Module) -> Iterator[Import]:
    """What is imported for sure: not what an if or a try takes care of."""
    yield from _imports(tree.body, is_late=False)


def _imports(body: list[ast.stmt], is_late: bool) -> Iterator[Import]:
    for statement in body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                yield Import(alias.name, "", statement.lineno, is_late)
        elif isinstance(statement, ast.ImportFrom) and statement.level == 0 and statement.module:
            for alias in statement.names:
                yield Import(statement.module, alias.name, statement.lineno, is_late)
        elif isinstance(statement, ast.If):
            if _is_main(statement):
                yield from _imports(statement.body, is_late)
        elif isinstance(statement, ast.Try):
            if not any(_catches_imports(handler) for handler in statement.handlers):
                yield from _imports(statement.body, is_late)
            yield from _imports(statement.finalbody, is_late)
        else:
            late = is_late or isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef))
            yield from _imports(getattr(statement, "body", []), late)


def _is_main(statement: ast.If) -> bool:
    test = statement.test
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def _catches_imports(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or last_name(kind) in IMPORT_ERRORS for kind in kinds)


def last_name(node: ast.AST | None) -> str:
    """``c`` of a.b.c, also where it is called."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


class Packages:
    """What installed packages define. Each module is read once."""

    def __init__(self) -> None:
        self._known: dict[tuple[Path, str], set[str] | None] = {}

    def lacks(self, root: Path, module: str, name: str) -> bool:
        """Whether a package below ``root`` surely has no such module, or no such name in it."""
        if not (root / module.partition(".")[0]).is_dir():
            return False
        path = root.joinpath(*module.split("."))
        if not path.is_dir() and not path.with_name(path.name + ".py").is_file():
            return True
        if name in ("", "*"):
            return False
        there = self.defined(root, module)
        return there is not None and name not in there

    def defined(self, root: Path, module: str, depth: int = 0) -> set[str] | None:
        """The names that a module can be asked for, or None where that cannot be told."""
        key = (root, module)
        if key not in self._known:
            self._known[key] = self._read(root, module, depth)
        return self._known[key]

    def _read(self, root: Path, module: str, depth: int) -> set[str] | None:
        path = root.joinpath(*module.split("."))
        is_package = path.is_dir()
        file = path / "__init__.py" if is_package else path.with_name(path.name + ".py")
        names = {name.partition(".")[0] for name in names_in(path)} if is_package else set()
        if is_package and not file.is_file():
            return names
        tree = parse(file)
        if tree is None or depth > DEPTH:
            return None
        package = module if is_package else module.rpartition(".")[0]
        for name, source in _bound(tree.body):
            if name != "*":
                names.add(name)
                continue
            whole = _absolute(source, package)
            is_own = whole.partition(".")[0] == module.partition(".")[0]
            more = self.defined(root, whole, depth + 1) if is_own else None
            if more is None:
                return None
            names |= more
        return None if "__getattr__" in names else names


def _bound(body: list[ast.stmt]) -> Iterator[tuple[str, ast.ImportFrom | None]]:
    """Names that statements bind at the top of a module; a star with its statement."""
    for statement in body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield statement.name, None
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            source = statement if isinstance(statement, ast.ImportFrom) else None
            for alias in statement.names:
                yield alias.asname or (alias.name if source else alias.name.partition(".")[0]), source
        elif isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for node in [found for target in targets for found in ast.walk(target)]:
                if isinstance(node, ast.Name):
                    yield node.id, None
        for part in ("body", "orelse", "finalbody", "handlers"):
            if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                for inner in getattr(statement, part, []):
                    yield from _bound(inner.body if isinstance(inner, ast.ExceptHandler) else [inner])


def _absolute(source: ast.ImportFrom | None, package: str) -> str:
    """The module that a star comes from."""
    if source is None or source.level == 0:
        return (source.module or "") if source else ""
    parts = package.split(".")
    base = parts[: len(parts) - source.level + 1]
    return ".".join(base + ([source.module] if source.module else []))
