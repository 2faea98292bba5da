"""Faults in a task's configuration: one line with the task, which configuration, the file and the line."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from runners.errors import UserError
from runners.simulators import faulty

MODULE = "robot_with_faults.agents"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of an agent's configuration in a package."""
    folder = tmp_path / "robot_with_faults"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("robot_with_faults", MODULE):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return folder / "agents.py"


def load(entry: Any) -> None:
    with faulty.in_one_line("A-v0", "rsl_rl_cfg_entry_point", entry, "isaac", {"robot_with_faults.tasks": "/my/robot"}):
        if isinstance(entry, str):
            module, _, name = entry.partition(":")
            entry = getattr(importlib.import_module(module), name)
        entry()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import json\n\nA = json.nothing\n", "{file}:3: AttributeError: module 'json' has no attribute 'nothing'"),
        (
            "class A:\n    def __init__(self):\n        import json\n        json.loads('x')\n",
            "{file}:4: JSONDecodeError: ",
        ),
        ("B = 1\n", "{file}: AttributeError: module 'robot_with_faults.agents' has no attribute 'A'"),
        ("class A:\n    x = (\n", "{file}:2: SyntaxError: '(' was never closed"),
        ("raise SystemExit(3)\n", "{file}:1: SystemExit: 3"),
        ("raise ValueError\n", "{file}:1: ValueError"),
        (
            "\nimport no_such_module\n",
            "{file}:2: ModuleNotFoundError: No module named 'no_such_module'; install what the project needs: "
            "make setup SIM=isaac TASK_PACKAGE=/my/robot",
        ),
    ],
)
def test_a_file_that_fails(file: Path, source: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(source)
    with pytest.raises(UserError) as caught:
        load(f"{MODULE}:A")
    line = "rsl_rl_cfg_entry_point of task 'A-v0' cannot be loaded: " + words.format(file=file)
    assert str(caught.value).startswith(line) and "\n" not in str(caught.value)
    assert str(caught.value) == line or line.endswith(": ")
    assert "Traceback" in capsys.readouterr().err


def test_a_class_that_fails(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("class A:\n    def __init__(self):\n        self.nothing\n")
    with pytest.raises(UserError, match=f"cannot be loaded: {file}:3: AttributeError: 'A' object has no"):
        load(importlib.import_module(MODULE).A)


def test_a_file_that_is_not_there(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(
        UserError, match=r"cannot be loaded: 'robot_with_faults\.agents:A': ModuleNotFoundError: No module"
    ):
        load(f"{MODULE}:A")


def test_a_yaml_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import yaml

    file = tmp_path / "agent.yaml"
    file.write_text("a: 1\n b: 2\n")
    with (
        pytest.raises(
            UserError, match=f"cannot be loaded: {file}:2: ScannerError: mapping values are not allowed here"
        ),
        faulty.in_one_line("A-v0", "agent", "robot:agent.yaml", "isaac", {}),
        file.open() as stream,
    ):
        yaml.safe_load(stream)
