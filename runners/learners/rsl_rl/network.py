"""A task's agent configuration for the networks in a checkpoint, where a run has no configuration of its own."""

from __future__ import annotations

import copy
from typing import Any

from runners import run_dir
from runners.learners.rsl_rl import checkpoint
from runners.learners.rsl_rl.agent import (
    BETA,
    GAUSSIAN,
    HETEROSCEDASTIC,
    RNN,
    RUNNER,
    SECTIONS,
    Memory,
    Model,
    Noise,
    read,
    table,
    without_unset,
)
from runners.learners.rsl_rl.checkpoint import State
from runners.plain import to_plain


def with_network(config: Any, state: State, where: str, task: str) -> tuple[Any, list[str]]:
    """The configuration of a task for the networks of a checkpoint, and what of it differs from the task's.

    Sizes, memory, normalisers and what the noise is stored as follow from the file; the activation does not.
    Where nothing differs, or the networks are no MLPs, the configuration is the one that was given.
    """
    neutral = read(config, where)
    if not state.portable:
        return config, []
    taken = []
    data = without_unset(copy.deepcopy(to_plain(config)))
    runner = data.pop("runner", {})
    data = {key: item for key, item in {**data, **runner}.items() if key in (*RUNNER, *SECTIONS)}
    for who in ("actor", "critic"):
        model: Model = getattr(neutral, who)
        found = {
            "hidden_dims": checkpoint.hidden_dims(getattr(state, who)),
            "obs_normalization": getattr(state, f"{who}_normaliser") is not None,
            "memory": checkpoint.memory(getattr(state, who)),
        }
        for key, value in found.items():
            have = getattr(model, key)
            have = (have.kind, have.size, have.layers) if isinstance(have, Memory) else have
            if have != value:
                taken.append(f"{who}.{key}={value}")
                _put(data, who, key, value)
    if (noise := _noise_of(state, neutral.noise)) is not None:
        taken.append(f"noise={noise[0]} ({noise[1]})")
        _put_noise(data, *noise)
    return (table(data, where, run_dir.default_experiment(task)) if taken else config), taken


def _put(data: dict[str, Any], who: str, key: str, value: Any) -> None:
    """Set what a network is like in its own section, or in the one of both."""
    own = who in data
    section = data[who] if own else data["policy"]
    if key == "memory":
        names = ("RNNModel", "MLPModel") if own else ("ActorCriticRecurrent", "ActorCritic")
        section["class_name"] = names[0 if value else 1]
        data.pop("policy_class_name", None)
        for name in ("rnn_hidden_size", *RNN):
            section.pop(name, None)
        section.update(zip(RNN, value or (), strict=False))
        return
    if key == "obs_normalization":
        both = data.pop("empirical_normalization", None)
        for other in ("actor", "critic") if both is not None else ():
            target = (data[other], key) if own else (section, f"{other}_{key}")
            target[0].setdefault(target[1], both)
    section[key if own else f"{who}_{key}"] = value


def _noise_of(state: State, noise: Noise) -> tuple[str, str] | None:
    """Distribution and kind of number in a file; None where they are the configuration's."""
    if not state.noise:
        return None if noise.class_name in (HETEROSCEDASTIC, BETA) else (HETEROSCEDASTIC, noise.std_type)
    found = GAUSSIAN, "log" if "log_std" in state.noise else "scalar"
    return None if found == (noise.class_name, noise.std_type) else found


def _put_noise(data: dict[str, Any], kind: str, std_type: str) -> None:
    section = data["actor" if "actor" in data else "policy"]
    if "distribution_cfg" in section:
        section["distribution_cfg"].update(class_name=kind, std_type=std_type)
        for key in () if kind == HETEROSCEDASTIC else ("std_range", "action_range"):
            section["distribution_cfg"].pop(key, None)
    else:
        section.update(noise_std_type=std_type, state_dependent_std=kind == HETEROSCEDASTIC)
