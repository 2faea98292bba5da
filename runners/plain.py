"""Configuration objects as plain data: what ``params/*.yaml`` holds and what two runs compare."""

from __future__ import annotations

import dataclasses
import enum
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def to_plain(value: Any) -> Any:
    """Return ``value`` as dicts, lists and scalars that safe YAML can write.

    Functions and classes become "module:name", dataclasses and other config objects become dicts.
    """
    # a field that Isaac Lab's configs leave unset; they copy the object, so it is not the one
    if isinstance(value, type(dataclasses.MISSING)):
        return None
    if value is None or (isinstance(value, (bool, int, float, str)) and not isinstance(value, enum.Enum)):
        return value
    if isinstance(value, enum.Enum):
        return value.name
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((to_plain(item) for item in value), key=str)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, slice):
        return [value.start, value.stop, value.step]
    if isinstance(value, functools.partial):
        return {"partial": to_plain(value.func), "args": to_plain(value.args), "keywords": to_plain(value.keywords)}
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}:{value.__qualname__}"
    if hasattr(value, "tolist"):  # numpy, torch
        return to_plain(value.tolist())
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
