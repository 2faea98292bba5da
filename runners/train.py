"""make train: train a policy with PPO, or go on with a run."""

from __future__ import annotations

import shlex
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from runners import ranks, verb
from runners.closing import Closing
from runners.console import BUILDING, Console
from runners.errors import UserError
from runners.interrupts import Interrupted, Interrupts
from runners.options import Options
from runners.plan import Plan, make_plan
from runners.recorder import Recorder, duration
from runners.run_dir import FAILED, FINISHED, INTERRUPTED, RunDir

if TYPE_CHECKING:
    from runners.learners.rsl_rl.learner import Learner
    from runners.learners.rsl_rl.vec_env import VecEnvAdapter


def train(options: Options, console: Console, interrupts: Interrupts, closing: Closing) -> None:
    """Plan, make the run directory, build the environment, learn."""
    plan = make_plan(options, console, closing)
    if ranks.rank() > 0:
        follow(plan, interrupts, closing)
        return
    run = RunDir.create(Path(options.log_root), plan.configs.agent.experiment_name, options.name)
    announce(plan, run, console)
    ranks.report_run(run)
    recorder = Recorder(run, plan, console)
    try:
        recorder.open()
        learn(recorder, console, interrupts, closing)
    except Interrupted as interrupted:
        if reason := ranks.failure():
            recorder.end(FAILED, reason)
            raise UserError(f"failed: {reason}") from interrupted
        recorder.end(INTERRUPTED, str(interrupted))
        raise
    except UserError as error:
        recorder.end(FAILED, str(error))
        raise
    except Exception as error:
        from runners import hardware

        traceback.print_exc()
        too_many = hardware.out_of_memory(error, plan.num_envs, plan.device)
        reason = too_many or verb.one_line(error)
        recorder.end(FAILED, reason)
        raise UserError(f"failed: {reason}; {verb.where_to_look(console)}") from (None if too_many else error)


def follow(plan: Plan, interrupts: Interrupts, closing: Closing) -> None:
    """Learn as one of several processes, of which the first writes what is to be kept."""
    vec_env = build(plan, interrupts, closing)
    with tempfile.TemporaryDirectory() as nowhere:
        learner = make_learner(plan, vec_env, Path(nowhere))
        with interrupts.held():
            learner.learn(plan.total, lambda progress: None)


def announce(plan: Plan, run: RunDir, console: Console) -> None:
    """Say what will be trained, where it goes and what it waits for."""
    console.log_to(run.path / "train.log")
    agent, todo = plan.configs.agent, plan.total - plan.finished
    steps = todo * agent.num_steps_per_env * plan.num_envs * ranks.count()
    each = f" on each of {ranks.count()} GPUs" if ranks.count() > 1 else ""
    device = plan.device if not each else f"GPUs {','.join(map(str, plan.options.gpus or ()))}"
    console.say(
        f"{plan.task}, {plan.num_envs} environments{each} ({plan.num_envs_reason}), {todo} iterations "
        f"of {agent.num_steps_per_env} steps ({steps:,} in all), seed {plan.seed}, device {device}"
    )
    if plan.parent is not None and plan.checkpoint is not None:
        console.say(
            f"going on with run {plan.parent.name} after {plan.finished} iterations ({plan.checkpoint.path.name})"
        )
    for note in plan.notes:
        console.say(note)
    console.plain(f"run: {verb.shown(run.path)}")
    console.say(BUILDING)


def build(plan: Plan, interrupts: Interrupts, closing: Closing, videos: Path | None = None) -> VecEnvAdapter:
    """Build the environment, as the learner wants it."""
    from runners.learners.rsl_rl.vec_env import make_vec_env
    from runners.video import VideoRecorder

    options = plan.options
    if plan.device == "cpu":
        from runners import hardware

        hardware.limit_memory()
    if videos:
        plan.simulator.prepare_view(plan.configs.env, plan.task)
    env = plan.simulator.make_env(plan.configs.env, plan.device, render=videos is not None)
    closing.environment.callback(env.close)
    if videos:
        env = VideoRecorder(env, videos, options.video_length, options.video_interval)
        closing.environment.callback(env.finish)
    leave = interrupts.check
    if ranks.count() > 1:
        leave = ranks.agree_to_stop(interrupts, int(plan.configs.agent.num_steps_per_env), plan.device)
    return make_vec_env(env, plan.agent, plan.release, before_step=leave)


def make_learner(plan: Plan, vec_env: VecEnvAdapter, log_dir: Path, console: Console | None = None) -> Learner:
    """Build the learner, where the checkpoint of a resumed run left it."""
    from runners.learners.rsl_rl.learner import Learner

    learner = Learner(vec_env, plan.agent, plan.release, log_dir, plan.device)
    if plan.checkpoint is not None:
        for loss in learner.load(plan.checkpoint.path, plan.checkpoint.iteration):
            if console is not None:
                console.warn(f"'{plan.checkpoint.path.name}' for {plan.release}: {loss}")
    return learner


def learn(recorder: Recorder, console: Console, interrupts: Interrupts, closing: Closing) -> None:
    """Build the environment and the learner, train to the end, or save on a signal."""
    from runners import manifest, wandb_sync

    plan, run = recorder.plan, recorder.run
    manifest.write_code_state(run.path)
    vec_env = build(plan, interrupts, closing, run.path / "videos" / "train" if plan.options.video else None)
    try:
        if plan.configs.agent.logger == "wandb":
            wandb_sync.start(run.path, plan.configs.agent)
        learner = make_learner(plan, vec_env, run.path, console)
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
        wandb_sync.stop()


def stop(learner: Learner, run: RunDir, recorder: Recorder, interrupted: Interrupted, console: Console) -> None:
    """Save after a signal, and say how to go on."""
    saved = learner.save(run.path) if learner.done > recorder.plan.finished else None
    if not ranks.failure():
        recorder.end(INTERRUPTED, str(interrupted))
    if saved is None:
        console.say("no iteration was finished, so there is nothing to save")
        return
    console.say(f"saved {saved.name} after {learner.done} iterations")
    console.say(f"go on: make train RESUME=1 RUN={run.word}{log_root_word(recorder.plan.options)}")


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
    console.say(f"play:  make play RUN={run.word}{where}")
    console.say(f"go on: make train RESUME=1 RUN={run.word} MORE={plan.total}{where}")


def log_root_word(options: Options) -> str:
    """The LOG_ROOT that the next command needs too."""
    return f" LOG_ROOT={shlex.quote(options.log_root)}" if "log_root" in options.given else ""


if __name__ == "__main__":
    flags = ranks.flags()
    several = ranks.wanted(flags)
    verb.end(ranks.main(flags, several) if several else verb.run("train", train, flags))
