"""The double of Kit is strict: it fails where the real one fails, and Isaac Lab's real code runs over it.

Where nothing else is said, the facts are those of isaacsim.simulation_app 5.1.0 and of Isaac Lab 2.3.2's sources.
"""

from __future__ import annotations

import ast
import json
import os
import re
import runpy
import signal
import subprocess
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from contract_world import HERE, TEMPLATE, World, ended
from isaac_lab_wheel import isaac_lab_wheel

pytestmark = pytest.mark.network

KITS = ("omni", "carb", "usdrt", "Semantics", "pxr", "isaacsim")
START = "import isaacsim\napp = isaacsim.SimulationApp({'headless': True})\n"
TRIED = """
import importlib, json, sys
def tried(*names):
    told = {}
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:
            told[name] = f"{type(error).__name__}: {error}"
    return told
"""
TOLD = "\nprint(json.dumps(told), flush=True)\napp.close()\n"


def told(world: World, code: str, **env: str) -> Any:
    """What a program that starts the app prints last, which must end well."""
    done = world.run("-c", TRIED + code + TOLD, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


# --- what can be imported ------------------------------------------------------------------------


def test_before_the_app_runs_nothing_of_kit_is_there(world: World) -> None:
    names = ["omni", "omni.timeline", "usdrt", "Semantics", "pxr", "carb.settings", "isaacsim.core", "carb", "isaacsim"]
    found = told(world, f"import isaacsim\ntold = tried(*{names})\n{START}")
    assert found == {
        "omni": "ModuleNotFoundError: No module named 'omni'",
        "omni.timeline": "ModuleNotFoundError: No module named 'omni'",
        "usdrt": "ModuleNotFoundError: No module named 'usdrt'",
        "Semantics": "ModuleNotFoundError: No module named 'Semantics'",
        "pxr": "ModuleNotFoundError: No module named 'pxr'",
        "carb.settings": "ModuleNotFoundError: No module named 'carb.settings'",
        "isaacsim.core": "ModuleNotFoundError: No module named 'isaacsim.core'",
    }
    early = world.run("-c", "import isaacsim, isaaclab.envs")
    assert early.returncode == 1
    assert "ModuleNotFoundError: No module named" in early.stderr
    assert "WARNING: Omniverse/Isaac Sim import statements must take place after the" in early.stdout


def test_the_app_makes_all_of_it_importable_and_nothing_else(world: World) -> None:
    wrong = ["omni.isaac.lab.envs", "omni.isaac.orbit", "omni.nothing", "old_tasks", "isaacsim.core.nothing"]
    code = f"""{START}
told = dict(wrong=tried(*{wrong}), right=tried(*{sorted(modules())}))
from omni.kit.xr.core import XRCore
from pxr import PhysxSchema, Usd, UsdGeom
import omni, carb
class Derived(XRCore): pass
@omni.kit.commands.some_decorator
def function(): return 3
@omni.kit.commands.some_decorator(order=1)
def other(): return 4
told["shapes"] = [XRCore.__name__, Derived().__class__.__name__, hasattr(Derived, "nothing"), function(), other()]
told["shapes"] += [XRCore.Kind.ONE.__name__, XRCore is omni.kit.xr.core.XRCore, PhysxSchema.JointAPI.__name__]
stage = Usd.Stage.CreateInMemory()
told["real"] = str(UsdGeom.Xform.Define(stage, "/World").GetPath())
from isaacsim.core.version import get_version
told["version"] = get_version()
"""
    found = told(world, code)
    assert found["right"] == {}
    assert found["wrong"] == {
        "omni.isaac.lab.envs": "ModuleNotFoundError: No module named 'omni.isaac.lab'",
        "omni.isaac.orbit": "ModuleNotFoundError: No module named 'omni.isaac.orbit'",
        "omni.nothing": "ModuleNotFoundError: No module named 'omni.nothing'",
        "old_tasks": "ModuleNotFoundError: No module named 'omni.isaac.lab'",
        "isaacsim.core.nothing": "ModuleNotFoundError: No module named 'isaacsim.core.nothing'",
    }
    assert found["shapes"] == ["XRCore", "Derived", False, 3, 4, "ONE", True, "JointAPI"]
    assert found["real"] == "/World"
    assert found["version"][:5] == ["5.1.0", "rc.19", "5", "1", "0"]


def modules() -> set[str]:
    """The table of kit/stand_ins.py."""
    return set(runpy.run_path(str(HERE / "kit/stand_ins.py"))["MODULES"])


PROJECTS = {"omni.ext", "omni.log", "isaacsim.core.utils.prims"}
"""What projects import beyond Isaac Lab: omni.ext is in its template (tools/template of 2.3.2), omni.log was in its
scripts, the last is in legged_lab."""


def test_the_table_is_what_isaac_lab_and_projects_import() -> None:
    """And what is used of a module that nothing imports, which Kit's own extensions have done."""
    wanted = {name for name in imported() if "." in name or name in ("usdrt", "Semantics")}
    parts = ["omni.appwindow", "carb.events", "carb.tokens"]
    completing = {"pxr.ForceFieldSchema", "pxr.PhysicsSchema", "pxr.PhysicsSchemaTools"}
    assert modules() == ((wanted | PROJECTS) - written_out() | set(parts) | completing)


def test_a_window_s_extension_and_a_log_are_kits(world: World) -> None:
    """As a project from Isaac Lab's template uses them: derived from, and never switched on by a training."""
    code = f"""{START}
import omni.ext, omni.log
class Extension(omni.ext.IExt): pass
told = [hasattr(Extension(), name) for name in ("on_startup", "on_shutdown", "nothing")]
omni.log.info("not printed")
omni.log.warn("printed", channel="robot")
told += [tried("omni.ext.nothing", "omni.kit.nothing")]
"""
    done = world.run("-c", TRIED + code + TOLD)
    assert "[Warning] [robot] printed\n" in done.stdout and "not printed" not in done.stdout
    missing = {
        "omni.ext.nothing": "ModuleNotFoundError: No module named 'omni.ext.nothing'",
        "omni.kit.nothing": "ModuleNotFoundError: No module named 'omni.kit.nothing'",
    }
    assert json.loads(done.stdout.splitlines()[-1]) == [True, True, False, missing]


def imported() -> Iterator[str]:
    """Modules of Kit that Isaac Lab's packages import. Of usd-core nothing is missing but PhysxSchema."""
    yield "pxr.PhysxSchema"
    with zipfile.ZipFile(isaac_lab_wheel()) as wheel:
        sources = [name for name in wheel.namelist() if re.fullmatch(r"isaaclab/source/(\w+)/\1/.*\.py", name)]
        for node in (node for name in sources for node in ast.walk(ast.parse(wheel.read(name)))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                # "stage" is a module; else a package's names are classes and functions
                package = node.module == "isaacsim.core.utils"
                names = [f"{node.module}.{alias.name}" for alias in node.names] if package else [node.module or ""]
            yield from (name for name in names if name.partition(".")[0] in KITS)


def written_out() -> set[str]:
    """The modules with a file of their own."""
    found = {"isaacsim", "carb", "omni", "pxr"}
    for folder in (HERE / "kit/exts", TEMPLATE / "kit/exts"):
        for file in folder.glob("*/**/*.py"):
            inner = file.relative_to(folder).with_suffix("").parts[1:]
            found.add(".".join(inner).removesuffix(".__init__"))
    return found


# --- starting ------------------------------------------------------------------------------------


def test_settings_are_checked(world: World) -> None:
    code = """
import isaacsim, os
told = []
for config, experience in [
    ({"headles": True}, ""), ({"width": "1280"}, ""), ({"headless": 1}, ""), ({"active_gpu": "0"}, ""),
    ({}, "/nowhere.kit"), (None, None),
]:
    kept = os.environ.pop("EXP_PATH") if config is None else None
    try:
        isaacsim.SimulationApp(config, experience=experience or "")
    except Exception as error:
        told.append(f"{type(error).__name__}: {error}")
    if kept:
        os.environ["EXP_PATH"] = kept
app = isaacsim.SimulationApp({"headless": True, "active_gpu": None, "hide_ui": None})
import carb, omni.timeline
settings = carb.settings.get_settings()
for call in (
    lambda: settings.set_bool("/a", 1), lambda: settings.set_string("/a", None), lambda: settings.get("a"),
    lambda: omni.timeline.get_timeline_interface().get_timeline_event_stream()
        .create_subscription_to_pop_by_type(omni.timeline.TimelineEventType.STOP, print),
):
    try:
        told.append(f"taken: {call()}")
    except TypeError:
        pass
settings.set_float("/b/c", 1.5)
told.append([settings.get("/b/c"), settings.get("/nothing"), settings.get("/app/window/enabled")])
"""
    assert told(world, code) == [
        "ValueError: SimulationApp has no setting 'headles'",
        "TypeError: the setting 'width' of SimulationApp is '1280', not int",
        "TypeError: the setting 'headless' of SimulationApp is 1, not bool",
        "TypeError: the setting 'active_gpu' of SimulationApp is '0', not int",
        "FileNotFoundError: there is no experience file '/nowhere.kit'",
        "KeyError: 'EXP_PATH'",
        [1.5, None, False],
    ]


def test_a_start_is_recorded(world: World) -> None:
    """The second word is an argument of this program, which Kit would get."""
    code = "import torch\nfrom isaaclab.app import AppLauncher\n"
    code += "app = AppLauncher({'headless': True, 'device': 'cuda:1'}).app\nprint('not flushed', end='')\napp.close()"
    done = world.run("-c", code, "--num_envs=4", HEADLESS="0", PYTHONUNBUFFERED="")
    assert (done.returncode, "not flushed" in done.stdout) == (0, False), done.stderr
    assert "['torch'] were loaded before SimulationApp was started and might not be loaded correctly" in done.stdout
    started = world.started()
    assert started is not None and world.closed()
    assert started["kit"] == f"{world.lab}/apps/isaaclab.python.headless.kit"
    assert started["config"] == {"headless": True, "hide_ui": True, "active_gpu": 1, "physics_gpu": 1}
    assert started["argv"] == ["-c", "--num_envs=4"]
    assert started["environment"] == {"HEADLESS": "0"}
    assert {"torch", "toml", "carb"} <= set(started["early"]) and started["window"] is False


def test_a_window_has_a_toolbar_and_is_closed_by_its_user(world: World) -> None:
    code = """
from isaaclab.app import AppLauncher
app = AppLauncher({"headless": False, "experience": sys.argv[1]}).app
import omni.kit.widget.toolbar, carb
told = [omni.kit.widget.toolbar.get_instance()._builtin_tools._play_button_group._stop_button, 0]
while app.is_running():
    app.update()
    told[1] += 1
told += [carb.settings.get_settings().get("/app/window/enabled")]
"""
    kit = str(world.lab / "apps/isaacsim_5_1/isaaclab.python.kit")
    done = world.run("-c", TRIED + code + TOLD, kit, DISPLAY=":0", OMNI_DOUBLE_UPDATES="3")
    assert done.returncode == 0 and json.loads(done.stdout.splitlines()[-1]) == [None, 3, True], done.stderr
    started = world.started()
    assert started is not None and started["window"] is True
    assert told(world, f"{START}told = tried('omni.kit.widget.toolbar')", DISPLAY=":0") == {}
    headless = f"import isaacsim\napp = isaacsim.SimulationApp(experience='{kit[:-4]}.headless.kit')\n"
    assert "omni.kit.widget.toolbar" in told(world, f"{headless}told = tried('omni.kit.widget.toolbar')")


def test_help_among_the_arguments_ends_the_app(world: World) -> None:
    done = world.run("-c", f"{START}print('never said', flush=True)", "--help")
    assert done.returncode == 0 and "never said" not in done.stdout


# --- ending, and moods ---------------------------------------------------------------------------


def test_foreign(world: World) -> None:
    done = world.run("-c", "import isaacsim; print(isaacsim.SimulationApp)", OMNI_DOUBLE="foreign")
    warning = "[Warning] Unable to expose 'isaacsim.simulation_app' API: No module named 'carb._carb'"
    assert done.stdout.splitlines() == [warning, "None"]


def test_interrupted(world: World) -> None:
    """Its own handler ends with 0."""
    done = world.run("-c", f"{START}print('never said', flush=True)", OMNI_DOUBLE="interrupted")
    assert done.returncode == 0 and "never said" not in done.stdout


def test_crash(world: World) -> None:
    done = world.run("-c", f"{START}app.close()", OMNI_DOUBLE="crash")
    assert done.returncode == 1 and "Segmentation fault" in done.stderr and world.closed()


@pytest.mark.parametrize("mood", ["", "hang", "hang-gil"])
def test_close_hangs(world: World, mood: str) -> None:
    """In that mood; and while the STOP callback of a simulation that nobody closed keeps it rendering."""
    code = f"""{START}
import omni.timeline
timeline = omni.timeline.get_timeline_interface()
def on_stop(event):
    while not timeline.is_playing():
        app.update()
if not {mood!r}:
    subscription = timeline.create_subscription_to_pop_by_type(int(omni.timeline.TimelineEventType.STOP), on_stop)
timeline.play()
app.close()
"""
    command = [str(world.python), "-c", code]
    env, before = world.environment(OMNI_DOUBLE=mood), world.started()
    with ended(subprocess.Popen(command, env=env, stdout=-1, stderr=-1, text=True, start_new_session=True)) as process:
        end = time.monotonic() + 30
        while not (world.started() != before and world.closed()):
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.05)
        os.kill(world.started()["pid"], signal.SIGINT)  # type: ignore[index]
        if mood == "hang-gil":
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(1)
        else:
            assert process.wait(30) == 0


# --- what lies above -----------------------------------------------------------------------------


def test_one_rsl_rl(world: World) -> None:
    code = "from importlib.metadata import distributions\nimport rsl_rl.runners\n"
    code += "print(*{d.metadata['Name'] + d.version for d in distributions() if 'rsl' in d.metadata['Name']})"
    try:
        for release, name in (("1.0.2", "rsl_rl1.0.2"), ("3.1.2", "rsl-rl-lib3.1.2")):
            world.station(release)
            world.last = release
            assert world.run("-c", code).stdout == f"{name}\n"
    finally:
        world.last = "1.0.2"


def test_an_environment_is_isaac_labs(world: World) -> None:
    """All in one process, as it takes seconds to start."""
    code = """
from isaaclab.app import AppLauncher
app = AppLauncher({"headless": True, "device": "cpu"}).app
import gymnasium, torch, contract_tasks
from isaaclab.envs import ManagerBasedRLEnv
from isaaclab_tasks.utils.parse_cfg import load_cfg_from_registry
task = "Contract-Cartpole-v0"
def make(mode=None, **fields):
    cfg = load_cfg_from_registry(task, "env_cfg_entry_point")
    cfg.scene.num_envs, cfg.sim.device, cfg.seed, cfg.episode_length_s = 4, "cpu", 3, 0.1
    for name, value in fields.items():
        setattr(cfg, name, value)
    return gymnasium.make(task, cfg=cfg, render_mode=mode).unwrapped
def refused(call):
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
env = make("rgb_array", asymmetric=True, nan_at_step=8, crash_at_step=9)
told = dict(real=isinstance(env, ManagerBasedRLEnv), limit=env.max_episode_length, dt=env.step_dt)
told["sizes"] = {name: list(value.shape) for name, value in env.reset()[0].items()}
zeros = torch.zeros(4, 1)
steps = [env.step(zeros) for _ in range(6)]
told["time_outs"] = [bool(step[3].any()) for step in steps[-1:]]
log = env.extras["log"]
env.step(zeros)
told["log stays"] = env.extras["log"] is log and "Episode_Reward/smooth_reward" in log
seen = env.step(zeros)[0], env.observation_manager.compute()
told["nan"] = [bool(seen[0]["policy"].isnan().all()), bool(seen[1]["critic"].isnan().all())]
told["shape"] = refused(lambda: env.step(torch.zeros(4, 2)))
env.step(zeros)
told["crash"] = refused(lambda: env.step(zeros))
told["second"] = refused(make)
told["render"] = refused(env.render)
env.close()
env.close()
told["after"] = refused(lambda: env.step(zeros))
told["fails"] = refused(lambda: make(build_fails=True))
print(json.dumps(told), flush=True)
app.close()
"""
    command = [str(world.python), "-c", TRIED + code]
    env = world.environment()
    with ended(subprocess.Popen(command, env=env, stdout=-1, stderr=-1, text=True, start_new_session=True)) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        line = next((line for line in lines if line.startswith('{"real"')), None)
        with pytest.raises(subprocess.TimeoutExpired):  # the simulation of the failed build renders for ever
            process.wait(2)
    assert line is not None, process.stderr
    found = json.loads(line)
    assert (found["real"], found["limit"], round(found["dt"] * 60, 6)) == (True, 6, 1)
    assert found["sizes"] == {"policy": [4, 5], "critic": [4, 6]}
    assert (found["time_outs"], found["log stays"], found["nan"]) == ([True], True, [True, True])
    assert found["shape"] == "AssertionError: actions of shape (4, 2)"
    assert found["crash"] == "ValueError: the robot's own bug"
    assert found["second"] == "RuntimeError: Simulation context already exists. Cannot create a new one."
    assert found["render"].startswith(
        "RuntimeError: Cannot render 'rgb_array' when the simulation render mode is 'NO_GUI"
    )
    assert found["after"] == "AssertionError: a step after close()"
    assert found["fails"] == "RuntimeError: Failed to find a prim at path: '/World/envs/env_.*/Robot'"
    assert world.closed() and [event["event"] for event in world.environments()] == ["built", "closed"]
