"""A policy in the play variant of its task: what make play shows, and where make export compares its files."""

from __future__ import annotations

import dataclasses
import functools
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners import exported, overrides, plan, run_dir, simulators
from runners.closing import Closing
from runners.console import Console
from runners.errors import UsageError, UserError
from runners.options import Options
from runners.run_dir import Checkpoint, RunDir

if TYPE_CHECKING:
    from runners.exported import OnnxPolicy

ENDLESS_S = 1e6


@dataclass
class Trained:
    """A checkpoint of a run."""

    run: RunDir
    checkpoint: Checkpoint
    task: str
    recorded: dict[str, Any]
    """The run's manifest."""

    @property
    def label(self) -> str:
        """What is said of it at the start."""
        return f"run {self.run.name}, {self.checkpoint.path.name}, task {self.task}"

    @property
    def where(self) -> str:
        """What its agent configuration is called in an error."""
        return f"the agent configuration of run '{self.run.name}'"

    @property
    def video(self) -> Path:
        """Its video, without the ending."""
        return self.run.path / "videos" / "play" / self.checkpoint.path.stem

    def policy(self, vec_env: Any, agent: Any, device: str) -> Any:
        """The actor, rebuilt from its weights; the installed rsl_rl builds those that are no MLP."""
        from runners import policy
        from runners.learners.rsl_rl import checkpoint

        state = checkpoint.read(self.checkpoint.path, device)
        if state.portable:
            network, _ = policy.rebuild(state, agent)
            self.check_fits(network, vec_env)
            vec_env.restore_counter(state.infos)
            return policy.Actor(network, vec_env.groups["actor"])
        from runners.learners.rsl_rl import release
        from runners.learners.rsl_rl.learner import Learner

        installed = release.installed()
        if not installed.since("4.0.0"):
            raise UserError(f"'{self.checkpoint.path}' needs rsl_rl 4.0.0 or later to play, and this is {installed}")
        learner = Learner(vec_env, agent, installed, None, device)
        learner.load(self.checkpoint.path, self.checkpoint.iteration)
        return learner.policy()

    def check_fits(self, network: Any, vec_env: Any) -> None:
        """Compare the network's sizes with the environment's; see :func:`runners.policy.check_fits`."""
        from runners import policy

        have = network.num_inputs, network.num_actions
        policy.check_fits(have, vec_env, f"checkpoint '{self.checkpoint.path}'", self.task)


@dataclass
class FromFile:
    """An exported policy. Its file is read when the simulator runs: nothing is imported before."""

    name: str
    path: Path
    wanted: str | None
    """The task that TASK= names."""
    recorded: dict[str, Any] = dataclasses.field(default_factory=lambda: {"simulator": "mujoco"})
    run: None = None

    @property
    def label(self) -> str:
        """What is said of it at the start."""
        return f"policy {self.name}"

    @property
    def origin(self) -> str:
        """What the file says of itself."""
        said = self.onnx.metadata
        run = f", iteration {said.get('iteration')} of run {said['run']}" if "run" in said else ""
        return f"task {self.task}{run}"

    @property
    def where(self) -> str:
        """What its agent configuration is called in an error."""
        return f"the agent configuration of '{self.task}'"

    @property
    def video(self) -> Path:
        """Its video, without the ending."""
        return Path("logs") / "play" / self.name / self.name

    @functools.cached_property
    def onnx(self) -> OnnxPolicy:
        """The network."""
        return exported.OnnxPolicy(self.path)

    @property
    def task(self) -> str:
        """The task that TASK= names, else the one that the file does.

        Raises:
            UserError: neither does.
        """
        task = self.wanted or self.onnx.metadata.get("task")
        if not task:
            raise UserError(f"policy '{self.path}' does not say its task; name it with TASK=, make tasks lists them")
        return task

    def policy(self, vec_env: Any, agent: Any, device: str) -> Any:
        """What acts: the network on the actor's observation groups."""
        from runners import policy

        have = self.onnx.num_observations, self.onnx.num_actions
        policy.check_fits(have, vec_env, f"policy '{self.path}'", self.task)
        return policy.OnnxActor(self.onnx, vec_env.groups["actor"])


Subject = Trained | FromFile


def find(options: Options, console: Console) -> Subject:
    """What POLICY= names, else a run's checkpoint.

    Raises:
        UserError: there is no such file, run or checkpoint, or the run is of another task.
    """
    if options.policy is not None:
        name, onnx = exported.of_policy(options.policy)
        return FromFile(name, onnx, options.task)
    return find_run(options, console)


def find_run(options: Options, console: Console) -> Trained:
    """The run and checkpoint that RUN= and CHECKPOINT= name; each checkpoint that is passed over is a warning.

    Raises:
        UserError: there is no such run or checkpoint, or the run is of another task.
    """
    run = run_dir.find(Path(options.log_root), options.run)
    checkpoint, remarks = run.checkpoint(options.checkpoint)
    for remark in remarks:
        console.warn(remark)
    return Trained(run, checkpoint, run.task(options.task), run.manifest())


def launch(options: Options, subject: Subject, console: Console, closing: Closing) -> Any:
    """Start the simulator that the run was trained in, or that SIM= names, and return it."""
    wanted = subject.recorded.get("simulator", options.sim) if options.sim == "auto" else options.sim
    simulator = simulators.load(wanted)
    console.say(subject.label)
    simulator.launch(options, overrides.split(options.args).flags)
    closing.simulator = simulator.close
    if isinstance(subject, FromFile):
        console.say(subject.origin)
    return simulator


def configure(options: Options, subject: Subject, simulator: Any, console: Console, seen: bool) -> Any:
    """The task's play variant with the run's own overrides, episodes of the training's length.

    Args:
        options: those of the verb.
        subject: what acts.
        simulator: the simulator, launched.
        console: told what differs from training.
        seen: whether there is a window or a video.

    Raises:
        UserError: an unknown task or field, or a value that does not fit.
    """
    task = subject.task
    configs = plan.read_configs(simulator, task, options.agent, subject.run, play=True)
    for warning in simulator.warnings:
        console.warn(warning)
    training = simulator.configs(task, agent="")
    if configs.env.episode_length_s > ENDLESS_S:
        configs.env.episode_length_s = training.env.episode_length_s
    agent_file = subject.run.path / "params" / "agent.yaml" if subject.run else None
    if subject.run and agent_file and agent_file.is_file():
        plan.restore(configs.agent, agent_file, "agent", subject.run.name, console)
    for note in simulator.prepare_play(configs.env, options.terrain == "plane"):
        console.say(note)
    apply_recorded(configs, subject.recorded.get("overrides", []), console)
    configs.env.scene.num_envs = options.num_envs or min(options.episodes, 8)
    wanted = subject.recorded.get("seed", 42) if options.seed is None else options.seed
    configs.env.seed = secrets.randbelow(2**31) if wanted == "random" else int(wanted)
    if seen:
        simulator.prepare_view(configs.env, task)
    overrides.apply(configs, overrides.split(options.args).fields)
    simulator.check(task, configs)
    return configs


def apply_recorded(configs: Any, words: list[str], console: Console) -> None:
    """Set the environment's fields as the run did; one that does not fit, such as that of a push, is a warning."""
    for word in words:
        try:
            overrides.apply(configs, [word] if word.startswith("env.") else [])
        except UsageError as error:
            console.warn(f"the run's {error}; passed over, as the task is not the same to play")


def build(configs: Any, simulator: Any, device: str, render: bool, close: Callable[[Any], Any]) -> Any:
    """Build the environment, and have it closed at the end.

    Raises:
        UserError: the memory is not enough.
    """
    from runners import hardware

    if device == "cpu":
        hardware.limit_memory()
    try:
        env = simulator.make_env(configs.env, device, render=render)
    except Exception as error:
        if reason := hardware.out_of_memory(error, configs.env.scene.num_envs, device):
            raise UserError(reason) from None
        raise
    close(env.close)
    return env
