"""Holes of single rsl_rl releases, and how they are filled on our side.

``HOLES`` is the list. What needs more than a choice of words or arguments has its function here; the rest
is filled where ``where`` says.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from runners.learners.rsl_rl.checkpoint import EPS
from runners.learners.rsl_rl.release import REPOSITORY, Release

RUNNER = "runners/on_policy_runner.py"
STD_MIN = 1e-6
"""To which 5.2.0 and later clamp the standard deviation."""


@dataclass(frozen=True)
class Hole:
    """Something that the releases from ``first`` to ``last`` lack or get wrong."""

    name: str
    first: str
    last: str
    what: str
    where: str
    file: str
    test: str

    @property
    def link(self) -> str:
        """The place in rsl_rl's code, in the last release that has the hole."""
        return f"{REPOSITORY}/blob/v{self.last}/rsl_rl/{self.file}"


HOLES = (
    Hole("normaliser", "1.0.2", "1.0.2", "no observation normaliser",
         "holes.NormalisingMixin", "modules/actor_critic.py", "test_the_contract_of_1_0_2"),
    Hole("map_location", "1.0.2", "2.3.3", "load() has no map_location, and on torch 2.6 and later 1.0.2 to 2.1.2 "
         "refuse most infos", "learner.Learner.load reads the file itself", RUNNER, "test_matrix"),
    Hole("log", "1.0.2", "5.2.0", "1.0.2 does not know extras['log'], the others log only the keys of the first step",
         "learner.EpisodeLog", RUNNER, "test_every_key_of_the_log_reaches_tensorboard"),
    Hole("logger", "1.0.2", "5.4.2", "1.0.2 has TensorBoard only, the wandb writers of others want account names, "
         "dataclasses or old versions of wandb", "wandb_sync: wandb reads TensorBoard's events", RUNNER,
         "test_wandb_offline_writes_into_the_run_and_not_into_the_home_folder"),
    Hole("git", "1.0.2", "2.3.0", "no record of the code's state, or an error outside of git or without a commit",
         "manifest.write_code_state", RUNNER, "test_the_code_state_is_recorded"),
    Hole("more", "1.0.2", "5.5.1", "learn(n) runs n iterations more, whatever max_iterations says",
         "learner.Learner.learn", RUNNER, "test_matrix"),
    Hole("iter", "1.0.2", "5.5.1", "1.0.2 writes the run's first iteration into its files; the others repeat the last "
         "one after a resume", "learner.Learner", RUNNER, "test_matrix"),
    Hole("count", "2.0.0", "2.0.1", "the normaliser's count is not saved: the first batch after a resume replaces it",
         "holes.restore_counts", "modules/normalizer.py", "test_2_0_keeps_the_normalisers_count"),
    Hole("first observation", "2.0.0", "2.3.3", "the first observation of learn() is not normalised",
         "holes.normalise_first_observation", RUNNER, "test_matrix"),
    Hole("policy group", "3.0.0", "3.0.0", "an update looks for a group named policy, whatever obs_groups says",
         "vec_env.make_vec_env", "algorithms/ppo.py", "test_3_0_0_gets_a_group_named_policy"),
    Hole("learning rate", "1.0.2", "5.4.1", "an adaptive learning rate starts again from the configuration's, a fixed "
         "one from the file's", "learner.Learner.load", RUNNER, "test_matrix"),
    Hole("log_dir", "1.0.2", "3.3.0", "learn() without a log_dir fails when it saves",
         "train gives the run directory always", RUNNER, "test_matrix"),
    Hole("mean return", "1.0.2", "3.1.3", "learn() starts with empty episode buffers, so the curve falls on a resume",
         "learner.Learner._buffers", RUNNER, "test_matrix"),
    Hole("critic's memory", "1.0.2", "5.2.0", "computing returns advances the critic's memory by one step",
         "holes.keep_critic_memory", "algorithms/ppo.py", "test_matrix"),
    Hole("deviation", "1.0.2", "5.1.0", "the standard deviation may fall to zero, where sampling fails",
         "holes.clamp_deviation", "modules/distribution.py", "test_the_deviation_stays_positive"),
    Hole("nan", "1.0.2", "4.0.1", "a NaN from the environment ruins the weights without an error",
         "metrics.UpdateMetrics", RUNNER, "test_matrix"),
    Hole("mutation", "2.0.0", "5.4.2", "the constructor takes keys out of the configuration",
         "config.write gives a fresh dict each time", RUNNER, "test_the_input_is_never_changed"),
    Hole("observations", "1.0.2", "5.5.1", "observations are stored by reference until the next step is done",
         "vec_env.VecEnvAdapter", "algorithms/ppo.py", "test_observations_are_fresh_tensors"),
    Hole("dones", "1.0.2", "2.2.1", "recurrent policies index their state with dones, which must be bool",
         "vec_env.VecEnvAdapter.step", "modules/actor_critic_recurrent.py", "test_dones_are_bool"),
)  # fmt: skip


class EmpiricalNormaliser(nn.Module):
    """Running mean and standard deviation, with the names and the formula of rsl_rl 3.0.0."""

    _mean: torch.Tensor
    _var: torch.Tensor
    _std: torch.Tensor
    count: torch.Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("_mean", torch.zeros(1, size))
        self.register_buffer("_var", torch.ones(1, size))
        self.register_buffer("_std", torch.ones(1, size))
        self.register_buffer("count", torch.tensor(0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise, and learn from ``x`` during a rollout. Shape: (…, size)."""
        # rsl_rl acts under inference mode in a rollout, and with gradients in an update
        if self.training and torch.is_inference_mode_enabled():
            self._learn(x)
        return (x - self._mean) / (self._std + EPS)

    def _learn(self, x: torch.Tensor) -> None:
        """Merge the mean and variance of a batch into the running ones."""
        self.count += x.shape[0]
        rate = x.shape[0] / self.count
        mean = x.mean(dim=0, keepdim=True)
        delta = mean - self._mean
        self._mean += rate * delta
        self._var += rate * (x.var(dim=0, unbiased=False, keepdim=True) - self._var + delta * (mean - self._mean))
        self._std.copy_(self._var.sqrt())


class NormalisingMixin:
    """A policy of 1.0.2 that normalises what actor and critic see; its file has the layout of 3.0.0."""

    def __init__(self, num_actor_obs: int, num_critic_obs: int, *args: Any, **kwargs: Any) -> None:
        actor, critic = kwargs.pop("normalise")
        super().__init__(num_actor_obs, num_critic_obs, *args, **kwargs)  # type: ignore[call-arg]
        self.actor_obs_normalizer = EmpiricalNormaliser(num_actor_obs) if actor else nn.Identity()
        self.critic_obs_normalizer = EmpiricalNormaliser(num_critic_obs) if critic else nn.Identity()

    def act(self, observations: torch.Tensor, **kwargs: Any) -> Any:
        """See ``ActorCritic.act``."""
        return super().act(self.actor_obs_normalizer(observations), **kwargs)  # type: ignore[misc]

    def act_inference(self, observations: torch.Tensor) -> Any:
        """See ``ActorCritic.act_inference``."""
        return super().act_inference(self.actor_obs_normalizer(observations))  # type: ignore[misc]

    def evaluate(self, critic_observations: torch.Tensor, **kwargs: Any) -> Any:
        """See ``ActorCritic.evaluate``."""
        return super().evaluate(self.critic_obs_normalizer(critic_observations), **kwargs)  # type: ignore[misc]


def add_normaliser(cfg: dict[str, Any], runner_class: type, normalise: tuple[bool, bool]) -> None:
    """Let 1.0.2 build a normalising policy: it looks its name up among those of the runner's module."""
    if not any(normalise):
        return
    module = sys.modules[runner_class.__module__]
    module.NormalisingActorCritic = type(  # type: ignore[attr-defined]
        "NormalisingActorCritic", (NormalisingMixin, module.ActorCritic), {}
    )
    cfg["runner"]["policy_class_name"] = "NormalisingActorCritic"
    cfg["policy"]["normalise"] = normalise


def fill(runner: Any, release: Release) -> None:
    """Mend a runner that has just been built."""
    if not release.since("5.2.0"):
        clamp_deviation(runner.alg, release)
    if not release.since("5.3.0"):
        keep_critic_memory(runner.alg, release)
    if release.contract == "pair":
        normalise_first_observation(runner)
    repositories = runner if not release.since("3.2.0") else runner.logger
    if release.since("2.0.0"):
        repositories.git_status_repos = []


def network(algorithm: Any, release: Release) -> Any:
    """What acts: an actor-critic up to 3.3.0, the actor from 4.0.0 on."""
    if release.since("4.0.0"):
        return algorithm.actor
    return algorithm.policy if release.since("2.3.0") else algorithm.actor_critic


def normalisers(runner: Any) -> tuple[Any, Any]:
    """Those of a 2.x runner, for actor and critic."""
    second = "privileged_obs_normalizer" if hasattr(runner, "privileged_obs_normalizer") else "critic_obs_normalizer"
    return runner.obs_normalizer, getattr(runner, second)


def restore_counts(runner: Any, counts: list[int]) -> None:
    """Give the normalisers of 2.0.x, whose count is no part of their state, the number of samples seen."""
    for normaliser, count in zip(normalisers(runner), counts, strict=True):
        if not isinstance(getattr(normaliser, "count", None), torch.Tensor):
            normaliser.count = count


def normalise_first_observation(runner: Any) -> None:
    """Let the environment hand a 2.x ``learn`` its first observation normalised, as ``learn`` does with all others."""
    actor, critic = normalisers(runner)
    plain = runner.env.get_observations

    def get_observations() -> Any:
        observations, extras = plain()
        seen = extras["observations"]
        if "critic" in seen:
            seen["critic"] = critic(seen["critic"])
        return actor(observations), extras

    runner.env.get_observations = get_observations


def keep_critic_memory(algorithm: Any, release: Release) -> None:
    """Put the critic's memory back after the value of the last observation has been computed."""
    if release.since("4.0.0"):
        memory = algorithm.critic.rnn if algorithm.critic.is_recurrent else None
    else:
        policy = network(algorithm, release)
        memory = policy.memory_c if policy.is_recurrent else None
    if memory is None:
        return
    name = "hidden_state" if hasattr(memory, "hidden_state") else "hidden_states"
    compute_returns = algorithm.compute_returns

    def kept(*args: Any) -> None:
        hidden = getattr(memory, name)
        compute_returns(*args)
        setattr(memory, name, hidden)

    algorithm.compute_returns = kept


def clamp_deviation(algorithm: Any, release: Release) -> None:
    """Keep the standard deviation above zero after every update."""
    net = network(algorithm, release)
    parameter = getattr(net, "std", None)
    if release.since("5.0.0"):
        parameter = getattr(net.distribution, "std_param", None)
    if not isinstance(parameter, nn.Parameter):
        return
    update = algorithm.update

    def clamped() -> Any:
        result = update()
        parameter.data.clamp_(min=STD_MIN)
        return result

    algorithm.update = clamped
