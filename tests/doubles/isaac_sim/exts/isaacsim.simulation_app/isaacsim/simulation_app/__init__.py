"""Stand-in of isaacsim.simulation_app: starts nothing, but refuses, writes and ends as the real one does."""

import builtins
import importlib
import os
import re
import signal
import sys
from pathlib import Path

import carb

SIM = Path(os.environ["ISAAC_PATH"])


class SimulationApp:
    """One app a process. close() ends the process with status 0, and what is not flushed is lost."""

    def __init__(self, launch_config=None, experience=""):
        self.config = dict(launch_config or {})
        if {"-h", "--help"} & set(sys.argv[1:]):
            self.close()
        kit = Path(experience or f"{os.environ['EXP_PATH']}/isaacsim.exp.base.python.kit")
        _resolve(kit, set())
        _write_portable(kit)
        _load_extensions()
        signal.signal(signal.SIGINT, lambda *_: self.close())
        builtins.ISAACSIM_APP_LAUNCHED = True
        self._running = True

    def is_running(self):
        return self._running

    def update(self):
        pass

    def close(self, wait_for_replicator=True):
        os._exit(0)


def _resolve(kit, seen):
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
            _resolve(kits[0], seen | {kit})
        elif not kits and not any((folder / name / "config/extension.toml").is_file() for folder in folders):
            _fail(f"dependency '{name}' of '{kit}' cannot be satisfied")
    for name, version in re.findall(r'^"([\w.]+)" *= *\{ *version *= *"([^"]+)", *exact', text, re.MULTILINE):
        shipped = re.findall(r'^version = "(.*)"', _read(SIM / "exts" / name / "config/extension.toml"), re.MULTILINE)
        if shipped != [version]:
            _fail(f"'{name}' {version} is wanted, {shipped} is here, and the registry cannot be reached")


def _read(path):
    return path.read_text() if path.is_file() else ""


def _fail(reason):
    print(f"[Error] [omni.ext.plugin] {reason}", file=sys.stderr, flush=True)
    os._exit(1)


def _write_portable(kit):
    """A start from Python is portable: it writes below kit/."""
    name = (re.findall(r'^app\.name = "(.*)"', kit.read_text(), re.MULTILINE) or ["Isaac-Sim"])[0]
    for folder, file in (("cache", "omni.kvdb"), ("data", "user.config.json"), ("logs", f"kit_{os.getpid()}.log")):
        path = SIM / "kit" / folder / "Kit" / name / "5.1" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{kit}\n")


def _load_extensions():
    """carb.settings and omni.* can be imported from now on, as with Kit's own loader."""
    sys.path.append(f"{SIM}/kit/exts/omni.timeline")
    carb.__path__.append(f"{SIM}/kit/exts/carb.settings/carb")
    importlib.import_module("carb.settings")
