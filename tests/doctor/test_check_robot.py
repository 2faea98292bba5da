"""Doctor on the robot project and on the user's own tasks: whole, and written for what is installed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import plant_isaac as plant
import pytest

from checks import project_files, python_source, robot
from finding import Finding, Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return plant.clean_place(tmp_path)


@pytest.fixture(scope="module")
def one_place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """For tests that write the same module anew."""
    return plant.clean_place(tmp_path_factory.mktemp("place"))


def only(place: Place) -> Finding:
    [finding] = robot.check(place)
    return finding


def test_a_clean_robot_has_no_findings(place: Place) -> None:
    assert list(robot.check(place)) == []


@pytest.mark.parametrize("name", [name for name in plant.ROBOT_PROJECT if name != "robot-changed"])
def test_a_state_is_found(place: Place, name: str) -> None:
    plant.PLANTED[name](place)
    # all that is planted is a change too
    found = [finding for finding in robot.check(place) if finding.id != "robot-changed"]
    assert [finding.id for finding in found] == [name]


def test_changes_are_found(place: Place) -> None:
    finding = only(plant.changed_robot(place))
    assert finding.id == "robot-changed" and f"{plant.PACKAGE}/__init__.py" in finding.evidence


def test_no_robot_is_wanted(place: Place) -> None:
    shutil.rmtree(plant.robot_of(place))
    plant.write(place.state / "choices", "ROBOT none\n")
    assert list(robot.check(plant.again(place))) == []


def test_a_line_of_the_file_is_named(place: Place) -> None:
    plant.in_task('"""Mine."""\n\nimport omni.isaac.lab_tasks\n')(place)
    assert only(place).evidence == f"Berkeley-Humanoid-Lite/{plant.PACKAGE}/mine.py:3 import omni.isaac.lab_tasks"
    assert only(place).severity == ""


def test_scripts_of_the_project_are_one_note(place: Place) -> None:
    old = "from rsl_rl.runners import OnPolicyRunner"
    new = [old, "from isaaclab.utils.io import dump_pickle", "from isaaclab.utils.io import load_pickle"]
    plant.in_script(old, "\n".join(new))(place)
    plant.commit(plant.robot_of(place))
    plant.write_receipts(place)
    [finding] = [finding for finding in robot.check(place) if finding.id == "dump-pickle-removed"]
    lines = [f"{number} from isaaclab.utils.io import {name}_pickle" for number, name in ((7, "dump"), (8, "load"))]
    assert finding.severity == "note"
    assert finding.evidence == f"Berkeley-Humanoid-Lite/scripts/rsl_rl/train.py:{lines[0]}, line {lines[1]}"
    assert "make train" in finding.repair


def test_an_import_in_a_function_only_bites(place: Place) -> None:
    plant.in_task("def later():\n    import omni.isaac.lab\n")(place)
    assert only(place).severity == "bites"


FINE = [
    "import omni.isaac.kit\nfrom omni.isaac.core import World\n",  # Isaac Sim 5.1 still has them
    "try:\n    import isaaclab\nexcept ImportError:\n    import omni.isaac.lab\n",
    "try:\n    import omni.isaac.lab\nexcept (AttributeError, ModuleNotFoundError):\n    import isaaclab\n",
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from rsl_rl.modules import Gone\n",
    "if version < 3:\n    from rsl_rl.modules import EmpiricalNormalization\n",
    "# from omni.isaac.lab import app\ntext = 'import omni.isaac.lab'\n",
    "from isaaclab.utils.io import dump_yaml, load_yaml\n",
    "from isaaclab_rl.rsl_rl import RslRlOnPolicyRunnerCfg, export_policy_as_jit, rl_cfg\n",
    "from isaaclab_rl.rsl_rl.rl_cfg import RslRlPpoAlgorithmCfg\n",
    "from rsl_rl.modules import ActorCritic\nfrom rsl_rl import modules\nfrom rsl_rl.runners import *\n",
    "from .rsl_rl import Mine\nfrom mine.rsl_rl.modules import Other\n",
    "from isaaclab_tasks.utils import import_packages\n",
    "import rsl_rl\nobs, extras = self.robot.observe()\nprint(runner.alg.actor_critic)\n",
    "import rsl_rl\nprint(runner.alg.policy if hasattr(runner.alg, 'policy') else runner.alg.actor_critic)\n",
    "import rsl_rl\nif hasattr(runner, 'obs_normalizer'):\n    print(runner.obs_normalizer)\n",
    "obs, _ = self._get_observations()\nobs, info = mujoco.get_observations()\n",
    "try:\n    run()\nfinally:\n    simulation_app.close()\n",  # it neither trains nor plays
    "import rsl_rl\ndef broken(:\n",
    "from rsl_rl.modules import \0\n",
]


@pytest.mark.parametrize("text", FINE)
def test_what_is_in_order_is_not_found(one_place: Place, text: str) -> None:
    assert list(robot.check(plant.in_task(text)(one_place))) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("from rsl_rl.networks import EmpiricalNormalization\n", "rsl-class-import-gone"),
        ("if __name__ == '__main__':\n    from omni.isaac.orbit.app import AppLauncher\n", "omni-isaac-lab-renamed"),
        ("with open('x') as f:\n    from isaaclab_rl.rsl_rl.mlp_cfg import X\n", "isaaclab-rl-too-old"),
        ("import isaaclab_tasks.utils.wrappers.rsl_rl as r\n", "task-wrappers-moved"),
        ("import rsl_rl\nobs, _ = env.get_observations()\n", "rsl-normalizer-moved"),
        ("import atexit\natexit.register(simulation_app.close)\nrunner.learn(1)\n", "failed-run-exits-zero"),
    ],
)
def test_other_forms_are_found(one_place: Place, text: str, name: str) -> None:
    assert only(plant.in_task(text)(one_place)).id == name


def test_the_release_decides_which_attribute_is_right(place: Place) -> None:
    plant.in_task("import rsl_rl\nprint(runner.alg.actor_critic)\n")(place)
    assert list(robot.check(place)) == []
    plant.write(place.state / "choices", "RSL_RL 3.1.2\n")
    assert only(plant.again(place)).id == "rsl-alg-policy-attribute"


def test_only_what_is_installed_of_a_submodule_stops(place: Place) -> None:
    folder = plant.robot_of(place) / "source" / plant.LOWLEVEL
    shutil.rmtree(folder)
    [finding] = [finding for finding in robot.check(place) if finding.id == "submodule-over-ssh"]
    assert finding.severity == "bites" and plant.LOWLEVEL in finding.evidence
    plant.empty_submodule(place)
    [finding] = [finding for finding in robot.check(place) if finding.id == "submodule-over-ssh"]
    assert finding.severity == "" and plant.ROBOT[1] in finding.evidence
    assert finding.repair == "make setup"


def test_pointers_are_one_finding_and_the_needed_one_is_named(place: Place) -> None:
    data = plant.robot_of(place) / "source" / plant.ROBOT[1] / "data"
    plant.write(data / "a.png", plant.POINTER)
    assert only(place).severity == "note"
    plant.write(data / "z.STL", plant.POINTER)
    assert only(place).severity == "" and only(place).evidence == f"'{data}/z.STL' (2 in all)"
    assert only(place).repair == "sudo apt install git-lfs, then: make setup"


def test_pointers_elsewhere_are_fetched_where_they_lie(place: Place) -> None:
    mine = place.root.parent / "mine"
    plant.write(mine / "assets/.git", "gitdir: ../.git/modules/assets\n")
    plant.write(mine / "assets/a.usd", plant.POINTER)
    [finding] = robot.check(replace(place, task_packages=(mine,)))
    assert f"git -C '{mine}/assets' lfs pull" in finding.repair


def test_a_task_package_is_looked_at_too(place: Place) -> None:
    mine = place.root.parent / "mine"
    plant.write(mine / "tasks/__init__.py", "import omni.isaac.lab\n")
    plant.write(mine / "tests/scripts/old.py", "import omni.isaac.lab\n")
    plant.write(mine / ".venv/lib/old.py", "import omni.isaac.lab\n")
    found = list(robot.check(replace(place, task_packages=(mine,))))
    assert [(finding.evidence.split(":")[0], finding.severity) for finding in found] == [
        ("mine/tasks/__init__.py", ""),
        ("mine/tests/scripts/old.py", "note"),
    ]


def test_a_task_package_in_the_robot_is_not_looked_at_twice(place: Place) -> None:
    plant.in_task("import omni.isaac.lab\n")(place)
    inside = replace(place, task_packages=(plant.robot_of(place) / plant.PACKAGE,))
    assert only(inside).id == "omni-isaac-lab-renamed"


@pytest.mark.parametrize("name", ["gone", "file"])
def test_a_task_package_that_is_no_folder(place: Place, name: str) -> None:
    plant.write(place.root.parent / "file", "")
    assert list(robot.check(replace(place, task_packages=(place.root.parent / name,)))) == []


def test_a_huge_folder_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project_files, "ENTRIES", 50)
    for number in range(200):
        plant.write(tmp_path / f"{number:03}/a.py", "")
    assert 25 <= len(project_files.read(tmp_path).python) <= 200 / 2


def test_links_are_not_followed_and_files_that_are_gone_do_no_harm(tmp_path: Path) -> None:
    plant.write(tmp_path / "a/b.py", "")
    (tmp_path / "a/round").symlink_to(tmp_path)
    (tmp_path / "a/gone.py").symlink_to("/nowhere.py")
    assert project_files.read(tmp_path).python == [tmp_path / "a/b.py"]


@pytest.mark.parametrize(
    ("source", "name", "is_gone"),
    [
        ("__all__ = ['a']\na = 1\n", "b", True),
        ("a, (b, *c) = 1, (2, 3)\n", "c", False),
        ("try:\n    from x import b\nexcept ImportError:\n    b = None\n", "b", False),
        ("def __getattr__(name): ...\n", "b", False),
        ("from elsewhere import *\n", "b", False),
        ("from .other import *\n", "b", False),
        ("from .other import *\n", "c", True),
        ("from p.other import b as c\n", "b", True),
        ("import x.y as b\n", "b", False),
        ("", "other", False),
        ("def broken(\n", "b", False),
    ],
)
def test_what_a_module_defines(tmp_path: Path, source: str, name: str, is_gone: bool) -> None:
    plant.write(tmp_path / "p/__init__.py", source)
    plant.write(tmp_path / "p/other.py", "b = 1\n")
    assert python_source.Packages().lacks(tmp_path, "p", name) is is_gone
