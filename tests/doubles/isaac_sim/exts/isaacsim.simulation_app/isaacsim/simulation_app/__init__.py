"""Stand-in of isaacsim.simulation_app: starts nothing, but takes, refuses, writes and ends as the real one does.

It is stricter in one thing: the real one takes any launch setting, this one only those that it knows, in their types.
Each start writes <ISAAC>/kit/logs/started.json anew, close() adds a line to <ISAAC>/kit/logs/closed: see _record.

OMNI_DOUBLE is a mood: "interrupted" (SIGINT comes while the app starts), "hang" (close() never returns, in Python),
"hang-gil" (nor in C, with the interpreter's lock), "crash" (a segmentation fault in close()); "foreign" is in
python_packages/isaacsim. OMNI_DOUBLE_UPDATES=N: the user closes the window after N frames. OMNI_DOUBLE_REGISTRY=1: the
registry of extensions can be reached, for an app that asks it.
"""

import builtins
import ctypes
import faulthandler
import importlib
import importlib.util
import json
import os
import re
import signal
import sys
import time
from pathlib import Path

import carb

FOREVER = 10**6
DEFAULTS = {
    "headless": True, "hide_ui": None, "active_gpu": None, "physics_gpu": 0, "multi_gpu": True, "max_gpu_count": None,
    "sync_loads": True, "width": 1280, "height": 720, "window_width": 1440, "window_height": 900,
    "display_options": 3094, "subdiv_refinement_level": 0, "renderer": "RaytracedLighting", "anti_aliasing": 3,
    "samples_per_pixel_per_frame": 64, "denoiser": True, "max_bounces": 4, "max_specular_transmission_bounces": 6,
    "max_volume_bounces": 4, "open_usd": None, "fast_shutdown": True, "profiler_backend": [], "create_new_stage": True,
    "extra_args": [], "enable_crashreporter": True, "limit_cpu_threads": 32, "disable_viewport_updates": False,
}  # fmt: skip
"""SimulationApp.DEFAULT_LAUNCHER_CONFIG of 5.1."""
OR_NONE = {"hide_ui": bool, "active_gpu": int, "max_gpu_count": int, "open_usd": str}
NOTED = ("HEADLESS", "LIVESTREAM", "ENABLE_CAMERAS", "XR", "DISPLAY")


class App:
    """Kit's application, one a process: what omni.kit.app.get_app() gives."""

    def __init__(self):
        self._left = int(os.environ.get("OMNI_DOUBLE_UPDATES", -1))
        self.started = False
        self.updates = 0

    def update(self):
        """One frame; a window that is still open after the last one has been closed by the user."""
        if not self.started:
            raise RuntimeError("Kit's application is not running")
        self.updates += 1

    def is_running(self):
        return self.started and not 0 <= self._left <= self.updates


APP = App()


class AppFramework:
    """Only its name is exported beside SimulationApp."""


class SimulationApp:
    """One app a process. close() ends the process with status 0, and what is not flushed is lost."""

    DEFAULT_LAUNCHER_CONFIG = DEFAULTS

    def __init__(self, launch_config=None, experience=""):
        faulthandler.enable()
        early = _third_party()
        _warn_of_early()
        builtins.ISAAC_LAUNCHED_FROM_TERMINAL = False
        self._exiting = False
        given = dict(launch_config or {})
        _check(given)
        self.config = {**DEFAULTS, **given}
        kit = Path(experience or f"{os.environ['EXP_PATH']}/isaacsim.exp.base.python.kit")
        if not kit.is_file():
            raise FileNotFoundError(f"there is no experience file '{kit}'")
        self.config["experience"] = str(kit)
        self._sim = Path(os.environ["ISAAC_PATH"])
        _record(self._sim, kit, given, early, self._opens_window())
        self._start_app()
        signal.signal(signal.SIGINT, _on_interrupt)
        if os.environ.get("OMNI_DOUBLE") == "interrupted":
            os.kill(os.getpid(), signal.SIGINT)
        builtins.ISAACSIM_APP_LAUNCHED = True

    def __del__(self):
        if self._exiting is False and sys.meta_path is None:
            print("ERROR: Python exiting while SimulationApp was still running, Please call close() ...")

    def _opens_window(self):
        return not self.config["headless"] and "DISPLAY" in os.environ and "--no-window" not in sys.argv[1:]

    def _start_app(self):
        """Kit's own start; AppLauncher wraps this method for pinocchio."""
        kit = Path(self.config["experience"])
        words = [str(kit), *(["--portable"] if "--portable-root" not in sys.argv[1:] else [])]
        print("Starting kit application with the following args: ", words)
        print("Passing the following args to the base kit application: ", sys.argv[1:])
        os.write(1, f"[Info] [carb] Logging to file: {self._sim}/kit/logs\n".encode())
        _resolve(self._sim, kit, set())
        if "--portable-root" not in sys.argv[1:]:
            _write_portable(self._sim, kit)
        APP.started = True
        _load_extensions(self._sim, kit, self._opens_window())
        if {"-h", "--help"} & set(sys.argv[1:]):
            self.close(skip_cleanup=True)

    @property
    def app(self):
        return APP

    def is_running(self):
        return APP.is_running() and not self._exiting

    def is_exiting(self):
        return self._exiting

    def update(self):
        APP.update()

    def close(self, wait_for_replicator=True, skip_cleanup=False):
        with open(self._sim / "kit/logs/closed", "a") as closed:
            closed.write(f"closed {os.getpid()} {time.time()}\n")
        if not skip_cleanup:
            # closing the stage stops the timeline; the callback of a simulation that still lives renders for ever
            importlib.import_module("omni.timeline").get_timeline_interface().stop()
        if self._exiting:
            return
        self._exiting = True
        match os.environ.get("OMNI_DOUBLE"):
            case "hang":
                time.sleep(FOREVER)
            case "hang-gil":
                _hang_in_c()
            case "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
        os._exit(0)


def _hang_in_c():
    """PyDLL keeps the interpreter's lock; a signal ends a sleep, but not the wait for a mutex that is one's own."""
    mutex, lock = ctypes.create_string_buffer(64), ctypes.PyDLL(None).pthread_mutex_lock
    lock(mutex)
    lock(mutex)


def _on_interrupt(signum, frame):
    """Kit is shut down and the process ends with 0."""
    APP.started = False
    sys.exit(0)


def _check(given):
    for name, value in given.items():
        if name not in DEFAULTS:
            raise ValueError(f"SimulationApp has no setting '{name}'")
        kinds = (OR_NONE[name], type(None)) if name in OR_NONE else (type(DEFAULTS[name]),)
        if type(value) not in kinds:
            raise TypeError(f"the setting '{name}' of SimulationApp is {value!r}, not {kinds[0].__name__}")


def _third_party():
    return sorted({name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names)


def _warn_of_early():
    """The real one does not look for torch."""
    found = [name for name in sys.modules if re.match("omni.*|pxr.*", name) or name == "torch"]
    if found:
        told = "were loaded before SimulationApp was started and might not be loaded correctly."
        carb.log_warn(f"Modules: {found} {told}")


def _record(sim, kit, given, early, window):
    """What tests look at: with what it was started, and what was imported before."""
    record = {
        "pid": os.getpid(), "kit": str(kit), "config": given, "argv": sys.argv,
        "environment": {name: os.environ[name] for name in NOTED if name in os.environ},
        "early": early, "window": window,
    }  # fmt: skip
    file = sim / "kit/logs/started.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")  # tests wait for it and must not read half of it
    part.write_text(json.dumps(record, indent=1))
    part.replace(file)


def _resolve(sim, kit, seen):
    """Ends the process where Kit could not start: a dependency that is neither on the disk nor exactly shipped."""
    text = kit.read_text()
    app, program = str(kit.parent), os.environ["CARB_APP_PATH"]
    folders = [
        Path(word.replace("${app}", app).replace("${exe-path}", program))
        for word in re.findall(r'^ *"(\$\{[^"]*)"', text, re.MULTILINE)
    ]
    for name in re.findall(r'^"(isaaclab[\w.]*)" *=', text, re.MULTILINE):
        kits = [folder / f"{name}.kit" for folder in folders if (folder / f"{name}.kit").is_file()]
        if kits and kits[0] not in seen:
            _resolve(sim, kits[0], seen | {kit})
        elif not kits and not any((folder / name / "config/extension.toml").is_file() for folder in folders):
            _fail(f"dependency '{name}' of '{kit}' cannot be satisfied")
    for name, version in re.findall(r'^"([\w.]+)" *= *\{ *version *= *"([^"]+)", *exact', text, re.MULTILINE):
        shipped = re.findall(r'^version = "(.*)"', _read(sim / "exts" / name / "config/extension.toml"), re.MULTILINE)
        if shipped != [version] and not (_asks_registry(text) and os.environ.get("OMNI_DOUBLE_REGISTRY")):
            _fail(
                f"dependency: '{name}' = {{ version='={version}' }} can't be satisfied. Available versions: {shipped}"
            )


def _asks_registry(text):
    """The command line goes before the kit file, which has it on in Kit's own defaults."""
    said = [word.partition("=")[2] for word in sys.argv if word.startswith("--/app/extensions/registryEnabled=")]
    said += re.findall(r"^registryEnabled = (\w+)", text, re.MULTILINE)
    return [*said, "true"][0] == "true"


def _read(path):
    return path.read_text() if path.is_file() else ""


def _fail(reason):
    """The words are those of Kit 107, as in https://github.com/NVIDIA-Omniverse/kit-app-template/issues/23."""
    said = f"[omni.ext.plugin] Failed to resolve extension dependencies. Failure hints:\n\t{reason}"
    print(f"[Error] {said}", file=sys.stderr, flush=True)
    print(
        "[Error] [omni.kit.app.plugin] Exiting app because of dependency solver failure...", file=sys.stderr, flush=True
    )
    os._exit(1)


def _write_portable(sim, kit):
    """A start from Python is portable: it writes below kit/."""
    name = (re.findall(r'^app\.name = "(.*)"', kit.read_text(), re.MULTILINE) or ["Isaac-Sim"])[0]
    for folder, file in (("cache", "omni.kvdb"), ("data", "user.config.json"), ("logs", f"kit_{os.getpid()}.log")):
        path = sim / "kit" / folder / "Kit" / name / "5.1" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{kit}\n")


def _load_extensions(sim, kit, window):
    """What Kit's extensions provide can be imported from now on."""
    headless = ".headless" in kit.name
    for extension in sorted(sim.glob("kit/exts/*")):
        if headless and extension.name == "omni.kit.widget.toolbar":
            continue
        sys.path.append(str(extension))
        for package in ("carb", "isaacsim"):
            if (extension / package).is_dir():
                sys.modules[package].__path__.append(str(extension / package))
    settings = importlib.import_module("carb.settings").get_settings()
    settings.set_bool("/app/window/enabled", window)
    spec = importlib.util.spec_from_file_location("kit_stand_ins", sim / "kit/stand_ins.py")
    if Path(spec.origin).is_file():
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.install()
