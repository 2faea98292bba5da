from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.distributions import Normal

_ACTIVATIONS = {
    "elu": nn.ELU, "selu": nn.SELU, "relu": nn.ReLU, "crelu": nn.ReLU, "lrelu": nn.LeakyReLU, "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}  # fmt: skip


class ActorCritic(nn.Module):
    is_recurrent = False

    def __init__(  # noqa: PLR0917  as in 1.0.2
        self, num_actor_obs: int, num_critic_obs: int, num_actions: int,
        actor_hidden_dims: Sequence[int] = (256, 256, 256), critic_hidden_dims: Sequence[int] = (256, 256, 256),
        activation: str = "elu", init_noise_std: float = 1.0, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        if kwargs:
            print("ActorCritic does not know and ignores:", ", ".join(kwargs))
        layer = get_activation(activation)
        self.actor = _mlp(num_actor_obs, actor_hidden_dims, num_actions, layer)
        self.critic = _mlp(num_critic_obs, critic_hidden_dims, 1, layer)
        self.std = nn.Parameter(init_noise_std * torch.ones(num_actions))
        self.distribution: Any = None
        print(self)

    def forward(self) -> None:
        raise NotImplementedError

    def reset(self, dones: torch.Tensor | None = None) -> None:
        """Nothing to forget: there is no memory."""

    @property
    def action_mean(self) -> torch.Tensor:
        return self.distribution.mean

    @property
    def action_std(self) -> torch.Tensor:
        return self.distribution.stddev

    @property
    def entropy(self) -> torch.Tensor:
        return self.distribution.entropy().sum(dim=-1)

    def update_distribution(self, observations: torch.Tensor) -> None:
        mean = self.actor(observations)
        # an infinite mean makes the deviation NaN, which Normal refuses
        self.distribution = Normal(mean, self.std + 0.0 * mean)

    def act(self, observations: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        self.update_distribution(observations)
        return self.distribution.sample()

    def get_actions_log_prob(self, actions: torch.Tensor) -> torch.Tensor:
        return self.distribution.log_prob(actions).sum(dim=-1)

    def act_inference(self, observations: torch.Tensor) -> torch.Tensor:
        return self.actor(observations)

    def evaluate(self, critic_observations: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        return self.critic(critic_observations)


def get_activation(act_name: str) -> nn.Module | None:
    if act_name not in _ACTIVATIONS:
        print(f"no activation is called {act_name!r}")
        return None  # a layer of None can be built, and the first forward pass calls it
    return _ACTIVATIONS[act_name]()


def _mlp(inputs: int, hidden: Sequence[int], outputs: int, activation: nn.Module | None) -> nn.Sequential:
    layers = [nn.Linear(inputs, hidden[0]), activation]  # without a hidden layer: IndexError, as there
    for size in hidden[1:]:
        layers += [nn.Linear(layers[-2].out_features, size), activation]
    return nn.Sequential(*layers, nn.Linear(hidden[-1], outputs))
