from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

_TRANSITION = (
    "observations", "critic_observations", "actions", "rewards", "dones", "values", "actions_log_prob", "action_mean",
    "action_sigma", "hidden_states",
)  # fmt: skip


class RolloutStorage:
    class Transition:
        def __init__(self) -> None:
            self.clear()

        def clear(self) -> None:
            vars(self).update(dict.fromkeys(_TRANSITION))

    def __init__(  # noqa: PLR0917  as in 1.0.2
        self, num_envs: int, num_transitions_per_env: int, obs_shape: Sequence[int],
        privileged_obs_shape: Sequence[int | None], actions_shape: Sequence[int], device: str = "cpu",
    ) -> None:  # fmt: skip
        def zeros(*shape: int | None) -> torch.Tensor:
            return torch.zeros(num_transitions_per_env, num_envs, *shape, device=device)

        self.device = device
        self.obs_shape, self.privileged_obs_shape, self.actions_shape = obs_shape, privileged_obs_shape, actions_shape
        self.num_envs, self.num_transitions_per_env = num_envs, num_transitions_per_env
        self.observations = zeros(*obs_shape)
        self.privileged_observations = None if privileged_obs_shape[0] is None else zeros(*privileged_obs_shape)
        self.actions, self.mu, self.sigma = (zeros(*actions_shape) for _ in range(3))
        self.rewards, self.values, self.returns, self.advantages, self.actions_log_prob = (zeros(1) for _ in range(5))
        self.dones = zeros(1).byte()
        self.step = 0

    def add_transitions(self, transition: Transition) -> None:
        if self.step >= self.num_transitions_per_env:
            raise AssertionError("the rollout is full")  # also after a rollout that was interrupted
        row = self.step
        self.observations[row].copy_(transition.observations)
        if self.privileged_observations is not None:
            self.privileged_observations[row].copy_(transition.critic_observations)
        self.actions[row].copy_(transition.actions)
        self.mu[row].copy_(transition.action_mean)
        self.sigma[row].copy_(transition.action_sigma)
        self.values[row].copy_(transition.values)
        for column in ("rewards", "dones", "actions_log_prob"):
            getattr(self, column)[row].copy_(getattr(transition, column).view(-1, 1))
        self.step += 1

    def clear(self) -> None:
        self.step = 0

    def compute_returns(self, last_values: torch.Tensor, gamma: float, lam: float) -> None:
        following, advantage = last_values, torch.zeros_like(last_values)
        for row in range(self.num_transitions_per_env - 1, -1, -1):
            discount = gamma * (1.0 - self.dones[row].float())
            error = self.rewards[row] + discount * following - self.values[row]
            advantage = error + discount * lam * advantage
            self.returns[row] = advantage + self.values[row]
            following = self.values[row]
        raw = self.returns - self.values
        self.advantages = (raw - raw.mean()) / (raw.std() + 1e-8)

    def mini_batch_generator(self, num_mini_batches: int, num_epochs: int = 8) -> Iterator[tuple[Any, ...]]:
        size = self.num_envs * self.num_transitions_per_env // num_mini_batches
        order = torch.randperm(size * num_mini_batches, device=self.device)  # one order for all epochs
        critic = self.observations if self.privileged_observations is None else self.privileged_observations
        stored = (self.observations, critic, self.actions, self.values, self.advantages, self.returns)
        flat = [item.flatten(0, 1) for item in (*stored, self.actions_log_prob, self.mu, self.sigma)]
        for _ in range(num_epochs):
            for first in range(num_mini_batches):
                rows = order[first * size : (first + 1) * size]
                yield (*(item[rows] for item in flat), (None, None), None)
