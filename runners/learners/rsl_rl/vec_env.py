"""The environment as rsl_rl wants it, over any environment with Isaac Lab's interface, manager-based or direct.

rsl_rl has asked for three things so far. "tensors" (1.0.2): observation tensors, five values a step,
sizes as attributes. "pair" (2.x): ``(observations, extras)``, four values. "groups" (3.0.0 and later):
a TensorDict of observation groups, four values. Source: ``rsl_rl/env/vec_env.py`` of every release.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from tensordict import TensorDict

from runners.errors import UserError
from runners.learners.rsl_rl.agent import Agent
from runners.learners.rsl_rl.config import resolve_groups
from runners.learners.rsl_rl.release import Release

Groups = dict[str, torch.Tensor]


class VecEnvAdapter:
    """An environment in the contract of one generation of rsl_rl.

    Attributes:
        group_names: the environment's observation groups.
        num_obs: size of what the actor sees.
        num_privileged_obs: size of what the critic sees; None if it sees the same.
        logs: what the environment logged in each step since the learner last took it.
    """

    def __init__(
        self,
        env: Any,
        choose_groups: Callable[[list[str]], dict[str, list[str]]],
        contract: str = "groups",
        clip_actions: float | None = None,
        before_step: Callable[[], None] = lambda: None,
    ) -> None:
        """Reset the environment.

        Args:
            env: the environment, possibly wrapped.
            choose_groups: takes the names of the environment's observation groups and gives those that ``actor``,
                ``critic`` and ``rnd_state`` see.
            contract: tensors, pair or groups.
            clip_actions: bound on the absolute value of actions.
            before_step: called before every step: the one safe place to leave a rollout.

        Raises:
            UserError: an observation group that is no tensor.
        """
        self.env = env
        self.clip_actions = clip_actions
        self.before_step = before_step
        self.logs: list[dict[str, Any]] = []
        self.policy_group: str | None = None
        """What to show once more as the group "policy"; see holes.py."""
        base = env.unwrapped
        self.num_envs: int = base.num_envs
        self.num_actions = number_of_actions(base)
        self.max_episode_length: int = base.max_episode_length
        self.device = torch.device(base.device)
        self._view = {"tensors": self._as_tensors, "pair": self._as_pair, "groups": self._as_groups}[contract]
        self._contract = contract
        observations, _ = env.reset()  # only 1.0.2 does it
        self._seen: Groups = observations
        self.group_names = list(observations)
        self.groups = groups = choose_groups(self.group_names)
        check_tensors(observations, {name for names in groups.values() for name in names})
        self._asymmetric = groups["critic"] != groups["actor"]
        self.num_obs = self._concatenate(observations, "actor").shape[1]
        self.num_privileged_obs = self._concatenate(observations, "critic").shape[1] if self._asymmetric else None

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

    def get_observations(self) -> Any:
        """The current observations: a tensor, ``(tensor, extras)`` or a TensorDict."""
        return self._view(self._observe(), {})

    def get_privileged_observations(self) -> torch.Tensor | None:
        """What the critic sees; None if it sees what the actor does (contract "tensors")."""
        return self._concatenate(self._observe(), "critic") if self._asymmetric else None

    def _observe(self) -> Groups:
        """What there is to see now. Asking a direct environment anew would draw new noise, so the last counts."""
        manager = getattr(self.unwrapped, "observation_manager", None)
        return self._seen if manager is None else manager.compute()

    def reset(self) -> tuple[Any, Any]:
        """Reset every environment. 1.0.2 does so once, in its constructor, and wants a pair."""
        observations, extras = self.env.reset()
        self._seen = observations
        if self._contract == "tensors":
            return self._as_tensors(observations, {}), self.get_privileged_observations()
        return self._view(observations, extras), extras

    def step(self, actions: torch.Tensor) -> tuple[Any, ...]:
        """Step every environment.

        Args:
            actions: shape (num_envs, num_actions).

        Returns:
            observations, the critic's observations (contract "tensors" only), rewards (num_envs,), dones
            (num_envs,) as bool, and extras with ``time_outs`` (num_envs,), from which rsl_rl bootstraps the
            value of episodes that the time limit cut off. Recurrent policies of old releases need bool dones.
        """
        self.before_step()
        if self.clip_actions is not None:
            actions = torch.clamp(actions, -self.clip_actions, self.clip_actions)
        observations, rewards, terminated, truncated, given = self.env.step(actions)
        self._seen = observations
        extras = {key: value for key, value in given.items() if key not in ("log", "episode", "observations")}
        if log := given.get("episode") or given.get("log"):
            self.logs.append(dict(log))  # a copy: the environment goes on writing into its own
        if not getattr(self.cfg, "is_finite_horizon", False):
            extras["time_outs"] = truncated
        dones = terminated | truncated
        seen = self._view(observations, extras)
        if self._contract == "tensors":
            privileged = self._concatenate(observations, "critic") if self._asymmetric else None
            return seen, privileged, rewards, dones, extras
        if self._contract == "pair":
            seen, extras = seen
        return seen, rewards, dones, extras

    def restore_counter(self, infos: dict[str, Any]) -> None:
        """Set the step counter, which drives curricula, to that of a checkpoint's ``infos``."""
        counter = (infos.get("env_state") or {}).get("common_step_counter")
        if counter is not None:
            self.unwrapped.common_step_counter = counter

    def _as_tensors(self, groups: Groups, extras: dict[str, Any]) -> torch.Tensor:
        return self._concatenate(groups, "actor")

    def _as_pair(self, groups: Groups, extras: dict[str, Any]) -> tuple[torch.Tensor, dict[str, Any]]:
        sets = [name for name in self.groups if name != "actor" and (name != "critic" or self._asymmetric)]
        extras["observations"] = {name: self._concatenate(groups, name) for name in sets}
        return self._concatenate(groups, "actor"), extras

    def _as_groups(self, groups: Groups, extras: dict[str, Any]) -> TensorDict:
        # rsl_rl copies an observation only after the next step: a buffer that the environment
        # updates in place would be stored under the wrong action
        fresh = {name: group.clone() for name, group in groups.items()}
        if self.policy_group is not None:
            fresh.setdefault("policy", fresh[self.policy_group])
        return TensorDict(fresh, batch_size=[self.num_envs])

    def _concatenate(self, groups: Groups, name: str) -> torch.Tensor:
        """One fresh tensor of a set of groups. Shape: (num_envs, size)."""
        parts = [groups[group] for group in self.groups[name]]
        return torch.cat(parts, dim=-1) if len(parts) > 1 else parts[0].clone()

    def close(self) -> None:
        """Close the environment."""
        self.env.close()


def make_vec_env(
    env: Any, agent: Agent, release: Release | None = None, before_step: Callable[[], None] = lambda: None
) -> VecEnvAdapter:
    """Wrap an environment for a release, with the observation groups and action bound of the configuration.

    Without a release it gives observation groups, which is what a policy rebuilt from its file takes.

    Raises:
        UserError: the configuration names a group that the environment does not have.
    """
    contract = "groups" if release is None else release.contract
    adapter = VecEnvAdapter(
        env, lambda names: resolve_groups(agent, names), contract, agent.runner.get("clip_actions"), before_step
    )
    if release is not None and release.version == "3.0.0":
        adapter.policy_group = adapter.groups["actor"][0]
    return adapter


def number_of_actions(env: Any) -> int:
    """Size of one environment's action.

    Raises:
        UserError: the action is no vector of numbers.
    """
    manager = getattr(env, "action_manager", None)
    if manager is not None:
        return int(manager.total_action_dim)
    shape = getattr(env.single_action_space, "shape", None)
    if not shape or hasattr(env.single_action_space, "nvec"):
        raise UserError(f"the action space {env.single_action_space} is no vector of numbers, which PPO here needs")
    return math.prod(shape)


def check_tensors(observations: Any, wanted: set[str]) -> None:
    """Refuse observations that are composed of others.

    Raises:
        UserError: names the first group that is no tensor.
    """
    for name in sorted(wanted):
        if not isinstance(observations[name], torch.Tensor):
            kind = type(observations[name]).__name__
            raise UserError(f"the observation group '{name}' is a {kind}, not one tensor; concatenate its terms")
