"""``policy.yaml``: what a robot must know to be driven by an exported policy.

The keys are those of the Berkeley Humanoid Lite's deployment code (``configs/policy_*.yaml`` of
HybridRobotics/Berkeley-Humanoid-Lite), so a file written here drives the real robot's program too.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runners.errors import UserError
from runners.run_dir import write_text

PER_JOINT = ("joints", "joint_kp", "joint_kd", "effort_limits", "default_joint_positions")
MAY_BE_ONE_NUMBER = ("joint_kp", "joint_kd", "effort_limits")
ABOVE_ZERO = (
    *("control_dt", "policy_dt", "physics_dt", "cutoff_freq", "num_joints", "num_actions", "num_observations"),
    "effort_limits",
)
LEGS_FROM = 10
"""Where the humanoid's legs begin in the robot's program."""
NOT_NEGATIVE = ("joint_kp", "joint_kd", "history_length", "action_indices")


@dataclass(frozen=True)
class Deployment:
    """The keys of ``policy.yaml``, in their order there. Lists per joint are in the order of ``joints``."""

    policy_checkpoint_path: str
    """As :func:`checkpoint_path` gives it."""
    ip_robot_addr: str
    ip_policy_obs_port: int
    ip_host_addr: str
    ip_policy_acs_port: int
    control_dt: float
    """Seconds between two commands to the motors."""
    policy_dt: float
    """Seconds between two calls of the policy."""
    physics_dt: float
    """Seconds of one physics step in simulation."""
    cutoff_freq: float
    """Hz."""
    num_joints: int
    joints: tuple[str, ...]
    joint_kp: tuple[float, ...]
    """N m / rad."""
    joint_kd: tuple[float, ...]
    """N m s / rad."""
    effort_limits: tuple[float, ...]
    """N m."""
    default_base_position: tuple[float, ...]
    """x, y, z in m."""
    default_joint_positions: tuple[float, ...]
    """rad."""
    num_observations: int
    """Of one moment; the policy takes ``history_length + 1`` such slots."""
    history_length: int
    command_velocity: tuple[float, ...]
    """vx and vy in m/s, yaw rate in rad/s."""
    num_actions: int
    action_scale: float
    action_indices: tuple[int, ...]
    """Which of ``joints`` the actions drive."""
    action_limit_lower: float
    action_limit_upper: float

    @property
    def inputs(self) -> int:
        """Numbers that the policy takes: the slots of its history, oldest first, then the present."""
        return self.num_observations * (self.history_length + 1)

    @property
    def substeps(self) -> int:
        """Physics steps in one step of the policy."""
        return round(self.policy_dt / self.physics_dt)

    @property
    def control_substeps(self) -> int:
        """Physics steps between two commands to the motors; at least 1."""
        return max(1, round(self.control_dt / self.physics_dt))

    def write(self, path: Path) -> None:
        """Write ``path`` whole or not at all."""
        import yaml

        table = {
            key: list(value) if isinstance(value, tuple) else value for key, value in dataclasses.asdict(self).items()
        }
        # no line is folded, so that sed can set policy_checkpoint_path
        write_text(path, yaml.safe_dump(table, sort_keys=False, width=math.inf))


def checkpoint_path(onnx: Path) -> str:
    """``policy_checkpoint_path`` for a file that upstream's programs can open from their own working directory.

    They take a path with ``.pt`` anywhere in it for TorchScript (``load_policy`` in Berkeley-Humanoid-Lite-Lowlevel's
    ``policy/rl_controller.py``), and OmegaConf replaces ``${...}``. For these it is what upstream's configurations
    have, a file in their ``checkpoints``. The readers here go by the file beside the yaml instead.
    """
    path = str(onnx.absolute())
    return f"checkpoints/{onnx.name}" if ".pt" in path or "${" in path else path


def why_not_upstream(deployment: Deployment) -> str | None:
    """Why upstream's own programs would drive the wrong joints with it, or None. ``make sim2sim`` goes by names.

    They do not read ``joints``: ``MujocoSimulator`` (``environments/mujoco.py``) has them as its model does, and where
    ``num_actions`` is not ``num_joints``, ``RlController`` takes the default positions from index 10 on.
    """
    from runners.tasks.berkeley_humanoid_lite.robots import BIPED, HUMANOID

    robot = next((robot for robot in (HUMANOID, BIPED) if set(robot.joints) == set(deployment.joints)), None)
    if robot is None:  # which they have never heard of
        return None
    if deployment.joints != robot.joints:
        return f"its joints are in another order than theirs ({', '.join(robot.joints[:2])}, ...)"
    driven = range(deployment.num_joints - deployment.num_actions, deployment.num_joints)
    if deployment.action_indices != tuple(driven) or driven.start not in (0, LEGS_FROM):
        return "its actions are neither those of all joints nor those of the legs, in their order"
    return None


KEYS = tuple(field.name for field in dataclasses.fields(Deployment))


def read(path: Path) -> Deployment:
    """Read and check a ``policy.yaml``.

    One number for ``joint_kp``, ``joint_kd`` or ``effort_limits`` holds for all joints, and without ``joints``
    they are those of the robot here with ``num_joints`` of them: upstream's ``policy_video.yaml`` is such a file.

    Raises:
        UserError: it cannot be read, keys are missing, or a value has the wrong size, type or range.
    """
    table = _load(path)
    if "joints" not in table and (joints := _joints_of(table.get("num_joints"))):
        table["joints"] = joints
    missing = [key for key in KEYS if key not in table]
    if missing:
        raise UserError(f"'{path}' lacks {', '.join(missing)}; make export RUN=... writes a whole policy.yaml")
    types = typing.get_type_hints(Deployment)
    try:
        table = {key: _value(key, table[key], types[key], table["num_joints"]) for key in KEYS}
        deployment = Deployment(**table)
        _check(deployment)
    except ValueError as error:
        raise UserError(f"'{path}': {error}") from None
    return deployment


def _load(path: Path) -> dict[str, Any]:
    from runners import yaml_file

    table = yaml_file.load(path)
    if not isinstance(table, dict):  # a file of the user's, not an argument
        raise UserError(f"'{path}' is no table of keys and values; it should have {', '.join(KEYS[:3])}, ...")
    return table


def _joints_of(count: Any) -> list[str] | None:
    from runners.tasks.berkeley_humanoid_lite.robots import BIPED, HUMANOID

    return next((list(robot.joints) for robot in (HUMANOID, BIPED) if len(robot.joints) == count), None)


def _value(key: str, value: Any, wanted: Any, num_joints: Any) -> Any:
    if typing.get_origin(wanted) is not tuple:
        return _scalar(key, value, wanted)
    if key in MAY_BE_ONE_NUMBER and not isinstance(value, (list, str)) and isinstance(num_joints, int):
        value = [value] * num_joints
    if isinstance(value, list):
        return tuple(_scalar(key, item, typing.get_args(wanted)[0]) for item in value)
    raise ValueError(f"{key} '{value}' is not a list")


def _scalar(key: str, value: Any, wanted: type) -> Any:
    if wanted is str and isinstance(value, str):
        return value
    if wanted is str:
        raise ValueError(f"{key} '{value}' is not a text")
    try:
        # YAML 1.1 takes 5e-4 for a text
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or (wanted is int and number != int(number)):
        raise ValueError(f"{key} '{value}' is not a {'whole' if wanted is int else 'finite'} number")
    if (key in ABOVE_ZERO and number <= 0) or (key in NOT_NEGATIVE and number < 0):
        raise ValueError(f"{key} '{value}' must be {'above 0' if key in ABOVE_ZERO else '0 or more'}")
    return int(number) if wanted is int else number


def _check(deployment: Deployment) -> None:
    sizes = dict.fromkeys(PER_JOINT, ("num_joints", deployment.num_joints))
    sizes["action_indices"] = ("num_actions", deployment.num_actions)
    sizes["default_base_position"] = sizes["command_velocity"] = ("x, y and yaw or z are", 3)
    for key, (by, count) in sizes.items():
        if len(getattr(deployment, key)) != count:
            raise ValueError(f"{key} has {len(getattr(deployment, key))} values, and {by} {count}")
    for key in ("joints", "action_indices"):
        values = getattr(deployment, key)
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise ValueError(f"{key} has '{twice}' twice")
    if max(deployment.action_indices) >= deployment.num_joints:
        raise ValueError(f"action_indices '{max(deployment.action_indices)}' is none of {deployment.num_joints} joints")
    if deployment.action_limit_lower >= deployment.action_limit_upper:
        raise ValueError(f"action_limit_lower '{deployment.action_limit_lower}' is not below action_limit_upper")
    steps = deployment.policy_dt / deployment.physics_dt
    if round(steps) < 1 or abs(steps - round(steps)) > 0.01:
        raise ValueError(
            f"policy_dt '{deployment.policy_dt}' is not a multiple of physics_dt '{deployment.physics_dt}'"
        )
