"""TASK_PACKAGE: by name or folder; what cannot be imported is named in one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from runners.errors import UserError
from runners.simulators import task_packages


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package in a package, in a folder with a space."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    inner = tmp_path / "my söurces" / "my_robot_of_the_test" / "tasks"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent):
        (folder / "__init__.py").touch()
    return inner


def test_a_folder_is_imported_by_its_full_name(package: Path) -> None:
    assert task_packages.resolve(f"{package},other.tasks") == ["my_robot_of_the_test.tasks", "other.tasks"]
    task_packages.load(["my_robot_of_the_test.tasks"])
    assert sys.modules.pop("my_robot_of_the_test.tasks").__file__ == str(package / "__init__.py")
    del sys.modules["my_robot_of_the_test"]


def test_a_manifest_has_the_whole_path(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(package.parent)
    assert task_packages.recorded("./tasks,other") == f"{package},other"
    assert task_packages.recorded(None) is None


def test_a_name_that_is_not_installed(capsys: pytest.CaptureFixture[str]) -> None:
    words = r"ModuleNotFoundError: No module named 'no_such'; give its folder: TASK_PACKAGE=/path/to/tasks$"
    with pytest.raises(UserError, match=words):
        task_packages.load(["no_such.tasks"])


def test_a_folder_without_a_package(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"TASK_PACKAGE '/.*' is no package: it has no __init__\.py; name the folder"):
        task_packages.resolve(str(tmp_path))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("import omni.isaac.lab.envs", r"No module named 'omni.*it is written for Isaac Lab before 2\.0"),
        ("import no_such_module", r"ModuleNotFoundError: No module named 'no_such_module'$"),
        ("raise ValueError('first\\nsecond')", r"tasks of 'my_robot_of_the_test' cannot be loaded: ValueError: first$"),
    ],
)
def test_what_cannot_be_imported(
    line: str, words: str, package: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import types

    for name in ("omni", "omni.isaac"):  # which Isaac Sim has
        module = types.ModuleType(name)
        module.__path__ = []
        monkeypatch.setitem(sys.modules, name, module)
    (package.parent / "__init__.py").write_text(line + "\n")
    with pytest.raises(UserError, match=words):
        task_packages.load(task_packages.resolve(str(package.parent)))
    assert "Traceback" in capsys.readouterr().err
