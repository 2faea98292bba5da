"""How findings are told: on a terminal, to programs, and to others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import report
from catalogue import Entry
from finding import Finding, Place
from privacy import anonymous

ENTRIES = {
    name: Entry(name, "group", "title", severity=severity, finding=finding, consequence=then, repair=repair, link=link)
    for name, severity, finding, then, repair, link in (
        ("gone", "stops", "it is gone", "it fails", "make setup", "https://a"),
        ("odd", "note", "it is odd", "nothing", "look", "https://b"),
        ("slow", "bites", "it is slow", "you wait", "wait", "https://c"),
    )
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hostname").write_text("walhalla\n")
    env = {"USER": "kim", "HOME": "/home/kim", "WANDB_API_KEY": "f00dbabe" * 5, "PATH": "/usr/bin"}
    return Place(Path("/home/kim/isaac"), env, Path("/home/kim"), "isaac", {}, {}, Path("logs"), system=tmp_path)


def joined(*findings: Finding) -> list[report.Reported]:
    return report.reported(findings, ENTRIES)


def test_what_stops_comes_first_and_once() -> None:
    all_of = joined(Finding("odd", "a"), Finding("slow", "b"), Finding("gone", "c"), Finding("gone", "c"))
    assert [one.id for one in all_of] == ["gone", "slow", "odd"]


def test_a_check_may_say_it_better(place: Place) -> None:
    [one] = joined(Finding("odd", "e", what="'x' is odd", repair="rm x", severity="stops"))
    assert (one.what, one.repair, one.severity, one.consequence) == ("'x' is odd", "rm x", "stops", "nothing")


@pytest.mark.parametrize(
    ("findings", "line"),
    [
        ([], "doctor: nothing stops a run on Isaac Sim"),
        ([Finding("odd", "")], "doctor: nothing stops a run on Isaac Sim; 1 good to know"),
        ([Finding("gone", "")], "doctor: 1 thing stops a run on Isaac Sim"),
        (
            [Finding("gone", "1"), Finding("gone", "2"), Finding("slow", "")],
            "doctor: 2 things stop a run on Isaac Sim; 1 will bite",
        ),
    ],
)
def test_the_verdict(place: Place, findings: list[Finding], line: str) -> None:
    all_of = joined(*findings)
    assert report.verdict(all_of, place) == report.text(all_of, place, 80)[-1] == line


def test_a_command_is_never_broken_and_a_path_is_as_typed(place: Place) -> None:
    command = "sudo apt install " + " ".join(f"package-{number}" for number in range(20))
    lines = report.text(joined(Finding("gone", f"{place.root}/env/x " * 9, repair=command)), place, 60)
    assert lines[0] == "What stops a run on Isaac Sim: 1"
    assert f"     do {command}" in lines
    assert all(len(line) <= 60 for line in lines if not line.startswith("     do "))
    assert "/home/kim" not in "".join(lines) and "env/x" in "".join(lines)


def test_one_repair_for_several_is_said_once(place: Place) -> None:
    lines = report.text(joined(Finding("gone", "1"), Finding("slow", "2"), Finding("gone", "3")), place, 110, 2)
    assert lines == [
        "What stops a run on Isaac Sim: 2",
        "  1. it is gone: 1; so it fails (https://a)",
        "  2. it is gone: 3; so it fails (https://a)",
        "     do make setup",
        "",
        "What will bite: 1",
        "  3. it is slow: 2; so you wait (https://c)",
        "     do wait",
        "",
        "doctor: 2 things stop a run on Isaac Sim; 1 will bite; make fix repairs 2 of them",
    ]


def test_notes_are_cut_short_beside_what_stops(place: Place) -> None:
    note = Finding("odd", "x" * 99)
    assert report.text(joined(note), place, 60)[-4:-2] == ["     so nothing (https://b)", "     do look"]
    lines = report.text(joined(note, Finding("gone", "")), place, 60)
    assert lines[4] == "Good to know: 1; in full: make doctor REPORT=1"
    assert lines[5] == "  2. it is odd: " + "x" * 43 + "…"


def test_json_has_it_all(place: Place) -> None:
    data = json.loads(report.as_json(joined(Finding("gone", "e")), place, ["the check 'x' itself failed"]))
    assert data["counts"] == {"stops": 1, "bites": 0, "note": 0}
    assert data["findings"] == [
        {"id": "gone", "severity": "stops", "what": "it is gone", "evidence": "e", "consequence": "it fails",
         "repair": "make setup", "link": "https://a"}
    ]  # fmt: skip
    assert (data["simulator"], data["failed_checks"]) == ("isaac", ["the check 'x' itself failed"])


SECRET = [
    ("in '/home/kim/isaac/env'", "in '~/isaac/env'"),
    ("HOME is /home/kim", "HOME is ~"),
    ("/home/lee/lab of lee", "/home/<user>/lab of lee"),
    ("kim@walhalla: kimono", "<name>@<name>: kimono"),
    ("HF_TOKEN=abc123def", "HF_TOKEN=<secret>"),
    ("'api_key': 'abc123def'", "'api_key': '<secret>'"),
    ("https://kim:pass@mirror.example/simple", "https://<secret>@mirror.example/simple"),
    ("Bearer ghp_0123456789abcdef", "Bearer <secret>"),
    ("key " + "f00dbabe" * 5, "key <secret>"),
    ("at 37ddf626871758333d6ed89cf64ad702aef127d0", "at 37ddf62"),
    ("the driver is 580.65.06", "the driver is 580.65.06"),
]


@pytest.mark.parametrize(("text", "expected"), SECRET)
def test_nobody_elses_business_is_taken_out(place: Place, text: str, expected: str) -> None:
    assert anonymous(text, place) == expected


def test_a_short_or_common_user_name_does_not_spoil_words(place: Place) -> None:
    root = replace(place, env={"USER": "root"}, home=Path("/data"))
    assert anonymous("the root of /data/isaac", root) == "the root of ~/isaac"


def test_the_report_is_anonymous_markdown(place: Place) -> None:
    finding = Finding("gone", "/home/kim/x of kim on walhalla")
    text = report.markdown(joined(finding), place, {"GPU": "RTX | 4090"}, ["explain: kim's WANDB_API_KEY=1234567890"])
    assert "kim" not in text and "walhalla" not in text and "1234567890" not in text
    assert "| GPU | RTX \\| 4090 |" in text
    assert "- `gone` it is gone: ~/x" in text


def test_a_path_that_the_terminal_cannot_show_is_shown_all_the_same(tmp_path: Path) -> None:
    """Such as one of bytes that are no text, or any ellipsis on a terminal of old."""
    (tmp_path / "log").write_text('Traceback (most recent call last):\n  File "\u00e9\u2026"\nOddError: \u2026\n')
    root = Path(report.__file__).parents[2]
    command = [sys.executable, "-I", "-X", "utf8=0", "scripts/doctor", "explain", f"--log={tmp_path}/log"]
    env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, check=False)
    assert done.returncode == 1 and b"itself failed" not in done.stderr, done.stderr
    assert rb"OddError: \u2026" in done.stdout
