"""Configuration objects as plain data: what ``params/*.yaml`` holds and what two runs compare."""

from __future__ import annotations

import dataclasses
import enum
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def to_plain(value: Any, of_enum: str = "name") -> Any:
    """Return ``value`` as dicts, lists and scalars that safe YAML can write.

    Functions and classes become "module:name", dataclasses and other config objects become dicts, members of an enum
    their name, or what else ``of_enum`` says.
    """
    again = functools.partial(to_plain, of_enum=of_enum)
    # a field that Isaac Lab's configs leave unset; they copy the object, so it is not the one
    if isinstance(value, type(dataclasses.MISSING)):
        return None
    if value is None or (isinstance(value, (bool, int, float, str)) and not isinstance(value, enum.Enum)):
        return value
    if isinstance(value, enum.Enum):
        return getattr(value, of_enum)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: again(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): again(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [again(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((again(item) for item in value), key=str)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, slice):
        return [value.start, value.stop, value.step]
    if isinstance(value, functools.partial):
        return {"partial": again(value.func), "args": again(value.args), "keywords": again(value.keywords)}
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}:{value.__qualname__}"
    if hasattr(value, "tolist"):  # numpy, torch
        return again(value.tolist())
    return f"{type(value).__module__}:{type(value).__qualname__}"


def flatten(value: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Return ``{path: scalar or list}`` of nested dicts. Keys may contain dots (patterns do), so paths are tuples."""
    if not isinstance(value, dict) or not value:
        return {path: value}
    flat: dict[tuple[str, ...], Any] = {}
    for key, item in value.items():
        flat.update(flatten(item, (*path, str(key))))
    return flat


def dump(value: Any) -> str:
    """Return ``value`` as YAML."""
    import yaml

    return yaml.safe_dump(to_plain(value), sort_keys=False, allow_unicode=True)
