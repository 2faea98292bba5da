"""``env.…=`` and ``agent.…=`` in ARGS do what Isaac Lab's own scripts make of the same words, which is Hydra's doing.

Whoever comes from those scripts brings his lines along. What Hydra refuses without need (1 for 1.0, None, quotes) may
be taken here; what it takes and would train otherwise than was meant is refused.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from contract_world import HERE, World

pytestmark = pytest.mark.network

ROUGH, CARTPOLE, DIRECT = "Isaac-Velocity-Rough-H1-v0", "Isaac-Cartpole-v0", "Isaac-Cartpole-Direct-v0"
TOGETHER: dict[str, list[str]] = {
    ROUGH: [
        "env.sim.dt=0.0025",
        "env.sim.device=cuda:1",
        "env.decimation=8",
        "env.scene.num_envs=1_024",
        "env.episode_length_s=1e1",
        "env.is_finite_horizon=True",
        "env.viewer.eye=[1,2,3]",
        "env.rewards.feet_air_time.weight=-2.5",
        "env.rewards.feet_air_time.params.threshold=.25",
        "'env.rewards.feet_air_time.params.sensor_cfg.body_names=[.*left_ankle,.*right_ankle]'",
        "env.rewards.dof_pos_limits=null",
        "env.rewards.undesired_contacts=null",
        "'env.rewards.flat_orientation_l2={weight: -2.0}'",
        "env.terminations.base_contact.params.sensor_cfg.body_names='.*torso_link'",
        "env.events.physics_material.params.static_friction_range=[0.5,1.0]",
        "env.events.push_robot=null",
        "'env.events.reset_base.params.pose_range={x: [0.0,1.0]}'",
        "env.events.reset_base.params.velocity_range.yaw=[-1.0,1.0]",
        "env.commands.base_velocity.heading_command=false",
        "env.commands.base_velocity.ranges.lin_vel_x=[0,2]",
        "env.commands.base_velocity.ranges.heading=null",
        "'env.scene.robot.init_state={pos: [0.0,0.0,1.5], joint_pos: {torso: 0.1}}'",
        "env.scene.robot.actuators.legs.joint_names_expr=[a,b]",
        "'env.scene.robot.spawn.usd_path=/with space/h1.usd'",
        "env.scene.terrain.max_init_terrain_level=null",
        "env.scene.terrain.terrain_generator.sub_terrains.boxes.proportion=0.5",
        "env.scene.height_scanner=null",
        "env.observations.policy.enable_corruption=FALSE",
        "env.observations.policy.height_scan=null",
        "env.observations.policy.base_lin_vel.noise.n_min=-0.2",
        "env.curriculum.terrain_levels=null",
        "agent.policy.actor_hidden_dims=[64,64]",
        "agent.policy.activation='\"relu\"'",
        "agent.algorithm.learning_rate=3e-4",
        "agent.seed=-1",
        "agent.run_name=",
        "agent.experiment_name=h1-rough_2",
        "agent.load_run=2026-01-02_03-04-05",
    ],
    CARTPOLE: [
        "env.scene.robot.init_state.joint_pos.slider_to_cart=0.5",
        "env.rewards.pole_pos.params.target=0.1",
        "'agent.policy={actor_hidden_dims: [16], activation: tanh}'",
        "'agent.algorithm={gamma: 0.98, schedule: fixed}'",
        "agent.experiment_name='\"2026\"'",
    ],
    DIRECT: [
        "env.action_scale=50.0",
        "env.rew_scale_pole_pos=-2.0",
        "env.initial_pole_angle_range=[-0.5,0.5]",
        "env.robot_cfg.init_state.pos=[0,0,1]",
        "env.scene.env_spacing=2.0",
        "agent.max_iterations=10",
    ],
}
"""No two of a task name the same field."""

NO_FORM = "is not of the form env.field=value"
REFUSED: dict[tuple[str, str], tuple[Any, str]] = {
    # by both
    (CARTPOLE, "env.rewards.pole_poss.weight=1.0"): ("ConfigCompositionException", "did you mean 'pole_pos'?"),
    (CARTPOLE, "agent.algorithm.lerning_rate=1.0"): ("ConfigCompositionException", "did you mean 'learning_rate'?"),
    (CARTPOLE, "env.sim.dt.x=1"): ("ConfigCompositionException", "'env.sim.dt' has no fields; its value is 0.00"),
    (CARTPOLE, "'env.scene.robot.init_state.joint_pos={cart: 0.5}'"): (
        "ConfigCompositionException",
        "has no field 'cart'",
    ),
    (CARTPOLE, "+env.x=1"): ("KeyError", NO_FORM),
    (CARTPOLE, "env.decimation=four"): ("ValueError", "'four' is not a whole number; the value now is 2"),
    (CARTPOLE, "env.decimation=2.0"): ("ValueError", "2.0 is not a whole number"),
    (CARTPOLE, "env.sim.dt=fast"): ("ValueError", "'fast' is not a number"),
    (CARTPOLE, "env.sim.use_fabric=1"): ("ValueError", "1 is not true or false"),
    (CARTPOLE, "env.scene.robot.spawn=3"): ("ValueError", "3 is not of type"),
    (CARTPOLE, "agent.experiment_name=2026"): ("ValueError", "2026 is not a text"),
    (CARTPOLE, "agent.policy.actor_hidden_dims=64"): ("ValueError", "64 is not of type list[int]"),
    (DIRECT, "env.action_scale=true"): ("ValueError", "True is not a number"),
    # Hydra takes them, and something else happens than was meant, or it fails later
    (CARTPOLE, "~env.rewards.pole_pos"): ({}, NO_FORM),
    (CARTPOLE, "env.scene.num_envs=[1]"): ({"env.scene.num_envs": [1]}, "[1] is not a whole number"),
    (CARTPOLE, "env.viewer.eye=[1.0,2.0]"): (
        {"env.viewer.eye": [1.0, 2.0]},
        "[1.0, 2.0] is not of type tuple[float, float, float]",
    ),
    (CARTPOLE, "env.viewer.resolution=[640.5,480]"): (
        {"env.viewer.resolution": [640.5, 480]},
        "[640.5, 480] is not of type tuple[int, int]",
    ),
    (CARTPOLE, "env.decimation=null"): ({"env.decimation": None}, "None is not a whole number"),
    (CARTPOLE, "agent.policy.noise_std_type=foo"): (
        {"agent.policy.noise_std_type": "foo"},
        "'foo' is not one of 'scalar', 'log'",
    ),
    (CARTPOLE, "agent.policy.actor_hidden_dims=[64.5]"): (
        {"agent.policy.actor_hidden_dims": [64.5]},
        "[64.5] is not of type list[int]",
    ),
    (CARTPOLE, "agent.run_name=[a]"): ({"agent.run_name": ["a"]}, "['a'] is not a text"),
    # Hydra takes them rightly
    (CARTPOLE, "++env.sim.dt=0.25"): ({"env.sim.dt": 0.25}, NO_FORM),
    (CARTPOLE, "env.viewer.eye.0=1.0"): ({"env.viewer.eye": [1.0, 0.0, 5.0]}, "give the whole tuple"),
    (CARTPOLE, "env.rewards.alive.func=isaaclab.envs.mdp.rewards:is_terminated"): (
        {"env.rewards.alive.func": "isaaclab.envs.mdp.rewards:is_terminated"},
        "it is a function, which cannot be given here",
    ),
}
"""What we refuse: the fields that Hydra changes, or the error it ends with; a part of our message."""
TAKEN: dict[tuple[str, str], tuple[Any, dict[str, Any]]] = {
    (CARTPOLE, "env.sim.dt=1"): ("ValueError", {"env.sim.dt": 1.0}),
    (CARTPOLE, "env.seed=3"): ("ValueError", {"env.seed": 3}),
    (CARTPOLE, "agent.clip_actions=1.0"): ("ValueError", {"agent.clip_actions": 1.0}),
    (CARTPOLE, "agent.algorithm.rnd_cfg=None"): ("ValueError", {}),
    (CARTPOLE, "'agent.policy.actor_hidden_dims=(16, 16)'"): (
        "OverrideParseException",
        {"agent.policy.actor_hidden_dims": [16, 16]},
    ),
    (CARTPOLE, "'agent.policy={\"actor_hidden_dims\": [16]}'"): (
        "OverrideParseException",
        {"agent.policy.actor_hidden_dims": [16]},
    ),
    (CARTPOLE, "agent.run_name=a=b,c"): ("OverrideParseException", {"agent.run_name": "a=b,c"}),
    (DIRECT, "env.action_space=2"): ("ValueError", {"env.action_space": 2}),
}
"""What Hydra refuses and we take, as it can mean only one thing."""


@pytest.fixture(scope="module")
def told(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    wanted = tmp_path_factory.mktemp("overrides") / "wanted.json"
    wanted.write_text(json.dumps({"together": TOGETHER, "alone": [*REFUSED, *TAKEN]}), encoding="utf-8")
    done = world.run(str(HERE / "as_hydra.py"), str(wanted), timeout=240)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    found: dict[str, Any] = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    found["alone"] = dict(zip([*REFUSED, *TAKEN], found["alone"], strict=True))
    return found


def below(changes: dict[str, Any], line: str) -> dict[str, Any]:
    """Those of the changes that are in the field which a line names."""
    field = line.strip("'").partition("=")[0]
    return {key: value for key, value in changes.items() if key == field or key.startswith(f"{field}.")}


LINES = [(task, line) for task, lines in TOGETHER.items() for line in lines]


@pytest.mark.parametrize(("task", "line"), LINES, ids=[f"{task}-{line}" for task, line in LINES])
def test_a_line_does_what_hydra_makes_of_it(told: dict[str, Any], task: str, line: str) -> None:
    found = told["together"][task]
    assert found["refused"].get(line) is None
    assert below(found["ours"], line) == below(found["theirs"], line)
    assert len(set(found["types"][line])) == 1, found["types"][line]


@pytest.mark.parametrize("task", TOGETHER)
def test_all_else_stays(told: dict[str, Any], task: str) -> None:
    """And without overrides Hydra's way through dictionaries and back leaves the configurations as they were."""
    found = told["together"][task]
    assert found["untouched"] == {}
    named = {key for line in TOGETHER[task] for key in below(found["theirs"], line)}
    assert set(found["theirs"]) == named
    assert set(found["ours"]) <= named
    assert len(named) >= len(TOGETHER[task]) - 3  # some name what is there already


@pytest.mark.parametrize(("task", "line"), REFUSED, ids=[f"{task}-{line}" for task, line in REFUSED])
def test_what_we_refuse(told: dict[str, Any], task: str, line: str) -> None:
    found, (hydra, message) = told["alone"][task, line], REFUSED[task, line]
    assert found["theirs"] == hydra
    assert found["ours"] is not None and message in found["ours"]
    assert found["ours"].startswith("ARGS '") and "\n" not in found["ours"]
    assert found["ours_changes"] == {}


@pytest.mark.parametrize(("task", "line"), TAKEN, ids=[f"{task}-{line}" for task, line in TAKEN])
def test_what_only_we_take(told: dict[str, Any], task: str, line: str) -> None:
    found, (hydra, changes) = told["alone"][task, line], TAKEN[task, line]
    assert found == {"theirs": hydra, "ours": None, "ours_changes": changes}
