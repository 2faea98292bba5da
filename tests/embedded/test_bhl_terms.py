"""Every reward term of the velocity tasks against a computation by hand. Figures: upstream's task configuration."""

from __future__ import annotations

from typing import Any

import bhl_env
import mujoco
import numpy as np
import pytest
from bhl_env import ENVS, STEP_S, Bhl, States, feel, forget, put, random_states, resting, turned

from runners.tasks.berkeley_humanoid_lite.robots import ROBOTS, Robot

WEIGHTS: dict[str, dict[str, float]] = {
    "humanoid": {
        "track_lin_vel_xy_exp": 2.0, "track_ang_vel_z_exp": 1.0, "termination_penalty": -10.0, "lin_vel_z_l2": -0.1,
        "ang_vel_xy_l2": -0.05, "flat_orientation_l2": -1.0, "action_rate_l2": -0.001, "dof_torques_l2": -2.0e-5,
        "dof_acc_l2": -1.0e-7, "dof_pos_limits": -1.0, "feet_air_time": 2.0, "feet_slide": -0.1,
        "undesired_contacts": -1.0, "joint_deviation_hip": -1.0, "joint_deviation_ankle_roll": -1.0,
        "joint_deviation_shoulder": -1.0, "joint_deviation_elbow": -1.0,
    },
    "biped": {
        "track_lin_vel_xy_exp": 2.0, "track_ang_vel_z_exp": 1.0, "termination_penalty": -10.0, "lin_vel_z_l2": -0.1,
        "ang_vel_xy_l2": -0.05, "flat_orientation_l2": -2.0, "action_rate_l2": -0.01, "dof_torques_l2": -2.0e-3,
        "dof_acc_l2": -1.0e-6, "dof_pos_limits": -1.0, "feet_air_time": 1.0, "feet_slide": -0.1,
        "undesired_contacts": -1.0, "joint_deviation_hip": -0.2, "joint_deviation_ankle_roll": -0.2,
    },
}  # fmt: skip
STD = {"humanoid": 0.5, "biped": 0.25}
LONGEST = {"humanoid": 0.5, "biped": 0.4}
SOLES_ON_FLOOR = -0.042
"""Height of the base at which the straight robot's soles are 2 mm in the floor."""
CLOSE = {"rtol": 2e-4, "atol": 1e-7}


@pytest.fixture(scope="module", params=ROBOTS, ids=lambda robot: robot.name)
def bhl(request: pytest.FixtureRequest) -> Bhl:
    robot: Robot = request.param
    return bhl_env.built(robot)


def rewards(bhl: Bhl) -> dict[str, np.ndarray]:
    """What each term adds to the reward of a step, which is their sum."""
    manager = bhl.env.reward_manager
    total = manager.compute(dt=bhl.env.step_dt)
    rows = [dict(manager.get_active_iterable_terms(index)) for index in range(ENVS)]
    terms = {name: np.array([row[name][0] for row in rows]) * STEP_S for name in rows[0]}
    np.testing.assert_allclose(total.numpy(), sum(terms.values()), rtol=1e-5, atol=1e-6)
    return terms


def reward(bhl: Bhl, name: str) -> np.ndarray:
    """One term, divided by its weight and the step's time."""
    return rewards(bhl)[name] / (WEIGHTS[bhl.robot.name][name] * STEP_S)


def torques(bhl: Bhl, states: States) -> np.ndarray:
    """Those of clipped drives with each environment's own gains; targets refer to the default without its offset."""
    model, robot = bhl.env.sim.model, bhl.robot
    target = np.array(robot.default_joint_pos) + 0.25 * states.action
    stiffness = bhl_env.numpy(model.actuator_gainprm)[..., 0]
    damping = -bhl_env.numpy(model.actuator_biasprm)[..., 2]
    wanted = stiffness * (target - states.joints) - damping * states.speeds
    return np.clip(wanted, np.negative(robot.effort_limit), robot.effort_limit)


def ahead_and_aside(bhl: Bhl, states: States) -> np.ndarray:
    """The trunk's horizontal velocity along and across the heading. Shape (ENVS, 2)."""
    velocity = states.com_velocity(bhl.com)
    x, y = (states.rotations()[:, axis, 0] for axis in (0, 1))
    heading = np.stack([x, y], axis=1) / np.hypot(x, y)[:, None]
    aside = heading[:, 0] * velocity[:, 1] - heading[:, 1] * velocity[:, 0]
    return np.stack([(heading * velocity[:, :2]).sum(1), aside], axis=1)


def by_hand(bhl: Bhl, states: States) -> dict[str, np.ndarray]:
    """Terms of robots in the air that have made no step."""
    std = STD[bhl.robot.name]
    velocity = states.com_velocity(bhl.com)
    angular = states.angular_in_world()
    gravity = -states.rotations()[:, 2]
    off = ((states.command[:, :2] - ahead_and_aside(bhl, states)) ** 2).sum(1)
    low, high = bhl.soft_limits()
    beyond = np.maximum(low - states.joints, 0) + np.maximum(states.joints - high, 0)
    deviation = np.abs(states.joints - bhl_env.numpy(bhl.data.default_joint_pos))
    terms = {
        "track_lin_vel_xy_exp": np.exp(-off / std**2),
        "track_ang_vel_z_exp": np.exp(-((states.command[:, 2] - angular[:, 2]) ** 2) / std**2),
        "termination_penalty": np.zeros(ENVS),
        "lin_vel_z_l2": np.einsum("ni,ni->n", states.rotations()[:, :, 2], velocity) ** 2,
        "ang_vel_xy_l2": states.angular[:, 0] ** 2 + states.angular[:, 1] ** 2,
        "flat_orientation_l2": gravity[:, 0] ** 2 + gravity[:, 1] ** 2,
        "action_rate_l2": ((states.action - states.before) ** 2).sum(1),
        "dof_torques_l2": (torques(bhl, states) ** 2).sum(1),
        "dof_acc_l2": np.zeros(ENVS),
        "dof_pos_limits": beyond.sum(1),
        "feet_air_time": np.zeros(ENVS),
        "feet_slide": np.zeros(ENVS),
        "undesired_contacts": np.zeros(ENVS),
        "joint_deviation_hip": deviation[:, bhl.joints("hip_yaw", "hip_roll")].sum(1),
        "joint_deviation_ankle_roll": deviation[:, bhl.joints("ankle_roll")].sum(1),
        "joint_deviation_shoulder": deviation[:, bhl.joints("shoulder")].sum(1),
        "joint_deviation_elbow": deviation[:, bhl.joints("elbow")].sum(1),
    }
    return {name: weight * terms[name] * STEP_S for name, weight in WEIGHTS[bhl.robot.name].items()}


def test_terms_in_the_air(bhl: Bhl) -> None:
    """With commands near enough for the exponentials to be no zeros, and with some drives at their limit."""
    states = random_states(bhl)
    states.command[:, :2] = ahead_and_aside(bhl, states) + np.array([0.05, -0.1])
    states.command[:, 2] = states.angular_in_world()[:, 2] - 0.2
    forget(bhl)
    put(bhl, states)
    feel(bhl, 3)
    bhl.env.episode_length_buf[:] = 0
    bhl.env.termination_manager.compute()
    expected, given = by_hand(bhl, states), rewards(bhl)
    assert list(given) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(given[name], values, **CLOSE, err_msg=name)
    limit = np.array(bhl.robot.effort_limit)
    at_limit = np.abs(torques(bhl, states)) == limit
    assert at_limit.any() and not at_limit.all()
    assert expected["track_lin_vel_xy_exp"].min() > 0.05 and (expected["dof_pos_limits"] < 0).all()


def test_joint_acceleration_is_the_difference_over_the_last_physics_step(bhl: Bhl) -> None:
    states = random_states(bhl)
    put(bhl, states)
    bhl.env.sim.step()
    change = (bhl.qvel[:, 6:] - states.speeds) / 0.005
    np.testing.assert_allclose(reward(bhl, "dof_acc_l2"), (change**2).sum(1), rtol=1e-3)


def test_a_fall_is_penalised_and_a_time_out_is_not(bhl: Bhl) -> None:
    states = resting(bhl, 1.0)
    states.quaternion[0] = turned(0.0, roll=1.0)
    put(bhl, states)
    bhl.env.episode_length_buf[:] = bhl.env.episode_length_buf.new_tensor([0, 500, 0, 0])
    bhl.env.termination_manager.compute()
    np.testing.assert_allclose(rewards(bhl)["termination_penalty"], [-0.4, 0, 0, 0])
    bhl.env.episode_length_buf[:] = 0


def standing_on_one(bhl: Bhl, raised: str) -> States:
    """Straight on the floor, this leg bent so that its foot hangs in the air."""
    states = resting(bhl, SOLES_ON_FLOOR)
    states.joints[:, bhl.joints(f"leg_{raised}_hip_pitch", f"leg_{raised}_ankle_pitch")] = -0.6
    states.joints[:, bhl.joints(f"leg_{raised}_knee_pitch")] = 1.2
    return states


def test_air_time(bhl: Bhl) -> None:
    """The shorter of the one foot's stance and the other's swing, where there are both."""
    longest = LONGEST[bhl.robot.name]
    both, right, none = resting(bhl, SOLES_ON_FLOOR), standing_on_one(bhl, "left"), resting(bhl, 0.2)
    moving = ((0.11, 0.0, 0.0), (0.0, -0.11, 0.0), (0.07, 0.07, 1.0), (0.08, 0.08, 0.0))
    above_a_tenth = np.array([1, 1, 0, 1])

    def sequence(*parts: tuple[States, int]) -> np.ndarray:
        forget(bhl)
        for states, samples in parts:
            states.command[:] = moving
            put(bhl, states)
            feel(bhl, samples)
        return reward(bhl, "feet_air_time")

    left = standing_on_one(bhl, "right")
    for parts, seconds in (
        (((both, 20), (left, 30)), 0.15),
        (((none, 20), (right, 30)), 0.15),
        (((none, 20), (left, 30), (right, 10)), 0.05),
        (((left, 120),), longest),
        (((left, 30), (both, 10)), 0.0),
        (((left, 30), (none, 10)), 0.0),
    ):
        np.testing.assert_allclose(sequence(*parts), seconds * above_a_tenth, rtol=1e-4)


def test_slide(bhl: Bhl) -> None:
    """Horizontal speed of the centres of mass of those feet that stood in one of the last three samples."""
    states = standing_on_one(bhl, "right")
    states.linear[:, :2] = [(0.3, 0.0), (0.0, -0.4), (0.2, 0.2), (0.0, 0.0)]
    states.angular[:, 2] = (0.0, 1.0, -2.0, 3.0)
    left = foot_speeds(bhl, states, "left")
    forget(bhl)
    put(bhl, states)
    feel(bhl, 1)
    np.testing.assert_allclose(reward(bhl, "feet_slide"), left, **CLOSE)
    states.position[:, 2] = 0.2
    put(bhl, states)
    feel(bhl, 2)
    np.testing.assert_allclose(reward(bhl, "feet_slide"), left, **CLOSE)
    feel(bhl, 1)
    np.testing.assert_allclose(reward(bhl, "feet_slide"), 0.0)
    right = foot_speeds(bhl, states, "right")
    bhl.env.scene["feet_contact"].data.force_history[:, :, 1] = bhl.data.joint_pos.new_tensor(
        [[0.6, 0.6, 0.5], [0.6, 0.6, 0.6]]
    )
    np.testing.assert_allclose(reward(bhl, "feet_slide"), right, **CLOSE)


def foot_speeds(bhl: Bhl, states: States, side: str) -> np.ndarray:
    """MuJoCo's own, which it gives for a body's centre of mass."""
    model = mujoco.MjModel.from_xml_path(str(bhl.robot.model))
    data, speeds = mujoco.MjData(model), []
    for index in range(ENVS):
        data.qpos[:] = np.hstack([states.position[index], states.quaternion[index], states.joints[index]])
        data.qvel[:] = np.hstack([states.linear[index], states.angular[index], states.speeds[index]])
        mujoco.mj_forward(model, data)
        twist = np.empty(6)
        foot = model.body(f"leg_{side}_ankle_roll").id
        mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_BODY, foot, twist, 0)
        speeds.append(np.linalg.norm(twist[3:5]))
    return np.array(speeds)


LYING = {
    "on the face": (turned(0.3, pitch=np.pi / 2), 0.066),
    "on the back": (turned(1.0, pitch=-np.pi / 2), 0.066),
    "on the side": (turned(0.0, roll=np.pi / 2), 0.06),
    "upright": (turned(0.0), SOLES_ON_FLOOR),
}


def test_undesired_contacts(bhl: Bhl) -> None:
    """Counted by MuJoCo itself, from the robot's own file and a floor."""
    states = resting(bhl, 0.0)
    for index, (quaternion, height) in enumerate(LYING.values()):
        states.quaternion[index], states.position[index, 2] = quaternion, height
    expected = [touching(bhl, states, index) for index in range(ENVS)]
    assert all("base" in bodies for bodies in expected[:2]) and expected[2] and not expected[3]
    forget(bhl)
    put(bhl, states)
    feel(bhl, 1)
    np.testing.assert_allclose(reward(bhl, "undesired_contacts"), [len(bodies) for bodies in expected], rtol=1e-6)
    sensor = bhl.env.scene["undesired_contact"]
    for index, bodies in enumerate(expected):
        felt = sensor.data.force[index].norm(dim=-1) > 1.0
        assert {name for name, is_felt in zip(sensor.primary_names, felt, strict=True) if is_felt} == bodies


def touching(bhl: Bhl, states: States, index: int) -> set[str]:
    """Bodies with a shape, no feet, that press the floor with more than 1 N."""
    spec = mujoco.MjSpec.from_file(str(bhl.robot.model))
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[5, 5, 1])
    model = spec.compile()
    data = mujoco.MjData(model)
    data.qpos[:] = np.hstack([states.position[index], states.quaternion[index], states.joints[index]])
    mujoco.mj_forward(model, data)
    pressed: dict[str, float] = {}
    force = np.empty(6)
    for number in range(data.ncon):
        bodies = [int(model.geom_bodyid[geom]) for geom in data.contact[number].geom]
        if 0 in bodies:
            mujoco.mj_contactForce(model, data, number, force)
            name = model.body(max(bodies)).name
            pressed[name] = pressed.get(name, 0.0) + float(force[0])
    return {name for name, newtons in pressed.items() if newtons > 1.0 and "ankle" not in name}


def test_undesired_contacts_are_of_more_than_1_newton_in_three_samples(bhl: Bhl) -> None:
    forget(bhl)
    sensor: Any = bhl.env.scene["undesired_contact"]
    sensor.data.force_history[:, :, 2] = 0.57
    np.testing.assert_allclose(reward(bhl, "undesired_contacts"), 0.0)
    sensor.data.force_history[:, 1:3, 2] = 0.58
    np.testing.assert_allclose(reward(bhl, "undesired_contacts"), 2.0)
    parts = ["base", *(f"leg_{s}_{part}" for s in ("left", "right") for part in ("hip_pitch", "knee_pitch"))]
    if bhl.robot.name == "humanoid":
        parts += [f"arm_{s}_{part}" for s in ("left", "right") for part in ("shoulder_yaw", "elbow_roll")]
    assert set(sensor.primary_names) == set(parts) and len(sensor.primary_names) == len(parts)
    assert bhl.env.scene["feet_contact"].primary_names == ["leg_left_ankle_roll", "leg_right_ankle_roll"]
    forget(bhl)
