"""make evaluate: how robust an exported policy is, over a grid of commands and conditions in plain MuJoCo."""

from __future__ import annotations

import contextlib
import functools
import math
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from runners import exported, plain_scene, robustness, verb
from runners.closing import Closing
from runners.console import Console
from runners.deployment import Deployment
from runners.errors import UserError
from runners.exported import OnnxPolicy
from runners.hardware import cores
from runners.interrupts import Interrupts
from runners.options import Options
from runners.plain_mujoco import Simulation
from runners.robustness import Case, Outcome, Result
from runners.run_dir import TIMESTAMP
from runners.tasks.berkeley_humanoid_lite.robots import ROBOTS

Progress = Callable[[int], None]
"""Called with the number of episodes that are done."""


def evaluate(options: Options, console: Console, interrupts: Interrupts, closing: Closing) -> None:
    """Run every cell's episodes over the cores, and write and say what they come to."""
    from runners import robustness_report

    os.environ["MUJOCO_GL"] = "disable"  # mujoco's first import, here and in the other processes, reads it
    subject = exported.find(options.policy, options.config, options.run, Path(options.log_root))
    deployment, policy = exported.load(subject)
    if remark := exported.outdated(subject, policy):
        console.warn(remark)
    deployment = robustness.coarse(deployment)
    model = plain_scene.model_of(deployment)
    robot = next(robot for robot in ROBOTS if robot.model == model)
    cases = robustness.grid(robot.largest_command)
    episodes = options.episodes if "episodes" in options.given else robustness.EPISODES
    seed = random.SystemRandom().getrandbits(32) if options.seed == "random" else int(options.seed or 0)
    everywhere = robustness.anywhere(robot.largest_command, seed)
    count, processes = episodes * len(cases), cores()
    total = count + len(everywhere)
    job = Job(subject.onnx, deployment, seed)
    simulated = sum(case.seconds for case in [*cases * episodes, *everywhere])
    seconds = trial(job, cases[0]) / cases[0].seconds * simulated / processes
    console.say(
        f"'{subject.name}' ({robot.name}), seed {seed}: {len(cases)} cells x {counted(episodes, 'episode')} of "
        f"{robustness.SECONDS:g} s and {len(everywhere)} at any command of {robustness.ANYWHERE_S:g} s, "
        f"on {counted(processes, 'idle core')} about {_minutes(seconds)}"
    )
    with new_folder(subject.results("evaluate")) as folder:
        began = time.monotonic()

        def progress(done: int) -> None:
            interrupts.check()
            left = (time.monotonic() - began) / done * (total - done)
            # the first ones include the start of the processes
            known = f" · {_minutes(left)} left" if done >= total / 20 else ""
            console.progress(f"episode {done} of {total}{known}", last=done == total)

        result = run(job, cases, episodes, processes, progress)
        anywhere = run(job, everywhere, 1, processes, lambda done: progress(count + done))
        console.end_progress()
        about = robustness_report.About(
            subject.name, robot.name, str(subject.onnx), str(subject.config), seed, deployment.physics_dt,
            round(time.monotonic() - began, 1),
        )  # fmt: skip
        robustness_report.write(result, anywhere, about, folder)
    for line in robustness_report.terminal(result, anywhere):
        console.plain(line)
    console.say(f"results: {verb.shown(folder)}")


def counted(count: int, noun: str) -> str:
    """A number and its noun."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _minutes(seconds: float) -> str:
    whole = math.ceil(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


@contextlib.contextmanager
def new_folder(parent: Path) -> Iterator[Path]:
    """A folder named by the time of day; it is gone again where the block fails before anything is in it.

    Raises:
        UserError: it cannot be made.
    """
    folder = parent / datetime.now().strftime(TIMESTAMP)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write to '{parent}': {error.strerror}") from None
    try:
        yield folder
    except BaseException:
        with contextlib.suppress(OSError):
            folder.rmdir()
        raise


@dataclass(frozen=True)
class Job:
    """What another process must know for any episode."""

    onnx: Path
    deployment: Deployment
    seed: int


def trial(job: Job, case: Case) -> float:
    """Seconds that an episode takes in this process. What is wrong with the policy is mostly found here already."""
    run_episode(job, case, 0, 0)
    began = time.monotonic()
    run_episode(job, case, 0, 0)
    return time.monotonic() - began


def run(job: Job, cases: Sequence[Case], episodes: int, processes: int, progress: Progress) -> Result:
    """Run ``episodes`` of every case. The result does not depend on the number of processes.

    Raises:
        UserError: as from :class:`Simulation` and :class:`OnnxPolicy`, or a process was killed.
    """
    outcomes: list[list[Any]] = [[None] * episodes for _ in cases]
    with _pool(min(processes, len(cases) * episodes)) as pool:
        futures: dict[Future[Outcome], tuple[int, int]] = {
            pool.submit(run_episode, job, case, index, episode): (index, episode)
            for index, case in enumerate(cases)
            for episode in range(episodes)
        }
        for done, future in enumerate(as_completed(futures), 1):
            index, episode = futures[future]
            outcomes[index][episode] = future.result()
            progress(done)
    return Result(cases, outcomes)


@contextlib.contextmanager
def _pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    _start_tracker()
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _begin)
    try:
        yield pool
    except UserError as error:
        _stop(pool)
        # its cause is the same error, as the other process printed it
        raise UserError(str(error), error.status) from None
    except BrokenProcessPool:
        _stop(pool)
        raise UserError("a process of the evaluation was killed, perhaps for want of memory; try again") from None
    except BaseException:
        _stop(pool)
        raise
    pool.shutdown()


def _start_tracker() -> None:
    # it outlives the other processes, and VERBOSE=1 waits until nobody can write to the log any more
    kept = [os.dup(fd) for fd in (1, 2)]
    with open(os.devnull, "w") as nothing:
        for fd in (1, 2):
            os.dup2(nothing.fileno(), fd)
    try:
        resource_tracker.ensure_running()
    finally:
        for fd, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, fd)
            os.close(copy)


def _stop(pool: ProcessPoolExecutor) -> None:
    for process in multiprocessing.active_children():
        process.terminate()
    pool.shutdown(cancel_futures=True)


def _begin() -> None:
    # Ctrl-C reaches every process of the terminal; the first one ends the others
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def run_episode(job: Job, case: Case, index: int, episode: int) -> Outcome:
    """One episode of cell ``index``."""
    simulation, policy = _robot(job.onnx, job.deployment)
    conditions = robustness.conditions(case, job.seed, index, episode)
    motion = simulation.rollout(policy, robustness.command(case), case.seconds, conditions)
    return robustness.outcome(motion)


@functools.lru_cache(1)
def _robot(onnx: Path, deployment: Deployment) -> tuple[Simulation, OnnxPolicy]:
    return Simulation(deployment), OnnxPolicy(onnx)


if __name__ == "__main__":
    verb.end(verb.run("evaluate", evaluate, sys.argv[1:]))
