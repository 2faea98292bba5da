"""AppLauncher: its flags, the kit that it loads, and what it may not change in this process."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from runners import ranks
from runners.errors import UsageError, UserError, nearest

if TYPE_CHECKING:
    from runners.options import Options

REPAIR = "run: make setup SIM=isaac"
OVERRULING = ("HEADLESS", "LIVESTREAM", "ENABLE_CAMERAS", "XR")
"""Variables that AppLauncher puts in place of an argument that has its default."""
FATAL_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGABRT, signal.SIGSEGV)
READ_BY_KIT = ("verbose", "info")
"""Flags that SimulationApp looks for in sys.argv."""
ELSEWHERE = {
    "--task": "TASK=", "--num_envs": "NUM_ENVS=", "--seed": "SEED=", "--max_iterations": "ITERATIONS=",
    "--agent": "AGENT=", "--distributed": "GPUS=", "--video": "VIDEO=1", "--video_length": "VIDEO_LENGTH=",
    "--video_interval": "VIDEO_INTERVAL=", "--resume": "RESUME=1", "--load_run": "RUN=", "--checkpoint": "CHECKPOINT=",
    "--run_name": "NAME=", "--logger": "LOGGER=", "--experiment_name": "ARGS=agent.experiment_name=",
    "--disable_fabric": "ARGS=env.sim.use_fabric=false", "--real-time": "VIEWER=native",
}  # fmt: skip
"""Flags of Isaac Lab's own scripts, and what they are called here."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"ARGS: {message}; a value that begins with '-' is given as --flag=value")


def read_flags(app_launcher: Any, words: Sequence[str]) -> dict[str, Any]:
    """The flags of AppLauncher that ARGS has, with their values.

    Raises:
        UsageError: an unknown flag, or a value that is not valid.
    """
    parser = _Parser(prog="ARGS", add_help=False, allow_abbrev=False)
    app_launcher.add_app_launcher_args(parser)
    flags, rest = parser.parse_known_args(list(words))
    if rest:
        known = [flag for action in parser._actions for flag in action.option_strings]
        raise UsageError(unknown(rest[0].partition("=")[0], known))
    given = {name: value for name, value in vars(flags).items() if value != parser.get_default(name)}
    if given.pop("cpu", False):
        raise UsageError("ARGS '--cpu' is no more; give DEVICE=cpu")
    return given


def unknown(flag: str, known: list[str]) -> str:
    """What to say of a flag that AppLauncher does not have."""
    if flag in ELSEWHERE:
        return f"ARGS '{flag}' is {ELSEWHERE[flag]} here"
    return (
        f"ARGS '{flag}' is no flag of Isaac Lab's launcher{nearest(flag, known)}; it has {', '.join(known)}, "
        "and configurations are changed by env.field=value and agent.field=value"
    )


def arguments(options: Options, flags: dict[str, Any]) -> dict[str, Any]:
    """What AppLauncher is started with: no window but for ``VIEWER=native``, and nothing left to its environment.

    Raises:
        UsageError: two things that exclude each other.
        UserError: the kit is not there.
    """
    window = options.viewer == "native"
    if window and flags.get("headless"):
        raise UsageError("ARGS '--headless' and a window exclude each other; give VIEWER=none, or VIDEO=1")
    for name in ("device", "gpus"):
        if "device" in flags and name in options.given:
            raise UsageError(f"{name.upper()} and ARGS '--device' set the same; give one of them")
    stream = flags.get("livestream", 2 if options.viewer == "web" else 0)
    given = {
        "headless": not window,
        "livestream": stream,
        "enable_cameras": options.video,
        "xr": False,
        "device": "cuda:0" if options.device == "auto" else options.device,
        "device_explicit": True,
        "distributed": ranks.count() > 1,
        "video": options.video,  # the viewport is drawn without a window too
    }
    given |= {name: value for name, value in flags.items() if name not in READ_BY_KIT}
    if not given.get("experience"):
        given["experience"] = str(kit_file(window or stream > 0, given["enable_cameras"], given["xr"]))
    return given


def kit_file(window: bool, cameras: bool, xr: bool = False) -> Path:
    """The app that Kit loads, of those that set-up made for 5.1, else of Isaac Lab's own.

    A full path: with a name alone AppLauncher takes 4.5's if any pip package isaacsim 4.5 is in sight.

    Raises:
        UserError: there is none.
    """
    name = f"isaaclab.python{'' if window else '.headless'}{'.rendering' if cameras else ''}.kit"
    if xr:
        name = f"isaaclab.python.xr.openxr{'' if window else '.headless'}.kit"
    apps = lab_folder() / "apps"
    for file in (apps / "isaacsim_5_1" / name, apps / name):
        if file.is_file():
            return file
    raise UserError(f"there is no '{name}' in '{apps / 'isaacsim_5_1'}' or above it; {REPAIR}")


def lab_folder() -> Path:
    """The checkout of Isaac Lab, as an absolute path."""
    given = os.environ.get("ISAACLAB_PATH")
    if not given:
        raise UserError(f"ISAACLAB_PATH is not set, so there is no Isaac Lab; {REPAIR}")
    return Path(given).absolute()


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


def start(app_launcher: Any, given: dict[str, Any], flags: dict[str, Any]) -> Any:
    """Start Kit, and return the app.

    Raises:
        UsageError: AppLauncher does not take a value.
    """
    for variable in OVERRULING:
        os.environ.pop(variable, None)
    # Kit would take our flags for its own
    sys.argv[1:] = [f"--{name}" for name in READ_BY_KIT if flags.get(name)]
    if os.environ.get("RUNNER_REGISTRY"):  # scripts/launch.sh, where Kit lacked an extension
        sys.argv.append("--/app/extensions/registryEnabled=true")
    if (gpu := ranks.graphics_gpu(str(given["device"]))) is not None:
        sys.argv.append(f"--/renderer/activeGpu={gpu}")  # comes after AppLauncher's own, and so counts
    with process_kept():
        try:
            return app_launcher(given).app
        except (ValueError, FileNotFoundError) as error:
            raise UsageError(f"Isaac Lab's launcher refuses: {' '.join(str(error).split())}") from error


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
