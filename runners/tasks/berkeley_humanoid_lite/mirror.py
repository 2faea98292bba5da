"""Left and right exchanged: a minute of walking is also a minute of its mirror image, for rsl_rl's symmetry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runners.tasks.berkeley_humanoid_lite.robots import BIPED, HUMANOID, Robot

if TYPE_CHECKING:
    import torch
    from tensordict import TensorDict

SAME_SIGN = "hip_pitch", "knee_pitch", "ankle_pitch"
"""The joints whose axes point from one side to the other; all others turn the other way in the mirror."""


@dataclass(frozen=True)
class Part:
    """Some numbers of a vector: for each the place of its mirror image among them, and its sign there."""

    places: tuple[int, ...]
    signs: tuple[float, ...]


COMMAND = Part((0, 1, 2), (1.0, -1.0, -1.0))
"""Forward, to the left, turning left."""
VECTOR = Part((0, 1, 2), (1.0, -1.0, 1.0))
"""x, y, z of a velocity or of gravity."""
RATES = Part((0, 1, 2), (-1.0, 1.0, -1.0))
"""Rates of turning about x, y, z."""
FEET = Part((1, 0), (1.0, 1.0))
"""Left, right."""


def joints(robot: Robot) -> Part:
    """One number for each joint of a robot."""
    other = {"left": "right", "right": "left"}
    partners = ["_".join(other.get(word, word) for word in joint.split("_")) for joint in robot.joints]
    signs = [1.0 if any(part in joint for part in SAME_SIGN) else -1.0 for joint in robot.joints]
    return Part(tuple(map(robot.joints.index, partners)), tuple(signs))


def mirrored(values: torch.Tensor, parts: Sequence[Part]) -> torch.Tensor:
    """The mirror images of vectors made of parts. Shape: (n, size) -> (n, size)."""
    import torch

    places: list[int] = []
    for part in parts:
        places += [len(places) + place for place in part.places]
    signs = torch.tensor([sign for part in parts for sign in part.signs], device=values.device)
    return values[:, places] * signs


def _augmented(
    robot: Robot, obs: TensorDict | None, actions: torch.Tensor | None
) -> tuple[TensorDict | None, torch.Tensor | None]:
    import torch

    own = joints(robot)
    actor = [COMMAND, RATES, VECTOR, own, own, own]
    groups = {"actor": actor, "critic": [*actor, VECTOR, FEET, FEET, FEET]}
    if obs is not None:
        image = obs.clone()
        for name, parts in groups.items():
            image[name] = mirrored(obs[name], parts)
        obs = torch.cat([obs, image])
    if actions is not None:
        actions = torch.cat([actions, mirrored(actions, [own])])
    return obs, actions


def humanoid(env: Any, obs: TensorDict | None, actions: torch.Tensor | None) -> tuple[Any, Any]:
    """Append the mirror images. Shapes: groups of (n, size) -> (2n, size); (n, actions) -> (2n, actions)."""
    return _augmented(HUMANOID, obs, actions)


def biped(env: Any, obs: TensorDict | None, actions: torch.Tensor | None) -> tuple[Any, Any]:
    """As :func:`humanoid`."""
    return _augmented(BIPED, obs, actions)
