"""make check-config: what an agent configuration becomes for a release of rsl_rl. No simulation is built."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners import simulators, verb
from runners.closing import Closing
from runners.console import Console
from runners.errors import UsageError
from runners.interrupts import Interrupts
from runners.options import Options
from runners.plan import read_configs

if TYPE_CHECKING:
    from runners.learners.rsl_rl.release import Release


def check_config(options: Options, console: Console, interrupts: Interrupts, closing: Closing) -> None:
    """Print input shape, output and what is filled in, dropped or changed."""
    if (options.file is None) == (options.task is None):
        raise UsageError("give one of TASK=<task id> and FILE=<agent.yaml>")
    config, where, strict = from_file(options) if options.file else from_task(options, closing)
    from runners.learners.rsl_rl import agent
    from runners.learners.rsl_rl import config as configs
    from runners.plain import dump

    release = chosen_release(options)
    neutral = agent.read(config, where, strict)
    cfg, notes = configs.write(neutral, release)
    console.say(f"read: {where}: {agent.SHAPES[neutral.shape]}")
    console.say(f"written for {release}: {agent.SHAPES[release.shape]}")
    for note in (*neutral.notes, *notes):
        console.say(str(note))
    if not neutral.notes and not notes:
        console.say("nothing filled in, dropped or changed")
    console.plain(dump(cfg).rstrip())


def from_file(options: Options) -> tuple[Any, str, bool]:
    """Configuration, its name, and whether unknown keys at the top are mistakes."""
    from runners.learners.rsl_rl import agent

    if options.args:
        raise UsageError("ARGS goes with TASK; with FILE, change the file")
    return agent.load_yaml(Path(str(options.file))), f"'{options.file}'", True


def from_task(options: Options, closing: Closing) -> tuple[Any, str, bool]:
    """The same of a task, with ARGS applied."""
    from runners import overrides

    words, flags = overrides.split(options.args)
    simulator = simulators.load(options.sim)
    simulator.launch(options, flags)
    closing.simulator = simulator.close
    configs = read_configs(simulator, str(options.task), options.agent, None)
    overrides.apply(configs, words)
    return configs.agent, f"the agent configuration of '{options.task}'", False


def chosen_release(options: Options) -> Release:
    """RSL_RL=, else the installed one."""
    from runners.learners.rsl_rl import release

    return release.known(options.rsl_rl) if options.rsl_rl else release.installed()


if __name__ == "__main__":
    verb.end(verb.run("check-config", check_config, sys.argv[1:]))
