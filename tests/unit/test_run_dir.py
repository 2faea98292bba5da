"""Run directories: names, finding, statuses, checkpoints, files that are whole or absent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from runners import run_dir
from runners.errors import UserError
from runners.run_dir import RunDir

ROOT = Path(__file__).resolve().parents[2]


def make_run(
    root: Path, name: str, experiment: str = "exp", checkpoints: tuple[int, ...] = (0,), **manifest: object
) -> RunDir:
    path = root / experiment / name
    (path / "params").mkdir(parents=True)
    run = RunDir(path)
    run.write_manifest({"task": "T", "status": "finished", **manifest})
    for number in checkpoints:
        with zipfile.ZipFile(path / f"model_{number}.pt", "w") as archive:
            archive.writestr("model/data.pkl", b"x" * 100)
            archive.writestr("model/data/0", os.urandom(5000))
    return run


def test_created_runs_have_isaac_labs_names(tmp_path: Path) -> None:
    first = RunDir.create(tmp_path, "exp", None)
    second = RunDir.create(tmp_path, "exp", "v1")
    third = RunDir.create(tmp_path, "exp", None)
    assert len({first.name, second.name, third.name}) == 3
    assert second.name.endswith("_v1") and first.path.parent == tmp_path / "exp"


def test_a_file_in_the_way_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("")
    with pytest.raises(UserError, match="LOG_ROOT="):
        RunDir.create(tmp_path / "logs", "exp", None)


def test_exact_name_wins_over_prefix(tmp_path: Path) -> None:
    exact = make_run(tmp_path, "2026-02-10_15-54-39")
    make_run(tmp_path, "2026-02-10_15-54-39_b")
    assert run_dir.find(tmp_path, "2026-02-10_15-54-39").path == exact.path


def test_unique_prefix_path_label_and_latest(tmp_path: Path) -> None:
    first = make_run(tmp_path, "2026-02-10_15-54-39")
    last = make_run(tmp_path, "2026-03-10_15-54-39", experiment="other")
    assert run_dir.find(tmp_path, "2026-02").path == first.path
    assert run_dir.find(tmp_path, str(first.path)).path == first.path
    assert run_dir.find(tmp_path, "exp/2026-02-10_15-54-39").path == first.path
    assert run_dir.find(tmp_path, "latest").path == last.path


def test_latest_is_the_latest_that_can_be_played(tmp_path: Path) -> None:
    first = make_run(tmp_path, "2026-02-10_15-54-39")
    make_run(tmp_path, "2026-03-10_15-54-39", checkpoints=())
    assert run_dir.find(tmp_path, "latest").path == first.path


def test_ambiguous_prefix_names_the_candidates(tmp_path: Path) -> None:
    make_run(tmp_path, "2026-02-10_15-54-39_a")
    make_run(tmp_path, "2026-02-10_15-54-39_b")
    with pytest.raises(UserError, match=r"fits 2 runs: exp/2026-02-10_15-54-39_a, exp/2026-02-10_15-54-39_b"):
        run_dir.find(tmp_path, "2026-02-10")


def test_the_same_name_in_two_experiments_is_ambiguous(tmp_path: Path) -> None:
    make_run(tmp_path, "2026-02-10_15-54-39")
    make_run(tmp_path, "2026-02-10_15-54-39", experiment="other")
    with pytest.raises(UserError, match="fits 2 runs"):
        run_dir.find(tmp_path, "2026-02-10_15-54-39")


def test_unknown_run_and_no_runs(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there are no runs"):
        run_dir.find(tmp_path, "latest")
    with pytest.raises(UserError, match=r"RUN '.*' is a folder without a run, and there are no runs in"):
        run_dir.find(tmp_path, str(tmp_path))
    make_run(tmp_path, "2026-02-10_15-54-39")
    with pytest.raises(UserError, match=r"no run '2025'.*latest are 2026-02-10_15-54-39"):
        run_dir.find(tmp_path, "2025")


def test_a_truncated_checkpoint_is_passed_over_and_named(tmp_path: Path) -> None:
    run = make_run(tmp_path, "r", checkpoints=(0, 50, 100))
    file = run.path / "model_100.pt"
    file.write_bytes(file.read_bytes()[:-40])
    checkpoint, remarks = run.last_checkpoint()
    assert checkpoint.iteration == 50
    assert len(remarks) == 1 and "'model_100.pt' is passed over" in remarks[0]
    with pytest.raises(UserError, match="leave CHECKPOINT out"):
        run.checkpoint("100")


def test_a_flipped_byte_is_found(tmp_path: Path) -> None:
    run = make_run(tmp_path, "r")
    file = run.path / "model_0.pt"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(bytes(data))
    with pytest.raises(UserError, match="no whole checkpoint"):
        run.last_checkpoint()


@pytest.mark.parametrize("content", [b"", b"PK", b"not a checkpoint at all", b"PK\x05\x06" + b"\0" * 18])
def test_other_files_are_no_checkpoints(tmp_path: Path, content: bytes) -> None:
    run = make_run(tmp_path, "r", checkpoints=(3,))
    (run.path / "model_9.pt").write_bytes(content)
    checkpoint, remarks = run.last_checkpoint()
    assert checkpoint.iteration == 3 and len(remarks) == 1


def test_checkpoints_are_ordered_by_number_not_by_name(tmp_path: Path) -> None:
    run = make_run(tmp_path, "r", checkpoints=(999, 1000, 50))
    assert [c.iteration for c in run.checkpoints()] == [50, 999, 1000]
    assert run.checkpoint("50")[0].iteration == run.checkpoint("model_50.pt")[0].iteration == 50
    with pytest.raises(UserError, match="has no checkpoint '51'; it has 50, 999, 1000"):
        run.checkpoint("51")


def test_a_running_process_is_running_and_a_gone_one_is_dead(tmp_path: Path) -> None:
    own = run_dir.process_identity(os.getpid())
    assert make_run(tmp_path, "alive", status="running", process=own).status() == "running"
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    gone = run_dir.process_identity(child.pid)
    run = make_run(tmp_path, "gone", status="running", process=gone)
    assert run.status() == "running"
    child.kill()
    child.wait()
    assert run.status() == "dead"


def test_a_reused_process_number_is_dead(tmp_path: Path) -> None:
    own = run_dir.process_identity(os.getpid())
    assert own is not None
    assert make_run(tmp_path, "r", status="running", process={**own, "start_ticks": 1}).status() == "dead"


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    run_dir.write_text(file, "old")
    with pytest.raises(RuntimeError), run_dir.write_whole(file) as stream:
        stream.write(b"half")
        raise RuntimeError
    assert file.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]


def test_a_kill_between_write_and_rename_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    run_dir.write_text(file, "old")
    code = (
        "import os, signal, pathlib\nfrom runners import run_dir\n"
        f"with run_dir.write_whole(pathlib.Path({str(file)!r})) as s:\n"
        "    s.write(b'half'); s.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert file.read_text() == "old"


def test_a_broken_manifest_is_one_line(tmp_path: Path) -> None:
    run = make_run(tmp_path, "r")
    for text in ("{", "[]", '"x"'):
        (run.path / "run.json").write_text(text)
        with pytest.raises(UserError, match="cannot read"):
            run.manifest()


def test_foreign_folders_are_no_runs(tmp_path: Path) -> None:
    (tmp_path / "exp" / "notes").mkdir(parents=True)
    make_run(tmp_path, "2026-02-10_15-54-39")
    assert [run.name for run in run_dir.all_runs(tmp_path)] == ["2026-02-10_15-54-39"]


def test_runs_table_survives_a_broken_run(tmp_path: Path) -> None:
    make_run(tmp_path, "2026-02-10_15-54-39", iterations={"done": 3, "total": 9}, returns={"last": 1.234, "best": 2.0})
    broken = make_run(tmp_path, "2026-02-11_15-54-39")
    (broken.path / "run.json").write_text("{")
    done = subprocess.run(
        [sys.executable, "-m", "runners.runs", f"--log-root={tmp_path}"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "3/9" in lines[1] and "1.23" in lines[1] and "finished" in lines[1]
    assert "unreadable" in lines[2]
    assert json.loads((tmp_path / "exp" / "2026-02-10_15-54-39" / "run.json").read_text())
