"""The project's own checks. Every session runs in .venv, which `make setup` makes."""

from __future__ import annotations

import os
import shlex
import tempfile
import time
from pathlib import Path

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["tests", "lint"]

ROOT = Path(__file__).resolve().parent
PYTHON = str(ROOT / ".venv" / "bin" / "python")
SHELL_FILES = ["scripts/*.sh", "scripts/setup/*.sh", "tests/doubles/isaac_sim/*.sh", ".ci/run"]


@nox.session
def tests(session: nox.Session) -> None:
    """All tests side by side, on four cores at most; or what is named, one after the other."""
    # files as a whole, because tests of one file share a run or an install, and in the order of testpaths
    several = [f"--numprocesses={min(4, os.cpu_count() or 1)}", "--dist=loadfile", "--no-loadscope-reorder"]
    session.run(PYTHON, "-m", "pytest", *(session.posargs or several), external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """ruff, mypy, ShellCheck and shfmt."""
    scripts = sorted(str(path.relative_to(ROOT)) for glob in SHELL_FILES for path in ROOT.glob(glob))
    session.run(PYTHON, "-m", "ruff", "check", ".", external=True)
    session.run(PYTHON, "-m", "ruff", "format", "--check", ".", external=True)
    session.run(PYTHON, "-m", "mypy", external=True)
    # apart from the rest: it is not a package, and its modules find each other by their folder
    session.run(PYTHON, "-m", "mypy", "scripts/doctor", external=True, env={"MYPYPATH": "scripts/doctor"})
    session.run(str(ROOT / ".venv/bin/shellcheck"), "--external-sources", *scripts, external=True)
    session.run(str(ROOT / ".venv/bin/shfmt"), "--diff", *scripts, external=True)


@nox.session(name="format")
def format_(session: nox.Session) -> None:
    """Bring Python and shell files into the project's form."""
    session.run(PYTHON, "-m", "ruff", "check", "--fix", ".", external=True)
    session.run(PYTHON, "-m", "ruff", "format", ".", external=True)
    session.run(
        str(ROOT / ".venv/bin/shfmt"), "--write", *(str(p) for g in SHELL_FILES for p in ROOT.glob(g)), external=True
    )


@nox.session
def smoke(session: nox.Session) -> None:
    """Doctor, train, resume, play and export through make on the simulator that is there, with the time of each."""
    with tempfile.TemporaryDirectory() as folder:
        logs = f"LOG_ROOT={folder}"
        one_second = "ARGS=env.episode_length_s=1.0"
        steps = {
            "doctor": ("make", "doctor", logs),
            "train": ("make", "train", "NUM_ENVS=16", "ITERATIONS=2", "NAME=smoke", logs),
            "resume": ("make", "train", "RESUME=1", "MORE=2", "NAME=resumed", logs),
            "play": ("make", "play", "NUM_ENVS=2", "EPISODES=2", "VIDEO=1", "VIDEO_LENGTH=50", one_second, logs),
            "export": ("make", "export", logs),
            "runs": ("make", "runs", logs),
        }
        taken = {}
        for name, command in steps.items():
            began = time.monotonic()
            session.run(*command, external=True)
            taken[name] = time.monotonic() - began
        (run,) = Path(folder).glob("*/*_resumed")
        missing = [
            name
            for name in ("model_3.pt", "videos/play/model_3.mp4", "exported/policy.onnx")
            if not (run / name).is_file()
        ]
        if missing:
            session.error(f"smoke: the run lacks {', '.join(missing)}")
        each = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in taken.items())
        session.log(f"smoke: {sum(taken.values()):.0f} s in all: {each}")


@nox.session
def isaac_contract(session: nox.Session) -> None:
    """Isaac Lab's real code over a double of Kit, with MuJoCo's physics; see tests/isaac_contract."""
    session.run(PYTHON, "-m", "pytest", "tests/isaac_contract", *session.posargs, external=True)


@nox.session
def real_sources(session: nox.Session) -> None:
    """Set-up, tasks, exports and policies on real checkouts, and the table of it; see tests/real_sources."""
    session.run(PYTHON, "-m", "pytest", "--timeout=7200", "tests/real_sources", *session.posargs, external=True)


@nox.session
def bench(session: nox.Session) -> None:
    """Steps per second and start-up time against mjlab's own train script; see tests/bench/speed.py."""
    session.run(PYTHON, "tests/bench/speed.py", *session.posargs, external=True)


@nox.session
def bench_adapter(session: nox.Session) -> None:
    """What the adapter to rsl_rl costs, against the plainest wrapper; see tests/bench/adapter.py."""
    session.run(PYTHON, "tests/bench/adapter.py", *session.posargs, external=True)


@nox.session
def bench_setup(session: nox.Session) -> None:
    """Download and extraction of a large archive against wget and unzip; see tests/bench/setup.py."""
    session.run(PYTHON, "tests/bench/setup.py", *session.posargs, external=True)


@nox.session
def bench_explain(session: nox.Session) -> None:
    """Time and memory that logs of 200 MB take; see tests/bench/explain.py."""
    session.run(PYTHON, "tests/bench/explain.py", *session.posargs, external=True)


@nox.session
def kill_setup(session: nox.Session) -> None:
    """Kill -9 at 40 moments of the workstation's set-up, each followed by one that completes it."""
    test = "tests/shell/test_make_isaac_steps.py::test_a_killed_set_up_is_completed_by_the_next"
    session.run(PYTHON, "-m", "pytest", "--timeout=3600", test, external=True, env={"KILLS": "40"})


@nox.session
def rsl_rl_matrix(session: nox.Session) -> None:
    """Every release of rsl_rl through all that a run goes through; see tests/matrix/matrix.py."""
    session.run(PYTHON, "tests/matrix/matrix.py", *session.posargs, external=True)


@nox.session
def lock(session: nox.Session) -> None:
    """Write env/*.lock anew, by the uv command in the head of each env/*.in."""
    for source in sorted(ROOT.glob("env/*.in")):
        head = [line[1:].strip() for line in source.read_text().splitlines() if line.startswith("#")]
        begin = next(i for i, line in enumerate(head) if line.startswith("uv pip compile"))
        length = next(i for i, line in enumerate(head[begin:]) if not line)
        session.run(*shlex.split(" ".join(head[begin : begin + length])), external=True)
