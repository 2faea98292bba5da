"""Reward terms as upstream and Isaac Lab define them.

Velocities of the base are those of its centre of mass: the base's origin lies on the floor, 0.65 m below it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco
import torch
from mjlab.managers.scene_entity_config import SceneEntityCfg
from mjlab.utils.lab_api.math import quat_apply_inverse, yaw_quat

if TYPE_CHECKING:
    from mjlab.entity import EntityData
    from mjlab.envs import ManagerBasedRlEnv
    from mjlab.managers.reward_manager import RewardTermCfg
    from mjlab.sensor import ContactSensor

CONTACT_FORCE = 1.0
"""Newtons above which a foot counts as standing on the floor for ``feet_slide`` (BHL, mdp/rewards.py)."""
MOVING = 0.1
"""Commanded m/s above which a step is asked for (BHL, mdp/rewards.py)."""

ROBOT = SceneEntityCfg("robot")


def track_lin_vel_xy_yaw_frame_exp(env: ManagerBasedRlEnv, std: float, command_name: str) -> torch.Tensor:
    """exp(-|command_xy - v_xy|^2 / std^2), v in the base's frame turned upright; std in m/s. Shape (num_envs,).

    Source: BHL, mdp/rewards.py.
    """
    data = _robot(env)
    velocity = quat_apply_inverse(yaw_quat(data.root_link_quat_w), data.root_com_lin_vel_w)
    error = torch.sum(torch.square(_command(env, command_name)[:, :2] - velocity[:, :2]), dim=1)
    return torch.exp(-error / std**2)


def track_ang_vel_z_world_exp(env: ManagerBasedRlEnv, std: float, command_name: str) -> torch.Tensor:
    """exp(-(command_yaw - w_z)^2 / std^2), w about the world's vertical; std in rad/s. Shape (num_envs,).

    Source: BHL, mdp/rewards.py.
    """
    error = torch.square(_command(env, command_name)[:, 2] - _robot(env).root_link_ang_vel_w[:, 2])
    return torch.exp(-error / std**2)


def lin_vel_z_l2(env: ManagerBasedRlEnv) -> torch.Tensor:
    """v_z^2 in the base's frame, (m/s)^2. Shape (num_envs,).

    Source: Isaac Lab, envs/mdp/rewards.py.
    """
    return torch.square(_robot(env).root_com_lin_vel_b[:, 2])


def ang_vel_xy_l2(env: ManagerBasedRlEnv) -> torch.Tensor:
    """w_x^2 + w_y^2 in the base's frame, (rad/s)^2. Shape (num_envs,).

    Source: Isaac Lab, envs/mdp/rewards.py.
    """
    return torch.sum(torch.square(_robot(env).root_link_ang_vel_b[:, :2]), dim=1)


class JointAccL2:
    """Sum of ((q'_now - q'_before) / dt)^2 over the last physics step of dt, (rad/s^2)^2. Shape (num_envs,).

    ``qacc`` is no such difference: the integrator ``implicitfast`` steps with another acceleration, in which the
    actuators' damping is implicit. A sensor's reading is of the state before the step and so gives q'_before.

    Source: Isaac Lab, envs/mdp/rewards.py (joint_acc_l2) and assets/articulation/articulation_data.py (joint_acc).
    """

    def __init__(self, cfg: RewardTermCfg, env: ManagerBasedRlEnv) -> None:
        model = env.sim.mj_model
        velocimeters = {
            int(model.sensor_objid[i]): int(model.sensor_adr[i])
            for i in range(model.nsensor)
            if model.sensor_type[i] == mujoco.mjtSensor.mjSENS_JOINTVEL
        }
        joints = env.scene["robot"].indexing.joint_ids.tolist()
        self._before = torch.tensor([velocimeters[joint] for joint in joints], device=env.device)

    def __call__(self, env: ManagerBasedRlEnv) -> torch.Tensor:
        """See the class."""
        change = _robot(env).joint_vel - env.sim.data.sensordata[:, self._before]
        return torch.sum(torch.square(change / env.physics_dt), dim=1)


def joint_deviation_l1(env: ManagerBasedRlEnv, asset_cfg: SceneEntityCfg = ROBOT) -> torch.Tensor:
    """Sum of |q - q_default| over the named joints, rad. Shape (num_envs,).

    Source: Isaac Lab, envs/mdp/rewards.py.
    """
    data = _robot(env)
    deviation = data.joint_pos[:, asset_cfg.joint_ids] - data.default_joint_pos[:, asset_cfg.joint_ids]
    return torch.sum(torch.abs(deviation), dim=1)


def feet_air_time_positive_biped(
    env: ManagerBasedRlEnv, sensor_name: str, command_name: str, threshold: float
) -> torch.Tensor:
    """Time in s, up to the threshold, for which one foot has stood and the other has swung. Shape (num_envs,).

    min(contact time of the foot that stands, air time of the other) where exactly one stands; 0 elsewhere, and
    where a linear velocity of no more than 0.1 m/s is commanded.

    Source: BHL, mdp/rewards.py.
    """
    feet = _contacts(env, sensor_name).data
    standing = feet.current_contact_time > 0.0
    lasting = torch.where(standing, feet.current_contact_time, feet.current_air_time)
    shorter = torch.clamp(torch.amin(lasting, dim=1), max=threshold)
    moving = torch.norm(_command(env, command_name)[:, :2], dim=1) > MOVING
    return shorter * ((torch.sum(standing, dim=1) == 1) & moving)


def feet_slide(env: ManagerBasedRlEnv, sensor_name: str, asset_cfg: SceneEntityCfg) -> torch.Tensor:
    """Sum of the horizontal speeds, m/s, of those feet that bore more than 1 N lately. Shape (num_envs,).

    The speed is that of the foot's centre of mass; lately: in any of the sensor's samples.
    The sensor and ``asset_cfg`` must name the same feet in the same order.

    Source: BHL, mdp/rewards.py.
    """
    speed = torch.norm(_robot(env).body_com_lin_vel_w[:, asset_cfg.body_ids, :2], dim=-1)
    return torch.sum(speed * (_greatest_force(env, sensor_name) > CONTACT_FORCE), dim=1)


def undesired_contacts(env: ManagerBasedRlEnv, sensor_name: str, threshold: float) -> torch.Tensor:
    """Number of bodies with a force above the threshold, N, in any of the sensor's samples. Shape (num_envs,).

    Source: Isaac Lab, envs/mdp/rewards.py.
    """
    return torch.sum(_greatest_force(env, sensor_name) > threshold, dim=1).float()


def _greatest_force(env: ManagerBasedRlEnv, sensor_name: str) -> torch.Tensor:
    """Greatest force of a sensor's samples, N. Shape (num_envs, bodies)."""
    return torch.amax(torch.norm(_contacts(env, sensor_name).data.force_history, dim=-1), dim=-1)


def _robot(env: ManagerBasedRlEnv) -> EntityData:
    return env.scene["robot"].data


def _contacts(env: ManagerBasedRlEnv, sensor_name: str) -> ContactSensor:
    return env.scene[sensor_name]


def _command(env: ManagerBasedRlEnv, command_name: str) -> torch.Tensor:
    return env.command_manager.get_command(command_name)
