"""Packages with tasks beside Isaac Lab's: announced by an entry point, and with faults in single files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from contract_world import World

pytestmark = pytest.mark.network
SMALL = ("NUM_ENVS=8", "DEVICE=cpu", "ITERATIONS=1")
TASK = """\
import gymnasium as gym

for name in ("Lazy", "Lacking"):
    gym.register(
        id=f"Announced-{name}-v0",
        entry_point="contract_tasks.env:ContractEnv",
        disable_env_checker=True,
        kwargs={
            "env_cfg_entry_point": "contract_tasks.cfgs:CartpoleCfg",
            "rsl_rl_cfg_entry_point": f"announced_robot.agents.{name.lower()}:Cfg",
        },
    )
gym.register(id="Announced-v0", entry_point="contract_tasks.env:ContractEnv")
"""
INFO = "announced_robot-1.0.dist-info"
FILES = {
    "announced_robot/__init__.py": "",
    "announced_robot/agents/__init__.py": "",
    "announced_robot/agents/lazy.py": "import json\n\nCfg = json.nothing\n",
    "announced_robot/agents/lacking.py": "import no_such_module\n",
    "announced_robot/tasks/__init__.py": TASK,
    "broken_robot/__init__.py": "import no_such_module\n",
    f"{INFO}/METADATA": "Metadata-Version: 2.1\nName: announced-robot\nVersion: 1.0\n",
    f"{INFO}/entry_points.txt": "[isaaclab.tasks]\nmine = announced_robot.tasks\nold = broken_robot\n",
}
BROKEN = (
    "tasks of 'broken_robot' cannot be loaded: ModuleNotFoundError: No module named 'no_such_module'; install what the "
    "project needs: make setup SIM=isaac TASK_PACKAGE=/path/to/broken_robot"
)


@pytest.fixture(scope="module")
def site(world: World) -> Iterator[Path]:
    """Isaac's site-packages with the two packages."""
    [site] = {path.resolve() for path in world.station("1.0.2").glob("isaacsim/kit/python/lib/python3*/site-packages")}
    for name, text in FILES.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    yield site
    for name in FILES:
        (site / name).unlink()


def said(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("train: ")]


def test_an_announced_task_is_listed(site: Path, world: World) -> None:
    assert "Announced-v0" in world.make("tasks", "SIM=isaac", "KEYWORD=announced").stdout.split()


@pytest.mark.parametrize(
    ("task", "line"),
    [
        ("Lazy", "{}/lazy.py:3: AttributeError: module 'json' has no attribute 'nothing'"),
        ("Lacking", "{}/lacking.py:1: ModuleNotFoundError: No module named 'no_such_module'; install what the project"),
    ],
)
def test_a_file_that_fails_is_one_line(site: Path, world: World, log_root: Path, task: str, line: str) -> None:
    done = world.make("train", f"TASK=Announced-{task}-v0", *SMALL, log_root=log_root)
    assert done.returncode == 2
    folder = site / "announced_robot/agents"
    where = f"train: rsl_rl_cfg_entry_point of task 'Announced-{task}-v0' cannot be loaded: "
    assert said(done.stderr)[-1].startswith(where + line.format(folder)), done.stderr
    assert "Traceback" not in done.stdout + done.stderr and not log_root.exists()


def test_a_broken_package_is_a_warning_for_others(site: Path, world: World, log_root: Path) -> None:
    words = ("TASK=Contract-Cartpole-v0", "TASK_PACKAGE=contract_tasks", *SMALL)
    done = world.make("train", *words, log_root=log_root)
    assert done.returncode == 0, done.stderr
    assert said(done.stderr) == [f"train: warning: {BROKEN}"]
    done = world.make("train", "TASK=Broken-v0", *SMALL, log_root=log_root)
    assert done.returncode == 2
    assert said(done.stderr)[-1].startswith("train: unknown TASK 'Broken-v0'") and BROKEN in said(done.stderr)[-1]
