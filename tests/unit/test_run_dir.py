"""Run directories: names, finding, statuses, checkpoints, files that are whole or absent."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import zipfile
from datetime import datetime
from pathlib import Path

import pytest

from runners import manifest, run_dir
from runners.errors import UserError
from runners.run_dir import RunDir

ROOT = Path(__file__).resolve().parents[2]


def make_run(
    root: Path, name: str, experiment: str = "exp", checkpoints: tuple[int, ...] = (0,), **fields: object
) -> RunDir:
    path = root / experiment / name
    (path / "params").mkdir(parents=True)
    run = RunDir(path)
    run.write_manifest({"task": "T", "status": "finished", **fields})
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


def bare(path: Path, *iterations: int) -> Path:
    """A folder with nothing but checkpoints."""
    made = make_run(path.parent, path.name, experiment="", checkpoints=iterations)
    (path / "params").rmdir()
    (path / "run.json").unlink()
    return made.path


def test_runs_are_found_at_any_depth_and_what_is_in_one_is_its_own(tmp_path: Path) -> None:
    make_run(tmp_path, "2026-02-10_15-54-39", experiment="")
    make_run(tmp_path, "2026-02-11_15-54-39", experiment="a/b/c")
    run = make_run(tmp_path, "2026-02-12_15-54-39")
    for inner in ("converted/rsl_rl-1.0.2", "exported", "copy/2026-02-13_15-54-39"):
        (run.path / inner).mkdir(parents=True)
        (run.path / inner / "model_0.pt").touch()
    foreign = bare(tmp_path / "theirs" / "policy", 3)
    (foreign / "converted" / "rsl_rl-1.0.2").mkdir(parents=True)
    (foreign / "converted" / "rsl_rl-1.0.2" / "model_3.pt").touch()
    assert [run.label for run in run_dir.all_runs(tmp_path)] == [
        "theirs/policy", "2026-02-10_15-54-39", "a/b/c/2026-02-11_15-54-39", "exp/2026-02-12_15-54-39",
    ]  # fmt: skip
    assert run_dir.find(tmp_path, "b/c/2026-02-11_15-54-39").label == "a/b/c/2026-02-11_15-54-39"
    assert run_dir.find(tmp_path, "theirs").label == run_dir.find(tmp_path, "policy/").label == "theirs/policy"
    assert run_dir.find(tmp_path, "latest").name == "2026-02-12_15-54-39"


def test_the_word_that_names_a_run_again(tmp_path: Path) -> None:
    """What is printed after RUN= must find it, also where two began in one second, and from elsewhere."""
    logs = tmp_path / "logs"
    first = make_run(logs, "2026-02-10_15-54-39", experiment="a b")
    assert run_dir.find(logs, "latest").word == "2026-02-10_15-54-39"
    make_run(logs, "2026-02-10_15-54-39", experiment="c")
    assert [run.word for run in run_dir.all_runs(logs)] == ["'a b/2026-02-10_15-54-39'", "c/2026-02-10_15-54-39"]
    assert run_dir.find(logs, str(first.path)).word == "'a b/2026-02-10_15-54-39'"
    elsewhere = bare(tmp_path / "theirs", 3)
    assert run_dir.find(logs, str(elsewhere)).word == str(elsewhere)
    assert RunDir.create(logs, "d/e", None).label.startswith("d/e/")


def test_a_checkpoint_beside_runs_hides_none(tmp_path: Path) -> None:
    bare(tmp_path / "exp", 5)
    make_run(tmp_path, "2026-02-12_15-54-39")
    assert [run.label for run in run_dir.all_runs(tmp_path)] == ["exp", "exp/2026-02-12_15-54-39"]


def test_a_checkpoint_without_its_run(tmp_path: Path) -> None:
    make_run(tmp_path, "2026-02-10_15-54-39", checkpoints=(3,))
    with pytest.raises(UserError, match=r"^RUN 'model_3.pt' names a checkpoint and no run; put the run before it: "):
        run_dir.find(tmp_path, "model_3.pt")


def test_a_link_is_no_way_into_a_whole_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    for place in ("runs/exp/2026-01-01_00-00-00", "home/me/project/logs/exp/2026-02-02_00-00-00"):
        (disk / place / "params").mkdir(parents=True)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/mine").symlink_to(disk / "runs")
    (tmp_path / "logs/all").symlink_to(disk)
    assert [run.name for run in run_dir.all_runs(tmp_path / "logs")] == ["2026-01-01_00-00-00"]


def test_links_that_loop_or_lead_nowhere(tmp_path: Path) -> None:
    elsewhere = make_run(tmp_path / "disk", "2026-02-10_15-54-39")
    (tmp_path / "logs" / "exp").mkdir(parents=True)
    (tmp_path / "logs" / "exp" / "up").symlink_to(tmp_path / "logs")
    (tmp_path / "logs" / "itself").symlink_to("itself")
    (tmp_path / "logs" / "nowhere").symlink_to("nothing")
    (tmp_path / "logs" / "other").symlink_to(elsewhere.path.parent)
    assert [run.label for run in run_dir.all_runs(tmp_path / "logs")] == ["other/2026-02-10_15-54-39"]


@pytest.mark.parametrize("before", ["latest", "2026-02", "2026-02-10_15-54-39", "exp/2026-02-10_15-54-39", "path"])
def test_a_run_and_its_checkpoint_in_one(tmp_path: Path, before: str) -> None:
    run = make_run(tmp_path, "2026-02-10_15-54-39", checkpoints=(3, 11, 20))
    wanted = str(run.path) if before == "path" else before
    found = run_dir.find(tmp_path, f"{wanted}/model_11.pt")
    assert found.path == run.path and found.checkpoint(None)[0].iteration == 11
    assert found.checkpoint("11")[0].iteration == found.checkpoint("model_11.pt")[0].iteration == 11
    with pytest.raises(UserError, match=r"RUN names 'model_11.pt' of run '.*' and CHECKPOINT '3'; leave one"):
        found.checkpoint("3")
    with pytest.raises(UserError, match=r"has no checkpoint 'model_12.pt'; it has 3, 11, 20"):
        run_dir.find(tmp_path, f"{wanted}/model_12.pt").checkpoint(None)


def test_other_files_name_no_run(tmp_path: Path) -> None:
    run = make_run(tmp_path, "2026-02-10_15-54-39")
    with pytest.raises(UserError, match=r"RUN '.*run.json' is no model_<iteration>.pt"):
        run_dir.find(tmp_path, str(run.path / "run.json"))
    (run.path / "model_0.pt").write_bytes(b"PK")
    with pytest.raises(UserError, match="leave the checkpoint out of RUN"):
        run_dir.find(tmp_path, "latest/model_0.pt").checkpoint(None)


TASK = "Unitree-G1-29dof-Velocity"


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("", "unitree_g1_29dof_velocity"), (None, "unitree_g1_29dof_velocity"), ("  ", "unitree_g1_29dof_velocity"),
        (dataclasses.MISSING, "unitree_g1_29dof_velocity"), (".", "unitree_g1_29dof_velocity"),
        ("walk", "walk"), ("a/b", "a/b"), ("a//b/", "a/b"), ("Läufe 1", "Läufe 1"),
        (2026, "2026"),
    ],
)  # fmt: skip
def test_the_folder_of_an_experiment(name: object, folder: str) -> None:
    assert run_dir.experiment(name, TASK) == folder


@pytest.mark.parametrize("name", ["/tmp/x", "../x", "a/../../x", "a\nb", "params", "a/params/b", ["a"]])
def test_names_that_lead_out_of_the_root(name: object) -> None:
    with pytest.raises(UserError, match=r"agent\.experiment_name '"):
        run_dir.experiment(name, TASK)


def test_a_tasks_id_becomes_a_folder() -> None:
    assert run_dir.default_experiment("ns/Über-Task.v0 x") == "ns__ber_task.v0_x"


def test_no_run_is_made_inside_of_another(tmp_path: Path) -> None:
    make_run(tmp_path, "2026-02-10_15-54-39")
    with pytest.raises(UserError, match=r"inside of the run '.*2026-02-10_15-54-39'.*agent.experiment_name="):
        RunDir.create(tmp_path, "exp/2026-02-10_15-54-39/more", None)
    assert not (tmp_path / "exp/2026-02-10_15-54-39/more").exists()
    bare(tmp_path / "other", 5)
    assert RunDir.create(tmp_path, "other", None).path in {run.path for run in run_dir.all_runs(tmp_path)}


def test_the_experiment_of_a_run(tmp_path: Path) -> None:
    run = make_run(tmp_path, "2026-02-10_15-54-39", experiment="a/b")
    for wanted in ("latest", str(run.path), f"{run.path}/model_0.pt"):
        assert run_dir.find(tmp_path, wanted).experiment == "a/b"
    assert run_dir.find(tmp_path / "elsewhere", str(run.path)).experiment == ""


ISAAC_LAB = {
    "version": 1, "library": "rsl_rl", "task": "Isaac-Cartpole-v0", "created_at": "2026-01-02T00:00:00+00:00",
    "metadata": {"agent": "rsl_rl_cfg_entry_point"},
}  # fmt: skip
"""As ``write_run_manifest`` of Isaac Lab 3.0.0 writes it: isaaclab_rl/entrypoints/common.py."""


def test_a_manifest_of_isaac_lab(tmp_path: Path) -> None:
    run = make_run(tmp_path, "2026-02-10_15-54-39")
    run.write_manifest(ISAAC_LAB)
    assert run.task(None) == "Isaac-Cartpole-v0" and run.status() == "unknown"
    assert manifest.agent_of(run.manifest()) is None
    assert manifest.agent_of({**ISAAC_LAB, "metadata": {"agent": "rsl_rl_mirrored"}}) == "rsl_rl_mirrored"
    run.write_manifest({**ISAAC_LAB, "library": "skrl"})
    with pytest.raises(UserError, match="was trained with 'skrl'"):
        run.task(None)


def test_isaac_labs_finder_takes_our_manifest() -> None:
    """What ``_compatible_runs`` compares, and that it can order ours and its own by time."""
    ours = manifest.started(task="Isaac-Cartpole-v0")
    assert {key: ours[key] for key in ISAAC_LAB if key != "created_at"} == {
        key: value for key, value in ISAAC_LAB.items() if key != "created_at"
    }
    assert datetime.fromisoformat(ours["created_at"]) > datetime.fromisoformat(str(ISAAC_LAB["created_at"]))
    assert manifest.started("other", task="T")["metadata"] == {"agent": "other"}
    assert manifest.agent_of(manifest.started("other", task="T")) == "other"


def test_runs_table_tells_equal_names_apart_and_lists_others(tmp_path: Path) -> None:
    make_run(tmp_path, "2026-02-10_15-54-39", experiment="a")
    make_run(tmp_path, "2026-02-10_15-54-39", experiment="b/c")
    make_run(tmp_path, "2026-02-11_15-54-39").write_manifest({**ISAAC_LAB, "iterations": [1], "returns": 3})
    bare(tmp_path / "theirs", 3)
    done = subprocess.run(
        [sys.executable, "-m", "runners.runs", f"--log-root={tmp_path}"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [line.split()[:2] for line in done.stdout.splitlines()[1:]] == [
        ["theirs", "-"], ["a/2026-02-10_15-54-39", "T"], ["b/c/2026-02-10_15-54-39", "T"],
        ["2026-02-11_15-54-39", "Isaac-Cartpole-v0"],
    ]  # fmt: skip


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
