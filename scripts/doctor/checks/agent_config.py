"""What the agent configurations of a project ask of rsl_rl, read without importing them.

The rules are those by which runners/learners/rsl_rl (agent.py, config.py) refuses a configuration; what it translates
or drops with a note is none.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

from checks import python_source
from checks.python_source import last_name

NEVER = ""
ENTRY = "rsl_rl_cfg_entry_point"
DEFAULT_TASK = "Velocity-Berkeley-Humanoid-Lite-v0"
ACTIVATIONS = {
    "identity": "2.2.0", "crelu": "2.2.0", "gelu": "3.0.0", "softplus": "3.0.0", "swish": "3.0.0", "mish": "3.0.0",
}  # fmt: skip
"""The first release of each; what is not here, every release has."""
CLASSES = {
    "RslRlPpoActorCriticRecurrentCfg": ("2.0.0", "a recurrent policy"),
    "RslRlDistillationRunnerCfg": (NEVER, "distillation"),
    "RslRlRndCfg": ("2.2.4", "random network distillation"),
    "RslRlSymmetryCfg": ("3.0.1", "symmetry"),
}
EXTENSIONS = {"rnd_cfg": CLASSES["RslRlRndCfg"], "symmetry_cfg": CLASSES["RslRlSymmetryCfg"]}
SWITCHES = {"normalize_advantage_per_mini_batch": "2.2.3", "state_dependent_std": "3.1.1"}
POLICIES = {"ActorCritic": "1.0.2", "ActorCriticRecurrent": "2.0.0"}


@dataclass(frozen=True)
class Need:
    """What one line asks for."""

    line: int
    what: str
    first: str
    """The first release that has it; empty where none has that this project supports."""
    owner: str
    """The class around it."""

    def is_more_than(self, release: str) -> bool:
        """Whether a release lacks it."""
        return self.first == NEVER or _numbers(release) < _numbers(self.first)


def _numbers(release: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", release)[:3]]


def default_classes(files: list[Path]) -> set[str]:
    """The names of the configurations without which a run does not start: the default task's, or that of all tasks."""
    of_task = _classes(files)
    if DEFAULT_TASK in of_task:
        return of_task[DEFAULT_TASK]
    classes = list(of_task.values())
    return set.intersection(*classes) if classes else set()


def other_classes(files: list[Path]) -> set[str]:
    """The names of those that only some tasks have, so that others run without."""
    return set().union(*_classes(files).values()) - default_classes(files)


def _classes(files: list[Path]) -> dict[str, set[str]]:
    """For each task that is registered, the configurations under the usual entry point."""
    of_task: dict[str, set[str]] = {}
    for path in files:
        tree = _parsed(path, ENTRY.encode())
        for node in ast.walk(tree) if tree else ():
            if not isinstance(node, ast.Call) or last_name(node) != "register":
                continue
            found = set(_entries(node))
            if found:
                of_task.setdefault(_id_of(node) or f"{path}:{node.lineno}", set()).update(found)
    return of_task


def _id_of(call: ast.Call) -> str:
    """The task that a call registers, where it is written out."""
    return next(
        (_text(word.value) for word in call.keywords if word.arg == "id"), _text(call.args[0] if call.args else None)
    )


def _entries(call: ast.Call) -> Iterator[str]:
    """The classes that a registration has under the usual entry point."""
    for node in ast.walk(call):
        pairs: list[tuple[str | None, ast.expr]] = []
        if isinstance(node, ast.Dict):
            pairs = [(_text(key), value) for key, value in zip(node.keys, node.values)]
        elif isinstance(node, ast.Call):
            pairs = [(word.arg, word.value) for word in node.keywords]
        yield from (_class_of(value) for key, value in pairs if key == ENTRY)


def _class_of(value: ast.AST) -> str:
    """``Class`` of a name, or of "module:Class", also where that is put together."""
    if isinstance(value, ast.JoinedStr) and value.values:
        value = value.values[-1]
    text = _text(value)
    return text.rpartition(":")[2] if text else last_name(value)


def needs(path: Path) -> Iterator[Need]:
    """All that a file asks for beyond what every release has."""
    tree = _parsed(path, b"RslRl")
    for statement in tree.body if tree else ():
        owner = statement.name if isinstance(statement, ast.ClassDef) else ""
        lines = set()
        for node in ast.walk(statement):
            for line, what, first in _asked(node):
                if (line, what) not in lines:
                    lines.add((line, what))
                    yield Need(line, what, first, owner)


def _parsed(path: Path, word: bytes) -> ast.Module | None:
    try:
        return python_source.parse(path) if word in path.read_bytes() else None
    except OSError:
        return None


def _asked(node: ast.AST) -> Iterator[tuple[int, str, str]]:
    if isinstance(node, ast.ClassDef):
        for base in node.bases:
            if last_name(base) in CLASSES:
                first, what = CLASSES[last_name(base)]
                yield node.lineno, what, first
    elif isinstance(node, ast.Call):
        if last_name(node) in CLASSES:
            first, what = CLASSES[last_name(node)]
            yield node.lineno, what, first
        for word in node.keywords:
            if word.arg is not None:
                yield from _given(word.arg, word.value, last_name(node))
    elif isinstance(node, ast.Assign):
        yield from _given(last_name(node.targets[0]), node.value, "")
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        yield from _given(last_name(node.target), node.value, "")


def _given(key: str, value: ast.expr, caller: str) -> Iterator[tuple[int, str, str]]:
    """A field and its value."""
    text, line = _text(value), value.lineno
    is_distillation = caller.startswith("RslRlDistillation")
    if key in EXTENSIONS and isinstance(value, ast.Dict):
        first, what = EXTENSIONS[key]
        yield line, what, first
    elif key in SWITCHES and isinstance(value, ast.Constant) and value.value is True:
        yield line, key + "=True", SWITCHES[key]
    elif key == "activation" and text.lower() in ACTIVATIONS:
        yield line, f"activation '{text}'", ACTIVATIONS[text.lower()]
    elif key in ("actor_hidden_dims", "critic_hidden_dims") and _has_minus_one(value):
        yield line, key + " with -1", "3.0.0"
    elif key == "class_name" and caller == "RslRlPpoActorCriticCfg" and POLICIES.get(text, NEVER) != "1.0.2":
        yield line, f"the policy '{text}'", POLICIES.get(text, NEVER)
    elif key == "class_name" and caller == "RslRlPpoAlgorithmCfg" and text.rpartition(".")[2] not in ("PPO", ""):
        yield line, f"the algorithm '{text}'", NEVER
    elif key == "optimizer" and text not in ("adam", "") and not is_distillation:
        yield line, f"optimizer '{text}'", "4.0.0"


def _text(node: ast.AST | None) -> str:
    """The value of a text, or nothing."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _has_minus_one(value: ast.AST) -> bool:
    return isinstance(value, (ast.List, ast.Tuple)) and any(
        isinstance(item, ast.UnaryOp) and isinstance(item.op, ast.USub) for item in value.elts
    )
