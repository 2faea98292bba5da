"""The end of a verb: what is open is closed in order, a hang is cut off, and the status is true."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VERB = """
import ctypes, os, signal, sys, time
from runners import verb
from runners.errors import UserError

def note(word):
    with open(os.environ["ORDER"], "a") as order:
        order.write(word + " ")

def hang_in_c():
    ctypes.PyDLL(None).sleep(100)  # keeps the interpreter's lock

def body(options, console, interrupts, closing):
    closing.simulator = {simulator}
    closing.environment.callback({environment})
    closing.environment.callback(lambda: note("video"))
    {work}

verb.end(verb.run("train", body, []))
"""
NOTE = {"simulator": "lambda: note('simulator')", "environment": "lambda: note('environment')", "work": "pass"}


def run(tmp_path: Path, **parts: str) -> tuple[int, str, str, str]:
    """Status, the status file, the order in which things were closed, and stderr."""
    order, status = tmp_path / "order", tmp_path / "status"
    order.touch()
    code = VERB.format(**{**NOTE, **parts})
    env = {"PATH": "/usr/bin:/bin", "ORDER": str(order), "RUNNER_STATUS": str(status), "RUNNER_CLOSE_LIMIT": "0.5"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, status.read_text().strip(), order.read_text().strip(), done.stderr


def test_the_environment_before_the_simulator(tmp_path: Path) -> None:
    assert run(tmp_path) == (0, "0", "video environment simulator", "")


def test_a_simulator_that_ends_the_process_cannot_change_the_status(tmp_path: Path) -> None:
    assert run(tmp_path, simulator="lambda: os._exit(7)") == (7, "0", "video environment", "")


@pytest.mark.parametrize(
    ("work", "status", "said"),
    [
        ("raise UserError('no such thing')", 1, "train: no such thing\n"),
        ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)", 143, "train: stopped by SIGTERM\n"),
    ],
)
def test_after_a_failure_the_simulator_is_left(tmp_path: Path, work: str, status: int, said: str) -> None:
    assert run(tmp_path, work=work) == (status, str(status), "video environment", said)


def test_an_environment_that_cannot_be_closed_is_a_failure(tmp_path: Path) -> None:
    status, written, order, said = run(tmp_path, environment="lambda: 1 / 0")
    assert (status, written, order) == (1, "1", "video")
    assert said.startswith("train: failed: ZeroDivisionError")


@pytest.mark.parametrize("what", ["environment", "simulator"])
def test_a_hang_is_cut_off_and_said(tmp_path: Path, what: str) -> None:
    status, written, _, said = run(tmp_path, **{what: "lambda: time.sleep(100)"})
    assert (status, written) == (0, "0")
    assert said == (
        f"train: warning: the {what} did not close within 0.5 s and was ended; all else is complete and saved\n"
    )


def test_a_hang_that_no_thread_of_python_can_see(tmp_path: Path) -> None:
    """It ends with 1, and the status that was written tells the truth."""
    status, written, _, _ = run(tmp_path, simulator="hang_in_c")
    assert (status, written) == (1, "0")
