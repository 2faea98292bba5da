"""What a training run writes about itself while it goes on: ``run.json``, what repeats it, progress."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from runners import ranks, run_dir, verb
from runners.console import Console
from runners.plan import TWICE, Plan
from runners.run_dir import RUNNING, RunDir
from runners.simulators import task_packages

if TYPE_CHECKING:
    from runners.learners.rsl_rl.learner import Progress

STATUS_INTERVAL_S = 1.0


class Recorder:
    """Keeps ``run.json`` true while the run goes on, and writes what repeats it."""

    def __init__(self, run: RunDir, plan: Plan, console: Console) -> None:
        from runners import hardware, manifest

        self.run, self.plan, self.console = run, plan, console
        self._began = self._first = 0.0
        self._written = 0.0
        self._manifest = manifest
        self.data = manifest.started(
            task=plan.task,
            simulator=plan.simulator.name,
            seed=plan.seed,
            task_package=task_packages.recorded(plan.options.task_package),
            agent=plan.options.agent,
            device=plan.device,
            gpus=list(plan.options.gpus or ()) or None,
            num_envs=plan.num_envs,
            steps_per_iteration=int(plan.configs.agent.num_steps_per_env) * plan.num_envs * ranks.count(),
            iterations={"start": plan.finished, "done": plan.finished, "total": plan.total},
            returns={"last": None, "best": None, "best_iteration": None, "length": None},
            steps_per_second=None,
            parent=parent_of(plan, run),
            command=manifest.command(repeat(plan)),
            overrides=plan.inherited + plan.overrides,
            hardware=hardware.describe(plan.device),
            versions={
                **plan.simulator.versions(),
                plan.release.distribution: plan.release.version,
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
        """Record how the run ended, once: a finished run stays so, whatever goes wrong with its picture."""
        self.console.end_progress()
        if self.data["status"] != RUNNING:
            return
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
        "TASK_PACKAGE": task_packages.recorded(options.task_package),
        "AGENT": None if plan.parent else options.agent,  # RESUME=1 takes that of the run
        "DEVICE": None if options.gpus else plan.device,
        "GPUS": ",".join(map(str, options.gpus)) if options.gpus else None,
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
