"""Every rsl_rl configuration of Isaac Lab 2.3.2, from its wheel, for every release of rsl_rl."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from isaac_lab_wheel import isaac_lab_wheel

from runners.errors import UserError
from runners.learners.rsl_rl import agent, config
from runners.learners.rsl_rl.release import KNOWN, known

LACKING = ("a recurrent policy", "random network", "symmetry", "'HeteroscedasticGaussianDistribution'")
"""What some of Isaac Lab's tasks use and old releases do not have."""
pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's source folder."""
    folder = tmp_path_factory.mktemp("isaaclab")
    with zipfile.ZipFile(isaac_lab_wheel()) as archive:
        wanted = ("isaaclab/source/isaaclab_rl/", "isaaclab/source/isaaclab/isaaclab/utils/")
        names = [n for n in archive.namelist() if n.startswith(wanted) or "/agents/rsl_rl" in n]
        archive.extractall(folder, names)
    return folder / "isaaclab" / "source"


@pytest.fixture(scope="module")
def runner_configs(sources: Path) -> Iterator[dict[str, Any]]:
    """One object of each runner configuration class. Packages are entered beside their __init__, which needs Kit."""
    before = set(sys.modules)
    for name, folder in (
        ("isaaclab", sources / "isaaclab/isaaclab"),
        ("isaaclab.utils", sources / "isaaclab/isaaclab/utils"),
        ("isaaclab_rl", sources / "isaaclab_rl/isaaclab_rl"),
        ("isaaclab_rl.rsl_rl", sources / "isaaclab_rl/isaaclab_rl/rsl_rl"),
        ("isaaclab_tasks", sources / "isaaclab_tasks/isaaclab_tasks"),
    ):
        module = types.ModuleType(name)
        module.__path__ = [str(folder)]
        sys.modules[name] = module
    utils = sys.modules["isaaclab.utils"]
    utils.configclass = importlib.import_module("isaaclab.utils.configclass").configclass  # type: ignore[attr-defined]
    exported = sys.modules["isaaclab_rl.rsl_rl"]
    for part in ("rnd_cfg", "symmetry_cfg", "rl_cfg", "distillation_cfg"):
        vars(exported).update(vars(importlib.import_module(f"isaaclab_rl.rsl_rl.{part}")))
    found = {}
    for file in sorted(sources.rglob("agents/rsl_rl*_cfg.py")):
        name = ".".join(file.relative_to(sources / "isaaclab_tasks").with_suffix("").parts)
        try:
            module = importlib.import_module(name)
        except ImportError:  # a task's own symmetry function, which needs its environment
            continue
        for key, value in vars(module).items():
            if isinstance(value, type) and value.__module__ == name and key.endswith("RunnerCfg"):
                found[f"{name}.{key}"] = value()
    yield found
    for name in set(sys.modules) - before:
        if name.startswith("isaaclab"):
            del sys.modules[name]


def test_every_one_is_read_and_written_for_every_release(runner_configs: dict[str, Any]) -> None:
    assert len(runner_configs) > 40
    refused: dict[str, int] = {}
    for name, given in runner_configs.items():
        try:
            neutral = agent.read(given, name)
        except UserError as error:
            assert "only OnPolicyRunner" in str(error), str(error)
            refused["distillation"] = refused.get("distillation", 0) + 1
            continue
        assert neutral.shape in ("flat", "policy")
        for version in KNOWN:
            try:
                cfg, notes = config.write(neutral, known(version))
            except UserError as error:
                assert any(words in str(error) for words in LACKING), error
                refused[version] = refused.get(version, 0) + 1
                continue
            flat = {**cfg.get("runner", {}), **cfg}
            assert flat["num_steps_per_env"] == given.num_steps_per_env
            assert flat["algorithm"]["entropy_coef"] == given.algorithm.entropy_coef
            assert all(note.key == "obs_normalization" for note in notes), [str(note) for note in notes]
    assert refused.get("5.5.1", 0) == 0


def test_the_flagship_task(runner_configs: dict[str, Any]) -> None:
    """Flat H1 walking for the release that the workstation pins, key by key."""
    (given,) = [value for name, value in runner_configs.items() if name.endswith(".H1FlatPPORunnerCfg")]
    neutral = agent.read(given)
    cfg, notes = config.write(neutral, known("1.0.2"))
    assert notes == []
    assert cfg["policy"] == {
        "init_noise_std": 1.0, "actor_hidden_dims": [128, 128, 128], "critic_hidden_dims": [128, 128, 128],
        "activation": "elu",
    }  # fmt: skip
    assert cfg["runner"]["policy_class_name"] == "ActorCritic" and cfg["runner"]["num_steps_per_env"] == 24
    assert cfg["algorithm"]["entropy_coef"] == 0.01 and "rnd_cfg" not in cfg["algorithm"]
