"""The environment as rsl_rl wants it, over any manager-based environment (Isaac Lab's interface)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from rsl_rl.env import VecEnv
from tensordict import TensorDict


class VecEnvAdapter(VecEnv):  # type: ignore[misc]
    """Contract of rsl_rl 3.0 and later: TensorDict observations, four values from ``step``.

    ``before_step`` is called before every step: the one safe place to leave a rollout.
    """

    def __init__(
        self, env: Any, clip_actions: float | None = None, before_step: Callable[[], None] = lambda: None
    ) -> None:
        self.env = env
        self.clip_actions = clip_actions
        self.before_step = before_step
        base = env.unwrapped
        self.num_envs: int = base.num_envs
        self.num_actions: int = base.action_manager.total_action_dim
        self.max_episode_length: int = base.max_episode_length
        self.device = torch.device(base.device)
        env.reset()  # rsl_rl never does

    @property
    def cfg(self) -> Any:
        """The environment's configuration, which rsl_rl's loggers store."""
        return self.unwrapped.cfg

    @property
    def unwrapped(self) -> Any:
        """The manager-based environment itself."""
        return self.env.unwrapped

    @property
    def episode_length_buf(self) -> torch.Tensor:
        """Steps in the current episodes. Shape: (num_envs,), int64."""
        buffer: torch.Tensor = self.unwrapped.episode_length_buf
        return buffer

    @episode_length_buf.setter
    def episode_length_buf(self, value: torch.Tensor) -> None:
        # rsl_rl assigns random lengths here; they must reach the environment's time limit
        self.unwrapped.episode_length_buf = value

    def get_observations(self) -> TensorDict:
        """The current observations. Each group: (num_envs, size)."""
        return self._observations(self.unwrapped.observation_manager.compute())

    def reset(self) -> tuple[TensorDict, dict[str, Any]]:
        """Reset every environment."""
        observations, extras = self.env.reset()
        return self._observations(observations), extras

    def step(self, actions: torch.Tensor) -> tuple[TensorDict, torch.Tensor, torch.Tensor, dict[str, Any]]:
        """Step every environment.

        Args:
            actions: shape (num_envs, num_actions).

        Returns:
            observations, rewards (num_envs,), dones (num_envs,) as bool, and extras with ``time_outs``
            (num_envs,), from which rsl_rl bootstraps the value of episodes cut off by the time limit.
        """
        self.before_step()
        if self.clip_actions is not None:
            actions = torch.clamp(actions, -self.clip_actions, self.clip_actions)
        observations, rewards, terminated, truncated, extras = self.env.step(actions)
        if not getattr(self.cfg, "is_finite_horizon", False):
            extras["time_outs"] = truncated
        return self._observations(observations), rewards, terminated | truncated, extras

    def _observations(self, groups: dict[str, torch.Tensor]) -> TensorDict:
        # rsl_rl copies an observation only after the next step: a buffer that the environment
        # updates in place would be stored under the wrong action
        fresh = {name: group.clone() for name, group in groups.items()}
        return TensorDict(fresh, batch_size=[self.num_envs])

    def close(self) -> None:
        """Close the environment."""
        self.env.close()
