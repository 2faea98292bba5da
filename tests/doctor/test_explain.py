"""Which of the failures in a log is the cause, and how it is told."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import catalogue
import explain
import scan
from catalogue import Entry

CATALOGUE = catalogue.read()


def entry(name: str, signature: str, role: str = "root", repair: str = "", **more: str) -> Entry:
    return Entry(
        id=name,
        group="g",
        title=f"the {name}",
        role=role,
        signature=re.compile(signature),
        cause=f"because of {name}",
        repair=repair or f"mend {name}",
        link=f"https://example.org/{name}",
        **{key: re.compile(value) for key, value in more.items()},
    )


KNOWN = {
    each.id: each
    for each in (
        entry("alpha", "alpha happened"),
        entry("beta", "beta happened"),
        entry("both", "alpha happened twice"),
        entry("after", "after it", role="follow-up"),
        entry("sign", "omen", role="early-warning"),
        entry("maybe", "maybe this", role="conditional", only_with="with this", not_with="but that"),
        entry("buffer", r"at least (\d+)", repair="make train ARGS=a={next_power_of_two} for {number} {x}"),
        entry("calm", "alpha happened, no harm", role="harmless"),
        entry("hang-on-close", r"Simulation App Shutting Down\s*\Z", role="rule"),
        entry("failed-run-exits-zero", "Traceback", role="rule"),
    )
}
TRACEBACK = "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    g()\nKeyError: 'unheard of'\n"
SHUTDOWN = "[11.896s] Simulation App Shutting Down\n"


def diagnosed(text: str, run: explain.Run | None = None) -> explain.Diagnosis:
    return explain.diagnose(scan.scan(io.BytesIO(text.encode()), KNOWN), KNOWN, run)


def cause(text: str, run: explain.Run | None = None) -> str:
    found = diagnosed(text, run).cause
    return found.entry.id if found else ""


def told(tmp_path: Path, text: str, exit_status: int | None = None, **manifest: str) -> tuple[int, str]:
    log = tmp_path / "train.log"
    log.write_text(text)
    if manifest:
        (tmp_path / "run.json").write_text(json.dumps(manifest))
    answer, lines = explain.explain(str(log), KNOWN, lambda: "doctor: all is well", exit_status)
    return answer, "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("beta happened\nalpha happened\n", "beta"),
        ("alpha happened twice\n", "alpha"),
        ("after it\nbeta happened\n", "beta"),
        ("x\nafter it\n", "after"),
        ("omen\n", ""),
        ("alpha happened, no harm\nbeta happened\n", "beta"),
        ("maybe this\n", ""),
        ("maybe this\nbeta happened\n", "beta"),
        ("maybe this\nwith this\n", "maybe"),
        ("with this\nmaybe this\nbut that\n", ""),
        ("", ""),
    ],
)
def test_the_cause_among_the_failures_of_a_log(text: str, expected: str) -> None:
    assert cause(text) == expected


def test_a_cause_that_the_run_survived_is_not_the_first_choice() -> None:
    survived = "alpha happened\n Learning iteration 1/9 \nLearning iteration 2/9\n"
    assert cause(survived + "beta happened\n") == "beta"
    assert [each.entry.id for each in diagnosed(survived + "beta happened\n").others] == ["alpha"]
    assert cause(survived) == "alpha"
    assert cause(survived + "alpha happened\nbeta happened\n") == "alpha"


def test_what_follows_from_an_unknown_failure_is_not_its_cause() -> None:
    found = diagnosed(f"{TRACEBACK}after it\n")
    assert found.cause is None and found.is_failure
    assert [each.entry.id for each in found.others] == ["after"]
    assert cause(TRACEBACK.replace("unheard of", "after it")) == "after"
    assert cause("Segmentation fault\nafter it\n") == ""


def test_further_causes_are_told_in_one_line(tmp_path: Path) -> None:
    _, text = told(tmp_path, "alpha happened\nbeta happened\nat least 9\n")
    assert text.splitlines()[-1] == "  also   the beta [beta], line 2; the buffer [buffer], line 3"


def test_a_first_sign_is_told_beside_the_cause_it_precedes(tmp_path: Path) -> None:
    _, text = told(tmp_path, "omen\nbeta happened\n")
    assert "  sign   line 1: the sign [sign]" in text and "mend sign" not in text
    _, text = told(tmp_path, "beta happened\nomen\n")
    assert "[sign]" not in text
    status, text = told(tmp_path, "omen\n")
    assert status == 0
    assert text.splitlines()[1:] == ["  sign   line 1: the sign [sign]", "  do     mend sign"]


def test_what_is_said_of_a_known_failure(tmp_path: Path) -> None:
    status, text = told(tmp_path, "x\n  at least 70000 in the scene\nat least 5\n")
    assert status == 0
    assert text.splitlines() == [
        "explain: the buffer [buffer]",
        "  seen   line 2: at least 70000 in the scene (in 2 lines)",
        "  cause  because of buffer",
        "  do     make train ARGS=a=131072 for 70000 {x}",
        "  see    https://example.org/buffer",
    ]


def test_an_error_that_is_not_the_cause_is_told_too(tmp_path: Path) -> None:
    _, text = told(tmp_path, f"alpha happened\n{TRACEBACK}")
    assert "  error  line 5: KeyError: 'unheard of'" in text
    _, text = told(tmp_path, TRACEBACK.replace("unheard of", "alpha happened"))
    assert "  error  " not in text


def test_what_is_said_of_an_unknown_failure(tmp_path: Path) -> None:
    status, text = told(tmp_path, f"x\n{TRACEBACK}y\n")
    assert status == 1
    assert text.splitlines() == [
        "explain: a failure that is not in the catalogue",
        "  seen   line 5: KeyError: 'unheard of'",
        *(f"    {line}" for line in TRACEBACK.splitlines()),
        "doctor: all is well",
    ]


def test_an_unknown_failure_without_a_traceback_shows_the_end(tmp_path: Path) -> None:
    lines = "".join(f"line {number}\n" for number in range(30))
    status, text = told(tmp_path, f"{lines}Segmentation fault (core dumped)\n")
    assert status == 1
    assert "  seen   line 31: Segmentation fault (core dumped)" in text
    assert "    line 21\n" in text and "    line 20\n" not in text


def test_errors_of_isaac_sim_alone_are_called_what_they_are(tmp_path: Path) -> None:
    error = "2026-01-01T00:00:00Z [1ms] [Error] [omni.physx] what is this\n"
    status, text = told(tmp_path, error)
    assert status == 1 and "lines that Isaac Sim marks as errors" in text
    status, text = told(tmp_path, f"{error}Learning iteration 0/9\n")
    assert (status, text) == (0, "explain: no failure is seen in 2 lines")


def test_a_status_alone_is_a_failure(tmp_path: Path) -> None:
    status, text = told(tmp_path, "all well\n", exit_status=137)
    assert status == 1 and text.startswith("explain: a failure that is not in the catalogue; it ended with status 137")
    for good in (0, 130, 143):
        assert told(tmp_path, "all well\n", exit_status=good)[0] == 0


def test_no_failure_is_said_so(tmp_path: Path) -> None:
    assert told(tmp_path, "a\nb\n") == (0, "explain: no failure is seen in 2 lines")
    status, text = told(tmp_path, "a\n", status="finished")
    assert (status, text) == (0, "explain: no failure is seen in 1 line; run.json says 'finished'")


def test_an_error_that_the_run_survived_is_a_note(tmp_path: Path) -> None:
    status, text = told(tmp_path, f"{TRACEBACK}Learning iteration 1/2\n")
    assert status == 0
    assert text.splitlines()[1] == "  note   line 4: KeyError: 'unheard of'; the run went on after it"


def test_an_interrupted_run_has_not_failed() -> None:
    text = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\nKeyboardInterrupt\n'
    assert not diagnosed(text).is_failure
    assert not diagnosed(text + SHUTDOWN).cause, "a run that was interrupted closes"


def test_a_simulator_that_does_not_close(tmp_path: Path) -> None:
    assert cause(f"a\n{SHUTDOWN}\n\n") == "hang-on-close"
    assert cause(f"a\n{SHUTDOWN}more\n") == ""
    assert cause(f"alpha happened\n{SHUTDOWN}") == "alpha"
    assert cause(f"{TRACEBACK}{SHUTDOWN}") == ""
    assert cause(SHUTDOWN, explain.Run(manifest={"status": "finished"})) == ""
    assert [cause(SHUTDOWN, explain.Run(status)) for status in (0, 1, 124)] == ["", "", "hang-on-close"]
    assert "if the process has ended since, nothing is wrong" in told(tmp_path, SHUTDOWN)[1]


def test_a_failed_run_with_status_zero(tmp_path: Path) -> None:
    note = "so its exit status was 0 [failed-run-exits-zero]"
    assert note in told(tmp_path, f"{TRACEBACK}x\n{SHUTDOWN}")[1]
    assert note in told(tmp_path, f"alpha happened\n{TRACEBACK}{SHUTDOWN}")[1]
    assert note not in told(tmp_path, f"{SHUTDOWN}{TRACEBACK}")[1]
    assert note not in told(tmp_path, f"{TRACEBACK}{SHUTDOWN}", exit_status=1)[1]
    assert note in told(tmp_path, TRACEBACK, status="finished")[1]


def test_a_run_directory_stands_for_its_log(tmp_path: Path) -> None:
    told(tmp_path, "beta happened\n", status="failed", reason="KeyError")
    status, lines = explain.explain(str(tmp_path), KNOWN, lambda: "")
    assert (status, lines[0]) == (0, "explain: the beta [beta]")


def test_the_manifest_adds_why_a_run_ended(tmp_path: Path) -> None:
    _, text = told(tmp_path, "Killed\n", status="failed", reason="out of patience")
    assert text.startswith("explain: a failure that is not in the catalogue; run.json says 'failed': out of patience")


def test_a_damaged_manifest_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{")
    assert told(tmp_path, "a\n") == (0, "explain: no failure is seen in 1 line")


def test_what_is_no_log_is_refused(tmp_path: Path) -> None:
    def refusal(path: Path) -> str:
        with pytest.raises((OSError, ValueError)) as raised:
            explain.explain(str(path), KNOWN, lambda: "")
        return str(raised.value)

    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "log.gz").write_bytes(b"\x1f\x8b\x08abc")
    assert "No such file" in refusal(tmp_path / "absent")
    assert refusal(tmp_path) == "it is a directory, and no run's"
    assert refusal(tmp_path / "empty") == "it is empty"
    assert "zcat" in refusal(tmp_path / "log.gz")
    if os.getuid():
        (tmp_path / "closed").write_text("a\n")
        (tmp_path / "closed").chmod(0)
        assert "Permission denied" in refusal(tmp_path / "closed")


def test_reads_standard_input_from_a_pipe() -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import catalogue, explain\n"
        "status, lines = explain.explain('-', catalogue.read(), lambda: '')\n"
        "print('\\n'.join(lines)); sys.exit(status)\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script, str(catalogue.FILE.parent)],
        input="ModuleNotFoundError: No module named 'isaacsim'\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "[isaacsim-not-importable]" in done.stdout.splitlines()[0]


@pytest.mark.parametrize("name", [each.id for each in CATALOGUE.values() if each.role])
def test_the_sample_of_an_entry_alone_gives_that_entry(name: str) -> None:
    wanted = CATALOGUE[name]
    log = scan.scan(io.BytesIO(wanted.sample.encode()), CATALOGUE)
    diagnosis = explain.diagnose(log, CATALOGUE)
    found = [each.entry.id for each in (diagnosis.cause, *diagnosis.first_signs) if each]
    if wanted.role == "harmless":
        assert set(log.hits) == {name} and not found
    elif name == "failed-run-exits-zero":
        assert diagnosis.is_hidden
    else:
        assert found == [name]
    assert explain.lines(diagnosis, log)
