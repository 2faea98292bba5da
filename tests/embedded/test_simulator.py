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

    assert sorted(launched.tasks()) == sorted(list_tasks())


def test_every_registered_task_loads_both_configurations(launched: Any) -> None:
    from runners.learners.rsl_rl import config, release
    from runners.plain import dump

    for task in launched.tasks():
        configs = launched.configs(task)
        assert dump(configs.env) and dump(configs.agent)
        cfg = config.train_cfg(configs.agent, release.installed(), "tensorboard")
        assert cfg["actor"]["class_name"] and cfg["logger"] == "tensorboard"


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


def test_observations_are_fresh_tensors(env: Any) -> None:
    from runners.learners.rsl_rl.vec_env import VecEnvAdapter

    adapter = VecEnvAdapter(InPlace(env))
    first, *_ = adapter.step(torch.ones(4, 1))
    kept = first["actor"].clone()
    second, *_ = adapter.step(torch.ones(4, 1))
    assert torch.equal(first["actor"], kept) and not torch.equal(second["actor"], kept)


def test_time_outs_are_told_and_bootstrapped(env: Any) -> None:
    from runners.learners.rsl_rl.vec_env import VecEnvAdapter

    adapter = VecEnvAdapter(env)
    for step in range(1, 11):
        _, rewards, dones, extras = adapter.step(torch.zeros(4, 1))
        assert extras["time_outs"].tolist() == dones.tolist() == [step == 10] * 4
        assert dones.dtype == torch.bool and rewards.shape == (4,)
    assert "Episode_Reward/smooth_reward" in extras["log"]


def test_random_initial_lengths_reach_the_environment(env: Any) -> None:
    from runners.learners.rsl_rl.vec_env import VecEnvAdapter

    adapter = VecEnvAdapter(env)
    adapter.episode_length_buf = torch.tensor([9, 0, 5, 8])
    _, _, dones, _ = adapter.step(torch.zeros(4, 1))
    assert dones.tolist() == [True, False, False, False]


def test_actions_are_clipped(env: Any) -> None:
    from runners.learners.rsl_rl.vec_env import VecEnvAdapter

    VecEnvAdapter(env, clip_actions=0.5).step(torch.full((4, 1), 3.0))
    assert env.action_manager.action.tolist() == [[0.5]] * 4


def test_before_step_can_leave_the_rollout(env: Any) -> None:
    from runners.learners.rsl_rl.vec_env import VecEnvAdapter

    def leave() -> None:
        raise KeyboardInterrupt

    counter = env.common_step_counter
    with pytest.raises(KeyboardInterrupt):
        VecEnvAdapter(env, before_step=leave).step(torch.zeros(4, 1))
    assert env.common_step_counter == counter
