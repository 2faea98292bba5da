"""The velocity tasks, term by term upstream's (BHL, tasks/locomotion/velocity)."""

from __future__ import annotations

import math

from mjlab.entity import EntityCfg
from mjlab.envs import ManagerBasedRlEnvCfg
from mjlab.envs import mdp as mjlab_mdp
from mjlab.envs.mdp import dr
from mjlab.envs.mdp.actions import JointPositionActionCfg
from mjlab.managers.event_manager import EventTermCfg
from mjlab.managers.observation_manager import ObservationGroupCfg, ObservationTermCfg
from mjlab.managers.reward_manager import RewardTermCfg
from mjlab.managers.scene_entity_config import SceneEntityCfg
from mjlab.managers.termination_manager import TerminationTermCfg
from mjlab.scene import SceneCfg
from mjlab.sensor import ContactMatch, ContactSensorCfg
from mjlab.sim import MujocoCfg, SimulationCfg
from mjlab.terrains import TerrainEntityCfg
from mjlab.utils.noise import UniformNoiseCfg
from mjlab.viewer import ViewerConfig

from runners.tasks.berkeley_humanoid_lite.mdp import events, observations, rewards
from runners.tasks.berkeley_humanoid_lite.mdp.commands import BaseVelocityCommandCfg
from runners.tasks.berkeley_humanoid_lite.robot_cfg import biped_cfg, humanoid_cfg

COMMAND = {"command_name": "base_velocity"}
FEET = "leg_.*_ankle_roll"
UNDESIRED = ("base", ".*_hip_pitch", ".*_knee_pitch")
"""Upstream names every link from hip to knee; of these only the ones with a shape can touch anything."""
UNDESIRED_ARMS = (".*_shoulder_yaw", ".*_elbow_roll")
ENDLESS_S = int(1e9)


def humanoid_env_cfg(play: bool = False) -> ManagerBasedRlEnvCfg:
    """The humanoid's task; with ``play``, without noise and without an end."""
    terms = _rewards() | {
        "joint_deviation_shoulder": deviation(-1.0, ".*_shoulder_.*_joint"),
        "joint_deviation_elbow": deviation(-1.0, ".*_elbow_.*_joint"),
    }
    command = _command(x=1.0, y=0.5, yaw=1.5)
    return _env_cfg(humanoid_cfg(), command, terms, (*UNDESIRED, *UNDESIRED_ARMS), play)


def biped_env_cfg(play: bool = False) -> ManagerBasedRlEnvCfg:
    """The biped's task; with ``play``, without noise and without an end."""
    terms = _rewards()
    terms["track_lin_vel_xy_exp"].params["std"] = 0.25
    terms["track_ang_vel_z_exp"].params["std"] = 0.25
    terms["flat_orientation_l2"].weight = -2.0
    terms["action_rate_l2"].weight = -0.01
    terms["dof_torques_l2"].weight = -2.0e-3
    terms["dof_acc_l2"].weight = -1.0e-6
    terms["feet_air_time"].weight = 1.0
    terms["feet_air_time"].params["threshold"] = 0.4
    terms["joint_deviation_hip"].weight = -0.2
    terms["joint_deviation_ankle_roll"].weight = -0.2
    return _env_cfg(biped_cfg(), _command(x=0.5, y=0.25, yaw=1.0), terms, UNDESIRED, play)


def _env_cfg(
    robot: EntityCfg,
    command: BaseVelocityCommandCfg,
    terms: dict[str, RewardTermCfg],
    undesired: tuple[str, ...],
    play: bool,
) -> ManagerBasedRlEnvCfg:
    return ManagerBasedRlEnvCfg(
        scene=SceneCfg(
            num_envs=4096,
            env_spacing=2.5,
            terrain=TerrainEntityCfg(terrain_type="plane", env_spacing=2.5),
            entities={"robot": robot},
            sensors=_contact_sensors(undesired),
            extent=2.0,
        ),
        observations=_observations(corruption=not play),
        actions={
            "joint_pos": JointPositionActionCfg(
                entity_name="robot", actuator_names=(".*",), scale=0.25, use_default_offset=True
            )
        },
        commands={COMMAND["command_name"]: command},
        events=_events(),
        rewards=terms,
        terminations={
            "time_out": TerminationTermCfg(func=mjlab_mdp.time_out, time_out=True),
            "base_orientation": TerminationTermCfg(func=mjlab_mdp.bad_orientation, params={"limit_angle": 0.78}),
        },
        sim=SimulationCfg(njmax=200, mujoco=MujocoCfg(timestep=0.005, iterations=10, ls_iterations=20)),
        viewer=ViewerConfig(
            origin_type=ViewerConfig.OriginType.ASSET_BODY,
            entity_name="robot",
            body_name="base",
            distance=2.0,
            elevation=-10.0,
            azimuth=120.0,
        ),
        decimation=8,
        episode_length_s=ENDLESS_S if play else 20.0,
    )


def _contact_sensors(undesired: tuple[str, ...]) -> tuple[ContactSensorCfg, ...]:
    """Forces of the floor on feet and on other bodies, over the last 3 physics steps."""
    floor = ContactMatch(mode="body", pattern="terrain")
    return (
        ContactSensorCfg(
            name="feet_contact",
            primary=ContactMatch(mode="body", pattern=FEET, entity="robot"),
            secondary=floor,
            fields=("found", "force"),
            reduce="netforce",
            track_air_time=True,
            history_length=3,
        ),
        ContactSensorCfg(
            name="undesired_contact",
            primary=ContactMatch(mode="body", pattern=undesired, entity="robot"),
            secondary=floor,
            fields=("force",),
            reduce="netforce",
            history_length=3,
        ),
    )


def _command(x: float, y: float, yaw: float) -> BaseVelocityCommandCfg:
    """Ranges are symmetric: m/s, m/s, rad/s. The yaw rate turns every robot towards a heading."""
    return BaseVelocityCommandCfg(
        entity_name="robot",
        resampling_time_range=(10.0, 10.0),
        heading_command=True,
        heading_control_stiffness=0.5,
        rel_standing_envs=0.02,
        rel_heading_envs=1.0,
        debug_vis=True,
        ranges=BaseVelocityCommandCfg.Ranges(
            lin_vel_x=(-x, x), lin_vel_y=(-y, y), ang_vel_z=(-yaw, yaw), heading=(-math.pi, math.pi)
        ),
    )


def _observations(corruption: bool) -> dict[str, ObservationGroupCfg]:
    """What the policy sees, in the order in which the robot's own computer gives it, and what the critic sees."""
    terms = {
        "velocity_commands": ObservationTermCfg(func=mjlab_mdp.generated_commands, params=dict(COMMAND)),
        "base_ang_vel": ObservationTermCfg(func=mjlab_mdp.base_ang_vel, noise=_noise(0.3)),
        "projected_gravity": ObservationTermCfg(func=mjlab_mdp.projected_gravity, noise=_noise(0.05)),
        "joint_pos": ObservationTermCfg(func=mjlab_mdp.joint_pos_rel, noise=_noise(0.05)),
        "joint_vel": ObservationTermCfg(func=mjlab_mdp.joint_vel_rel, noise=_noise(2.0)),
        "actions": ObservationTermCfg(func=mjlab_mdp.last_action),
    }
    privileged = {"base_lin_vel": ObservationTermCfg(func=observations.base_lin_vel)}
    return {
        "actor": ObservationGroupCfg(terms=dict(terms), enable_corruption=corruption),
        "critic": ObservationGroupCfg(terms=terms | privileged, enable_corruption=False),
    }


def _noise(size: float) -> UniformNoiseCfg:
    return UniformNoiseCfg(n_min=-size, n_max=size)


def _rewards() -> dict[str, RewardTermCfg]:
    """The terms that both robots have, with the humanoid's weights."""
    return {
        "track_lin_vel_xy_exp": RewardTermCfg(
            func=rewards.track_lin_vel_xy_yaw_frame_exp, weight=2.0, params={**COMMAND, "std": 0.5}
        ),
        "track_ang_vel_z_exp": RewardTermCfg(
            func=rewards.track_ang_vel_z_world_exp, weight=1.0, params={**COMMAND, "std": 0.5}
        ),
        "termination_penalty": RewardTermCfg(func=mjlab_mdp.is_terminated, weight=-10.0),
        "lin_vel_z_l2": RewardTermCfg(func=rewards.lin_vel_z_l2, weight=-0.1),
        "ang_vel_xy_l2": RewardTermCfg(func=rewards.ang_vel_xy_l2, weight=-0.05),
        "flat_orientation_l2": RewardTermCfg(func=mjlab_mdp.flat_orientation_l2, weight=-1.0),
        "action_rate_l2": RewardTermCfg(func=mjlab_mdp.action_rate_l2, weight=-0.001),
        "dof_torques_l2": RewardTermCfg(func=mjlab_mdp.joint_torques_l2, weight=-2.0e-5),
        "dof_acc_l2": RewardTermCfg(func=rewards.JointAccL2, weight=-1.0e-7),
        "dof_pos_limits": RewardTermCfg(func=mjlab_mdp.joint_pos_limits, weight=-1.0),
        "feet_air_time": RewardTermCfg(
            func=rewards.feet_air_time_positive_biped,
            weight=2.0,
            params={**COMMAND, "sensor_name": "feet_contact", "threshold": 0.5},
        ),
        "feet_slide": RewardTermCfg(
            func=rewards.feet_slide,
            weight=-0.1,
            params={"sensor_name": "feet_contact", "asset_cfg": SceneEntityCfg("robot", body_names=(FEET,))},
        ),
        "undesired_contacts": RewardTermCfg(
            func=rewards.undesired_contacts,
            weight=-1.0,
            params={"sensor_name": "undesired_contact", "threshold": 1.0},
        ),
        "joint_deviation_hip": deviation(-1.0, ".*_hip_yaw_joint", ".*_hip_roll_joint"),
        "joint_deviation_ankle_roll": deviation(-1.0, ".*_ankle_roll_joint"),
    }


def deviation(weight: float, *joints: str) -> RewardTermCfg:
    """A reward for the distance of the named joints from their default."""
    asset = SceneEntityCfg("robot", joint_names=joints)
    return RewardTermCfg(func=rewards.joint_deviation_l1, weight=weight, params={"asset_cfg": asset})


def _events() -> dict[str, EventTermCfg]:
    """No robot is like another, and none is reset alike; nothing pushes them, as upstream has it commented out."""
    base = SceneEntityCfg("robot", body_names=("base",))
    return {
        "physics_material": EventTermCfg(
            mode="startup",
            func=dr.geom_friction,
            params={
                "asset_cfg": SceneEntityCfg("robot", geom_names=(".*_collision",)),
                "operation": "abs",
                "ranges": (0.4, 1.2),
            },
        ),
        "add_base_mass": EventTermCfg(
            mode="startup", func=events.add_mass, params={"asset_cfg": base, "mass_range": (-1.0, 2.0)}
        ),
        "add_all_joint_default_pos": EventTermCfg(
            mode="startup", func=events.offset_default_joint_pos, params={"offset_range": (-0.05, 0.05)}
        ),
        "scale_all_actuator_torque_constant": EventTermCfg(
            mode="startup",
            func=dr.pd_gains,
            params={"kp_range": (0.8, 1.2), "kd_range": (0.8, 1.2), "operation": "scale"},
        ),
        "reset_base": EventTermCfg(
            mode="reset",
            func=events.reset_root_state,
            params={
                "pose_range": {"x": (-0.5, 0.5), "y": (-0.5, 0.5), "yaw": (-3.14, 3.14)},
                "velocity_range": dict.fromkeys(("x", "y", "roll", "pitch", "yaw"), (-0.5, 0.5)),
            },
        ),
        "reset_robot_joints": EventTermCfg(
            mode="reset", func=events.reset_joints_by_scale, params={"position_range": (0.5, 1.5)}
        ),
        "base_external_force_torque": EventTermCfg(
            mode="step",
            func=events.HeldWrench,
            params={"asset_cfg": base, "force_range": (-2.0, 2.0), "torque_range": (-2.0, 2.0)},
        ),
    }
