"""The double of rsl_rl 1.0.2 does what rsl_rl 1.0.2 does.

Each test states a fact about 1.0.2 and holds the double to it, and the real source too where ``RSL_RL_SRC`` names a
folder with it: a fact that is wrong fails there, and a double that is wrong fails everywhere. Both are driven by
tests/doubles/transcript_1_0_2.py, each in a process of its own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

DOUBLES = Path(__file__).resolve().parents[1] / "doubles"
DOUBLE = DOUBLES / "rsl_rl_1_0_2"

LEFT_OUT = {
    "rsl_rl.utils": {"split_and_pad_trajectories", "unpad_trajectories", "utils"},
    "rsl_rl.modules.actor_critic": {"np", "rnn"},
    "PPO": {"test_mode", "train_mode"},
    "ActorCritic": {"init_weights"},
    "RolloutStorage": {
        "get_statistics", "reccurent_mini_batch_generator", "saved_hidden_states_a", "saved_hidden_states_c",
    },
}  # fmt: skip
"""What the double does without; all else that is public in 1.0.2 it has, and nothing more."""


def real_source() -> Path | None:
    """The first of RSL_RL_SRC that is a folder with the real 1.0.2; git addresses are for others to resolve."""
    for part in os.environ.get("RSL_RL_SRC", "").split():
        folder = Path(part).resolve()
        setup = folder / "setup.py"
        said = setup.read_text() if setup.is_file() else ""
        right = re.search(r"version\s*=\s*['\"]1\.0\.2['\"]", said) or (folder / "rsl_rl-1.0.2.dist-info").is_dir()
        if (folder / "rsl_rl").is_dir() and right and folder.resolve() != DOUBLE:
            return folder
    return None


def transcript_of(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    output = tmp_path_factory.mktemp("transcript") / "transcript.json"
    command = [sys.executable, "-B", str(DOUBLES / "transcript_1_0_2.py"), str(folder), str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(output.read_text())
    assert Path(found["package"]).is_relative_to(folder)
    return found


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return transcript_of(DOUBLE, tmp_path_factory)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = real_source()
    if folder is None:
        pytest.skip("RSL_RL_SRC names no folder with the source of rsl_rl 1.0.2")
    return transcript_of(folder, tmp_path_factory)


@pytest.fixture(params=["double", "real"])
def found(request: pytest.FixtureRequest) -> dict[str, Any]:
    transcript: dict[str, Any] = request.getfixturevalue(request.param)
    return {**transcript, "is double": request.param == "double"}


def test_metadata() -> None:
    (distribution,) = metadata.distributions(name="rsl_rl", path=[str(DOUBLE)])
    assert (distribution.metadata["Name"], distribution.version) == ("rsl_rl", "1.0.2")


def test_names(found: dict[str, Any]) -> None:
    assert found["offered"].pop("patchable") == [True, True]
    expected = {
        "rsl_rl.algorithms": "PPO ppo",
        "rsl_rl.env": "VecEnv vec_env",
        "rsl_rl.modules": "ActorCritic ActorCriticRecurrent actor_critic actor_critic_recurrent",
        "rsl_rl.runners": "OnPolicyRunner on_policy_runner",
        "rsl_rl.storage": "RolloutStorage rollout_storage",
        "rsl_rl.utils": "split_and_pad_trajectories unpad_trajectories utils",
        "rsl_rl.algorithms.ppo": "ActorCritic PPO RolloutStorage nn optim torch",
        "rsl_rl.env.vec_env": "ABC VecEnv abstractmethod torch",
        "rsl_rl.modules.actor_critic": "ActorCritic Normal get_activation nn np rnn torch",
        "rsl_rl.runners.on_policy_runner": (
            "ActorCritic ActorCriticRecurrent OnPolicyRunner PPO SummaryWriter VecEnv deque os statistics time torch"
        ),
        "OnPolicyRunner": (
            "alg alg_cfg cfg current_learning_iteration device env get_inference_policy learn load log log_dir "
            "num_steps_per_env policy_cfg save save_interval tot_time tot_timesteps writer"
        ),
        "PPO": (
            "act actor_critic clip_param compute_returns desired_kl device entropy_coef gamma init_storage lam "
            "learning_rate max_grad_norm num_learning_epochs num_mini_batches optimizer process_env_step schedule "
            "storage test_mode train_mode transition update use_clipped_value_loss value_loss_coef"
        ),
        "ActorCritic": (
            "act act_inference action_mean action_std actor critic distribution entropy evaluate get_actions_log_prob "
            "init_weights is_recurrent reset std update_distribution"
        ),
        "RolloutStorage": (
            "Transition actions actions_log_prob actions_shape add_transitions advantages clear compute_returns device "
            "dones get_statistics mini_batch_generator mu num_envs num_transitions_per_env obs_shape observations "
            "privileged_obs_shape privileged_observations reccurent_mini_batch_generator returns rewards "
            "saved_hidden_states_a saved_hidden_states_c sigma step values"
        ),
        "Transition": (
            "action_mean action_sigma actions actions_log_prob clear critic_observations dones hidden_states "
            "observations rewards values"
        ),
        "VecEnv": "get_observations get_privileged_observations reset step",
        "abstract": "get_observations get_privileged_observations reset step",
    }
    left_out = LEFT_OUT if found["is double"] else {}
    assert found["offered"] == {
        name: [each for each in names.split() if each not in left_out.get(name, ())] for name, names in expected.items()
    }


def test_signatures(found: dict[str, Any]) -> None:
    expected: dict[str, list[Any]] = {
        "OnPolicyRunner.__init__": ["env", "train_cfg", ["log_dir", None], ["device", "cpu"]],
        "OnPolicyRunner.learn": ["num_learning_iterations", ["init_at_random_ep_len", False]],
        "OnPolicyRunner.log": ["locs", ["width", 80], ["pad", 35]],
        "OnPolicyRunner.save": ["path", ["infos", None]],
        "OnPolicyRunner.load": ["path", ["load_optimizer", True]],
        "OnPolicyRunner.get_inference_policy": [["device", None]],
        "PPO.__init__": [
            "actor_critic", ["num_learning_epochs", 1], ["num_mini_batches", 1], ["clip_param", 0.2], ["gamma", 0.998],
            ["lam", 0.95], ["value_loss_coef", 1.0], ["entropy_coef", 0.0], ["learning_rate", 0.001],
            ["max_grad_norm", 1.0], ["use_clipped_value_loss", True], ["schedule", "fixed"], ["desired_kl", 0.01],
            ["device", "cpu"],
        ],
        "PPO.init_storage": [
            "num_envs", "num_transitions_per_env", "actor_obs_shape", "critic_obs_shape", "action_shape",
        ],
        "PPO.test_mode": [],
        "PPO.train_mode": [],
        "PPO.act": ["obs", "critic_obs"],
        "PPO.process_env_step": ["rewards", "dones", "infos"],
        "PPO.compute_returns": ["last_critic_obs"],
        "PPO.update": [],
        "ActorCritic.__init__": [
            "num_actor_obs", "num_critic_obs", "num_actions", ["actor_hidden_dims", [256, 256, 256]],
            ["critic_hidden_dims", [256, 256, 256]], ["activation", "elu"], ["init_noise_std", 1.0], "**kwargs",
        ],
        "ActorCritic.forward": [],
        "ActorCritic.reset": [["dones", None]],
        "ActorCritic.update_distribution": ["observations"],
        "ActorCritic.act": ["observations", "**kwargs"],
        "ActorCritic.get_actions_log_prob": ["actions"],
        "ActorCritic.act_inference": ["observations"],
        "ActorCritic.evaluate": ["critic_observations", "**kwargs"],
        "RolloutStorage.__init__": [
            "num_envs", "num_transitions_per_env", "obs_shape", "privileged_obs_shape", "actions_shape",
            ["device", "cpu"],
        ],
        "RolloutStorage.add_transitions": ["transition"],
        "RolloutStorage.clear": [],
        "RolloutStorage.compute_returns": ["last_values", "gamma", "lam"],
        "RolloutStorage.get_statistics": [],
        "RolloutStorage.mini_batch_generator": ["num_mini_batches", ["num_epochs", 8]],
        "RolloutStorage.reccurent_mini_batch_generator": ["num_mini_batches", ["num_epochs", 8]],
        "Transition.__init__": [],
        "Transition.clear": [],
    }  # fmt: skip
    if found["is double"]:
        for name in [f"{owner}.{name}" for owner, names in LEFT_OUT.items() for name in names]:
            expected.pop(name, None)
    assert found["signatures"] == expected


def test_what_is_asked_of_the_environment(found: dict[str, Any]) -> None:
    # no cfg, no device; repeated neighbours are one
    sizes = ["env.num_actions", "env.num_envs", "env.num_obs", "env.num_privileged_obs"]
    first = ["env.get_observations()", "env.get_privileged_observations()"]
    rollout_and_log = ["env.num_envs", "env.step(1)", "env.num_envs"]
    assert found["env_access"] == {
        "constructor": [sizes, "env.reset()"],
        "constructor, no privileged": [sizes, "env.reset()"],
        "learn, random lengths": [
            "env.episode_length_buf", "env.max_episode_length", "env.episode_length_buf = Tensor",
            *first, *rollout_and_log,
        ],
        "learn": [*first, *rollout_and_log],
        "lengths": [True, True],
        "step in inference mode": [True],
        "infos": ["episode", "time_outs"],
    }  # fmt: skip


def test_order_of_calls(found: dict[str, Any]) -> None:
    # in brackets: number of positional arguments, names of the others
    start = ["env.get_observations()", "env.get_privileged_observations()", "policy.train()"]
    step = [
        "alg.act(2)", "policy.act(1)", "policy.update_distribution(1)", "policy.evaluate(1)",
        "policy.get_actions_log_prob(1)", "env.step(1)",
        "alg.process_env_step(3)", "storage.add_transitions(1)", "transition.clear()", "policy.reset(1)",
    ]  # fmt: skip
    update = [
        "alg.compute_returns(1)", "policy.evaluate(1)", "storage.compute_returns(3)",
        "alg.update()", "storage.mini_batch_generator(2)",
        "policy.act(1, hidden_states, masks)", "policy.update_distribution(1)", "policy.get_actions_log_prob(1)",
        "policy.evaluate(1, hidden_states, masks)",
        "optimizer.zero_grad()", "ppo.nn.utils.clip_grad_norm_(2)", "optimizer.step()", "storage.clear()",
    ]  # fmt: skip
    learn_1 = [*start, *step, *step, *update, "runner.log(1)", "runner.save(1)", "runner.save(1)"]
    assert found["calls"]["order"] == [*learn_1, *start, "runner.save(1)"]


def test_names_looked_up_in_the_runner_module(found: dict[str, Any]) -> None:
    two_buffers = [["deque", [], {"maxlen": 100}]] * 2
    assert found["calls"]["patched"] == [
        ["SummaryWriter", [], {"log_dir": True, "flush_secs": 10}],
        *two_buffers,
        *[["extend", []], ["extend", []]],
        *[["extend", [4.0]], ["extend", [2.0]]],  # rewards first, then lengths
        *two_buffers,  # a second learn() starts new ones, and goes on with its writer
    ]


def test_what_log_is_given(found: dict[str, Any]) -> None:
    assert found["log_locals"] == {
        "names": [
            "actions", "collection_time", "critic_obs", "cur_episode_length", "cur_reward_sum", "dones", "ep_infos",
            "i", "infos", "init_at_random_ep_len", "it", "learn_time", "lenbuffer", "mean_surrogate_loss",
            "mean_value_loss", "new_ids", "num_learning_iterations", "obs", "privileged_obs", "rewards", "rewbuffer",
            "self", "start", "stop", "tot_iter",
        ],
        "plain": {"it": 2, "tot_iter": 3, "num_learning_iterations": 3, "init_at_random_ep_len": False, "i": 3},
        "types": {"rewbuffer": "deque", "collection_time": "float", "mean_value_loss": "float"},
        "buffers": [[4.0, 8.0, 8.0], [2.0, 4.0, 4.0], 100],
        "current sums": [[12.0, 4.0], [12.0, 2.0]],
        "ep_infos of an iteration": 2,
        "update gives": ["tuple", ["float", "float"], False],
        "times add up": True,
        "self": True,
    }  # fmt: skip


def test_files_and_their_iteration(found: dict[str, Any]) -> None:
    # every it % 2 == 0 and the end; the counter moves only at the end, so files within hold where learn() began
    first = {"model_0.pt": 0, "model_2.pt": 0, "model_3.pt": 3}
    assert found["files"] == {
        "learn(3)": first,
        "then learn(2)": {**first, "model_4.pt": 3, "model_5.pt": 5},
        "counter": [0, 0, 0, 3, 3],
        "event files": 1,
        "totals": [5 * 2 * 4, True],
    }


def test_checkpoint_and_resume(found: dict[str, Any]) -> None:
    actor = [[8, 3], [8], [6, 8], [6], [2, 6], [2]]
    critic = [[5, 4], [5], [1, 5], [1]]
    names = [f"{net}.{layer}.{kind}" for net, layers in (("actor", (0, 2, 4)), ("critic", (0, 2))) for layer in layers
             for kind in ("weight", "bias")]  # fmt: skip
    shapes = [[2], *actor, *critic]
    assert found["checkpoint"] == {
        "keys": ["infos", "iter", "model_state_dict", "optimizer_state_dict"],
        "iter, infos": [3, {"note": 1}],
        "model": [list(pair) for pair in zip(["std", *names], shapes, strict=True)],
        "optimizer": ["param_groups", "state"],
        "groups": [list(range(11))],
        "moments": [list(pair) for pair in enumerate(shapes)],
        "of a parameter": ["exp_avg", "exp_avg_sq", "step"],
        "steps": 3 * 2 * 2,
        "calls of torch.load": [[True, {}], [True, {}]],
        "load gives": [{"note": 1}, {"note": 1}],
        "same weights": [True, True],
        "same moments": True,
        "no optimizer": 0,
        "counters": [3, 3],
        "rates": [0.001, 0.0123],  # the algorithm keeps the configured rate, the optimizer takes the file's
        "resumed": ["model_0.pt", "model_2.pt", "model_3.pt", "model_4.pt"],
    }


def test_tensorboard(found: dict[str, Any]) -> None:
    always = [
        "Loss/learning_rate", "Loss/surrogate", "Loss/value_function", "Perf/collection time", "Perf/learning_time",
        "Perf/total_fps", "Policy/mean_noise_std",
    ]  # fmt: skip
    episodes = ["Train/mean_episode_length", "Train/mean_reward"]
    lengths, returns = [2.0, 3.0], [4.0, 6.0]
    assert found["tensorboard"] == {
        "tags": {tag: [0, 1] for tag in [*always, *episodes, "Episode/a", "Episode/b/c"]},
        "by time": [2, 2],
        "values": {
            "Episode/a": [3.0, 7.0],
            "Episode/b/c": [2.0, 2.0],
            **dict.fromkeys(("Train/mean_episode_length", "Train/mean_episode_length/time"), lengths),
            **dict.fromkeys(("Train/mean_reward", "Train/mean_reward/time"), returns),
        },
        "unfinished": sorted([*always, *episodes, *(f"{tag}/time" for tag in episodes)]),
        "infos in place": [[2.0], [2]],
    }


def test_rollout_in_numbers(found: dict[str, Any]) -> None:
    # gamma 0.9, lam 0.8, values 2 3 4 5 and 6 after the end; the second robot's time-out at its second step adds
    # 0.9 times the value *before* that step, 3, to its reward of 2
    widths = {
        **dict.fromkeys(("rewards", "values", "returns", "advantages", "actions_log_prob", "dones"), 1),
        **dict.fromkeys(("actions", "mu", "sigma"), 2),
        "observations": 3,
        "privileged_observations": 4,
    }
    assert found["numbers"] == {
        "storage": {
            name: [[4, 2, width], "torch.uint8" if name == "dones" else "torch.float32"]
            for name, width in widths.items()
        },
        "shapes": [[3], [4], [2]],
        "no privileged": True,
        "fresh": [0.0, 1.0, 2.0, 3.0],
        "fresh privileged": [0.0, 1.0, 2.0, 3.0],
        "in place": [1.0, 2.0, 3.0, 4.0],  # the next observation: it is copied only after the step
        "rewards": [[1.0, 2.0], [1.0, 4.7], [1.0, 2.0], [1.0, 2.0]],
        "the environment's rewards": [1.0, 2.0],
        "dones": [[0, 0], [0, 1], [0, 0], [0, 0]],
        "values": [[2.0, 2.0], [3.0, 3.0], [4.0, 4.0], [5.0, 5.0]],
        "returns": [[6.1521, 5.924], [6.4058, 4.7], [6.508, 8.228], [6.4, 7.4]],
        "normalised": True,
        "log_prob of the actions": True,
        "emptied": 0,
    }


def test_batches(found: dict[str, Any]) -> None:
    assert found["batches"] == {
        "order": [
            "observations", "privileged_observations", "actions", "values", "advantages", "returns", "actions_log_prob",
            "mu", "sigma", [None, None], None,
        ],
        "shapes": [[9, 3], [9, 4], [9, 2], [9, 1], [9, 1], [9, 1], [9, 1], [9, 2], [9, 2]],
        "default epochs": 8 * 2,
        "sizes": [4, 4],  # of nine
        "same order in all epochs": True,
        "drawn once each": 8,
        "critic sees the observation": True,
    }  # fmt: skip


def test_policy(found: dict[str, Any]) -> None:
    hidden = [[256], [256, 256], [256], [256, 256], [256]]
    assert found["policy"] == {
        "before": [None, True, True, False],
        "is_recurrent": False,
        "deterministic, with gradient": [True, True],
        "sampled": True,
        "log_prob": True,
        "entropy": True,
        "std": [[1.0, 1.0], [0.5, 0.5], [5, 2]],
        "evaluate": [5, 1],
        "reset": [None, None],
        "said of unknown keys": [True, True, True],
        "device": "meta",
        "default sizes": [[2], [256, 3], *hidden, [2, 256], [2], [256, 4], *hidden, [1, 256], [1]],
        "activations": {
            "elu": "ELU", "selu": "SELU", "relu": "ReLU", "crelu": "ReLU", "lrelu": "LeakyReLU", "tanh": "Tanh",
            "sigmoid": "Sigmoid", "gelu": "NoneType",
        },
        "layers": ["Linear", "ELU", "Linear"],
    }  # fmt: skip


def test_what_the_constructor_refuses(found: dict[str, Any]) -> None:
    assert found["errors"]["constructor"] == {
        **dict.fromkeys(("no runner", "no algorithm", "no policy", "flat configuration"), "KeyError"),
        "no runner.policy_class_name": "KeyError",
        "no runner.algorithm_class_name": "KeyError",
        "no runner.num_steps_per_env": "KeyError",
        "no runner.save_interval": "KeyError",
        "no runner.unknown": "nothing",
        "class of no name": "NameError",
        "algorithm of no name": "NameError",
        "class by its path": "NameError",
        "class as module:name": "SyntaxError",
        "class itself": "TypeError",
        "class of nothing": "TypeError",
        "algorithm.rnd_cfg": "TypeError",  # None
        "algorithm.symmetry_cfg": "TypeError",
        "algorithm.class_name": "TypeError",
        "algorithm.normalize_advantage_per_mini_batch": "TypeError",
        "algorithm.device": "TypeError",
        "unknown policy key": "nothing",
        "no hidden layer": "IndexError",
        "hidden size alone": "TypeError",
        "wrong activation": "nothing",
        "a fifth argument": "TypeError",
        "env without num_envs": "AttributeError",
        "env without num_obs": "AttributeError",
        "env without num_privileged_obs": "AttributeError",
        "env without num_actions": "AttributeError",
        "env without episode_length_buf": "nothing",
        "reset gives nothing": "TypeError",
        "reset gives three": "ValueError",
        "recurrent": "NotImplementedError" if found["is double"] else "nothing",
        "part of VecEnv": "TypeError",
    }


def test_what_learn_refuses(found: dict[str, Any]) -> None:
    assert found["errors"]["learn"] == {
        "no log_dir": "TypeError",
        "updates without log_dir": "4",  # two epochs of two batches: one iteration of the five
        "wrong activation": "TypeError",
        "pair": "AttributeError",
        "groups": "TypeError",
        "privileged pair": "AttributeError",
        "step of four": "ValueError",
        "no privileged from step": "RuntimeError",
        "no infos": "TypeError",
        "random lengths without a buffer": "AttributeError",
        "random lengths without a limit": "AttributeError",
        "neither buffer nor limit": "nothing",
        "NaN": "ValueError",
        "infinite": "ValueError",
        "float64": "RuntimeError",
        "float dones": "nothing",
        "whole rewards": "RuntimeError",
        "rewards as a column": "RuntimeError",
        "whole time_outs": "nothing",
        "float time_outs": "nothing",
        "time_outs as a column": "RuntimeError",
        "episode lacks a key": "KeyError",
        "episode has another key": "nothing",
        "after an interrupted rollout": "AssertionError",
        "save_interval 0": "ZeroDivisionError",
        "max_iterations": "TypeError",
    }


def test_what_else_is_refused(found: dict[str, Any]) -> None:
    of_later_releases = (
        "logger", "logger_type", "add_git_repo_to_log", "export_policy_to_jit", "obs_normalizer", "alg.policy",
        "alg.rnd",
    )  # fmt: skip
    assert found["errors"]["rest"] == {
        "file of another network": "RuntimeError",
        "file of a later release": "KeyError",
        "no file": "FileNotFoundError",
        "map_location": "TypeError",
        "load_cfg": "TypeError",
        "save before learn": "nothing",
        **dict.fromkeys(of_later_releases, "AttributeError"),
        "forward": "TypeError",
        "act_inference with masks": "TypeError",
        "act on groups": "TypeError",
        "infinite mean": "ValueError",
        "mean before act": "AttributeError",
    }


def test_building(found: dict[str, Any]) -> None:
    assert found["building"] == {
        "configuration kept": True,
        "printed": [True, True],
        "sections by reference": [True, True, True],
        "log_dir until learn": [False, None, True],
        "class put into the module": "Own",
    }


def test_learning_rate(found: dict[str, Any]) -> None:
    # times or over 1.5 in each update, between 1e-5 and 1e-2
    assert found["rates"] == {
        "far": [[0.0050625, 0.0050625], [0.01, 0.01]],
        "near": [[1e-5, 1e-5], [1e-5, 1e-5]],
        "no target": [[0.001, 0.001]] * 2,
        "fixed": [[0.001, 0.001]] * 2,
    }


def test_training_has_an_effect(found: dict[str, Any]) -> None:
    assert found["learning"] == {"closer": True, "quieter": True}


def test_same_losses_as_the_real_one(double: dict[str, Any], real: dict[str, Any]) -> None:
    # from one seed: the double draws its random numbers where the real one does
    assert double["losses"].keys() == real["losses"].keys() == {"adaptive", "fixed", "no target"}
    for kind, rows in real["losses"].items():
        for row, expected in zip(double["losses"][kind], rows, strict=True):
            assert row == pytest.approx(expected, rel=1e-4, abs=1e-6), kind
