"""``env.scene.num_envs=64 agent.algorithm.learning_rate=3e-4``: any field of the two configurations.

Works on dataclasses (mjlab's configs, Isaac Lab's configclasses), dicts and lists. A key that does not exist
and a value of another type are refused: a misspelt override must never train with the default.
"""

from __future__ import annotations

import ast
import collections.abc
import dataclasses
import enum
import inspect
import math
import re
import shlex
import sys
import types
import typing
from pathlib import Path
from typing import Any, NamedTuple

from runners.errors import UsageError, nearest
from runners.plain import to_plain

WORDS = {"true": True, "false": False, "none": None, "null": None, "inf": math.inf, "-inf": -math.inf}


class Args(NamedTuple):
    """What ARGS is made of."""

    fields: list[str]
    """``env.field=value`` and ``agent.field=value``."""
    flags: list[str]
    """The simulator's own flags, with their values."""


def split(text: str | None) -> Args:
    """Split ARGS like a shell does.

    Raises:
        UsageError: an unbalanced quote, or a word that is neither ``key=value`` nor belongs to a flag.
    """
    try:
        words = shlex.split(text or "")
    except ValueError as error:
        raise UsageError(f"ARGS '{text}' cannot be read: {error}".lower().replace("args", "ARGS", 1)) from None
    args = Args([], [])
    for word in words:
        if re.match(r"(env|agent)\.[^=]*=", word):
            args.fields.append(word)
        elif word.startswith("-") or (args.flags and "=" not in args.flags[-1] and args.flags[-1].startswith("-")):
            args.flags.append(word)
        else:
            raise UsageError(f"ARGS '{word}' is not of the form env.field=value or agent.field=value")
    return args


def apply(configs: Any, words: list[str]) -> None:
    """Set each ``env.…=value`` or ``agent.…=value`` in ``configs.env`` or ``configs.agent``.

    Raises:
        UsageError: an unknown field (with the nearest), or a value of the wrong type.
    """
    for word in words:
        key, _, text = word.partition("=")
        if "${" in text:
            raise UsageError(
                f"ARGS '{word}': '${{' is a reference of Hydra's, which is not followed here; give the value"
            )
        root, *path = key.split(".")
        _merge(getattr(configs, root), path, parse(text), root)


def _merge(config: Any, path: list[str], value: Any, root: str) -> None:
    """Set a field; of a table, as Hydra does, only those fields that it names."""
    current, where = config, root
    for name in path if isinstance(value, dict) else ():
        current = _get(current, name, where)
        where = f"{where}.{name}"
    if isinstance(value, dict) and value and _fields(current):
        for key, item in value.items():
            _merge(config, [*path, str(key)], item, root)
    else:
        set_field(config, path, value, root)


def parse(text: str) -> Any:
    """Read a value as Python or Hydra writes it: ``[a,b]`` and ``{a: 1}`` too; anything else is a string."""
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return _flow(text) if text[:1] in ("[", "{") else text


def _flow(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def set_field(config: Any, path: list[str], value: Any, root: str) -> None:
    """Set the field at ``path`` below ``config`` (called ``root``), converted to the field's type.

    Raises:
        UsageError: see :func:`apply`.
    """
    parent, where = config, root
    for name in path[:-1]:
        parent = _get(parent, name, where)
        where = f"{where}.{name}"
        if parent is None or isinstance(parent, (bool, int, float, str)):
            raise UsageError(f"ARGS '{root}.{'.'.join(path)}': '{where}' has no fields; its value is {parent!r}")
    name = path[-1]
    current = _get(parent, name, where)
    if value is None and len(path) > 1 and _may_go(parent, name, current):
        converted = None
    else:
        converted = _convert(value, _hint(parent, name), current, f"{where}.{name}")
    if isinstance(parent, dict):
        parent[name] = converted
    elif isinstance(parent, list):
        parent[int(name)] = converted
    elif isinstance(parent, tuple):
        raise UsageError(f"ARGS '{where}.{name}': give the whole tuple, for instance {where}={parent!r}")
    else:
        setattr(parent, name, converted)


def _fields(parent: Any) -> list[str]:
    if isinstance(parent, dict):
        return [str(key) for key in parent]
    if isinstance(parent, (list, tuple)):
        return [str(index) for index in range(len(parent))]
    if dataclasses.is_dataclass(parent):
        return [f.name for f in dataclasses.fields(parent)]
    return [name for name in vars(parent) if not name.startswith("_")] if hasattr(parent, "__dict__") else []


def _get(parent: Any, name: str, where: str) -> Any:
    known = _fields(parent)
    if name not in known:
        listed = ", ".join(known[:20]) + (" and more" if len(known) > 20 else "")
        what = f"'{where}' has no field '{name}'{nearest(name, known)}"
        raise UsageError(f"ARGS '{where}.{name}': {what}; it has {listed or 'no fields'}")
    if isinstance(parent, dict):
        return parent[name]
    if isinstance(parent, (list, tuple)):
        return parent[int(name)]
    return getattr(parent, name)


def _may_go(parent: Any, name: str, current: Any) -> bool:
    """Whether null takes a part away: a term of a manager, a sensor of the scene; or it is away already."""
    if callable(current) or isinstance(current, (bool, int, float, str, list, tuple, dict)):
        return False
    if current is None:
        return isinstance(_hint(parent, name), type) and dataclasses.is_dataclass(_hint(parent, name))
    return dataclasses.is_dataclass(current)


def _hint(parent: Any, name: str) -> Any:
    """The field's annotation. Isaac Lab's classes repeat those of their bases, whose names only their modules know."""
    for cls in inspect.getmro(type(parent)) if dataclasses.is_dataclass(parent) else ():
        if name not in vars(cls).get("__annotations__", {}):
            continue
        alone = type(cls.__name__, (), {"__annotations__": {name: vars(cls)["__annotations__"][name]}})
        module = vars(sys.modules.get(cls.__module__, typing))
        try:
            return typing.get_type_hints(alone, module, dict(vars(cls))).get(name, Any)
        except (NameError, TypeError, AttributeError):  # names imported under TYPE_CHECKING only
            continue
    return Any


def _convert(value: Any, hint: Any, current: Any, key: str) -> Any:
    if hint is Any or _unwieldy(hint):
        hint = _hint_of_value(current)
    if callable(current) and value is not None:
        raise UsageError(f"ARGS '{key}': it is a function, which cannot be given here")
    try:
        return fit(value, hint)
    except WrongTypeError:
        wanted = words_for(hint)
        raise UsageError(f"ARGS '{key}': {value!r} is not {wanted}; the value now is {to_plain(current)!r}") from None


class WrongTypeError(Exception):
    """A value that is not of a hint's type."""


def _unwieldy(hint: Any) -> bool:
    """Hints that say nothing about a plain value: MISSING-able config classes, TypeVars, strings."""
    return isinstance(hint, (str, typing.TypeVar, typing.ForwardRef))


def _hint_of_value(current: Any) -> Any:
    if current is None or callable(current) or isinstance(current, type(dataclasses.MISSING)):
        return Any
    return type(current)


def fit(value: Any, hint: Any) -> Any:
    """Return ``value`` as ``hint`` wants it, or raise. Only lossless conversions are made."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any or hint is object:
        return value
    if origin in (typing.Union, types.UnionType):
        return _fit_any(value, args)
    if origin is typing.Literal:
        if value in args and type(value) in {type(a) for a in args}:
            return value
        raise WrongTypeError
    if hint is None or hint is type(None):
        if value is None:
            return None
        raise WrongTypeError
    if origin in (tuple, list) or hint in (tuple, list):
        return _fit_sequence(value, origin or hint, args)
    if origin is dict or hint is dict:
        if isinstance(value, dict):
            key_hint, item_hint = args or (Any, Any)
            return {fit(k, key_hint): fit(v, item_hint) for k, v in value.items()}
        raise WrongTypeError
    return _fit_scalar(value, hint)


def _fit_any(value: Any, hints: tuple[Any, ...]) -> Any:
    exact = [h for h in hints if isinstance(h, type) and type(value) is h]
    for hint in exact + list(hints):
        try:
            return fit(value, hint)
        except WrongTypeError:
            continue
    raise WrongTypeError


def _fit_sequence(value: Any, kind: type, args: tuple[Any, ...]) -> Any:
    if not isinstance(value, (list, tuple)):
        raise WrongTypeError
    if kind is tuple and args and args[-1] is not Ellipsis:
        if len(args) != len(value):
            raise WrongTypeError
        return tuple(fit(item, hint) for item, hint in zip(value, args, strict=True))
    item_hint = args[0] if args else Any
    return kind(fit(item, item_hint) for item in value)


def _fit_scalar(value: Any, hint: Any) -> Any:
    if not isinstance(hint, type):
        if typing.get_origin(hint) is collections.abc.Callable:
            raise WrongTypeError
        return value
    if issubclass(hint, enum.Enum):
        if isinstance(value, str) and value in hint.__members__:
            return hint[value]
        try:
            return hint(value)
        except ValueError:
            raise WrongTypeError from None
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is str and isinstance(value, (int, float, bool)):
        raise WrongTypeError
    if issubclass(hint, Path) and isinstance(value, str):
        return hint(value)
    if isinstance(value, bool) and hint in (int, float):
        raise WrongTypeError
    if isinstance(value, hint):
        return value
    raise WrongTypeError


def words_for(hint: Any) -> str:
    """Name a type for the user."""
    if typing.get_origin(hint) is typing.Literal:
        return "one of " + ", ".join(repr(arg) for arg in typing.get_args(hint))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return "one of " + ", ".join(hint.__members__)
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    return names.get(hint) or f"of type {str(hint) if typing.get_origin(hint) else getattr(hint, '__name__', hint)}"
