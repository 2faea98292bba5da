"""Isaac Sim 5.1 through Isaac Lab 2.3.2.

Read from the environment, where scripts/launch.sh puts them: ISAACLAB_PATH, the checkout of Isaac Lab, and
ISAAC_TASK_PACKAGES, modules beside isaaclab_tasks that register tasks, joined by colons.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import logging
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners.errors import UserError, nearest
from runners.simulators import registrations

if TYPE_CHECKING:
    from runners.options import Options

REPAIR = "run: make setup SIM=isaac"
TASKS = "isaaclab_tasks"
ROBOT_TASKS = "berkeley_humanoid_lite.tasks"
OVERRULING = ("HEADLESS", "LIVESTREAM", "ENABLE_CAMERAS", "XR")
"""Variables that AppLauncher puts in place of an argument that has its default."""
FATAL_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGABRT, signal.SIGSEGV)
AGENT = "rsl_rl_cfg_entry_point"
EYE = 2.5, 2.5, 1.5
"""Where the camera is, seen from the robot, in m; Isaac Lab's own stands 13 m from the origin."""


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
        self._task = ""

    @property
    def default_task(self) -> str:
        """Berkeley Humanoid Lite walks where its package is there, else a pole is balanced."""
        return "Velocity-Berkeley-Humanoid-Lite-v0" if ROBOT_TASKS in task_packages() else "Isaac-Cartpole-v0"

    def launch(self, options: Options) -> None:
        """Start Isaac Sim, with a window only for ``VIEWER=native``.

        Raises:
            UserError: it is not installed here, or cannot show what is asked for.
        """
        window = options.viewer == "native"
        if options.viewer == "web":
            raise UserError("VIEWER 'web' is not for SIM=isaac; give VIEWER=native, or VIDEO=1")
        if window and not os.environ.get("DISPLAY"):
            raise UserError("VIEWER 'native' needs an X display for Isaac Sim and DISPLAY is not set; try VIDEO=1")
        self._cameras = options.video
        arguments = {
            "headless": not window,
            "livestream": 0,
            "enable_cameras": options.video,
            "xr": False,
            "device": "cuda:0" if options.device == "auto" else options.device,
            "experience": str(kit_file(window, options.video)),
            "video": options.video,  # the viewport is drawn without a window too
        }
        app_launcher = import_app_launcher()
        for variable in OVERRULING:
            os.environ.pop(variable, None)
        del sys.argv[1:]  # Kit would take our flags for its own
        with process_kept():
            self._app = app_launcher(arguments).app
        # Berkeley Humanoid Lite calls a deprecated function in every step
        logging.getLogger("isaaclab.utils.math").addFilter(Once())

    def can_render(self) -> bool:
        """Whether it was started with cameras."""
        return self._cameras

    def distributions(self) -> list[str]:
        """Distributions whose versions decide what a run does."""
        robots = [package.partition(".")[0] for package in task_packages()[1:]]
        lab = ["isaaclab", "isaaclab_tasks", "isaaclab_rl", "isaaclab_assets", *robots]
        return [*lab, "gymnasium", "torch", "numpy", "tensordict", "tensorboard"]

    def tasks(self) -> dict[str, str]:
        """Read the registrations in the sources of isaaclab_tasks and of the other packages with tasks.

        Raises:
            UserError: Isaac Lab or such a package is not there.
        """
        found: dict[str, str] = {}
        for package in task_packages():
            found.update(dict.fromkeys(registrations.ids(imported_files(package), "register", "id"), package))
        return found

    def configs(self, task: str, play: bool = False) -> Configs:
        """Fresh copies of a task's configurations; the environment of ``…-Play-v0`` if asked and registered.

        Raises:
            UserError: the task is not registered, or has no configuration for rsl_rl.
        """
        for package in task_packages():
            importlib.import_module(package)
        registry = importlib.import_module("gymnasium").registry
        known = {name: spec.kwargs for name, spec in registry.items() if "env_cfg_entry_point" in spec.kwargs}
        if task not in known:
            raise UserError(f"unknown TASK '{task}'{nearest(task, known)}; make tasks lists them")
        if AGENT not in known[task]:
            ending = "_cfg_entry_point"
            others = [key.removesuffix(ending) for key in known[task] if key.endswith(ending) and key != f"env{ending}"]
            having = f"only for {', '.join(others)}" if others else "nor for another library"
            raise UserError(f"task '{task}' has no configuration for rsl_rl, {having}; make tasks lists other tasks")
        self._task = task
        variant = re.sub(r"(-v\d+)?$", r"-Play\1", task, count=1)
        load = importlib.import_module(f"{TASKS}.utils.parse_cfg").load_cfg_from_registry
        env = load(variant if play and variant in known else task, "env_cfg_entry_point")
        return Configs(env=env, agent=load(task, AGENT))

    def check(self, task: str, configs: Configs) -> None:
        """Refuse what would only fail after the simulation has been built.

        Raises:
            UserError: an environment without managers, or a time step that is none.
        """
        envs = importlib.import_module("isaaclab.envs")
        if not isinstance(configs.env, envs.ManagerBasedRLEnvCfg):
            kind = "multi-agent" if isinstance(configs.env, envs.DirectMARLEnvCfg) else "direct"
            raise UserError(
                f"task '{task}' has a {kind} environment ({type(configs.env).__name__}) and only manager-based ones "
                "are trained here; make tasks lists other tasks"
            )
        if configs.env.sim.dt <= 0:
            raise UserError(f"ARGS 'env.sim.dt={configs.env.sim.dt}' must be above 0")

    def device(self, wanted: str) -> str:
        """See the protocol. Physics can run on the CPU; Isaac Sim itself needs a GPU all the same.

        Raises:
            UserError: there is no GPU, or not that many.
        """
        import torch

        if wanted == "cpu":
            return "cpu"
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        index = int(wanted.partition(":")[2] or 0)
        if not count:
            raise UserError(f"DEVICE '{wanted}' cannot be used: torch sees no NVIDIA GPU; {REPAIR}")
        if index >= count:
            raise UserError(f"DEVICE '{wanted}' cannot be used: there are {count} GPUs, cuda:0 to cuda:{count - 1}")
        return f"cuda:{index}"

    def prepare_view(self, cfg: Any, task: str) -> None:
        """Let the camera follow the first robot, where the task leaves Isaac Lab's own camera."""
        viewer = cfg.viewer
        if viewer == type(viewer)() and hasattr(cfg.scene, "robot"):
            viewer.origin_type, viewer.asset_name, viewer.eye = "asset_root", "robot", EYE

    def make_env(self, cfg: Any, device: str, render: bool = False) -> Any:
        """Build the environment of the task whose configuration was asked for last."""
        import torch

        torch.backends.cuda.matmul.allow_tf32 = True  # as in Isaac Lab's train.py
        torch.backends.cudnn.allow_tf32 = True
        cfg.sim.device = device
        make = importlib.import_module("gymnasium").make
        return make(self._task, cfg=cfg, render_mode="rgb_array" if render else None).unwrapped

    def view_hint(self, kind: str, port: int | None) -> str:
        """See the protocol."""
        return "close the window, or press Ctrl-C, to end"

    def view(self, env: Any, policy: Any, kind: str, port: int | None) -> None:
        """Step in Isaac Sim's own window, no faster than time passes."""
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


def task_packages() -> list[str]:
    """Modules that register tasks when they are imported."""
    return [TASKS, *filter(None, os.environ.get("ISAAC_TASK_PACKAGES", "").split(":"))]


def lab_folder() -> Path:
    """The checkout of Isaac Lab, as an absolute path."""
    given = os.environ.get("ISAACLAB_PATH")
    if not given:
        raise UserError(f"ISAACLAB_PATH is not set, so there is no Isaac Lab; {REPAIR}")
    return Path(given).absolute()


def kit_file(window: bool, cameras: bool) -> Path:
    """The app that Kit loads. A full path, as AppLauncher takes 4.5's if any pip package isaacsim 4.5 is in sight."""
    name = f"isaaclab.python{'' if window else '.headless'}{'.rendering' if cameras else ''}.kit"
    file = lab_folder() / "apps" / "isaacsim_5_1" / name
    if not file.is_file():
        raise UserError(f"there is no '{file}'; {REPAIR}")
    return file


def import_app_launcher() -> Any:
    """Isaac Lab's AppLauncher; everything else of Isaac Lab can only be imported when it has started Kit.

    Raises:
        UserError: this is not Isaac Sim's Python, or it lacks Isaac Lab.
    """
    try:
        isaacsim = importlib.import_module("isaacsim")
        # isaacsim only prints a warning where it could not load the class
        if getattr(isaacsim, "SimulationApp", None) is not None and "EXP_PATH" in os.environ:
            return importlib.import_module("isaaclab.app").AppLauncher
    except ImportError as error:
        raise UserError(f"'{sys.executable}' cannot load Isaac Lab ({error}); {REPAIR}") from error
    raise UserError(
        f"'{sys.executable}' cannot load Isaac Sim's own modules (isaacsim.SimulationApp), which only the Python "
        f"that its python.sh starts can; {REPAIR}"
    )


@contextlib.contextmanager
def process_kept() -> Iterator[None]:
    """Keep our streams and signal handlers, which SimulationApp and AppLauncher would replace.

    Theirs end the process with status 0 on Ctrl-C and SIGTERM, and never end a segmentation fault. Kit itself
    is told by SimulationApp to install none.
    """
    streams = sys.stdout, sys.stderr
    install = signal.signal

    def install_others(signum: int, handler: Any) -> Any:
        return signal.getsignal(signum) if signum in FATAL_SIGNALS else install(signum, handler)

    signal.signal = install_others  # type: ignore[assignment]
    try:
        yield
    finally:
        signal.signal = install
        sys.stdout, sys.stderr = streams


def imported_files(package: str) -> list[Path]:
    """The sources that importing a package with tasks loads.

    isaaclab_tasks.utils.import_packages passes over names that contain a word of ``_BLACKLIST_PKGS``.
    """
    lab_source = lab_folder() / "source" / package / package / "__init__.py"
    source = lab_source if lab_source.is_file() else registrations.source_of(package, "isaac")
    if not source.is_file():
        raise UserError(f"package '{package}' has no '{source}'; {REPAIR}")
    words = passed_over(source)
    named = {
        file: ".".join((package, *file.relative_to(source.parent).with_suffix("").parts))
        for file in registrations.files_below(source)
    }
    return [file for file, name in named.items() if not any(word in name for word in words)]


def passed_over(source: Path) -> list[str]:
    """The list ``_BLACKLIST_PKGS`` of a module's source; empty without one."""
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_BLACKLIST_PKGS":
            words: list[str] = ast.literal_eval(node.value)
            return words
    return []


SIMULATOR = IsaacSimulator()
