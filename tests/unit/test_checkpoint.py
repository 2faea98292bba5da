"""Checkpoint files: every layout into every other, without a change of what the networks do."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from runners import policy
from runners.errors import UserError
from runners.learners.rsl_rl import agent, checkpoint
from runners.learners.rsl_rl.checkpoint import State
from runners.learners.rsl_rl.release import known
from runners.run_dir import Checkpoint

FIRST_OF_LAYOUT = ("1.0.2", "2.0.0", "2.1.1", "2.3.0", "3.0.0", "4.0.0", "5.0.0")
OBS, ACTIONS, HIDDEN, RNN = 5, 2, 8, 6


def networks(rnn: type[torch.nn.LSTM] | type[torch.nn.GRU] | None) -> dict[str, torch.nn.Module]:
    """Actor and critic as rsl_rl 5.x has them, of seeded weights."""
    torch.manual_seed(3)
    made: dict[str, torch.nn.Module] = {}
    for name, outputs in (("actor", ACTIONS), ("critic", 1)):
        parts: dict[str, torch.nn.Module] = {}
        mlp = torch.nn.Sequential(
            torch.nn.Linear(RNN if rnn else OBS, HIDDEN), torch.nn.ELU(), torch.nn.Linear(HIDDEN, outputs)
        )
        if name == "actor":
            distribution = torch.nn.Module()
            distribution.std_param = torch.nn.Parameter(torch.rand(ACTIONS) + 0.5)
            parts["distribution"] = distribution
        parts["mlp"] = mlp
        if rnn:
            memory = torch.nn.Module()
            memory.rnn = rnn(OBS, RNN)
            parts["rnn"] = memory
        made[name] = torch.nn.ModuleDict(parts)
    return made


def file(normaliser: bool = False, rnn: Any = None, log_std: bool = False) -> dict[str, Any]:
    """What rsl_rl 5.x saves after one step of Adam."""
    nets = networks(rnn)
    parameters = [*nets["actor"].parameters(), *nets["critic"].parameters()]
    optimizer = torch.optim.Adam(parameters, lr=0.01)
    for number, parameter in enumerate(parameters):
        parameter.grad = torch.full_like(parameter, float(number + 1))
    optimizer.step()
    data: dict[str, Any] = {f"{name}_state_dict": dict(net.state_dict()) for name, net in nets.items()}
    if log_std:
        section = data["actor_state_dict"]
        data["actor_state_dict"] = {
            "distribution.log_std_param" if k == "distribution.std_param" else k: v for k, v in section.items()
        }
    if normaliser:
        for section in data.values():
            std = torch.rand(1, OBS) + 0.1
            own = {"_mean": torch.randn(1, OBS), "_var": std**2, "_std": std, "count": torch.tensor(77)}
            section.update({f"obs_normalizer.{name}": tensor for name, tensor in own.items()})
    return {
        **data,
        "optimizer_state_dict": optimizer.state_dict(),
        "iter": 4,
        "infos": {"episodes": {"returns": [1.0]}},
    }


def parsed(**kind: Any) -> State:
    return checkpoint.parse(file(**kind), Path("model_4.pt"))


AGENT = agent.read({"algorithm": {}, "policy": {"activation": "elu"}})


def acts(state: State) -> tuple[torch.Tensor, torch.Tensor]:
    """What actor and critic make of three observations, one after the other."""
    torch.manual_seed(0)
    actor, critic = policy.rebuild(state, AGENT)
    batches = torch.randn(3, 7, OBS)
    return torch.stack([actor(b) for b in batches]), torch.stack([critic(b) for b in batches])


def through(state: State, version: str, **kwargs: Any) -> State:
    """Written for a release, and read again."""
    data = checkpoint.translate(state, known(version), **kwargs)
    again = checkpoint.parse(copy.deepcopy(data), Path("model_4.pt"))
    return again


@pytest.mark.parametrize("rnn", [None, torch.nn.LSTM, torch.nn.GRU])
@pytest.mark.parametrize("normaliser", [False, True])
@pytest.mark.parametrize("one", FIRST_OF_LAYOUT)
@pytest.mark.parametrize("other", FIRST_OF_LAYOUT)
def test_from_one_layout_to_another_and_back(one: str, other: str, normaliser: bool, rnn: Any) -> None:
    original = parsed(normaliser=normaliser, rnn=rnn)
    state = through(through(through(original, one), other), one)
    assert torch.allclose(acts(state)[0], acts(original)[0], atol=1e-6)
    assert torch.allclose(acts(state)[1], acts(original)[1], atol=1e-5)
    assert torch.equal(state.noise["std"], original.noise["std"])
    assert state.iteration == 4 and state.infos["episodes"] == {"returns": [1.0]}
    first = checkpoint._first_layer(original.actor)
    for name, moments in original.moments.items():
        if normaliser and name.partition(".")[2] in first:
            continue  # they start anew where a normaliser was folded in
        assert torch.equal(state.moments[name]["exp_avg"], moments["exp_avg"]), name


def test_a_layout_is_recognised() -> None:
    for version in FIRST_OF_LAYOUT[1:]:
        data = checkpoint.translate(parsed(normaliser=True), known(version))
        if version == "4.0.0":
            assert "std" in data["actor_state_dict"]
        assert checkpoint.parse(data, Path("model_4.pt")).layout == version


def test_the_order_of_the_optimizer_is_the_releases_own() -> None:
    """From the facts: by which names the optimizer's numbers go, for recurrent policies."""
    orders = {
        "2.3.3": ["std", "actor", "critic", "memory_a", "memory_c"],
        "3.0.0": ["std", "memory_a", "actor", "memory_c", "critic"],
    }
    for version, expected in orders.items():
        data = checkpoint.translate(parsed(rnn=torch.nn.GRU), known(version))
        names = list(dict.fromkeys(name.partition(".")[0] for name in data["model_state_dict"]))
        assert names == expected
        shapes = [tuple(tensor.shape) for tensor in data["model_state_dict"].values()]
        moments = data["optimizer_state_dict"]["state"]
        assert [tuple(moments[i]["exp_avg"].shape) for i in range(len(shapes))] == shapes


def test_a_normaliser_is_folded_exactly_and_said() -> None:
    original = parsed(normaliser=True)
    state = through(original, "1.0.2")
    assert state.actor_normaliser is None and torch.allclose(acts(state)[0], acts(original)[0], atol=1e-6)
    assert state.moments["actor.mlp.0.weight"]["exp_avg"].abs().sum() == 0
    assert state.moments["actor.mlp.2.weight"]["exp_avg"].abs().sum() > 0
    assert [loss.partition(":")[0] for loss in original.losses] == ["actor", "critic"]


def test_a_network_with_a_normaliser_takes_a_file_without() -> None:
    original = parsed()
    state = through(original, "5.5.1", normalise=(True, True))
    assert state.actor_normaliser is not None and torch.allclose(acts(state)[0], acts(original)[0], atol=1e-6)
    assert int(state.actor_normaliser["count"]) == checkpoint.MANY


def test_2_0_keeps_the_normalisers_count() -> None:
    data = checkpoint.translate(parsed(normaliser=True), known("2.0.0"))
    assert "count" not in data["obs_norm_state_dict"] and data["infos"]["normaliser_counts"] == [77, 77]
    again = checkpoint.parse(data, Path("model_4.pt"))
    assert again.actor_normaliser is not None and int(again.actor_normaliser["count"]) == 77
    del data["infos"]["normaliser_counts"]
    plain = checkpoint.translate(checkpoint.parse(data, Path("model_4.pt")), known("2.0.1"))
    assert plain["infos"]["normaliser_counts"] == [checkpoint.MANY] * 2
    into = checkpoint.translate(parsed(), known("2.0.0"), (True, True))
    assert into["infos"]["normaliser_counts"] == [checkpoint.MANY] * 2


def test_logarithmic_noise_where_a_release_has_none() -> None:
    original = parsed(log_std=True)
    assert through(original, "2.2.3").noise.keys() == {"log_std"}
    assert torch.equal(through(original, "2.2.2").noise["std"], original.noise["log_std"].exp())
    assert "logarithm" in original.losses[0]


def test_its_own_layout_is_left_as_it_is() -> None:
    data = file(normaliser=True)
    out = checkpoint.translate(checkpoint.parse(data, Path("model_4.pt")), known("5.5.1"))
    assert out["actor_state_dict"] is data["actor_state_dict"]


def test_other_networks_stay_where_they_are() -> None:
    data = file()
    data["actor_state_dict"]["cnns.camera.0.weight"] = torch.zeros(1)
    state = checkpoint.parse(data, Path("model_4.pt"))
    assert checkpoint.translate(state, known("5.0.1"))["actor_state_dict"].keys() == data["actor_state_dict"].keys()
    with pytest.raises(UserError, match=r"'cnns.camera.0.weight' exists in rsl_rl 4.0.0 and later only, not 3.3.0"):
        checkpoint.translate(state, known("3.3.0"))
    with pytest.raises(UserError, match="cannot be rebuilt"):
        policy.rebuild(state, AGENT)


def saved(tmp_path: Path, data: Any) -> Path:
    path = tmp_path / "model_4.pt"
    torch.save(data, path)
    return path


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"weights": 1}, "no checkpoint of rsl_rl (it holds weights)"),
        ([1, 2], "no checkpoint of rsl_rl (it holds list)"),
        ({"iter": 1, "optimizer_state_dict": {}, "brain": {}}, "which no release up to rsl_rl 5.5.1 writes"),
        ({"iter": 1, "optimizer_state_dict": {}, "model_state_dict": {"student.0.weight": torch.ones(1)}},
         "a distilled student's"),
    ],
)  # fmt: skip
def test_files_that_are_none(tmp_path: Path, data: Any, words: str) -> None:
    with pytest.raises(UserError) as caught:
        checkpoint.read(saved(tmp_path, data))
    assert words in str(caught.value) and "model_4.pt" in str(caught.value) and "\n" not in str(caught.value)


def test_files_that_are_broken(tmp_path: Path) -> None:
    path = saved(tmp_path, file())
    whole = path.read_bytes()
    for broken in (whole[:-200], b"", b"text", whole[: len(whole) // 2]):
        path.write_bytes(broken)
        with pytest.raises(UserError, match="it is damaged or no checkpoint") as caught:
            checkpoint.read(path)
        assert "\n" not in str(caught.value) and Checkpoint(path, 4).defect()
    path.unlink()
    with pytest.raises(UserError, match="there is no checkpoint"):
        checkpoint.read(path)


class Evil:
    def __reduce__(self) -> Any:
        return print, ("run",)


def test_nothing_in_a_file_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError):
        checkpoint.read(saved(tmp_path, {**file(), "infos": Evil()}))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", list(policy.ACTIVATIONS))
def test_activations_are_rsl_rls(name: str) -> None:
    from rsl_rl.utils import resolve_nn_activation

    assert repr(policy.ACTIVATIONS[name]()) == repr(resolve_nn_activation(name))


def test_a_memory_is_cleared_where_an_episode_ends() -> None:
    for rnn in (torch.nn.LSTM, torch.nn.GRU):
        actor, _ = policy.rebuild(parsed(rnn=rnn), AGENT)
        batch = torch.randn(2, OBS)
        first = actor(batch)
        actor.reset(torch.tensor([True, False]))
        second = actor(batch)
        assert torch.equal(second[0], first[0]) and not torch.equal(second[1], first[1])
        actor.reset()
        assert torch.equal(actor(batch), first)


def test_the_mean_of_other_distributions() -> None:
    x = torch.randn(4, 6)
    assert torch.equal(policy.FirstHalf()(x), x[:, :3])
    mean = policy.BetaMean(-2.0, 4.0)(x)
    from rsl_rl.modules.distribution import BetaDistribution

    expected = BetaDistribution(3, (-2.0, 4.0)).deterministic_output(x.reshape(4, 2, 3))
    assert torch.allclose(mean, expected)
