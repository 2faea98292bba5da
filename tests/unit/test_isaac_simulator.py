"""Isaac Lab as a simulator, as far as nothing needs to be started; the rest is in tests/isaac_contract."""

from __future__ import annotations

import logging
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from isaac_lab_wheel import isaac_lab_wheel

from runners import options, simulators
from runners.errors import UserError
from runners.simulators import isaac
from runners.simulators.isaac import launcher


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources of Isaac Lab's tasks."""
    folder = tmp_path_factory.mktemp("a läb")
    with zipfile.ZipFile(isaac_lab_wheel()) as archive:
        wanted = "isaaclab/source/isaaclab_tasks/isaaclab_tasks/"
        archive.extractall(folder, [n for n in archive.namelist() if n.startswith(wanted) and n.endswith(".py")])
    return folder / "isaaclab"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], "ISAACLAB_PATH is not set, so there is no Isaac Lab; run: make setup SIM=isaac"),
        (["--viewer=web", "--port=8080"], "PORT '8080' is not for SIM=isaac, which streams on 49100; leave PORT out"),
        (["--viewer=native"], "VIEWER 'native' needs an X display .*; try VIDEO=1"),
    ],
)
def test_what_cannot_start_is_refused(flags: list[str], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ISAACLAB_PATH", raising=False)
    monkeypatch.setenv("DISPLAY", "")
    argv = list(sys.argv)
    with pytest.raises(UserError, match=words):
        isaac.IsaacSimulator().launch(options.parse("play", flags))
    assert sys.argv == argv


def test_the_app_is_set_ups_else_isaac_labs_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISAACLAB_PATH", str(tmp_path))
    with pytest.raises(
        UserError, match=r"there is no 'isaaclab\.python\.headless\.kit' in '/.*/isaacsim_5_1' or above"
    ):
        launcher.kit_file(window=False, cameras=False)
    made = tmp_path / "apps" / "isaacsim_5_1"
    made.mkdir(parents=True)
    for folder in (made.parent, made):
        (folder / "isaaclab.python.headless.kit").touch()
        assert launcher.kit_file(window=False, cameras=False).parent == folder


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (None, "task 'T' has no configuration for rsl_rl, only for skrl, sb3; make tasks lists other tasks, AGENT="),
        ("skrl_entry", "AGENT 'skrl_entry' is no entry point of 'T' (did you mean 'skrl_cfg_entry_point'?); it has"),
    ],
)
def test_a_task_without_that_agent(wanted: str | None, words: str) -> None:
    entry_points = dict.fromkeys(("env_cfg_entry_point", "skrl_cfg_entry_point", "sb3_cfg_entry_point"))
    assert isaac.no_agent("T", wanted, entry_points).startswith(words)


@pytest.mark.network
def test_tasks_are_those_that_isaac_lab_registers(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISAACLAB_PATH", str(lab))
    monkeypatch.delenv("ISAAC_TASK_PACKAGES", raising=False)
    found = isaac.SIMULATOR.tasks()
    assert len(found) == 168 and set(found.values()) == {"isaaclab_tasks"}
    assert {isaac.SIMULATOR.default_task, "Isaac-Velocity-Flat-H1-v0", "Isaac-Cartpole-Direct-v0"} <= set(found)
    # in the sources, and passed over by isaaclab_tasks itself
    assert "Isaac-PickPlace-GR1T2-Abs-v0" not in found


@pytest.mark.network
def test_tasks_of_a_robot_package(lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "berkeley_humanoid_lite" / "tasks"
    (package / "walk").mkdir(parents=True)
    (package.parent / "__init__.py").write_text("raise AssertionError('imported')")
    (package / "__init__.py").write_text("_BLACKLIST_PKGS = ['old']\n")
    for name, task in (("walk/__init__", "Velocity-Berkeley-Humanoid-Lite-v0"), ("old", "Old-v0")):
        (package / f"{name}.py").write_text(f"import gymnasium as gym\ngym.register(id='{task}')\n")
    monkeypatch.setenv("ISAACLAB_PATH", str(lab))
    monkeypatch.setenv("ISAAC_TASK_PACKAGES", "berkeley_humanoid_lite.tasks")
    monkeypatch.syspath_prepend(tmp_path)
    found = isaac.SIMULATOR.tasks()
    assert {task for task, module in found.items() if module != "isaaclab_tasks"} == {isaac.SIMULATOR.default_task}
    assert isaac.SIMULATOR.default_task == "Velocity-Berkeley-Humanoid-Lite-v0"
    monkeypatch.setenv("ISAAC_TASK_PACKAGES", "no_such_robot.tasks")
    with pytest.raises(UserError, match=r"package 'no_such_robot' is not installed; run: .*, or name its folder"):
        isaac.SIMULATOR.tasks()


def test_device(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    device = isaac.SIMULATOR.device
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [device(name) for name in ("auto", "cpu", "cuda", "cuda:1")] == ["cuda:0", "cpu", "cuda:0", "cuda:1"]
    with pytest.raises(UserError, match="DEVICE 'cuda:2' cannot be used: there are 2 GPUs, cuda:0 to cuda:1"):
        device("cuda:2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="DEVICE 'auto' cannot be used: torch sees no NVIDIA GPU; run: make setup"):
        device("auto")


def test_the_window_is_stepped_until_it_is_closed() -> None:
    steps: list[int] = []
    simulator = isaac.IsaacSimulator()
    simulator._app = SimpleNamespace(is_running=lambda: len(steps) < 3)
    env = SimpleNamespace(unwrapped=SimpleNamespace(step_dt=0.0), get_observations=lambda: 0)

    def step(action: int) -> tuple[int, None, None, None]:
        steps.append(action)
        return action + 1, None, None, None

    env.step = step
    simulator.view(env, lambda observation: observation * 10, "native", None)
    assert steps == [0, 10, 110]


def test_the_camera_follows_the_robot_unless_the_task_places_it() -> None:
    def viewer(eye: float = 7.5) -> SimpleNamespace:
        return Viewer(eye=eye, origin_type="world", asset_name=None)

    class Viewer(SimpleNamespace):
        def __init__(self, **fields: Any) -> None:
            super().__init__(**fields or {"eye": 7.5, "origin_type": "world", "asset_name": None})

    followed, placed, empty = viewer(), viewer(eye=3.0), viewer()
    robot = SimpleNamespace(robot=object())
    for cfg in (SimpleNamespace(viewer=followed, scene=robot), SimpleNamespace(viewer=placed, scene=robot)):
        isaac.SIMULATOR.prepare_view(cfg, "Walk-v0")
    isaac.SIMULATOR.prepare_view(SimpleNamespace(viewer=empty, scene=SimpleNamespace()), "Walk-v0")
    assert (followed.origin_type, followed.asset_name) == ("asset_root", "robot")
    assert placed.eye == 3.0 and empty.origin_type == "world"


def test_another_message_is_logged() -> None:
    once = isaac.Once()
    messages = [logging.LogRecord("n", logging.WARNING, "f", 1, text, (), None) for text in "abaab"]
    assert [once.filter(message) for message in messages] == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("made", "chosen"),
    [
        ([], ("mujoco", "no Isaac Sim workstation is installed here")),
        (["licence", ".isaac-workstation"], ("mujoco", "no Isaac Sim workstation is installed here")),
        (["receipt-robot", "receipt-verify"], ("isaac", "an Isaac Sim workstation is installed here")),
    ],
)
def test_the_workstation_is_chosen_when_it_is_verified(
    made: list[str], chosen: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / ".isaac"
    monkeypatch.setattr(simulators, "WORKSTATION", state)
    for name in made:
        state.mkdir(exist_ok=True)
        (state / name).touch()
    assert simulators.choose("auto") == chosen
    assert simulators.choose("isaac") == ("isaac", "as asked")
    assert simulators.load("auto").name == chosen[0]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"choices": ""}, "the check at its end has not passed"),
        ({"receipt-robot": ""}, "the check at its end has not passed"),
        (
            {"unfinished": "step robot\nwhat installing the robot in /a b\n"},
            "it stopped in the step 'robot' (installing",
        ),
        ({"unfinished": "step packages\nwhat x\n", "receipt-verify": ""}, "it stopped in the step 'packages' (x)"),
        ({"unfinished": ""}, "it stopped in the step '?' (unknown)"),
    ],
)
def test_a_set_up_that_was_begun_is_no_reason_for_the_other_simulator(
    made: dict[str, str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(simulators, "WORKSTATION", tmp_path)
    for name, text in made.items():
        (tmp_path / name).write_text(text)
    assert options.main(["train"]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(f"train: the Isaac Sim workstation is not set up to its end: {said}")
    assert err.endswith("; go on with it: make setup SIM=isaac, or take the embedded simulator: SIM=mujoco\n")
    assert options.main(["train", "--sim=mujoco"]) == 0
