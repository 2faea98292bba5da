"""The rewards that lead from standing to stepping, in states made by hand; the tasks that have them."""

from __future__ import annotations

from types import SimpleNamespace

import bhl_env
import mujoco
import numpy as np
import pytest
import torch
from bhl_env import COMMAND, ENVS, STEP_S, Bhl, feel, forget, put, random_states, resting, turned
from mjlab.entity import Entity
from mjlab.managers.reward_manager import RewardTermCfg
from mjlab.managers.scene_entity_config import SceneEntityCfg
from test_bhl_terms import SOLES_ON_FLOOR, standing_on_one

from runners.simulators.mujoco import SIMULATOR
from runners.tasks.berkeley_humanoid_lite.mdp import curriculum, events, stepping
from runners.tasks.berkeley_humanoid_lite.robots import BIPED, HUMANOID, ROBOTS, Robot

FEET = {"sensor_name": "feet_contact", "command_name": COMMAND}
ASKED = np.array([[0.2, 0, 0], [0, 0, -0.2], [0, 0.06, 0.05], [0.05, 0, 0.04]])
"""What counts is the sum of speeds, above 0.1: not so in the last."""
MOVING = np.array([1, 1, 1, 0])


@pytest.fixture(scope="module")
def bhl() -> Bhl:
    return bhl_env.built(BIPED)


@pytest.fixture
def soles(bhl: Bhl) -> SceneEntityCfg:
    cfg = SceneEntityCfg("robot", site_names=("left_foot", "right_foot"))
    cfg.resolve(bhl.env.scene)
    return cfg


def stand(bhl: Bhl, *parts: tuple[object, int]) -> None:
    forget(bhl)
    for states, samples in parts:
        states.command[:] = ASKED
        put(bhl, states)
        feel(bhl, samples)


def test_unloading_grows_from_two_feet_to_one(bhl: Bhl) -> None:
    stand(bhl, (standing_on_one(bhl, "left"), 1))
    force = bhl.env.scene["feet_contact"].data.force.norm(dim=-1).sum(dim=1).numpy()
    assert force.min() > 20
    np.testing.assert_allclose(stepping.unloading(bhl.env, **FEET), force / (force + 10) * MOVING, rtol=1e-4)
    stand(bhl, (resting(bhl, SOLES_ON_FLOOR), 1))
    assert stepping.unloading(bhl.env, **FEET).max() < 0.1
    stand(bhl, (resting(bhl, 0.2), 1))
    assert stepping.unloading(bhl.env, **FEET).max() == 0


@pytest.mark.parametrize(("samples", "share"), [(20, 0.5), (40, 1.0), (90, 1.0), (101, 0.0)])
def test_a_swing_counts_up_to_its_threshold_and_not_for_ever(bhl: Bhl, samples: int, share: float) -> None:
    stand(bhl, (standing_on_one(bhl, "right"), samples))
    swing = stepping.swing(bhl.env, **FEET, threshold=0.2, limit=0.5)
    np.testing.assert_allclose(swing, share * MOVING, rtol=1e-4)
    stand(bhl, (resting(bhl, SOLES_ON_FLOOR), samples))
    assert stepping.swing(bhl.env, **FEET, threshold=0.2, limit=0.5).max() == 0


def test_lift_is_of_the_foot_that_swings(bhl: Bhl, soles: SceneEntityCfg) -> None:
    stand(bhl, (standing_on_one(bhl, "left"), 1))
    height = stepping.foot_height(bhl.env, soles)
    assert height[0, 0] > 0.03 and abs(height[0, 1]) < 0.003
    lift = stepping.lift(bhl.env, **FEET, height=0.2, asset_cfg=soles)
    np.testing.assert_allclose(lift, height[:, 0].numpy() / 0.2 * MOVING, rtol=1e-4)
    np.testing.assert_allclose(stepping.lift(bhl.env, **FEET, height=0.01, asset_cfg=soles), MOVING)
    stand(bhl, (resting(bhl, 0.2), 1))
    assert stepping.lift(bhl.env, **FEET, height=0.05, asset_cfg=soles).max() == 0


def test_stuck_counts_each_foot_that_stays_down(bhl: Bhl, soles: SceneEntityCfg) -> None:
    params = {**FEET, "height": 0.02, "patience": 0.4, "asset_cfg": soles}
    stuck = stepping.Stuck(RewardTermCfg(func=stepping.Stuck, weight=1.0, params=params), bhl.env)
    stand(bhl, (resting(bhl, SOLES_ON_FLOOR), 1))
    values = np.array([stuck(bhl.env, **params)[0] for _ in range(30)])
    since = STEP_S * np.arange(1, 31)
    np.testing.assert_allclose(values, 2 * np.clip((since - 0.4) / 0.4, 0, 1), atol=1e-5)
    stand(bhl, (standing_on_one(bhl, "left"), 1))
    np.testing.assert_allclose(stuck(bhl.env, **params), MOVING)  # the right one
    stuck.reset(torch.tensor([0]))
    np.testing.assert_allclose(stuck(bhl.env, **params), [0, 1, 1, 0])
    # a foot that is tilted until its middle is up still touches
    stand(bhl, (resting(bhl, SOLES_ON_FLOOR), 1))
    assert stuck(bhl.env, **{**params, "height": -1.0})[1] == 1


def test_feet_are_near_whatever_the_heading(bhl: Bhl, soles: SceneEntityCfg) -> None:
    """The soles are 0.114 m apart where the legs are straight; both hips rolled by an angle bring them together."""
    states = resting(bhl, SOLES_ON_FLOOR)
    states.quaternion[:] = [turned(yaw, 0.0, 0.0) for yaw in (0.0, 1.2, -2.5, 3.0)]
    states.joints[2, bhl.joints("leg_left_hip_pitch")] = -0.8  # ahead, which does not count
    states.joints[3, bhl.joints("leg_left_hip_roll")] = -0.2
    states.joints[3, bhl.joints("leg_right_hip_roll")] = 0.2
    put(bhl, states)
    left, right = (states.rotations()[3].T @ bhl.env.scene["robot"].data.site_pos_w[3, foot].numpy()
                   for foot in soles.site_ids)  # fmt: skip
    crossed = (left - right)[1]
    assert crossed < 0
    expected = [0.2 - 0.114] * 3 + [0.2 - crossed]
    np.testing.assert_allclose(stepping.feet_near(bhl.env, 0.2, soles), expected, atol=1e-3)
    np.testing.assert_allclose(stepping.feet_near(bhl.env, 0.1, soles)[:3], 0)


def test_progress_is_a_share_of_what_is_asked_for(bhl: Bhl) -> None:
    states = random_states(bhl)
    states.command[:] = [[0.4, 0, 0], [0, -0.3, 1], [0.3, 0.4, 0], [0.09, 0, 1]]
    put(bhl, states)
    velocity = states.com_velocity(bhl.com)
    heading = np.arctan2(states.rotations()[:, 1, 0], states.rotations()[:, 0, 0])
    forward = np.stack([np.cos(heading), np.sin(heading)], 1)
    left = np.stack([-np.sin(heading), np.cos(heading)], 1)
    own = np.stack([(velocity[:, :2] * forward).sum(1), (velocity[:, :2] * left).sum(1)], 1)
    size = np.linalg.norm(states.command[:, :2], axis=1)
    share = np.minimum((own * states.command[:, :2]).sum(1) / size, size) / size * (size > 0.1)
    np.testing.assert_allclose(stepping.progress(bhl.env, COMMAND), share, rtol=1e-3, atol=1e-5)


def test_turning_is_smoothed(bhl: Bhl) -> None:
    exact = stepping.TrackYawRate(RewardTermCfg(func=stepping.TrackYawRate, weight=1.0), bhl.env)
    linear = stepping.TurnProgress(RewardTermCfg(func=stepping.TurnProgress, weight=1.0), bhl.env)
    states = resting(bhl, 1.0)
    states.command[:, 2] = [0.5, -0.5, 0.2, 0.05]
    states.angular[:, 2] = 1.0
    put(bhl, states)
    for steps in (1, 2):
        rate = 1 - (1 - STEP_S / 0.3) ** steps
        error = states.command[:, 2] - rate
        np.testing.assert_allclose(exact(bhl.env, COMMAND, 0.7, 0.3), np.exp(-((error / 0.7) ** 2)), rtol=1e-4)
        share = np.array([min(rate, 0.5) / 0.5, -rate / 0.5, min(rate, 0.2) / 0.3, 0])
        np.testing.assert_allclose(linear(bhl.env, COMMAND, 0.3), share, rtol=1e-4, atol=1e-6)
    exact.reset(None)
    np.testing.assert_allclose(exact.update(bhl.env, 0.3), STEP_S / 0.3, rtol=1e-4)


def test_a_robot_on_its_knees(bhl: Bhl) -> None:
    states = resting(bhl, 0.0)
    states.position[:, 2] = np.array([0.29, 0.31, 0.2, 0.7]) - bhl.com[2]
    put(bhl, states)
    assert stepping.base_is_low(bhl.env, 0.3).tolist() == [True, False, True, False]


def test_the_base_is_steadied_less_and_less() -> None:
    damping = torch.zeros(ENVS, 18)
    indexing = SimpleNamespace(free_joint_v_adr=torch.arange(6))
    env = SimpleNamespace(
        common_step_counter=0,
        scene={"robot": SimpleNamespace(indexing=indexing)},
        sim=SimpleNamespace(model=SimpleNamespace(dof_damping=damping)),
    )
    for step, expected in ((0, 30.0), (25, 22.5), (100, 0.0), (500, 0.0)):
        env.common_step_counter = step
        events.steady(env, None, damping=30.0, steps=100)
        assert damping[:, 3:5].unique().tolist() == [expected]
        assert damping[:, :3].abs().sum() == damping[:, 5:].abs().sum() == 0


def test_velocities_widen() -> None:
    cfg = SimpleNamespace(params={"velocity_range": {}})
    env = SimpleNamespace(common_step_counter=25, event_manager=SimpleNamespace(get_term_cfg=lambda _: cfg))
    ranges = {"first": {"x": (-0.2, 0.2)}, "last": {"x": (-0.6, 1.0)}, "steps": 100}
    assert curriculum.widen(env, None, events=("push",), **ranges) == 0.25
    assert cfg.params["velocity_range"]["x"] == pytest.approx((-0.3, 0.4))
    env.common_step_counter = 1000
    assert curriculum.widen(env, None, events=("push",), **ranges) == 1.0
    assert cfg.params["velocity_range"]["x"] == pytest.approx((-0.6, 1.0))


@pytest.mark.parametrize("robot", ROBOTS, ids=lambda robot: robot.name)
def test_legs_touch_each_other_in_the_variants_alone(robot: Robot) -> None:
    """The feet are crossed; the humanoid's arms are in its trunk too, which no training feels."""
    touching = []
    for task in (robot.task, robot.task.replace("-v0", "-MuJoCo-v0")):
        model = Entity(SIMULATOR.configs(task).env.scene.entities["robot"]).spec.compile()
        data = mujoco.MjData(model)
        for side, angle in (("left", -0.2), ("right", 0.2)):
            data.joint(f"leg_{side}_hip_roll_joint").qpos = angle
            if robot is HUMANOID:
                data.joint(f"arm_{side}_shoulder_roll_joint").qpos = 5 * angle
        mujoco.mj_forward(model, data)
        names = ([model.geom(geom).name for geom in pair] for pair in data.contact.geom)
        touching.append({tuple(sorted(name[:9] for name in pair)) for pair in names})
    assert touching == [set(), {("leg_left_", "leg_right")}]
