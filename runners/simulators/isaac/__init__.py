"""Isaac Sim 5.1 through Isaac Lab 2.3.2.

Read from the environment, where scripts/launch.sh puts them: ISAACLAB_PATH, the checkout of Isaac Lab, and
ISAAC_TASK_PACKAGES, modules beside isaaclab_tasks that register tasks, joined by colons.
"""

from __future__ import annotations

import importlib
import logging
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners.errors import UserError, nearest
from runners.simulators import Actuation, faulty, play_variant, registrations, task_packages
from runners.simulators.isaac import launcher
from runners.simulators.isaac.multi_agent import SingleAgent
from runners.simulators.isaac.sources import TASKS, always_loaded, imported_files

if TYPE_CHECKING:
    from runners.options import Options

ROBOT_TASKS = "berkeley_humanoid_lite.tasks"
AGENT = "rsl_rl_cfg_entry_point"
EYE = 2.5, 2.5, 1.5
"""Where the camera is, seen from the robot, in m; Isaac Lab's own stands 13 m from the origin."""
WINDOW_KEYS = (
    "in the window: F looks at the selected robot, Alt and the left mouse button turn, the right button with W A S D "
    "flies; closing it or Ctrl-C ends"
)
STREAM = "connect NVIDIA's Isaac Sim WebRTC Streaming Client to this machine, port 49100; Ctrl-C ends"


@dataclass
class Configs:
    """Isaac Lab's configuration objects of one task."""

    env: Any
    agent: Any


class IsaacSimulator:
    """See :class:`runners.simulators.Simulator`."""

    name = "isaac"
    renderer_packages = "'libegl1 libgl1 libglu1-mesa' with NVIDIA's driver"

    def __init__(self) -> None:
        self._app: Any = None
        self._cameras = False
        self._device: str | None = None
        self._packages: dict[str, str] = {}
        self._task = ""
        self.warnings: list[str] = []

    @property
    def default_task(self) -> str:
        """Berkeley Humanoid Lite walks where its package is there, else a pole is balanced."""
        return "Velocity-Berkeley-Humanoid-Lite-v0" if ROBOT_TASKS in always_loaded() else "Isaac-Cartpole-v0"

    def launch(self, options: Options, flags: Sequence[str] = ()) -> None:
        """Start Isaac Sim, with a window only for ``VIEWER=native``.

        Raises:
            UserError: it is not installed here, or cannot show what is asked for.
        """
        if options.viewer == "native" and not os.environ.get("DISPLAY"):
            raise UserError("VIEWER 'native' needs an X display for Isaac Sim and DISPLAY is not set; try VIDEO=1")
        if options.viewer == "web" and options.port:
            raise UserError(f"PORT '{options.port}' is not for SIM=isaac, which streams on 49100; leave PORT out")
        self._packages = task_packages.named(options.task_package)
        launcher.kit_file(options.viewer in ("native", "web"), options.video)  # before the seconds that imports take
        app_launcher = launcher.import_app_launcher()
        given = launcher.read_flags(app_launcher, flags)
        arguments = launcher.arguments(options, given)
        self._cameras = bool(arguments["enable_cameras"])
        self._device = given.get("device")
        self._app = launcher.start(app_launcher, arguments, given)
        # Berkeley Humanoid Lite calls a deprecated function in every step
        logging.getLogger("isaaclab.utils.math").addFilter(Once())

    def close(self) -> None:
        """Close Isaac Sim, which ends the process with status 0."""
        if self._app is not None:
            self._app.close()

    def can_render(self) -> bool:
        """Whether it was started with cameras."""
        return self._cameras

    def versions(self) -> dict[str, str | None]:
        """Versions of Isaac Sim and Isaac Lab, and of the distributions that decide what a run does."""
        from runners import manifest

        robots = [package.partition(".")[0] for package in always_loaded()[1:]]
        lab = ["isaaclab", "isaaclab_tasks", "isaaclab_rl", "isaaclab_assets", *robots]
        found = manifest.versions([*lab, "gymnasium", "torch", "numpy", "tensordict", "tensorboard"])
        own = {"isaac_sim": version_in("ISAAC_PATH"), "isaac_lab": version_in("ISAACLAB_PATH")}
        return {**own, **found}

    def tasks(self, packages: Sequence[str] = ()) -> dict[str, str]:
        """Read the registrations in the sources of isaaclab_tasks and of the other packages with tasks.

        Raises:
            UserError: Isaac Lab or such a package is not there.
        """
        found: dict[str, str] = {}
        for package in dict.fromkeys([*always_loaded(), *packages, *task_packages.announced(self.name)]):
            found.update(dict.fromkeys(registrations.ids(imported_files(package), "register", "id"), package))
        return found

    def configs(self, task: str, play: bool = False, agent: str | None = None) -> Configs:
        """Fresh copies of a task's configurations; the environment of ``…-Play-v0`` if asked and registered.

        Args:
            task: its id.
            play: prefer the play variant.
            agent: name of the entry point of the agent's configuration; a YAML file there comes as a dict. "": none.

        Raises:
            UserError: the task is not registered, has no configuration for rsl_rl, or one that cannot be loaded.
        """
        task_packages.load({TASKS: TASKS, **self._packages}, self.name)
        others = dict.fromkeys([*always_loaded()[1:], *task_packages.announced(self.name)])
        self.warnings = task_packages.load_others(others, self.name)
        registry = importlib.import_module("gymnasium").registry
        known = {name: spec.kwargs for name, spec in registry.items() if "env_cfg_entry_point" in spec.kwargs}
        if task not in known:
            raise UserError(task_packages.unknown(task, known, self.warnings))
        self._task = task
        entry_point = AGENT if agent is None else agent
        if entry_point and entry_point not in known[task]:
            raise UserError(no_agent(task, agent, known[task]))
        variant = re.sub(r"(-v\d+)?$", r"-Play\1", task, count=1)
        env = self._load(variant if play and variant in known else task, "env_cfg_entry_point", known)
        return Configs(env=env, agent=self._load(task, entry_point, known) if entry_point else None)

    def _load(self, task: str, entry_point: str, known: dict[str, Any]) -> Any:
        """One configuration; Isaac Lab imports its file only now."""
        load = importlib.import_module(f"{TASKS}.utils.parse_cfg").load_cfg_from_registry
        with faulty.in_one_line(task, entry_point, known[task][entry_point], self.name, self._packages):
            return load(task, entry_point)

    def check(self, task: str, configs: Configs) -> None:
        """Refuse what would only fail after the simulation has been built.

        Raises:
            UserError: an environment that cannot be imported, cameras as sensors in an app without cameras, or a time
                step that is none.
        """
        creator = importlib.import_module("gymnasium").spec(task).entry_point
        if isinstance(creator, str):
            with faulty.in_one_line(task, "the environment", creator, self.name, self._packages):
                importlib.import_module("gymnasium.envs.registration").load_env_creator(creator)
        cfg = configs.env
        if cfg.sim.dt <= 0:
            raise UserError(f"ARGS 'env.sim.dt={cfg.sim.dt}' must be above 0")
        camera = importlib.import_module("isaaclab.sensors").CameraCfg
        for name, value in {**vars(cfg), **vars(cfg.scene)}.items():
            if isinstance(value, camera) and not self._cameras:
                raise UserError(
                    f"task '{task}' sees through the camera '{name}', and Isaac Sim was started without; "
                    "add: ARGS=--enable_cameras"
                )

    def device(self, wanted: str) -> str:
        """See the protocol. Physics can run on the CPU; Isaac Sim itself needs a GPU all the same.

        Raises:
            UserError: there is no GPU, or not that many.
        """
        from runners import hardware

        wanted = self._device or wanted
        without = f"torch sees no NVIDIA GPU; {launcher.REPAIR}"
        return "cpu" if wanted == "cpu" else hardware.cuda_device(wanted, without)

    def prepare_play(self, cfg: Any, flat: bool) -> list[str]:
        """See the protocol. Commands are held: Isaac Lab draws new ones every few seconds."""
        play_variant.hold_commands(cfg)
        return play_variant.flatten(cfg) if flat else []

    def prepare_view(self, cfg: Any, task: str) -> None:
        """Let the camera follow the first robot, where the task leaves Isaac Lab's own camera."""
        viewer = cfg.viewer
        if viewer == type(viewer)() and hasattr(cfg.scene, "robot"):
            viewer.origin_type, viewer.asset_name, viewer.eye = "asset_root", "robot", EYE

    def make_env(self, cfg: Any, device: str, render: bool = False) -> Any:
        """Build the environment of the task whose configuration was asked for last; several agents become one."""
        import torch

        torch.backends.cuda.matmul.allow_tf32 = True  # as in Isaac Lab's train.py
        torch.backends.cudnn.allow_tf32 = True
        cfg.sim.device = device
        make = importlib.import_module("gymnasium").make
        env = make(self._task, cfg=cfg, render_mode="rgb_array" if render else None).unwrapped
        envs = importlib.import_module("isaaclab.envs")
        return SingleAgent(env) if isinstance(env, envs.DirectMARLEnv) else env

    def actuation(self, joint_action: Any) -> Actuation:
        """See the protocol. What is called default are the gains that the actuators were built with."""
        articulation = joint_action._asset
        names = list(articulation.joint_names)
        stiffness = dict(zip(names, articulation.data.default_joint_stiffness[0].tolist(), strict=True))
        damping = dict(zip(names, articulation.data.default_joint_damping[0].tolist(), strict=True))
        gains = {
            name: (stiffness[name], damping[name], limit)
            for motors in articulation.actuators.values()
            for name, limit in zip(motors.joint_names, motors.effort_limit[0].tolist(), strict=True)
        }
        initial = articulation.cfg.init_state
        return Actuation(list(joint_action._joint_names), names, gains, initial.pos, initial.joint_pos)

    def view_hint(self, kind: str, port: int | None) -> str:
        """See the protocol."""
        return WINDOW_KEYS if kind == "native" else STREAM

    def view(self, env: Any, policy: Any, kind: str, port: int | None) -> None:
        """Step in Isaac Sim's own window or stream, no faster than time passes."""
        import torch

        step_s = env.unwrapped.step_dt
        with torch.inference_mode():
            observations = env.get_observations()
            while self._app.is_running():
                due = time.monotonic() + step_s
                observations, *_ = env.step(policy(observations))
                time.sleep(max(0.0, due - time.monotonic()))


class Once(logging.Filter):
    """Lets every message through once."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the message is new."""
        message = record.getMessage()
        new = message not in self._seen
        self._seen.add(message)
        return new


def no_agent(task: str, wanted: str | None, entry_points: dict[str, Any]) -> str:
    """What to say where a task lacks the configuration that is wanted."""
    ending = "_cfg_entry_point"
    others = [key for key in entry_points if key.endswith(ending) and key != f"env{ending}"]
    if wanted:
        return f"AGENT '{wanted}' is no entry point of '{task}'{nearest(wanted, others)}; it has {', '.join(others)}"
    libraries = ", ".join(key.removesuffix(ending) for key in others)
    having = f"only for {libraries}" if libraries else "nor for another library"
    return (
        f"task '{task}' has no configuration for rsl_rl, {having}; make tasks lists other tasks, AGENT=file.yaml "
        "gives it one"
    )


def version_in(variable: str) -> str | None:
    """The first line of VERSION in the folder that a variable names; no metadata of a standalone Isaac Sim has it."""
    try:
        return (Path(os.environ[variable]) / "VERSION").read_text(encoding="utf-8").split("\n")[0].strip()
    except (KeyError, OSError):
        return None


SIMULATOR = IsaacSimulator()
