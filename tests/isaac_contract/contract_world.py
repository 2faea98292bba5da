"""Isaac Lab 2.3.2's real code over a double of Kit, and the real make in a checkout beside it.

    world = contract_world(folder)                        in a second, once the parts are in .cache/isaac_contract
    done = world.make("train", "TASK=Contract-Cartpole-v0", "NUM_ENVS=8", log_root=tmp_path / "läufe")
    world.started()                                       with what the app was started last; None if it was not
    world.closed()                                        whether that one's close() was called
    world.environments()                                  what that process built and closed

Isaac Sim cannot be installed where the tests run. Above Kit all is real: AppLauncher and the packages of Isaac Lab's
wheel, torch, gymnasium, usd-core, make, scripts/launch.sh, the runners. The doubles are in tests/doubles/isaac_sim
(scripts, kits, SimulationApp), kit/ (what Kit's extensions provide) and contract_tasks/ (tasks over MuJoCo).

What takes long to make are the parts: packages that .venv lacks, and Isaac Lab unpacked. They stay in .cache under a
hash of what they are made from. A world is made of links to them and of copies of the small rest, in a folder of its
own, so that tests running side by side do not share what a start leaves.
"""

from __future__ import annotations

import compileall
import contextlib
import fcntl
import functools
import hashlib
import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest
from isaac_lab_wheel import isaac_lab_wheel

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CACHE = ROOT / ".cache" / "isaac_contract"
TEMPLATE = ROOT / "tests/doubles/isaac_sim"
DOUBLE_OF_1_0_2 = ROOT / "tests/doubles/rsl_rl_1_0_2"
VERSION = "5.1.0-rc.19+release.26219.9c81211b.gl\n"
LAB = ("isaaclab", "isaaclab_assets", "isaaclab_contrib", "isaaclab_mimic", "isaaclab_rl", "isaaclab_tasks")
SOURCES = "flatdict,antlr4-python3-runtime"
RSL_RL = ("1.0.2", "3.1.2")
INPUTS = (
    "env/isaac.lock", "env/isaac-build.lock", "env/isaac-rsl_rl.lock", "tests/isaac_contract/packages.lock",
)  # fmt: skip
UNUSED_S = 86400
"""After which parts of other inputs are removed: a test beside this one may use them."""
NO_NETWORK = re.compile("Retrying|No matching distribution|Connection|Temporary failure|timed out|SSLError|ProxyError")
COPIED = ("Makefile", "env", "scripts", "runners")


# --- the parts, which are made once --------------------------------------------------------------


@functools.cache
def parts() -> Path:
    """The folder with build/, packages/, usd/, rsl_rl-3.1.2/ and lab/; the calling test is skipped without network."""
    how = inspect.getsource(make_parts) + inspect.getsource(pip)
    made_from = hashlib.sha256(f"{sys.version} {isaac_lab_wheel().name} {sorted(missing())} {how}".encode())
    for name in INPUTS:
        made_from.update((ROOT / name).read_bytes())
    folder = CACHE / made_from.hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run side by side
        if not folder.is_dir():
            for old in CACHE.iterdir():
                if old.is_dir() and old.stat().st_mtime < time.time() - UNUSED_S:
                    shutil.rmtree(old)
            with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
                make_parts(Path(scratch) / "parts")
                (Path(scratch) / "parts").rename(folder)
        os.utime(folder)
    return folder


def missing() -> list[str]:
    """The packages of env/isaac.lock that .venv lacks."""
    here = {canonical(found.metadata["Name"]) for found in distributions()}
    return [name for name in entries(ROOT / "env/isaac.lock") if canonical(name) not in here]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def entries(lock: Path) -> dict[str, str]:
    """The entries of a lock: name -> its lines, with their hashes."""
    found = re.findall(r"^([\w.-]+)==((?:.*\\\n)*.*\n)", lock.read_text(), re.MULTILINE)
    return {name: f"{name}=={rest}" for name, rest in found}


def make_parts(folder: Path) -> None:
    """Source distributions are built as scripts/isaac_pip.sh does: with tools that still have pkg_resources."""
    folder.mkdir()
    own, locked = entries(HERE / "packages.lock"), entries(ROOT / "env/isaac.lock")
    pip(folder / "build", entries(ROOT / "env/isaac-build.lock").values())
    packages = [*(locked[name] for name in missing()), own["opencv-python-headless"]]
    pip(folder / "packages", packages, "--no-build-isolation", "--no-binary", SOURCES, PYTHONPATH=f"{folder}/build")
    pip(folder / "usd", [own["usd-core"]])
    pip(folder / "rsl_rl-3.1.2", [entries(ROOT / "env/isaac-rsl_rl.lock")["rsl-rl-lib"]])
    with zipfile.ZipFile(isaac_lab_wheel()) as wheel:
        wanted = [n for n in wheel.namelist() if n.startswith(("isaaclab/apps/", "isaaclab/source/"))]
        wheel.extractall(folder / "wheel", wanted)
    (folder / "wheel/isaaclab").rename(folder / "lab")
    for made in ("packages", "rsl_rl-3.1.2", *(f"lab/source/{name}/{name}" for name in LAB)):
        compileall.compile_dir(folder / made, quiet=2, workers=os.cpu_count() or 1)


def pip(folder: Path, lines: Any, *words: str, **env: str) -> None:
    """Install entries of a lock into a folder."""
    with tempfile.TemporaryDirectory() as scratch:
        lock = Path(scratch) / "lock"
        lock.write_text("".join(lines))
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--no-compile"]
        command += ["--only-binary", ":all:", *words, "--target", str(folder), "-r", str(lock)]
        done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    if done.returncode and NO_NETWORK.search(done.stderr):
        pytest.skip(f"pip cannot get packages of Isaac Lab here: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr


# --- a world -------------------------------------------------------------------------------------


@dataclass
class World:
    """A workstation that is set up, for each rsl_rl of Isaac Lab: Isaac Sim, Isaac Lab, a checkout of this project."""

    folder: Path
    last: str = RSL_RL[0]
    """The rsl_rl of the last start."""
    env: dict[str, str] = field(default_factory=dict)
    """More variables for every start."""

    @property
    def sim(self) -> Path:
        """The Isaac Sim of the last start."""
        return self.station(self.last) / "isaacsim"

    @property
    def lab(self) -> Path:
        """The Isaac Lab of the last start."""
        return self.station(self.last) / "IsaacLab"

    @property
    def checkout(self) -> Path:
        """The checkout of the last start, in which make runs."""
        return self.station(self.last) / "mön checkout"

    @property
    def python(self) -> Path:
        """Its python.sh."""
        return self.sim / "python.sh"

    @property
    def home(self) -> Path:
        """The user's HOME."""
        return self.folder / "home"

    def make(
        self, verb: str, *variables: str, rsl_rl: str = RSL_RL[0], timeout: float = 120, **env: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run make VERB VARIABLE… and return what it said; see :meth:`start`."""
        with self.start(verb, *variables, rsl_rl=rsl_rl, **env) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            except BaseException:
                os.killpg(process.pid, 9)
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def start(
        self, verb: str, *variables: str, rsl_rl: str = RSL_RL[0], log_root: Path | None = None, **env: Any
    ) -> subprocess.Popen[str]:
        """Start make in a session of its own; without log_root, runs go to logs/ of the checkout."""
        self.station(rsl_rl)
        self.last = rsl_rl
        where = [] if log_root is None else [f"LOG_ROOT={log_root}"]
        return subprocess.Popen(
            ["make", "--no-print-directory", verb, *variables, *where],
            cwd=self.checkout,
            env=self.environment(**env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, timeout: float = 60, **env: Any) -> subprocess.CompletedProcess[str]:
        """Run Isaac's Python in the checkout, by its python.sh alone."""
        return subprocess.run(
            [str(self.python), *words], cwd=self.checkout, env=self.environment(ISAACLAB_PATH=str(self.lab), **env),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=timeout,
        )  # fmt: skip

    def environment(self, **env: Any) -> dict[str, str]:
        """That of a user without a display. IN_SETUP: the packages were not put in by set-up, which would be asked."""
        own = {"HOME": str(self.home), "PATH": f"{self.folder}/bin:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
        own |= {"IN_SETUP": "1", "WARP_CACHE_PATH": str(ROOT / ".cache/warp"), "OMP_NUM_THREADS": "1"}
        return {**own, **self.env, **{name: str(value) for name, value in env.items()}}

    def started(self) -> dict[str, Any] | None:
        """The record of the last start: pid, kit, config, argv, environment, early (modules), window."""
        file = self.sim / "kit/logs/started.json"
        found: dict[str, Any] | None = json.loads(file.read_text()) if file.is_file() else None
        return found

    def closed(self) -> bool:
        """Whether close() of the app that was started last was called; it need not have come back."""
        started = self.started()
        return started is not None and any(line.split()[1] == str(started["pid"]) for line in self._lines("closed"))

    def environments(self) -> list[dict[str, Any]]:
        """What the app that was started last has built and closed, in order."""
        started = self.started()
        events = [json.loads(line) for line in self._lines("environments")]
        return [event for event in events if started is not None and event["pid"] == started["pid"]]

    def _lines(self, name: str) -> list[str]:
        file = self.sim / "kit/logs" / name
        return file.read_text().splitlines() if file.is_file() else []

    def station(self, rsl_rl: str) -> Path:
        """The folder with Isaac Sim, Isaac Lab and the checkout for an rsl_rl, made when it is first asked for."""
        assert rsl_rl in RSL_RL, rsl_rl
        folder = self.folder / f"with-{rsl_rl}"
        if not folder.is_dir():
            make_sim(folder / "isaacsim", folder / "IsaacLab", rsl_rl)
            make_lab(folder / "IsaacLab", folder / "isaacsim")
            make_checkout(folder / "mön checkout", folder / "isaacsim", folder / "IsaacLab", rsl_rl)
            make_kits(folder / "mön checkout")
        return folder


def contract_world(folder: Path) -> World:
    """Make a world in a new folder, whose path has no space: python.sh fails there, as the real one does."""
    parts()
    (folder / "home").mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "bin/python3").symlink_to(base_python())
    return World(folder)


def base_python() -> Path:
    """The Python that .venv was made from."""
    return Path(os.path.realpath(sys.executable))


def make_sim(sim: Path, lab: Path, rsl_rl: str) -> None:
    """The double of Isaac Sim with what Kit's extensions provide, and a Python with .venv's packages but for rsl_rl."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(TEMPLATE, sim, ignore=ignore)
    shutil.copytree(HERE / "kit", sim / "kit", ignore=ignore, dirs_exist_ok=True)
    (sim / "VERSION").write_text(VERSION)
    (sim / "kit/exts/omni.usd.libs").symlink_to(parts() / "usd")
    python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    carb = sim / "kit/kernel/py/carb/_carb.py"
    carb.write_text(carb.read_text().replace("(3, 11)", f"({sys.version_info[0]}, {sys.version_info[1]})"))
    site = sim / "kit/python/lib" / python / "site-packages"
    site.mkdir(parents=True)
    if python != "python3.11":
        (sim / "kit/python/lib/python3.11").symlink_to(python)
    (sim / "kit/python/bin").mkdir()
    for name in ("python3", "python", python):
        (sim / "kit/python/bin" / name).symlink_to(base_python())
    (sim / "kit/python/pyvenv.cfg").write_text(f"home = {base_python().parent}\ninclude-system-site-packages = false\n")
    own = next(Path(path) for path in sys.path if path.endswith("site-packages"))
    folders = [parts() / "packages", rsl_rl_folder(rsl_rl), HERE / "contract_tasks", HERE / "old_tasks"]
    for entry in (entry for source in (own, *folders[:2]) for entry in source.iterdir()):
        if source_is_wanted(entry, own) and not (site / entry.name).exists():
            (site / entry.name).symlink_to(entry)
    for package in folders[2:]:
        (site / package.name).symlink_to(package)
    (site / "isaac_lab.pth").write_text("".join(f"{lab}/source/{name}\n" for name in LAB))


def source_is_wanted(entry: Path, own: Path) -> bool:
    """.venv's rsl_rl is not Isaac Lab's."""
    return entry.name not in ("__pycache__", "bin") and not (entry.parent == own and entry.name.startswith("rsl_rl"))


def rsl_rl_folder(version: str) -> Path:
    """Where a release lies with its dist-info. RSL_RL_SRC may name a checkout of 1.0.2, else its double is taken."""
    if version != "1.0.2":
        return parts() / f"rsl_rl-{version}"
    for spec in shlex.split(os.environ.get("RSL_RL_SRC", "")):
        setup = Path(spec) / "setup.py"
        if setup.is_file() and re.search(r"version=['\"]1\.0\.2['\"]", setup.read_text()):
            folder = Path(tempfile.mkdtemp(dir=CACHE, prefix="of-the-user-"))
            (folder / "rsl_rl").symlink_to(Path(spec).resolve() / "rsl_rl")
            shutil.copytree(next(DOUBLE_OF_1_0_2.glob("*.dist-info")), folder / "rsl_rl-1.0.2.dist-info")
            return folder
    return DOUBLE_OF_1_0_2


def make_lab(lab: Path, sim: Path) -> None:
    """A checkout of Isaac Lab as set-up leaves it, but for the kits for 5.1."""
    shutil.copytree(parts() / "lab/apps", lab / "apps")
    (lab / "source").symlink_to(parts() / "lab/source")
    (lab / "_isaac_sim").symlink_to(sim)
    (lab / "VERSION").write_text("2.3.2\n")


def make_kits(checkout: Path) -> None:
    """As set-up does."""
    subprocess.run(["scripts/setup/isaac_lab.sh", "make_kits"], cwd=checkout, check=True)


def make_checkout(checkout: Path, sim: Path, lab: Path, rsl_rl: str) -> None:
    """A copy of this one that takes Isaac Sim for set up, with the caches of the real one."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            checkout.mkdir(exist_ok=True, parents=True)
            shutil.copy2(source, checkout / name)
    state = checkout / ".isaac"
    state.mkdir()
    (state / ".isaac-workstation").touch()
    (state / "receipt-verify").write_text("made by tests\n")
    choices = {"ISAACSIM_PATH": sim, "ISAACLAB_PATH": lab, "ROBOT": "none", "RSL_RL": rsl_rl}
    (state / "choices").write_text("".join(f"{name} {value}\n" for name, value in choices.items()))
    (checkout / ".cache").mkdir()
    for name in ("warp", "matplotlib"):
        (ROOT / ".cache" / name).mkdir(exist_ok=True)
        (checkout / ".cache" / name).symlink_to(ROOT / ".cache" / name)


@contextlib.contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """End what :meth:`World.start` has started, and all that it started."""
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.communicate()
