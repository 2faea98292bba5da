"""Agent configurations: every shape becomes one form, every release gets its own, nothing is lost without a word."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from runners.errors import UserError
from runners.learners.rsl_rl import agent, config
from runners.learners.rsl_rl.release import KNOWN, known

PPO = {
    "num_learning_epochs": 3, "num_mini_batches": 2, "clip_param": 0.1, "gamma": 0.98, "lam": 0.9,
    "value_loss_coef": 0.5, "entropy_coef": 0.02, "learning_rate": 2e-3, "max_grad_norm": 0.7,
    "use_clipped_value_loss": False, "schedule": "fixed", "desired_kl": 0.02,
}  # fmt: skip
RUNNER = {"num_steps_per_env": 12, "save_interval": 7, "max_iterations": 90, "experiment_name": "e", "run_name": ""}
POLICY = {"actor_hidden_dims": [32, 16], "critic_hidden_dims": [8], "activation": "selu", "init_noise_std": 0.5}
MODEL = {"class_name": "MLPModel", "activation": "selu"}
GAUSSIAN = {"class_name": "GaussianDistribution", "init_std": 0.5, "std_type": "scalar"}
NESTED = {
    "runner": {**RUNNER, "policy_class_name": "ActorCritic", "algorithm_class_name": "PPO", "resume": False},
    "algorithm": PPO,
    "policy": POLICY,
    "seed": 1,
}
FLAT = {
    **RUNNER, "empirical_normalization": False, "algorithm": {"class_name": "PPO", **PPO},
    "policy": {"class_name": "ActorCritic", **POLICY},
}  # fmt: skip
GROUPED = {**{k: v for k, v in FLAT.items() if k != "empirical_normalization"}, "obs_groups": {"policy": ["policy"]}}
STOCHASTIC = {
    **RUNNER, "algorithm": {"class_name": "PPO", **PPO}, "obs_groups": {"actor": ["policy"]},
    "actor": {**MODEL, "hidden_dims": [32, 16], "stochastic": True, "init_noise_std": 0.5},
    "critic": {**MODEL, "hidden_dims": [8], "stochastic": False},
}  # fmt: skip
DISTRIBUTION = {
    **RUNNER, "algorithm": {"class_name": "PPO", **PPO}, "obs_groups": {"actor": ["policy"]},
    "actor": {**MODEL, "hidden_dims": [32, 16], "distribution_cfg": GAUSSIAN},
    "critic": {**MODEL, "hidden_dims": [8]},
}  # fmt: skip
# a nested runner over sections that are otherwise of 2.x: the file of a well-known bug report
HALF_NESTED = {"runner": RUNNER, "algorithm": {"class_name": "PPO", **PPO}, "policy": FLAT["policy"], "seed": 1}
SHAPES = {
    "nested": NESTED, "flat": FLAT, "policy": GROUPED, "stochastic": STOCHASTIC, "distribution": DISTRIBUTION,
}  # fmt: skip
FIRST = {"nested": "1.0.2", "flat": "2.0.1", "policy": "3.0.0", "stochastic": "4.0.0", "distribution": "5.0.0"}
RNN = {"rnn_type": "gru", "rnn_hidden_dim": 24, "rnn_num_layers": 2}


def same(one: agent.Agent, other: agent.Agent) -> bool:
    """Whether two configurations ask for the same learning."""
    names = ("algorithm", "actor", "critic", "noise", "rnd", "symmetry")
    steps = [a.runner["num_steps_per_env"] for a in (one, other)]
    return all(getattr(one, n) == getattr(other, n) for n in names) and steps[0] == steps[1]


def with_policy(base: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**base, "policy": {**base["policy"], **changes}}


def with_algorithm(base: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**base, "algorithm": {**base["algorithm"], **changes}}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_known_and_says_the_same(shape: str) -> None:
    neutral = agent.read(SHAPES[shape], strict=True)
    assert neutral.shape == shape and neutral.notes == []
    assert same(neutral, agent.read(DISTRIBUTION))
    assert neutral.actor.hidden_dims == [32, 16] and neutral.critic.hidden_dims == [8]
    assert neutral.noise.init_std == 0.5 and neutral.algorithm["gamma"] == 0.98


def test_a_nested_runner_over_flat_sections() -> None:
    assert same(agent.read(HALF_NESTED, strict=True), agent.read(FLAT))


@pytest.mark.parametrize("version", KNOWN)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_for_every_release_and_back(shape: str, version: str) -> None:
    neutral, release = agent.read(SHAPES[shape]), known(version)
    cfg, notes = config.write(neutral, release)
    again = agent.read(cfg, strict=True)
    assert notes == [] and again.notes == []
    for name in ("normalize_advantage_per_mini_batch", "optimizer", "share_cnn_encoders"):
        again.algorithm.pop(name, None)
    assert same(again, neutral)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_input_is_never_changed(shape: str) -> None:
    given = copy.deepcopy(SHAPES[shape])
    neutral = agent.read(given)
    before = copy.deepcopy(neutral)
    first, _ = config.write(neutral, known("2.2.0"))
    first["policy"].clear(), first["algorithm"].clear()
    second, _ = config.write(neutral, known("2.2.0"))
    assert given == SHAPES[shape] and neutral == before and second["policy"]["class_name"] == "ActorCritic"


def test_the_exact_words_of_single_releases() -> None:
    """Keys whose presence or absence raises, by release."""
    neutral = agent.read(DISTRIBUTION)

    def written(version: str) -> dict[str, Any]:
        return config.write(neutral, known(version))[0]

    assert set(written("1.0.2")) == {"runner", "algorithm", "policy"}
    assert "class_name" not in written("1.0.2")["algorithm"] and "class_name" not in written("1.0.2")["policy"]
    assert written("2.1.2")["empirical_normalization"] is False
    assert {"rnd_cfg", "symmetry_cfg"} & set(written("2.1.2")["algorithm"]) == set()
    assert written("2.2.0")["algorithm"]["rnd_cfg"] is None and written("2.2.0")["algorithm"]["symmetry_cfg"] is None
    assert {"rnd_cfg", "symmetry_cfg"} & set(written("2.2.1")["algorithm"]) == set()
    assert "noise_std_type" not in written("2.2.2")["policy"] and "noise_std_type" in written("2.2.3")["policy"]
    assert written("3.0.0")["obs_groups"] == {"policy": ["policy"]} and "empirical_normalization" not in written(
        "3.0.0"
    )
    assert written("4.0.0")["actor"]["stochastic"] is True and "stochastic" not in written("4.0.0")["critic"]
    assert written("5.0.0")["actor"]["distribution_cfg"] == GAUSSIAN and "stochastic" not in written("5.0.0")["actor"]


@pytest.mark.parametrize(
    ("version", "name"), [("2.0.0", "rnn_hidden_size"), ("2.2.4", "rnn_hidden_size"), ("2.3.0", "rnn_hidden_dim")]
)
def test_the_width_of_a_memory_has_two_names(version: str, name: str) -> None:
    neutral = agent.read(with_policy(GROUPED, class_name="ActorCriticRecurrent", **RNN))
    policy = config.write(neutral, known(version))[0]["policy"]
    assert policy[name] == 24 and policy["class_name"] == "ActorCriticRecurrent"
    old = agent.read(with_policy(FLAT, class_name="ActorCriticRecurrent", rnn_type="gru", rnn_hidden_size=24))
    assert old.actor.memory == agent.Memory("gru", 24, 1)


@pytest.mark.parametrize("dims", [[], [0], [64, -2]])
def test_layers_that_cannot_be_built(dims: list[int]) -> None:
    with pytest.raises(UserError, match=r"critic\.hidden_dims '\[.*\]' must name one layer at least, each above 0"):
        agent.read(with_policy(FLAT, critic_hidden_dims=dims))


def test_an_activation_that_does_not_exist() -> None:
    with pytest.raises(
        UserError, match=r"actor\.activation 'elo' is not known \(did you mean 'elu'\?\); known are elu,"
    ):
        agent.read(with_policy(FLAT, activation="elo"))


def test_one_switch_for_the_normaliser_becomes_two() -> None:
    neutral = agent.read({**FLAT, "empirical_normalization": True})
    assert neutral.actor.obs_normalization and neutral.critic.obs_normalization
    for version in ("3.0.0", "4.0.0", "5.5.1"):
        again = agent.read(config.write(neutral, known(version))[0])
        assert again.actor.obs_normalization and again.critic.obs_normalization
    cfg, [note] = config.write(neutral, known("1.0.2"))
    assert "no normaliser" in str(note) and "normalization" not in str(cfg)


def test_crelu_was_relu_in_1_0_2() -> None:
    nested = with_policy(NESTED, activation="crelu")
    assert agent.read(nested).actor.activation == "relu"
    with pytest.raises(UserError, match=r"activation 'crelu' needs rsl_rl 2\.2\.0"):
        config.write(agent.read(with_policy(FLAT, activation="crelu")), known("2.1.2"))


def test_both_forms_in_one_file_must_agree() -> None:
    both = {**GROUPED, **{k: DISTRIBUTION[k] for k in ("actor", "critic")}}
    assert same(agent.read(both), agent.read(DISTRIBUTION))
    with pytest.raises(UserError, match=r"say different things: actor activation is 'elu' .* 'selu'"):
        agent.read(with_policy(both, activation="elu"))


def test_a_policy_set_is_the_actors() -> None:
    assert agent.read(GROUPED).obs_groups == {"actor": ["policy"]}
    with pytest.raises(UserError, match=r"obs_groups has 'policy' .* and 'actor'"):
        agent.read({**DISTRIBUTION, "obs_groups": {"policy": ["a"], "actor": ["b"]}})


@pytest.mark.parametrize(
    ("sets", "groups", "expected"),
    [
        ({}, ["actor", "critic"], {"actor": ["actor"], "critic": ["critic"]}),
        ({}, ["policy", "critic"], {"actor": ["policy"], "critic": ["critic"]}),
        ({}, ["policy"], {"actor": ["policy"], "critic": ["policy"]}),
        ({"actor": ["policy", "cam"]}, ["policy", "cam"], {"actor": ["policy", "cam"], "critic": ["policy", "cam"]}),
    ],
)  # fmt: skip
def test_groups_are_found_by_name(sets: dict[str, Any], groups: list[str], expected: dict[str, Any]) -> None:
    assert config.resolve_groups(agent.read({**DISTRIBUTION, "obs_groups": sets}), groups) == expected


def test_a_group_that_does_not_exist() -> None:
    with pytest.raises(
        UserError, match=r"obs_groups.actor names the observation group 'polcy' \(did you mean 'policy'"
    ):
        config.resolve_groups(agent.read({**DISTRIBUTION, "obs_groups": {"actor": ["polcy"]}}), ["policy"])


def test_what_is_missing_is_filled_in_and_told() -> None:
    neutral = agent.read({"runner": {"num_steps_per_env": 24}, "policy": {}, "algorithm": {"gamma": 0.5}})
    filled = {note.key: note.value for note in neutral.notes}
    assert filled["algorithm.num_learning_epochs"] == 1 and filled["algorithm.schedule"] == "fixed"
    assert filled["save_interval"] == 50 and filled["policy.activation"] == "elu" and "algorithm.gamma" not in filled
    new = agent.read({**GROUPED, "algorithm": {}})
    assert new.algorithm["num_learning_epochs"] == 5 and new.algorithm["schedule"] == "adaptive"
    assert all("filled in" in str(note) for note in new.notes) and len(new.notes) == 12


def test_a_number_as_yaml_reads_it() -> None:
    section = yaml.safe_load("learning_rate: 1e-3")
    assert section == {"learning_rate": "1e-3"}  # the point is missing
    assert agent.read(with_algorithm(FLAT, **section)).algorithm["learning_rate"] == 1e-3


@dataclasses.dataclass
class Unset:
    """As Isaac Lab's config classes: unset fields, and fields of a project's own."""

    num_steps_per_env: int = 8
    save_interval: Any = dataclasses.field(default_factory=lambda: dataclasses.MISSING)
    run_name: str = ""
    own_field: str = "mine"
    logger: str = "???"
    policy: Any = dataclasses.field(default_factory=lambda: dict(POLICY))
    algorithm: Any = dataclasses.field(default_factory=lambda: {**PPO, "rnd_cfg": None, "symmetry_cfg": None})


def test_a_config_object_with_unset_fields() -> None:
    given = Unset()
    neutral = agent.read(given)
    assert [str(note) for note in neutral.notes] == [
        "dropped own_field=mine: rsl_rl does not know it",
        "filled in save_interval=50: the default of Isaac Lab's and mjlab's configurations",
    ]
    assert neutral.rnd is None and "logger" not in neutral.runner
    assert given.save_interval is dataclasses.MISSING


@pytest.mark.parametrize(
    ("base", "version", "words"),
    [
        (with_policy(FLAT, class_name="ActorCriticRecurrent"), "1.0.2", "a recurrent policy (lstm) needs rsl_rl 2.0.0"),
        (with_policy(FLAT, state_dependent_std=True), "3.1.0", "'HeteroscedasticGaussianDistribution' needs"),
        (with_policy(FLAT, critic_hidden_dims=[-1, 8]), "2.3.3", "critic.hidden_dims '[-1, 8]' needs rsl_rl 3.0.0"),
        (with_policy(FLAT, activation="mish"), "2.3.3", "actor.activation 'mish' needs rsl_rl 3.0.0"),
        (with_algorithm(FLAT, rnd_cfg={"weight": 1.0}), "2.2.3", "random network distillation"),
        (with_algorithm(FLAT, symmetry_cfg={"use_mirror_loss": True}), "3.0.0", "symmetry"),
        (with_algorithm(FLAT, normalize_advantage_per_mini_batch=True), "2.2.2", "needs rsl_rl 2.2.3"),
        (with_algorithm(FLAT, optimizer="sgd"), "3.3.0", "algorithm.optimizer 'sgd' needs rsl_rl 4.0.0"),
        ({**DISTRIBUTION, "actor": {**DISTRIBUTION["actor"], "class_name": "CNNModel"}}, "3.3.0", "'CNNModel' needs"),
        ({**DISTRIBUTION, "actor": {**DISTRIBUTION["actor"], "distribution_cfg": {**GAUSSIAN, "learn_std": False}}},
         "5.1.0", "learn_std 'False' needs rsl_rl 5.2.0"),
        ({**DISTRIBUTION, "actor": {**DISTRIBUTION["actor"], "distribution_cfg": {"class_name": "BetaDistribution"}}},
         "5.2.0", "'BetaDistribution' needs rsl_rl 5.3.0"),
        ({**DISTRIBUTION, "actor": {**DISTRIBUTION["actor"], "class_name": "RNNModel", **RNN}}, "3.3.0",
         "another memory in the critic"),
    ],
)  # fmt: skip
def test_what_changes_the_algorithm_is_refused(base: dict[str, Any], version: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        config.write(agent.read(base), known(version))
    assert words in str(caught.value) and version in str(caught.value) and "\n" not in str(caught.value)
    config.write(agent.read(base), known("5.5.1"))


@pytest.mark.parametrize(
    ("base", "version", "words"),
    [
        (with_policy(FLAT, noise_std_type="log"), "2.2.2", "changed noise_std_type=log"),
        (with_policy({**GROUPED}, critic_obs_normalization=True), "2.3.3", "changed critic.obs_normalization=True"),
        ({**GROUPED, "torch_compile_mode": "default"}, "5.0.1", "dropped torch_compile_mode=default"),
        (with_algorithm(FLAT, use_mixed_precision=True), "5.4.2", "dropped algorithm.use_mixed_precision=True"),
        (with_algorithm(FLAT, grad_reduce_bucket_mb=10), "5.5.0", "dropped algorithm.grad_reduce_bucket_mb=10"),
        ({**DISTRIBUTION, "critic": {**DISTRIBUTION["critic"], "activation": "elu"}}, "3.3.0",
         "changed critic.activation=elu"),
        ({**DISTRIBUTION, "actor": {**DISTRIBUTION["actor"], "distribution_cfg": {**GAUSSIAN, "std_range": [0.1, 1]}}},
         "5.1.0", "dropped actor.distribution_cfg.std_range=[0.1, 1]"),
        (with_algorithm(FLAT, rnd_cfg={"weight": 1.0, "learning_rate": 0.1}), "2.3.3",
         "dropped algorithm.rnd_cfg.learning_rate=0.1"),
    ],
)  # fmt: skip
def test_what_is_dropped_is_told_with_its_value(base: dict[str, Any], version: str, words: str) -> None:
    _, [note] = config.write(agent.read(base), known(version))
    assert str(note).startswith(words), str(note)
    assert config.write(agent.read(base), known("5.5.1"))[1] == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "is empty"),
        (None, "is empty"),
        ([1], "no table of keys"),
        ({"algorithm": PPO}, "neither a section 'policy' nor a section 'actor'"),
        ({"policy": {}}, "no section 'algorithm'"),
        ({"algorithm": PPO, "actor": {}}, "no section 'critic'"),
        ({"algorithm": 3, "policy": {}}, "'algorithm' is 3, not a section"),
        ({**FLAT, "nun_steps_per_env": 3}, "unknown key 'nun_steps_per_env' (did you mean 'num_steps_per_env'?)"),
        (with_policy(FLAT, actor_hiden_dims=[3]), "'policy.actor_hiden_dims' (did you mean 'actor_hidden_dims'?)"),
        (with_algorithm(FLAT, learning_rat=1), "(did you mean 'learning_rate'?)"),
        (with_algorithm(FLAT, learning_rate="fast"), "'algorithm.learning_rate' is 'fast', not a number"),
        (with_algorithm(FLAT, num_mini_batches=2.5), "'algorithm.num_mini_batches' is 2.5, not a whole number"),
        (with_algorithm(FLAT, num_mini_batches=0), "'algorithm.num_mini_batches' is 0; it must be above 0"),
        (with_algorithm(FLAT, schedule="linear"), "is 'linear', not one of 'fixed', 'adaptive'"),
        (with_algorithm(FLAT, class_name="SAC"), "the algorithm 'SAC'; only PPO"),
        (with_algorithm(FLAT, class_name="Distillation"), "distillation"),
        (with_policy(FLAT, class_name="StudentTeacher"), "the policy 'StudentTeacher'"),
        ({**FLAT, "class_name": "DistillationRunner"}, "the runner 'DistillationRunner'"),
        ({**NESTED, "num_steps_per_env": 5}, "'num_steps_per_env' is 5 at the top and 12 below 'runner'"),
        ({**NESTED, "policy": {**POLICY, "class_name": "ActorCriticRecurrent"}}, "'policy_class_name' is"),
        ({**DISTRIBUTION, "obs_groups": {"actor": []}}, "obs_groups.actor is empty"),
        ({**DISTRIBUTION, "actor": {**MODEL, "class_name": "MLPModle"}}, "(did you mean 'MLPModel'?)"),
    ],
)  # fmt: skip
def test_bad_configurations(given: Any, words: str) -> None:
    with pytest.raises(UserError) as caught:
        agent.read(given, "'agent.yaml'", strict=True)
    assert words in str(caught.value) and str(caught.value).startswith("'agent.yaml'") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"a: 1\n\tb: 2\n", "a tab where YAML wants spaces in line 2"),
        (b"a: 1\nb: 2\na: 3\n", "the key 'a' comes twice in line 3"),
        (b"a: {b: 1, b: 2}\n", "the key 'b' comes twice in line 1"),
        (b"a: [1\n", "in line 2"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
        (b"a: !!python/object/apply:os.system ['true']\n", "in line 1"),
    ],
)
def test_files_that_are_no_yaml(tmp_path: Path, text: bytes, words: str) -> None:
    file = tmp_path / "agent.yaml"
    file.write_bytes(text)
    with pytest.raises(UserError) as caught:
        agent.load_yaml(file)
    assert words in str(caught.value) and "\n" not in str(caught.value)


ISAAC_LAB = """
seed: 42
device: cuda:0
num_steps_per_env: 12
max_iterations: {}
empirical_normalization: {}
obs_groups: {}
clip_actions: null
save_interval: 7
experiment_name: ''
run_name: {}
init_at_random_ep_len: true
class_name: OnPolicyRunner
policy: %s
actor: %s
critic: %s
algorithm:
  class_name: PPO
  num_learning_epochs: 3
  gamma: {}
  rnd_cfg: {weight: 0.5, weight_schedule: {}, predictor_hidden_dims: !!python/tuple [8]}
  symmetry_cfg: null
torch_compile_mode: null
"""
"""As ``dump_yaml`` of Isaac Lab 2.3.2 and 3.0.0 writes it: what is MISSING is an empty table."""
OLD_POLICY = """
  class_name: ActorCritic
  init_noise_std: {}
  noise_std_type: scalar
  actor_obs_normalization: {}
  actor_hidden_dims: [32, 16]
  critic_hidden_dims: !!python/tuple [8]
  activation: selu"""
NEW_MODEL = """
  class_name: MLPModel
  hidden_dims: [32, 16]
  activation: selu
  stochastic: {}
  init_noise_std: {}
  noise_std_type: {}
  distribution_cfg: {}"""


@pytest.mark.parametrize(
    ("sections", "shape"),
    [((OLD_POLICY, "{}", "{}"), "policy"), (("{}", NEW_MODEL, NEW_MODEL.replace("32, 16", "8")), "distribution")],
)
def test_what_isaac_lab_leaves_unset_is_not_there(tmp_path: Path, sections: tuple[str, ...], shape: str) -> None:
    file = tmp_path / "agent.yaml"
    file.write_text(ISAAC_LAB % sections)
    data = agent.load_yaml(file)
    neutral = agent.read(data, strict=True)
    assert neutral.shape == shape and neutral.obs_groups == {} and neutral.noise.init_std == 1.0
    assert (neutral.actor.hidden_dims, neutral.critic.hidden_dims) == ([32, 16], [8])
    assert neutral.algorithm["gamma"] == 0.99 and neutral.rnd == {"weight": 0.5, "predictor_hidden_dims": [8]}
    assert "obs_groups" in data  # a table that is empty stays one
    for_a_run = agent.table(data, "'agent.yaml'", "my_task")
    assert for_a_run.max_iterations == 1500 and for_a_run.run_name == ""


def test_a_release_that_never_was() -> None:
    with pytest.raises(UserError, match=r"there is no rsl_rl '1\.0\.3'"):
        known("1.0.3")
