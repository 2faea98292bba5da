"""Several GPUs: what is refused before any process starts, and how processes agree to stop."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from runners import options, ranks
from runners.errors import UsageError, UserError
from runners.interrupts import Interrupted, Interrupts
from runners.learners.rsl_rl import release
from runners.run_dir import RunDir


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORLD_SIZE", "RANK", ranks.FAILED, ranks.RUN, ranks.FLAGS):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(("text", "numbers"), [("2", (0, 1)), ("1", (0,)), ("0,2", (0, 2)), ("3,1", (3, 1))])
def test_gpus_are_counted_or_listed(text: str, numbers: tuple[int, ...]) -> None:
    assert options.parse("train", [f"--gpus={text}"]).gpus == numbers


@pytest.mark.parametrize("text", ["0", "two", "1,1", "0,", "-1", "2.5"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=f"GPUS '{text}' is not valid; it is how many GPUs, for instance 2, or which"):
        options.parse("train", [f"--gpus={text}"])


def test_one_gpu_and_a_rank_start_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ranks.wanted(["--gpus=1"]) is None and ranks.wanted([]) is None and ranks.wanted(["--gpus=no"]) is None
    assert ranks.wanted(["--gpus=2"]).gpus == (0, 1)
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert ranks.wanted(["--gpus=2"]) is None


def test_a_release_that_knows_one_gpu(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(release, "installed", lambda: release.Release("1.0.2", "rsl_rl"))
    monkeypatch.setattr(ranks, "run_processes", lambda *a: pytest.fail("started"))
    assert ranks.main(["--gpus=2"], options.parse("train", ["--gpus=2"])) == 1
    assert capsys.readouterr().err == (
        "train: GPUS wants 2 GPUs and rsl_rl 1.0.2 uses one; leave GPUS out, or install a release from 2.3.0 on: "
        "make setup RSL_RL=3.1.2\n"
    )


def test_a_gpu_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "installed", lambda: release.Release("3.1.2"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-of-nobody,GPU-of-none")
    with pytest.raises(UserError, match="GPU 'GPU-of-nobody,GPU-of-none' cannot be asked for its memory"):
        ranks.start([], options.parse("train", ["--gpus=2"]))


def test_ctrl_c_before_there_is_a_process(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*words: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ranks, "start", interrupted)
    assert ranks.main([], options.parse("train", ["--gpus=2"])) == 130
    assert capsys.readouterr().err == "train: stopped by Ctrl-C\n"


def test_a_gpu_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "installed", lambda: release.Release("3.1.2"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,GPU-5")
    with pytest.raises(UserError, match="GPUS names GPU 2 and there are 2 here, counted from 0"):
        ranks.start([], options.parse("train", ["--gpus=0,2"]))


@pytest.mark.parametrize(
    ("rank_0", "rank_1", "status"), [("0", None, 0), ("130", None, 130), ("143", "out of memory", 1), (None, None, 1)]
)
def test_the_status_is_that_of_rank_0_unless_another_failed(
    rank_0: str | None, rank_1: str | None, status: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A run whose first process was killed, as it waited for the gradients of one that was gone, has failed."""
    monkeypatch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
    run = RunDir.create(tmp_path, "exp", None)
    run.write_manifest({"status": "running"})
    started: list[list[str]] = []

    def processes(number: int) -> None:
        started.append([str(number), os.environ["CUDA_VISIBLE_DEVICES"], *ranks.flags()])
        ranks.report_run(run)
        if rank_0:
            Path(os.environ["RUNNER_STATUS"]).write_text(rank_0)
        if rank_1:
            monkeypatch.setenv("RANK", "1")
            ranks.report_failure(rank_1)

    monkeypatch.setattr(release, "installed", lambda: release.Release("3.1.2"))
    monkeypatch.setattr(ranks, "run_processes", processes)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6")
    monkeypatch.setenv("RUNNER_STATUS", "launch.sh's")
    capsys = request.getfixturevalue("capsys")
    argv = ["--gpus=0,2", "--num-envs=8"]
    assert ranks.main(argv, options.parse("train", argv)) == status
    said = "train: one of 2 processes was killed; its last words, if any, are above\n"
    assert capsys.readouterr().err == ("" if rank_0 or rank_1 else said)
    assert started == [["2", "4,6", *argv]]
    assert (os.environ["RUNNER_STATUS"], os.environ["CUDA_VISIBLE_DEVICES"]) == ("launch.sh's", "4,5,6")
    manifest = json.loads((run.path / "run.json").read_text())
    assert manifest["status"] == "failed"
    assert manifest["reason"] == ("GPU 1: out of memory" if rank_1 else "one of the processes was killed")


@pytest.mark.parametrize(
    ("visible", "device", "numbers"),
    [
        ("4,6", "cuda", [4, 6]),
        ("4,6", "cuda:1", [6, 6]),
        ("4", "cuda:1", [None, None]),
        ("GPU-aa,GPU-bb", "cuda:0", [7, 9]),
        ("GPU-b,GPU-c", "cuda:0", [None, None]),
        ("", "cuda:1", [None, None]),
    ],
)
def test_graphics_count_all_gpus_of_the_machine(
    visible: str, device: str, numbers: list[int | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GPU-b begins two names."""
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\nprintf '7, GPU-aa11\\n9, GPU-bb11\\n10, GPU-bc11\\n'\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    assert ranks.graphics_gpu(device) is None
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    alone = ranks.graphics_gpu(device)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    assert [alone, ranks.graphics_gpu(device)] == numbers


def test_all_stop_at_the_same_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal that only another process has received counts, at the first step of an iteration."""
    import torch

    elsewhere = 0

    def all_reduce(tensor: torch.Tensor, op: object) -> None:
        tensor.clamp_(min=elsewhere)

    fake = SimpleNamespace(is_initialized=lambda: True, all_reduce=all_reduce, ReduceOp=SimpleNamespace(MAX="max"))
    monkeypatch.setattr(torch, "distributed", fake)
    before_step = ranks.agree_to_stop(Interrupts(), steps=3, device="cpu")
    before_step()
    elsewhere = 15
    before_step()
    before_step()
    with pytest.raises(Interrupted) as caught:
        before_step()
    assert caught.value.signum == 15
