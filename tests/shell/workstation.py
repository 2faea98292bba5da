"""A checkout in the miniature Isaac world: all that `make setup SIM=isaac` fetches is local.

The parts of the world are made once a session; a workstation is a checkout that is pointed at them.
"""

from __future__ import annotations

import compileall
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from isaac_world import (
    Repositories,
    make_build_wheels,
    make_isaac_tree,
    make_isaac_wheels,
    make_repositories,
    package_files,
    real_build_tools,
    unpack,
    zip_tree,
)
from shell_checkout import SOURCE, Checkout, copy_checkout, make_bin, make_wheel, program

ARCHIVE = "isaac-sim-standalone-5.1.0-linux-x86_64.zip"
ISAAC_TOOLS = [
    "awk", "bash", "cat", "comm", "cp", "curl", "cut", "date", "df", "dirname", "du", "env", "find", "flock",
    "getconf", "getent", "git", "grep", "head", "ln", "ls", "make", "mkdir", "mktemp", "mv", "readlink", "rm",
    "rmdir", "sed", "sha256sum", "sh", "sleep", "sort", "stat", "tail", "timeout", "touch", "tr", "uname", "wc",
    "xargs",
]  # fmt: skip
LOCKED = [
    "flatdict", "gymnasium", "hydra-core", "toml", "imageio-ffmpeg", "nvidia-ml-py", "pillow", "antlr4-python3-runtime"
]  # fmt: skip
"""Of the real lock, what the check of the workstation imports."""
OTHERS = [
    "omegaconf", "h5py", "hidapi", "onnx", "prettytable", "einops", "tensordict", "tensorboard", "warp-lang", "rich",
    "mediapy", "onnxruntime",
]  # fmt: skip
"""More of that, in one wheel: pip takes a tenth of a second for each."""
SOURCES = ("flatdict", "antlr4-python3-runtime")
"""Of these, those that are built."""
RSL_RL_3 = {"rsl_rl/__init__.py": "", "rsl_rl/runners/__init__.py": "", "rsl_rl/env.py": "class VecEnv:\n    pass\n"}
PXR = """\
import re


class Layer:
    @staticmethod
    def FindOrOpen(path):
        text = open(path).read()
        return text if text.startswith("#usda") else None


class Sdf:
    Layer = Layer


class UsdUtils:
    @staticmethod
    def ModifyAssetPaths(layer, change):
        for path in re.findall("@([^@]+)@", layer):
            change(path)
"""
"""As much of pxr as scripts/assets.py asks for, for texts; tests/isaac_contract/test_assets.py has the real one."""
GPU = "RTX A6000, 580.65.06, 49140"
MACHINE = (
    "no-nvidia-gpu,untested-os,little-memory,too-many-open-files,missing-system-lib,missing-libglu,wsl2-unsupported"
)
"""What stands against a machine that tests run on; that much set-up is told to go on past."""
GROUND_PLANE = "Isaac/Environments/Grid/default_environment.usd"


@dataclass(frozen=True)
class World:
    """What there is to be fetched."""

    folder: Path
    tree: Path
    archive: Path
    repositories: Repositories
    wheels: Path
    locks: dict[str, str]
    assets: Path


def make_world(folder: Path) -> World:
    """Make all that set-up fetches, below one folder."""
    tree = make_isaac_tree(folder / "isaac")
    archives = folder / "www"
    archives.mkdir()
    versions = dict(re.findall(r"^([\w.-]+)==([^\s\\]+)", (SOURCE / "env/isaac.lock").read_text(), re.MULTILINE))
    wheels = folder / "wheels"
    common = make_isaac_wheels(wheels, [f"{n}=={versions[n]}" for n in LOCKED if n not in SOURCES])
    others = [package_files(n, versions[n]) for n in OTHERS]
    common += make_wheel(wheels, "others", "1.0", {path: text for files in others for path, text in files.items()})
    sources = make_isaac_wheels(folder / "sources", [f"{n}=={versions[n]}" for n in SOURCES])
    (folder / "built").mkdir()
    built = "".join(make_wheel(folder / "built", n, versions[n], package_files(n, versions[n])) for n in SOURCES)
    locks = {
        "isaac": common + sources,
        "slim": common + built,
        "isaac-build": make_build_wheels(wheels),
        "isaac-rsl_rl": make_wheel(wheels, "rsl-rl-lib", "3.1.2", RSL_RL_3),
        "bundle": make_wheel(wheels, "usd-core", "25.11", {"pxr.py": PXR}),
    }
    archive = zip_tree(tree, archives / ARCHIVE)
    return World(
        folder, tree, archive, make_repositories(folder / "git"), wheels, locks, make_assets(folder / "assets")
    )


def make_assets(folder: Path) -> Path:
    """NVIDIA's server: the assets that env/assets.txt names, and a texture that one of them refers to."""
    for line in (SOURCE / "env/assets.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            (folder / line).parent.mkdir(parents=True, exist_ok=True)
            (folder / line).write_text("#usda 1.0\n" if line.endswith(".usd") else "mdl 1.4;\n")
    (folder / GROUND_PLANE).write_text('#usda 1.0\ndef "Grid" {\n  asset inputs:file = @./Materials/Grid.png@\n}\n')
    (folder / GROUND_PLANE).with_name("Materials").mkdir()
    (folder / GROUND_PLANE).with_name("Materials").joinpath("Grid.png").write_bytes(b"png")
    return folder


class Workstation(Checkout):
    """A checkout whose pins name the world, on a machine that passes the preflight."""

    world: World

    @property
    def install(self) -> Path:
        """Where set-up puts things."""
        return self.path / ".isaac"

    @property
    def sim(self) -> Path:
        """The installed Isaac Sim."""
        return self.install / "isaacsim"

    @property
    def lab(self) -> Path:
        """The installed Isaac Lab."""
        return self.install / "IsaacLab"

    @property
    def site(self) -> Path:
        """The site-packages of Isaac's Python."""
        return self.sim / "kit/python/lib/python3.11/site-packages"

    def pin(self, name: str, value: str) -> None:
        """Change one pin."""
        text = (self.path / "env/pins.env").read_text()
        new, count = re.subn(rf"^{name}=.*$", lambda _: f"{name}={value}", text, flags=re.MULTILINE)
        assert count == 1
        self.write("env/pins.env", new)

    def setup(self, *words: str, timeout: float = 240, **env: str) -> subprocess.CompletedProcess[str]:
        """Run make setup with the licence accepted, on a machine that need not be a recommended one."""
        force = [] if any(word.startswith("FORCE=") for word in words) else [f"FORCE={MACHINE}"]
        return self.make("setup", "ACCEPT_EULA=Y", *force, *words, timeout=timeout, **env)

    def rows(self, result: subprocess.CompletedProcess[str]) -> dict[str, tuple[str, str]]:
        """The table of the last step: what -> (mark, found)."""
        lines = re.findall(r"^  (ok|FAIL|note|skip) +(.{26}) (.*)$", result.stdout, re.MULTILINE)
        return {what.strip(): (mark, found) for mark, what, found in lines}


def make_workstation(root: Path, world: World, name: str = "mön-checkout") -> Workstation:
    """A fresh clone on a machine with a good GPU for nvidia-smi, whose torch sees none."""
    station = Workstation(root / name, root / "home", root / "bin")
    station.world = world
    root.mkdir(parents=True, exist_ok=True)
    station.home.mkdir()
    make_tools(station.bin)
    copy_checkout(station.path)
    for lock in ("isaac", "isaac-build", "isaac-rsl_rl", "bundle"):
        station.write(f"env/{lock}.lock", world.locks[lock])
    commits = world.repositories.commits
    for pin, value in {
        "GITHUB": world.repositories.url,
        "ARCHIVE_URL": world.archive.as_uri(),
        "ASSETS_URL": world.assets.as_uri(),
        "ISAAC_LAB_COMMIT": commits["IsaacLab"],
        "ISAAC_RSL_RL_COMMIT": commits["rsl_rl"],
        "ROBOT_COMMIT": commits["Berkeley-Humanoid-Lite"],
    }.items():
        station.pin(pin, value)
    for disk in ("ARCHIVE", "ISAAC_SIM", "ISAAC_LAB", "PACKAGES", "ROBOT"):
        station.pin(f"DISK_{disk}_GB", "0")
    good_machine(station)
    station.env = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": f"{world.wheels} {world.folder}/sources",
    }
    return station


def slim(station: Workstation, sources: bool = False) -> Workstation:
    """Leave out what takes most of the time: packages to be built, all editable ones but one, the robot."""
    if not sources:
        station.write("env/isaac.lock", station.world.locks["slim"])
        station.env["PIP_FIND_LINKS"] = f"{station.world.wheels} {station.world.folder}/built"
        for script in ("scripts/setup/packages.sh", "scripts/bundle.sh"):
            station.replace(script, " --no-binary flatdict,antlr4-python3-runtime", "")
    station.replace(
        "scripts/setup/packages.sh",
        "PACKAGES='isaaclab isaaclab_assets isaaclab_contrib isaaclab_mimic isaaclab_rl isaaclab_tasks'",
        "PACKAGES='isaaclab'",
    )
    source = (station.path / "scripts/setup/verify_isaac.py").read_text()
    source, count = re.subn(r"^LAB = .*$", 'LAB = ("isaaclab",)', source, flags=re.MULTILINE)
    source, more = re.subn(r', "isaaclab_rl", "isaaclab_contrib", "isaaclab_mimic"\)', ")", source)
    assert (count, more) == (1, 1)
    station.write("scripts/setup/verify_isaac.py", source)
    station.write(".isaac/choices", "ROBOT none\n")
    station.write(".isaac/.isaac-workstation", "")
    return station


def link_build_tools(station: Workstation) -> None:
    """Where a test is not about the tools of builds: pip takes 2 s to install and compile them."""
    world = station.world
    folder = world.folder / "build-tools"
    if not folder.exists():
        for wheel in real_build_tools():
            unpack(wheel, folder)
        compileall.compile_dir(folder, quiet=1, workers=0)
    station.replace(
        "scripts/isaac_pip.sh",
        'pip "build tools" install --only-binary :all: --require-hashes --no-deps --target "$STAGE/build" \\\n'
        '    -r env/isaac-build.lock || pip_failed "the build tools"',
        f"cp -al '{folder}' \"$STAGE/build\"",
    )


def make_tools(folder: Path) -> None:
    """The tools that set-up may use; nvidia-smi is of the test."""
    make_bin(folder)
    for name in ISAAC_TOOLS:
        tool = shutil.which(name)
        if tool and not (folder / name).exists():
            (folder / name).symlink_to(os.path.realpath(tool))
    program(folder / "nvidia-smi", "exit 9\n")


def good_machine(station: Workstation) -> None:
    """What the preflight looks at, as on a fit workstation but without a GPU that answers."""
    program(station.bin / "uname", "case $1 in -m) echo x86_64 ;; -r) echo 6.8.0-generic ;; *) echo Linux ;; esac\n")
    program(station.bin / "getconf", "echo glibc 2.35\n")
