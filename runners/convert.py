"""make convert: write a checkpoint of a run as another release of rsl_rl loads it."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from runners import run_dir, verb
from runners.closing import Closing
from runners.console import Console
from runners.errors import UsageError, UserError
from runners.interrupts import Interrupts
from runners.options import Options
from runners.run_dir import RunDir

if TYPE_CHECKING:
    from runners.learners.rsl_rl.release import Release


def convert(options: Options, console: Console, interrupts: Interrupts, closing: Closing) -> None:
    """Write ``converted/rsl_rl-<TO>/model_<n>.pt``, and ``agent.yaml`` in that release's shape beside it."""
    import torch

    from runners.learners.rsl_rl import checkpoint as files
    from runners.learners.rsl_rl import release as releases

    if options.to is None:
        raise UsageError(f"TO is missing; give the release to convert to, for instance TO={releases.NEWEST}")
    target = releases.known(options.to)
    run = run_dir.find(Path(options.log_root), options.run)
    source, remarks = run.checkpoint(options.checkpoint)
    for remark in remarks:
        console.warn(remark)
    state = files.read(source.path)
    state.iteration = source.iteration
    data = files.translate(state, target)
    folder = run.path / "converted" / f"rsl_rl-{target.version}"
    written = agent_file(run, target, console)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with run_dir.write_whole(folder / source.path.name) as stream:
            torch.save(data, stream)
        if written is not None:
            run_dir.write_text(folder / "agent.yaml", written)
    except OSError as error:
        raise UserError(f"cannot write to '{folder}': {error.strerror}") from None
    made_by = f"rsl_rl {state.made_by}" if state.made_by else f"the layout of rsl_rl {state.layout}"
    console.say(f"{source.path.name} of run {run.name}, from {made_by} to {target}")
    for loss in state.losses:
        console.say(f"note: {loss}")
    console.say(f"checkpoint: {verb.shown(folder / source.path.name)}")
    if written is not None:
        console.say(f"configuration: {verb.shown(folder / 'agent.yaml')}")


def agent_file(run: RunDir, target: Release, console: Console) -> str | None:
    """The run's agent configuration as ``target`` wants it; None, with a warning, where there is none."""
    from runners.learners.rsl_rl import agent, config
    from runners.plain import dump

    path = run.path / "params" / "agent.yaml"
    if not path.is_file():
        console.warn(f"run '{run.name}' has no params/agent.yaml, so only the checkpoint is written")
        return None
    neutral = agent.read(agent.load_yaml(path), f"'{path}'")
    if target.shape == "nested":  # has none, and the checkpoint's is part of the first layer now
        actor = dataclasses.replace(neutral.actor, obs_normalization=False)
        critic = dataclasses.replace(neutral.critic, obs_normalization=False)
        neutral = dataclasses.replace(neutral, actor=actor, critic=critic)
    cfg, notes = config.write(neutral, target)
    for note in notes:
        console.say(f"note: {note}")
    return dump(cfg)


if __name__ == "__main__":
    verb.end(verb.run("convert", convert, sys.argv[1:]))
