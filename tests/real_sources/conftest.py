"""What the tests on real sources share; how to name them is in sources.py."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / name) for name in ("shell", "isaac_contract", "embedded")]

from sources import CHECKOUTS, PINS, TABLE, add_source, checkout, projects  # noqa: E402

MARK = "<!-- below: written by nox -s real_sources -->\n"
NAMES = {
    "ISAACLAB_SRC": ("Isaac Lab", PINS["ISAAC_LAB_COMMIT"]),
    "RSL_RL_SRC": ("rsl_rl", PINS["ISAAC_RSL_RL_COMMIT"]),
    "BHL_SRC": ("Berkeley Humanoid Lite", PINS["ROBOT_COMMIT"]),
    "BHL_ASSETS_SRC": ("Berkeley Humanoid Lite Assets", "HEAD"),
    "BHL_LOWLEVEL_SRC": ("Berkeley Humanoid Lite Lowlevel", "HEAD"),
}


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.real)


@pytest.fixture(scope="session", autouse=True)
def sources_in_the_table() -> None:
    for variable in CHECKOUTS:
        try:
            folder = checkout(variable)
        except pytest.skip.Exception:
            continue
        name, commit = NAMES[variable]
        add_source(name, folder, commit, "the newest stands in" if commit == "HEAD" else "as pinned")
    for folder in projects():
        add_source(folder.name, folder)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    text = TABLE.markdown()
    if text:
        terminalreporter.section("real sources")
        terminalreporter.write(text)
        if os.environ.get("REAL_TABLE"):
            write(Path(os.environ["REAL_TABLE"]), text)


def write(file: Path, text: str) -> None:
    """In place of what stands below the mark, if the file has one; else in place of all."""
    head, mark, _ = file.read_text(encoding="utf-8").partition(MARK) if file.is_file() else ("", "", "")
    file.write_text(f"{head}{mark}\n{text}" if mark else text, encoding="utf-8")
