"""Rewards that lead from standing to stepping, for the tasks that have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from mjlab.utils.lab_api.math import quat_apply_inverse, yaw_quat

if TYPE_CHECKING:
    from mjlab.envs import ManagerBasedRlEnv
    from mjlab.managers.reward_manager import RewardTermCfg
    from mjlab.managers.scene_entity_config import SceneEntityCfg
    from mjlab.sensor import ContactSensor

MOVING = 0.1
"""Sum of the commanded speeds, m/s and rad/s, above which steps are asked for."""
LIGHT = 10.0
"""Newtons that are added to the load on both feet, so that two feet in the air count as equal."""


def foot_height(env: ManagerBasedRlEnv, asset_cfg: SceneEntityCfg) -> torch.Tensor:
    """Height of the middle of each sole above a plane at z = 0, m. Shape (num_envs, feet)."""
    return env.scene[asset_cfg.name].data.site_pos_w[:, asset_cfg.site_ids, 2]


def unloading(env: ManagerBasedRlEnv, sensor_name: str, command_name: str) -> torch.Tensor:
    """|F_left - F_right| / (F_left + F_right + 10 N) where motion is asked for. Shape (num_envs,).

    It grows smoothly from standing on both feet to standing on one, where an air time is still 0.
    """
    force = torch.norm(_sensor(env, sensor_name).data.force, dim=-1)
    share = torch.abs(force[:, 0] - force[:, 1]) / (force.sum(dim=1) + LIGHT)
    return share * _moving(env, command_name)


def swing(env: ManagerBasedRlEnv, sensor_name: str, command_name: str, threshold: float, limit: float) -> torch.Tensor:
    """Share, up to 1, of the threshold in s that one foot has stood and the other has swung. Shape (num_envs,).

    0 where not exactly one foot stands, where either phase is longer than the limit in s, or no motion is asked for.
    """
    feet = _sensor(env, sensor_name).data
    standing = feet.current_contact_time > 0.0
    shorter = torch.amin(torch.where(standing, feet.current_contact_time, feet.current_air_time), dim=1)
    counts = (standing.sum(dim=1) == 1) & (shorter < limit)
    return torch.clamp(shorter / threshold, max=1.0) * counts * _moving(env, command_name)


def lift(
    env: ManagerBasedRlEnv, sensor_name: str, command_name: str, height: float, asset_cfg: SceneEntityCfg
) -> torch.Tensor:
    """Height of the swinging foot as a share, up to 1, of the given one in m. Shape (num_envs,)."""
    standing = _standing(env, sensor_name)
    share = torch.clamp(foot_height(env, asset_cfg) / height, 0.0, 1.0) * ~standing
    return share.sum(dim=1) * (standing.sum(dim=1) == 1) * _moving(env, command_name)


def feet_near(env: ManagerBasedRlEnv, width: float, asset_cfg: SceneEntityCfg) -> torch.Tensor:
    """How far, m, the left sole's middle is from being ``width`` m to the left of the right one's. Shape (num_envs,).

    A foot is 0.072 m wide.
    """
    data = env.scene[asset_cfg.name].data
    soles = data.site_pos_w[:, asset_cfg.site_ids]
    apart = quat_apply_inverse(yaw_quat(data.root_link_quat_w), soles[:, 0] - soles[:, 1])[:, 1]
    return torch.clamp(width - apart, min=0.0)


class Stuck:
    """Sum over the feet of how much longer than ``patience`` s a sole has not been up. Shape (num_envs,).

    From 0 at the patience to 1 at twice that. A sole is up if it is above ``height`` m and its foot does not touch.
    """

    def __init__(self, cfg: RewardTermCfg, env: ManagerBasedRlEnv) -> None:
        feet = len(cfg.params["asset_cfg"].site_ids)
        self._since = torch.zeros(env.num_envs, feet, device=env.device)

    def reset(self, env_ids: torch.Tensor | slice | None = None) -> None:
        """Begin to count."""
        self._since[slice(None) if env_ids is None else env_ids] = 0.0

    def __call__(
        self,
        env: ManagerBasedRlEnv,
        *,
        sensor_name: str,
        command_name: str,
        height: float,
        patience: float,
        asset_cfg: SceneEntityCfg,
    ) -> torch.Tensor:
        """See the class."""
        up = (foot_height(env, asset_cfg) > height) & ~_standing(env, sensor_name)
        self._since = torch.where(up, 0.0, self._since + env.step_dt)
        late = torch.clamp((self._since - patience) / patience, 0.0, 1.0)
        return late.sum(dim=1) * _moving(env, command_name)


def base_is_low(env: ManagerBasedRlEnv, height: float) -> torch.Tensor:
    """Whether the base's centre of mass is below a height in m: a robot on its knees. Shape (num_envs,)."""
    return env.scene["robot"].data.root_com_pos_w[:, 2] < height


def progress(env: ManagerBasedRlEnv, command_name: str) -> torch.Tensor:
    """Speed along the commanded direction as a share, up to 1, of the commanded speed. Shape (num_envs,).

    0 where no more than 0.1 m/s is commanded. Unlike an exponential it has a slope far from the command too.
    """
    command = env.command_manager.get_command(command_name)[:, :2]
    data = env.scene["robot"].data
    velocity = quat_apply_inverse(yaw_quat(data.root_link_quat_w), data.root_com_lin_vel_w)[:, :2]
    speed = torch.norm(command, dim=1).clamp(min=MOVING)
    along = torch.sum(velocity * command, dim=1) / speed
    return torch.where(speed > MOVING, torch.minimum(along, speed) / speed, 0.0)


class _YawRate:
    """The rate of turning about the vertical, rad/s, smoothed: within a step it swings by more than is commanded."""

    def __init__(self, cfg: RewardTermCfg, env: ManagerBasedRlEnv) -> None:
        self._smooth = torch.zeros(env.num_envs, device=env.device)

    def reset(self, env_ids: torch.Tensor | slice | None = None) -> None:
        """Begin from rest."""
        self._smooth[slice(None) if env_ids is None else env_ids] = 0.0

    def update(self, env: ManagerBasedRlEnv, window: float) -> torch.Tensor:
        """Take in a step; ``window`` is the filter's time constant in s. Shape (num_envs,)."""
        now = env.scene["robot"].data.root_link_ang_vel_w[:, 2]
        self._smooth += (now - self._smooth) * min(1.0, env.step_dt / window)
        return self._smooth


class TrackYawRate(_YawRate):
    """exp(-(command - rate)^2 / std^2) of the smoothed rate; std in rad/s. Shape (num_envs,)."""

    def __call__(self, env: ManagerBasedRlEnv, command_name: str, std: float, window: float) -> torch.Tensor:
        """See the class."""
        error = env.command_manager.get_command(command_name)[:, 2] - self.update(env, window)
        return torch.exp(-torch.square(error / std))


class TurnProgress(_YawRate):
    """The smoothed rate in the commanded direction as a share of the command, from -1 / |command| to 1.

    0 where no more than 0.1 rad/s is commanded. Shape (num_envs,).
    """

    def __call__(self, env: ManagerBasedRlEnv, command_name: str, window: float) -> torch.Tensor:
        """See the class."""
        command = env.command_manager.get_command(command_name)[:, 2]
        size = torch.abs(command)
        along = self.update(env, window) * torch.sign(command)
        share = torch.minimum(along.clamp(min=-1.0), size) / size.clamp(min=0.3)
        return share * (size > MOVING)


def _standing(env: ManagerBasedRlEnv, sensor_name: str) -> torch.Tensor:
    return _sensor(env, sensor_name).data.current_contact_time > 0.0


def _moving(env: ManagerBasedRlEnv, command_name: str) -> torch.Tensor:
    command = env.command_manager.get_command(command_name)
    return torch.norm(command[:, :2], dim=1) + torch.abs(command[:, 2]) > MOVING


def _sensor(env: ManagerBasedRlEnv, sensor_name: str) -> ContactSensor:
    return env.scene[sensor_name]
