"""The learner on real physics: what it adds to rsl_rl's figures is true, and its guards work."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from runners import options
from runners.curve import scalars
from runners.simulators.mujoco import SIMULATOR

STEPS, ENVS = 8, 4


@pytest.fixture(scope="module")
def env() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUJOCO_GL", "disable")
        SIMULATOR.launch(options.parse("train", []))
        configs = SIMULATOR.configs("Mjlab-Cartpole-Balance")
        configs.env.scene.num_envs, configs.env.seed, configs.env.episode_length_s = ENVS, 1, 0.5
        built = SIMULATOR.make_env(configs.env, "cpu")
        yield built
        built.close()


def make_learner(env: Any, folder: Path, **algorithm: Any) -> Any:
    from runners.learners.rsl_rl import agent, release
    from runners.learners.rsl_rl.learner import Learner
    from runners.learners.rsl_rl.vec_env import make_vec_env

    neutral = agent.read(SIMULATOR.configs("Mjlab-Cartpole-Balance").agent)
    runner = {**neutral.runner, "num_steps_per_env": STEPS, "save_interval": 1}
    neutral = dataclasses.replace(neutral, runner=runner, algorithm={**neutral.algorithm, **algorithm})
    installed = release.installed()
    return Learner(make_vec_env(env, neutral, installed), neutral, installed, folder, "cpu")


def generalised_advantages(storage: Any, last_values: torch.Tensor, gamma: float, lam: float) -> torch.Tensor:
    """GAE by hand, one environment after the other. Shape: (steps, envs)."""
    advantages = torch.zeros(STEPS, ENVS)
    for index in range(ENVS):
        running, following = 0.0, float(last_values[index])
        for step in reversed(range(STEPS)):
            goes_on = 1.0 - float(storage.dones[step, index])
            value = float(storage.values[step, index])
            delta = float(storage.rewards[step, index]) + goes_on * gamma * following - value
            running = delta + goes_on * gamma * lam * running
            advantages[step, index] = running
            following = value
    return advantages


def test_metrics_are_what_they_are_called(env: Any, tmp_path: Path) -> None:
    """Two epochs of one mini-batch: the first is of the policy that acted, so all change is in the second."""
    learner = make_learner(
        env, tmp_path, num_learning_epochs=2, num_mini_batches=1, schedule="fixed", learning_rate=0.03,
        max_grad_norm=1e9, clip_param=0.05,
    )  # fmt: skip
    algorithm = learner.runner.alg
    norms: list[float] = []
    second: dict[str, torch.Tensor] = {}
    last: dict[str, torch.Tensor] = {}

    def before_step(optimizer: Any, args: Any, kwargs: Any) -> None:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        norms.append(torch.cat([p.grad.flatten() for p in parameters]).norm().item())

    def after_step(optimizer: Any, args: Any, kwargs: Any) -> None:
        if len(norms) != 1:
            return
        storage = algorithm.storage
        with torch.no_grad():
            observations = storage.observations.flatten(0, 1)
            mean = algorithm.actor(observations)
            std = algorithm.actor.distribution.std_param
            normal = torch.distributions.Normal(mean, std)
            log_prob = normal.log_prob(storage.actions.flatten(0, 1)).sum(-1)
            log_ratio = log_prob - storage.actions_log_prob.flatten(0, 1).squeeze(-1)
            # its inner part: the learner listens to the critic itself
            moved = (algorithm.critic.mlp(observations["critic"]) - storage.values.flatten(0, 1)).abs()
        second["approx_kl"] = (log_ratio.exp() - 1 - log_ratio).mean()
        second["clip_fraction"] = ((log_ratio.exp() - 1).abs() > 0.05).float().mean()
        second["value_clip_fraction"] = (moved > 0.05).float().mean()

    algorithm.optimizer.register_step_pre_hook(before_step)
    algorithm.optimizer.register_step_post_hook(after_step)
    compute = algorithm.compute_returns

    def compute_returns(observations: Any) -> None:
        last["values"] = algorithm.critic(observations).detach().squeeze(-1)
        compute(observations)

    algorithm.compute_returns = compute_returns
    learner.learn(1, lambda progress: None)
    learner.close()
    metrics = learner.metrics.last
    for name, value in second.items():
        assert metrics[name] == pytest.approx(value.item() / 2, rel=1e-4), name
        assert value > 0
    assert metrics["grad_norm"] == pytest.approx(sum(norms) / 2, rel=1e-4)
    storage = algorithm.storage
    by_hand = generalised_advantages(storage, last["values"], algorithm.gamma, algorithm.lam)
    assert metrics["mean_advantage"] == pytest.approx(by_hand.mean().item(), rel=1e-4, abs=1e-6)
    expected = (by_hand + storage.values.squeeze(-1)).mean().item()
    assert metrics["mean_return"] == pytest.approx(expected, rel=1e-4)
    for name, value in metrics.items():
        assert scalars(tmp_path, f"PPO/{name}") == [(0, pytest.approx(value, rel=1e-6))]


def test_every_key_of_the_log_reaches_tensorboard(env: Any, tmp_path: Path) -> None:
    """Also one that the first step does not have; the mean is over the steps that have it."""
    learner = make_learner(env, tmp_path)
    logs = iter([{"a/first": 1.0}, {"a/first": torch.tensor(3.0), "late": torch.tensor([4.0])}, {}])
    step = env.step

    def logging_step(action: torch.Tensor) -> Any:
        *rest, extras = step(action)
        return *rest, {**extras, "log": next(logs, {})}

    learner.env.env = type("Env", (), {"step": staticmethod(logging_step), "unwrapped": env})()
    learner.learn(1, lambda progress: None)
    learner.close()
    assert scalars(tmp_path, "a/first") == [(0, 2.0)] and scalars(tmp_path, "Episode/late") == [(0, 4.0)]


def test_another_task_is_refused_with_both_sizes(env: Any, tmp_path: Path) -> None:
    from runners.errors import UserError

    learner = make_learner(env, tmp_path)
    learner.learn(1, lambda progress: None)
    path = learner.save(tmp_path)
    learner.close()
    data = torch.load(path, weights_only=True)
    data["actor_state_dict"]["mlp.0.weight"] = torch.zeros(64, 99)
    data["infos"]["rsl_rl"] = "9.1.0"
    torch.save(data, path)
    with pytest.raises(UserError, match=r"'mlp.0.weight' is 64x99 in the file and 64x5 in the task; it was made by "
                       r"rsl_rl 9.1.0, newer than 5.5.1"):  # fmt: skip
        make_learner(env, tmp_path / "other").load(path, 0)


def test_one_gpu_a_run(env: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from runners.errors import UserError

    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="WORLD_SIZE is set"):
        make_learner(env, tmp_path)


def test_the_deviation_stays_positive() -> None:
    """Before 5.2.0 an update may take it to zero or below, where sampling raises."""
    from runners.learners.rsl_rl import holes
    from runners.learners.rsl_rl.release import known

    for version, shape in (("1.0.2", "actor_critic"), ("3.3.0", "policy"), ("4.0.1", "actor"), ("5.1.0", "actor")):
        std = torch.nn.Parameter(torch.ones(2))
        net = torch.nn.Module()
        owner = net
        if version == "5.1.0":
            net.distribution = owner = torch.nn.Module()
        setattr(owner, "std_param" if version == "5.1.0" else "std", std)

        class Algorithm:
            parameter = std

            def update(self) -> str:
                self.parameter.data.fill_(-0.5)
                return "losses"

        algorithm = Algorithm()
        setattr(algorithm, shape, net)
        holes.clamp_deviation(algorithm, known(version))
        assert algorithm.update() == "losses" and std.min() > 0


def test_every_hole_has_its_link_and_its_test() -> None:
    from runners.learners.rsl_rl.holes import HOLES
    from runners.learners.rsl_rl.release import KNOWN

    tests = "\n".join(path.read_text() for path in Path(__file__).parents[1].rglob("test_*.py"))
    for hole in HOLES:
        assert f"def {hole.test}(" in tests, hole.name
        assert hole.first in KNOWN and hole.last in KNOWN and KNOWN.index(hole.first) <= KNOWN.index(hole.last)
        assert hole.link.startswith("https://github.com/leggedrobotics/rsl_rl/blob/v") and hole.what and hole.where
