"""The neutral form of an agent configuration -> the ``train_cfg`` that a release of rsl_rl wants.

What a release cannot express is noted where the algorithm stays the same, and refused where it would not.
Source of every first release below: the code of rsl_rl 1.0.2 to 5.5.1.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runners.errors import UserError, nearest
from runners.learners.rsl_rl.agent import (
    ACTIVATIONS,
    BETA,
    GAUSSIAN,
    HETEROSCEDASTIC,
    MODELS,
    Agent,
    Model,
    Note,
)
from runners.learners.rsl_rl.release import Release


@dataclass(frozen=True)
class Since:
    """From which release on a field can be given."""

    first: str
    implied: Any
    """What an older release does anyway."""
    changes_algorithm: bool = True


ALGORITHM = {
    "normalize_advantage_per_mini_batch": Since("2.2.3", False),
    "optimizer": Since("4.0.0", "adam"),
    "share_cnn_encoders": Since("4.0.0", False),
    "use_mixed_precision": Since("5.5.0", False, changes_algorithm=False),
    "grad_reduce_bucket_mb": Since("5.5.1", 25.0, changes_algorithm=False),
}
NOISE = {
    "std_range": Since("5.2.0", [1e-6, 1e6], changes_algorithm=False),
    "learn_std": Since("5.2.0", True),
    "action_range": Since("5.3.0", [-1.0, 1.0]),
}
DISTRIBUTIONS = {
    GAUSSIAN: "1.0.2",
    # 3.1.0 has it, and its inference returns mean and deviation stacked
    HETEROSCEDASTIC: "3.1.1",
    BETA: "5.3.0",
}
RUNNER = ("seed", "max_iterations", "experiment_name", "run_name", "save_interval", "num_steps_per_env")


def write(agent: Agent, release: Release, groups: Sequence[str] | None = None) -> tuple[dict[str, Any], list[Note]]:
    """Return a fresh ``train_cfg`` for ``OnPolicyRunner``, and notes on what it says otherwise than ``agent``.

    Args:
        agent: the neutral form; it is not changed.
        release: for which release.
        groups: names of the environment's observation groups; None where there is no environment.

    Raises:
        UserError: the release lacks what the configuration asks for, or a group does not exist.
    """
    writer = _Writer(copy.deepcopy(agent), release)
    return writer.write(groups), writer.notes


def resolve_groups(agent: Agent, groups: Sequence[str]) -> dict[str, list[str]]:
    """Which of the environment's groups actor, critic (and RND) see.

    Without a set of that name, the actor sees the group ``actor`` or ``policy`` and the critic the group
    ``critic``, else what the actor sees.

    Raises:
        UserError: a group that the environment does not have.
    """
    sets = {name: list(wanted) for name, wanted in agent.obs_groups.items()}
    if "actor" not in sets:
        sets["actor"] = [next((name for name in ("actor", "policy") if name in groups), "actor")]
    if "critic" not in sets:
        sets["critic"] = ["critic"] if "critic" in groups else list(sets["actor"])
    for name, wanted in sets.items():
        for group in wanted:
            if group not in groups:
                raise UserError(
                    f"obs_groups.{name} names the observation group '{group}'{nearest(group, groups)}; "
                    f"the environment has {', '.join(groups)}"
                )
    return sets


class _Writer:
    def __init__(self, agent: Agent, release: Release) -> None:
        self.agent = agent
        self.release = release
        self.notes: list[Note] = []

    def write(self, groups: Sequence[str] | None) -> dict[str, Any]:
        agent, shape = self.agent, self.release.shape
        self._check_networks()
        runner = self._runner()
        algorithm = self._fitting(agent.algorithm, ALGORITHM, "algorithm")
        self._extensions(algorithm)
        if shape in ("nested", "flat", "policy"):
            policy = self._policy()
            if shape == "nested":
                runner.update(policy_class_name=policy.pop("class_name"), algorithm_class_name="PPO")
                return {"runner": runner, "algorithm": algorithm, "policy": policy}
            sections: dict[str, Any] = {"policy": policy}
        else:
            sections = {"actor": self._actor(), "critic": self._model(agent.critic)}
        cfg = {**runner, "algorithm": {"class_name": "PPO", **algorithm}, **sections}
        if shape == "flat":
            cfg["empirical_normalization"] = self._normalise()
        else:
            cfg["obs_groups"] = self._obs_groups(groups)
        return cfg

    def _runner(self) -> dict[str, Any]:
        runner = {key: self.agent.runner[key] for key in RUNNER if key in self.agent.runner}
        runner["logger"] = "tensorboard"
        if self.release.since("5.0.0"):
            runner["check_for_nan"] = self.agent.runner.get("check_for_nan", True)
        mode = self.agent.runner.get("torch_compile_mode")
        if mode is not None and self.release.since("5.1.0"):
            runner["torch_compile_mode"] = mode
        elif mode is not None:
            self._dropped("torch_compile_mode", mode, "5.1.0")
        return runner

    def _extensions(self, algorithm: dict[str, Any]) -> None:
        """Random network distillation and symmetry."""
        rnd, symmetry = self.agent.rnd, self.agent.symmetry
        if rnd is not None:
            # 2.2.0 to 2.2.3 have it, and cannot build it
            self._need("2.2.4", "random network distillation (algorithm.rnd_cfg)")
            if self.release.since("2.3.2") and not self.release.since("3.0.0") and "learning_rate" in rnd:
                value = rnd.pop("learning_rate")
                reason = "rsl_rl 2.3.2 and 2.3.3 let it replace PPO's own rate"
                self.notes.append(Note("dropped", "algorithm.rnd_cfg.learning_rate", value, reason))
            algorithm["rnd_cfg"] = rnd
        if symmetry is not None:
            # older ones have it, and call the task's function with other arguments
            self._need("3.0.1", "symmetry (algorithm.symmetry_cfg)")
            algorithm["symmetry_cfg"] = symmetry
        if self.release.version == "2.2.0":
            # https://github.com/leggedrobotics/rsl_rl/blob/v2.2.0/rsl_rl/runners/on_policy_runner.py reads both
            algorithm.setdefault("rnd_cfg", None)
            algorithm.setdefault("symmetry_cfg", None)

    def _check_networks(self) -> None:
        agent = self.agent
        self._need(DISTRIBUTIONS[agent.noise.class_name], f"the distribution '{agent.noise.class_name}'")
        for who, model in (("actor", agent.actor), ("critic", agent.critic)):
            if -1 in model.hidden_dims:  # the width of the input
                self._need("3.0.0", f"{who}.hidden_dims '{model.hidden_dims}'")
            self._need(ACTIVATIONS[model.activation], f"{who}.activation '{model.activation}'")
            if model.class_name not in ("MLPModel", "RNNModel"):
                self._need("4.0.0", f"{who}.class_name '{model.class_name}'")
            if model.memory is not None:
                # 1.0.2 trains the critic's memory on the actor's state
                self._need("2.0.0", f"a recurrent policy ({model.memory.kind})")
        if agent.actor.memory != agent.critic.memory:
            self._need("4.0.0", "another memory in the critic than in the actor")

    def _policy(self) -> dict[str, Any]:
        """``policy`` of 1.0.2 to 3.3.0, which has one activation."""
        agent, actor, critic = self.agent, self.agent.actor, self.agent.critic
        policy: dict[str, Any] = {
            "class_name": "ActorCriticRecurrent" if actor.memory else "ActorCritic",
            "init_noise_std": agent.noise.init_std,
            "actor_hidden_dims": list(actor.hidden_dims),
            "critic_hidden_dims": list(critic.hidden_dims),
            "activation": actor.activation,
        }
        if critic.activation != actor.activation:
            self._written("critic.activation", critic.activation, actor.activation, "4.0.0")
        if self.release.since("2.2.3") and not (actor.memory and not self.release.since("3.0.0")):
            policy["noise_std_type"] = agent.noise.std_type
        elif agent.noise.std_type != "scalar":
            self._written("noise_std_type", agent.noise.std_type, "scalar", "3.0.0" if actor.memory else "2.2.3")
        if agent.noise.class_name == HETEROSCEDASTIC:
            policy["state_dependent_std"] = True
        self._fitting(agent.noise.extra, NOISE, "distribution_cfg")
        if self.release.shape == "nested" and (actor.obs_normalization or critic.obs_normalization):
            reason = f"rsl_rl {self.release.version} has no normaliser; this project puts its own into the policy"
            self.notes.append(Note("kept", "obs_normalization", True, reason))
        if self.release.shape == "policy":
            policy["actor_obs_normalization"] = actor.obs_normalization
            policy["critic_obs_normalization"] = critic.obs_normalization
        if actor.memory is not None:
            size = "rnn_hidden_dim" if self.release.since("2.3.0") else "rnn_hidden_size"
            memory = actor.memory
            policy.update({"rnn_type": memory.kind, size: memory.size, "rnn_num_layers": memory.layers})
        return policy

    def _actor(self) -> dict[str, Any]:
        model, noise = self._model(self.agent.actor), self.agent.noise
        extra = self._fitting(noise.extra, NOISE, "actor.distribution_cfg")
        if self.release.shape == "stochastic":
            model.update(stochastic=True, init_noise_std=noise.init_std, noise_std_type=noise.std_type)
            model["state_dependent_std"] = noise.class_name == HETEROSCEDASTIC
            return model
        own = {} if noise.class_name == BETA else {"init_std": noise.init_std, "std_type": noise.std_type}
        model["distribution_cfg"] = {"class_name": noise.class_name, **own, **extra}
        return model

    def _model(self, model: Model) -> dict[str, Any]:
        section = {
            "class_name": model.class_name,
            "hidden_dims": list(model.hidden_dims),
            "activation": model.activation,
            "obs_normalization": model.obs_normalization,
            **model.extra,
        }
        if model.memory is not None:
            memory = model.memory
            section.update(rnn_type=memory.kind, rnn_hidden_dim=memory.size, rnn_num_layers=memory.layers)
        if model.class_name not in MODELS and model.class_name.count(":") != 1:
            raise UserError(f"class_name '{model.class_name}' is not of the form module:Class")
        return section

    def _normalise(self) -> bool:
        """``empirical_normalization`` of 2.x, one switch for actor and critic."""
        actor, critic = self.agent.actor.obs_normalization, self.agent.critic.obs_normalization
        if actor != critic:
            self._written("critic.obs_normalization", critic, actor, "3.0.0")
        return actor

    def _obs_groups(self, groups: Sequence[str] | None) -> dict[str, list[str]]:
        sets = resolve_groups(self.agent, groups) if groups is not None else copy.deepcopy(self.agent.obs_groups)
        if self.release.shape == "policy" and "actor" in sets:
            sets = {"policy": sets.pop("actor"), **sets}
        return sets

    def _fitting(self, section: dict[str, Any], table: dict[str, Since], name: str) -> dict[str, Any]:
        """Those fields of a section that the release has."""
        kept = {}
        for key, value in section.items():
            since = table.get(key)
            if since is None or self.release.since(since.first):
                kept[key] = value
            elif value == since.implied:
                continue
            elif since.changes_algorithm:
                self._need(since.first, f"{name}.{key} '{value}'")
            else:
                self._dropped(f"{name}.{key}", value, since.first)
        return kept

    def _need(self, first: str, what: str) -> None:
        if not self.release.since(first):
            raise UserError(
                f"{what} needs rsl_rl {first} or later, and this is {self.release.version}; "
                f"change the configuration, or: make setup RSL_RL={Release(first).spec}"
            )

    def _dropped(self, key: str, value: Any, first: str) -> None:
        self.notes.append(Note("dropped", key, value, f"rsl_rl {self.release.version} lacks it, {first} has it"))

    def _written(self, key: str, value: Any, instead: Any, first: str) -> None:
        reason = f"rsl_rl {self.release.version} takes one value for both or none; it becomes {instead}"
        self.notes.append(Note("changed", key, value, f"{reason} ({first} has it)"))
