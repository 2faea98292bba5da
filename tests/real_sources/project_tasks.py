"""What the runners make of the tasks of one package, as one line of JSON; test_real_tasks.py judges it.

    project_tasks.py RELEASE,… [PACKAGE]      without a package those of isaaclab_tasks

Runs in Isaac's Python as tests/isaac_contract/every_task.py does, and imports the package as `make train` does.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

from every_task import ENV, refusal, stand_in_for_bundled

from runners import options
from runners.simulators import task_packages
from runners.simulators.isaac import IsaacSimulator


def main(releases: str, package: str = "") -> None:
    simulator = IsaacSimulator()
    simulator.launch(options.parse("train", ["--device=cpu"]))
    stand_in_for_bundled()
    importlib.import_module("isaaclab_tasks")
    registry = importlib.import_module("gymnasium").registry
    before = set(registry) if package else set()
    told: dict[str, Any] = {"refused": refusal(lambda: task_packages.load(task_packages.resolve(package)))}
    told["tasks"] = {
        name: task(simulator, name, spec.kwargs, releases.split(","))
        for name, spec in registry.items()
        if name not in before and ENV in spec.kwargs
    }
    print(json.dumps(told), flush=True)
    simulator.close()


def task(simulator: IsaacSimulator, name: str, kwargs: dict[str, Any], releases: list[str]) -> dict[str, Any]:
    """Its environment's configuration, and each one for rsl_rl: what was refused by whom, and what failed otherwise."""
    load = importlib.import_module("isaaclab_tasks.utils.parse_cfg").load_cfg_from_registry
    keys = [key for key in kwargs if key.startswith("rsl_rl") and key.endswith("_cfg_entry_point")]
    return {
        "env": ended(lambda: load(name, ENV)),
        "agents": {key: {release: written(simulator, name, key, release) for release in releases} for key in keys},
    }  # fmt: skip


def written(simulator: IsaacSimulator, name: str, key: str, release: str) -> str | None:
    from runners.learners.rsl_rl import agent, config
    from runners.learners.rsl_rl.release import known

    return ended(lambda: config.write(agent.read(simulator.configs(name, agent=key).agent, "it"), known(release)))


def ended(call: Any) -> str | None:
    """None if it went well, what the user would read, or, marked, an error that is not for the user."""
    try:
        return refusal(call)
    except Exception as error:
        return f"! {type(error).__name__}: {error}"


main(*sys.argv[1:])
