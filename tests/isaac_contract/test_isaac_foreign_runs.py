"""Runs of Isaac Lab's own train.py: what its dump_yaml writes is restored, trained on with, played and read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from contract_world import HERE, World
from test_isaac_training import FEW, SMALL, last_run, manifest, ok

pytestmark = pytest.mark.network

TASK = "TASK=Contract-Cartpole-v0"


@pytest.fixture(scope="module")
def dumped(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A folder with env.yaml and agent.yaml, and what was warned of when each task was restored."""
    folder = tmp_path_factory.mktemp("params")
    done = world.run(str(HERE / "dumped_by_isaac_lab.py"), str(folder), PYTORCH_JIT="0", timeout=240)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    found: dict[str, str] = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    return folder, found


def test_every_task_is_restored_without_a_warning(dumped: tuple[Path, dict[str, str]]) -> None:
    folder, told = dumped
    assert "{}" in (folder / "agent.yaml").read_text() and "builtins.slice" in (folder / "env.yaml").read_text()
    assert len(told) > 50 and {task: said for task, said in told.items() if said} == {}


def test_a_run_of_isaac_lab_goes_on_and_plays(
    dumped: tuple[Path, dict[str, str]], world: World, tmp_path: Path
) -> None:
    """Its manifest names the task, which is Isaac Lab 3.0's; what trained it is not known."""
    logs = tmp_path / "logs"
    few = f"ARGS={FEW} agent.experiment_name="
    ok(world.make("train", TASK, *SMALL, "ITERATIONS=1", few, rsl_rl="3.1.2", log_root=logs), world)
    made = last_run(logs)
    assert made.parent.name == "contract_cartpole_v0"
    theirs = logs / "cartpole" / "2026-01-02_03-04-05"
    (theirs / "params").mkdir(parents=True)
    (made / "model_0.pt").rename(theirs / "model_0.pt")
    shutil.rmtree(made)
    for kind in ("env", "agent"):
        shutil.copy(dumped[0] / f"{kind}.yaml", theirs / "params")
    said: dict[str, Any] = {"version": 1, "library": "rsl_rl", "task": "Contract-Cartpole-v0", "metadata": {}}
    (theirs / "run.json").write_text(json.dumps({**said, "created_at": "2026-01-02T03:04:05+00:00"}))
    words = ("RUN=latest/model_0.pt", "DEVICE=cpu", "NUM_ENVS=2", "TASK_PACKAGE=contract_tasks")
    ok(world.make("play", *words, "EPISODES=2", "VIEWER=none", rsl_rl="3.1.2", log_root=logs), world)
    ok(world.make("train", "RESUME=1", *words, "MORE=1", rsl_rl="3.1.2", log_root=logs), world)
    assert manifest(last_run(logs))["iterations"] == {"start": 1, "done": 2, "total": 2}
    again = ("NUM_ENVS=2", "DEVICE=cpu", "TASK_PACKAGE=contract_tasks", "ITERATIONS=1")
    file = theirs / "params" / "agent.yaml"
    ok(world.make("train", TASK, *again, f"AGENT={file}", rsl_rl="3.1.2", log_root=logs), world)


def test_checkpoints_alone_bring_their_network(world: World, tmp_path: Path) -> None:
    """Into a configuration of Isaac Lab's, and from there into the next run."""
    logs = tmp_path / "logs"
    few = f"ARGS={FEW} agent.policy.actor_hidden_dims=[8] agent.policy.critic_obs_normalization=true"
    ok(world.make("train", TASK, *SMALL, "ITERATIONS=1", few, rsl_rl="3.1.2", log_root=logs), world)
    bare = tmp_path / "bare"
    bare.mkdir()
    (last_run(logs) / "model_0.pt").rename(bare / "model_0.pt")
    words = ("NUM_ENVS=2", "DEVICE=cpu", "TASK_PACKAGE=contract_tasks", "RESUME=1", "MORE=1")
    done = world.make("train", TASK, *words, f"RUN={bare}/model_0.pt", rsl_rl="3.1.2", log_root=logs)
    assert done.returncode == 0, done.stdout + done.stderr
    taken = "actor.hidden_dims=[8], critic.obs_normalization=True"
    assert f"train: from model_0.pt, unlike the task: {taken}" in done.stdout
    ok(world.make("train", *words, rsl_rl="3.1.2", log_root=logs), world)
    assert manifest(last_run(logs))["iterations"] == {"start": 2, "done": 3, "total": 3}
