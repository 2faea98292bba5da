"""All 168 tasks of Isaac Lab 2.3.2: the runners read both configurations, and what they cannot is in the tables here.

Those who would meet a wrong translation meet it as a policy that learns something else, so that all are compared:
with what Isaac Lab's own train.py gives rsl_rl, and with themselves after a round trip through a release's form.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from contract_world import HERE, World

from runners.learners.rsl_rl.release import KNOWN

pytestmark = pytest.mark.network

AGENT, SYMMETRY, DISTILLATION = (f"rsl_rl{kind}_cfg_entry_point" for kind in ("", "_with_symmetry", "_distillation"))
RELEASES = ("1.0.2", "3.1.2")
KEPT = "kept obs_normalization=True: rsl_rl 1.0.2 has no normaliser; this project puts its own into the policy"
IMPLIED = {"1.0.2": {"normalize_advantage_per_mini_batch": False}, "3.1.2": {}}
"""Fields of the algorithm that a release lacks, and what it does anyway."""
DEFAULTS = {
    "algorithm": {},
    "policy": {
        "noise_std_type": "scalar", "state_dependent_std": False, "actor_obs_normalization": False,
        "critic_obs_normalization": False,
    },
}  # fmt: skip
"""What rsl_rl 3.1.2 takes where a field is not given."""

OVERRULING = {"HEADLESS": "0", "LIVESTREAM": "2", "ENABLE_CAMERAS": "1", "XR": "1"}
"""What AppLauncher would take from the environment."""

# --- what cannot be learnt, and why ---------------------------------------------------------------

ONLY_FOR = {
    "rl_games": """
        AutoMate-Assembly-Direct AutoMate-Disassembly-Direct Cartpole-Depth Cartpole-RGB Cartpole-RGB-ResNet18
        Cartpole-RGB-TheiaTiny Factory-GearMesh-Direct Factory-NutThread-Direct Factory-PegInsert-Direct
        Forge-GearMesh-Direct Forge-NutThread-Direct Forge-PegInsert-Direct Repose-Cube-Shadow-OpenAI-LSTM-Direct""",
    "rl_games, skrl": "Cartpole-Depth-Camera-Direct Cartpole-RGB-Camera-Direct",
    "rl_games, skrl, skrl_ippo, skrl_mappo": "Cart-Double-Pendulum-Direct Shadow-Hand-Over-Direct",
    "robomimic_bc": """
        Lift-Cube-Franka-IK-Rel Stack-Cube-Bin-Franka-IK-Rel-Mimic Stack-Cube-Franka-IK-Abs Stack-Cube-Franka-IK-Rel
        Stack-Cube-Franka-IK-Rel-Skillgen Stack-Cube-Franka-IK-Rel-Visuomotor
        Stack-Cube-Franka-IK-Rel-Visuomotor-Cosmos""",
    "skrl": """
        Cartpole-Camera-Showcase-Box-Box-Direct Cartpole-Camera-Showcase-Box-Discrete-Direct
        Cartpole-Camera-Showcase-Box-MultiDiscrete-Direct Cartpole-Camera-Showcase-Dict-Box-Direct
        Cartpole-Camera-Showcase-Dict-Discrete-Direct Cartpole-Camera-Showcase-Dict-MultiDiscrete-Direct
        Cartpole-Camera-Showcase-Tuple-Box-Direct Cartpole-Camera-Showcase-Tuple-Discrete-Direct
        Cartpole-Camera-Showcase-Tuple-MultiDiscrete-Direct Cartpole-Showcase-Box-Box-Direct
        Cartpole-Showcase-Box-Discrete-Direct Cartpole-Showcase-Box-MultiDiscrete-Direct
        Cartpole-Showcase-Dict-Box-Direct Cartpole-Showcase-Dict-Discrete-Direct
        Cartpole-Showcase-Dict-MultiDiscrete-Direct Cartpole-Showcase-Discrete-Box-Direct
        Cartpole-Showcase-Discrete-Discrete-Direct Cartpole-Showcase-Discrete-MultiDiscrete-Direct
        Cartpole-Showcase-MultiDiscrete-Box-Direct Cartpole-Showcase-MultiDiscrete-Discrete-Direct
        Cartpole-Showcase-MultiDiscrete-MultiDiscrete-Direct Cartpole-Showcase-Tuple-Box-Direct
        Cartpole-Showcase-Tuple-Discrete-Direct Cartpole-Showcase-Tuple-MultiDiscrete-Direct""",
    "skrl_amp": "Humanoid-AMP-Dance-Direct Humanoid-AMP-Run-Direct Humanoid-AMP-Walk-Direct",
    "": """
        Deploy-GearAssembly-UR10e-2F140-Play Deploy-GearAssembly-UR10e-2F85-Play Lift-Cube-Franka-IK-Abs
        Lift-Teddy-Bear-Franka-IK-Abs Open-Drawer-Franka-IK-Abs Open-Drawer-Franka-IK-Rel
        Place-Mug-Agibot-Left-Arm-RmpFlow Place-Toy2Box-Agibot-Right-Arm-RmpFlow Reach-Franka-IK-Abs
        Reach-Franka-IK-Rel Stack-Cube-Franka Stack-Cube-Franka-IK-Rel-Blueprint
        Stack-Cube-Galbot-Left-Arm-Gripper-RmpFlow Stack-Cube-Galbot-Left-Arm-Gripper-Visuomotor
        Stack-Cube-Galbot-Left-Arm-Gripper-Visuomotor-Joint-Position-Play
        Stack-Cube-Galbot-Left-Arm-Gripper-Visuomotor-RmpFlow-Play Stack-Cube-Galbot-Right-Arm-Suction-RmpFlow
        Stack-Cube-Instance-Randomize-Franka Stack-Cube-Instance-Randomize-Franka-IK-Rel
        Stack-Cube-UR10-Long-Suction-IK-Rel Stack-Cube-UR10-Short-Suction-IK-Rel""",
}
"""Tasks without a configuration for rsl_rl, by what they have one for; all are called Isaac-…-v0."""
SEVERAL_AGENTS = "Cart-Double-Pendulum-Direct Shadow-Hand-Over-Direct"
LATER = {
    "symmetry (algorithm.symmetry_cfg) needs rsl_rl 3.0.1 or later": (
        SYMMETRY,
        """Cartpole Velocity-Flat-Anymal-B Velocity-Flat-Anymal-B-Play Velocity-Flat-Anymal-C
        Velocity-Flat-Anymal-C-Play Velocity-Flat-Anymal-D Velocity-Flat-Anymal-D-Play Velocity-Rough-Anymal-B
        Velocity-Rough-Anymal-B-Play Velocity-Rough-Anymal-C Velocity-Rough-Anymal-C-Play Velocity-Rough-Anymal-D
        Velocity-Rough-Anymal-D-Play""",
    ),
    # these four are recurrent too, which 2.0.0 has
    "the distribution 'HeteroscedasticGaussianDistribution' needs rsl_rl 3.1.1 or later": (
        AGENT,
        """Deploy-GearAssembly-UR10e-2F140 Deploy-GearAssembly-UR10e-2F140-ROS-Inference
        Deploy-GearAssembly-UR10e-2F85 Deploy-GearAssembly-UR10e-2F85-ROS-Inference""",
    ),
}
"""What 1.0.2 lacks -> entry point and tasks."""
NEVER = {
    "it wants the runner 'DistillationRunner'; only OnPolicyRunner (PPO) is supported": (
        DISTILLATION,
        "Velocity-Flat-Anymal-D Velocity-Flat-Anymal-D-Play",
    ),
}
OWN_FIELDS = "Velocity-Flat-Spot Velocity-Flat-Spot-Play"
"""Their class has store_code_state, which rsl_rl does not read."""
MISSING: dict[str, Any] = {}
"""What to_dict() makes of a field that is left MISSING; rsl_rl takes it for False."""
NORMALISED_HERE = """
    Deploy-Reach-UR10e Deploy-Reach-UR10e-Play Deploy-Reach-UR10e-ROS-Inference Reach-OpenArm Reach-OpenArm-Play"""
"""They have empirical_normalization, which rsl_rl 3.1.2 takes where the policy's own two are None. Here these are
MISSING, so that Isaac Lab's own script does not normalise, and the runners do as the configuration says."""
GENERATED = """
    Velocity-Flat-Spot Velocity-Flat-Spot-Play Velocity-Rough-Anymal-B Velocity-Rough-Anymal-B-Play
    Velocity-Rough-Anymal-C Velocity-Rough-Anymal-C-Direct Velocity-Rough-Anymal-C-Play Velocity-Rough-Anymal-D
    Velocity-Rough-Anymal-D-Play Velocity-Rough-Cassie Velocity-Rough-Cassie-Play Velocity-Rough-Digit
    Velocity-Rough-Digit-Play Velocity-Rough-G1 Velocity-Rough-G1-Play Velocity-Rough-H1 Velocity-Rough-H1-Play
    Velocity-Rough-Unitree-A1 Velocity-Rough-Unitree-A1-Play Velocity-Rough-Unitree-Go1
    Velocity-Rough-Unitree-Go1-Play Velocity-Rough-Unitree-Go2 Velocity-Rough-Unitree-Go2-Play"""
"""Tasks on generated terrain, none of which needs it."""


def ids(names: str) -> set[str]:
    return {f"Isaac-{name}-v0" for name in names.split()}


def of_table(table: dict[str, tuple[str, str]]) -> dict[tuple[str, str], str]:
    return {(task, key): why for why, (key, names) in table.items() for task in ids(names)}


# --- what one process found -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def told(world: World) -> dict[str, Any]:
    done = world.run(str(HERE / "every_task.py"), PYTORCH_JIT="0", timeout=240, **OVERRULING)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    found: dict[str, Any] = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    return found


@pytest.fixture(scope="module")
def tasks(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = told["tasks"]
    return found


@pytest.fixture(scope="module")
def agents(tasks: dict[str, dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """What became of each configuration for rsl_rl, by task and entry point."""
    return {(task, key): told for task, found in tasks.items() for key, told in found["agents"].items()}


@pytest.fixture(scope="module")
def readable(agents: dict[tuple[str, str], dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {name: found for name, found in agents.items() if found["unreadable"] is None}


def test_the_list_of_tasks_needs_no_start(told: dict[str, Any]) -> None:
    assert told["listed"] == sorted(told["tasks"]) and len(told["listed"]) == 168
    assert not told["started_before"]


def test_the_environment_does_not_overrule_the_launcher(told: dict[str, Any], world: World) -> None:
    started = world.started()
    assert started is not None and not any(started["environment"].get(name) for name in OVERRULING)
    assert (started["window"], started["config"]["headless"]) == (False, True) and len(started["argv"]) == 1


def test_environments_load(tasks: dict[str, dict[str, Any]]) -> None:
    """With the class that is registered, which two tasks name by a module that only imports it."""
    assert all(found["env"].split(":")[1] == found["registered"].split(":")[1] for found in tasks.values())
    assert {task for task, found in tasks.items() if found["several_agents"]} == ids(SEVERAL_AGENTS)


def test_tasks_without_a_configuration_for_rsl_rl(tasks: dict[str, dict[str, Any]]) -> None:
    expected = {
        task: f"task '{task}' has no configuration for rsl_rl, "
        + (f"only for {have}" if have else "nor for another library")
        for have, names in ONLY_FOR.items()
        for task in ids(names)
    }
    refused = {task: found["no_agent"].partition(";")[0] for task, found in tasks.items() if found["no_agent"]}
    assert refused == expected
    assert {task for task, found in tasks.items() if AGENT not in found["entry_points"]} == set(expected)


def test_which_configurations_cannot_be_read(agents: dict[tuple[str, str], dict[str, Any]]) -> None:
    assert {name: found["unreadable"] for name, found in agents.items() if found["unreadable"]} == of_table(NEVER)
    assert {key for _, key in agents} == {AGENT, SYMMETRY, DISTILLATION}
    assert len({found["class"] for found in agents.values()}) == 53


def test_which_releases_cannot_have_them(readable: dict[tuple[str, str], dict[str, Any]]) -> None:
    """1.0.2 by the table, 3.1.2 has all; of the others just those before the one that the message names."""
    refused = {
        release: {
            name: found["refused"][release].partition(",")[0]
            for name, found in readable.items()
            if release in found["refused"]
        }
        for release in RELEASES
    }
    assert refused == {"1.0.2": of_table(LATER), "3.1.2": {}}
    for name, why in of_table(LATER).items():
        first = KNOWN.index(why.split()[-3])
        assert set(readable[name]["refused"]) == set(KNOWN[:first]), name
    assert {name for name, found in readable.items() if found["refused"]} == set(of_table(LATER))


def test_what_is_said(readable: dict[tuple[str, str], dict[str, Any]]) -> None:
    """By all releases that take them."""
    assert {note for found in readable.values() for note in found["said"]} == {KEPT}
    reading = {name: found["neutral"]["notes"] for name, found in readable.items() if found["neutral"]["notes"]}
    own = {"verb": "dropped", "key": "store_code_state", "value": False, "reason": "rsl_rl does not know it"}
    assert reading == {(task, AGENT): [own] for task in ids(OWN_FIELDS)}


# --- what is translated ---------------------------------------------------------------------------


@pytest.mark.parametrize("release", RELEASES)
def test_the_round_trip(readable: dict[tuple[str, str], dict[str, Any]], release: str) -> None:
    """Written for a release and read again, all is as before but for what follows, and nothing had to be filled in."""
    seen = 0
    for found in (found for found in readable.values() if release in found):
        seen += 1
        neutral, back = found["neutral"], found[release]["back"]
        expected = dict(neutral, notes=[], shape={"1.0.2": "nested", "3.1.2": "policy"}[release])
        # an algorithm's field that the release lacks is left out where it says what the release does anyway
        back["algorithm"] = {**IMPLIED[release], **back["algorithm"]}
        # the environment's part, not the learner's: those of runners.learners.rsl_rl.vec_env, and where logs go
        expected["runner"] = {key: neutral["runner"][key] for key in back["runner"]} | {"logger": "tensorboard"}
        assert {"num_steps_per_env", "save_interval", "seed", "max_iterations"} <= set(back["runner"])
        if release == "1.0.2":
            expected["obs_groups"] = {}  # it gets two tensors, that vec_env makes of the groups
            normalises = neutral["actor"]["obs_normalization"] or neutral["critic"]["obs_normalization"]
            assert found[release]["said"] == ([KEPT] if normalises else [])
            for part in ("actor", "critic") if normalises else ():
                expected[part] = dict(neutral[part], obs_normalization=False)
        else:
            assert found[release]["said"] == []
        assert back == expected
    assert seen == len(readable) - (len(of_table(LATER)) if release == "1.0.2" else 0) > 80


def test_rsl_rl_3_1_2_gets_what_isaac_labs_own_script_gives_it(readable: dict[tuple[str, str], dict[str, Any]]) -> None:
    """train.py: OnPolicyRunner(env, agent_cfg.to_dict(), …)."""
    unlike: set[str] = set()
    for name, found in readable.items():
        given, cfg = found["given"], found["3.1.2"]["cfg"]
        for section, defaults in DEFAULTS.items():
            theirs = {key: value for key, value in given[section].items() if value is not None and value != MISSING}
            if section == "policy" and given.get("empirical_normalization"):
                theirs = {"actor_obs_normalization": True, "critic_obs_normalization": True, **theirs}
                unlike |= {name[0]} if MISSING in given[section].values() else set()
            assert {**defaults, **cfg[section]} == {**defaults, **theirs}, (name, section)
        for key in ("num_steps_per_env", "save_interval", "max_iterations", "seed"):
            assert cfg[key] == given[key], (name, key)
        assert cfg["obs_groups"] == given["obs_groups"], name
        assert set(given) - set(cfg) <= {
            "class_name", "clip_actions", "device", "empirical_normalization", "load_checkpoint", "load_run",
            "neptune_project", "resume", "store_code_state", "wandb_project",
        }, name  # fmt: skip
    assert unlike == ids(NORMALISED_HERE)


def test_the_flagship_task(readable: dict[tuple[str, str], dict[str, Any]]) -> None:
    """Flat H1 walking for the release that the workstation pins, key by key."""
    assert readable["Isaac-Velocity-Flat-H1-v0", AGENT]["1.0.2"]["cfg"] == {
        "runner": {
            "seed": 42, "max_iterations": 1000, "experiment_name": "h1_flat", "run_name": "", "save_interval": 50,
            "num_steps_per_env": 24, "logger": "tensorboard", "policy_class_name": "ActorCritic",
            "algorithm_class_name": "PPO",
        },
        "algorithm": {
            "num_learning_epochs": 5, "num_mini_batches": 4, "learning_rate": 0.001, "schedule": "adaptive",
            "gamma": 0.99, "lam": 0.95, "entropy_coef": 0.01, "desired_kl": 0.01, "max_grad_norm": 1.0,
            "value_loss_coef": 1.0, "use_clipped_value_loss": True, "clip_param": 0.2,
        },
        "policy": {
            "init_noise_std": 1.0, "actor_hidden_dims": [128, 128, 128], "critic_hidden_dims": [128, 128, 128],
            "activation": "elu",
        },
    }  # fmt: skip


# --- playing, and the run's own files -------------------------------------------------------------


def test_play_variants(tasks: dict[str, dict[str, Any]]) -> None:
    """Each task plays in its …-Play-v0 where there is one, else in itself, as …-Play-v0 does."""
    siblings = {task: task.replace("-v0", "-Play-v0") for task in tasks}
    wrong = {
        task: found["play"]
        for task, found in tasks.items()
        if found["no_agent"] is None and found["play"] != tasks.get(siblings[task], found)["env"]
    }
    assert wrong == {}
    having = [task for task in tasks if siblings[task] in tasks]
    assert len(having) == 41 and all(tasks[task]["no_agent"] is None for task in having)


def test_what_play_makes_of_an_environment(tasks: dict[str, dict[str, Any]]) -> None:
    flat = {task for task, found in tasks.items() if found["play_env"]["said"]}
    assert flat == ids(GENERATED)
    for task, found in tasks.items():
        play = found["play_env"]
        expected = ["on flat ground; TERRAIN=task plays on the task's own"] if task in flat else []
        assert (play["said"], play["kept"], play["invalid"]) == (expected, True, [None, None]), task
        assert play["terrain"] in ([["plane", False]] if task in flat else [["plane", False], [None, False]]), task
        assert not any("terrain" in name for name in play["curriculum"]), task
        assert all(span == [1e9, 1e9] for span in play["held"]), task
    assert sum(bool(found["play_env"]["held"]) for found in tasks.values()) == 78
    assert sum(found["play_env"]["follows"] == "robot" for found in tasks.values()) == 74


def test_the_files_of_a_run_hold_the_configurations(tasks: dict[str, dict[str, Any]]) -> None:
    assert [task for task, found in tasks.items() if not found["env_read_back"]] == []
    assert [task for task, found in tasks.items() if found.get("agent_read_back") is False] == []
