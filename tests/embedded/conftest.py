"""Fixtures of the end-to-end tests; what they are made of is in real_make.py."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_make import SMALL, Make
from warm import Server, Warm


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return Make(tmp_path / "läufe and logs")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def warm(server: Server, make: Make, tmp_path: Path) -> Warm:
    """What ``make`` calls, in the same folder of runs and without the start; see warm.py."""
    return Warm(server, make.log_root, tmp_path)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One finished run of three iterations. Tests must not change it."""
    make = Make(tmp_path_factory.mktemp("trained"))
    done = make("train", "ITERATIONS=3", "SEED=7", "NAME=base", *SMALL)
    assert done.returncode == 0, done.stdout + done.stderr
    return make.last()


@pytest.fixture
def copy_of_trained(make: Make, trained: Path) -> Path:
    """A copy that a test may change, among the runs of its own ``make``."""
    target = make.log_root / trained.parent.name / trained.name
    shutil.copytree(trained, target)
    return target
