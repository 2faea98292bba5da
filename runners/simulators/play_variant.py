"""A training environment's configuration made fit for being looked at. Isaac Lab's and mjlab's are alike in this."""

from __future__ import annotations

from typing import Any

HELD_S = 1e9


def hold_commands(cfg: Any) -> None:
    """Let every command last as long as the episode. Direct environments have no managed ones."""
    for _, term in _terms(getattr(cfg, "commands", None)):
        if hasattr(term, "resampling_time_range"):
            term.resampling_time_range = (HELD_S, HELD_S)


def flatten(cfg: Any) -> list[str]:
    """Put a plane in the place of generated terrain, and say what that did; nothing where there is none.

    A term that reads the terrain's patches, which a plane does not have, keeps it as it is.
    """
    terrain = getattr(cfg.scene, "terrain", None) or getattr(cfg, "terrain", None)
    if terrain is None or terrain.terrain_type != "generator":
        return []
    needing = [name for name, term in _terms(getattr(cfg, "commands", None)) if "Terrain" in type(term).__name__]
    needing += [name for name, term in _terms(getattr(cfg, "events", None)) if "terrain" in _function(term)]
    if needing:
        return [f"on the task's own terrain, which '{needing[0]}' needs"]
    terrain.terrain_type, terrain.terrain_generator, terrain.max_init_terrain_level = "plane", None, None
    curriculum = getattr(cfg, "curriculum", None)
    for name, term in _terms(curriculum):
        if "terrain" in _function(term):
            _drop(curriculum, name)
    return ["on flat ground; TERRAIN=task plays on the task's own"]


def _terms(group: Any) -> list[tuple[str, Any]]:
    """The terms of a manager's configuration: mjlab's are dicts, Isaac Lab's are objects."""
    items = group if isinstance(group, dict) else vars(group) if group is not None else {}
    return [(name, term) for name, term in items.items() if term is not None]


def _drop(group: Any, name: str) -> None:
    if isinstance(group, dict):
        del group[name]
    else:
        setattr(group, name, None)


def _function(term: Any) -> str:
    return str(getattr(getattr(term, "func", None), "__name__", ""))
