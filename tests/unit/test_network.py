"""A task's agent configuration for the networks of a checkpoint that comes without one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from test_agent_config import DISTRIBUTION, FLAT, GROUPED, MODEL, NESTED, STOCHASTIC, with_policy
from test_checkpoint import HIDDEN, RNN, parsed

from runners.learners.rsl_rl import agent, checkpoint, network

SHAPES = {"nested": NESTED, "flat": FLAT, "policy": GROUPED, "stochastic": STOCHASTIC, "distribution": DISTRIBUTION}
BOTH = {**GROUPED, "policy": {**GROUPED["policy"], "actor_obs_normalization": True, "critic_obs_normalization": True}}


@pytest.mark.parametrize(
    ("kind", "memory", "std_type"),
    [
        ({}, None, "scalar"),
        ({"normaliser": True, "log_std": True}, None, "log"),
        ({"rnn": torch.nn.LSTM}, ("lstm", RNN, 1), "scalar"),
        ({"rnn": torch.nn.GRU, "normaliser": True}, ("gru", RNN, 1), "scalar"),
    ],
)
@pytest.mark.parametrize("shape", SHAPES)
def test_sizes_memory_normaliser_and_noise_are_the_files(
    shape: str, kind: dict[str, Any], memory: tuple[str, int, int] | None, std_type: str
) -> None:
    made, taken = network.with_network(SHAPES[shape], parsed(**kind), "'T'", "My-Task")
    read = agent.read(made, strict=True)
    for model in (read.actor, read.critic):
        assert model.hidden_dims == [HIDDEN] and model.activation == "selu"
        assert model.obs_normalization is bool(kind.get("normaliser"))
        assert model.memory == (agent.Memory(*memory) if memory else None)
    assert read.noise.std_type == std_type and "actor.hidden_dims=[8]" in taken
    assert read.algorithm == agent.read(SHAPES[shape]).algorithm


def test_a_recurrent_configuration_for_a_plain_file() -> None:
    own = with_policy(GROUPED, class_name="ActorCriticRecurrent", rnn_type="gru", rnn_hidden_dim=4, rnn_num_layers=2)
    read = agent.read(network.with_network(own, parsed(), "'T'", "T")[0], strict=True)
    assert read.actor.memory is None and read.critic.memory is None


def test_one_normaliser_of_two() -> None:
    state = parsed(normaliser=True)
    state.critic_normaliser = None
    for given in (FLAT, {**FLAT, "empirical_normalization": True}, BOTH, DISTRIBUTION):
        read = agent.read(network.with_network(given, state, "'T'", "T")[0], strict=True)
        assert (read.actor.obs_normalization, read.critic.obs_normalization) == (True, False)


def test_noise_that_the_network_gives() -> None:
    state = parsed()
    state.noise = {}
    for given in SHAPES.values():
        read = agent.read(network.with_network(given, state, "'T'", "T")[0], strict=True)
        assert read.noise.class_name == agent.HETEROSCEDASTIC
    beta = {**DISTRIBUTION["actor"], "distribution_cfg": {"class_name": agent.BETA, "action_range": [-1.0, 1.0]}}
    read = agent.read(network.with_network({**DISTRIBUTION, "actor": beta}, state, "'T'", "T")[0], strict=True)
    assert read.noise.class_name == agent.BETA


def test_what_fits_is_left_as_it_is() -> None:
    small = {**MODEL, "hidden_dims": [HIDDEN]}
    given = {**DISTRIBUTION, "actor": {**DISTRIBUTION["actor"], "hidden_dims": [HIDDEN]}, "critic": small}
    made, taken = network.with_network(given, parsed(), "'T'", "T")
    assert made is given and taken == []


def test_a_network_of_another_kind_is_left_as_it_is() -> None:
    state = checkpoint.parse(
        {"actor_state_dict": {"cnn.0.weight": torch.zeros(1)}, "critic_state_dict": {}, "iter": 0,
         "optimizer_state_dict": {"state": {}, "param_groups": [{"params": [0]}]}}, Path("model_0.pt"),
    )  # fmt: skip
    assert network.with_network(DISTRIBUTION, state, "'T'", "T") == (DISTRIBUTION, [])
