"""What an episode in plain MuJoCo comes to: figures for a table and for ``summary.json``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runners.plain_mujoco import Motion

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SETTLING_S = 1.0
"""The start from a drop, which means and spreads leave out."""
GRAVITY = 9.81
AXES = (("forward", "m/s"), ("to the left", "m/s"), ("turning left", "rad/s"))


def figures(motion: Motion) -> dict[str, Any]:
    """Means and spreads (standard deviations) from :data:`SETTLING_S` to the fall, if any; units are in the names.

    The cost of transport is energy / (mass x gravity x distance), with the distance along the robot's heading; it is
    null below 0.5 m.
    """
    upright = motion.time <= motion.upright
    settled = upright & (motion.time > SETTLING_S)
    rows = settled if settled.any() else upright
    energy = float(motion.energy[upright].sum())
    distance = _distance(motion, upright)
    return {
        "seconds": float(motion.time[-1]),
        "upright_s": motion.upright,
        "fell_at_s": motion.fell_at,
        "command": {name: float(motion.command[rows, axis].mean()) for axis, (name, _) in enumerate(AXES)},
        "mean": {name: float(motion.velocity[rows, axis].mean()) for axis, (name, _) in enumerate(AXES)},
        "spread": {name: float(motion.velocity[rows, axis].std()) for axis, (name, _) in enumerate(AXES)},
        "units": dict(AXES),
        "distance_m": distance,
        "energy_j": energy,
        "power_w": energy / motion.upright,
        "cost_of_transport": energy / (motion.mass * GRAVITY * distance) if distance >= 0.5 else None,
        "torque_at_limit": dict(zip(motion.joints, motion.saturation[rows].mean(axis=0).tolist(), strict=True)),
    }


def _distance(motion: Motion, rows: NDArray[np.bool_]) -> float:
    """Metres along the heading: turning on a circle goes somewhere, swaying does not."""
    import numpy as np

    step = np.diff(motion.time, prepend=0.0)[rows, None]
    return float(np.linalg.norm((motion.velocity[rows, :2] * step).sum(axis=0)))
