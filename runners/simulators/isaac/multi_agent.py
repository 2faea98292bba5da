"""An environment of several agents as one with a single agent, by Isaac Lab's own conversion."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


class SingleAgent:
    """What ``isaaclab.envs.multi_agent_to_single_agent`` makes, with what it leaves behind.

    It passes on neither the episodes' lengths, which rsl_rl draws at random, nor the step counter, nor the logs.
    Source: ``isaaclab/envs/utils/marl.py`` of 2.3.2.
    """

    def __init__(self, env: Any) -> None:
        self._agents = env
        self._single = importlib.import_module("isaaclab.envs").multi_agent_to_single_agent(env)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._single, name)

    @property
    def unwrapped(self) -> SingleAgent:
        """Itself: what is below lacks what is here."""
        return self

    def step(self, actions: torch.Tensor) -> tuple[Any, ...]:
        """Step it; each agent has extras of its own, whose logs become one. actions: shape (num_envs, num_actions)."""
        observations, rewards, terminated, truncated, given = self._single.step(actions)
        extras = {name: value for name, value in given.items() if name not in self._agents.cfg.possible_agents}
        logs = {
            f"{agent}/{key}": value
            for agent in self._agents.cfg.possible_agents
            for key, value in given.get(agent, {}).get("log", {}).items()
        }
        if logs:
            extras["log"] = {**logs, **extras.get("log", {})}
        return observations, rewards, terminated, truncated, extras

    @property
    def episode_length_buf(self) -> torch.Tensor:
        """Steps in the current episodes. Shape: (num_envs,), int64."""
        buffer: torch.Tensor = self._agents.episode_length_buf
        return buffer

    @episode_length_buf.setter
    def episode_length_buf(self, value: torch.Tensor) -> None:
        self._agents.episode_length_buf = value

    @property
    def common_step_counter(self) -> int:
        """Steps since the environment was built."""
        return int(self._agents.common_step_counter)

    @common_step_counter.setter
    def common_step_counter(self, value: int) -> None:
        self._agents.common_step_counter = value
