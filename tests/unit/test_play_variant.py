"""Playing: flat ground, held commands, on the configurations of Isaac Lab's kind and of mjlab's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from runners.simulators import play_variant


def terrain_levels_vel() -> None: ...


def reset_root_state_from_terrain() -> None: ...


def push() -> None: ...


class TerrainBasedPose2dCommandCfg(SimpleNamespace):
    pass


def make(kind: type, commands: dict[str, Any] | None = None, events: dict[str, Any] | None = None) -> SimpleNamespace:
    """A rough task, its managers' terms in objects or in dicts."""
    group = dict if kind is dict else SimpleNamespace
    terrain = SimpleNamespace(terrain_type="generator", terrain_generator=object(), max_init_terrain_level=5)
    velocity = SimpleNamespace(resampling_time_range=(10.0, 10.0))
    levels, other = SimpleNamespace(func=terrain_levels_vel), SimpleNamespace(func=push)
    return SimpleNamespace(
        scene=SimpleNamespace(terrain=terrain),
        commands=group(**(commands or {"base_velocity": velocity})),
        events=group(**(events or {"push": other})),
        curriculum=group(terrain_levels=levels, push=other),
    )


@pytest.mark.parametrize("kind", [object, dict])
def test_generated_terrain_becomes_a_plane(kind: type) -> None:
    cfg = make(kind)
    assert play_variant.flatten(cfg) == ["on flat ground; TERRAIN=task plays on the task's own"]
    terrain, curriculum = cfg.scene.terrain, cfg.curriculum if kind is dict else vars(cfg.curriculum)
    assert (terrain.terrain_type, terrain.terrain_generator, terrain.max_init_terrain_level) == ("plane", None, None)
    assert curriculum.get("terrain_levels") is None and curriculum["push"].func is push
    assert play_variant.flatten(cfg) == []


def test_a_direct_environment_has_its_terrain_at_the_top() -> None:
    cfg = SimpleNamespace(scene=SimpleNamespace(), terrain=make(object).scene.terrain)
    assert play_variant.flatten(cfg) and cfg.terrain.terrain_type == "plane"
    play_variant.hold_commands(cfg)


@pytest.mark.parametrize(
    "terms",
    [
        {"commands": {"pose": TerrainBasedPose2dCommandCfg(resampling_time_range=(8.0, 8.0))}},
        {"events": {"pose": SimpleNamespace(func=reset_root_state_from_terrain)}},
    ],
)
def test_terrain_that_is_needed_stays(terms: dict[str, Any]) -> None:
    cfg = make(dict, **terms)
    assert play_variant.flatten(cfg) == ["on the task's own terrain, which 'pose' needs"]
    assert cfg.scene.terrain.terrain_type == "generator" and "terrain_levels" in cfg.curriculum


@pytest.mark.parametrize("kind", [object, dict])
def test_commands_are_held(kind: type) -> None:
    cfg = make(kind)
    play_variant.hold_commands(cfg)
    (velocity,) = (cfg.commands if kind is dict else vars(cfg.commands)).values()
    assert velocity.resampling_time_range == (1e9, 1e9)
