"""Fixtures of the Isaac contract; what they are made of is in contract_world.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from contract_world import World, contract_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One for all tests of a process. What a test changes in it, it puts back."""
    return contract_world(tmp_path_factory.mktemp("isaac") / "world")


@pytest.fixture
def log_root(tmp_path: Path) -> Path:
    """A folder for the runs of one test."""
    return tmp_path / "läufe and logs"
