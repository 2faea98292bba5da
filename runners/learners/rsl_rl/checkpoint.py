"""A checkpoint file of any rsl_rl release -> one neutral state -> the file of any other release.

rsl_rl itself is not needed. Layouts are named by the first release that writes them:

======  =========================================================================================
1.0.2   ``model_state_dict``: std or log_std, actor.N, critic.N, memory_a.rnn, memory_c.rnn
2.0.0   the same, ``obs_norm_state_dict``, ``critic_obs_norm_state_dict`` without a count
2.1.1   the same, with a count
2.3.0   the second one is called ``privileged_obs_norm_state_dict``
3.0.0   normalisers inside ``model_state_dict``: actor_obs_normalizer, critic_obs_normalizer
4.0.0   ``actor_state_dict``: std or log_std, mlp.N, rnn.rnn, obs_normalizer; ``critic_state_dict``
5.0.0   the same, but distribution.std_param or distribution.log_std_param
======  =========================================================================================

Source: ``OnPolicyRunner.save`` and ``PPO.save`` of rsl_rl 1.0.2 to 5.5.1.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from runners.errors import UserError
from runners.learners.rsl_rl.release import NEWEST, Release

Tensors = dict[str, torch.Tensor]
EPS = 0.01
"""Added to the standard deviation by rsl_rl's normaliser: (x - mean) / (std + EPS)."""
MANY = 10**8
"""Samples after which the normaliser of 2.x stops to learn."""
OLD_NAMES = (
    ("actor.", "actor", "mlp."),
    ("critic.", "critic", "mlp."),
    ("memory_a.rnn.", "actor", "rnn.rnn."),
    ("memory_c.rnn.", "critic", "rnn.rnn."),
)
NOISE = {
    "std": "std", "log_std": "log_std", "distribution.std_param": "std", "distribution.log_std_param": "log_std",
}  # fmt: skip
NOISE_5 = {"std": "distribution.std_param", "log_std": "distribution.log_std_param"}


@dataclass
class State:
    """What a checkpoint holds, with the names of 4.0.0."""

    layout: str
    actor: Tensors
    critic: Tensors
    noise: dict[str, torch.Tensor]
    """``std`` or ``log_std``, shape (num_actions,); empty where the network gives it."""
    actor_normaliser: Tensors | None
    critic_normaliser: Tensors | None
    moments: dict[str, dict[str, Any]]
    """The optimizer's state for each parameter: "noise", "actor.mlp.0.weight", …"""
    optimizer_groups: list[dict[str, Any]]
    iteration: int
    infos: dict[str, Any]
    rnd: dict[str, Any] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict)
    """The file as it is, which its own layout loads without translation."""
    losses: list[str] = field(default_factory=list)
    """What a translation could not carry over, for the user."""

    @property
    def made_by(self) -> str | None:
        """Number of the release that wrote the file, where this project did."""
        version = self.infos.get("rsl_rl")
        return version if isinstance(version, str) else None

    @property
    def portable(self) -> bool:
        """Whether every network is a plain or recurrent MLP."""
        return all(name.startswith(("mlp.", "rnn.rnn.")) for name in (*self.actor, *self.critic))

    @property
    def recurrent(self) -> bool:
        """Whether the actor has a memory."""
        return any(name.startswith("rnn.") for name in self.actor)


def read(path: Path, device: str = "cpu") -> State:
    """Read a checkpoint file; no pickled object is ever built.

    Raises:
        UserError: the file is not one.
    """
    try:
        data = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        raise UserError(f"there is no checkpoint '{path}'") from None
    except Exception as error:
        reason = re.split(r"[\n.]", str(error), maxsplit=1)[0]
        raise UserError(f"cannot load '{path}': it is damaged or no checkpoint ({reason})") from None
    return parse(data, path)


def parse(data: Any, path: Path) -> State:
    """Make sense of a loaded file.

    Raises:
        UserError: it is not a checkpoint of rsl_rl, or of a release that is not known yet.
    """
    keys = ", ".join(map(str, data)) if isinstance(data, dict) else type(data).__name__
    if not isinstance(data, dict) or not {"iter", "optimizer_state_dict"} <= set(data):
        raise UserError(f"cannot load '{path}': it is no checkpoint of rsl_rl (it holds {keys})")
    if not ({"model_state_dict"} <= set(data) or {"actor_state_dict", "critic_state_dict"} <= set(data)):
        raise UserError(
            f"cannot load '{path}': it holds {keys}, which no release up to rsl_rl {NEWEST} writes; "
            f"a newer one may have written it"
        )
    state = _parse_models(data) if "actor_state_dict" in data else _parse_policy(data, path)
    state.infos = dict(data.get("infos") or {})
    state.raw = data
    state.rnd = {key: data[key] for key in ("rnd_state_dict", "rnd_optimizer_state_dict") if key in data}
    return state


def _parse_models(data: dict[str, Any]) -> State:
    actor, noise, actor_normaliser = _split(data["actor_state_dict"])
    critic, _, critic_normaliser = _split(data["critic_state_dict"])
    layout = "4.0.0" if {"std", "log_std"} & set(data["actor_state_dict"]) else "5.0.0"
    order = [_owned("actor", name) for name in data["actor_state_dict"] if "normalizer." not in name]
    order += [_owned("critic", name) for name in data["critic_state_dict"] if "normalizer." not in name]
    parts = {"actor": actor, "critic": critic, "noise": noise}
    return _state(
        layout, {**parts, "actor_normaliser": actor_normaliser, "critic_normaliser": critic_normaliser}, data, order
    )


def _split(section: Tensors) -> tuple[Tensors, Tensors, Tensors | None]:
    """Weights, noise and normaliser of an ``actor_state_dict`` or ``critic_state_dict``."""
    noise = {NOISE[name]: tensor for name, tensor in section.items() if name in NOISE}
    prefix = "obs_normalizer."
    normaliser = {name[len(prefix) :]: t for name, t in section.items() if name.startswith(prefix)}
    weights = {name: t for name, t in section.items() if name not in NOISE and not name.startswith(prefix)}
    return weights, noise, normaliser or None


def _owned(owner: str, name: str) -> str:
    return "noise" if name in NOISE else f"{owner}.{name}"


def _parse_policy(data: dict[str, Any], path: Path) -> State:
    parts: dict[str, Tensors] = {"actor": {}, "critic": {}}
    normalisers: dict[str, Tensors] = {"actor": {}, "critic": {}}
    noise: Tensors = {}
    order = []
    for name, tensor in data["model_state_dict"].items():
        match = re.fullmatch(r"(actor|critic)_obs_normalizer\.(\w+)", name)
        old = next((row for row in OLD_NAMES if name.startswith(row[0])), None)
        if match:
            normalisers[match[1]][match[2]] = tensor
        elif name in ("std", "log_std"):
            noise[name] = tensor
            order.append("noise")
        elif old:
            new = old[2] + name[len(old[0]) :]
            parts[old[1]][new] = tensor
            order.append(f"{old[1]}.{new}")
        else:
            what = "a distilled student's" if name.startswith(("student", "teacher")) else "of a network not known here"
            raise UserError(f"cannot load '{path}': it is {what} (it has '{name}'); actor and critic MLPs are read")
    layout = "3.0.0" if normalisers["actor"] or normalisers["critic"] else "1.0.2"
    second = next((key for key in data if re.fullmatch(r"(critic|privileged)_obs_norm_state_dict", key)), None)
    if second is not None:
        normalisers = {"actor": dict(data["obs_norm_state_dict"]), "critic": dict(data[second])}
        counted = "count" in normalisers["actor"]
        layout = "2.3.0" if second.startswith("privileged") else "2.1.1" if counted else "2.0.0"
    own = {f"{owner}_normaliser": normaliser or None for owner, normaliser in normalisers.items()}
    return _state(layout, {**parts, "noise": noise, **own}, data, order)


def _state(layout: str, parts: dict[str, Any], data: dict[str, Any], order: list[str]) -> State:
    """Join networks, noise and normalisers (``parts``) with the optimizer, whose parameters have that order."""
    optimizer = data["optimizer_state_dict"]
    # an optimizer numbers its parameters in the order in which the state dict has them
    moments = {name: dict(optimizer["state"][i]) for i, name in enumerate(order) if i in optimizer["state"]}
    counts = (data.get("infos") or {}).get("normaliser_counts") or [MANY, MANY]
    for name, count in zip(("actor_normaliser", "critic_normaliser"), counts, strict=True):
        if parts[name] is not None:
            parts[name].setdefault("count", torch.tensor(int(count)))
    groups = [{key: value for key, value in group.items() if key != "params"} for group in optimizer["param_groups"]]
    return State(
        layout=layout, **parts, moments=moments, optimizer_groups=groups, iteration=int(data["iter"]), infos={}
    )  # fmt: skip


def hidden_dims(weights: Tensors) -> list[int]:
    """Sizes of the hidden layers of an MLP."""
    sizes = {
        int(name.split(".")[1]): t.shape[0] for name, t in weights.items() if re.fullmatch(r"mlp\.\d+\.weight", name)
    }
    return [size for _, size in sorted(sizes.items())][:-1]


def memory(weights: Tensors) -> tuple[str, int, int] | None:
    """Kind, size and layers of the recurrent part: an LSTM has four gates, a GRU three. None without one."""
    if "rnn.rnn.weight_ih_l0" not in weights:
        return None
    size = weights["rnn.rnn.weight_hh_l0"].shape[1]
    kind = "lstm" if weights["rnn.rnn.weight_ih_l0"].shape[0] == 4 * size else "gru"
    return kind, size, sum(name.startswith("rnn.rnn.weight_ih_l") for name in weights)


def translate(state: State, release: Release, normalise: tuple[bool, bool] | None = None) -> dict[str, Any]:
    """Return what the runner of ``release`` loads. ``state`` is not changed but for its ``losses``.

    Args:
        state: any checkpoint.
        release: for which release.
        normalise: whether actor and critic of the target have a normaliser; None: as the file where the
            release has normalisers. A file with one goes into a network without by folding it into the first
            layer; a file without into a network with one gets a normaliser that changes nothing.

    Raises:
        UserError: a network that older releases do not have.
    """
    normalise = normalise or _default_normalisers(state, release)
    has = state.actor_normaliser is not None, state.critic_normaliser is not None
    reordered = state.recurrent and not release.since("4.0.0")
    if state.layout == release.layout and has == normalise and not reordered:
        return {**state.raw, "iter": state.iteration, "infos": _infos(state, release)}
    original, state = state, copy.deepcopy(state)
    if release.shape in ("nested", "flat", "policy"):
        if not state.portable:
            names = [n for n in (*state.actor, *state.critic) if not n.startswith(("mlp.", "rnn.rnn."))]
            raise UserError(f"a network with '{names[0]}' exists in rsl_rl 4.0.0 and later only, not {release.version}")
        if not state.noise and not release.since("3.1.1"):
            raise UserError(
                f"noise that depends on the state exists in rsl_rl 3.1.1 and later only, not {release.version}"
            )
    if "log_std" in state.noise and not release.since("2.2.3"):
        state.noise = {"std": state.noise["log_std"].exp()}
        _forget(state, "noise")
        state.losses.append("noise: a logarithm became a number; its optimizer state starts anew")
    _fit_normaliser(state, "actor", normalise[0])
    _fit_normaliser(state, "critic", normalise[1])
    original.losses = state.losses
    return _write_models(state, release) if release.since("4.0.0") else _write_policy(state, release)


def _default_normalisers(state: State, release: Release) -> tuple[bool, bool]:
    actor, critic = state.actor_normaliser is not None, state.critic_normaliser is not None
    if release.layout == "1.0.2":
        return False, False
    return (actor or critic, actor or critic) if release.shape == "flat" else (actor, critic)


def _fit_normaliser(state: State, owner: str, wanted: bool) -> None:
    name = f"{owner}_normaliser"
    normaliser = getattr(state, name)
    if wanted and normaliser is None:
        first = _first_layer(getattr(state, owner))[0]
        size = getattr(state, owner)[first].shape[1]
        setattr(state, name, identity_normaliser(size))
    elif not wanted and normaliser is not None:
        _fold(state, owner, normaliser)
        setattr(state, name, None)
        state.losses.append(
            f"{owner}: its normaliser became part of the first layer, whose optimizer state starts anew"
        )


def identity_normaliser(size: int) -> Tensors:
    """Statistics with which (x - mean) / (std + EPS) is x, and that hardly move."""
    std = torch.full((1, size), 1.0 - EPS)
    return {"_mean": torch.zeros(1, size), "_var": std**2, "_std": std, "count": torch.tensor(MANY)}


def _first_layer(weights: Tensors) -> tuple[str, str]:
    recurrent = "rnn.rnn.weight_ih_l0" in weights
    return ("rnn.rnn.weight_ih_l0", "rnn.rnn.bias_ih_l0") if recurrent else ("mlp.0.weight", "mlp.0.bias")


def _fold(state: State, owner: str, normaliser: Tensors) -> None:
    """W' = W / (std + EPS), b' = b - W' mean: the same function of the observation."""
    weights = getattr(state, owner)
    weight, bias = _first_layer(weights)
    weights[weight] = weights[weight] / (normaliser["_std"] + EPS)
    weights[bias] = weights[bias] - weights[weight] @ normaliser["_mean"].squeeze(0)
    for name in (weight, bias):
        _forget(state, f"{owner}.{name}")


def _forget(state: State, name: str) -> None:
    """Zero the optimizer's moments of a parameter that has become another one; its step count stays."""
    for key, value in state.moments.get(name, {}).items():
        if key != "step" and isinstance(value, torch.Tensor):
            state.moments[name][key] = torch.zeros_like(value)


def _write_models(state: State, release: Release) -> dict[str, Any]:
    noise = state.noise
    if release.since("5.0.0"):
        noise = {NOISE_5[name]: tensor for name, tensor in noise.items()}
    sections, order = {}, ["noise"] * len(noise)
    for owner, extra in (("actor", noise), ("critic", {})):
        weights, normaliser = getattr(state, owner), getattr(state, f"{owner}_normaliser") or {}
        names = sorted(weights, key=lambda name: name.startswith("rnn."))
        order += [f"{owner}.{name}" for name in names]
        sections[owner] = {
            **{f"obs_normalizer.{name}": tensor for name, tensor in normaliser.items()},
            **extra,
            **{name: weights[name] for name in names},
        }
    data = {"actor_state_dict": sections["actor"], "critic_state_dict": sections["critic"]}
    return _rest(data, state, release, order)


def _write_policy(state: State, release: Release) -> dict[str, Any]:
    memory_first = release.since("3.0.0")
    rows = [OLD_NAMES[i] for i in ((2, 0, 3, 1) if memory_first else (0, 1, 2, 3))]
    model: Tensors = dict(state.noise)
    order = ["noise"] * len(state.noise)
    for old, owner, new in rows:
        for name, tensor in getattr(state, owner).items():
            if name.startswith(new):
                model[old + name[len(new) :]] = tensor
                order.append(f"{owner}.{name}")
    data: dict[str, Any] = {"model_state_dict": model}
    normalisers = {owner: getattr(state, f"{owner}_normaliser") for owner in ("actor", "critic")}
    if release.layout in ("3.0.0", "1.0.2"):  # in 1.0.2 a policy with our own normaliser, see holes.py
        for owner, normaliser in normalisers.items():
            model.update({f"{owner}_obs_normalizer.{name}": tensor for name, tensor in (normaliser or {}).items()})
    elif normalisers["actor"] is not None:
        second = "privileged" if release.layout == "2.3.0" else "critic"
        without = ("count",) if release.layout == "2.0.0" else ()
        for key, owner in (("obs_norm_state_dict", "actor"), (f"{second}_obs_norm_state_dict", "critic")):
            data[key] = {name: t for name, t in normalisers[owner].items() if name not in without}
    return _rest(data, state, release, order)


def _rest(data: dict[str, Any], state: State, release: Release, order: list[str]) -> dict[str, Any]:
    moments = {i: state.moments[name] for i, name in enumerate(order) if name in state.moments}
    groups = [{**group, "params": list(range(len(order)))} for group in state.optimizer_groups[:1]]
    data["optimizer_state_dict"] = {"state": moments, "param_groups": groups}
    return {**data, **state.rnd, "iter": state.iteration, "infos": _infos(state, release)}


def _infos(state: State, release: Release) -> dict[str, Any]:
    """Those of the file, with the counts that the normalisers of 2.0.x leave out of their state."""
    actor, critic = state.actor_normaliser, state.critic_normaliser
    if release.layout != "2.0.0" or actor is None or critic is None:
        return state.infos
    return {**state.infos, "normaliser_counts": [int(actor["count"]), int(critic["count"])]}
