"""make play: statistics, video, and every kind of run or checkpoint that cannot be played."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch
from real_make import ROOT, Make, clean_environment, read_video, wait_until
from warm import Warm

from runners.simulators.mujoco import find_renderer

SHORT = ("NUM_ENVS=2", "EPISODES=2", "ARGS=env.episode_length_s=1.0")


@pytest.fixture(scope="session")
def renderer() -> str:
    name = find_renderer()
    assert name, "no off-screen OpenGL: .ci/run installs it"
    return name


def files(run: Path) -> dict[str, bytes]:
    return {str(p.relative_to(run)): p.read_bytes() for p in run.rglob("*") if p.is_file()}


def test_without_a_display_it_makes_a_video_and_eight_frames(copy_of_trained: Path, make: Make, renderer: str) -> None:
    from PIL import Image

    before = files(copy_of_trained)
    done = make("play", "VIDEO_LENGTH=30", *SHORT, env={"DISPLAY": "", "WAYLAND_DISPLAY": ""})
    assert done.returncode == 0, done.stderr
    assert "play: 2 episodes: return " in done.stdout and "length 20.00 ± 0.00 steps" in done.stdout
    after = files(copy_of_trained)
    assert set(after) - set(before) == {"videos/play/model_2.mp4", "videos/play/model_2.png"}
    assert {name: after[name] for name in before} == before
    frames = read_video(copy_of_trained / "videos/play/model_2.mp4")
    assert frames.shape == (30, 480, 640, 3)
    assert (frames[0] != frames[-1]).any() and frames.std() > 10
    with Image.open(copy_of_trained / "videos/play/model_2.png") as sheet:
        assert sheet.size == (4 * 400, 2 * 300)


def test_ctrl_c_leaves_a_short_but_whole_video(copy_of_trained: Path, make: Make, renderer: str) -> None:
    child = subprocess.Popen(
        make.command("play", "VIDEO=1", "VIDEO_LENGTH=100000", *SHORT), cwd=ROOT, env=clean_environment(),
        start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    folder = copy_of_trained / "videos" / "play"
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith("step "):
            break
    time.sleep(1)
    os.killpg(child.pid, signal.SIGINT)
    child.communicate(timeout=20)
    assert child.returncode != 0
    assert [path.name for path in folder.iterdir()] == ["model_2.mp4"]
    assert len(read_video(folder / "model_2.mp4")) >= 1


def test_no_viewer_only_numbers(copy_of_trained: Path, warm: Warm) -> None:
    before = files(copy_of_trained)
    done = warm("play", "VIEWER=none", "SEED=3", *SHORT)
    assert done.returncode == 0, done.stderr
    assert "2 episodes: return" in done.stdout
    assert files(copy_of_trained) == before


def test_the_policy_is_the_trained_one(copy_of_trained: Path, warm: Warm) -> None:
    def played(number: int) -> str:
        done = warm("play", "VIEWER=none", f"CHECKPOINT={number}", *SHORT)
        assert done.returncode == 0, done.stderr
        return next(line for line in done.stdout.splitlines() if "episodes" in line and "return" in line)

    assert played(2) == played(2)
    data = torch.load(copy_of_trained / "model_0.pt", weights_only=True)
    for tensor in data["actor_state_dict"].values():
        tensor.add_(1.0)
    torch.save(data, copy_of_trained / "model_1.pt")
    assert played(1) != played(2)


def test_a_truncated_last_checkpoint_is_passed_over(copy_of_trained: Path, warm: Warm) -> None:
    last = copy_of_trained / "model_2.pt"
    last.write_bytes(last.read_bytes()[:1000])
    done = warm("play", "VIEWER=none", *SHORT)
    assert done.returncode == 0
    assert "'model_2.pt' is passed over" in done.stderr and "model_1.pt" in done.stdout


def test_a_checkpoint_of_another_network(copy_of_trained: Path, warm: Warm) -> None:
    data = torch.load(copy_of_trained / "model_2.pt", weights_only=True)
    data["actor_state_dict"]["mlp.0.weight"] = torch.zeros(64, 99)
    torch.save(data, copy_of_trained / "model_2.pt")
    done = warm("play", "VIEWER=none", *SHORT)
    assert done.returncode != 0
    assert "another robot or task: its actor takes 99 observations and gives 1 actions" in done.stderr


def test_pickled_code_is_never_run(copy_of_trained: Path, warm: Warm, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "it ran"),)

    torch.save({"actor_state_dict": Bomb(), "critic_state_dict": {}, "iter": 1}, copy_of_trained / "model_2.pt")
    done = warm("play", "VIEWER=none", *SHORT)
    assert done.returncode != 0 and "cannot load" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "it ran").exists()


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (("RUN=2020",), ["no run '2020'", "make runs"]),
        (("CHECKPOINT=99",), ["has no checkpoint '99'; it has 0, 1, 2"]),
        (("TASK=Mjlab-Cartpole-Swingup",), ["trains 'Mjlab-Cartpole-Balance', not 'Mjlab-Cartpole-Swingup'"]),
        (("VIEWER=native",), ["VIEWER 'native' needs a display"]),
        (("VIEWER=web", "VIDEO=1"), ["VIDEO=1 and VIEWER=web exclude each other"]),
    ],
)
def test_bad_input_is_one_line(copy_of_trained: Path, warm: Warm, variables: tuple[str, ...], words: list[str]) -> None:
    done = warm("play", *variables, env={"DISPLAY": "", "WAYLAND_DISPLAY": ""})
    assert done.returncode != 0
    for word in words:
        assert word in done.stderr.splitlines()[0]
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("text", ["", "- 1\n", "a word\n", "a: [\n"])
def test_a_configuration_that_is_none(copy_of_trained: Path, warm: Warm, text: str) -> None:
    file = copy_of_trained / "params" / "agent.yaml"
    file.write_text(text)
    done = warm("play", "VIEWER=none", *SHORT)
    assert done.returncode == 1 and done.stderr.startswith(f"play: cannot read '{file}': "), done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_ambiguous_run(copy_of_trained: Path, warm: Warm) -> None:
    shutil.copytree(copy_of_trained, copy_of_trained.with_name(copy_of_trained.name + "2"))
    done = warm("play", f"RUN={copy_of_trained.name[:10]}")
    assert done.returncode != 0 and "fits 2 runs" in done.stderr
    assert warm("play", f"RUN={copy_of_trained.name}", "VIEWER=none", *SHORT).returncode == 0


def test_no_runs_at_all(warm: Warm) -> None:
    done = warm("play")
    assert done.returncode != 0 and "there are no runs" in done.stderr and "make train" in done.stderr


def test_without_opengl_the_packages_are_named(copy_of_trained: Path, warm: Warm) -> None:
    hidden = {"MUJOCO_GL": "disable", "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    done = warm("play", "VIDEO=1", *SHORT, env=hidden)
    assert done.returncode != 0 and "libegl1" in done.stderr and "libosmesa6" in done.stderr
    done = warm("play", *SHORT, env=hidden)
    assert done.returncode == 0 and "libegl1" in done.stderr and "2 episodes: return" in done.stdout


def test_the_web_viewer_listens_on_localhost_only(copy_of_trained: Path, make: Make) -> None:
    import socket
    import urllib.request

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    child = subprocess.Popen(
        make.command("play", "VIEWER=web", f"PORT={port}", *SHORT), cwd=ROOT, env=clean_environment(),
        start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip

    def listening() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_until(lambda: listening() or child.poll() is not None)
        assert child.poll() is None
        assert b"<html" in urllib.request.urlopen(f"http://127.0.0.1:{port}").read().lower()
        bound = [
            line.split()[1]
            for line in Path("/proc/net/tcp").read_text().splitlines()
            if f":{port:04X} 00000000:0000 0A" in line
        ]
        assert bound == [f"0100007F:{port:04X}"]
    finally:
        os.killpg(child.pid, signal.SIGINT)
        child.communicate(timeout=20)
