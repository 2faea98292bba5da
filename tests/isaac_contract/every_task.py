"""What the runners make of every task of isaaclab_tasks, as one line of JSON; test_task_configs.py judges it.

Runs in Isaac's Python with PYTORCH_JIT=0: TorchScript cannot compile what stands in for Kit's own functions.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import yaml

from runners import options, plain
from runners.errors import UserError
from runners.simulators.isaac import IsaacSimulator

BUNDLED = {"numba": ("cuda", "jit", "prange"), "torchvision": (), "torchvision.utils": ("save_image",)}
"""What Isaac Sim has of its own and three tasks import; .venv has none, or one for another torch."""
ENV, AGENT = "env_cfg_entry_point", "rsl_rl_cfg_entry_point"
ROUND_TRIPS = ("1.0.2", "3.1.2")


def main() -> None:
    simulator = IsaacSimulator()
    told: dict[str, Any] = {"listed": sorted(simulator.tasks()), "started_before": "isaacsim" in sys.modules}
    simulator.launch(options.parse("train", ["--device=cpu"]))
    stand_in_for_bundled()
    importlib.import_module("isaaclab_tasks")
    registry = importlib.import_module("gymnasium").registry
    specs = {name: spec.kwargs for name, spec in registry.items() if ENV in spec.kwargs}
    told["tasks"] = {name: task(simulator, name, kwargs) for name, kwargs in specs.items()}
    print(json.dumps(told, default=str), flush=True)
    simulator.close()


def stand_in_for_bundled() -> None:
    for name, attributes in BUNDLED.items():
        module = sys.modules[name] = ModuleType(name)
        module.__spec__ = ModuleSpec(name, None)
        vars(module).update({attribute: MagicMock() for attribute in attributes})


def refusal(call: Callable[[], Any]) -> str | None:
    """What a call ends with that is the user's to read; anything else is a failure of this program."""
    try:
        call()
    except UserError as error:
        return str(error)
    return None


def task(simulator: IsaacSimulator, name: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    load = importlib.import_module("isaaclab_tasks.utils.parse_cfg").load_cfg_from_registry
    others = [key for key in kwargs if key.endswith("_cfg_entry_point") and key != ENV]
    told: dict[str, Any] = {"registered": kwargs[ENV], "entry_points": others}
    told["no_agent"] = refusal(lambda: simulator.configs(name))
    if told["no_agent"] is None:
        configs = simulator.configs(name)
        env = configs.env
        told["agent_read_back"] = read_back(configs.agent)
        told["play"] = entry_point(simulator.configs(name, play=True).env)
    else:
        env = load(name, ENV)
    told["env"] = entry_point(env)
    told["several_agents"] = isinstance(env, importlib.import_module("isaaclab.envs").DirectMARLEnvCfg)
    told["env_read_back"] = read_back(env)
    told["play_env"] = prepared(simulator, name, env)
    keys = [key for key in others if key.startswith("rsl_rl")]
    told["agents"] = {key: translated(simulator.configs(name, agent=key).agent) for key in keys}
    return told


def entry_point(cfg: Any) -> str:
    return f"{type(cfg).__module__}:{type(cfg).__qualname__}"


def read_back(cfg: Any) -> bool:
    """Whether the file in ``params/`` holds what the configuration does. As safe_load, ten times faster."""
    return bool(yaml.load(plain.dump(cfg), Loader=yaml.CSafeLoader) == plain.to_plain(cfg))


def prepared(simulator: IsaacSimulator, name: str, env: Any) -> dict[str, Any]:
    """The configuration as play would have it, and whether Isaac Lab still takes it."""
    before, wrong = set(env.to_dict()), invalid(env)
    said = simulator.prepare_play(env, True)
    simulator.prepare_view(env, name)
    after = env.to_dict()
    terrain = after["scene"].get("terrain") or after.get("terrain") or {}
    return {
        "said": said, "kept": set(after) == before, "invalid": [wrong, invalid(env)],
        "terrain": [terrain.get("terrain_type"), terrain.get("terrain_generator") is not None],
        "curriculum": [term["func"] for term in (after.get("curriculum") or {}).values() if term],
        "held": [term["resampling_time_range"] for term in (after.get("commands") or {}).values() if term],
        "follows": after["viewer"]["asset_name"],
    }  # fmt: skip


def invalid(cfg: Any) -> str | None:
    try:
        cfg.validate()
    except TypeError as error:  # fields that are still missing
        return str(error)
    return None


def translated(given: Any) -> dict[str, Any]:
    from runners.learners.rsl_rl import agent, config
    from runners.learners.rsl_rl.release import KNOWN, known

    told: dict[str, Any] = {"class": type(given).__name__, "given": given.to_dict(), "refused": {}, "said": []}
    told["unreadable"] = refusal(lambda: agent.read(given, "it"))
    if told["unreadable"] is not None:
        return told
    neutral = agent.read(given, "it")
    told["neutral"] = dataclasses.asdict(neutral)
    for version in KNOWN:
        why = refusal(lambda version=version: config.write(neutral, known(version)))  # type: ignore[misc]
        if why is not None:
            told["refused"][version] = why
            continue
        cfg, notes = config.write(neutral, known(version))
        told["said"] += [str(note) for note in notes]
        if version in ROUND_TRIPS:
            back = dataclasses.asdict(agent.read(cfg, "it", strict=True))
            told[version] = {"cfg": cfg, "back": back, "said": [str(note) for note in notes]}
    return told


if __name__ == "__main__":
    main()
