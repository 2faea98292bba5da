"""Configurations as plain data."""

from __future__ import annotations

import enum
import functools
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import yaml

from runners.plain import dump, flatten, to_plain


class Kind(enum.IntEnum):
    A = 1


@dataclass
class Config:
    func: object = print
    kind: Kind = Kind.A
    path: Path = Path("a/b")
    numbers: tuple[float, ...] = (1.0, 2.0)
    array: object = field(default_factory=lambda: np.arange(2))
    tensor: object = field(default_factory=lambda: torch.ones(2))
    patterns: dict[str, float] = field(default_factory=lambda: {".*_hip": 0.5})
    partial: object = functools.partial(print, 1, end="")
    thing: object = field(default_factory=object)


def test_everything_becomes_safe_yaml() -> None:
    loaded = yaml.safe_load(dump(Config()))
    assert loaded == {
        "func": "builtins:print",
        "kind": "A",
        "path": "a/b",
        "numbers": [1.0, 2.0],
        "array": [0, 1],
        "tensor": [1.0, 1.0],
        "patterns": {".*_hip": 0.5},
        "partial": {"partial": "builtins:print", "args": [1], "keywords": {"end": ""}},
        "thing": "builtins:object",
    }


def test_flat_keys_may_contain_dots() -> None:
    flat = flatten(to_plain(Config()))
    assert flat["patterns", ".*_hip"] == 0.5
    assert flat[("numbers",)] == [1.0, 2.0]
