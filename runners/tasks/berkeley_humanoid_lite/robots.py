"""The two robots: joints in the task's order, and what each joint is driven with.

Figures: the robot configuration of Berkeley Humanoid Lite's assets; see NOTICE.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ARM = "shoulder_pitch", "shoulder_roll", "shoulder_yaw", "elbow_pitch", "elbow_roll"
LEG = "hip_roll", "hip_yaw", "hip_pitch", "knee_pitch", "ankle_pitch", "ankle_roll"
BENT = {"hip_pitch": -0.2, "knee_pitch": 0.4, "ankle_pitch": -0.3}
"""The default pose in rad, with all other joints at 0. It tilts both soles 0.1 rad, toes up."""


@dataclass(frozen=True)
class Robot:
    """One robot; every tuple has one value for each joint, in the order of ``joints``.

    ``default_joint_pos`` is in rad, ``stiffness`` in N m/rad, ``damping`` in N m s/rad, ``effort_limit`` in N m and
    ``armature`` in kg m². The armature is the training's; the model has 0.005 everywhere, as the original's MJCF.
    ``largest_command`` bounds the training's commands on both sides: vx and vy in m/s, yaw rate in rad/s.
    """

    name: str
    task: str
    model: Path
    joints: tuple[str, ...]
    default_joint_pos: tuple[float, ...]
    stiffness: tuple[float, ...]
    damping: tuple[float, ...]
    effort_limit: tuple[float, ...]
    armature: tuple[float, ...]
    largest_command: tuple[float, float, float]


def _limb(limb: str, parts: Sequence[str]) -> list[str]:
    return [f"{limb}_{side}_{part}_joint" for side in ("left", "right") for part in parts]


def _robot(name: str, task: str, joints: Sequence[str], largest_command: tuple[float, float, float]) -> Robot:
    arm = [joint.startswith("arm_") for joint in joints]
    hip_or_knee = ["_hip_" in joint or "_knee_" in joint for joint in joints]
    return Robot(
        name=name,
        task=task,
        model=Path(__file__).parent / "models" / f"{name}.xml",
        joints=tuple(joints),
        default_joint_pos=tuple(next((at for part, at in BENT.items() if part in joint), 0.0) for joint in joints),
        stiffness=tuple(10.0 if is_arm else 20.0 for is_arm in arm),
        damping=(2.0,) * len(joints),
        effort_limit=tuple(4.0 if is_arm else 6.0 for is_arm in arm),
        armature=tuple(0.007 if is_large else 0.002 for is_large in hip_or_knee),
        largest_command=largest_command,
    )


HUMANOID = _robot(
    "humanoid", "Velocity-Berkeley-Humanoid-Lite-v0", _limb("arm", ARM) + _limb("leg", LEG), (1.0, 0.5, 1.5)
)
BIPED = _robot("biped", "Velocity-Berkeley-Humanoid-Lite-Biped-v0", _limb("leg", LEG), (0.5, 0.25, 1.0))
ROBOTS = HUMANOID, BIPED


def by_joints(names: Sequence[str]) -> Robot | None:
    """The robot that has exactly these joints in this order, or None."""
    return next((robot for robot in ROBOTS if robot.joints == tuple(names)), None)
