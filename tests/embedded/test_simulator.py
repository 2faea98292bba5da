"""The adapter and the registrations against the real simulator, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from runners import options
from runners.simulators.mujoco import SIMULATOR


@pytest.fixture(scope="module")
def launched() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:  # launch() sets it for this process; later tests start others
        patch.setenv("MUJOCO_GL", "disable")
        SIMULATOR.launch(options.parse("train", []))
        yield SIMULATOR


@pytest.fixture
def env(launched: Any) -> Iterator[Any]:
    configs = launched.configs("Mjlab-Cartpole-Balance")
    configs.env.scene.num_envs = 4
    configs.env.episode_length_s = 0.5  # ten steps
    configs.env.seed = 1
    built = launched.make_env(configs.env, "cpu")
    yield built
    built.close()


def test_tasks_are_read_without_importing_them(launched: Any) -> None:
    from mjlab.tasks.registry import list_tasks

    read = launched.tasks()
    launched.configs(launched.default_task)  # registers this project's own too
    assert sorted(read) == sorted(list_tasks())


def test_every_registered_task_loads_both_configurations(launched: Any) -> None:
    from runners.learners.rsl_rl import agent, config
    from runners.learners.rsl_rl.release import KNOWN, known
    from runners.plain import dump

    for task in launched.tasks():
        configs = launched.configs(task)
        assert dump(configs.env) and dump(configs.agent)
        neutral = agent.read(configs.agent)
        assert neutral.notes == []
        images = neutral.actor.class_name not in ("MLPModel", "RNNModel")
        since = "4.0.0" if images else "3.0.1" if neutral.symmetry else KNOWN[0]
        for version in KNOWN[KNOWN.index(since) :]:
            cfg, notes = config.write(neutral, known(version))
            # the one thing that an old release lacks and these tasks use
            assert all(note.key == "obs_normalization" and version == "1.0.2" for note in notes)
            assert cfg.get("runner", cfg)["num_steps_per_env"] == configs.agent.num_steps_per_env


CONTRACTS = ("tensors", "pair", "groups")
GROUPS = {"actor": ["actor"], "critic": ["critic"]}


class InPlace:
    """The real environment, but every step writes its observations into the same tensors."""

    def __init__(self, env: Any) -> None:
        self.env = env
        self.buffers: dict[str, torch.Tensor] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.env, name)

    def step(self, action: torch.Tensor) -> Any:
        observations, *rest = self.env.step(action)
        for name, group in observations.items():
            self.buffers.setdefault(name, torch.empty_like(group)).copy_(group)
        return self.buffers, *rest


def test_graphs_on_a_cpu_change_nothing(env: Any) -> None:
    def observed(graph: bool) -> torch.Tensor:
        env.sim.use_cuda_graph = graph
        env.sim.create_graph()
        assert bool(env.sim.step_graph) == graph
        env.reset(seed=1)
        generator = torch.Generator().manual_seed(2)
        actions = [torch.rand(4, 1, generator=generator) * 2 - 1 for _ in range(25)]  # two resets of all
        return torch.stack([env.step(action)[0]["actor"].clone() for action in actions])

    assert env.sim.step_graph and env.sim.reset_graph, "make_env records them"
    assert torch.equal(observed(graph=True), observed(graph=False))


def test_observations_are_fresh_tensors(env: Any) -> None:
    from runners.learners.rsl_rl.vec_env import VecEnvAdapter

    for contract in CONTRACTS:
        adapter = VecEnvAdapter(InPlace(env), lambda names: GROUPS, contract)
        first, *_ = adapter.step(torch.ones(4, 1))
        kept = first.clone()
        second, *_ = adapter.step(torch.ones(4, 1))
        assert (first == kept).all() and not (second == kept).all()


def test_time_outs_are_told_and_bootstrapped(env: Any) -> None:
    from runners.learners.rsl_rl.vec_env import VecEnvAdapter

    for contract in CONTRACTS:
        adapter = VecEnvAdapter(env, lambda names: GROUPS, contract)
        for step in range(1, 11):
            *_, rewards, dones, extras = adapter.step(torch.zeros(4, 1))
            assert extras["time_outs"].tolist() == dones.tolist() == [step == 10] * 4
            assert rewards.shape == (4,)
        assert "Episode_Reward/smooth_reward" in adapter.logs[-1] and "log" not in extras


def test_dones_are_bool(env: Any) -> None:
    from runners.learners.rsl_rl.vec_env import VecEnvAdapter

    for contract in CONTRACTS:
        assert VecEnvAdapter(env, lambda names: GROUPS, contract).step(torch.zeros(4, 1))[-2].dtype == torch.bool


def test_three_contracts_give_the_same(env: Any) -> None:
    """Five values with tensors, four with a pair before, four with a TensorDict; the same numbers in all."""
    from tensordict import TensorDict

    from runners.learners.rsl_rl.vec_env import VecEnvAdapter

    tensors, pair, groups = (VecEnvAdapter(env, lambda names: GROUPS, contract) for contract in CONTRACTS)
    assert tensors.num_obs == pair.num_obs == env.observation_manager.group_obs_dim["actor"][0]
    assert tensors.num_privileged_obs == env.observation_manager.group_obs_dim["critic"][0]
    seen, extras = pair.get_observations()
    assert list(extras) == ["observations"] and list(extras["observations"]) == ["critic"]
    named = groups.get_observations()
    assert isinstance(named, TensorDict) and set(named.keys()) == {"actor", "critic"}
    assert torch.equal(tensors.get_observations(), seen) and torch.equal(seen, named["actor"])
    privileged = tensors.get_privileged_observations()
    assert privileged is not None and torch.equal(privileged, named["critic"])
    assert torch.equal(extras["observations"]["critic"], named["critic"])
    first, second = tensors.reset()
    assert first.shape == (4, tensors.num_obs) and second is not None
    assert [len(adapter.step(torch.zeros(4, 1))) for adapter in (tensors, pair, groups)] == [5, 4, 4]
    *_, infos = pair.step(torch.zeros(4, 1))
    assert set(infos["observations"]) == {"critic"} and all(
        t.dtype == torch.float32 for t in infos["observations"].values()
    )


def test_a_critic_that_sees_the_same_is_no_privileged_one(env: Any) -> None:
    from runners.learners.rsl_rl.vec_env import VecEnvAdapter

    same = {"actor": ["actor"], "critic": ["actor"]}
    tensors = VecEnvAdapter(env, lambda names: same, "tensors")
    assert tensors.num_privileged_obs is None and tensors.get_privileged_observations() is None
    assert tensors.step(torch.zeros(4, 1))[1] is None
    assert VecEnvAdapter(env, lambda names: same, "pair").step(torch.zeros(4, 1))[-1]["observations"] == {}


def test_3_0_0_gets_a_group_named_policy(env: Any) -> None:
    from runners.learners.rsl_rl import agent, release
    from runners.learners.rsl_rl.vec_env import make_vec_env

    neutral = agent.read(SIMULATOR.configs("Mjlab-Cartpole-Balance").agent)
    named = make_vec_env(env, neutral, release.known("3.0.0")).get_observations()
    assert torch.equal(named["policy"], named["actor"])
    other = make_vec_env(env, neutral, release.known("3.0.1")).get_observations()
    assert set(other.keys()) == {"actor", "critic"}


def test_groups_are_joined_in_their_order(env: Any) -> None:
    from runners.learners.rsl_rl.vec_env import VecEnvAdapter

    adapter = VecEnvAdapter(env, lambda names: {"actor": ["critic", "actor"], "critic": ["critic"]}, "tensors")
    groups = env.observation_manager.compute()
    assert torch.equal(adapter.get_observations(), torch.cat([groups["critic"], groups["actor"]], dim=-1))


def test_random_initial_lengths_reach_the_environment(env: Any) -> None:
    from runners.learners.rsl_rl.vec_env import VecEnvAdapter

    adapter = VecEnvAdapter(env, lambda names: GROUPS)
    adapter.episode_length_buf = torch.tensor([9, 0, 5, 8])
    _, _, dones, _ = adapter.step(torch.zeros(4, 1))
    assert dones.tolist() == [True, False, False, False]


def test_actions_are_clipped(env: Any) -> None:
    from runners.learners.rsl_rl.vec_env import VecEnvAdapter

    VecEnvAdapter(env, lambda names: GROUPS, clip_actions=0.5).step(torch.full((4, 1), 3.0))
    assert env.action_manager.action.tolist() == [[0.5]] * 4


def test_before_step_can_leave_the_rollout(env: Any) -> None:
    from runners.learners.rsl_rl.vec_env import VecEnvAdapter

    def leave() -> None:
        raise KeyboardInterrupt

    counter = env.common_step_counter
    with pytest.raises(KeyboardInterrupt):
        VecEnvAdapter(env, lambda names: GROUPS, before_step=leave).step(torch.zeros(4, 1))
    assert env.common_step_counter == counter
