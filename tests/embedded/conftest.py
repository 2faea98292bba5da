"""Fixtures of the end-to-end tests; what they are made of is in real_make.py."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_make import ROOT, SMALL, Make, clean_environment
from warm import Warm
from warm_server import Server


@pytest.fixture(autouse=True)
def _renderer_not_yet_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A verb that ran in this process has chosen for itself, and what a test starts would take that over."""
    monkeypatch.delenv("MUJOCO_GL", raising=False)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return Make(tmp_path / "läufe and logs")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    kernels = {"WARP_CACHE_PATH": str(ROOT / ".cache" / "warp")}  # those of make; compiling them takes 40 s
    server = Server({**clean_environment(), **kernels, "MUJOCO_GL": "disable"})
    yield server
    server.close()


@pytest.fixture
def warm(server: Server, make: Make, tmp_path: Path) -> Warm:
    """What ``make`` calls, in the same folder of runs and without the start; see warm.py."""
    return Warm(server, make.log_root, tmp_path)


@pytest.fixture(scope="session")
def trained(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One finished run of three iterations. Tests must not change it."""
    make = Make(tmp_path_factory.mktemp("trained"))
    warm = Warm(server, make.log_root, tmp_path_factory.mktemp("output"))
    done = warm("train", "ITERATIONS=3", "SEED=7", "NAME=base", *SMALL)
    assert done.returncode == 0, done.stdout + done.stderr
    return make.last()


@pytest.fixture
def copy_of_trained(make: Make, trained: Path) -> Path:
    """A copy that a test may change, among the runs of its own ``make``."""
    target = make.log_root / trained.parent.name / trained.name
    shutil.copytree(trained, target)
    return target
