"""Train, go on, play on Isaac Lab's real code: through make, launch.sh and python.sh, over the double of Kit."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from contract_world import HERE, World, rsl_rl_folder

pytestmark = pytest.mark.network

SMALL = ("NUM_ENVS=8", "DEVICE=cpu", "TASK_PACKAGE=contract_tasks")
FEW = "agent.num_steps_per_env=8 agent.save_interval=1 env.episode_length_s=0.5"
POISON = {"HEADLESS": "0", "LIVESTREAM": "2", "ENABLE_CAMERAS": "1", "XR": "1", "DISPLAY": ":0", "WORLD_SIZE": "2"}


def last_run(log_root: Path) -> Path:
    return max(log_root.glob("*/*/run.json"), key=lambda path: path.parent.name).parent


def manifest(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "run.json").read_text())
    return found


def ok(done: subprocess.CompletedProcess[str], world: World) -> str:
    """What was printed; it ended well, the app was closed, and no status file is left."""
    assert done.returncode == 0, done.stdout + done.stderr
    assert world.closed() and [event["event"] for event in world.environments()] == ["built", "closed"]
    assert not list((world.checkout / ".cache").glob("status.*"))
    assert "running python" not in done.stdout and "warning" not in done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs") / "läufe and logs"


@pytest.fixture(scope="module")
def trained(world: World, logs: Path) -> tuple[Path, str, dict[str, Any]]:
    """A run with rsl_rl 1.0.2, what was said, and how the app was started: among all that leads AppLauncher astray."""
    world.station("1.0.2")
    leaked = next((world.sim / "kit/python/lib").glob("python3*/site-packages")) / "isaacsim-4.5.0.0.dist-info"
    leaked.mkdir()
    (leaked / "METADATA").write_text("Name: isaacsim\nVersion: 4.5.0.0\n")
    done = world.make(
        "train", "TASK=Contract-Cartpole-v0", *SMALL, "ITERATIONS=3", "SEED=7", f"ARGS={FEW}", log_root=logs, **POISON
    )
    said, started = ok(done, world), world.started()
    (leaked / "METADATA").unlink()
    leaked.rmdir()
    assert started is not None
    return last_run(logs), said, started


def test_the_kit_is_that_of_5_1_whatever_is_around(trained: tuple[Path, str, dict[str, Any]], world: World) -> None:
    _, _, started = trained
    assert started["kit"] == str(world.lab / "apps/isaacsim_5_1/isaaclab.python.headless.kit")
    assert started["window"] is False and started["config"]["headless"] is True
    assert len(started["argv"]) == 1, "Kit would take our flags for its own"
    assert not any(started["environment"].get(name) for name in POISON)
    # carb is what isaacsim itself brings
    assert set(started["early"]) - {"_distutils_hack"} <= {
        "__main__",
        "runners",
        "toml",
        "isaacsim",
        "isaaclab",
        "carb",
    }


def test_the_run_is_one_like_any_other(trained: tuple[Path, str, dict[str, Any]]) -> None:
    run, said, _ = trained
    found = manifest(run)
    assert (found["status"], found["simulator"], found["seed"]) == ("finished", "isaac", 7)
    assert found["iterations"] == {"start": 0, "done": 3, "total": 3}
    versions = found["versions"]
    assert versions["isaac_sim"].startswith("5.1.0") and versions["isaac_lab"] == "2.3.2"
    assert versions["rsl_rl"] == "1.0.2"
    assert found["task_package"] == "contract_tasks" and "TASK_PACKAGE=contract_tasks" in found["command"]
    assert found["returns"]["last"] is not None
    names = {path.name for path in run.iterdir()}
    assert {"model_0.pt", "model_2.pt", "learning_curve.png", "train.log", "command.txt", "params"} <= names
    assert any(name.startswith("events.out") for name in names)
    env = yaml.safe_load((run / "params/env.yaml").read_text())
    assert env["scene"]["num_envs"] == 8 and env["seed"] == 7 and env["episode_length_s"] == 0.5
    assert "train: SIM=isaac (an Isaac Sim workstation is installed here)" in said
    assert f"make play RUN={run.name}" in said


def test_it_goes_on(trained: tuple[Path, str, dict[str, Any]], world: World, logs: Path) -> None:
    """With the task package of its parent, and another release of rsl_rl."""
    run, _, _ = trained
    done = world.make("train", "RESUME=1", f"RUN={run.name}", "MORE=1", "DEVICE=cpu", rsl_rl="3.1.2", log_root=logs)
    ok(done, world)
    found = manifest(last_run(logs))
    assert found["iterations"] == {"start": 3, "done": 4, "total": 4} and found["seed"] == 7
    assert found["versions"]["rsl-rl-lib"] == "3.1.2" and found["parent"]["checkpoint"] == "model_2.pt"


def test_it_plays_and_films(trained: tuple[Path, str, dict[str, Any]], world: World, logs: Path) -> None:
    """In the play variant, with cameras, and nothing of the run changed but its videos."""
    run, _, _ = trained
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}
    words = ("EPISODES=2", "VIDEO=1", "VIDEO_LENGTH=20", "DEVICE=cpu")
    said = ok(world.make("play", f"RUN={run.name}", *words, log_root=logs, DISPLAY=":0"), world)
    built, started = world.environments()[0], world.started()
    assert (built["is_play"], built["num_envs"], built["episode_length_s"]) == (True, 2, 0.5)
    assert started is not None and started["kit"].endswith("isaaclab.python.headless.rendering.kit")
    assert "play: SIM=isaac (as the run)" in said and "play: 2 episodes: return" in said
    new = {path.name for path in run.rglob("*") if path.is_file() and path not in before}
    assert new == {"model_2.mp4", "model_2.png"}
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in before.items())


def test_it_is_exported(trained: tuple[Path, str, dict[str, Any]], world: World, logs: Path) -> None:
    """What rsl_rl 1.0.2 has learned, without a window or a camera."""
    run, _, _ = trained
    said = ok(world.make("export", f"RUN={run.name}", "DEVICE=cpu", log_root=logs), world)
    assert "export: SIM=isaac (as the run)" in said and "export: 5 observations, 1 actions" in said
    assert re.search(r"policy\.onnx differs from the policy by at most \d\.\de-0[7-9] on 100 observations", said), said
    assert "no policy.yaml: action term 'effort' is no joint position action" in said
    assert {path.name for path in (run / "exported").iterdir()} == {"policy.pt", "policy.onnx"}
    started = world.started()
    assert started is not None and started["kit"].endswith("isaaclab.python.headless.kit")


def test_a_nested_yaml_for_a_later_release(world: World, logs: Path) -> None:
    """The shape of rsl_rl 1.0.2 in a file of the user's, for a task that has none, trained with 3.1.2.

    A window plays it from the run alone.
    """
    logs.mkdir(exist_ok=True)
    file = logs / "my agent.yaml"
    file.write_text((HERE / "contract_tasks/agents/nested.yaml").read_text().replace("seed: 42\n", ""))
    words = (
        "TASK=Contract-Cartpole-Old-v0",
        *SMALL,
        "ITERATIONS=1",
        f"AGENT={file}",
        "ARGS=agent.runner.num_steps_per_env=8",
    )
    said = ok(world.make("train", *words, rsl_rl="3.1.2", log_root=logs), world)
    assert "my agent.yaml' is nested runner, algorithm and policy, as rsl_rl 1.0.2 reads it; written flat with" in said
    assert "agent configuration for rsl_rl 3.1.2: filled in seed=42: the file does not say it" in said
    run = last_run(logs)
    assert run.parent.name == "contract_nested" and manifest(run)["iterations"]["done"] == 1
    agent = yaml.safe_load((run / "params/agent.yaml").read_text())
    assert agent["runner"]["num_steps_per_env"] == 8 and agent["policy"]["actor_hidden_dims"] == [32, 32]
    file.unlink()
    words = (f"RUN={run.name}", "DEVICE=cpu", "NUM_ENVS=2")
    said = ok(world.make("play", *words, log_root=logs, DISPLAY=":0", OMNI_DOUBLE_UPDATES="60"), world)
    started = world.started()
    assert started is not None and started["window"] is True
    assert started["kit"] == str(world.lab / "apps/isaacsim_5_1/isaaclab.python.kit")
    assert "F looks at the selected robot" in said and "play: " in said.splitlines()[-1]
    assert world.environments()[-1]["steps"] > 10


def test_a_direct_environment_and_the_launchers_flags(world: World, log_root: Path) -> None:
    """The package by its folder; --device and the others reach AppLauncher, --verbose reaches Kit."""
    flags = "--device cpu --enable_cameras --kit_args=--/app/x=1 --rendering_mode=quality --verbose"
    words = (
        "TASK=Contract-Cartpole-Direct-v0",
        "NUM_ENVS=8",
        "ITERATIONS=1",
        f"TASK_PACKAGE={HERE / 'contract_tasks'}",
    )
    args = f"ARGS={flags} agent.num_steps_per_env=8 env.episode_length_s=0.1"
    ok(world.make("train", *words, args, rsl_rl="3.1.2", log_root=log_root), world)
    started = world.started()
    assert started is not None and started["kit"].endswith("isaaclab.python.headless.rendering.kit")
    assert "--verbose" in started["argv"] and "--/app/x=1" in started["argv"]
    found = manifest(last_run(log_root))
    assert (found["status"], found["device"]) == ("finished", "cpu")
    assert found["task_package"] == str(HERE / "contract_tasks")
    assert found["returns"]["length"] < 6.0, "rsl_rl's random lengths do not reach the environment"


@pytest.mark.parametrize(
    ("task", "experiment"),
    [
        ("Template-Balance-Bot-v0", "balance_bot_manager_based"),
        ("Template-Balance-Bot-Direct-v0", "balance_bot_direct"),
    ],
)
def test_a_project_made_from_isaac_labs_template(world: World, log_root: Path, task: str, experiment: str) -> None:
    """By its package's folder: importing it imports the extension of the window too, and all of its tasks."""
    package = HERE / "template_project/source/balance_bot/balance_bot"
    args = "ARGS=agent.num_steps_per_env=8 env.episode_length_s=0.1"
    words = (f"TASK={task}", f"TASK_PACKAGE={package}", "NUM_ENVS=8", "DEVICE=cpu", "ITERATIONS=1", args)
    ok(world.make("train", *words, log_root=log_root), world)
    run = last_run(log_root)
    assert run.parent.name == experiment
    found = manifest(run)
    assert (found["status"], found["iterations"]["done"]) == ("finished", 1)
    assert found["returns"]["last"] is not None and (run / "model_0.pt").is_file()
    listed = world.make("tasks", "KEYWORD=balance", f"TASK_PACKAGE={package}")
    assert task in listed.stdout, listed.stderr


def test_several_agents_become_one(world: World, log_root: Path) -> None:
    words = ("TASK=Contract-Cartpole-Marl-v0", *SMALL, "ITERATIONS=2")
    args = "ARGS=agent.num_steps_per_env=8 env.episode_length_s=0.1"
    ok(world.make("train", *words, args, log_root=log_root), world)
    run = last_run(log_root)
    assert manifest(run)["returns"]["last"] is not None
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run))
    events.Reload()
    assert any(tag.startswith("cart/") for tag in events.Tags()["scalars"]), "the agents' logs are lost"


def test_which_rsl_rl_stands_in_for_1_0_2() -> None:
    assert next(rsl_rl_folder("1.0.2").glob("rsl_rl-1.0.2.dist-info"))
