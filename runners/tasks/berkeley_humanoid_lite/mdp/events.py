"""Events at start-up and at a reset, as upstream and Isaac Lab define them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from mjlab.envs.mdp.events import reset_root_state_uniform, resolve_env_ids
from mjlab.managers.event_manager import RecomputeLevel, requires_model_fields
from mjlab.managers.scene_entity_config import SceneEntityCfg
from mjlab.utils.lab_api.math import quat_apply, sample_uniform

if TYPE_CHECKING:
    from mjlab.envs import ManagerBasedRlEnv
    from mjlab.managers.event_manager import EventTermCfg

    Range = tuple[float, float]

ROBOT = SceneEntityCfg("robot")
TWIST = ("x", "y", "z", "roll", "pitch", "yaw")


@requires_model_fields(  # type: ignore[untyped-decorator]
    "body_mass", "body_inertia", recompute=RecomputeLevel.set_const
)
def add_mass(
    env: ManagerBasedRlEnv, env_ids: torch.Tensor | None, mass_range: Range, asset_cfg: SceneEntityCfg
) -> None:
    """Add a mass from the range, kg, to each named body; its inertia grows in the same ratio.

    Source: Isaac Lab, envs/mdp/events.py (randomize_rigid_body_mass, operation add).
    """
    ids = resolve_env_ids(env, env_ids)
    bodies = env.scene[asset_cfg.name].indexing.body_ids[asset_cfg.body_ids]
    mass = env.sim.get_default_field("body_mass")[bodies]
    inertia = env.sim.get_default_field("body_inertia")[bodies]
    changed = mass + sample_uniform(*mass_range, (len(ids), len(bodies)), env.device)
    env.sim.model.body_mass[ids[:, None], bodies] = changed
    env.sim.model.body_inertia[ids[:, None], bodies] = inertia * (changed / mass)[..., None]


def offset_default_joint_pos(
    env: ManagerBasedRlEnv, env_ids: torch.Tensor | None, offset_range: Range, asset_cfg: SceneEntityCfg = ROBOT
) -> None:
    """Add an offset from the range, rad, to each joint's default position, as an error of calibration would.

    Observations, deviation terms and resets refer to the default; the action term has copied it before.

    Source: BHL, mdp/events.py (randomize_joint_default_pos, operation add).
    """
    ids = resolve_env_ids(env, env_ids)
    default = env.scene[asset_cfg.name].data.default_joint_pos
    default[ids] += sample_uniform(*offset_range, (len(ids), default.shape[1]), env.device)


@requires_model_fields("dof_damping")  # type: ignore[untyped-decorator]
def steady(env: ManagerBasedRlEnv, env_ids: torch.Tensor | None, damping: float, steps: int) -> None:
    """Damp the base's roll and pitch as if it moved in honey, linearly less from the first step to the last of these.

    A hand that holds a child: it slows a fall without holding the robot up, so that what keeps it up is learned.

    Args:
        env: the environment.
        env_ids: not looked at; all of them.
        damping: in the beginning, N m s/rad.
        steps: of the environment, as a policy counts them; from then on there is none.
    """
    left = max(0.0, 1.0 - env.common_step_counter / steps)
    roll_and_pitch = env.scene["robot"].indexing.free_joint_v_adr[3:5]
    env.sim.model.dof_damping[:, roll_and_pitch] = damping * left


def reset_root_state(
    env: ManagerBasedRlEnv,
    env_ids: torch.Tensor | None,
    pose_range: dict[str, Range],
    velocity_range: dict[str, Range],
    asset_cfg: SceneEntityCfg = ROBOT,
) -> None:
    """Put the base at a pose (m, rad) and its centre of mass to a velocity (m/s, rad/s) from the ranges.

    mjlab's ``reset_root_state_uniform`` sets the velocity of the base's origin, which here lies on the floor.

    Source: Isaac Lab, envs/mdp/events.py (reset_root_state_uniform).
    """
    ids = resolve_env_ids(env, env_ids)
    reset_root_state_uniform(env, ids, pose_range, {}, asset_cfg)
    low, high = torch.tensor([velocity_range.get(axis, (0.0, 0.0)) for axis in TWIST], device=env.device).T
    velocity = sample_uniform(low, high, (len(ids), len(TWIST)), env.device)
    env.scene[asset_cfg.name].write_root_com_velocity_to_sim(velocity, env_ids=ids)


def reset_joints_by_scale(
    env: ManagerBasedRlEnv, env_ids: torch.Tensor | None, position_range: Range, asset_cfg: SceneEntityCfg = ROBOT
) -> None:
    """Put every joint, at rest, to its default times a factor from the range, clamped to the soft limits.

    Source: Isaac Lab, envs/mdp/events.py (with its velocity_range at 0).
    """
    ids = resolve_env_ids(env, env_ids)
    robot = env.scene[asset_cfg.name]
    default, limits = robot.data.default_joint_pos[ids], robot.data.soft_joint_pos_limits[ids]
    position = default * sample_uniform(*position_range, default.shape, env.device)
    position = torch.clamp(position, limits[..., 0], limits[..., 1])
    robot.write_joint_state_to_sim(position, torch.zeros_like(position), env_ids=ids)


class HeldWrench:
    """A force (N) and a torque (N m) per axis from the ranges, on one body's centre of mass, drawn at each reset.

    They are fixed in the body's frame and turn with it; MuJoCo's are the world's, hence mode "step".

    Source: Isaac Lab, envs/mdp/events.py (apply_external_force_torque) and utils/wrench_composer.py.
    """

    def __init__(self, cfg: EventTermCfg, env: ManagerBasedRlEnv) -> None:
        asset_cfg = cfg.params["asset_cfg"]
        self._robot = env.scene[asset_cfg.name]
        self._body = asset_cfg.body_ids
        self._ranges: tuple[Range, Range] = cfg.params["force_range"], cfg.params["torque_range"]
        self._wrench = torch.zeros(env.num_envs, 2, 3, device=env.device)

    def reset(self, env_ids: torch.Tensor | slice | None = None) -> None:
        """Draw anew; the first step sees the new pose only in ``qpos``."""
        ids = slice(None) if env_ids is None else env_ids
        for index, limits in enumerate(self._ranges):
            self._wrench[ids, index] = torch.empty_like(self._wrench[ids, index]).uniform_(*limits)
        self._write(self._robot.data.data.qpos[:, self._robot.indexing.free_joint_q_adr[3:7]])

    def __call__(
        self,
        env: ManagerBasedRlEnv,
        env_ids: torch.Tensor | None,
        force_range: Range,
        torque_range: Range,
        asset_cfg: SceneEntityCfg,
    ) -> None:
        """Turn the wrench with the body."""
        self._write(self._robot.data.root_link_quat_w)

    def _write(self, quaternion: torch.Tensor) -> None:
        wrench = quat_apply(quaternion[:, None].expand(-1, 2, -1), self._wrench)
        self._robot.write_external_wrench_to_sim(wrench[:, :1], wrench[:, 1:], body_ids=self._body)
