"""The velocity tasks with rewards and resets that lead from standing to steps in MuJoCo.

Robots, what a policy sees and does, and randomisation are those of ``velocity_env_cfg``: with its rewards a robot that
stands still earns more than one that walks under exploration noise, and stays there (README.md).
"""

from __future__ import annotations

import math

from mjlab.envs import ManagerBasedRlEnvCfg
from mjlab.envs import mdp as mjlab_mdp
from mjlab.managers.curriculum_manager import CurriculumTermCfg
from mjlab.managers.event_manager import EventTermCfg
from mjlab.managers.observation_manager import ObservationTermCfg
from mjlab.managers.reward_manager import RewardTermCfg
from mjlab.managers.scene_entity_config import SceneEntityCfg
from mjlab.managers.termination_manager import TerminationTermCfg
from mjlab.tasks.velocity import mdp as mjlab_velocity_mdp

from runners.tasks.berkeley_humanoid_lite.mdp import curriculum, events, rewards, stepping
from runners.tasks.berkeley_humanoid_lite.robot_cfg import let_legs_touch
from runners.tasks.berkeley_humanoid_lite.velocity_env_cfg import (
    COMMAND,
    FEET,
    biped_env_cfg,
    deviation,
    humanoid_env_cfg,
)

SENSOR = {"sensor_name": "feet_contact"}
AXES = "x", "y", "roll", "pitch", "yaw"
STEPS_PER_ITERATION = 24
STEADIED = 150
"""Iterations for which the base's roll and pitch are damped."""
HARDER_UNTIL = 400
"""Iterations until resets and pushes are as hard as they get."""


def humanoid_stepping_env_cfg(play: bool = False) -> ManagerBasedRlEnvCfg:
    """The humanoid's task; with ``play``, without noise, pushes and an end."""
    cfg = _changed(humanoid_env_cfg(play), play, arms=True)
    cfg.rewards["track_lin_vel_xy_exp"].weight = 6.0
    cfg.rewards["progress"].weight = 4.0  # its commands are twice as fast
    cfg.rewards["swing"].params["threshold"] = 0.15
    cfg.rewards["lift"].params["height"] = 0.04
    cfg.rewards["joint_deviation_arms"] = deviation(-0.1, "arm_.*_joint")
    if not play:
        cfg.events["steady"] = EventTermCfg(
            mode="step", func=events.steady, params={"damping": 30.0, "steps": STEADIED * STEPS_PER_ITERATION}
        )
    return cfg


def biped_stepping_env_cfg(play: bool = False) -> ManagerBasedRlEnvCfg:
    """The biped's task; with ``play``, without noise, pushes and an end."""
    return _changed(biped_env_cfg(play), play, arms=False)


def _changed(cfg: ManagerBasedRlEnvCfg, play: bool, arms: bool) -> ManagerBasedRlEnvCfg:
    let_legs_touch(cfg.scene.entities["robot"])
    cfg.rewards = _rewards(arms)
    cfg.observations["critic"].terms |= {
        "foot_contact": ObservationTermCfg(func=mjlab_velocity_mdp.foot_contact, params=dict(SENSOR)),
        "foot_air_time": ObservationTermCfg(func=mjlab_velocity_mdp.foot_air_time, params=dict(SENSOR)),
        "foot_height": ObservationTermCfg(func=stepping.foot_height, params={"asset_cfg": _soles()}),
    }
    cfg.events["reset_base"].params["pose_range"] |= {"z": (-0.039, -0.03)}  # onto the floor, not 4 cm above it
    cfg.terminations["base_height"] = TerminationTermCfg(func=stepping.base_is_low, params={"height": 0.3})
    command = cfg.commands[COMMAND["command_name"]]
    command.rel_heading_envs, command.rel_standing_envs = 0.5, 0.05
    if play:
        return cfg
    cfg.events["push"] = EventTermCfg(
        mode="interval",
        func=mjlab_mdp.push_by_setting_velocity,
        interval_range_s=(4.0, 8.0),
        params={"velocity_range": {}},
    )
    narrow, wide = (dict.fromkeys(AXES, (-size, size)) for size in (0.2, 0.5))
    cfg.curriculum["velocities"] = CurriculumTermCfg(
        func=curriculum.widen,
        params={"events": ("reset_base",), "first": narrow, "last": wide, "steps": HARDER_UNTIL * STEPS_PER_ITERATION},
    )
    still, pushed = (dict.fromkeys(AXES[:2], (-size, size)) for size in (0.0, 0.5))
    cfg.curriculum["pushes"] = CurriculumTermCfg(
        func=curriculum.widen,
        params={"events": ("push",), "first": still, "last": pushed, "steps": HARDER_UNTIL * STEPS_PER_ITERATION},
    )
    return cfg


def _rewards(arms: bool) -> dict[str, RewardTermCfg]:
    """Staying upright pays, and so do unloading a foot, lifting it, and moving as commanded."""
    return {
        "track_lin_vel_xy_exp": RewardTermCfg(
            func=rewards.track_lin_vel_xy_yaw_frame_exp, weight=4.0, params={**COMMAND, "std": 0.3}
        ),
        "progress": RewardTermCfg(func=stepping.progress, weight=2.0, params=dict(COMMAND)),
        "track_ang_vel_z_exp": RewardTermCfg(
            func=stepping.TrackYawRate, weight=2.0, params={**COMMAND, "std": 0.7, "window": 0.3}
        ),
        "turn_progress": RewardTermCfg(func=stepping.TurnProgress, weight=1.5, params={**COMMAND, "window": 0.3}),
        "alive": RewardTermCfg(func=mjlab_mdp.is_alive, weight=0.2),
        "upright": RewardTermCfg(
            func=mjlab_velocity_mdp.upright, weight=1.0, params={"std": math.sqrt(0.2), "asset_cfg": _base()}
        ),
        "pose": RewardTermCfg(func=mjlab_velocity_mdp.variable_posture, weight=0.3, params=_pose(arms)),
        "unloading": RewardTermCfg(func=stepping.unloading, weight=1.5, params={**SENSOR, **COMMAND}),
        "swing": RewardTermCfg(
            func=stepping.swing, weight=2.5, params={**SENSOR, **COMMAND, "threshold": 0.2, "limit": 0.5}
        ),
        "lift": RewardTermCfg(
            func=stepping.lift, weight=1.5, params={**SENSOR, **COMMAND, "height": 0.05, "asset_cfg": _soles()}
        ),
        "stuck": RewardTermCfg(
            func=stepping.Stuck,
            weight=-1.5,
            params={**SENSOR, **COMMAND, "height": 0.02, "patience": 0.4, "asset_cfg": _soles()},
        ),
        "feet_near": RewardTermCfg(func=stepping.feet_near, weight=-50.0, params={"width": 0.1, "asset_cfg": _soles()}),
        "lin_vel_z_l2": RewardTermCfg(func=rewards.lin_vel_z_l2, weight=-0.2),
        "ang_vel_xy_l2": RewardTermCfg(func=rewards.ang_vel_xy_l2, weight=-0.03),
        "action_rate_l2": RewardTermCfg(func=mjlab_mdp.action_rate_l2, weight=-0.005),
        "dof_torques_l2": RewardTermCfg(func=mjlab_mdp.joint_torques_l2, weight=-2.0e-4),
        "dof_pos_limits": RewardTermCfg(func=mjlab_mdp.joint_pos_limits, weight=-1.0),
        "feet_slide": RewardTermCfg(
            func=rewards.feet_slide,
            weight=-0.1,
            params={**SENSOR, "asset_cfg": SceneEntityCfg("robot", body_names=(FEET,))},
        ),
        "joint_deviation_hip": deviation(-0.2, ".*_hip_yaw_joint", ".*_hip_roll_joint"),
        "joint_deviation_ankle_roll": deviation(-0.2, ".*_ankle_roll_joint"),
    }


def _base() -> SceneEntityCfg:
    return SceneEntityCfg("robot", body_names=("base",))


def _soles() -> SceneEntityCfg:
    return SceneEntityCfg("robot", site_names=("left_foot", "right_foot"))


def _pose(arms: bool) -> dict[str, object]:
    """How far from the default pose, in rad, a joint is at ease: standing, and walking."""
    walking = {
        ".*_hip_pitch_joint": 0.3,
        ".*_hip_roll_joint": 0.15,
        ".*_hip_yaw_joint": 0.15,
        ".*_knee_pitch_joint": 0.35,
        ".*_ankle_pitch_joint": 0.25,
        ".*_ankle_roll_joint": 0.1,
    } | ({"arm_.*_joint": 0.15} if arms else {})
    return {
        **COMMAND,
        "asset_cfg": SceneEntityCfg("robot", joint_names=(".*",)),
        "std_standing": {".*": 0.1},
        "std_walking": walking,
        "std_running": walking,
        "walking_threshold": stepping.MOVING,
        "running_threshold": math.inf,
    }
