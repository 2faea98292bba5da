"""Whether names, keywords and attributes are in the sources of Isaac Lab's wheel, which are read and not imported.

Not seen: what passes between functions or files, modules named by variables, objects without a role, attributes in a
robot's own functions, `params` of its terms, bases inside of classes, whether what puts an attribute on `self` runs.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ISAAC_LAB = re.compile(r"isaaclab(_\w+)?(\.|$)")
LOCATION = re.compile(r"isaaclab(?!\.tasks$)(_(?!path$)\w+)?(\.\w+)*(:\w+)?")
"""A package, `package.module` or `package.module:name`; isaaclab_path is an option, isaaclab.tasks entry points."""
OTHERS: dict[str, set[str]] = {"Env": {"unwrapped"}, "ABC": set()}
"""Bases from other packages, with what the runners take from them. Any other such base may have anything."""
OPEN = ("InteractiveSceneCfg", "ObservationGroupCfg")
"""Configurations that are made for fields to be added."""


class MissingError(LookupError):
    """A name that is not there; its argument is the full name."""


@dataclass(frozen=True)
class Found:
    """A module, or the statement in one that binds a name."""

    module: str
    node: ast.AST

    def __str__(self) -> str:
        return f"{self.module}.{getattr(self.node, 'name', '')}".rstrip(".")


@dataclass(frozen=True)
class Finding:
    """Something of a source that does not fit."""

    file: str
    line: int
    symbol: str
    problem: str = "is not there"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.symbol} {self.problem}"


parse = functools.cache(ast.parse)
opened = functools.cache(zipfile.ZipFile)


@functools.cache
def packed(wheel: Path, name: str) -> str | None:
    return opened(wheel).read(name).decode() if name in opened(wheel).NameToInfo else None


def last_name(node: ast.AST) -> str:
    """`c` of `a.b.c`."""
    return getattr(node, "attr", getattr(node, "id", ""))


def bound_name(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    return alias.asname or (alias.name if isinstance(node, ast.ImportFrom) else alias.name.partition(".")[0])


def bindings(statements: Iterable[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    """What statements bind when they run, so nothing below `if TYPE_CHECKING`; "*" for all names of a module."""
    for node in statements:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from ((bound_name(node, alias), node) for alias in node.names)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from ((n.id, node) for target in targets for n in ast.walk(target) if isinstance(n, ast.Name))
        elif isinstance(node, (ast.Try, ast.If)) and last_name(getattr(node, "test", node)) != "TYPE_CHECKING":
            for part in (node, *getattr(node, "handlers", [])):
                yield from bindings([*part.body, *getattr(part, "orelse", [])])


@functools.cache
def top_level(tree: ast.Module) -> list[tuple[str, ast.stmt]]:
    return list(bindings(tree.body))


def is_class(found: Found | None) -> bool:
    return found is not None and isinstance(found.node, ast.ClassDef)


class Lab:
    """Finds names in Isaac Lab's wheel, and in packages in other folders; texts in `changed` replace modules."""

    def __init__(self, wheel: Path, folders: Iterable[Path] = (), changed: Mapping[str, str] | None = None) -> None:
        self.wheel, self.folders, self.changed = wheel, list(folders), changed or {}
        self.fields = functools.cache(self._fields)

    def source(self, module: str) -> tuple[str | None, bool]:
        """A module's text, None if there is no such module, and whether it is a package."""
        path = module.replace(".", "/")
        for ending in ("/__init__.py", ".py"):
            text = packed(self.wheel, f"isaaclab/source/{path.partition('/')[0]}/{path}{ending}")
            files = [file for folder in self.folders if (file := folder / f"{path}{ending}").is_file()]
            text = files[0].read_text(encoding="utf-8") if files else text
            if text is not None:
                return self.changed.get(module, text), ending != ".py"
        return self.changed.get(module), False

    def module(self, name: str) -> Found | None:
        """A module; None for one of another package."""
        text, _ = self.source(name)
        if text is None and ISAAC_LAB.match(name):
            raise MissingError(name)
        return None if text is None else Found(name, parse(text))

    def lookup(self, module: str, name: str) -> Found | None:
        """What a name of a module leads to; None if that is another package."""
        found = self.module(module)
        if found is None:
            return None
        pairs = top_level(found.node)
        if name in dict(pairs):
            return self.follow(module, dict(pairs)[name], name)
        for _, star in filter(lambda pair: pair[0] == "*", pairs):
            with contextlib.suppress(MissingError):
                return self.follow(module, star, name)
        if self.source(f"{module}.{name}")[0] is None:
            raise MissingError(f"{module}.{name}")
        return self.module(f"{module}.{name}")

    def follow(self, module: str, statement: ast.stmt, name: str) -> Found | None:
        """What a statement of a module gives to a name."""
        if isinstance(statement, ast.Import):
            alias = next(alias for alias in statement.names if bound_name(statement, alias) == name)
            return self.module(alias.name if alias.asname else name)
        if not isinstance(statement, ast.ImportFrom):
            return Found(module, statement)
        above = module.split(".")[: len(module.split(".")) - statement.level + self.source(module)[1]]
        source = ".".join([*(above if statement.level else ()), *filter(None, [statement.module])])
        name = next((alias.name for alias in statement.names if bound_name(statement, alias) == name), name)
        return self.module(f"{source}.{name}") if source == module else self.lookup(source, name)

    def expression(self, module: str, node: ast.AST) -> Found | None:
        """What a dotted name in a module stands for; None if that cannot be told."""
        if isinstance(node, ast.Attribute):
            owner = self.expression(module, node.value)
            return self.member(owner, node.attr) if owner else None
        with contextlib.suppress(MissingError):  # imports are looked up by themselves
            return self.lookup(module, node.id) if isinstance(node, ast.Name) else None
        return None

    def member(self, owner: Found, name: str) -> Found | None:
        """What a module or a class has under a name."""
        if isinstance(owner.node, ast.Module):
            return self.lookup(owner.module, name)
        fields = self.fields(owner)
        if fields is not None and name not in fields:
            raise MissingError(f"{owner}.{name}")
        return fields[name] if fields else None

    def locate(self, location: str) -> Found | None:
        """`package.module:name.inner`."""
        module, _, path = location.partition(":")
        found = self.module(module)
        for name in filter(None, path.split(".")):
            found = self.member(found, name) if found else None
        return found

    def line(self, cls: Found) -> list[Found | None]:
        """A class and its bases, with None for one that may have anything."""
        found: list[Found | None] = [cls]
        for base in cls.node.bases:
            above = self.expression(cls.module, base)
            if above or last_name(base) not in OTHERS:
                found += self.line(above) if is_class(above) else [None]
        return found

    def _fields(self, cls: Found) -> dict[str, Found] | None:
        """What the bodies of a class and of its bases bind, methods too; None if that cannot be told."""
        line = self.line(cls) if is_class(cls) else [None]
        if None in line:
            return None
        pairs = [(above.module, pair) for above in reversed(line) for pair in bindings(above.node.body)]
        return {name: Found(module, node) for module, (name, node) in pairs}

    def attributes(self, cls: Found) -> set[str]:
        """Those of its objects: also what methods put on `self`."""
        fields, line = self.fields(cls), [above.node for above in self.line(cls) if above]
        assert fields is not None, f"{cls} has a base that may have any attribute"
        stored = [n for above in line for n in ast.walk(above) if isinstance(getattr(n, "ctx", None), ast.Store)]
        put = {n.attr for n in stored if isinstance(n, ast.Attribute) and last_name(n.value) == "self"}
        return put.union(fields, *(OTHERS.get(last_name(base), ()) for above in line for base in above.bases))

    def is_config(self, cls: Found) -> bool:
        """Whether it is a configclass, or derived from one."""
        marks = [mark for above in self.line(cls) if above for mark in above.node.decorator_list]
        return "configclass" in map(last_name, marks)

    def type_of(self, field: Found | None) -> Found | None:
        """The class of a field, by its annotation or else by the call that makes it."""
        parts = [getattr(field.node, part, None) for part in ("annotation", "value")] if field else []
        found = [self.expression(field.module, n.func if isinstance(n, ast.Call) else n) for n in parts]
        return next(filter(is_class, found), None)

    def refuses(self, location: str, count: int, keywords: Iterable[str]) -> str | None:
        """Why a function cannot be called with so many arguments and these keywords, or None."""
        found = self.locate(location)
        args = (self.member(found, "__init__") if is_class(found) else found).node.args
        names = [arg.arg for arg in args.args if arg.arg != "self"]
        if count > len(names):
            return f"takes {len(names)} arguments and is given {count}"
        if unknown := set(keywords) - {*names, *(arg.arg for arg in args.kwonlyargs)}:  # **kwargs would hide it
            return f"takes no argument '{min(unknown)}'"
        lacking = set(names[count : len(names) - len(args.defaults)]) - set(keywords)
        return f"needs the argument '{min(lacking)}'" if lacking else None


class Reader:
    """Looks up what one source takes from Isaac Lab: `findings` do not fit, `taken` is there."""

    def __init__(self, lab: Lab, file: str, text: str, module: str = "") -> None:
        self.lab, self.file, self.nodes, self.module = lab, file, list(ast.walk(parse(text))), module
        self.findings: set[Finding] = set()
        self.taken: set[str] = set()

    def tried(self, node: ast.AST, look: Callable[..., Found | None], *args: object) -> Found | None:
        try:
            found = look(*args)
            self.taken.add(str(found))
            return found
        except MissingError as error:
            self.findings.add(Finding(self.file, node.lineno, error.args[0]))
            return None

    def names(self, constants: Mapping[str, str]) -> None:
        """Imports, strings that are modules of Isaac Lab, and attributes of what import_module() gives."""
        inner = {part for node in self.nodes if isinstance(node, ast.JoinedStr) for part in node.values}
        modules: dict[str, str] = {}
        for node in self.nodes:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                for alias in node.names if node.names[0].name != "*" else []:
                    self.tried(node, self.lab.follow, self.module, node, bound_name(node, alias))
            elif isinstance(node, (ast.Constant, ast.JoinedStr)) and node not in inner:
                if LOCATION.fullmatch(name := string(node, constants) or ""):
                    self.tried(node, self.lab.locate, name)
            elif isinstance(node, ast.Assign) and (name := imported(node.value, constants)):
                modules[last_name(node.targets[0])] = name
        for node in filter(lambda node: isinstance(node, ast.Attribute), self.nodes):
            name = imported(node.value, constants) or modules.get(last_name(node.value), "")
            if ISAAC_LAB.match(name) and self.lab.source(name)[0] is not None:
                self.tried(node, self.lab.lookup, name, node.attr)

    def tasks(self) -> None:
        """Dotted names, keywords of configclasses, their fields, and what __post_init__ assigns to."""
        for node in self.nodes:
            if isinstance(node, ast.Attribute):
                self.tried(node, self.lab.expression, self.module, node)
            elif isinstance(node, ast.Call):
                cls = self.tried(node, self.lab.expression, self.module, node.func)
                fields = self.lab.fields(cls) if is_class(cls) and self.lab.is_config(cls) else None
                for key in node.keywords if fields is not None else []:
                    if key.arg and key.arg not in fields:
                        self.findings.add(Finding(self.file, key.value.lineno, str(cls), f"has no field '{key.arg}'"))
            elif isinstance(node, ast.ClassDef):
                self.tried(node, self._class, Found(self.module, node))

    def _class(self, cls: Found) -> None:
        line = self.lab.line(cls) if self.lab.is_config(cls) else []
        base = next((above for above in line if above and ISAAC_LAB.match(above.module)), None)
        fields = self.lab.fields(base) if base and base.node.name not in OPEN else None
        for name, node in bindings(cls.node.body):
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and fields is not None and name not in fields:
                self.findings.add(Finding(self.file, node.lineno, f"{base}.{name}"))
            for target in ast.walk(node) if name == "__post_init__" and line else []:
                if isinstance(target, ast.Attribute) and isinstance(target.ctx, ast.Store):
                    self.tried(target, self._assigned, cls, *ast.unparse(target).split("."))

    def _assigned(self, cls: Found | None, first: str, *path: str) -> None:
        for name in path if first == "self" else ():
            cls = self.lab.type_of(self.lab.member(cls, name)) if cls else None


def string(node: ast.AST | None, constants: Mapping[str, str]) -> str | None:
    """What a string says, also one of constants."""
    if isinstance(node, ast.JoinedStr):
        parts = [string(part, constants) for part in node.values]
        return None if None in parts else "".join(map(str, parts))
    if isinstance(node, ast.FormattedValue):
        return string(node.value, constants)
    text = constants.get(node.id) if isinstance(node, ast.Name) else getattr(node, "value", None)
    return text if isinstance(text, str) else None


def imported(node: ast.AST, constants: Mapping[str, str]) -> str | None:
    """The name of the module that `import_module(…)` is given."""
    is_import = isinstance(node, ast.Call) and last_name(node.func) == "import_module"
    return string(node.args[0], constants) if is_import else None


def taken_from(node: ast.AST) -> tuple[ast.expr, str] | None:
    """An object and the name of an attribute that is taken from it, also by getattr() and the like."""
    if isinstance(node, ast.Attribute):
        return node.value, node.attr
    asks = isinstance(node, ast.Call) and last_name(node.func) in ("getattr", "hasattr", "setattr")
    name = string(node.args[1], {}) if asks else None
    return (node.args[0], name) if name else None


def scopes(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Functions and methods, and what a module does itself."""
    for node in statements:
        yield from scopes(node.body) if isinstance(node, ast.ClassDef) else [node]


def role(node: ast.AST, roles: Mapping[str, str]) -> str | None:
    """What an object is, by what it is called; what a call gives is called like the function."""
    if isinstance(node, ast.Name):
        return roles.get(node.id)
    if pair := taken_from(node):
        owner = role(pair[0], roles)
        return roles.get(f"{owner}.{pair[1]}" if owner else pair[1])
    return role(node.func, roles) if isinstance(node, ast.Call) else None


def uses(file: str, text: str, roles: Mapping[str, str]) -> set[Finding]:
    """Each attribute, as `role.attribute`, of objects with a role, which a function can assign to other names."""
    found = set()
    for scope in scopes(parse(text).body):
        nodes, known = list(ast.walk(scope)), dict(roles)
        for node in nodes:
            for target in node.targets if isinstance(node, ast.Assign) else []:
                both = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
                pairs = zip(target.elts, node.value.elts, strict=False) if both else [(target, node.value)]
                known |= {
                    one.id: of for one, value in pairs if isinstance(one, ast.Name) and (of := role(value, known))
                }
        taken = [(node.lineno, *pair) for node in nodes if (pair := taken_from(node))]
        found |= {Finding(file, line, f"{of}.{name}") for line, owner, name in taken if (of := role(owner, known))}
    return found
