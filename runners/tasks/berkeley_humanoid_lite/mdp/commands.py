"""The commanded velocity, measured and drawn at the base's centre of mass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from mjlab.tasks.velocity.mdp import UniformVelocityCommand, UniformVelocityCommandCfg
from mjlab.utils.lab_api.math import quat_apply_yaw

if TYPE_CHECKING:
    from mjlab.envs import ManagerBasedRlEnv
    from mjlab.viewer.debug_visualizer import DebugVisualizer

COMMANDED = (0.2, 0.2, 0.6, 0.6)
ACTUAL = (0.0, 0.6, 1.0, 0.7)


class BaseVelocityCommand(UniformVelocityCommand):
    """mjlab's command, which with these settings draws as Isaac Lab's of the same name does.

    mjlab compares it with the velocity of the base's origin, which here lies on the floor and swings with each step.
    """

    def _update_metrics(self) -> None:
        """Mean errors over a command, m/s and rad/s (Isaac Lab, envs/mdp/commands/velocity_command.py)."""
        data = self.robot.data
        share = self._env.step_dt / self.cfg.resampling_time_range[1]
        linear = self.vel_command_b[:, :2] - data.root_com_lin_vel_b[:, :2]
        angular = self.vel_command_b[:, 2] - data.root_link_ang_vel_b[:, 2]
        self.metrics["error_vel_xy"] += torch.norm(linear, dim=-1) * share
        self.metrics["error_vel_yaw"] += torch.abs(angular) * share

    def _debug_vis_impl(self, visualizer: DebugVisualizer) -> None:
        """An arrow for the commanded and one for the actual velocity, above the robot."""
        indices = list(visualizer.get_env_indices(self.num_envs))
        if not indices:
            return
        data, size = self.robot.data, self.cfg.viz.scale
        command = self.command[indices].clone()
        command[:, 2] = 0.0
        wanted = quat_apply_yaw(data.root_link_quat_w[indices], command)
        actual = data.root_com_lin_vel_w[indices]
        start = data.root_com_pos_w[indices].clone()
        start[:, 2] += self.cfg.viz.z_offset
        for tips, color in ((start + size * wanted, COMMANDED), (start + size * actual, ACTUAL)):
            for tail, tip in zip(start.cpu().numpy(), tips.cpu().numpy(), strict=True):
                visualizer.add_arrow(tail, tip, color=color, width=0.015)


@dataclass(kw_only=True)
class BaseVelocityCommandCfg(UniformVelocityCommandCfg):
    """Configuration of :class:`BaseVelocityCommand`."""

    def build(self, env: ManagerBasedRlEnv) -> BaseVelocityCommand:
        """See the base class."""
        return BaseVelocityCommand(self, env)
