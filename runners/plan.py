"""All that is decided before the simulation is built: task, configurations, how far a resumed run goes."""

from __future__ import annotations

import dataclasses
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runners import manifest, ranks, run_dir, simulators
from runners.closing import Closing
from runners.console import Console
from runners.errors import UsageError, UserError
from runners.options import Options, variable
from runners.run_dir import Checkpoint, RunDir

TWICE = {
    "env.scene.num_envs": "num_envs",
    "env.seed": "seed",
    "agent.seed": "seed",
    "agent.max_iterations": "iterations",
    "agent.logger": "logger",
    "agent.run_name": "name",
}
"""Fields that a make variable sets too."""


@dataclass
class Plan:
    """All that is decided before the simulation is built."""

    options: Options
    simulator: Any
    task: str
    configs: Any
    overrides: list[str]
    """Words of ARGS that change fields."""
    device: str
    num_envs_reason: str
    parent: RunDir | None = None
    checkpoint: Checkpoint | None = None
    agent: Any = None
    """The agent configuration in the learner's neutral form."""
    release: Any = None
    """The installed rsl_rl."""
    notes: list[str] = field(default_factory=list)
    """What the translation for that release fills in, drops or changes."""
    inherited: list[str] = field(default_factory=list)
    """Overrides of the parent run that are not given anew."""
    finished: int = 0
    """Iterations that the parent run has done up to its checkpoint."""

    @property
    def num_envs(self) -> int:
        """Parallel environments."""
        return int(self.configs.env.scene.num_envs)

    @property
    def total(self) -> int:
        """Iterations when the run is finished, those of the runs before included."""
        return int(self.configs.agent.max_iterations)

    @property
    def seed(self) -> int:
        """Seed of environment and learner."""
        return int(self.configs.agent.seed)


def make_plan(options: Options, console: Console, closing: Closing) -> Plan:
    """Start the simulator and settle both configurations.

    Raises:
        UserError: an unknown task, run, field, device, …
    """
    parent, checkpoint, recorded = None, None, {}
    if options.resume:
        parent = run_dir.find(Path(options.log_root), options.run)
        checkpoint, remarks = parent.checkpoint(options.checkpoint)
        recorded = parent.manifest()
        for remark in remarks:
            console.warn(remark)
    options = as_recorded(options, recorded)
    simulator = simulators.load(options.sim)
    task = parent.task(options.task) if parent else options.task or simulator.default_task
    from runners import overrides

    words, flags = overrides.split(options.args)
    refuse_twice(options, words)
    simulator.launch(options, flags)
    closing.simulator = simulator.close
    from runners import hardware

    device = simulator.device(options.device if ranks.count() == 1 else f"cuda:{ranks.rank()}")
    configs = read_configs(simulator, task, options.agent, parent)
    for warning in simulator.warnings:
        console.warn(warning)
    restored = restore_configs(configs, parent, console) if parent is not None else []
    reason = "as asked"
    if parent is not None and "env" in restored:
        reason = reason if options.num_envs else f"as in run '{parent.name}'"
    elif options.num_envs is None:
        configs.env.scene.num_envs, why = hardware.auto_num_envs(simulator.name, device)
        reason = f"for {why}"
    if checkpoint is not None and "agent" not in restored:
        options = take_network(configs, checkpoint, options, task, console)
    apply_options(configs, options, simulator.name, task, fresh=parent is None, own="schema" in recorded)
    overrides.apply(configs, words)
    set_experiment(configs.agent, task, parent, words)
    keys = {word.partition("=")[0] for word in words}
    if "env.scene.num_envs" in keys:
        reason = "as asked"
    check_counts(configs)
    if "env.seed" not in keys:
        configs.env.seed = configs.agent.seed
    configs.env.seed += ranks.rank()
    if hasattr(configs.agent, "device"):
        configs.agent.device = device
    simulator.check(task, configs)
    check_logger(configs.agent.logger)
    if options.video and not simulator.can_render():
        packages = simulator.renderer_packages
        raise UserError(f"VIDEO=1 needs off-screen OpenGL; install one of {packages}, or leave VIDEO out")
    plan = Plan(options, simulator, task, configs, words, device, reason, parent, checkpoint)
    set_learner(plan)
    if parent is not None:
        plan.inherited = [word for word in recorded.get("overrides", []) if word.partition("=")[0] not in keys]
        set_total(plan)
    return plan


def set_learner(plan: Plan) -> None:
    """Find the installed rsl_rl, and translate the agent configuration for it once to know that it can be.

    Raises:
        UserError: see :mod:`runners.learners.rsl_rl.release`, ``agent`` and ``config``.
    """
    from runners.learners.rsl_rl import agent, config, release

    plan.release = release.installed()
    release.check_code(plan.release)
    if plan.release.unknown:
        plan.notes.append(
            f"{plan.release} is newer than {release.NEWEST}, the newest that was tried; going on as there"
        )
    given = plan.configs.agent
    from_yaml = isinstance(given, agent.Table)
    where = given.where if from_yaml else f"the agent configuration of '{plan.task}'"
    plan.agent = agent.read(given, where, strict=from_yaml)
    _, notes = config.write(plan.agent, plan.release)
    if plan.agent.shape != plan.release.shape:
        shapes = agent.SHAPES[plan.agent.shape], agent.SHAPES[plan.release.shape]
        plan.notes.append(f"{where} is {shapes[0]}; written {shapes[1]}")
    if from_yaml:
        notes = [*given.notes, *notes]
    if ranks.count() > 1 and plan.agent.actor.obs_normalization and not plan.release.since("5.5.0"):
        plan.notes.append(f"each GPU normalises by its own observations with {plan.release}; saved are the first one's")
    plan.notes += [f"agent configuration for {plan.release}: {note}" for note in (*plan.agent.notes, *notes)]


def as_recorded(options: Options, recorded: dict[str, Any]) -> Options:
    """Take the packages of tasks and the kind of agent configuration from a run, where they are not given anew."""
    package = options.task_package or recorded.get("task_package")
    return dataclasses.replace(options, task_package=package, agent=options.agent or manifest.agent_of(recorded))


def read_configs(simulator: Any, task: str, kind: str | None, parent: RunDir | None, play: bool = False) -> Any:
    """Both configurations of a task; the agent's by the name of its entry point, or from a YAML file.

    A run that was trained from such a file has it, as it was then, in its own directory.

    Raises:
        UserError: no such task, entry point or file.
    """
    from runners.learners.rsl_rl import agent

    in_file = kind is not None and kind.endswith((".yaml", ".yml"))
    configs = simulator.configs(task, play=play, agent="" if in_file else kind)
    if in_file:
        file = parent.path / "params" / "agent.yaml" if parent else Path(str(kind))
        configs.agent = agent.load_yaml(file)
    if not hasattr(configs.agent, "__dict__"):
        where = f"'{kind}'" if in_file else f"the agent configuration of '{task}'"
        configs.agent = agent.table(configs.agent, where, run_dir.default_experiment(task))
    return configs


def set_experiment(agent: Any, task: str, parent: RunDir | None, words: list[str]) -> None:
    """Settle the folder of the run: that of the parent run, else the configuration's, else the task's.

    Raises:
        UsageError: it is outside of the root of all runs.
    """
    name = getattr(agent, "experiment_name", None)
    if parent is not None and not any(re.match(r"agent\.(runner\.)?experiment_name=", word) for word in words):
        name = parent.experiment or name
    agent.experiment_name = run_dir.experiment(name, task)


def check_counts(configs: Any) -> None:
    """Refuse numbers that must be positive and are not: rsl_rl would divide by them, iterations later."""
    counts = {
        "env.scene.num_envs": configs.env.scene.num_envs,
        "env.decimation": configs.env.decimation,
        "agent.num_steps_per_env": configs.agent.num_steps_per_env,
        "agent.max_iterations": configs.agent.max_iterations,
        "agent.save_interval": configs.agent.save_interval,
    }
    for name, value in counts.items():
        if value <= 0:
            raise UsageError(f"ARGS '{name}={value}' is not valid; it must be above 0")


def check_logger(logger: str) -> None:
    """Refuse Weights & Biases without an account: it would ask for one where nobody sees the question."""
    if logger != "wandb" or os.environ.get("WANDB_MODE", "online") != "online":
        return
    import wandb

    if not wandb.api.api_key:
        raise UserError(
            "LOGGER 'wandb' has no account; run .venv/bin/python -m wandb login, or put WANDB_MODE=offline before make"
        )


def refuse_twice(options: Options, words: list[str]) -> None:
    """Refuse a value that is given both as a variable and in ARGS."""
    for word in words:
        name = TWICE.get(word.partition("=")[0])
        if name in options.given:
            raise UsageError(f"{variable(name)} and ARGS '{word}' set the same field; give one of them")


def restore_configs(configs: Any, parent: RunDir, console: Console) -> list[str]:
    """Bring both configurations to what the parent run recorded in ``params/``, and return which it has.

    A run that another program made may have neither: then they are the task's own.
    """
    restored = []
    for kind in ("env", "agent"):
        file = parent.path / "params" / f"{kind}.yaml"
        if file.exists():
            restore(getattr(configs, kind), file, kind, parent.name, console)
            restored.append(kind)
        else:
            console.warn(f"run '{parent.name}' has no params/{kind}.yaml; going on with the task's own configuration")
    return restored


def take_network(configs: Any, checkpoint: Checkpoint, options: Options, task: str, console: Console) -> Options:
    """Make the agent configuration, of a run that has none, one of the network in its checkpoint.

    Where it differs from the task's, the new run has it in a file, as if AGENT= had named that.
    """
    from runners.learners.rsl_rl import checkpoint as files
    from runners.learners.rsl_rl import network

    where = f"the agent configuration of '{task}'"
    made, taken = network.with_network(configs.agent, files.read(checkpoint.path), where, task)
    if not taken:
        return options
    configs.agent = made
    console.say(f"from {checkpoint.path.name}, unlike the task: {', '.join(taken)}")
    return dataclasses.replace(options, agent="params/agent.yaml")


def restore(config: Any, file: Path, kind: str, name: str, console: Console) -> None:
    """Set every field of ``config`` that differs from ``file``, and warn of those that cannot be set.

    Raises:
        UserError: the file cannot be read, or holds something else.
    """
    from runners import overrides, plain, yaml_file

    data = yaml_file.load(file)
    if not isinstance(data, dict):
        raise UserError(f"cannot read '{file}': it is no table of keys and values")
    today = plain.flatten(plain.to_plain(config))
    as_dumped = plain.flatten(plain.to_plain(config, of_enum="value"))
    tables = {path[:depth] for path in today for depth in range(len(path))}
    for path, value in plain.flatten(data).items():
        if path in today and (_same(value, today[path]) or _same(value, as_dumped[path])):
            continue
        if path not in today and _same(value, plain.to_plain(_attribute(config, path))):
            continue
        if value == {} and path not in tables:  # what Isaac Lab's class_to_dict writes for a field that is unset
            continue
        try:
            overrides.set_field(config, list(path), value, kind)
        except UsageError:
            key = ".".join((kind, *path))
            console.warn(f"{key} was {value!r} in run '{name}' and is {today.get(path)!r} now")


def _attribute(config: Any, path: tuple[str, ...]) -> Any:
    """What is at a path. Isaac Lab dumps whatever an object has, not only the fields of its class."""
    for name in path:
        config = {str(key): item for key, item in config.items()} if isinstance(config, dict) else _attributes(config)
        config = config.get(name)
    return config


def _attributes(config: Any) -> dict[str, Any]:
    """An object's attributes; none where it has no place for them."""
    return vars(config) if hasattr(config, "__dict__") else {}


def _same(recorded: Any, today: Any) -> bool:
    """Whether two plain values are one; mjlab and Isaac Lab write functions without their class, or a lambda's text."""
    if isinstance(recorded, dict) and isinstance(today, dict):
        return recorded.keys() == today.keys() and all(_same(item, today[key]) for key, item in recorded.items())
    if isinstance(recorded, list) and isinstance(today, list):
        return len(recorded) == len(today) and all(map(_same, recorded, today))
    if recorded == today or not (isinstance(recorded, str) and isinstance(today, str)):
        return bool(recorded == today)
    if today.endswith("<lambda>") and recorded.startswith("lambda "):
        return True
    (module, _, name), (own, found, own_name) = recorded.partition(":"), today.partition(":")
    return bool(found) and module == own and name.rpartition(".")[2] == own_name.rpartition(".")[2]


def apply_options(configs: Any, options: Options, simulator: str, task: str, *, fresh: bool, own: bool) -> None:
    """Set what the variables name, and for a new run this machine's defaults.

    A run that another program made (not ``own``) names the logger of that program.
    """
    from runners import hardware

    env, agent = configs.env, configs.agent
    if options.num_envs is not None:
        env.scene.num_envs = options.num_envs
    if options.iterations is not None:
        agent.max_iterations = options.iterations
    elif fresh:
        agent.max_iterations = hardware.tiers()[simulator]["iterations"].get(task, agent.max_iterations)
    if options.seed is not None:
        agent.seed = secrets.randbelow(2**31) if options.seed == "random" else options.seed
    if fresh or not own or "logger" in options.given:
        agent.logger = options.logger
    agent.run_name = options.name or ""


def set_total(plan: Plan) -> None:
    """Settle how far a resumed run goes.

    Raises:
        UsageError: not further than its checkpoint.
    """
    assert plan.parent is not None and plan.checkpoint is not None
    options, agent = plan.options, plan.configs.agent
    plan.finished = plan.checkpoint.iteration + 1
    if options.more is not None:
        agent.max_iterations = plan.finished + options.more
    if plan.total <= plan.finished:
        source = f"ITERATIONS '{plan.total}' is" if "iterations" in options.given else f"its total of {plan.total} is"
        raise UsageError(
            f"run '{plan.parent.name}' has done {plan.finished} iterations and {source} not above that; "
            f"for 50 more: make train RESUME=1 RUN={plan.parent.word} MORE=50"
        )
