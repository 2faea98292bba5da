"""Names of Isaac Lab and rsl_rl that a Python file uses and the installed releases do not have."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator

from checks import python_source
from checks.python_source import Import, Packages, last_name
from finding import Place

# before a file is parsed, for most hold none of these; a search for all at once would be a second slower
IMPORTS = (
    *(b"omni.isaac.lab", b"omni.isaac.orbit", b"isaaclab_tasks.utils.wrappers", b"isaaclab_rl.rsl_rl"),
    *(b"from rsl_rl", b"import rsl_rl", b"dump_pickle", b"load_pickle"),
)
ATTRIBUTES = (b"alg.policy", b"alg.actor_critic", b".obs_normalizer", b".get_observations(")
ENDINGS = (b"app.close",)
RENAMED = re.compile(r"omni\.isaac\.(?:lab|orbit)(?:_\w+)?(?:\.|$)")
LEARNS = re.compile(r"\.learn\(|\bgym\.make\(|\b\w*Runner\(")


@dataclass(frozen=True)
class Use:
    """One place in a file."""

    id: str
    line: int
    text: str
    is_late: bool = False


def uses(path: Path, place: Place, packages: Packages) -> Iterator[Use]:
    """All such places of a file."""
    try:
        source = path.read_bytes()
    except OSError:
        return
    kinds = [any(word in source for word in words) for words in (IMPORTS, ATTRIBUTES, ENDINGS)]
    tree = python_source.parse(path) if any(kinds) else None
    if tree is None:
        return
    text = source.decode("utf-8", "replace")
    if kinds[0]:
        yield from imports(tree, place, packages)
    if kinds[1]:
        yield from attributes(tree, text, place)
    if kinds[2] and LEARNS.search(text):
        yield from endings(tree)


def imports(tree: ast.Module, place: Place, packages: Packages) -> Iterator[Use]:
    """What cannot be imported any more."""
    for one in python_source.imports(tree):
        name = old_import(one, place, packages)
        if name:
            text = f"from {one.module} import {one.name}" if one.name else "import " + one.module
            yield Use(name, one.line, text, one.is_late)


def old_import(one: Import, place: Place, packages: Packages) -> str:
    """The id of what is wrong with an import, or nothing."""
    if RENAMED.match(one.module + "."):
        return "omni-isaac-lab-renamed"
    below = _below(one.module)
    if below("isaaclab_tasks.utils.wrappers"):
        return "task-wrappers-moved" if packages.lacks(_lab(place, "isaaclab_tasks"), one.module, "") else ""
    if below("isaaclab.utils.io") and one.name in ("dump_pickle", "load_pickle"):
        return "dump-pickle-removed" if packages.lacks(_lab(place, "isaaclab"), one.module, one.name) else ""
    if below("isaaclab_rl.rsl_rl"):
        return "isaaclab-rl-too-old" if packages.lacks(_lab(place, "isaaclab_rl"), one.module, one.name) else ""
    if below("rsl_rl"):
        return "rsl-class-import-gone" if packages.lacks(place.isaac_site, one.module, one.name) else ""
    return ""


def _below(module: str) -> Callable[[str], bool]:
    return lambda package: module == package or module.startswith(package + ".")


def _lab(place: Place, package: str) -> Path:
    return place.lab / "source" / package


def attributes(tree: ast.Module, text: str, place: Place) -> Iterator[Use]:
    """What moved from one attribute to another; a file that knows both names chooses for itself."""
    network, others = _network(place.rsl_rl)
    knows_both = re.search(rf"\b{network}\b", text) is not None
    is_learner = "rsl_rl" in text
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in others and last_name(node.value) == "alg":
            if not knows_both:
                yield Use("rsl-alg-policy-attribute", node.lineno, "alg." + node.attr)
        elif isinstance(node, ast.Attribute) and node.attr == "obs_normalizer" and isinstance(node.ctx, ast.Load):
            if is_learner and last_name(node.value) != "self" and not _is_asked_for(text, "obs_normalizer"):
                yield Use("rsl-normalizer-moved", node.lineno, ".obs_normalizer")
        elif is_learner and _unpacks_observations(node):
            yield Use("rsl-normalizer-moved", node.lineno, "obs, _ = env.get_observations()")  # type: ignore[attr-defined]


def _network(release: str) -> tuple[str, list[str]]:
    """Where the algorithm of a release has its network, and where others have it."""
    numbers = [int(number) for number in re.findall(r"\d+", release)[:2]]
    if numbers < [2, 3]:
        return "actor_critic", ["policy"]
    return ("policy", ["actor_critic"]) if numbers < [4, 0] else ("actor", ["actor_critic", "policy"])


def _is_asked_for(text: str, name: str) -> bool:
    """Whether a file looks first, by hasattr or getattr."""
    return re.search(r"(?:has|get)attr\([^()\n]{1,80}['\"]" + name, text) is not None


def _unpacks_observations(node: ast.AST) -> bool:
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
        return False
    target = node.targets[0]
    return isinstance(target, ast.Tuple) and len(target.elts) == 2 and last_name(node.value.func) == "get_observations"


def endings(tree: ast.Module) -> Iterator[Use]:
    """Where a script closes Isaac Sim, which ends the process with 0, also after an exception."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Try):
            for line in [line for statement in node.finalbody for line in _closings(statement)]:
                yield Use("failed-run-exits-zero", line, "simulation_app.close() in finally")
        elif isinstance(node, ast.Call) and last_name(node) == "register" and any(map(_closes, node.args)):
            yield Use("failed-run-exits-zero", node.lineno, "atexit.register(simulation_app.close)")


def _closings(statement: ast.stmt) -> list[int]:
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call) and _closes(node.func)]
    return [node.lineno for node in calls]


def _closes(node: ast.AST | None) -> bool:
    return (
        isinstance(node, ast.Attribute) and node.attr == "close" and last_name(node.value) in ("simulation_app", "app")
    )
