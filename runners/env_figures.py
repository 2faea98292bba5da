"""What the computer of a robot must know to drive it with a policy, read from the environment of the task."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from runners.deployment import Deployment
from runners.simulators import Actuation

CONTROL_DT, PHYSICS_DT, CUTOFF_HZ, NO_LIMIT = 0.004, 0.0005, 1000, 10000.0
"""Of the robot's own program and its simulation, as Berkeley Humanoid Lite's ``scripts/rsl_rl/play.py`` has them."""

SAME_POSITION = 0.1
"""rad. Events of tasks vary the default positions by half of it, and a bent knee is more."""


class NotDeployableError(Exception):
    """Why the robot's program cannot drive a robot with the policy of an environment, in a few words."""


@dataclass(frozen=True)
class Term:
    """One term of what the actor sees."""

    name: str
    size: int
    term_cfg: Any
    """Its configuration; both simulators have ``func``, ``params``, ``scale``."""

    def __str__(self) -> str:
        return f"{self.name} {self.size}"

    @property
    def kind(self) -> str:
        """Its name and its function's, which tell what it is."""
        return f"{self.name} {self.function}"

    @property
    def function(self) -> str:
        """Its function's or class's name."""
        function = self.term_cfg.func
        return str(getattr(function, "__name__", type(function).__name__))

    @property
    def scaled(self) -> bool:
        """Whether it is multiplied by something."""
        return self.term_cfg.scale is not None and any(scale != 1.0 for scale in numbers(self.term_cfg.scale))


@dataclass(frozen=True)
class Drive:
    """Joint position targets = offset + scale x action, in rad."""

    actuation: Actuation
    scale: float
    offset: list[float]
    """One for each action."""


def observation_terms(vec_env: Any) -> list[Term]:
    """The terms that the actor sees, in order; none where the environment does not say."""
    manager = getattr(vec_env.unwrapped, "observation_manager", None)
    if manager is None:
        return []
    return [
        Term(name, math.prod(shape), term_cfg)
        for group in vec_env.groups["actor"]
        for name, shape, term_cfg in zip(
            manager.active_terms[group],
            manager.group_obs_term_dim[group],
            manager._group_obs_term_cfgs[group],
            strict=True,
        )
    ]


def drive(vec_env: Any, simulator: Any) -> Drive:
    """How actions become targets.

    Raises:
        NotDeployableError: they do not, or the robot's program has no word for how.
    """
    manager = getattr(vec_env.unwrapped, "action_manager", None)
    if manager is None:
        raise NotDeployableError("a direct environment does not say what its actions are")
    names = list(manager.active_terms)
    joint_action = manager.get_term(names[0])
    if not any(kind.__name__ == "JointPositionAction" for kind in type(joint_action).__mro__):
        raise NotDeployableError(f"action term '{names[0]}' is no joint position action")
    if len(names) > 1:
        raise NotDeployableError(f"there are {len(names)} action terms ({', '.join(names)}), and one is read")
    if joint_action.cfg.clip is not None:
        raise NotDeployableError(f"action term '{names[0]}' clips its targets")
    scales = numbers(joint_action._scale)
    if len(set(scales)) > 1:
        raise NotDeployableError(f"the scale of action term '{names[0]}' differs from joint to joint")
    actuation = simulator.actuation(joint_action)
    offset = numbers(joint_action._offset)
    return Drive(actuation, scales[0], offset * len(actuation.driven) if len(offset) == 1 else offset)


def deployment(vec_env: Any, found: Drive, onnx: str) -> Deployment:
    """What ``policy.yaml`` says.

    Args:
        vec_env: the environment as the learner sees it.
        found: how actions become targets in it.
        onnx: where the policy will be.

    Raises:
        NotDeployableError: the robot's program cannot feed the policy, or a figure is missing.
    """
    actuation, names = found.actuation, found.actuation.driven
    terms = observation_terms(vec_env)
    check_layout(terms, actuation)
    check_pose(terms[3], found)
    joints = joint_order(actuation)
    gains = [actuation.gains[name] for name in joints]
    limits = [limit for *_, limit in gains if limit is not None and math.isfinite(limit)]
    if len(limits) < len(joints):
        raise NotDeployableError("not every joint has an effort limit")
    positions = {**initial_positions(actuation.joint_positions, joints), **dict(zip(names, found.offset, strict=True))}
    bound = vec_env.clip_actions or NO_LIMIT
    policy_dt = vec_env.unwrapped.step_dt
    return Deployment(
        policy_checkpoint_path=onnx,
        ip_robot_addr="127.0.0.1",
        ip_policy_obs_port=10000,
        ip_host_addr="127.0.0.1",
        ip_policy_acs_port=10001,
        control_dt=CONTROL_DT,
        policy_dt=tidy(policy_dt),
        # steps of the policy that are no multiple, as Isaac Lab's template has them (1/60 s), are cut into equal parts
        physics_dt=tidy(policy_dt / math.ceil(policy_dt / PHYSICS_DT - 1e-6)),
        cutoff_freq=CUTOFF_HZ,
        num_joints=len(joints),
        joints=tuple(joints),
        joint_kp=tuple(tidy(stiffness) for stiffness, *_ in gains),
        joint_kd=tuple(tidy(damping) for _, damping, _ in gains),
        effort_limits=tuple(map(tidy, limits)),
        default_base_position=tuple(map(tidy, actuation.position)),
        default_joint_positions=tuple(tidy(positions[name]) for name in joints),
        num_observations=vec_env.num_obs,
        history_length=0,
        command_velocity=(0.0, 0.0, 0.0),  # upstream draws one, which a robot would set off with
        num_actions=len(names),
        action_scale=tidy(found.scale),
        action_indices=tuple(map(joints.index, names)),
        action_limit_lower=-bound,
        action_limit_upper=bound,
    )


def check_layout(terms: list[Term], actuation: Actuation) -> None:
    """Compare what the actor sees with what the robot's program gives it, which cannot be told otherwise.

    Raises:
        NotDeployableError: they differ in terms, sizes, scales or the order of the joints.
    """
    count = len(actuation.driven)
    layout = [
        *(("command", 3), ("ang_vel", 3), ("gravity", 3)),
        *(("joint_pos", count), ("joint_vel", count), ("action", count)),
    ]
    fits = len(terms) == len(layout) and all(
        word in seen.kind and size == seen.size for (word, size), seen in zip(layout, terms, strict=True)
    )
    if not fits:
        has = ", ".join(map(str, terms)) or "nothing that is named"
        wants = ", ".join(f"{word} {size}" for word, size in layout)
        raise NotDeployableError(f"the robot's low-level code gives {wants}, and the actor sees {has}")
    for seen in terms:
        if seen.scaled:
            raise NotDeployableError(f"the actor sees '{seen.name}' scaled, which the robot's low-level code does not")
    for seen in terms[3:5]:
        if seen_joints(seen, actuation.joint_names) != actuation.driven:
            raise NotDeployableError(f"'{seen.name}' has its joints in another order than the actions")


def check_pose(positions: Term, found: Drive) -> None:
    """Compare from where joint positions are seen with where actions are 0: the robot's program has one list for both.

    Raises:
        NotDeployableError: they differ.
    """
    names, patterns = found.actuation.driven, found.actuation.joint_positions
    pose = dict.fromkeys(names, 0.0) if positions.function == "joint_pos" else initial_positions(patterns, names)
    for name, offset in zip(names, found.offset, strict=True):
        if patterns and abs(offset - pose[name]) > SAME_POSITION:
            raise NotDeployableError(
                f"the actor sees '{name}' from {tidy(pose[name])} rad on and its action counts from {tidy(offset)}, "
                "for which the robot's low-level code has one figure"
            )


def seen_joints(seen: Term, joint_names: list[str]) -> list[str]:
    """The joints of an observation, in its order."""
    chosen = getattr(seen.term_cfg.params.get("asset_cfg"), "joint_ids", slice(None))
    return joint_names[chosen] if isinstance(chosen, slice) else [joint_names[index] for index in chosen]


def joint_order(actuation: Actuation) -> list[str]:
    """The actuated joints: as the actions have them, or if these drive only some, as the robot has them.

    The program takes a robot's legs from the end of the list, where PhysX' own order has them scattered; the initial
    positions name the joints in the robot's order, and upstream's export reads it from them.

    Raises:
        NotDeployableError: the gains of a joint are not known.
    """
    unknown = [name for name in actuation.driven if name not in actuation.gains]
    if unknown:
        raise NotDeployableError(f"the gains of joint '{unknown[0]}' are not in the task's configuration")
    if set(actuation.driven) == set(actuation.gains):
        return actuation.driven
    named = [name for name in actuation.joint_positions if name in actuation.gains]
    order = named if len(named) == len(actuation.gains) else actuation.joint_names
    return [name for name in order if name in actuation.gains]


def initial_positions(patterns: dict[str, float], joints: list[str]) -> dict[str, float]:
    """Position of each joint, rad: of the pattern that fits its name, else 0.

    Isaac Lab's patterns must fit the whole name (``resolve_matching_names``), mjlab's its beginning (``resolve_expr``).
    """
    return {
        joint: next(
            (value for fits in (re.fullmatch, re.match) for pattern, value in patterns.items() if fits(pattern, joint)),
            0.0,
        )
        for joint in joints
    }


def numbers(value: Any) -> list[float]:
    """The first row of a tensor, of shape (num_envs, n) or (n,), or a number alone."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    while isinstance(value, (list, tuple)) and value and isinstance(value[0], (list, tuple)):
        value = value[0]
    return [float(item) for item in value] if isinstance(value, (list, tuple)) else [float(value)]


def tidy(value: float) -> float:
    """A float32's figure as it was written: 0.2 for 0.20000000298."""
    return float(f"{value:.6g}")
