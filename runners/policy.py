"""A checkpoint of any rsl_rl release -> a plain torch module that acts. rsl_rl is not needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from runners.errors import UserError
from runners.exported import OnnxPolicy
from runners.learners.rsl_rl import checkpoint
from runners.learners.rsl_rl.agent import BETA, Agent, Model
from runners.learners.rsl_rl.checkpoint import EPS, State, Tensors

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "elu": nn.ELU, "selu": nn.SELU, "relu": nn.ReLU, "crelu": nn.CELU, "lrelu": nn.LeakyReLU, "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid, "identity": nn.Identity, "gelu": nn.GELU, "softplus": nn.Softplus, "swish": nn.SiLU,
    "mish": nn.Mish,
}  # fmt: skip
"""As ``resolve_nn_activation`` of rsl_rl has them."""


class Normaliser(nn.Module):
    """(x - mean) / (std + 0.01), one formula in every release that has a normaliser."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, mean: torch.Tensor, std: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape: (…, size) -> (…, size)."""
        return (x - self.mean) / (self.std + EPS)


class BetaMean(nn.Module):
    """Mean action of a Beta distribution. Shape: (…, 2 * actions) -> (…, actions)."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low = low
        self.high = high

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The two halves become alpha and beta by softplus + 1; the mean is alpha / (alpha + beta) of the range."""
        alpha, beta = (nn.functional.softplus(half) + 1.0 for half in x.chunk(2, dim=-1))
        return alpha / (alpha + beta) * (self.high - self.low) + self.low


class FirstHalf(nn.Module):
    """Mean of a network that gives mean and deviation. Shape: (…, 2 * actions) -> (…, actions)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Drop the second half."""
        return x.chunk(2, dim=-1)[0]


class Network(nn.Module):
    """Actor or critic: normaliser, memory if it has one, MLP, and for an actor the mean action.

    A memory keeps its state from call to call; :meth:`reset` clears it where an episode has ended.
    """

    def __init__(self, normaliser: nn.Module, rnn: nn.LSTM | nn.GRU | None, mlp: nn.Sequential, head: nn.Module):
        super().__init__()
        self.normaliser = normaliser
        self.rnn = rnn
        self.mlp = mlp
        self.head = head
        self._hidden: Any = None

    @property
    def num_inputs(self) -> int:
        """Size of an observation."""
        return int(self.rnn.input_size if self.rnn is not None else self.mlp[0].in_features)

    @property
    def num_actions(self) -> int:
        """Size of an action, where it is an actor."""
        linear = [layer for layer in self.mlp if isinstance(layer, nn.Linear)]
        return int(linear[-1].out_features // (1 if isinstance(self.head, nn.Identity) else 2))

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Shape: (num_envs, num_inputs) -> (num_envs, outputs)."""
        latent = self.normaliser(observations)
        if self.rnn is not None:
            latent, self._hidden = self.rnn(latent.unsqueeze(0), self._hidden)
            latent = latent.squeeze(0)
        action: torch.Tensor = self.head(self.mlp(latent))
        return action

    def reset(self, dones: torch.Tensor | None = None) -> None:
        """Forget the memory of the environments that are done, or of all. dones: shape (num_envs,)."""
        if dones is None or self._hidden is None:
            self._hidden = None
            return
        keep = (~dones.bool()).float().reshape(1, -1, 1)
        hidden = self._hidden
        self._hidden = tuple(h * keep for h in hidden) if isinstance(hidden, tuple) else hidden * keep

    def feed_forward(self) -> nn.Sequential:
        """The same function as a plain sequence, for export.

        Raises:
            UserError: it has a memory.
        """
        if self.rnn is not None:
            raise UserError("a recurrent policy cannot be exported yet; feed-forward ones can")
        return nn.Sequential(self.normaliser, self.mlp, self.head).eval()


class Actor:
    """The mean action for a batch of observation groups."""

    def __init__(self, network: Network, groups: list[str]) -> None:
        self.network = network
        self.groups = groups

    def __call__(self, observations: Any) -> torch.Tensor:
        """Shape: groups of (num_envs, size) -> (num_envs, num_actions)."""
        actions: torch.Tensor = self.network(torch.cat([observations[name] for name in self.groups], dim=-1))
        return actions

    def reset(self, dones: torch.Tensor | None = None) -> None:
        """Forget the memory of the environments that are done, or of all."""
        self.network.reset(dones)


class OnnxActor:
    """The same for an exported policy, which has no memory."""

    def __init__(self, network: OnnxPolicy, groups: list[str]) -> None:
        self.network = network
        self.groups = groups

    def __call__(self, observations: Any) -> torch.Tensor:
        """Shape: groups of (num_envs, size) -> (num_envs, num_actions)."""
        seen = torch.cat([observations[name] for name in self.groups], dim=-1)
        return torch.from_numpy(self.network(seen.float().cpu().numpy())).to(seen.device)

    def reset(self, dones: torch.Tensor | None = None) -> None:
        """There is nothing to forget."""


def rebuild(state: State, agent: Agent) -> tuple[Network, Network]:
    """Build actor and critic from a checkpoint; activation and distribution are in the agent's configuration only.

    Raises:
        UserError: a network that is no plain or recurrent MLP.
    """
    if not state.portable:
        raise UserError(
            f"a network of the class '{agent.actor.class_name}' cannot be rebuilt without the rsl_rl that made it"
        )
    head: nn.Module = nn.Identity()
    if not state.noise:
        low, high = agent.noise.extra.get("action_range", (-1.0, 1.0))
        head = BetaMean(low, high) if agent.noise.class_name == BETA else FirstHalf()
    actor = _network(state.actor, state.actor_normaliser, agent.actor, head)
    critic = _network(state.critic, state.critic_normaliser, agent.critic, nn.Identity())
    return actor, critic


def _network(weights: Tensors, normaliser: Tensors | None, model: Model, head: nn.Module) -> Network:
    device = next(iter(weights.values())).device
    first = Normaliser(normaliser["_mean"], normaliser["_std"]) if normaliser else nn.Identity()
    linear = sorted({int(name.split(".")[1]) for name in weights if name.startswith("mlp.")})
    layers: list[nn.Module] = []
    for index in linear:
        while len(layers) < index:
            layers.append(ACTIVATIONS[model.activation]())
        outputs, inputs = weights[f"mlp.{index}.weight"].shape
        layers.append(nn.Linear(inputs, outputs))
    mlp = nn.Sequential(*layers)
    mlp.load_state_dict({name[4:]: tensor for name, tensor in weights.items() if name.startswith("mlp.")})
    network = Network(first, _rnn(weights), mlp, head)
    return network.to(device).eval().requires_grad_(False)  # type: ignore[no-any-return]


def _rnn(weights: Tensors) -> nn.LSTM | nn.GRU | None:
    memory = checkpoint.memory(weights)
    if memory is None:
        return None
    kind, size, layers = memory
    own = {name[8:]: tensor for name, tensor in weights.items() if name.startswith("rnn.rnn.")}
    rnn = (nn.LSTM if kind == "lstm" else nn.GRU)(own["weight_ih_l0"].shape[1], size, layers)
    rnn.load_state_dict(own)
    return rnn


def check_fits(have: tuple[int, int], vec_env: Any, what: str, task: str) -> None:
    """Compare a policy's sizes (observations, actions) with those of the environment that it is to act in.

    Raises:
        UserError: they differ; ``what`` names the policy.
    """
    want = vec_env.num_obs, vec_env.num_actions
    if have != want:
        raise UserError(
            f"{what} is of another robot or task: its actor takes {have[0]} observations and gives "
            f"{have[1]} actions, and '{task}' has {want[0]} and {want[1]}; name its own with TASK="
        )
