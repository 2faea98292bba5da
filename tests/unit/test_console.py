"""The console: the verb's lines on the terminal, everything else in the log."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import os, sys, pathlib
from runners.console import Console
console = Console("train", verbose={verbose})
console.capture()
print("from python, early")
os.system("echo from a child")
console.say("hello")
console.log_to(pathlib.Path({log!r}))
os.write(2, b"from C\\n")
console.progress("iteration 1")
console.progress("iteration 2")
console.progress("iteration 3", last=True)
console.warn("careful")
console.release()
print("after")
"""


def run(log: Path, verbose: bool = False) -> subprocess.CompletedProcess[str]:
    code = PROGRAM.format(verbose=verbose, log=str(log))
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_only_the_verb_speaks(tmp_path: Path) -> None:
    done = run(tmp_path / "log")
    assert done.stdout.splitlines() == ["train: hello", "iteration 1", "iteration 3", "after"]
    assert done.stderr == "train: warning: careful\n"


def test_the_log_has_everything_in_order(tmp_path: Path) -> None:
    run(tmp_path / "log")
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines == ["from python, early", "from a child", "train: hello", "from C", "train: warning: careful"]


def test_verbose_shows_both(tmp_path: Path) -> None:
    done = run(tmp_path / "log", verbose=True)
    for line in ("from python, early", "from a child", "train: hello", "from C"):
        assert line in done.stdout
    assert "from C" in (tmp_path / "log").read_text()


def test_one_live_line_on_a_terminal(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    code = PROGRAM.format(verbose=False, log=str(tmp_path / "log"))
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=follower, stderr=follower, env={**os.environ, "TERM": "xterm"}
    )
    os.close(follower)
    output = b""
    while True:
        try:
            chunk = os.read(leader, 4096)
        except OSError:  # the terminal is closed
            break
        if not chunk:
            break
        output += chunk
    assert child.wait() == 0
    assert b"iteration 1" in output and b"iteration 2" in output
    assert b"\x1b[2K" in output, "the line is not rewritten in place"
    assert b"train: warning: careful" in output


WITH_LOG = """
import os, sys, pathlib
from runners import verb
from runners.errors import UserError

def body(options, console, interrupts, closing):
    print("early")
    {rest}

sys.exit(verb.run("train", body, []))
"""
TO_LOG = 'console.log_to(pathlib.Path("train.log")); print("late"); '


@pytest.mark.parametrize(
    ("rest", "left"),
    [
        ('raise KeyError("x")', "early"),
        (TO_LOG + 'raise KeyError("x")', "late"),
        (TO_LOG + "sys.stdout.flush(); os._exit(1)", "late"),
        ('raise UserError("no")', None),
        (TO_LOG + 'raise UserError("no")', None),
        (TO_LOG + 'raise UserError("failed") from KeyError("x")', "late"),
    ],
)
def test_the_log_is_left_where_more_is_to_be_said(tmp_path: Path, rest: str, left: str | None) -> None:
    """What scripts/launch.sh explains."""
    log = tmp_path / "named"
    env = {**os.environ, "RUNNER_LOG": str(log), "PYTHONPATH": str(ROOT)}
    code = WITH_LOG.format(rest=rest)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, check=False)
    assert done.returncode == 1
    assert log.exists() == (left is not None)
    if left is not None:
        assert left in log.read_text() and "early" in log.read_text()
        assert log.is_symlink() == (left == "late")


def test_only_the_first_of_several_ranks_has_that_log(tmp_path: Path) -> None:
    env = {**os.environ, "RUNNER_LOG": str(tmp_path / "named"), "PYTHONPATH": str(ROOT), "WORLD_SIZE": "2", "RANK": "1"}
    code = WITH_LOG.format(rest='raise KeyError("x")')
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, check=False)
    assert list(tmp_path.iterdir()) == []
