"""make train: the run directory, its manifest, repeating and resuming a run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import torch
import yaml
from real_make import ROOT, SMALL, Make, clean_environment, manifest, read_video
from warm import Warm

from runners.curve import scalars

LOSS = "Loss/value"


def test_the_run_directory(trained: Path) -> None:
    names = {path.name for path in trained.iterdir()}
    assert {"run.json", "command.txt", "train.log", "learning_curve.png", "params"} <= names
    assert {"model_0.pt", "model_1.pt", "model_2.pt"} <= names
    assert any(name.startswith("events.out.tfevents.") for name in names)
    assert not [path for path in trained.rglob("*") if "partial" in path.name or path.suffix in (".pkl", ".pickle")]
    assert trained.parent.name == "cartpole" and trained.name.endswith("_base")


def test_the_manifest_says_what_repeats_the_run(trained: Path) -> None:
    data = manifest(trained)
    assert (data["status"], data["reason"], data["process"]) == ("finished", None, None)
    assert (data["task"], data["simulator"], data["seed"], data["device"]) == (
        "Mjlab-Cartpole-Balance",
        "mujoco",
        7,
        "cpu",
    )
    assert data["iterations"] == {"start": 0, "done": 3, "total": 3}
    assert data["num_envs"] == 8 and data["steps_per_iteration"] == 64
    assert data["overrides"] == ["agent.save_interval=1", "agent.num_steps_per_env=8", "env.episode_length_s=2.0"]
    for name in ("python", "mjlab", "mujoco", "warp-lang", "torch", "rsl-rl-lib"):
        assert data["versions"][name], name
    assert data["commit"].keys() == {"id", "changed"} and data["hardware"]["cores"] >= 1


def test_the_configurations_are_plain_yaml(trained: Path) -> None:
    env = yaml.safe_load((trained / "params" / "env.yaml").read_text())
    agent = yaml.safe_load((trained / "params" / "agent.yaml").read_text())
    assert env["scene"]["num_envs"] == 8 and env["seed"] == agent["seed"] == 7
    assert agent["num_steps_per_env"] == 8 and agent["algorithm"]["class_name"] == "PPO"


def test_checkpoints_load_without_pickle_and_know_their_iteration(trained: Path) -> None:
    data = torch.load(trained / "model_2.pt", weights_only=True)
    assert data["iter"] == 2 and data["infos"]["env_state"]["common_step_counter"] == 24


def test_rewards_by_term_reach_tensorboard(trained: Path) -> None:
    # 40-step episodes end within 24 steps only if random initial lengths reach the environment
    assert scalars(trained, "Episode_Reward/smooth_reward")
    assert scalars(trained, "Train/mean_reward")


def test_the_command_repeats_the_run(trained: Path, make: Make) -> None:
    line = (trained / "command.txt").read_text().splitlines()[-1]
    assert f"LOG_ROOT={trained.parent.parent} " in line
    line = line.replace(f"LOG_ROOT={trained.parent.parent}", f"'LOG_ROOT={make.log_root}'")
    subprocess.run(["bash", "-c", line], cwd=ROOT, env=clean_environment(), check=True)
    assert len(make.runs()) == 1
    assert scalars(make.last(), LOSS) == scalars(trained, LOSS)


def test_the_last_words_are_the_next_commands(make: Make, warm: Warm) -> None:
    done = warm("train", "ITERATIONS=1", "SEED=random", "SIM=mujoco", *SMALL)
    assert done.returncode == 0, done.stderr
    run = make.last()
    assert f"make play RUN={run.name} LOG_ROOT='{make.log_root}'" in done.stdout
    assert f"make train RESUME=1 RUN={run.name} MORE=1" in done.stdout
    assert f"run: {run}" in done.stdout.splitlines()
    seed = manifest(run)["seed"]
    assert f"SEED={seed}" in (run / "command.txt").read_text()


def test_resume_goes_on_in_a_new_run(copy_of_trained: Path, make: Make, warm: Warm) -> None:
    before = {path: path.read_bytes() for path in copy_of_trained.rglob("*") if path.is_file()}
    done = warm("train", "RESUME=1", f"RUN={copy_of_trained.name}", "MORE=2")
    assert done.returncode == 0, done.stderr
    run = make.last()
    data = manifest(run)
    assert data["parent"] == {"run": copy_of_trained.name, "checkpoint": "model_2.pt", "iteration": 3}
    assert data["iterations"] == {"start": 3, "done": 5, "total": 5}
    assert (data["seed"], data["num_envs"], data["steps_per_iteration"]) == (7, 8, 64)
    assert data["overrides"] == manifest(copy_of_trained)["overrides"]
    assert [step for step, _ in scalars(run, LOSS)] == [3, 4]
    assert (run / "model_4.pt").is_file() and (run / "learning_curve.png").is_file()
    assert "warning" not in done.stderr
    assert {path: path.read_bytes() for path in copy_of_trained.rglob("*") if path.is_file()} == before


def test_resume_takes_the_optimizer_and_the_steps_of_the_curriculum(
    copy_of_trained: Path, make: Make, warm: Warm
) -> None:
    done = warm("train", "RESUME=1", "MORE=1", "ARGS=agent.algorithm.num_learning_epochs=1")
    assert done.returncode == 0, done.stderr
    old, new = (torch.load(p, weights_only=True) for p in (copy_of_trained / "model_2.pt", make.last() / "model_3.pt"))
    steps = [state["optimizer_state_dict"]["state"][0]["step"] for state in (old, new)]
    assert steps[1] - steps[0] == 4  # one epoch of four mini-batches
    assert new["infos"]["env_state"]["common_step_counter"] == old["infos"]["env_state"]["common_step_counter"] + 8


def test_the_curve_goes_on_where_it_was(make: Make, warm: Warm) -> None:
    long = "ARGS=agent.save_interval=1 agent.num_steps_per_env=8 env.episode_length_s=2.0"
    assert warm("train", "ITERATIONS=14", "NUM_ENVS=8", long).returncode == 0
    parent = make.last()
    assert warm("train", "RESUME=1", "MORE=2").returncode == 0
    before, after = (scalars(run, "Train/mean_reward") for run in (parent, make.last()))
    assert after[0][0] == before[-1][0] + 1
    # the first episodes to end are cut ones, worth a fraction of the 40 steps that the others have
    assert after[0][1] == pytest.approx(before[-1][1], rel=0.05)
    lengths = [value for _, value in scalars(make.last(), "Train/mean_episode_length")]
    assert min(lengths) >= scalars(parent, "Train/mean_episode_length")[-1][1] - 1


def test_resume_to_a_total(copy_of_trained: Path, make: Make, warm: Warm) -> None:
    done = warm("train", "RESUME=1", "ITERATIONS=4", "CHECKPOINT=1")
    assert done.returncode == 0, done.stderr
    assert manifest(make.last())["iterations"] == {"start": 2, "done": 4, "total": 4}


@pytest.mark.parametrize("variables", [("ITERATIONS=3",), ("ITERATIONS=2",), ()])
def test_a_total_that_is_reached_is_refused(
    copy_of_trained: Path, make: Make, warm: Warm, variables: tuple[str, ...]
) -> None:
    done = warm("train", "RESUME=1", *variables)
    assert done.returncode == 2 and "has done 3 iterations" in done.stderr and "MORE=50" in done.stderr
    assert make.runs() == [copy_of_trained]


def test_video_while_training(make: Make, warm: Warm) -> None:
    done = make(
        "train",
        "ITERATIONS=3",
        "NUM_ENVS=2",
        "VIDEO=1",
        "VIDEO_LENGTH=6",
        "VIDEO_INTERVAL=16",
        "ARGS=agent.num_steps_per_env=8",
    )
    assert done.returncode == 0, done.stderr
    videos = make.last() / "videos" / "train"
    assert sorted(path.name for path in videos.iterdir()) == ["step-0.mp4", "step-16.mp4"]
    for path in videos.iterdir():
        frames = read_video(path)
        assert frames.shape == (6, 480, 640, 3) and frames.std() > 10
    done = warm("train", "RESUME=1", "MORE=1")
    assert done.returncode == 0 and done.stderr == ""
    assert not (make.last() / "videos").exists()


def test_wandb_without_an_account(make: Make, warm: Warm) -> None:
    done = warm("train", "LOGGER=wandb", "ITERATIONS=1", *SMALL, env={"WANDB_API_KEY": "", "NETRC": "/nonexistent"})
    assert done.returncode != 0 and "LOGGER 'wandb' has no account" in done.stderr
    assert make.runs() == []


def test_wandb_offline_writes_into_the_run_and_not_into_the_home_folder(make: Make, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    done = make("train", "LOGGER=wandb", "ITERATIONS=1", *SMALL, env={"WANDB_MODE": "offline", "HOME": str(home)})
    assert done.returncode == 0, done.stderr
    assert list((make.last() / "wandb").glob("offline-run-*"))
    assert list(home.iterdir()) == []


def test_wandb_of_a_release_that_does_not_know_it(make: Make, warm: Warm, tmp_path: Path) -> None:
    """1.0.2 writes TensorBoard only; wandb reads along."""
    variables = {"WANDB_MODE": "offline", "HOME": str(tmp_path)}
    double = str(ROOT / "tests/doubles/rsl_rl_1_0_2")
    done = warm("train", "LOGGER=wandb", "ITERATIONS=1", "NUM_ENVS=8", env=variables, path=[double])
    assert done.returncode == 0, done.stderr
    (stored,) = make.last().glob("wandb/offline-run-*/*.wandb")
    assert manifest(make.last())["versions"]["rsl_rl"] == "1.0.2"
    assert b"Perf/total_fps" in stored.read_bytes()


def test_the_code_state_is_recorded(trained: Path) -> None:
    (diff,) = (trained / "git").iterdir()
    assert diff.name == f"{ROOT.name}.diff"
    changed = subprocess.run(["git", "diff", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert diff.read_text().startswith("--- git status ---") and changed.strip() in diff.read_text()


def test_runs_lists_it(copy_of_trained: Path, make: Make) -> None:
    done = make("runs")
    assert done.returncode == 0
    (line,) = done.stdout.splitlines()[1:]
    assert line.startswith(copy_of_trained.name) and "3/3" in line and "finished" in line


def test_progress_has_a_last_line(make: Make, warm: Warm) -> None:
    done = warm("train", "ITERATIONS=2", *SMALL)
    lines = [line for line in done.stdout.splitlines() if line.startswith("iteration ")]
    assert lines[-1].startswith("iteration 2/2 · ") and "steps/s" in lines[-1]
    assert "Learning iteration" not in done.stdout
    assert "Learning iteration" in (make.last() / "train.log").read_text()


def test_verbose_shows_rsl_rls_own_block(make: Make, warm: Warm) -> None:
    done = warm("train", "ITERATIONS=1", "VERBOSE=1", *SMALL)
    assert done.returncode == 0 and "Learning iteration" in done.stdout
    assert json.loads((make.last() / "run.json").read_text())["status"] == "finished"
