"""Endings: signals, kills and failures leave a true status and a run that can go on."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from real_make import ROOT, SMALL, Make, clean_environment, manifest, wait_until
from warm import Warm

from runners.run_dir import RunDir

LONG = ("ITERATIONS=100000", *SMALL)


def start(make: Make, *variables: str) -> subprocess.Popen[str]:
    """Train in a process group of its own, as a terminal would start it."""
    return subprocess.Popen(
        make.command("train", *variables), cwd=ROOT, env=clean_environment(), start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_for_iteration(make: Make, number: int) -> int:
    """Wait until a checkpoint of that iteration is there; return the trainer's process number."""
    wait_until(lambda: bool(make.runs()) and (make.last() / f"model_{number}.pt").is_file())
    return int(manifest(make.last())["process"]["pid"])


@pytest.mark.parametrize(
    ("signum", "status", "reason"), [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")]
)
def test_a_signal_saves_and_tells(make: Make, warm: Warm, signum: int, status: int, reason: str) -> None:
    child = warm.start("train", *LONG)
    assert wait_for_iteration(make, 1) == child.pid
    os.kill(child.pid, signum)
    ended = child.wait(10)
    assert ended.returncode == status
    data = manifest(make.last())
    assert (data["status"], data["reason"], data["process"]) == ("interrupted", reason, None)
    done = data["iterations"]["done"]
    assert RunDir(make.last()).last_checkpoint()[0].iteration == done - 1
    assert f"saved model_{done - 1}.pt after {done} iterations" in ended.stdout
    assert f"make train RESUME=1 RUN={make.last().name}" in ended.stdout
    assert ended.stderr == f"train: stopped by {reason}\n"


def test_ctrl_c_in_a_terminal_reaches_the_trainer_through_make(make: Make) -> None:
    """While it films too, which ends as without."""
    child = start(make, "ITERATIONS=100000", "NUM_ENVS=2", "VIDEO=1", "VIDEO_LENGTH=100000", SMALL[1])
    wait_for_iteration(make, 1)
    os.killpg(child.pid, signal.SIGINT)
    _, errors = child.communicate(timeout=20)
    assert child.returncode != 0
    assert "train: stopped by Ctrl-C" in errors and "failed" not in errors
    assert manifest(make.last())["status"] == "interrupted"
    assert [path.name for path in (make.last() / "videos" / "train").iterdir()] == ["step-0.mp4"]


def test_terminating_make_stops_the_trainer(make: Make) -> None:
    child = start(make, *LONG)
    wait_for_iteration(make, 1)
    child.terminate()
    child.communicate(timeout=10)
    wait_until(lambda: manifest(make.last())["status"] != "running", 10)
    assert child.returncode != 0 and manifest(make.last())["reason"] == "SIGTERM"


def test_a_signal_before_the_first_iteration(make: Make, warm: Warm) -> None:
    child = warm.start("train", *LONG)
    wait_until(lambda: bool(make.runs()))
    os.kill(child.pid, signal.SIGTERM)
    assert child.wait(60).returncode == 143 and manifest(make.last())["status"] == "interrupted"


def test_kill_9_loses_one_save_interval_at_most(make: Make, warm: Warm) -> None:
    child = warm.start("train", *LONG)
    wait_for_iteration(make, 3)
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait(10).returncode == -signal.SIGKILL
    killed = make.last()
    assert manifest(killed)["status"] == "running" and RunDir(killed).status() == "dead"
    assert "dead" in make("runs").stdout
    last = RunDir(killed).last_checkpoint()[0].iteration
    assert last >= 3
    done = warm("train", "RESUME=1", f"RUN={killed.name}", "MORE=1")
    assert done.returncode == 0, done.stderr
    assert manifest(make.last())["iterations"] == {"start": last + 1, "done": last + 2, "total": last + 2}


def test_a_failure_in_the_learner(make: Make, warm: Warm) -> None:
    done = warm("train", "ITERATIONS=1", "NUM_ENVS=8", "ARGS=agent.algorithm.learning_rate=-1")
    assert done.returncode != 0
    data = manifest(make.last())
    assert data["status"] == "failed" and "learning rate: -1" in data["reason"]
    line = done.stderr.splitlines()[0]
    assert line.startswith("train: failed: ") and "full log:" in line and "learning rate: -1" in line
    assert "Traceback" not in done.stdout + done.stderr
    assert "Traceback" in (make.last() / "train.log").read_text()


def test_nan_is_a_failure(make: Make, warm: Warm) -> None:
    done = warm(
        "train", "ITERATIONS=5", "NUM_ENVS=8", "ARGS=agent.algorithm.learning_rate=1e38 agent.algorithm.schedule=fixed"
    )
    assert done.returncode != 0
    assert manifest(make.last())["status"] == "failed"
    assert "nan" in done.stderr.lower()


def test_more_environments_than_memory(make: Make, warm: Warm) -> None:
    done = warm("train", "NUM_ENVS=4000000", "ITERATIONS=1", memory=3 << 30)
    assert done.returncode == 1
    assert "NUM_ENVS '4000000' does not fit into memory; try half: NUM_ENVS=2000000" in done.stderr
    assert "Traceback" not in done.stderr and manifest(make.last())["status"] == "failed"


def test_playing_more_environments_than_memory(copy_of_trained: Path, warm: Warm) -> None:
    done = warm("play", "NUM_ENVS=4000000", "VIEWER=none", memory=3 << 30)
    assert done.returncode == 1 and "play: NUM_ENVS '4000000' does not fit into memory" in done.stderr


def test_a_file_where_the_logs_should_go(make: Make, warm: Warm) -> None:
    make.log_root.write_text("")
    done = warm("train", "ITERATIONS=1", "NUM_ENVS=8")
    assert done.returncode != 0 and "LOG_ROOT=" in done.stderr and "Traceback" not in done.stderr
    assert make.log_root.read_text() == ""


def test_a_read_only_folder_for_the_logs(make: Make, warm: Warm) -> None:
    make.log_root.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(make.log_root)], check=False).returncode:
        pytest.skip("cannot mount a read-only folder here")
    try:
        done = warm("train", "ITERATIONS=1", "NUM_ENVS=8")
    finally:
        subprocess.run(["umount", str(make.log_root)], check=True)
    assert done.returncode != 0 and "cannot write to" in done.stderr and "Read-only file system" in done.stderr


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (
            ("TASK=Mjlab-Cartpole-Balanse",),
            ["unknown TASK 'Mjlab-Cartpole-Balanse'", "'Mjlab-Cartpole-Balance'", "make tasks"],
        ),
        (("ARGS=env.scene.num_env=8",), ["'env.scene' has no field 'num_env'", "'num_envs'"]),
        (("ARGS=agent.seed=many",), ["'many' is not a whole number"]),
        (("NUM_ENVS=8", "ARGS=env.scene.num_envs=4"), ["NUM_ENVS and ARGS", "give one of them"]),
        (("TASK=Mjlab-Tracking-Flat-Unitree-G1",), ["tracks a motion", "motion_file="]),
        (("RESUME=1",), ["there are no runs", "make train"]),
        (("ARGS=env.scene.num_envs=0",), ["'env.scene.num_envs=0'", "above 0"]),
        (("ARGS=agent.save_interval=0",), ["'agent.save_interval=0'", "above 0"]),
        (("ARGS=env.sim.mujoco.timestep=0",), ["env.sim.mujoco.timestep=0.0", "above 0"]),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    make: Make, warm: Warm, variables: tuple[str, ...], words: list[str]
) -> None:
    done = warm("train", *variables)
    assert done.returncode != 0
    line = done.stderr.splitlines()[0]
    for word in words:
        assert word in line
    assert "Traceback" not in done.stderr + done.stdout
    assert not make.log_root.exists()


def test_a_gpu_that_is_not_there(warm: Warm) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    done = warm("train", "DEVICE=cuda")
    assert done.returncode != 0 and "DEVICE 'cuda' cannot be used" in done.stderr


def test_resume_of_another_task(copy_of_trained: Path, warm: Warm) -> None:
    done = warm("train", "RESUME=1", "TASK=Mjlab-Cartpole-Swingup")
    assert done.returncode != 0
    assert "trains 'Mjlab-Cartpole-Balance', not 'Mjlab-Cartpole-Swingup'" in done.stderr
