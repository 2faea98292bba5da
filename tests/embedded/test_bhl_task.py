"""The velocity tasks but for their rewards (test_bhl_terms.py). Figures: upstream's task configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bhl_env
import mujoco
import numpy as np
import pytest
import torch
from bhl_env import ENVS, FIGURES, STEP_S, Bhl, numpy, put, random_states, resting, rotation, turned, write

from runners.plain import to_plain
from runners.simulators.mujoco import SIMULATOR
from runners.tasks.berkeley_humanoid_lite.robots import ROBOTS, Robot

LARGEST = {"humanoid": (1.0, 0.5, 1.5), "biped": (0.5, 0.25, 1.0)}
ALL = torch.arange(ENVS)
CLOSE = {"rtol": 1e-4, "atol": 2e-5}


@pytest.fixture(scope="module", params=ROBOTS, ids=lambda robot: robot.name)
def bhl(request: pytest.FixtureRequest) -> Bhl:
    robot: Robot = request.param
    return bhl_env.built(robot)


@pytest.fixture(autouse=True)
def same_draws() -> None:
    torch.manual_seed(0)


def spans(values: Any, low: float, high: float, share: float = 0.04) -> bool:
    """Whether draws stay inside a range and come as near to both of its ends as this share of it."""
    values, near = np.asarray(values), share * (high - low)
    edge = 1e-4 * (high - low)
    return bool(low - edge <= values.min() < low + near and high - near < values.max() <= high + edge)


def draws(draw: Callable[[], object], read: Callable[[], np.ndarray], times: int = 100) -> np.ndarray:
    """What ``read`` gives after each of so many draws. Shape (times, ...)."""
    return np.stack([(draw(), read())[1] for _ in range(times)])


def test_both_tasks_are_listed(bhl: Bhl) -> None:
    from mjlab.tasks.registry import list_tasks

    assert bhl.robot.task in SIMULATOR.tasks() and bhl.robot.task in list_tasks()


def test_scene_and_time(bhl: Bhl) -> None:
    cfg = SIMULATOR.configs(bhl.robot.task).env
    assert (cfg.sim.mujoco.timestep, cfg.decimation, cfg.episode_length_s) == (0.005, 8, 20.0)
    assert (cfg.scene.num_envs, cfg.scene.env_spacing, cfg.scene.terrain.terrain_type) == (4096, 2.5, "plane")
    assert bhl.env.step_dt == pytest.approx(STEP_S) and bhl.env.max_episode_length == 500
    assert cfg.auto_reset and not cfg.is_finite_horizon and cfg.scale_rewards_by_dt and not cfg.curriculum


def test_playing_is_training_without_noise_and_end(bhl: Bhl) -> None:
    train, play = (SIMULATOR.configs(bhl.robot.task, play=play).env for play in (False, True))
    assert play.episode_length_s >= 1e6 and train.observations["actor"].enable_corruption
    assert not play.observations["actor"].enable_corruption
    play.episode_length_s, play.observations["actor"].enable_corruption = 20.0, True
    assert to_plain(play) == to_plain(train)


def test_agent(bhl: Bhl) -> None:
    agent = to_plain(SIMULATOR.configs(bhl.robot.task).agent)
    figures = {
        "num_steps_per_env": 24, "max_iterations": 6000, "save_interval": 100, "seed": 42,
        "experiment_name": bhl.robot.name, "clip_actions": None, "logger": "tensorboard",
    }  # fmt: skip
    assert {name: agent[name] for name in figures} == figures
    for net in ("actor", "critic"):
        assert (agent[net]["hidden_dims"], agent[net]["activation"]) == ([256, 128, 128], "elu")
        assert agent[net]["obs_normalization"] is False
    assert agent["actor"]["distribution_cfg"]["init_std"] == 1.0
    algorithm = {
        "value_loss_coef": 1.0, "use_clipped_value_loss": True, "clip_param": 0.2, "entropy_coef": 0.008,
        "num_learning_epochs": 5, "num_mini_batches": 4, "learning_rate": 1e-3, "schedule": "adaptive",
        "desired_kl": 0.01, "gamma": 0.99, "lam": 0.95, "max_grad_norm": 1.0,
    }  # fmt: skip
    assert {name: agent["algorithm"][name] for name in algorithm} == algorithm


def test_drives(bhl: Bhl) -> None:
    """In the compiled model: the training's figures, and none of the deployment's joint friction."""
    model = bhl.env.sim.mj_model
    assert list(bhl.env.scene["robot"].joint_names) == list(bhl.robot.joints)
    assert model.nu == len(bhl.robot.joints)
    for place, figure in enumerate(FIGURES[bhl.robot.name]["joints"]):
        joint, drive = model.joint(7 + place - 6), model.actuator(place)
        assert joint.name == drive.name == f"robot/{figure['name']}" and joint.qposadr[0] == 7 + place
        assert drive.gainprm[0] == -drive.biasprm[1] == figure["stiffness"] and -drive.biasprm[2] == figure["damping"]
        assert drive.forcerange.tolist() == [-figure["effort_limit"], figure["effort_limit"]]
        assert joint.armature[0] == pytest.approx(figure["armature"])
        assert joint.frictionloss[0] == joint.damping[0] == 0.0 and not drive.ctrllimited[0]


def test_shapes_touch_the_floor_alone_with_their_own_friction(bhl: Bhl) -> None:
    model = bhl.env.sim.mj_model
    floor = next(geom for geom in map(model.geom, range(model.ngeom)) if geom.type[0] == mujoco.mjtGeom.mjGEOM_PLANE)
    touching = [geom for geom in map(model.geom, range(model.ngeom)) if geom.contype[0] or geom.conaffinity[0]]
    shapes = [geom for geom in touching if geom.id != floor.id]
    assert len(shapes) == {"humanoid": 11, "biped": 7}[bhl.robot.name]
    for geom in shapes:
        assert geom.name.endswith("_collision") and not geom.contype[0] and geom.conaffinity[0] & floor.contype[0]
        assert geom.priority[0] > floor.priority[0] and geom.condim[0] == 3


def test_observations(bhl: Bhl) -> None:
    """Each element of both groups against the written state, the actor's within its noise."""
    states = random_states(bhl)
    put(bhl, states)
    rotations = states.rotations()
    parts = (
        (states.command, 0.0),
        (states.angular, 0.3),
        (-rotations[:, 2], 0.05),
        (states.joints - numpy(bhl.data.default_joint_pos), 0.05),
        (states.speeds, 2.0),
        (states.action, 0.0),
    )
    clean = np.hstack([values for values, _ in parts])
    noise = np.concatenate([np.full(values.shape[1], size) for values, size in parts])
    assert clean.shape[1] == {"humanoid": 75, "biped": 45}[bhl.robot.name]
    velocity = np.einsum("nij,ni->nj", rotations, states.com_velocity(bhl.com))
    assert np.abs(states.com_velocity(bhl.com) - states.linear).min(axis=0).max() > 0.05

    def observe(group: str) -> np.ndarray:
        return numpy(bhl.env.observation_manager.compute_group(group))

    np.testing.assert_allclose(observe("critic"), np.hstack([clean, velocity]), **CLOSE)
    noisy = draws(lambda: None, lambda: observe("actor"), 200) - clean
    for column, size in enumerate(noise):
        assert spans(noisy[..., column], -size, size, 0.02) if size else np.abs(noisy[..., column]).max() < 1e-5, column


def test_action(bhl: Bhl) -> None:
    """Nominal default plus a quarter of the action, unclipped, joint by joint; the offset of the default is unseen."""
    states = random_states(bhl)
    states.action *= 100.0
    put(bhl, states)
    target = np.array(bhl.robot.default_joint_pos) + 0.25 * states.action
    np.testing.assert_allclose(numpy(bhl.env.sim.data.ctrl), target, rtol=1e-5, atol=1e-5)
    assert np.abs(numpy(bhl.data.default_joint_pos) - bhl.robot.default_joint_pos).max() > 0.01


def test_termination(bhl: Bhl) -> None:
    states = resting(bhl, 1.0)
    for index, (roll, pitch) in enumerate(((0.77, 0.0), (0.0, -0.79), (-0.79, 0.0), (0.0, 0.77))):
        states.quaternion[index] = turned(1.0, roll, pitch)
    put(bhl, states)
    bhl.env.episode_length_buf[:] = torch.tensor([499, 499, 500, 500])
    manager = bhl.env.termination_manager
    manager.compute()
    assert manager.terminated.tolist() == [False, True, True, False]
    assert manager.time_outs.tolist() == [False, False, True, True]
    bhl.env.episode_length_buf[:] = 0


def test_command_draws(bhl: Bhl) -> None:
    command = bhl.command
    command.reset(ALL)
    assert command.time_left.tolist() == [10.0] * ENVS
    standing = draws(lambda: command.reset(ALL), lambda: numpy(command.is_standing_env), 500)
    assert 10 <= standing.sum() <= 80  # 2 % of 2000 are 40
    drawn = draws(lambda: command.reset(ALL), lambda: numpy(command.vel_command_b), 100)
    for axis, largest in enumerate(LARGEST[bhl.robot.name]):
        assert spans(drawn[..., axis], -largest, largest), axis
    assert spans(draws(lambda: command.reset(ALL), lambda: numpy(command.heading_target)), -np.pi, np.pi)
    assert command.is_heading_env.all() and not command.is_world_env.any() and not command.is_forward_env.any()


def test_command_turns_towards_its_heading(bhl: Bhl) -> None:
    """Half the way left, the short way round, within the range; who stands is told to stand still."""
    largest = LARGEST[bhl.robot.name][2]
    states = resting(bhl, 1.0)
    states.quaternion[:] = [turned(yaw) for yaw in (0.0, 3.0, -1.0, 0.0)]
    states.command[:] = 0.2
    put(bhl, states)
    command = bhl.command
    command.is_standing_env[:] = torch.tensor([False, False, False, True])
    command.heading_target[:] = torch.tensor([0.4, -3.0, -1.0 + 3.1, 1.0])
    command.time_left[:] = 5.0
    command.compute(0.0)
    yaw = [0.2, 0.5 * (2 * np.pi - 6.0), min(1.55, largest), 0.0]
    np.testing.assert_allclose(command.command, [*([0.2, 0.2, rate] for rate in yaw[:3]), [0.0] * 3], rtol=1e-4)
    command.heading_target[:] = torch.tensor([-3.1, 3.0, -1.0, 0.0])
    command.compute(0.0)
    np.testing.assert_allclose(command.command[:, 2], [-min(1.55, largest), 0.0, 0.0, 0.0], atol=1e-5)
    command.is_standing_env[:] = False


def test_command_errors_are_of_the_trunk(bhl: Bhl) -> None:
    states = random_states(bhl)
    put(bhl, states)
    command = bhl.command
    for error in command.metrics.values():
        error.zero_()
    command._update_metrics()
    velocity = np.einsum("nij,ni->nj", states.rotations(), states.com_velocity(bhl.com))
    linear = np.linalg.norm(states.command[:, :2] - velocity[:, :2], axis=1)
    np.testing.assert_allclose(command.metrics["error_vel_xy"], linear * STEP_S / 10, rtol=1e-4)
    yaw = np.abs(states.command[:, 2] - states.angular[:, 2])
    np.testing.assert_allclose(command.metrics["error_vel_yaw"], yaw * STEP_S / 10, rtol=1e-4)


def test_events(bhl: Bhl) -> None:
    """What there is and when, and that the start-up's have been; each of them is tested below."""
    assert bhl.env.event_manager.active_terms == {
        "startup": [
            "physics_material", "add_base_mass", "add_all_joint_default_pos", "scale_all_actuator_torque_constant",
        ],
        "reset": ["reset_base", "reset_robot_joints"],
        "step": ["base_external_force_torque"],
    }  # fmt: skip
    model = bhl.env.sim.model
    for field in ("geom_friction", "body_mass", "body_inertia", "actuator_gainprm"):
        assert np.ptp(numpy(getattr(model, field)), axis=0).max() > 0.0, field
    base, figures = bhl.env.sim.mj_model.body("robot/base").id, FIGURES[bhl.robot.name]
    added = numpy(model.body_mass)[:, base] - figures["bodies"][0]["mass"]
    np.testing.assert_allclose(numpy(model.body_subtreemass)[:, base], figures["total_mass"] + added, rtol=1e-5)


def startup_draws(bhl: Bhl, name: str, *fields: str) -> list[np.ndarray]:
    """Fields of the model after each of 100 draws of an event, which leaves them as it found them."""
    model, term = bhl.env.sim.model, bhl.event(name)
    found = [getattr(model, field)[:].clone() for field in fields]
    drawn: list[list[np.ndarray]] = [[] for _ in fields]
    for _ in range(100):
        term.func(bhl.env, None, **term.params)
        for field, rows in zip(fields, drawn, strict=True):
            rows.append(numpy(getattr(model, field)))
    for field, before in zip(fields, found, strict=True):
        getattr(model, field)[:] = before
    return [np.stack(rows) for rows in drawn]


def test_friction(bhl: Bhl) -> None:
    (friction,) = startup_draws(bhl, "physics_material", "geom_friction")
    model = bhl.env.sim.mj_model
    shapes = [i for i in range(model.ngeom) if model.geom(i).name.endswith("_collision")]
    others = [i for i in range(model.ngeom) if i not in shapes]
    assert all(spans(friction[:, :, shape, 0], 0.4, 1.2) for shape in shapes)
    np.testing.assert_allclose(friction[-1][:, others], [model.geom_friction[others]] * ENVS)
    assert np.ptp(friction[0, 0, shapes, 0]) > 0.05 and np.ptp(friction[0, :, shapes[0], 0]) > 0.01


def test_mass(bhl: Bhl) -> None:
    mass, inertia = startup_draws(bhl, "add_base_mass", "body_mass", "body_inertia")
    model = bhl.env.sim.mj_model
    base = model.body("robot/base").id
    assert spans(mass[:, :, base] - FIGURES[bhl.robot.name]["bodies"][0]["mass"], -1.0, 2.0)
    ratio = mass[:, :, base] / model.body_mass[base]
    np.testing.assert_allclose(inertia[:, :, base], ratio[..., None] * model.body_inertia[base], rtol=1e-4)
    others = [i for i in range(model.nbody) if i != base]
    np.testing.assert_allclose(mass[-1][:, others], [model.body_mass[others]] * ENVS, rtol=1e-5)
    np.testing.assert_allclose(inertia[-1][:, others], [model.body_inertia[others]] * ENVS, rtol=1e-5)


def test_gains(bhl: Bhl) -> None:
    gain, bias = startup_draws(bhl, "scale_all_actuator_torque_constant", "actuator_gainprm", "actuator_biasprm")
    np.testing.assert_allclose(gain[..., 0], -bias[..., 1])
    stiffness, damping = gain[..., 0] / bhl.robot.stiffness, -bias[..., 2] / bhl.robot.damping
    for joint in range(len(bhl.robot.joints)):
        assert spans(stiffness[..., joint], 0.8, 1.2) and spans(damping[..., joint], 0.8, 1.2)
    independent = np.corrcoef(np.vstack([stiffness.reshape(-1, len(bhl.robot.joints)).T[:3], damping[..., 0].ravel()]))
    assert np.abs(independent - np.eye(4)).max() < 0.3


def test_offset_of_the_default(bhl: Bhl) -> None:
    default, term = bhl.data.default_joint_pos, bhl.event("add_all_joint_default_pos")
    found = default.clone()
    assert np.abs(numpy(found) - bhl.robot.default_joint_pos).max() <= 0.05
    drawn = draws(
        lambda: (default.copy_(found), term.func(bhl.env, None, **term.params)), lambda: numpy(default - found)
    )
    default.copy_(found)
    assert np.ptp(drawn, axis=2).min() > 0.0
    assert all(spans(drawn[..., joint], -0.05, 0.05) for joint in range(len(bhl.robot.joints)))


def test_reset_of_the_base(bhl: Bhl) -> None:
    """Its velocity is that of the trunk's centre of mass; nothing tilts or lifts it."""
    term = bhl.event("reset_base")
    state = draws(
        lambda: term.func(bhl.env, ALL, **term.params), lambda: np.hstack([bhl.qpos[:, :7], bhl.qvel[:, :6]]), 150
    ).reshape(-1, 13)
    rotations = np.stack([rotation(quaternion) for quaternion in state[:, 3:7]])
    np.testing.assert_allclose(rotations[:, 2], [[0, 0, 1]] * len(state), atol=1e-6)
    assert spans(np.arctan2(rotations[:, 1, 0], rotations[:, 0, 0]), -3.14, 3.14)
    origins = np.tile(numpy(bhl.env.scene.env_origins), (150, 1))
    place = state[:, :3] - origins
    assert spans(place[:, 0], -0.5, 0.5) and spans(place[:, 1], -0.5, 0.5) and not place[:, 2].any()
    angular = np.einsum("nij,nj->ni", rotations, state[:, 10:])
    velocity = state[:, 7:10] + np.cross(angular, rotations @ bhl.com)
    for values in (velocity[:, 0], velocity[:, 1], *angular.T):
        assert spans(values, -0.5, 0.5)
    assert np.abs(velocity[:, 2]).max() < 1e-5


def test_reset_of_the_joints(bhl: Bhl) -> None:
    """Default, as offset, times 0.5 to 1.5, within 0.9 of the range: the elbows start at 0.0785 rad."""
    term, default = bhl.event("reset_robot_joints"), numpy(bhl.data.default_joint_pos)
    write(bhl.env.sim.data.qvel, np.ones_like(bhl.qvel))
    drawn = draws(lambda: term.func(bhl.env, ALL, **term.params), lambda: bhl.qpos[:, 7:], 300)
    low, high = bhl.soft_limits()
    assert (drawn >= low - 1e-6).all() and (drawn <= high + 1e-6).all() and not bhl.qvel[:, 6:].any()
    for joint in range(len(bhl.robot.joints)):
        if "elbow_pitch" in bhl.robot.joints[joint]:
            side = 1 if "left" in bhl.robot.joints[joint] else -1
            np.testing.assert_allclose(drawn[..., joint], side * 0.05 * np.pi / 2, rtol=1e-5)
            continue
        free = (np.abs(default[:, joint]) > 1e-3) & (1.5 * default[:, joint] < high[joint])
        free &= 1.5 * default[:, joint] > low[joint]
        if free.any():
            assert spans(drawn[:, free, joint] / default[free, joint], 0.5, 1.5), bhl.robot.joints[joint]


def wrench(bhl: Bhl) -> np.ndarray:
    """On the base, in its own axes: force, torque. Shape (ENVS, 6)."""
    base = bhl.env.sim.mj_model.body("robot/base").id
    applied = numpy(bhl.env.sim.data.xfrc_applied)
    assert not np.delete(applied, base, axis=1).any()
    axes = np.stack([rotation(quaternion) for quaternion in bhl.qpos[:, 3:7]])
    return np.concatenate(
        [np.einsum("nij,ni->nj", axes, applied[:, base, part]) for part in (slice(3), slice(3, 6))], 1
    )


def test_wrench_is_drawn_at_a_reset_and_held_in_the_body(bhl: Bhl) -> None:
    env = bhl.env
    env.reset()
    at_reset = wrench(bhl)
    states = random_states(bhl)
    env.sim.data.qpos[:, 3:7] = torch.tensor(states.quaternion, dtype=torch.float32)
    env.sim.forward()
    env.event_manager.apply(mode="step", dt=STEP_S)
    np.testing.assert_allclose(wrench(bhl), at_reset, rtol=1e-3, atol=1e-4)
    env.reset(env_ids=torch.tensor([1]))
    again = wrench(bhl)
    np.testing.assert_allclose(again[[0, 2, 3]], at_reset[[0, 2, 3]], rtol=1e-3, atol=1e-4)
    assert np.abs(again[1] - at_reset[1]).min() > 1e-4
    drawn = draws(lambda: bhl.event("base_external_force_torque").func.reset(None), lambda: wrench(bhl))
    assert all(spans(drawn[..., axis], -2.0, 2.0) for axis in range(6))


def test_steps(bhl: Bhl) -> None:
    """A whole reset and steps, with every part at its place: it ends at 500 steps and starts anew."""
    env, many = bhl.env, len(bhl.robot.joints)
    env.reset()
    env.episode_length_buf[:] = torch.tensor([498, 0, 0, 0])
    env.step(torch.zeros(ENVS, many))
    observations, _, terminated, time_outs, _ = env.step(torch.full((ENVS, many), 0.1))
    assert time_outs.tolist() == [True, False, False, False] and not terminated.any()
    assert env.episode_length_buf.tolist() == [0, 2, 2, 2]
    assert numpy(observations["critic"])[:, -3 - many : -3].mean(1) == pytest.approx([0.0, 0.1, 0.1, 0.1])
    joints = bhl.qpos[:, 7:] - numpy(bhl.data.default_joint_pos)
    np.testing.assert_allclose(numpy(observations["critic"])[:, 9 : 9 + many], joints, **CLOSE)
