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


@pytest.mark.parametrize("word", ["folder", "name"])
def test_a_top_package_that_does_not_import_its_tasks(package: Path, word: str) -> None:
    (package / "__init__.py").write_text("raise ValueError('imported')\n")
    sys.path.insert(0, str(package.parent.parent))
    word = package.parent.name if word == "name" else str(package.parent)
    with pytest.raises(UserError, match=r"tasks of 'my_robot_of_the_test' cannot be loaded: ValueError: imported$"):
        task_packages.load(task_packages.named(word))
    del sys.modules[package.parent.name]


def test_a_manifest_has_the_whole_path(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(package.parent)
    assert task_packages.recorded("./tasks,other") == f"{package},other"
    assert task_packages.recorded(None) is None


def test_a_module_is_no_package() -> None:
    task_packages.load(["keyword"])


def test_a_name_that_is_not_installed(capsys: pytest.CaptureFixture[str]) -> None:
    words = r"ModuleNotFoundError: No module named 'no_such'; give its folder: TASK_PACKAGE=/path/to/tasks$"
    with pytest.raises(UserError, match=words):
        task_packages.load(["no_such.tasks"])


def test_a_package_for_the_other_simulator(
    package: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "isaaclab", None)  # as where it is not installed
    (package.parent / "__init__.py").write_text("import isaaclab.envs\n")
    with pytest.raises(UserError, match=r"isaaclab.*; it is for the other simulator: SIM=isaac$") as caught:
        task_packages.load(task_packages.named(str(package)), "mujoco")
    assert caught.value.__cause__ is None, "the log would be explained as one of an Isaac Lab that is missing"


REGISTRATION = "import gymnasium as gym\n\ngym.register(id='A-v0')\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shape of Isaac Lab's template: a root for tools, the package in source/, beside one without tasks."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    root = tmp_path / "my pröject"
    for name in ("robot_of_the_test", "robot_of_the_test_assets"):
        source = root / "source" / name
        (source / name / "tasks").mkdir(parents=True)
        (source / name / "__init__.py").touch()
        (source / "setup.py").write_text(f"from setuptools import setup\n\nsetup(name={name!r})\n")
    tasks = root / "source/robot_of_the_test/robot_of_the_test/tasks"
    (tasks / "__init__.py").touch()
    (tasks / "walk.py").write_text(REGISTRATION)
    (root / "pyproject.toml").write_text("[build-system]\nrequires = ['setuptools']\n\n[tool.isort]\n")
    return root


INSIDE = ["", "source/robot_of_the_test", "source/robot_of_the_test/robot_of_the_test/tasks"]


@pytest.mark.parametrize("inside", INSIDE)
def test_a_project_is_found_from_each_of_its_folders(project: Path, inside: str) -> None:
    word = str(project / inside)
    module = "robot_of_the_test.tasks"
    assert task_packages.named(word) == {module: word}
    assert sys.path[0] == str(project / "source/robot_of_the_test")
    assert task_packages.projects(word) == [(project / "source/robot_of_the_test", module)]


def test_other_layouts_of_projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    for inside, name in (("flat", "flat_robot"), ("src_of/src", "src_robot")):
        package = tmp_path / inside / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("from mjlab import register_mjlab_task\n\nregister_mjlab_task('A')\n")
    (tmp_path / "flat/tests").mkdir()
    (tmp_path / "flat/tests/__init__.py").write_text(REGISTRATION)
    (tmp_path / "src_of/pyproject.toml").write_text("[project]\nname = 'src-robot'\nversion = '1'\n")
    assert task_packages.resolve(f"{tmp_path}/flat,{tmp_path}/src_of") == ["flat_robot", "src_robot"]
    assert task_packages.projects(f"{tmp_path}/src_of") == [(tmp_path / "src_of", "src_robot")]
    with pytest.raises(
        UserError, match=r"belongs to no project: neither setup\.py nor .*; name the folder at each run"
    ):
        task_packages.projects(f"{tmp_path}/flat")


@pytest.mark.parametrize(
    ("word", "words"), [("no.such", "is no folder; set-up installs"), ("/no/such", "is no folder")]
)
def test_what_set_up_cannot_install(word: str, words: str) -> None:
    with pytest.raises(UserError, match=f"^TASK_PACKAGE '{word}' {words}"):
        task_packages.projects(word)


def test_the_command_has_the_folder_as_it_was_given(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "source/robot_of_the_test/robot_of_the_test/__init__.py").write_text("import no_such_module\n")
    monkeypatch.chdir(project.parent)
    with pytest.raises(UserError, match=r"make setup SIM=mujoco TASK_PACKAGE='\./my pröject'$"):
        task_packages.load(task_packages.named("./my pröject"), "mujoco")
    with pytest.raises(UserError, match=f"make setup SIM=isaac TASK_PACKAGE='{project}/source/robot_of_the_test'$"):
        task_packages.load(["robot_of_the_test.tasks"], "isaac")


def test_a_folder_without_a_package(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"TASK_PACKAGE '/.*' is no package: it has no __init__\.py; name the folder"):
        task_packages.resolve(str(tmp_path))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("import omni.isaac.lab.envs", r"No module named 'omni.*it is written for Isaac Lab before 2\.0"),
        (
            "import no_such_module",
            r"No module named 'no_such_module'; install what the project needs: make setup SIM=isaac "
            r"TASK_PACKAGE='/.*/my söurces/my_robot_of_the_test'$",
        ),
        (
            "try:\n    import no_such_module\nexcept ImportError as e:\n    raise ImportError('get it') from e",
            r"ImportError: get it; install what the project needs: make setup SIM=isaac TASK_PACKAGE=",
        ),
        ("import my_robot_of_the_test.lost", r"No module named 'my_robot_of_the_test\.lost'$"),
        ("import xml.lost", r"No module named 'xml\.lost'$"),
        ("import mjlab_no.such, mjlab", r"No module named 'mjlab_no'; install"),
        ("import isaacsim.lost", r"No module named 'isaacsim'$"),
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
        task_packages.load(task_packages.named(str(package.parent)), "isaac")
    assert "Traceback" in capsys.readouterr().err
