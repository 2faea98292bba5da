"""What make export reads from environments that are not as Berkeley Humanoid Lite's on mjlab is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from runners import deployment, env_figures
from runners.env_figures import NotDeployableError
from runners.simulators import isaac

ROBOT = ["leg_a", "arm_a", "leg_b", "arm_b"]
"""In PhysX' order; the task has the arms first."""
POSITIONS = {"arm_a": 0.1, "arm_b": 0.2, "leg_a": 0.3, "leg_b": 0.4}
OFFSET = 0.05
"""By which an event has moved the actions' zero from the initial position."""
KINDS = (
    *("velocity_commands", "base_ang_vel", "projected_gravity"),
    *("joint_pos", "joint_vel", "actions"),
)


class JointPositionAction:
    """As in Isaac Lab: joints, scale and offset are private."""

    def __init__(self, joints: list[str], scale: Any = 0.25, clip: Any = None) -> None:
        self._joint_names, self._scale, self.cfg = joints, scale, SimpleNamespace(clip=clip)
        self._offset = torch.tensor([[POSITIONS[name] + OFFSET for name in joints]] * 3)
        actuators = {
            # what was randomised is not asked for
            "arms": SimpleNamespace(joint_names=["arm_a", "arm_b"], effort_limit=torch.full((3, 2), 4.0)),
            "legs": SimpleNamespace(joint_names=["leg_a", "leg_b"], effort_limit=torch.full((3, 2), 6.0)),
        }
        data = SimpleNamespace(
            default_joint_stiffness=torch.tensor([[20.0, 10.0, 20.0, 10.0]]),
            default_joint_damping=torch.tensor([[2.0, 1.0, 2.0, 1.0]]),
            joint_stiffness=torch.rand(3, 4),
        )
        initial = SimpleNamespace(joint_pos=dict(POSITIONS), pos=(0.0, 0.0, 0.5))
        self._asset = SimpleNamespace(
            joint_names=ROBOT, data=data, actuators=actuators, cfg=SimpleNamespace(init_state=initial)
        )


def world(joints: list[str], term: Any = None, sizes: tuple[int, ...] | None = None, **more: Any) -> Any:
    """What is asked of an environment in Isaac Lab's words."""
    sizes = sizes or (3, 3, 3, *[len(joints)] * 3)
    seen = SimpleNamespace(joint_ids=[ROBOT.index(name) for name in joints])
    cfgs = [
        SimpleNamespace(func=len, params={"asset_cfg": seen} if "joint" in name else {}, scale=more.get(name))
        for name in KINDS
    ]
    observations = SimpleNamespace(
        active_terms={"policy": [*more.get("first", []), *KINDS][: len(KINDS)]},
        group_obs_term_dim={"policy": [(size,) for size in sizes]},
        _group_obs_term_cfgs={"policy": cfgs},
    )
    term = term or JointPositionAction(joints)
    actions = SimpleNamespace(active_terms=["joint_pos"], get_term=lambda name: term)
    env = SimpleNamespace(observation_manager=observations, action_manager=actions, step_dt=0.04)
    return SimpleNamespace(unwrapped=env, groups={"actor": ["policy"]}, clip_actions=None, num_obs=sum(sizes))


def read(vec_env: Any) -> Any:
    return env_figures.deployment(vec_env, env_figures.drive(vec_env, isaac.SIMULATOR), "policy.onnx")


def test_all_joints_come_in_the_order_of_the_actions() -> None:
    found = read(world(["arm_b", "leg_a", "arm_a", "leg_b"]))
    assert found.joints == ("arm_b", "leg_a", "arm_a", "leg_b") and found.action_indices == (0, 1, 2, 3)
    assert found.joint_kp == (10.0, 20.0, 10.0, 20.0) and found.joint_kd == (1.0, 2.0, 1.0, 2.0)
    assert found.effort_limits == (4.0, 6.0, 4.0, 6.0)
    assert found.default_joint_positions == (0.25, 0.35, 0.15, 0.45)
    assert (found.policy_dt, found.action_scale, found.default_base_position) == (0.04, 0.25, (0.0, 0.0, 0.5))
    assert (found.num_joints, found.num_actions, found.num_observations) == (4, 4, 21)
    assert found.command_velocity == (0.0, 0.0, 0.0)


def test_of_some_joints_the_rest_is_where_the_robot_has_it() -> None:
    """Upstream's legs of the humanoid: joints in the order of the initial positions, the actions by their indices."""
    found = read(world(["leg_a", "leg_b"]))
    assert found.joints == ("arm_a", "arm_b", "leg_a", "leg_b") and found.action_indices == (2, 3)
    assert found.default_joint_positions == (0.1, 0.2, 0.35, 0.45) and found.joint_kp == (10.0, 10.0, 20.0, 20.0)
    assert (found.num_joints, found.num_actions, found.num_observations) == (4, 2, 15)


LEGS = ["leg_a", "leg_b"]


@pytest.mark.parametrize(
    ("vec_env", "words"),
    [
        (world(LEGS, sizes=(3, 3, 3, 2, 2, 3)), "gives command 3, ang_vel 3, .* sees velocity_commands 3, .*actions 3"),
        (world(LEGS, first=["base_lin_vel"]), "gives command 3, .* sees base_lin_vel 3, velocity_commands 3"),
        (world(LEGS, joint_vel=0.05), "the actor sees 'joint_vel' scaled"),
        (world(LEGS, JointPositionAction(["leg_b", "leg_a"])), "'joint_pos' has its joints in another order"),
        (world(LEGS, JointPositionAction(LEGS, clip={".*": (-1, 1)})), "'joint_pos' clips its targets"),
        (world(LEGS, JointPositionAction(LEGS, torch.tensor([[0.5, 0.25]] * 3))), "scale .* differs from joint to"),
        (SimpleNamespace(unwrapped=SimpleNamespace(), groups={}), "a direct environment does not say"),
    ],
)
def test_why_there_is_no_yaml(vec_env: Any, words: str) -> None:
    with pytest.raises(NotDeployableError, match=words):
        read(vec_env)


def joint_pos() -> None:
    """As Isaac Lab's function of the name, which gives the positions themselves."""


def test_joints_seen_from_another_position_than_actions_count_from() -> None:
    """The robot's program takes the one list from what it measures and adds it to what it commands."""
    vec_env = world(LEGS, term := JointPositionAction(LEGS))
    term._offset = torch.zeros(3, 2)
    words = r"the actor sees 'leg_a' from 0.3 rad on and its action counts from 0.0, for which .* one figure"
    with pytest.raises(NotDeployableError, match=words):
        read(vec_env)
    vec_env.unwrapped.observation_manager._group_obs_term_cfgs["policy"][3].func = joint_pos
    assert read(vec_env).default_joint_positions == (0.1, 0.2, 0.0, 0.0)
    with pytest.raises(NotDeployableError, match=r"sees 'leg_a' from 0.0 rad .* counts from 1.3"):
        term._offset = torch.tensor([[1.3, 1.4]] * 3)
        read(vec_env)


@pytest.mark.parametrize(("step_dt", "substeps"), [(0.04, 80), (0.02, 40), (1 / 60, 34), (3 / 200, 30), (4 / 90, 89)])
def test_what_is_written_is_read_at_every_rate(step_dt: float, substeps: int, tmp_path: Path) -> None:
    """Upstream's simulation rounds to whole physics steps, and make sim2sim takes nothing else."""
    vec_env = world(LEGS)
    vec_env.unwrapped.step_dt = step_dt
    read(vec_env).write(tmp_path / "policy.yaml")
    found = deployment.read(tmp_path / "policy.yaml")
    assert found.substeps == substeps and found.substeps * found.physics_dt == pytest.approx(step_dt, rel=1e-5)


def test_patterns_of_initial_positions_fit_as_each_simulator_reads_them() -> None:
    """Of mjlab's the first that fits the beginning, of Isaac Lab's the one that fits the whole name."""
    found = env_figures.initial_positions({"leg_.*_hip": 0.5, ".*_knee": -1.0}, ["leg_left_hip_pitch", "a_knee", "toe"])
    assert found == {"leg_left_hip_pitch": 0.5, "a_knee": -1.0, "toe": 0.0}
    assert env_figures.initial_positions({"hip": 0.5, "hip_b": 0.7}, ["hip", "hip_b"]) == {"hip": 0.5, "hip_b": 0.7}


def test_a_scale_for_each_joint_that_is_one_and_the_bound_of_the_learner() -> None:
    vec_env = world(LEGS, JointPositionAction(LEGS, torch.tensor([[0.5, 0.5]] * 3)), joint_pos=torch.ones(2))
    vec_env.clip_actions = 7.0
    found = read(vec_env)
    assert (found.action_scale, found.action_limit_lower, found.action_limit_upper) == (0.5, -7.0, 7.0)


def test_joints_without_gains_or_limits() -> None:
    term = JointPositionAction(LEGS)
    term._asset.actuators["arms"].effort_limit[:] = torch.inf
    with pytest.raises(NotDeployableError, match="not every joint has an effort limit"):
        read(world(LEGS, term))
    del term._asset.actuators["legs"]
    with pytest.raises(NotDeployableError, match="the gains of joint 'leg_a' are not"):
        read(world(LEGS, term))
