"""Isaac Lab as a simulator: the real AppLauncher of 2.3.2 over a double of Isaac Sim 5.1."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import shutil
import subprocess
import sys
import types
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from isaac_lab_wheel import isaac_lab_wheel

from runners import options, simulators
from runners.errors import UserError
from runners.simulators import isaac

ROOT = Path(__file__).resolve().parents[2]
DOUBLE = ROOT / "tests" / "doubles" / "simulation_app"
FLAGS = ["-h", "--num-envs=16"]
FATAL = ["SIGINT", "SIGTERM", "SIGABRT", "SIGSEGV"]
LAUNCHES = f"""
import io, json, logging, os, signal, sys
from types import SimpleNamespace
from runners import options, verb
from runners.simulators.isaac import IsaacSimulator

logged = []
math = logging.getLogger("isaaclab.utils.math")
math.addHandler(type("Keeper", (logging.Handler,), {{"emit": lambda self, record: logged.append(record.msg)}})())
stdout = sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), write_through=True)

def launch(verb_name, flags, handlers):
    sys.argv = ["runners/train.py", *{FLAGS}]
    simulator = IsaacSimulator()
    simulator.launch(options.parse(verb_name, flags))
    import carb
    from isaaclab.app import AppLauncher
    app = simulator._app
    logged.clear()
    for _ in range(3):
        math.warning(f"deprecated {{verb_name}} {{flags}}")
    told = dict(
        config=app.config, experience=app.experience, argv=app.argv, settings=dict(carb.settings.VALUES),
        loaded=app.loaded, logged=len(logged), stdout=sys.stdout is stdout, can_render=simulator.can_render(),
        handlers=[signal.getsignal(number) == handler for number, handler in handlers.items()],
        takes_it_for_4_5=AppLauncher.is_isaac_sim_version_4_5(SimpleNamespace()),
    )
    for name in [name for name in sys.modules if name.split(".")[0] in ("carb", "omni")]:
        del sys.modules[name]
    return told

def body(parsed, console, interrupts):
    handlers = {{getattr(signal, name): signal.getsignal(getattr(signal, name)) for name in {FATAL}}}
    assert interrupts._on_signal in handlers.values()
    cases = json.loads(os.environ["CASES"])
    told = {{name: launch(*case, handlers) for name, case in cases.items()}}
    console.plain(json.dumps(told))

verb.end(verb.run("train", body, []))
"""
CASES = {
    "train": ("train", []),
    "video": ("train", ["--video=1", "--device=cuda:1"]),
    "measure": ("play", ["--viewer=none", "--device=cpu"]),
    "window": ("play", ["--viewer=native"]),
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Apps and sources of Isaac Lab, with the apps for 5.1 that set-up makes."""
    folder = tmp_path_factory.mktemp("a läb")
    with zipfile.ZipFile(isaac_lab_wheel()) as archive:
        wanted = ("isaaclab/apps/", "isaaclab/source/isaaclab/", "isaaclab/source/isaaclab_tasks/isaaclab_tasks/")
        names = [name for name in archive.namelist() if name.startswith(wanted)]
        archive.extractall(folder, [name for name in names if name.endswith((".py", ".kit", "extension.toml"))])
    made = folder / "isaaclab" / "apps" / "isaacsim_5_1"
    made.mkdir()
    for kit in made.parent.glob("*.kit"):
        shutil.copy(kit, made)
    return folder / "isaaclab"


@pytest.fixture(scope="module")
def environment(lab: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What python.sh and launch.sh set, and all that could lead AppLauncher astray."""
    leaked = tmp_path_factory.mktemp("leaked")
    (leaked / "isaacsim-4.5.0.0.dist-info").mkdir()
    (leaked / "isaacsim-4.5.0.0.dist-info" / "METADATA").write_text("Name: isaacsim\nVersion: 4.5.0.0\n")
    path = [leaked, DOUBLE / "python_packages", DOUBLE / "site-packages", lab / "source" / "isaaclab"]
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(leaked),
        "PYTHONPATH": ":".join(map(str, path)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "ISAACLAB_PATH": str(lab),
        **dict.fromkeys(("EXP_PATH", "ISAAC_PATH", "CARB_APP_PATH"), str(DOUBLE)),
        **{"HEADLESS": "1", "LIVESTREAM": "2", "ENABLE_CAMERAS": "1", "XR": "1", "DISPLAY": ":0"},
    }


def python(words: list[str], environment: dict[str, str], **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, env={**environment, **more}, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def launches(environment: dict[str, str]) -> dict[str, dict[str, Any]]:
    done = python(["-c", LAUNCHES], environment, CASES=json.dumps(CASES))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\n") == 1, f"Kit speaks to the terminal: {done.stdout}"
    told: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return told


@pytest.mark.network
def test_the_app_is_named_by_its_path(launches: dict[str, dict[str, Any]], lab: Path) -> None:
    """Although a pip isaacsim 4.5 makes AppLauncher believe that this is 4.5."""
    assert all(launch["takes_it_for_4_5"] for launch in launches.values()), "the trap is not set"
    kits = {name: Path(launch["experience"]) for name, launch in launches.items()}
    assert {kit.parent for kit in kits.values()} == {lab / "apps" / "isaacsim_5_1"}
    assert {name: kit.name for name, kit in kits.items()} == {
        "train": "isaaclab.python.headless.kit",
        "video": "isaaclab.python.headless.rendering.kit",
        "measure": "isaaclab.python.headless.kit",
        "window": "isaaclab.python.kit",
    }


@pytest.mark.network
def test_kit_gets_what_was_asked_for(launches: dict[str, dict[str, Any]]) -> None:
    """And not what HEADLESS, LIVESTREAM, ENABLE_CAMERAS, XR or our flags would make of it."""
    for name, launch in launches.items():
        config, settings = launch["config"], launch["settings"]
        gpu = 1 if name == "video" else 0
        assert config == {
            "headless": name != "window", "hide_ui": name != "window", "physics_gpu": gpu, "active_gpu": gpu,
        }, name  # fmt: skip
        assert settings["/isaaclab/render/offscreen"] is launch["can_render"] is (name == "video")
        assert settings["/isaaclab/render/active_viewport"] is (name in ("video", "window"))
        assert launch["argv"] == ["runners/train.py"]


@pytest.mark.network
def test_the_process_stays_ours(launches: dict[str, dict[str, Any]]) -> None:
    for launch in launches.values():
        assert launch["stdout"]
        assert launch["handlers"] == [True] * len(FATAL)


@pytest.mark.network
def test_only_what_the_launcher_needs_is_imported_before(launches: dict[str, dict[str, Any]]) -> None:
    loaded = set(launches["train"]["loaded"])
    # of Isaac Lab AppLauncher itself hides what it has loaded
    assert loaded - {"sitecustomize", "usercustomize", "_distutils_hack"} == {"__main__", "runners", "isaacsim", "toml"}


@pytest.mark.network
def test_ctrl_c_while_it_starts(environment: dict[str, str]) -> None:
    """SimulationApp's own handler would end with 0."""
    code = "from runners import verb\nfrom runners.simulators.isaac import SIMULATOR\n"
    code += "verb.end(verb.run('train', lambda parsed, *rest: SIMULATOR.launch(parsed), []))"
    done = python(["-c", code], environment, ISAAC_SIM_DOUBLE="interrupted")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "train: stopped by Ctrl-C\n")


@pytest.mark.network
@pytest.mark.parametrize("missing", ["SimulationApp", "EXP_PATH"])
def test_another_python_is_named_in_one_line(missing: str, environment: dict[str, str], tmp_path: Path) -> None:
    flags = ["--sim=isaac", "--num-envs=16", "--iterations=2", f"--log-root={tmp_path}"]
    kind = "foreign" if missing == "SimulationApp" else ""
    found = {name: value for name, value in environment.items() if name != missing}
    done = python(["-m", "runners.train", *flags], found, ISAAC_SIM_DOUBLE=kind)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"train: '{sys.executable}' cannot load Isaac Sim's own modules (isaacsim.SimulationApp), which only the "
        "Python that its python.sh starts can; run: make setup SIM=isaac\n"
    )


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], "ISAACLAB_PATH is not set, so there is no Isaac Lab; run: make setup SIM=isaac"),
        (["--viewer=web"], "VIEWER 'web' is not for SIM=isaac; give VIEWER=native, or VIDEO=1"),
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


def test_a_missing_app_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "apps").mkdir()
    (tmp_path / "apps" / "isaaclab.python.headless.kit").touch()  # not where set-up puts them
    monkeypatch.setenv("ISAACLAB_PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"there is no '/.*/isaacsim_5_1/isaaclab\.python\.headless\.kit'; run: make"):
        isaac.IsaacSimulator().launch(options.parse("train", []))


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
    with pytest.raises(UserError, match="package 'no_such_robot' is not installed; run: make setup SIM=isaac"):
        isaac.SIMULATOR.tasks()


class ManagerBased:
    sim = SimpleNamespace(dt=0.005, device="cuda:0")


class Agent:
    pass


class Play(ManagerBased):
    pass


class Direct:
    sim = SimpleNamespace(dt=0.005)


class MultiAgent:
    sim = SimpleNamespace(dt=0.005)


@pytest.fixture
def registered(lab: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Four tasks; Isaac Lab's real load_cfg_from_registry over what it imports, as far as it uses it."""
    rsl_rl = {"rsl_rl_cfg_entry_point": Agent}
    tasks: dict[str, dict[str, Any]] = {
        "Walk-v0": {"env_cfg_entry_point": ManagerBased, **rsl_rl},
        "Walk-Play-v0": {"env_cfg_entry_point": Play, **rsl_rl},
        "Stack-v0": {"env_cfg_entry_point": ManagerBased, "skrl_cfg_entry_point": "a:b", "sb3_cfg_entry_point": "a:b"},
        "Swing-v0": {"env_cfg_entry_point": Direct, **rsl_rl},
        "CartPole-v1": {},
    }
    registry = {task: SimpleNamespace(kwargs=kwargs) for task, kwargs in tasks.items()}
    gym = types.ModuleType("gymnasium")
    made: dict[str, Any] = {}

    def make(task: str, **kwargs: Any) -> SimpleNamespace:
        made.update(task=task, **kwargs)
        return SimpleNamespace(unwrapped=made)

    vars(gym).update(registry=registry, spec=registry.__getitem__, make=make)
    envs = types.ModuleType("isaaclab.envs")
    vars(envs).update(ManagerBasedRLEnvCfg=ManagerBased, DirectRLEnvCfg=Direct, DirectMARLEnvCfg=MultiAgent)
    modules = {"gymnasium": gym, "isaaclab": types.ModuleType("isaaclab"), "isaaclab.envs": envs}
    modules |= {name: types.ModuleType(name) for name in ("isaaclab_tasks", "isaaclab_tasks.utils")}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    name = "isaaclab_tasks.utils.parse_cfg"
    spec = importlib.util.spec_from_file_location(name, lab / "source/isaaclab_tasks" / f"{name.replace('.', '/')}.py")
    assert spec is not None and spec.loader is not None
    parse_cfg = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(parse_cfg)
    monkeypatch.setitem(sys.modules, name, parse_cfg)
    monkeypatch.delenv("ISAAC_TASK_PACKAGES", raising=False)
    return made


@pytest.mark.network
def test_configurations_of_a_task_and_of_its_play_variant(registered: dict[str, Any]) -> None:
    simulator = isaac.IsaacSimulator()
    first, second = simulator.configs("Walk-v0"), simulator.configs("Walk-v0")
    assert type(first.env) is ManagerBased and first.env is not second.env and first.agent is not second.agent
    assert type(simulator.configs("Walk-v0", play=True).env) is Play
    assert type(simulator.configs("Walk-Play-v0", play=True).env) is Play
    assert type(simulator.configs("Swing-v0", play=True).env) is Direct


@pytest.mark.network
@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("walk-v1", r"unknown TASK 'walk-v1' \(did you mean 'Walk-v0'\?\); make tasks lists them"),
        ("CartPole-v1", "unknown TASK 'CartPole-v1'"),  # gymnasium's own
        ("Stack-v0", "task 'Stack-v0' has no configuration for rsl_rl, only for skrl, sb3; make tasks lists"),
    ],
)
def test_tasks_that_cannot_be_trained(task: str, words: str, registered: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=words):
        isaac.IsaacSimulator().configs(task)


@pytest.mark.network
def test_environments_without_managers_are_refused(registered: dict[str, Any]) -> None:
    check = isaac.IsaacSimulator().check
    check("Walk-v0", SimpleNamespace(env=Play()))
    for cfg, word in ((Direct(), "direct"), (MultiAgent(), "multi-agent")):
        with pytest.raises(UserError, match=f"task 'T' has a {word} environment .* only manager-based ones"):
            check("T", SimpleNamespace(env=cfg))
    still = Play()
    still.sim = SimpleNamespace(dt=0.0)
    with pytest.raises(UserError, match=r"ARGS 'env\.sim\.dt=0\.0' must be above 0"):
        check("Walk-v0", SimpleNamespace(env=still))


@pytest.mark.network
def test_the_environment_is_made_by_gymnasium(registered: dict[str, Any]) -> None:
    simulator = isaac.IsaacSimulator()
    cfg = simulator.configs("Walk-v0", play=True).env
    cfg.sim = SimpleNamespace(dt=0.005, device="cuda:0")
    made = simulator.make_env(cfg, "cuda:1", render=True)
    assert made == {"task": "Walk-v0", "cfg": cfg, "render_mode": "rgb_array"} and cfg.sim.device == "cuda:1"
    assert simulator.make_env(cfg, "cpu")["render_mode"] is None


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


@pytest.mark.network
def test_a_deprecated_function_is_named_once(launches: dict[str, dict[str, Any]]) -> None:
    assert [launch["logged"] for launch in launches.values()] == [1] * len(CASES)


def test_another_message_is_logged() -> None:
    once = isaac.Once()
    messages = [logging.LogRecord("n", logging.WARNING, "f", 1, text, (), None) for text in "abaab"]
    assert [once.filter(message) for message in messages] == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("made", "chosen"),
    [
        ([], ("mujoco", "no Isaac Sim workstation is installed here")),
        (
            ["receipt-robot"],
            ("mujoco", "the Isaac Sim workstation is not set up to the end: make setup SIM=isaac goes on"),
        ),
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
