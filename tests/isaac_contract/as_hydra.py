"""Overrides applied by Isaac Lab's Hydra wrapper and by ours, as JSON; test_overrides_as_hydra.py judges it.

python.sh as_hydra.py FILE        FILE: {"together": {task: [words of ARGS]}, "alone": [[task, words of ARGS], …]}
"""

from __future__ import annotations

import importlib
import json
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from runners import options, overrides, plain
from runners.errors import UserError
from runners.simulators.isaac import IsaacSimulator

AGENT = "rsl_rl_cfg_entry_point"
NO_FILES = ["hydra.run.dir=.", "hydra.output_subdir=null", "hydra/hydra_logging=disabled", "hydra/job_logging=disabled"]
NOTHING = "nothing there"


def main() -> None:
    os.environ["HYDRA_FULL_ERROR"] = "1"  # else it ends the process
    wanted = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    simulator = IsaacSimulator()
    simulator.launch(options.parse("train", ["--device=cpu"]))
    simulator.configs(next(iter(wanted["together"])))
    told = {
        "together": {task: together(simulator, task, lines) for task, lines in wanted["together"].items()},
        "alone": [alone(simulator, task, line) for task, line in wanted["alone"]],
    }
    print(json.dumps(told), flush=True)
    simulator.close()


def theirs(task: str, words: list[str]) -> Any:
    """What Isaac Lab's train.py gets."""
    decorate = importlib.import_module("isaaclab_tasks.utils.hydra").hydra_task_config
    got: list[Any] = []
    sys.argv = ["train.py", *words, *NO_FILES]
    decorate(task, AGENT)(lambda env, agent: got.append(SimpleNamespace(env=env, agent=agent)))()
    return got[0]


def flat(configs: Any) -> dict[str, Any]:
    parts = {"env": plain.to_plain(configs.env), "agent": plain.to_plain(configs.agent)}
    return {".".join(path): value for path, value in plain.flatten(parts).items()}


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Fields that are not as before."""
    return {
        key: after.get(key, NOTHING)
        for key in {**before, **after}
        if not same(before.get(key, NOTHING), after.get(key, NOTHING))
    }


def same(one: Any, other: Any) -> bool:
    """1 and 1.0 are, 1 and True are not."""
    return one == other and ("True" in repr(one), "False" in repr(one)) == (
        "True" in repr(other),
        "False" in repr(other),
    )


def together(simulator: IsaacSimulator, task: str, lines: list[str]) -> dict[str, Any]:
    """Many at once by Hydra, which takes a second each time; by ours one after the other, as some may be refused."""
    before = flat(simulator.configs(task))
    told: dict[str, Any] = {"untouched": changes(before, flat(theirs(task, [])))}
    hydra, ours = theirs(task, [word(line) for line in lines]), simulator.configs(task)
    told["refused"] = {line: why for line in lines if (why := refusal(lambda line=line: given(ours, line)))}  # type: ignore[misc]
    told["theirs"], told["ours"] = changes(before, flat(hydra)), changes(before, flat(ours))
    told["types"] = {line: [kind(hydra, line), kind(ours, line)] for line in lines}
    return told


def alone(simulator: IsaacSimulator, task: str, line: str) -> dict[str, Any]:
    before, ours = flat(simulator.configs(task)), simulator.configs(task)
    told: dict[str, Any] = {"ours": refusal(lambda: given(ours, line)), "ours_changes": changes(before, flat(ours))}
    try:
        told["theirs"] = changes(before, flat(theirs(task, [word(line)])))
    except Exception as error:
        told["theirs"] = type(error).__name__
    return told


def word(line: str) -> str:
    """The one word that a shell makes of it."""
    (found,) = shlex.split(line)
    return str(found)


def given(configs: Any, line: str) -> None:
    """As runners.plan does with ARGS."""
    overrides.apply(configs, overrides.split(line).fields)


def refusal(call: Callable[[], Any]) -> str | None:
    try:
        call()
    except UserError as error:
        return str(error)
    return None


def kind(configs: Any, line: str) -> str:
    """The type of the field that a line names."""
    value = configs
    for name in word(line).partition("=")[0].split("."):
        value = value[name] if isinstance(value, dict) else getattr(value, name)
    return type(value).__name__


main()
