"""Runs of other programs: mjlab's own, and folders with nothing but checkpoints."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest
from real_make import ROOT, SMALL, Make, clean_environment, manifest
from warm import Warm

from runners import console, plan

TASK = "TASK=Mjlab-Cartpole-Balance"
SHORT = ("NUM_ENVS=2", "EPISODES=2", "ARGS=env.episode_length_s=1.0")


@pytest.fixture(scope="module")
def of_mjlab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``python -m mjlab.scripts.train`` leaves."""
    folder = tmp_path_factory.mktemp("mjlab")
    words = (
        "--env.scene.num-envs", "8", "--agent.max-iterations", "2", "--agent.save-interval", "1", "--gpu-ids", "None",
        "--agent.num-steps-per-env", "8",
    )  # fmt: skip
    kernels = {"WARP_CACHE_PATH": str(ROOT / ".cache" / "warp"), "MUJOCO_GL": "disable", "WANDB_MODE": "offline"}
    command = [sys.executable, "-m", "mjlab.scripts.train", TASK.partition("=")[2], *words]
    done = subprocess.run(
        command, cwd=folder, env={**clean_environment(), **kernels}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [run] = folder.glob("logs/rsl_rl/cartpole/*")
    assert "!!python/tuple" in (run / "params" / "agent.yaml").read_text()
    return run


@pytest.fixture
def theirs(of_mjlab: Path, make: Make) -> Path:
    """A copy of it, somewhere below the root of all runs."""
    target = make.log_root / "from" / "mjlab" / of_mjlab.name
    shutil.copytree(of_mjlab, target)
    return target


def test_a_run_of_mjlab_is_listed_played_and_exported(theirs: Path, make: Make, warm: Warm) -> None:
    assert theirs.name in make("runs").stdout
    done = warm("play", "VIEWER=none", *SHORT)
    assert done.stderr == f"play: run '{theirs.name}' does not say its task; name it with TASK=\n"
    done = warm("play", TASK, f"RUN=from/mjlab/{theirs.name}/model_0.pt", "VIEWER=none", *SHORT)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert f"play: run {theirs.name}, model_0.pt, task Mjlab-Cartpole-Balance" in done.stdout
    done = warm("play", TASK, "RUN=latest/model_0.pt", "CHECKPOINT=1", "VIEWER=none")
    assert done.returncode == 2
    assert done.stderr == (
        f"play: RUN names 'model_0.pt' of run '{theirs.name}' and CHECKPOINT '1'; leave one of them out\n"
    )
    assert warm("export", TASK, f"RUN={theirs}/model_0.pt").returncode == 0
    assert (theirs / "exported" / "policy.onnx").is_file()


def test_a_run_of_mjlab_goes_on_without_a_warning(theirs: Path, make: Make, warm: Warm) -> None:
    """Its logger is Weights & Biases, for which there is no account here."""
    done = warm("train", TASK, "RESUME=1", "RUN=latest/model_0.pt", "MORE=1")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert "8 environments (as in run '" in done.stdout
    _, run = sorted(theirs.parent.iterdir())  # in the folder that the other one is in
    found = manifest(run)
    assert found["iterations"] == {"start": 1, "done": 2, "total": 2}
    assert found["parent"]["run"] == theirs.name
    assert "experiment_name: from/mjlab\n" in (run / "params" / "agent.yaml").read_text()


def test_the_configuration_of_a_run_of_mjlab_is_read_everywhere(theirs: Path, make: Make, warm: Warm) -> None:
    file = theirs / "params" / "agent.yaml"
    done = warm("train", TASK, "NUM_ENVS=8", "ITERATIONS=1", f"AGENT={file}")
    assert done.returncode == 0, done.stderr
    assert warm("convert", "TO=3.1.2", f"RUN={theirs}").returncode == 0
    assert (theirs / "converted" / "rsl_rl-3.1.2" / "agent.yaml").is_file()
    command = ["make", "--no-print-directory", "check-config", f"FILE={file}"]
    done = subprocess.run(command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "nothing filled in, dropped or changed" in done.stdout, done.stderr


@pytest.mark.parametrize("task", ["Mjlab-Cartpole-Swingup", "Mjlab-Velocity-Rough-Unitree-G1"])
def test_a_dump_of_mjlab_restores_all_and_warns_of_nothing(
    task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Enums, slices, functions and lambdas are data in it; what differs from the task is set."""
    from mjlab.tasks.registry import load_env_cfg, load_rl_cfg
    from mjlab.utils.os import dump_yaml

    dumped = SimpleNamespace(env=load_env_cfg(task), agent=load_rl_cfg(task))
    dumped.env.decimation += 1
    dumped.env.viewer.origin_type = type(dumped.env.viewer.origin_type).WORLD
    for kind, config in vars(dumped).items():
        dump_yaml(tmp_path / f"{kind}.yaml", asdict(config))
        fresh = {"env": load_env_cfg, "agent": load_rl_cfg}[kind](task)
        plan.restore(fresh, tmp_path / f"{kind}.yaml", kind, "theirs", console.Console("train"))
        assert capsys.readouterr().err == ""
        if kind == "env":
            assert fresh.decimation == dumped.env.decimation
            assert fresh.viewer.origin_type is dumped.env.viewer.origin_type


def test_a_folder_of_checkpoints_is_enough(make: Make, warm: Warm) -> None:
    """The network is that of the file, and stays so from run to run."""
    odd = (
        "agent.actor.hidden_dims=[32,16] agent.critic.hidden_dims=[24] agent.actor.obs_normalization=true "
        "agent.actor.distribution_cfg.std_type=log agent.experiment_name=''"
    )
    assert warm("train", TASK, "ITERATIONS=1", "NUM_ENVS=8", f"ARGS={SMALL[1][5:]} {odd}").returncode == 0
    [made] = make.log_root.glob("mjlab_cartpole_balance/*")  # an empty name is the task's
    bare = make.log_root / "from elsewhere"
    bare.mkdir()
    (made / "model_0.pt").rename(bare / "model_0.pt")
    shutil.rmtree(made.parent)
    assert make("runs").stdout.splitlines()[1].startswith("from elsewhere")
    done = warm("play", TASK, "VIEWER=none", *SHORT)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert warm("export", TASK).returncode == 0 and (bare / "exported" / "policy.onnx").is_file()
    assert warm("convert", "TO=4.0.0").returncode == 0
    done = warm("train", TASK, "RESUME=1", f"RUN={bare / 'model_0.pt'}", "MORE=1", "NUM_ENVS=8")
    assert done.returncode == 0, done.stderr
    assert [line.split(";")[0] for line in done.stderr.splitlines()] == [
        f"train: warning: run 'from elsewhere' has no params/{kind}.yaml" for kind in ("env", "agent")
    ]
    assert (
        "train: from model_0.pt, unlike the task: actor.hidden_dims=[32, 16], actor.obs_normalization=True, "
        "critic.hidden_dims=[24], noise=GaussianDistribution (log)"
    ) in done.stdout
    done = warm("train", "RESUME=1", "MORE=1")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    last = sorted(make.log_root.glob("cartpole/*"))[-1]
    assert manifest(last)["iterations"] == {"start": 2, "done": 3, "total": 3}
    assert "AGENT=" not in manifest(last)["command"]  # make train RESUME=1 does not take it
    assert warm("play", "VIEWER=none", *SHORT).returncode == 0


def test_an_experiment_cannot_leave_the_root(make: Make, warm: Warm, tmp_path: Path) -> None:
    for name in (f"{tmp_path}/outside", "../outside"):
        done = warm("train", TASK, "ITERATIONS=1", "NUM_ENVS=8", f"ARGS=agent.experiment_name={name}")
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith(f"train: agent.experiment_name '{name}' is not a folder below LOG_ROOT")
    assert not (tmp_path / "outside").exists() and not make.log_root.exists()
