"""make train: train a policy with PPO, or go on with a run."""

from __future__ import annotations

import os
import secrets
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners import run_dir, simulators, verb
from runners.console import Console
from runners.errors import UsageError, UserError
from runners.interrupts import Interrupted, Interrupts
from runners.options import Options, variable
from runners.run_dir import FAILED, FINISHED, INTERRUPTED, Checkpoint, RunDir

if TYPE_CHECKING:
    from runners.learners.rsl_rl.learner import Learner, Progress

STATUS_INTERVAL_S = 1.0
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
    device: str
    num_envs_reason: str
    parent: RunDir | None = None
    checkpoint: Checkpoint | None = None
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


def train(options: Options, console: Console, interrupts: Interrupts) -> None:
    """Plan, make the run directory, build the environment, learn."""
    plan = make_plan(options, console)
    run = RunDir.create(Path(options.log_root), str(plan.configs.agent.experiment_name), options.name)
    announce(plan, run, console)
    recorder = Recorder(run, plan, console)
    try:
        recorder.open()
        learn(plan, run, recorder, console, interrupts)
    except Interrupted as interrupted:
        recorder.end(INTERRUPTED, str(interrupted))
        raise
    except UserError as error:
        recorder.end(FAILED, str(error))
        raise
    except Exception as error:
        from runners import hardware

        traceback.print_exc()
        reason = hardware.out_of_memory(error, plan.num_envs, plan.device) or verb.one_line(error)
        recorder.end(FAILED, reason)
        raise UserError(f"failed: {reason}; {verb.where_to_look(console)}") from error


def make_plan(options: Options, console: Console) -> Plan:
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
    simulator = simulators.load(options.sim)
    task = parent.task(options.task) if parent else options.task or simulator.default_task
    from runners import overrides

    words = overrides.split(options.args)
    refuse_twice(options, words)
    simulator.launch(options)
    from runners import hardware

    device = simulator.device(options.device)
    configs = simulator.configs(task)
    reason = "as asked"
    if parent is not None:
        reason = f"as in run '{parent.name}'"
        restore_configs(configs, parent, console)
    elif options.num_envs is None:
        configs.env.scene.num_envs, why = hardware.auto_num_envs(simulator.name, device)
        reason = f"for {why}"
    apply_options(configs, options, simulator.name, task, fresh=parent is None)
    if options.video:
        simulator.prepare_view(configs.env, task)
    overrides.apply(configs, words)
    configs.env.seed = configs.agent.seed
    if hasattr(configs.agent, "device"):
        configs.agent.device = device
    simulator.check(task, configs)
    check_logger(configs.agent.logger)
    plan = Plan(options, simulator, task, configs, words, device, reason, parent, checkpoint)
    if parent is not None:
        set_total(plan, recorded)
    return plan


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


def restore_configs(configs: Any, parent: RunDir, console: Console) -> None:
    """Bring both configurations to what the parent run recorded in ``params/``."""
    for kind in ("env", "agent"):
        restore(getattr(configs, kind), parent.path / "params" / f"{kind}.yaml", kind, parent.name, console)


def restore(config: Any, file: Path, kind: str, name: str, console: Console) -> None:
    """Set every field of ``config`` that differs from ``file``, and warn of those that cannot be set.

    Raises:
        UserError: the file cannot be read.
    """
    import yaml

    from runners import overrides, plain

    try:
        recorded = plain.flatten(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read '{file}': {' '.join(str(error).split())}") from None
    today = plain.flatten(plain.to_plain(config))
    for path, value in recorded.items():
        if path in today and today[path] == value:
            continue
        try:
            overrides.set_field(config, list(path), value, kind)
        except UsageError:
            key = ".".join((kind, *path))
            console.warn(f"{key} was {value!r} in run '{name}' and is {today.get(path)!r} now")


def apply_options(configs: Any, options: Options, simulator: str, task: str, fresh: bool) -> None:
    """Set what the variables name, and for a new run this machine's defaults."""
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
    if fresh or "logger" in options.given:
        agent.logger = options.logger
    agent.run_name = options.name or ""


def set_total(plan: Plan, recorded: dict[str, Any]) -> None:
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
            f"for 50 more: make train RESUME=1 RUN={plan.parent.name} MORE=50"
        )


def announce(plan: Plan, run: RunDir, console: Console) -> None:
    """Say what will be trained, where it goes and what it waits for."""
    console.log_to(run.path / "train.log")
    agent, todo = plan.configs.agent, plan.total - plan.finished
    steps = todo * agent.num_steps_per_env * plan.num_envs
    console.say(
        f"{plan.task}, {plan.num_envs} environments ({plan.num_envs_reason}), {todo} iterations "
        f"of {agent.num_steps_per_env} steps ({steps:,} in all), seed {plan.seed}, device {plan.device}"
    )
    if plan.parent is not None and plan.checkpoint is not None:
        console.say(
            f"going on with run {plan.parent.name} after {plan.finished} iterations ({plan.checkpoint.path.name})"
        )
    console.plain(f"run: {verb.shown(run.path)}")
    console.say("building the simulation; a machine's first run compiles kernels, which takes half a minute or more")


class Recorder:
    """Keeps ``run.json`` true while the run goes on, and writes what repeats it."""

    def __init__(self, run: RunDir, plan: Plan, console: Console) -> None:
        from runners import hardware, manifest
        from runners.learners.rsl_rl import release

        self.run, self.plan, self.console = run, plan, console
        self._began = self._first = 0.0
        self._written = 0.0
        self._manifest = manifest
        installed = release.installed()
        self.data = manifest.started(
            task=plan.task,
            simulator=plan.simulator.name,
            seed=plan.seed,
            device=plan.device,
            num_envs=plan.num_envs,
            steps_per_iteration=int(plan.configs.agent.num_steps_per_env) * plan.num_envs,
            iterations={"start": plan.finished, "done": plan.finished, "total": plan.total},
            returns={"last": None, "best": None, "best_iteration": None, "length": None},
            steps_per_second=None,
            parent=parent_of(plan, run),
            command=manifest.command(repeat(plan)),
            overrides=plan.overrides,
            hardware=hardware.describe(plan.device),
            versions={
                **manifest.versions(plan.simulator.distributions()),
                installed.distribution: installed.version,
            },
        )

    def open(self) -> None:
        """Write what repeats the run; from here on it has a status."""
        from runners import plain

        for kind in ("env", "agent"):
            run_dir.write_text(self.run.path / "params" / f"{kind}.yaml", plain.dump(getattr(self.plan.configs, kind)))
        commit = self.data["commit"]["id"]
        head = f"# at commit {commit}\n" if commit else ""
        run_dir.write_text(self.run.path / "command.txt", f"{head}{self.data['command']}\n")
        self.run.write_manifest(self.data)

    def begin(self) -> None:
        """Learning starts now."""
        self._began = time.monotonic()

    def iteration(self, progress: Progress) -> None:
        """Take in one iteration: manifest at most once a second, progress line."""
        from runners import hardware

        data, moment = self.data, time.monotonic()
        self._first = self._first or moment
        data["iterations"]["done"] = progress.iteration
        data["steps_per_second"] = round(progress.steps_per_second)
        if progress.mean_return is not None:
            returns = data["returns"]
            returns.update(last=round(progress.mean_return, 4), length=round(progress.mean_length or 0, 1))
            if returns["best"] is None or progress.mean_return > returns["best"]:
                returns.update(best=returns["last"], best_iteration=progress.iteration)
        if moment - self._written >= STATUS_INTERVAL_S:
            self.run.write_manifest(data)
            self._written = moment
        self.console.progress(
            progress_line(progress, self._left(progress, moment), hardware.gpu_memory(self.plan.device)),
            last=progress.iteration == progress.total,
        )

    def _left(self, progress: Progress, moment: float) -> float | None:
        """Seconds still to go; the first iteration compiles kernels and says nothing about the others."""
        counted = progress.iteration - self.plan.finished - 1
        return (moment - self._first) / counted * (progress.total - progress.iteration) if counted else None

    def end(self, status: str, reason: str | None = None) -> None:
        """Record how the run ended. Written before anything that could fail."""
        self.console.end_progress()
        self.data.update(status=status, reason=reason, ended=self._manifest.now(), process=None)
        self.run.write_manifest(self.data)

    def seconds(self) -> float:
        """Time since learning began."""
        return time.monotonic() - self._began


def repeat(plan: Plan) -> dict[str, Any]:
    """The variables that repeat this run exactly."""
    options = plan.options
    values: dict[str, Any] = {
        "SIM": plan.simulator.name,
        "TASK": plan.task,
        "NUM_ENVS": plan.num_envs,
        "ITERATIONS": plan.total,
        "SEED": plan.seed,
        "DEVICE": plan.device,
        "NAME": options.name,
        "LOGGER": options.logger if options.logger != "tensorboard" else None,
        "LOG_ROOT": options.log_root if "log_root" in options.given else None,
        "VIDEO": options.video,
        "VIDEO_LENGTH": options.video_length if options.video else None,
        "VIDEO_INTERVAL": options.video_interval if options.video else None,
    }
    for word in plan.overrides:
        values.pop((TWICE.get(word.partition("=")[0]) or "").upper(), None)
    values["ARGS"] = options.args
    if plan.parent is not None and plan.checkpoint is not None:
        values.update(RESUME=True, RUN=verb.shown(plan.parent.path), CHECKPOINT=plan.checkpoint.iteration)
    return values


def parent_of(plan: Plan, run: RunDir) -> dict[str, Any] | None:
    """The run that this one goes on with, as a path from the folder beside it."""
    if plan.parent is None or plan.checkpoint is None:
        return None
    path = os.path.relpath(plan.parent.path.resolve(), run.path.resolve().parent)
    return {"run": path, "checkpoint": plan.checkpoint.path.name, "iteration": plan.finished}


def progress_line(progress: Progress, left: float | None, gpu: str | None) -> str:
    """One line for one iteration."""
    parts = [f"iteration {progress.iteration}/{progress.total}", f"{progress.steps_per_second:,.0f} steps/s"]
    if progress.mean_return is not None:
        parts += [f"return {progress.mean_return:.2f}", f"length {progress.mean_length:.0f}"]
    if left is not None:
        parts.append(f"{duration(left)} left")
    return " · ".join(parts + ([gpu] if gpu else []))


def duration(seconds: float) -> str:
    """1:05 or 2:03:45."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def learn(plan: Plan, run: RunDir, recorder: Recorder, console: Console, interrupts: Interrupts) -> None:
    """Build the environment and the learner, train to the end, or save on a signal."""
    from runners import hardware
    from runners.learners.rsl_rl import config, release
    from runners.learners.rsl_rl.learner import Learner
    from runners.learners.rsl_rl.vec_env import VecEnvAdapter
    from runners.video import VideoRecorder

    options, agent = plan.options, plan.configs.agent
    if options.video and not plan.simulator.can_render():
        raise UserError(
            f"VIDEO=1 needs off-screen OpenGL; install one of {plan.simulator.renderer_packages}, or leave VIDEO out"
        )
    if plan.device == "cpu":
        hardware.limit_memory()
    os.environ.setdefault("WANDB_DIR", str(run.path))
    env = plan.simulator.make_env(plan.configs.env, plan.device, render=options.video)
    try:
        if options.video:
            env = VideoRecorder(env, run.path / "videos" / "train", options.video_length, options.video_interval)
        vec_env = VecEnvAdapter(env, agent.clip_actions, before_step=interrupts.check)
        cfg = config.train_cfg(agent, release.installed(), agent.logger)
        learner = Learner(vec_env, cfg, run.path, plan.device)
        if plan.checkpoint is not None:
            learner.load(plan.checkpoint.path)
        console.say("waiting for the first iteration")
        recorder.begin()
        try:
            with interrupts.held():
                learner.learn(plan.total, recorder.iteration)
        except Interrupted as interrupted:
            stop(learner, run, recorder, interrupted, console)
            raise
        finally:
            learner.close()
        finish(plan, run, recorder, console)
    finally:
        env.close()


def stop(learner: Learner, run: RunDir, recorder: Recorder, interrupted: Interrupted, console: Console) -> None:
    """Save after a signal, and say how to go on."""
    saved = learner.save(run.path) if learner.done > recorder.plan.finished else None
    recorder.end(INTERRUPTED, str(interrupted))
    if saved is None:
        console.say("no iteration was finished, so there is nothing to save")
        return
    console.say(f"saved {saved.name} after {learner.done} iterations")
    console.say(f"go on: make train RESUME=1 RUN={run.name}{log_root_word(recorder.plan.options)}")


def finish(plan: Plan, run: RunDir, recorder: Recorder, console: Console) -> None:
    """Record the end, draw the curve, and name the commands that come next."""
    from runners import curve

    recorder.end(FINISHED)
    returns = recorder.data["returns"]
    result = "no episode has ended yet"
    if returns["last"] is not None:
        result = f"mean return {returns['last']:.2f} (best {returns['best']:.2f} after {returns['best_iteration']})"
    now = f" ({plan.total - plan.finished} of them now)" if plan.finished else ""
    console.say(f"finished {plan.total} iterations{now} in {duration(recorder.seconds())}; {result}")
    try:
        picture = curve.draw(run, f"{plan.task}, {plan.num_envs} environments, seed {plan.seed}")
        if picture:
            console.say(f"curve: {verb.shown(picture)}")
    except Exception as error:  # the run is finished and saved, whatever happens to its picture
        traceback.print_exc()
        console.warn(f"no learning curve: {verb.one_line(error)}")
    where = log_root_word(plan.options)
    console.say(f"play:  make play RUN={run.name}{where}")
    console.say(f"go on: make train RESUME=1 RUN={run.name} MORE={plan.total}{where}")


def log_root_word(options: Options) -> str:
    """The LOG_ROOT that the next command needs too."""
    import shlex

    return f" LOG_ROOT={shlex.quote(options.log_root)}" if "log_root" in options.given else ""


if __name__ == "__main__":
    verb.end(verb.run("train", train, sys.argv[1:]))
