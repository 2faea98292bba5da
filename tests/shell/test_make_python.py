"""Which Python makes .venv, and what is said where there is none."""

from __future__ import annotations

import os
import sys

import pytest
from shell_checkout import Checkout, errors, program

PYTHON_3_8 = 'echo "3.8.18 cpython True /usr/bin/python3.8"\n'
NO_VENV = 'echo "3.11.2 cpython False /usr/bin/python3.11"\n'
NO_LINUX = 'echo "3.11.2 win32 True /usr/bin/python3.11"\n'
BROKEN = "echo 'pyenv: version not installed' >&2\nexit 127\n"


def refused(checkout: Checkout, *words: str, **env: str) -> str:
    """The one line with which make refuses before it has made anything."""
    result = checkout.make(*words, **env)
    assert result.returncode != 0
    assert not (checkout.path / ".venv").exists()
    assert not (checkout.path / ".cache").exists()
    [line] = errors(result)
    return line


def test_too_old(checkout: Checkout) -> None:
    checkout.program("python3", PYTHON_3_8)
    assert refused(checkout, "setup", "SIM=mujoco") == (
        "setup: no Python 3.10 to 3.13 found (python3 is 3.8.18); install one, for instance:"
        " sudo apt install python3 python3-venv, or name one: make setup PYTHON=/path/to/python3"
    )


@pytest.mark.parametrize("verb", ["train", "runs", "test"])
def test_none_at_all(checkout: Checkout, verb: str) -> None:
    (checkout.bin / "python3").unlink()
    assert refused(checkout, verb).startswith(f"{verb}: no Python 3.10 to 3.13 found (no python3 on PATH); install")


@pytest.mark.parametrize(
    ("version", "good"), [("3.9.1", False), ("3.10.0", True), ("3.13.9", True), ("3.14.0", False), ("4.11.0", False)]
)
def test_the_range(checkout: Checkout, version: str, good: bool) -> None:
    checkout.program("python3", f'echo "{version} cpython False /usr/bin/python"\n')
    line = refused(checkout, "setup", "SIM=mujoco")
    assert ("has no venv module" in line) == good
    assert (f"(python3 is {version})" in line) == (not good)


def test_no_venv_module(checkout: Checkout) -> None:
    checkout.program("python3", NO_VENV)
    assert refused(checkout, "train") == (
        "train: Python 3.11 has no venv module; install it: sudo apt install python3.11-venv, then: make train"
    )


def test_not_for_linux(checkout: Checkout) -> None:
    checkout.program("python3", NO_LINUX)
    assert "python3 is not a 64 bit CPython for Linux" in refused(checkout, "setup", "SIM=mujoco")


def test_one_that_does_not_run_is_passed_over(checkout: Checkout) -> None:
    checkout.program("python3", BROKEN)
    checkout.program("python3.12", NO_VENV)
    (checkout.bin / "python3.10").symlink_to(os.path.realpath(sys.executable))
    assert checkout.make("runs").returncode == 0
    (checkout.bin / "python3.10").unlink()
    (checkout.bin / "python3.12").unlink()
    assert "(python3 does not run)" in refused(checkout, "setup", "SIM=mujoco")


def test_the_named_one(checkout: Checkout) -> None:
    line = refused(checkout, "setup", "SIM=mujoco", "PYTHON=/no/such/python")
    assert line.startswith("setup: PYTHON '/no/such/python' is not a program;")
    old = program(checkout.home / "my python", PYTHON_3_8)
    line = refused(checkout, "setup", "SIM=mujoco", f"PYTHON={old}")
    assert line.startswith(f"setup: PYTHON '{old}' is 3.8.18;")


def test_an_active_environment_does_not_help(checkout: Checkout) -> None:
    """Its Python is never run: not conda's, not a virtual environment's."""
    (checkout.bin / "python3").unlink()
    real = os.path.realpath(sys.executable)
    for name in ("venv/bin", "conda/envs/a/bin", "conda/bin", "conda/condabin"):
        program(checkout.home / name / "python3", f'echo run >"{checkout.home}/ran"\nexec "{real}" "$@"\n')
    home = str(checkout.home)
    folders = ["venv/bin", "conda/envs/a/bin/", "conda/bin", "conda/condabin"]
    line = refused(
        checkout,
        "setup",
        "SIM=mujoco",
        PATH=":".join([*(f"{home}/{name}" for name in folders), str(checkout.bin)]),
        VIRTUAL_ENV=f"{home}/venv",
        CONDA_PREFIX=f"{home}/conda/envs/a",
        CONDA_EXE=f"{home}/conda/bin/conda",
    )
    assert "(no python3 on PATH)" in line
    assert not (checkout.home / "ran").exists()
