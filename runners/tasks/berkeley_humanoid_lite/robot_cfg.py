"""The robots as mjlab's entities, driven as upstream's training drives them."""

from __future__ import annotations

from collections.abc import Callable

import mujoco
from mjlab.actuator import BuiltinPositionActuatorCfg
from mjlab.entity import EntityArticulationInfoCfg, EntityCfg
from mjlab.utils.spec_config import CollisionCfg

from runners.tasks.berkeley_humanoid_lite.robots import BIPED, HUMANOID, Robot

SOFT_LIMIT_FACTOR = 0.9


def humanoid_spec() -> mujoco.MjSpec:
    """See :func:`_spec`; a recorded configuration names this function."""
    return _spec(HUMANOID)


def biped_spec() -> mujoco.MjSpec:
    """See :func:`_spec`; a recorded configuration names this function."""
    return _spec(BIPED)


def _spec(robot: Robot) -> mujoco.MjSpec:
    """The robot without its motors: mjlab adds actuators of the same names."""
    spec = mujoco.MjSpec.from_file(str(robot.model))
    for motor in list(spec.actuators):
        spec.delete(motor)
    return spec


def humanoid_cfg() -> EntityCfg:
    """A fresh configuration of the humanoid."""
    return _entity(HUMANOID, humanoid_spec)


def biped_cfg() -> EntityCfg:
    """A fresh configuration of the biped."""
    return _entity(BIPED, biped_spec)


def _entity(robot: Robot, spec: Callable[[], mujoco.MjSpec]) -> EntityCfg:
    """Figures: ``robots.py``.

    The robot's shapes touch the floor and not each other. Their friction alone counts (priority 1), which is what
    upstream's floor of friction 1 gives, as PhysX multiplies the two; MuJoCo would take the larger.
    """
    return EntityCfg(
        spec_fn=spec,
        init_state=EntityCfg.InitialStateCfg(
            pos=(0.0, 0.0, 0.0), joint_pos=dict(zip(robot.joints, robot.default_joint_pos, strict=True))
        ),
        articulation=EntityArticulationInfoCfg(
            actuators=_actuators(robot), soft_joint_pos_limit_factor=SOFT_LIMIT_FACTOR
        ),
        sort_actuators=True,
        collisions=(
            CollisionCfg(
                geom_names_expr=(".*_collision",), contype=0, conaffinity=1, condim=3, priority=1, friction=(1.0,)
            ),
        ),
    )


def let_legs_touch(entity: EntityCfg) -> None:
    """Have the shapes of the left leg and those of the right one touch, as on the robot and in plain MuJoCo.

    Two shapes touch if one's contype has a bit of the other's conaffinity. Bit 0 is the floor's, bit 1 the left leg's.
    """
    (collision,) = entity.collisions
    collision.contype = {"leg_left_.*": 2, ".*": 0}
    collision.conaffinity = {"leg_right_.*": 3, ".*": 1}


def _actuators(robot: Robot) -> tuple[BuiltinPositionActuatorCfg, ...]:
    """One group for all joints of the same figures; no joint friction, as in upstream's training."""
    figures = zip(robot.stiffness, robot.damping, robot.effort_limit, robot.armature, strict=True)
    groups: dict[tuple[float, ...], list[str]] = {}
    for joint, group in zip(robot.joints, figures, strict=True):
        groups.setdefault(group, []).append(joint)
    return tuple(
        BuiltinPositionActuatorCfg(
            target_names_expr=tuple(joints),
            stiffness=stiffness,
            damping=damping,
            effort_limit=effort,
            armature=armature,
            frictionloss=0.0,
        )
        for (stiffness, damping, effort, armature), joints in groups.items()
    )
