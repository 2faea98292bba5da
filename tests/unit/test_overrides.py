"""Overrides: any field, in its own type, and nothing that is not a field."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from runners import overrides
from runners.errors import UsageError


class Shape(enum.Enum):
    BOX = 1
    BALL = 2


@dataclass
class Algorithm:
    learning_rate: float = 1e-3
    schedule: Literal["adaptive", "fixed"] = "adaptive"
    clip: float | None = None


@dataclass
class Agent:
    algorithm: Algorithm = field(default_factory=Algorithm)
    seed: int = 42
    dims: tuple[int, ...] = (64, 64)
    pair: tuple[float, float] = (0.0, 1.0)
    normalize: bool = False
    label: str = ""
    shape: Shape = Shape.BOX
    layers: list[int] = field(default_factory=lambda: [1, 2])
    func: Any = print
    hook: Callable[[int], None] | None = None
    extra: dict[str, Any] = field(default_factory=lambda: {"std": 1.0, "kind": "gauss"})


@dataclass
class Configs:
    env: Any
    agent: Agent


def applied(*words: str) -> Agent:
    configs = Configs(env=Algorithm(), agent=Agent())
    overrides.apply(configs, overrides.split(" ".join(words)).fields)
    return configs.agent


def test_types() -> None:
    agent = applied(
        "agent.algorithm.learning_rate=3e-4", "agent.seed=7", "agent.dims=(32,16,8)", "agent.pair=[1,2]",
        "agent.normalize=true", "agent.label=abc", "agent.shape=BALL", "agent.layers.1=9", "agent.extra.std=2",
        "agent.algorithm.schedule=fixed", "agent.algorithm.clip=0.2",
    )  # fmt: skip
    assert agent.algorithm == Algorithm(3e-4, "fixed", 0.2)
    assert (agent.seed, agent.dims, agent.pair, agent.normalize) == (7, (32, 16, 8), (1.0, 2.0), True)
    assert (agent.label, agent.shape, agent.layers, agent.extra["std"]) == ("abc", Shape.BALL, [1, 9], 2.0)
    assert isinstance(agent.extra["std"], float) and isinstance(agent.pair[0], float)


def test_none_is_a_value_of_optional_fields_only() -> None:
    assert applied("agent.algorithm.clip=none").algorithm.clip is None
    with pytest.raises(UsageError, match="None is not a number"):
        applied("agent.algorithm.learning_rate=none")


def test_quotes_and_spaces() -> None:
    assert applied("'agent.label=two words'").label == "two words"
    assert applied("agent.dims='(1, 2)'").dims == (1, 2)


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("agent.sead=7", ["'agent' has no field 'sead'", "did you mean 'seed'?"]),
        ("agent.algorithm.lerning_rate=1", ["'agent.algorithm' has no field", "'learning_rate'"]),
        ("agent.extra.sdt=1", ["'agent.extra' has no field 'sdt'", "'std'"]),
        ("agent.seed=1.5", ["1.5 is not a whole number", "now is 42"]),
        ("agent.seed=True", ["True is not a whole number"]),
        ("agent.seed=seven", ["'seven' is not a whole number"]),
        ("agent.normalize=1", ["1 is not true or false"]),
        ("agent.algorithm.schedule=linear", ["'linear'", "'adaptive', 'fixed'"]),
        ("agent.shape=CONE", ["one of BOX, BALL"]),
        ("agent.dims=64", ["64 is not of type tuple[int, ...]"]),
        ("agent.dims=(1,'a')", ["is not of type"]),
        ("agent.pair=(1,2,3)", ["is not of type"]),
        ("agent.label=5", ["5 is not a text"]),
        ("agent.extra.std=wide", ["'wide' is not a number"]),
        ("agent.func=os:system", ["it is a function"]),
        ("agent.hook=os:system", ["'os:system' is not"]),
        ("agent.layers.7=1", ["'agent.layers' has no field '7'"]),
        ("agent.seed.x=1", ["'agent.seed' has no fields"]),
        ("agent=3", ["not of the form"]),
        ("algorithm.seed=3", ["not of the form"]),
        ("agent.seed", ["not of the form"]),
        ("agent.label='open", ["cannot be read"]),
    ],
)
def test_refused(word: str, words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        applied(word)
    for part in words:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_values_are_never_evaluated() -> None:
    assert overrides.parse("__import__('os').getcwd()") == "__import__('os').getcwd()"
