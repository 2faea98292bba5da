"""make setup TASK_PACKAGE=: the user's own project and what it requires, for either simulator, and away again.

Its shape is that of Isaac Lab's template: tools at the root, the package in source/, its version in extension.toml.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from isaac_world import make_build_wheels, snapshot
from shell_checkout import Checkout, Wheels, errors, make_checkout, make_wheel
from workstation import Workstation, World, link_build_tools, make_workstation, slim

SETUP = """\
from pathlib import Path

import toml
from setuptools import setup

DATA = toml.load(Path(__file__).with_name("config") / "extension.toml")
setup(
    name="my_robot",
    packages=["my_robot"],
    version=DATA["package"]["version"],
    install_requires={requires!r},
    python_requires=">=3.10",
    classifiers=["Natural Language :: English", "Isaac Sim :: 4.5.0"],
    zip_safe=False,
)
"""
TASK = "import gymnasium as gym\n\ngym.register(id='My-Robot-v0', kwargs={'env_cfg_entry_point': 'my_robot:Cfg'})\n"
REQUIRES = ["leaf-of-the-test>=1.0", "rsl-rl-lib>=3.0"]
NOT_THERE = "TASK_PACKAGE '{}' is no folder; set-up installs a project from its folder; or leave it out: make setup "


def make_project(root: Path, requires: list[str]) -> Path:
    """A project in a folder with a space; its package registers one task."""
    source = root / "source/my_robot"
    (source / "my_robot/tasks/walk").mkdir(parents=True)
    (source / "config").mkdir()
    for folder in ("", "tasks", "tasks/walk"):
        (source / "my_robot" / folder / "__init__.py").touch()
    (source / "my_robot/tasks/walk/__init__.py").write_text(TASK)
    (source / "config/extension.toml").write_text('[package]\nversion = "0.1.0"\n')
    (source / "setup.py").write_text(SETUP.format(requires=requires))
    build = '[build-system]\nrequires = ["setuptools", "wheel", "toml"]\nbuild-backend = "setuptools.build_meta"\n'
    (source / "pyproject.toml").write_text(build)
    (root / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\n\n[tool.isort]\nprofile = "black"\n'
    )
    return root


def change(project: Path, requires: list[str]) -> None:
    (project / "source/my_robot/setup.py").write_text(SETUP.format(requires=requires))


@pytest.fixture(scope="module")
def leaves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the project requires: two packages, one of them for the other, and one that wants another numpy or warp."""
    folder = tmp_path_factory.mktemp("leaves")
    make_wheel(folder, "leaf-of-the-test", "1.2", {"leaf/__init__.py": ""}, "twig-of-the-test")
    make_wheel(folder, "leaf-of-the-test", "2.0", {"leaf/__init__.py": ""}, "twig-of-the-test", "numpy<2")
    make_wheel(folder, "twig-of-the-test", "0.5", {"twig/__init__.py": ""})
    make_wheel(folder, "strange-of-the-test", "1.0", {"strange/__init__.py": ""}, "numpy>=9")
    make_wheel(folder, "odd-of-the-test", "1.0", {"odd/__init__.py": ""}, "warp-lang<1")
    return folder


# --- Isaac Sim -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, world: World, leaves: Path) -> Workstation:
    station = slim(make_workstation(tmp_path_factory.mktemp("reference"), world))
    link_build_tools(station)
    station.env["PIP_FIND_LINKS"] += f" {leaves}"
    result = station.setup()
    assert result.returncode == 0, result.stderr
    return station


def imported(station: Workstation, *modules: str) -> subprocess.CompletedProcess[str]:
    code = f"import {', '.join(modules)}; print(*(m.__file__ for m in ({', '.join(modules)},)))"
    command = [str(station.sim / "python.sh"), "-c", code]
    return subprocess.run(command, env=station.environment(), capture_output=True, text=True, check=False)


def test_a_project_comes_with_what_it_lacks_and_goes_whole(reference: Workstation, tmp_path: Path) -> None:
    station = reference
    project = make_project(tmp_path / "my pröject", [*REQUIRES, "numpy>=2", "isaacsim[all]==4.5.0", "torch"])
    before, files = snapshot(station.sim), snapshot(project)
    result = station.setup(f"TASK_PACKAGE={project}")
    assert result.returncode == 0, result.stderr
    assert "  leaf-of-the-test==2.0\n  twig-of-the-test==0.5\n" in result.stdout
    assert "my_robot asks for 'numpy>=2', and numpy 1.26.0 is here and stays" in result.stderr
    assert "note: my_robot asks for 'rsl-rl-lib>=3.0', which set-up provides" in result.stderr
    assert "note: my_robot asks for 'isaacsim[all]==4.5.0', which set-up provides" in result.stderr
    found = imported(station, "my_robot.tasks", "leaf", "twig")
    assert str(project / "source/my_robot/my_robot") in found.stdout, found.stderr
    assert {path: entry for path, entry in snapshot(station.sim).items() if path in before} == before
    assert "nothing to do" in station.setup().stdout
    assert "tasks of" in station.setup().stdout
    listed = subprocess.run(
        ["bash", "-c", "program=x; source scripts/lib.sh; source scripts/isaac.sh; cut -f 2 $TASK_PACKAGES"],
        cwd=station.path, env=station.environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert listed.stdout == "my_robot.tasks\n"

    change(project, [])
    assert "nothing to do" not in station.setup().stdout
    assert "No module named 'leaf'" in imported(station, "leaf").stderr

    result = station.setup("TASK_PACKAGE=none")
    assert result.returncode == 0, result.stderr
    change(project, [*REQUIRES, "numpy>=2", "isaacsim[all]==4.5.0", "torch"])
    assert (snapshot(station.sim), snapshot(project)) == (before, files)
    assert "nothing to do" in station.setup().stdout


@pytest.mark.parametrize(
    ("requires", "words"),
    [
        (
            ["strange-of-the-test"],
            "does not go with what is installed, of which nothing is replaced: strange-of-the-test ",
        ),
        (["no-such-of-the-test"], "pip's package index has no 'no-such-of-the-test'"),
    ],
)
def test_what_cannot_be_had_changes_nothing(
    reference: Workstation, tmp_path: Path, requires: list[str], words: str
) -> None:
    project = make_project(tmp_path / "mine", requires)
    before, files, choices = snapshot(reference.sim), snapshot(project), (reference.install / "choices").read_text()
    result = reference.setup(f"TASK_PACKAGE={project}")
    assert result.returncode != 0
    assert words in errors(result)[-1]
    assert errors(result)[-1].endswith(f"then: make setup SIM=isaac TASK_PACKAGE={project}")
    assert (snapshot(reference.sim), snapshot(project)) == (before, files)
    assert (reference.install / "choices").read_text() == choices
    assert "nothing to do" in reference.setup().stdout


def test_a_setup_py_that_fails_is_named_with_its_error(reference: Workstation, tmp_path: Path) -> None:
    project = make_project(tmp_path / "mine", [])
    (project / "source/my_robot/config/extension.toml").unlink()
    result = reference.setup(f"TASK_PACKAGE={project}")
    assert result.returncode != 0
    assert "' does not build (FileNotFoundError: [Errno 2] No such file" in errors(result)[-1]


@pytest.mark.parametrize("word", ["/no/such", "my_robot.tasks"])
def test_what_is_no_folder_is_said_before_anything(reference: Workstation, word: str) -> None:
    result = reference.setup(f"TASK_PACKAGE={word}")
    assert result.returncode != 0
    shown = word if word[0] == "/" else reference.path / word
    assert errors(result)[-1].startswith(f"setup: {NOT_THERE.format(shown)}SIM=isaac TASK_PACKAGE=none")


def test_uninstall_takes_it_away_after_showing_it(tmp_path: Path, world: World, leaves: Path) -> None:
    station = slim(make_workstation(tmp_path / "new", world))
    link_build_tools(station)
    station.env["PIP_FIND_LINKS"] += f" {leaves}"
    project = make_project(tmp_path / "mine", REQUIRES)
    (project / "source/my_robot/my_robot/old.egg-info").mkdir()
    (project / "source/my_robot/my_robot/old.egg-info/PKG-INFO").write_text("the user's\n")
    files = snapshot(project)
    assert station.setup(f"TASK_PACKAGE={project}/source/my_robot/my_robot/tasks").returncode == 0
    result = station.make("uninstall")
    assert f"  egg-info of set-up in {project}/source/my_robot\n" in result.stdout
    result = station.make("uninstall", "YES=1")
    assert result.returncode == 0, result.stderr
    assert snapshot(project) == files
    assert not station.install.exists()


# --- the embedded simulator ----------------------------------------------------------------------


@pytest.fixture
def embedded(tmp_path: Path, wheels: Wheels, leaves: Path, quick_python: Path) -> Checkout:
    checkout = make_checkout(tmp_path, wheels, quick_python)
    make_build_wheels(tmp_path / "build")
    checkout.env["PIP_FIND_LINKS"] = f"{wheels.folder} {leaves} {tmp_path}/build"
    return checkout


def installed(checkout: Checkout) -> list[str]:
    code = (
        "from importlib.metadata import distributions as d; print(*(f'{x.name} {x.version}' for x in d()), sep='\\n')"
    )
    done = subprocess.run(
        [checkout.path / ".venv/bin/python", "-I", "-c", code], capture_output=True, text=True, check=True
    )
    return sorted(line for line in done.stdout.splitlines() if not line.startswith(("pip ", "setuptools ")))


def test_a_project_in_venv(embedded: Checkout, tmp_path: Path) -> None:
    project = make_project(tmp_path / "my pröject", [*REQUIRES, "warp-lang<1", "isaaclab"])
    files = snapshot(project)
    assert embedded.make("setup", "SIM=mujoco").returncode == 0
    before = installed(embedded)
    result = embedded.make("setup", "SIM=mujoco", f"TASK_PACKAGE={project}")
    assert result.returncode == 0, result.stderr
    assert "my_robot asks for 'warp-lang<1', and warp-lang 1.19.0 is here and stays" in result.stderr
    assert "my_robot asks for 'isaaclab', which comes with SIM=isaac: it is left out" in result.stderr
    more = ["leaf-of-the-test 1.2", "my_robot 0.1.0", "twig-of-the-test 0.5"]
    assert installed(embedded) == sorted([*before, *more])
    assert "nothing to do" in embedded.make("setup", "SIM=mujoco").stdout

    # made anew, it comes again; the user's folder may be gone for a while
    (embedded.path / ".venv/receipt").unlink()
    assert embedded.make("setup", "SIM=mujoco").returncode == 0
    assert installed(embedded) == sorted([*before, *more])
    project.rename(tmp_path / "away")
    assert "nothing to do" in embedded.make("setup", "SIM=mujoco").stdout
    (tmp_path / "away").rename(project)

    result = embedded.make("setup", "SIM=mujoco", "TASK_PACKAGE=none")
    assert result.returncode == 0, result.stderr
    assert installed(embedded) == before
    assert snapshot(project) == files


def test_venv_goes_and_the_project_stays_as_it_was(embedded: Checkout, tmp_path: Path) -> None:
    project = make_project(tmp_path / "mine", [])
    files = snapshot(project)
    assert embedded.make("setup", "SIM=mujoco", f"TASK_PACKAGE={project}").returncode == 0
    for name in ("stat", "du", "cut", "git", "ln", "readlink", "mktemp", "rmdir"):
        (embedded.bin / name).symlink_to(f"/usr/bin/{name}")
    result = embedded.make("uninstall", "YES=1")
    assert result.returncode == 0, result.stderr
    assert snapshot(project) == files and not (embedded.path / ".venv").exists()


def test_a_failure_in_venv_leaves_no_choice(embedded: Checkout, tmp_path: Path) -> None:
    project = make_project(tmp_path / "mine", ["odd-of-the-test"])
    files = snapshot(project)
    assert embedded.make("setup", "SIM=mujoco").returncode == 0
    result = embedded.make("setup", "SIM=mujoco", f"TASK_PACKAGE={project}")
    assert result.returncode != 0
    assert "odd-of-the-test 1.0 depends on warp-lang<1, installed is warp-lang==1.19.0" in errors(result)[-1]
    assert "nothing to do" in embedded.make("setup", "SIM=mujoco").stdout
    assert snapshot(project) == files


# --- the robot project ---------------------------------------------------------------------------


def fork_of_the_robot(world: World, folder: Path) -> Path:
    """A user's checkout, with its submodules and a change."""
    owner = "HybridRobotics/Berkeley-Humanoid-Lite"
    for name, place in (("", ""), ("-Assets", "_assets")):
        target = folder / f"source/berkeley_humanoid_lite{place}" if name else folder
        url = str(world.repositories.folder / f"{owner}{name}.git")
        subprocess.run(["git", "clone", "-q", url, str(target)], check=True)
    with (folder / "source/berkeley_humanoid_lite/berkeley_humanoid_lite/__init__.py").open("a") as stream:
        stream.write("# mine\n")
    return folder


def test_a_fork_of_the_robot_is_taken_and_left(tmp_path: Path, world: World) -> None:
    station = slim(make_workstation(tmp_path / "new", world))
    link_build_tools(station)
    fork = fork_of_the_robot(world, tmp_path / "my-fork")
    before = snapshot(fork, ["__pycache__", ".git"])
    result = station.setup(f"ROBOT={fork}/")
    assert result.returncode == 0, result.stderr
    assert station.rows(result)["the robot's packages"][0] == "ok"
    assert str(fork) in imported(station, "berkeley_humanoid_lite").stdout
    assert not (station.install / "Berkeley-Humanoid-Lite").exists()
    git = ["git", "-C", str(fork), "-c", "user.name=me", "-c", "user.email=me@localhost", "commit", "-qam", "Mine"]
    subprocess.run(git, check=True)
    assert "nothing to do" in station.setup().stdout  # their own commits go on
    result = station.make("uninstall", "YES=1")
    assert result.returncode == 0, result.stderr
    assert f"kept: {fork}: your robot project" in result.stdout
    assert snapshot(fork, ["__pycache__", ".git"]) == before


@pytest.mark.parametrize(
    ("inside", "words"), [("", "has no source/berkeley_humanoid_lite/"), ("no/such", "is no folder")]
)
def test_what_is_no_robot_project_is_said_first(
    reference: Workstation, tmp_path: Path, inside: str, words: str
) -> None:
    result = reference.setup(f"ROBOT={tmp_path / inside}")
    assert result.returncode != 0
    assert words in errors(result)[-1] and "leave it out: make setup ROBOT=none" in errors(result)[-1]
