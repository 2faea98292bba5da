"""Writes a task's configurations as Isaac Lab's train.py does and restores them; test_isaac_foreign_runs.py judges it.

Runs in Isaac's Python with PYTORCH_JIT=0, as every_task.py does. Arguments: a folder for the files of
Contract-Cartpole-v0. Prints as one line of JSON what was warned of for each task of isaaclab_tasks.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
import tempfile
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

from every_task import BUNDLED

from runners import options, plan
from runners.console import Console
from runners.errors import UserError
from runners.learners.rsl_rl import agent
from runners.simulators.isaac import IsaacSimulator


def main(folder: Path) -> None:
    simulator = IsaacSimulator()
    simulator.launch(options.parse("train", ["--device=cpu", "--task-package=contract_tasks"]))
    for name, attributes in BUNDLED.items():
        module = sys.modules[name] = ModuleType(name)
        module.__spec__ = ModuleSpec(name, None)
        vars(module).update({attribute: MagicMock() for attribute in attributes})
    dump_yaml = importlib.import_module("isaaclab.utils.io").dump_yaml
    told = {}
    for task in ("Contract-Cartpole-v0", *sorted(simulator.tasks())):
        try:
            configs = simulator.configs(task)
        except UserError:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            target = folder if task.startswith("Contract") else Path(scratch)
            for kind in ("env", "agent"):
                dump_yaml(str(target / f"{kind}.yaml"), getattr(configs, kind))
            told[task] = restored(simulator.configs(task), target)
    print(json.dumps(told), flush=True)
    simulator.close()


def restored(configs: Any, folder: Path) -> str:
    """What is said when a task is brought to what its own configurations were dumped as."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        console = Console("train")
        for kind in ("env", "agent"):
            plan.restore(getattr(configs, kind), folder / f"{kind}.yaml", kind, "theirs", console)
    neutral = agent.read(agent.load_yaml(folder / "agent.yaml"), "'agent.yaml'", strict=True)
    own = agent.read(configs.agent, "'agent.yaml'")
    names = ("algorithm", "actor", "critic", "noise", "obs_groups", "rnd", "symmetry")
    others = [name for name in names if getattr(neutral, name) != getattr(own, name)]
    return said.getvalue() + "".join(
        f"{name} is {getattr(neutral, name)}, not {getattr(own, name)}\n" for name in others
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
