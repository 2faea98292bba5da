"""make convert and make check-config, and checkpoints that are of something else."""

from __future__ import annotations

from pathlib import Path

import torch
import yaml
from real_make import ROOT, Make, manifest
from warm import Warm

SHORT = ("NUM_ENVS=2", "EPISODES=2", "ARGS=env.episode_length_s=1.0")


def test_convert_writes_beside_the_run_and_nowhere_else(copy_of_trained: Path, make: Make) -> None:
    before = {path: path.read_bytes() for path in copy_of_trained.rglob("*") if path.is_file()}
    done = make("convert", "TO=1.0.2")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    folder = copy_of_trained / "converted" / "rsl_rl-1.0.2"
    assert done.stdout.splitlines() == [
        f"convert: model_2.pt of run {copy_of_trained.name}, from rsl_rl 5.4.2 to rsl_rl 1.0.2",
        f"convert: checkpoint: {folder / 'model_2.pt'}",
        f"convert: configuration: {folder / 'agent.yaml'}",
    ]
    data = torch.load(folder / "model_2.pt", weights_only=True)
    assert set(data) == {"model_state_dict", "optimizer_state_dict", "iter", "infos"} and data["iter"] == 2
    original = torch.load(copy_of_trained / "model_2.pt", weights_only=True)
    assert torch.equal(data["model_state_dict"]["actor.0.weight"], original["actor_state_dict"]["mlp.0.weight"])
    assert torch.equal(data["model_state_dict"]["std"], original["actor_state_dict"]["distribution.std_param"])
    assert set(yaml.safe_load((folder / "agent.yaml").read_text())) == {"runner", "algorithm", "policy"}
    after = {path: path.read_bytes() for path in copy_of_trained.rglob("*") if path.is_file()}
    assert {path: text for path, text in after.items() if path.parent != folder} == before


def test_a_normaliser_becomes_part_of_the_first_layer(make: Make, warm: Warm) -> None:
    normalised = "agent.actor.obs_normalization=true agent.critic.obs_normalization=true"
    assert warm("train", "ITERATIONS=1", "NUM_ENVS=8", f"ARGS={normalised}").returncode == 0
    done = warm("convert", "TO=1.0.2")
    notes = [line for line in done.stdout.splitlines() if "note" in line]
    assert [note.split(":")[2] for note in notes] == [" actor", " critic"] and "first layer" in notes[0]
    assert "normali" not in (make.last() / "converted" / "rsl_rl-1.0.2" / "agent.yaml").read_text()


def test_convert_says_what_it_wants(copy_of_trained: Path, warm: Warm) -> None:
    for variables, words in [
        ((), "convert: TO is missing; give the release to convert to, for instance TO=5.5.1"),
        (("TO=newest",), "convert: TO 'newest' is not valid; it is a release's number, for instance 5.4.2"),
        (("TO=3.4.0",), "convert: there is no rsl_rl '3.4.0'; there are 1.0.2, 2.0.0,"),
        (("TO=3.3.0", "CHECKPOINT=9"), f"convert: run '{copy_of_trained.name}' has no checkpoint '9'; it has 0, 1, 2"),
    ]:
        done = warm("convert", *variables)
        assert done.returncode != 0 and done.stderr.startswith(words), done.stderr
    assert not (copy_of_trained / "converted").exists()


def test_a_checkpoint_of_another_robot(copy_of_trained: Path, make: Make, warm: Warm) -> None:
    path = copy_of_trained / "model_2.pt"
    data = torch.load(path, weights_only=True)
    data["actor_state_dict"]["mlp.0.weight"] = torch.zeros(64, 48)
    data["actor_state_dict"]["mlp.4.weight"] = torch.zeros(12, 64)
    data["actor_state_dict"]["mlp.4.bias"] = torch.zeros(12)
    torch.save(data, path)
    done = warm("play", "VIEWER=none")
    [line] = done.stderr.splitlines()
    assert line == (
        f"play: checkpoint '{path}' is of another robot or task: its actor takes 48 observations and gives 12 actions, "
        "and 'Mjlab-Cartpole-Balance' has 5 and 1; name its own with TASK="
    )
    done = warm("train", "RESUME=1", "MORE=1")
    assert "is of another network or task: 'mlp.0.weight' is 64x48 in the file and 64x5 in the task" in done.stderr
    assert manifest(make.last())["status"] == "failed"


def test_a_checkpoint_of_an_old_release_plays_and_goes_on(copy_of_trained: Path, make: Make, warm: Warm) -> None:
    assert warm("convert", "TO=2.0.0").returncode == 0
    converted = copy_of_trained / "converted" / "rsl_rl-2.0.0" / "model_2.pt"
    played = warm("play", "VIEWER=none", *SHORT).stdout.splitlines()[-1]
    converted.replace(copy_of_trained / "model_2.pt")
    assert warm("play", "VIEWER=none", *SHORT).stdout.splitlines()[-1] == played
    done = warm("train", "RESUME=1", "MORE=1")
    assert done.returncode == 0 and "warning" not in done.stderr, done.stderr
    assert manifest(make.last())["iterations"] == {"start": 3, "done": 4, "total": 4}


def check(make: Make, *variables: str) -> tuple[list[str], list[str]]:
    # LOG_ROOT, which Make adds, is not for this verb
    import subprocess

    from real_make import clean_environment

    command = ["make", "--no-print-directory", "check-config", *variables]
    done = subprocess.run(command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False)
    return done.stdout.splitlines(), [line for line in done.stderr.splitlines() if not line.startswith("make: ")]


def test_check_config_of_a_task(make: Make) -> None:
    out, err = check(make, "TASK=Mjlab-Cartpole-Balance", "ARGS=agent.algorithm.gamma=0.5", "RSL_RL=3.1.2")
    assert err == [] and out[:3] == [
        "check-config: read: the agent configuration of 'Mjlab-Cartpole-Balance': actor and critic with "
        "distribution_cfg, as rsl_rl 5.x and mjlab have it",
        "check-config: written for rsl_rl 3.1.2: flat with policy and obs_groups, as rsl_rl 3.x and Isaac Lab have it",
        "check-config: nothing filled in, dropped or changed",
    ]
    cfg = yaml.safe_load("\n".join(out[3:]))
    assert cfg["algorithm"]["gamma"] == 0.5 and cfg["obs_groups"] == {"policy": ["actor"], "critic": ["critic"]}


def test_check_config_of_a_file(make: Make, tmp_path: Path) -> None:
    file = tmp_path / "agent of mine.yaml"
    file.write_text("runner: {num_steps_per_env: 24}\npolicy: {init_noise_std: 1}\nalgorithm: {gama: 1}\n")
    assert check(make, f"FILE={file}") == (
        [],
        [f"check-config: '{file}': unknown key 'algorithm.gama' (did you mean 'gamma'?)"],
    )
    file.write_text("runner: {num_steps_per_env: 24}\npolicy: {init_noise_std: 1}\nalgorithm: {gamma: 1}\n")
    out, err = check(make, f"FILE={file}")
    assert err == [] and "check-config: filled in algorithm.schedule=fixed: the default of rsl_rl up to 2.3.3" in out
    assert check(make)[1] == ["check-config: give one of TASK=<task id> and FILE=<agent.yaml>"]
    assert check(make, "FILE=/nowhere.yaml")[1] == [
        "check-config: cannot read '/nowhere.yaml': No such file or directory"
    ]
