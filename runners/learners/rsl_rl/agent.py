"""Any agent configuration that the ecosystem writes -> one neutral form.

Shapes, by the first release that reads them: nested (1.0.2: runner, algorithm, policy), flat (2.0.0),
policy (3.0.0: with obs_groups), stochastic (4.0.0: actor, critic), distribution (5.0.0: actor with
distribution_cfg). Isaac Lab's config objects are policy, mjlab's dataclasses are distribution. Keys,
types and defaults: the sources of rsl_rl 1.0.2 to 5.5.1.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from runners import yaml_file
from runners.errors import UserError, nearest
from runners.overrides import WrongTypeError, fit, words_for
from runners.plain import to_plain

Number = float
Dims = list[int]

RUNNER: dict[str, Any] = {
    "num_steps_per_env": int, "save_interval": int, "max_iterations": int, "seed": int, "device": str,
    "class_name": str, "runner_class_name": str, "policy_class_name": str, "algorithm_class_name": str,
    "experiment_name": str, "run_name": str | None, "logger": str | dict, "wandb_project": str, "neptune_project": str,
    "wandb_tags": list, "upload_model": bool, "resume": bool, "load_run": Any, "load_checkpoint": Any,
    "checkpoint": Any, "resume_path": Any, "clip_actions": Number | None, "empirical_normalization": bool,
    "obs_groups": dict, "check_for_nan": bool, "init_at_random_ep_len": bool, "torch_compile_mode": str,
    "multi_gpu": Any, "init_member_classes": Any,
}  # fmt: skip
ALGORITHM: dict[str, Any] = {
    "class_name": str, "num_learning_epochs": int, "num_mini_batches": int, "clip_param": Number, "gamma": Number,
    "lam": Number, "value_loss_coef": Number, "entropy_coef": Number, "learning_rate": Number,
    "max_grad_norm": Number, "use_clipped_value_loss": bool, "schedule": Literal["fixed", "adaptive"],
    "desired_kl": Number | None, "normalize_advantage_per_mini_batch": bool,
    "optimizer": Literal["adam", "adamw", "sgd", "rmsprop"], "share_cnn_encoders": bool,
    "use_mixed_precision": bool, "grad_reduce_bucket_mb": Number, "rnd_cfg": dict, "symmetry_cfg": dict,
}  # fmt: skip
RNN: dict[str, Any] = {"rnn_type": Literal["lstm", "gru"], "rnn_hidden_dim": int, "rnn_num_layers": int}
NOISE: dict[str, Any] = {
    "init_noise_std": Number, "noise_std_type": Literal["scalar", "log"], "state_dependent_std": bool,
}  # fmt: skip
POLICY: dict[str, Any] = {
    "class_name": str, "actor_hidden_dims": Dims, "critic_hidden_dims": Dims, "activation": str,
    "actor_obs_normalization": bool, "critic_obs_normalization": bool, "rnn_hidden_size": int, **RNN, **NOISE,
}  # fmt: skip
MODEL: dict[str, Any] = {
    "class_name": str, "hidden_dims": Dims, "activation": str, "obs_normalization": bool, "cnn_cfg": dict,
    "distribution_cfg": dict, "stochastic": bool, **RNN, **NOISE,
}  # fmt: skip
DISTRIBUTION: dict[str, Any] = {
    "class_name": str, "init_std": Number, "std_type": Literal["scalar", "log"], "std_range": list,
    "learn_std": bool, "action_range": list,
}  # fmt: skip

OF_TASKS = ("store_code_state",)
"""What classes of Isaac Lab's own tasks add at the top (its Spot's), and so its dumps have; no mistake of a user's."""
SECTIONS = ("algorithm", "policy", "actor", "critic")
NO_TABLES = {
    key
    for schema in (RUNNER, ALGORITHM, POLICY, MODEL, DISTRIBUTION)
    for key, hint in schema.items()
    if hint is not dict
}
OF_CLASSES = ("rnd_cfg", "symmetry_cfg", "cnn_cfg")
"""Tables whose fields are not read here."""

SINCE_3 = {
    "num_learning_epochs": 5, "num_mini_batches": 4, "clip_param": 0.2, "gamma": 0.99, "lam": 0.95,
    "value_loss_coef": 1.0, "entropy_coef": 0.01, "learning_rate": 1e-3, "max_grad_norm": 1.0,
    "use_clipped_value_loss": True, "schedule": "adaptive", "desired_kl": 0.01,
}  # fmt: skip
BEFORE_3 = {
    **SINCE_3, "num_learning_epochs": 1, "num_mini_batches": 1, "gamma": 0.998, "entropy_coef": 0.0,
    "schedule": "fixed",
}  # fmt: skip
POLICIES = {"ActorCritic": False, "ActorCriticRecurrent": True}
MODELS = {"MLPModel": False, "RNNModel": True, "CNNModel": False}
ACTIVATIONS = {
    "elu": "1.0.2", "selu": "1.0.2", "relu": "1.0.2", "lrelu": "1.0.2", "tanh": "1.0.2", "sigmoid": "1.0.2",
    "identity": "2.2.0", "crelu": "2.2.0", "gelu": "3.0.0", "softplus": "3.0.0", "swish": "3.0.0", "mish": "3.0.0",
}  # fmt: skip
"""And the first release of each."""
GAUSSIAN, HETEROSCEDASTIC, BETA = "GaussianDistribution", "HeteroscedasticGaussianDistribution", "BetaDistribution"
MAY_BE_NONE = ("desired_kl", "clip_actions", "run_name")
UNSET = ("???",)  # OmegaConf's word for a value that is missing
SHAPES = {
    "nested": "nested runner, algorithm and policy, as rsl_rl 1.0.2 reads it",
    "flat": "flat, as rsl_rl 2.x reads it",
    "policy": "flat with policy and obs_groups, as rsl_rl 3.x and Isaac Lab have it",
    "stochastic": "actor and critic, as rsl_rl 4.x reads it",
    "distribution": "actor and critic with distribution_cfg, as rsl_rl 5.x and mjlab have it",
}
FILLED_IN = {
    "max_iterations": 1500, "seed": 42, "num_steps_per_env": 24, "save_interval": 50, "run_name": "",
    "logger": "tensorboard",
}  # fmt: skip
"""What a run needs and a YAML file may leave out: the defaults of Isaac Lab's configurations, and 1500 iterations."""


@dataclass(frozen=True)
class Note:
    """One field that a translation filled in, dropped or wrote differently."""

    verb: str
    key: str
    value: Any
    reason: str

    def __str__(self) -> str:
        return f"{self.verb} {self.key}={self.value}: {self.reason}"


@dataclass(frozen=True)
class Memory:
    """The recurrent part of a network."""

    kind: str
    size: int
    layers: int


@dataclass
class Model:
    """Actor or critic."""

    class_name: str = "MLPModel"
    hidden_dims: list[int] = field(default_factory=lambda: [256, 256, 256])
    activation: str = "elu"
    obs_normalization: bool = False
    memory: Memory | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    """``cnn_cfg``, and whatever a class of the task's own takes."""


@dataclass
class Noise:
    """The distribution of the actions."""

    class_name: str = GAUSSIAN
    init_std: float = 1.0
    std_type: str = "scalar"
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass
class Agent:
    """The neutral form."""

    shape: str
    runner: dict[str, Any]
    algorithm: dict[str, Any]
    actor: Model
    critic: Model
    noise: Noise
    obs_groups: dict[str, list[str]]
    rnd: dict[str, Any] | None = None
    symmetry: dict[str, Any] | None = None
    notes: list[Note] = field(default_factory=list)


class Table(dict[str, Any]):
    """A configuration that was YAML: keys as attributes, those of the runner below ``runner`` where it has that."""

    where: str
    notes: list[Note]

    def _home(self, name: str) -> dict[str, Any]:
        below = self.get("runner")
        return below if isinstance(below, dict) and name in RUNNER and name not in self else self

    def __getattr__(self, name: str) -> Any:
        try:
            return self._home(name)[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("where", "notes"):
            self.__dict__[name] = value
        else:
            self._home(name)[name] = value


def table(data: Any, where: str, experiment: str) -> Table:
    """Make a configuration from YAML fit for a run: with what every run needs, noted where it had to be filled in.

    Raises:
        UserError: it is no table of keys and values.
    """
    if not isinstance(data, dict) or not data:
        raise UserError(f"{where} is empty or no table of keys and values; it needs algorithm, and policy or actor")
    made = Table(copy.deepcopy(data))
    made.where, made.notes = where, []
    for key, value in {**FILLED_IN, "experiment_name": experiment}.items():
        if getattr(made, key, None) is None:
            setattr(made, key, value)
            if key != "run_name":
                made.notes.append(Note("filled in", key, value, "the file does not say it"))
    for key, wanted in (("max_iterations", int), ("seed", int), ("num_steps_per_env", int), ("save_interval", int)):
        if not isinstance(getattr(made, key), wanted):
            raise UserError(f"{where}: '{key}' is {getattr(made, key)!r}, not {words_for(wanted)}")
    return made


def load_yaml(path: Path) -> Any:
    """Read an agent configuration from a YAML file, without the fields that Isaac Lab left unset.

    Raises:
        UserError: it is missing, no text, or no YAML; with the line.
    """
    return without_unset(yaml_file.load(path), keep_none=True)


def read(config: Any, where: str = "the agent configuration", strict: bool = False) -> Agent:
    """Read a configuration of any shape: a mapping, a dataclass, or Isaac Lab's config object. It is not changed.

    Args:
        config: what to read.
        where: its name in messages.
        strict: refuse unknown keys at the top too. rsl_rl ignores them there, and a task's own config class
            may have some; in what a user has written they are mistakes.

    Raises:
        UserError: an unknown key (with the nearest), a wrong type, a section that is missing or
            contradicts another, an algorithm other than PPO.
    """
    data = without_unset(copy.deepcopy(to_plain(config)))
    if not isinstance(data, dict) or not data:
        raise UserError(f"{where} is empty or no table of keys and values; it needs algorithm, and policy or actor")
    return _Reader(where, strict).read(data)


class _Reader:
    def __init__(self, where: str, strict: bool) -> None:
        self.where = where
        self.strict = strict
        self.notes: list[Note] = []

    def read(self, data: dict[str, Any]) -> Agent:
        nested = "runner" in data
        if nested:
            self._lift(data)
        sections = {name: self._section(data, name) for name in SECTIONS}
        runner = self._top(data)
        policy, actor, critic = sections["policy"], sections["actor"], sections["critic"]
        if policy is None and actor is None:
            raise UserError(f"{self.where} has neither a section 'policy' nor a section 'actor'")
        if (actor is None) != (critic is None):
            missing = "actor" if actor is None else "critic"
            raise UserError(f"{self.where} has no section '{missing}', which belongs to the other one")
        shape = _shape(nested, actor, data.get("obs_groups", runner.get("obs_groups")))
        self._class_names(runner, sections)
        algorithm = self._algorithm(sections["algorithm"], shape)
        normalise = runner.pop("empirical_normalization", None)
        forms = []
        if policy is not None:
            forms.append(self._policy(policy, shape, normalise))
        if actor is not None and critic is not None:
            forms.append(self._models(actor, critic, normalise))
        if len(forms) == 2 and forms[0] != forms[1]:
            raise UserError(f"{self.where}: 'policy' and 'actor', 'critic' say different things: {_difference(*forms)}")
        model_a, model_c, noise = forms[-1]
        self._check_layers("actor", model_a)
        self._check_layers("critic", model_c)
        return Agent(
            shape=shape, runner=runner, algorithm=algorithm, actor=model_a, critic=model_c, noise=noise,
            obs_groups=self._obs_groups(runner), rnd=algorithm.pop("rnd_cfg", None),
            symmetry=algorithm.pop("symmetry_cfg", None), notes=self.notes,
        )  # fmt: skip

    def _lift(self, data: dict[str, Any]) -> None:
        """Bring the keys below ``runner`` to the top."""
        runner = data.pop("runner")
        if not isinstance(runner, dict):
            raise UserError(f"{self.where}: 'runner' is {runner!r}, not a section")
        for key, value in runner.items():
            if key in data and data[key] != value:
                raise UserError(f"{self.where}: '{key}' is {data[key]!r} at the top and {value!r} below 'runner'")
            data[key] = value

    def _section(self, data: dict[str, Any], name: str) -> dict[str, Any] | None:
        if name not in data:
            return None
        section = data.pop(name)
        if not isinstance(section, dict):
            raise UserError(f"{self.where}: '{name}' is {section!r}, not a section")
        return section

    def _top(self, data: dict[str, Any]) -> dict[str, Any]:
        """The runner's keys. Fields that a task's own config class adds are rsl_rl's to ignore, and told."""
        known = [*RUNNER, "runner", *SECTIONS]
        for key in [key for key in data if key not in RUNNER]:
            if self.strict and key not in OF_TASKS:
                near = nearest(key, known) or f"; known are {', '.join(known)}"
                raise UserError(f"{self.where}: unknown key '{key}'{near}")
            self.notes.append(Note("dropped", key, data.pop(key), "rsl_rl does not know it"))
        runner = self._typed(data, RUNNER, "")
        runner_class = runner.pop("runner_class_name", runner.get("class_name", "OnPolicyRunner"))
        if runner_class != "OnPolicyRunner":
            raise UserError(f"{self.where} wants the runner '{runner_class}'; only OnPolicyRunner (PPO) is supported")
        for key, default in (("num_steps_per_env", 24), ("save_interval", 50)):
            if key not in runner:
                runner[key] = self._filled(key, default, "the default of Isaac Lab's and mjlab's configurations")
        return runner

    def _class_names(self, runner: dict[str, Any], sections: dict[str, Any]) -> None:
        """Move 1.0.2's ``policy_class_name`` and ``algorithm_class_name`` into their sections."""
        for name in ("policy", "algorithm"):
            key = f"{name}_class_name"
            if key not in runner:
                continue
            wanted, section = runner.pop(key), sections[name]
            if section is not None and section.setdefault("class_name", wanted) != wanted:
                raise UserError(
                    f"{self.where}: '{key}' is '{wanted}' and {name}.class_name is '{section['class_name']}'"
                )

    def _algorithm(self, section: dict[str, Any] | None, shape: str) -> dict[str, Any]:
        if section is None:
            raise UserError(f"{self.where} has no section 'algorithm'")
        name = _bare(section.get("class_name", "PPO"))
        if name == "Distillation":
            raise UserError(f"{self.where} wants distillation, which needs a teacher's runner; only PPO is supported")
        if name != "PPO":
            raise UserError(f"{self.where} wants the algorithm '{name}'; only PPO is supported")
        algorithm = self._known(section, ALGORITHM, "algorithm")
        algorithm.pop("class_name", None)
        old = shape in ("nested", "flat")
        defaults = BEFORE_3 if old else SINCE_3
        source = "the default of rsl_rl up to 2.3.3" if old else "the default of rsl_rl from 3.0.0 on"
        for key, default in defaults.items():
            if key not in algorithm:
                algorithm[key] = self._filled(f"algorithm.{key}", default, source)
        for key in ("num_learning_epochs", "num_mini_batches"):
            if algorithm[key] < 1:
                raise UserError(f"{self.where}: 'algorithm.{key}' is {algorithm[key]}; it must be above 0")
        return algorithm

    def _policy(self, section: dict[str, Any], shape: str, normalise: bool | None) -> tuple[Model, Model, Noise]:
        policy = self._known(section, POLICY, "policy")
        name = _bare(policy.pop("class_name", "ActorCritic"))
        if name not in POLICIES:
            raise UserError(f"{self.where} wants the policy '{name}'; supported are {', '.join(POLICIES)}")
        if "rnn_hidden_size" in policy:  # its name up to 2.2.4
            policy.setdefault("rnn_hidden_dim", policy.pop("rnn_hidden_size"))
        activation = self._or(policy, "activation", "elu", "policy").lower()
        if activation == "crelu":  # torch has none: ReLU in 1.0.2, CELU from 2.2.0 on
            activation = "relu" if shape == "nested" else "crelu"
        memory = _memory(policy, POLICIES[name])
        models = [
            Model(
                class_name="RNNModel" if memory else "MLPModel",
                hidden_dims=self._or(policy, f"{who}_hidden_dims", [256, 256, 256], "policy"),
                activation=activation,
                obs_normalization=policy.get(f"{who}_obs_normalization", bool(normalise)),
                memory=memory,
            )
            for who in ("actor", "critic")
        ]
        return models[0], models[1], _noise(policy)

    def _models(
        self, actor: dict[str, Any], critic: dict[str, Any], normalise: bool | None
    ) -> tuple[Model, Model, Noise]:
        models, noise = [], Noise()
        for who, section in (("actor", actor), ("critic", critic)):
            own = ":" in str(section.get("class_name", ""))
            model = self._typed(section, MODEL, who) if own else self._known(section, MODEL, who)
            name = str(model.pop("class_name", "MLPModel")).removeprefix("rsl_rl.models:")
            if not own and name not in MODELS:
                raise UserError(f"{self.where}: unknown {who}.class_name '{name}'{nearest(name, MODELS)}")
            distribution = model.pop("distribution_cfg", None)
            if who == "actor":
                noise = _noise(model) if distribution is None else self._distribution(distribution)
            for key in (*NOISE, "stochastic"):
                model.pop(key, None)
            memory = _memory(model, MODELS.get(name, "rnn_type" in model))
            for key in RNN:
                model.pop(key, None)
            models.append(
                Model(
                    class_name=name,
                    hidden_dims=self._or(model, "hidden_dims", [256, 256, 256], who),
                    activation=self._or(model, "activation", "elu", who).lower(),
                    obs_normalization=model.pop("obs_normalization", bool(normalise)),
                    memory=memory,
                    extra=model,
                )
            )
        return models[0], models[1], noise

    def _check_layers(self, who: str, model: Model) -> None:
        dims, activation = model.hidden_dims, model.activation
        if model.class_name in MODELS and (not dims or any(size < 1 and size != -1 for size in dims)):
            raise UserError(
                f"{self.where}: {who}.hidden_dims '{dims}' must name one layer at least, each above 0, "
                f"for instance [256, 128, 128]"
            )
        if activation not in ACTIVATIONS:
            near = nearest(activation, ACTIVATIONS)
            known = ", ".join(ACTIVATIONS)
            raise UserError(f"{self.where}: {who}.activation '{activation}' is not known{near}; known are {known}")

    def _distribution(self, section: dict[str, Any]) -> Noise:
        section = self._known(section, DISTRIBUTION, "actor.distribution_cfg")
        name = _bare(section.pop("class_name", GAUSSIAN))
        known = (GAUSSIAN, HETEROSCEDASTIC, BETA)
        if name not in known:
            raise UserError(f"{self.where}: unknown distribution '{name}'{nearest(name, known)}")
        return Noise(name, section.pop("init_std", 1.0), section.pop("std_type", "scalar"), section)

    def _obs_groups(self, runner: dict[str, Any]) -> dict[str, list[str]]:
        """Sets named as from 4.0.0 on; a ``policy`` set is the actor's."""
        sets = {str(name): [str(group) for group in groups] for name, groups in runner.pop("obs_groups", {}).items()}
        if "policy" in sets:
            policy = sets.pop("policy")
            if sets.setdefault("actor", policy) != policy:
                raise UserError(f"{self.where}: obs_groups has 'policy' {policy} and 'actor' {sets['actor']}; keep one")
        for name, groups in sets.items():
            if not groups:
                raise UserError(f"{self.where}: obs_groups.{name} is empty")
        return sets

    def _known(self, section: dict[str, Any], schema: dict[str, Any], name: str) -> dict[str, Any]:
        for key in section:
            if key not in schema:
                raise UserError(f"{self.where}: unknown key '{name}.{key}'{nearest(key, schema)}")
        return self._typed(section, schema, name)

    def _typed(self, section: dict[str, Any], schema: dict[str, Any], name: str) -> dict[str, Any]:
        typed = {}
        for key, value in section.items():
            hint = schema.get(key, Any)
            try:
                typed[key] = fit(_number(value, hint), hint)
            except WrongTypeError:
                path = f"{name}.{key}" if name else key
                raise UserError(f"{self.where}: '{path}' is {value!r}, not {words_for(hint)}") from None
        return typed

    def _or(self, section: dict[str, Any], key: str, default: Any, name: str) -> Any:
        """Take a value of a network out of its section."""
        if key in section:
            return section.pop(key)
        return self._filled(f"{name}.{key}", default, "the default of every rsl_rl")

    def _filled(self, key: str, value: Any, reason: str) -> Any:
        self.notes.append(Note("filled in", key, value, reason))
        return value


def without_unset(value: Any, key: str = "", keep_none: bool = False) -> Any:
    """Leave out what has no value.

    Isaac Lab's ``class_to_dict`` writes a field that is ``MISSING`` as ``{}``: no value for a field that wants
    another thing than a table, and for one of two sections that say the same.
    """
    if not isinstance(value, dict):
        return value
    kept = {name: without_unset(item, name, keep_none) for name, item in value.items()}
    empty = {name for name, item in kept.items() if item == {} and (name in NO_TABLES or key in OF_CLASSES)}
    if kept.get("actor") or kept.get("critic"):
        empty |= {"policy"} if kept.get("policy") == {} else set()
    elif kept.get("policy"):
        empty |= {name for name in ("actor", "critic") if kept.get(name) == {}}
    return {
        name: item
        for name, item in kept.items()
        if name not in empty
        and (item is not None or keep_none or name in MAY_BE_NONE)
        and not (isinstance(item, str) and item in UNSET)
    }


def _number(value: Any, hint: Any) -> Any:
    """YAML 1.1 reads 1e-3 as a text: it wants 1.0e-3."""
    if isinstance(value, str) and hint in (Number, Number | None):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _shape(nested: bool, actor: dict[str, Any] | None, obs_groups: Any) -> str:
    if nested:
        return "nested"
    if actor is None:
        return "flat" if obs_groups is None else "policy"
    return "stochastic" if {"stochastic", *NOISE} & set(actor) else "distribution"


def _bare(name: str) -> str:
    """``PPO`` of "rsl_rl.algorithms:PPO"."""
    return name.replace(":", ".").rpartition(".")[2] if name.startswith("rsl_rl") else name


def _memory(section: dict[str, Any], recurrent: bool) -> Memory | None:
    if not recurrent:
        return None
    kind = section.get("rnn_type", "lstm")
    return Memory(kind, section.get("rnn_hidden_dim", 256), section.get("rnn_num_layers", 1))


def _noise(section: dict[str, Any]) -> Noise:
    kind = HETEROSCEDASTIC if section.get("state_dependent_std") else GAUSSIAN
    return Noise(kind, section.get("init_noise_std", 1.0), section.get("noise_std_type", "scalar"))


def _difference(one: Any, other: Any) -> str:
    for part, a, b in zip(("actor", "critic", "noise"), one, other, strict=True):
        for key in vars(a):
            if getattr(a, key) != getattr(b, key):
                return f"{part} {key} is {getattr(a, key)!r} in the first and {getattr(b, key)!r} in the second"
    return "they differ"
