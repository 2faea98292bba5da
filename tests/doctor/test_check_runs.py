"""The newest runs: died, damaged, cut short; and as the runners see them."""

from __future__ import annotations

import json
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from plant_machine import BOOT, SOURCE, TIME, checkpoint, process, run, write

from checks import runs
from finding import Finding, Place, read_pins
from runners.run_dir import Checkpoint

STAT = "4711 (a (b) c) {} " + " ".join(["0"] * 18) + " 12345 0 0"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(
        root=tmp_path,
        env={},
        home=tmp_path,
        aim="mujoco",
        pins=read_pins(SOURCE),
        choices={},
        log_root=tmp_path / "lögs",
        system=tmp_path / "system",
    )
    write(place.system / "proc/sys/kernel/random/boot_id", BOOT + "\n")
    return place


def found(place: Place) -> list[Finding]:
    return list(runs.check(place))


def only(place: Place) -> Finding:
    findings = found(place)
    assert len(findings) == 1, findings
    return findings[0]


def test_no_runs(place: Place) -> None:
    assert found(place) == []
    write(place.log_root, "a file")
    assert found(place) == []


# --- died ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "other", "dead"),
    [
        ("S", {}, False),
        ("Z", {}, True),
        ("S", {"start_ticks": 1}, True),  # another process with that number
        ("S", {"boot_id": "before"}, True),
        ("S", {"pid": 4712}, True),
        ("Z", {"host": "another machine"}, False),
    ],
)
def test_a_run_whose_process_is_gone(place: Place, state: str, other: dict[str, object], dead: bool) -> None:
    write(place.system / "proc/4711/stat", STAT.format(state))
    path = run(place, 1, status="running", process=process(**other))
    assert [finding.id for finding in found(place)] == ["run-died"] * dead
    if dead:
        assert only(place).evidence == f"'{path}'"
        assert only(place).repair == f"go on where it was: make train RESUME=1 RUN={path.name}"


def test_several_that_died(place: Place) -> None:
    """The newest is named; one that a later run goes on with is not counted."""
    for number in (1, 2, 3):
        run(place, number, status="running", process=process())
    assert only(place).evidence == f"'{place.log_root / 'cartpole' / TIME.format(3)}' and 2 more"
    run(place, 4, parent={"run": TIME.format(3), "iteration": 50})
    assert only(place).evidence == f"'{place.log_root / 'cartpole' / TIME.format(2)}' and 1 more"


def test_runs_at_any_depth(place: Place) -> None:
    """As the runners find them: of an experiment without a name, of one in a folder, of checkpoints alone."""
    path = run(place, 1, status="running", process=process())
    for target in (place.log_root / path.name, place.log_root / "a/b" / path.name):
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
        assert only(place).evidence == f"'{target}'"
        path = target
    run(place, 2, parent={"run": f"../a/b/{path.name}", "iteration": 50})
    assert found(place) == []
    (place.log_root / "theirs").mkdir()
    checkpoint(place.log_root / "theirs" / "model_5.pt")
    cut(place.log_root / "theirs" / "model_5.pt")
    assert only(place).id == "checkpoint-truncated"


def test_one_that_died_before_its_first_checkpoint(place: Place) -> None:
    path = run(place, 1, status="running", process=process())
    for file in path.glob("*.pt"):
        file.unlink()
    assert only(place).repair.endswith(f"make explain LOG='{path}'")


def test_statuses_that_are_ends(place: Place) -> None:
    for number, status in enumerate(("finished", "interrupted", "failed", None)):
        run(place, number, status=status, process=process())
    assert found(place) == []


# --- manifests -----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00\x00"])
def test_a_damaged_manifest(place: Place, text: str) -> None:
    path = run(place, 1) / "run.json"
    write(path, text)
    finding = only(place)
    assert (finding.id, finding.evidence) == ("run-manifest-damaged", f"'{path}'")
    assert finding.repair.endswith(f"mv '{path}' '{path}.damaged'")


def test_runs_of_other_programs(place: Place) -> None:
    """Isaac Lab's own scripts write no manifest; tables may be something else in a strange one."""
    (run(place, 1) / "run.json").unlink()
    run(place, 2, parent="x", process=[1])
    assert found(place) == []


# --- checkpoints ---------------------------------------------------------------------------------

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def other_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("words.txt", "no weights")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (cut, "is cut short, or no checkpoint"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_bytes(POINTER), "is a pointer of Git LFS, the file itself was not fetched"),
        (lambda path: path.write_bytes(b"\x80\x02}q"), "is cut short, or no checkpoint"),
        (other_zip, "is a zip file but no checkpoint"),
    ],
)
def test_a_checkpoint_that_is_not_whole(place: Place, damage: object, words: str) -> None:
    """The runners refuse it too. With an older whole one it is no harm."""
    newest = run(place, 1) / "model_50.pt"
    damage(newest)
    assert Checkpoint(newest, 50).defect()
    finding = only(place)
    assert (finding.id, finding.severity) == ("checkpoint-truncated", "note")
    assert finding.evidence == f"'{newest}' {words}"
    assert "'model_0.pt' is the newest that is" in finding.what
    assert finding.repair.endswith(": git lfs pull" if "LFS" in words else f": rm '{newest}'")
    (newest.parent / "model_0.pt").unlink()
    assert only(place).severity == "bites"


def test_the_newest_checkpoint_is_that_of_the_largest_number(place: Place) -> None:
    path = run(place, 1)
    checkpoint(path / "model_100.pt")
    write(path / "model_9.pt", "")
    write(path / "model_200.pt.partial", "")
    assert found(place) == []
    assert not Checkpoint(path / "model_100.pt", 100).defect()
    write(path / "model_150.pt", "")
    assert "'model_100.pt' is the newest that is" in only(place).what


# --- where they are ------------------------------------------------------------------------------


def test_the_newest_of_many(place: Place) -> None:
    """By name over all experiments; those before are not looked at, and a thousand take no time."""
    for number in range(1000):
        folder = place.log_root / f"experiment {number % 3}" / f"2026-01-01_{number // 60:02d}-{number % 60:02d}-00_x"
        write(folder / "run.json", json.dumps({"status": "finished"}) if number >= 970 else "{")
        write(folder / "model_0.pt", "") if number < 970 else checkpoint(folder / "model_0.pt")
    started = time.monotonic()
    assert found(place) == []
    assert time.monotonic() - started < 2
    newest = runs.newest(place.log_root)
    assert len(newest) == 30
    assert newest[0].name == "2026-01-01_16-39-00_x"
    write(place.log_root / "other/notes/run.json", "{")
    assert found(place) == []


@pytest.mark.parametrize(("free", "severity"), [(0.09, "stops"), (0.11, "bites"), (4.9, "bites"), (5.1, None)])
def test_disk(place: Place, monkeypatch: pytest.MonkeyPatch, free: float, severity: str | None) -> None:
    """Of the folder that is there already."""
    asked = []

    def usage(path: str) -> tuple[int, int, int]:
        asked.append(path)
        return 10**12, 0, int(free * 1e9)

    monkeypatch.setattr("shutil.disk_usage", usage)
    assert [finding.severity for finding in found(place)] == [severity] * bool(severity)
    assert asked == [str(place.root)]


def test_file_systems_without_a_size(place: Place) -> None:
    assert found(replace(place, log_root=Path("/proc/no/such"))) == []


def test_a_log_root_that_cannot_be_looked_at(place: Place) -> None:
    assert found(replace(place, log_root=place.root / ("x" * 300))) == []
