"""A miniature Isaac Sim with all that `make setup SIM=isaac` fetches for it, made in seconds and without network.

    tree = make_isaac_tree(folder / "isaac")         Isaac Sim 5.1 unpacked; python.sh runs a real Python 3.11 with pip
    zip_tree(tree, folder / "isaac.zip")             its archive: no top folder, with modes and links
    repositories = make_repositories(folder / "git") bare repositories below owners; .url, .commits["IsaacLab"], …
    lock = make_isaac_wheels(folder / "w", ["toml", "gymnasium==1.2.1", "flatdict==4.0.1"])
    build_lock = make_build_wheels(folder / "w")     env/isaac-build.lock, and the real wheels of it in the folder
    before = snapshot(tree)                          {path: Entry(mode, kind, hash or target)}

What stands where, and why it is strict, is in tests/doubles/isaac_sim (scripts, kits, SimulationApp) and below
(packages). `BUNDLED` lists the packages that must not change: folder -> {name: version}.

- Make one tree a session and copy it (`shutil.copytree(tree, new, symlinks=True)`): it can be moved, but not to a
  path with a space, where python.sh fails as the real one does.
- `set_gpu(tree, True)` lets its torch see a GPU.
- setuptools="82.0.1" gives the tree a setuptools without pkg_resources, with which flatdict 4.0.1 cannot be built.
- `make_wheel` (of shell_checkout) and `make_sdist` make further packages, such as one that fails to build.
- Where this machine lacks what is needed (a movable Python 3.11, Isaac Lab's wheel, the tools of builds) the calling
  test is skipped.
- Metadata is that of the real packages, since a build looks at it: backend, classifiers, requirements, a readme that is
  not there. Held against the real ones by `nox -s real_sources`.
"""

from __future__ import annotations

import compileall
import contextlib
import functools
import gzip
import hashlib
import io
import json
import os
import py_compile
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest
from isaac_lab_wheel import KEPT, isaac_lab_wheel
from shell_checkout import SOURCE, make_wheel

TEMPLATE = SOURCE / "tests/doubles/isaac_sim"
BUILD_LOCK = SOURCE / "env/isaac-build.lock"
TROVE = """\
trove-classifiers==2026.1.14.14 \\
    --hash=sha256:1f9553927f18d0513d8e5ff80ab8980b8202ce37ecae0e3274ed2ef11880e74d
"""
"""The list of the classifiers that an index takes: where it can be imported, setuptools and hatchling refuse others."""
VERSION = "5.1.0-rc.19+release.26219.9c81211b.gl"
SETUPTOOLS = "78.1.1"
VENDOR = "setuptools/_vendor/"
ML = "exts/omni.isaac.ml_archive"
KIT_ARCHIVE = "extscache/omni.kit.pip_archive-0.0.0+69cbf6ad.lx64.cp311"
BUNDLED: dict[str, dict[str, str]] = {
    ML: {
        "torch": "2.7.0+cu128", "torchvision": "0.22.0+cu128", "torchaudio": "2.7.0+cu128", "filelock": "3.13.1",
        "fsspec": "2024.6.1", "networkx": "3.3", "sympy": "1.13.3", "nvidia-cudnn-cu12": "9.7.1.26",
        "nvidia-nccl-cu12": "2.26.2",
    },
    KIT_ARCHIVE: {"numpy": "1.26.0", "starlette": "0.45.3"},
    "exts/omni.isaac.core_archive": {
        "packaging": "23.0", "numba": "0.59.1", "llvmlite": "0.42.0", "matplotlib": "3.10.3", "tornado": "6.5.1",
        "osqp": "0.6.7.post3", "six": "1.17.0", "python-dateutil": "2.9.0.post0",
    },
    "exts/omni.pip.compute": {
        "scipy": "1.15.3", "opencv-python-headless": "4.11.0.86", "trimesh": "4.5.1", "pyyaml": "6.0.2",
        "imageio": "2.37.0", "rtree": "1.3.0", "pillow": "11.3.0",
    },
    "exts/omni.pip.cloud": {"requests": "2.32.3", "boto3": "1.39.11", "cryptography": "44.0.0"},
    "exts/isaacsim.asset.exporter.urdf": {"lxml": "5.4.0", "nvidia-srl-usd-to-urdf": "1.0.0"},
}  # fmt: skip
REQUIRES = {
    "torch": ["filelock", "sympy==1.13.3", "networkx", "fsspec", "nvidia-cudnn-cu12==9.7.1.26"],
    "torchvision": ["numpy", "torch==2.7.0", "pillow"],
    "torchaudio": ["torch==2.7.0"],
    "scipy": ["numpy<2.5,>=1.23.5"],
    "matplotlib": ["numpy>=1.23", "packaging>=20.0", "pillow>=8", "python-dateutil>=2.7"],
    "python-dateutil": ["six>=1.5"],
    "nvidia-srl-usd-to-urdf": ["lxml<5"],  # what makes pip check complain of an untouched Isaac Sim
}
MODULES = {
    "antlr4-python3-runtime": "antlr4", "absl-py": "absl", "gitpython": "git", "hidapi": "hid", "hydra-core": "hydra",
    "nvidia-ml-py": "pynvml", "opencv-python-headless": "cv2", "pillow": "PIL", "protobuf": "google/protobuf",
    "python-dateutil": "dateutil", "pyyaml": "yaml", "rsl-rl-lib": "rsl_rl", "usd-core": "pxr", "warp-lang": "warp",
}  # fmt: skip
"""The modules that are not called like their distribution."""
NEW = {
    "absl-py": "2.3.1", "antlr4-python3-runtime": "4.9.3", "cloudpickle": "3.1.1", "einops": "0.8.1",
    "farama-notifications": "0.0.4", "flatdict": "4.0.1", "grpcio": "1.74.0", "gymnasium": "1.2.1", "h5py": "3.14.0",
    "hidapi": "0.14.0.post2", "hydra-core": "1.3.2", "importlib-metadata": "8.7.0", "markdown": "3.8.2",
    "omegaconf": "2.3.0", "onnx": "1.18.0", "orjson": "3.11.1", "prettytable": "3.3.0", "protobuf": "6.31.1",
    "pyvers": "0.1.0", "rsl-rl-lib": "3.1.2", "tensorboard": "2.20.0", "tensorboard-data-server": "0.7.2",
    "tensordict": "0.9.1", "toml": "0.10.2", "warp-lang": "1.8.1", "wcwidth": "0.2.13", "werkzeug": "3.1.3",
}  # fmt: skip
"""The versions that make_isaac_wheels gives what is named without one."""
TORCH = {
    "torch/__init__.py": "from torch import cuda, version\n\n__version__ = '2.7.0+cu128'\n",
    "torch/version.py": "__version__ = '2.7.0+cu128'\ncuda = '12.8'\n",
    "torch/cuda.py": """\
from pathlib import Path

_GPU = Path(__file__).parents[4] / "gpu-of-the-test"


def is_available():
    return _GPU.exists()


def device_count():
    return int(is_available())


def get_device_name(device=None):
    return "NVIDIA RTX of the test"
""",
    "torch/utils/__init__.py": "",
    "torch/utils/tensorboard.py": "import tensorboard  # as in the real one\n\n\nclass SummaryWriter:\n    pass\n",
}
ANTLR4_SETUP = """\
import setuptools

setuptools.setup(name="antlr4-python3-runtime", version={version!r}, packages=["antlr4"])
"""
FLATDICT_SETUP = """\
import pkg_resources
import setuptools

pkg_resources.parse_version("4.0.1")
setuptools.setup(name="flatdict", version="4.0.1", py_modules=["flatdict"])
"""


# --- Isaac Sim -----------------------------------------------------------------------------------


def make_isaac_tree(folder: Path, setuptools: str = SETUPTOOLS) -> Path:
    """Write an Isaac Sim 5.1 as its archive unpacks, and return the folder.

    setuptools is "78.1.1", which Isaac Sim 5.1 has, or "82.0.1", which has no pkg_resources.
    """
    shutil.copytree(TEMPLATE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "VERSION").write_text(f"{VERSION}\n")
    for name in ("extsDeprecated/omni.isaac.kit", "extsUser", "extsPhysics", "kit/plugins/bindings-python"):
        (folder / name).mkdir(parents=True)
        (folder / name / "README.md").write_text(f"{name}\n")
    deep = (
        folder
        / "extscache/omni.replicator.core-1.12.27+107.3.3.lx64.r.cp311"
        / "/".join(["a folder of 24 letters"] * 8)
    )
    deep.mkdir(parents=True)
    (deep / "ünten.txt").write_text("")
    (folder / "kit/libs").mkdir()
    (folder / "kit/libs/kit").symlink_to("../kit")
    for place, packages in BUNDLED.items():
        for name, version in packages.items():
            install(folder / place / "pip_prebundle", name, version)
    make_python(folder / "kit/python", setuptools)
    return folder


def set_gpu(tree: Path, there: bool) -> None:
    """Let the tree's torch see a GPU, or none, which is how it comes."""
    switch = tree / "gpu-of-the-test"
    switch.touch() if there else switch.unlink(missing_ok=True)


def install(site: Path, name: str, version: str, files: dict[str, str] | None = None) -> None:
    """Put a small package into a folder as pip leaves it: with metadata and a list of its files."""
    with tempfile.TemporaryDirectory() as folder:
        make_wheel(Path(folder), name, version, files or package_files(name, version), *REQUIRES.get(name, []))
        [wheel] = Path(folder).iterdir()
        unpack(wheel, site)


def package_files(name: str, version: str) -> dict[str, str]:
    """The files of a stand-in; those of packaging work."""
    if name == "torch":
        return TORCH
    if name == "packaging":
        return vendored_packaging(version)
    module = MODULES.get(name, name.replace("-", "_"))
    return {f"{module}/__init__.py": f"__version__ = {version!r}\n"}


def vendored_packaging(version: str) -> dict[str, str]:
    """The real packaging, from setuptools, with another number."""
    with zipfile.ZipFile(embedded_setuptools()) as archive:
        names = [name for name in archive.namelist() if re.fullmatch(VENDOR + r"packaging/.*\.py", name)]
        files = {name.removeprefix(VENDOR): archive.read(name).decode() for name in names}
    init = "packaging/__init__.py"
    files[init] = re.sub(r'(?m)^__version__ = ".*"', f'__version__ = "{version}"', files[init])
    return files


def unpack(wheel: Path, site: Path, pattern: str = "") -> None:
    """Unpack the members of a wheel that match a pattern, without tests and Windows' programs."""
    useless = re.compile(r".*(\.exe$|/tests/)")
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if re.match(pattern, name) and not useless.match(name)]
        archive.extractall(site, names)


# --- Isaac Sim's Python --------------------------------------------------------------------------


class Python(NamedTuple):
    """A Python 3.11 of this machine."""

    program: Path
    bundled: Path
    """The folder of ensurepip's wheels."""


@functools.cache
def base_python() -> Python:
    """The Python 3.11 that stands in for Isaac Sim's; the test is skipped where there is none."""
    code = (
        "import ensurepip, json, sys as s; print(json.dumps([s.version_info, s._base_executable, ensurepip.__file__]))"
    )
    for name in (sys.executable, "python3.11", "/usr/bin/python3.11"):
        try:
            done = subprocess.run([name, "-I", "-c", code], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        version, program, module = json.loads(done.stdout)
        bundled = Path(module).with_name("_bundled")
        if version[:2] == [3, 11] and len(list(bundled.glob("*.whl"))) == 2:
            return Python(Path(program).resolve(), bundled)
    pytest.skip("this machine has no Python 3.11 with ensurepip, which Isaac Sim's is made from")


def make_python(folder: Path, setuptools: str) -> None:
    """A Python whose packages lie in its folder and whose standard library is that of the base Python.

    Without the .pth it would be a virtual environment, in which pip refuses to remove what lies outside it (Isaac
    Sim's bundled packages) and which has no user site.
    """
    base = base_python()
    site = folder / "lib/python3.11/site-packages"
    site.mkdir(parents=True)
    (folder / "bin").mkdir()
    shutil.copy2(base.program, folder / "bin/python3")
    for name in ("python", "python3.11"):
        (folder / "bin" / name).symlink_to("python3")
    (folder / "pyvenv.cfg").write_text(f"home = {base.program.parent}\ninclude-system-site-packages = true\n")
    (site / "_isaac_sim.pth").write_text(
        "import site, sys; site.PREFIXES[:] = [sys.prefix]; sys.base_prefix = sys.base_exec_prefix = sys.prefix\n"
    )
    for tools in (compiled_pip(), compiled_setuptools(setuptools)):
        shutil.copytree(tools.name, site, dirs_exist_ok=True)
    code = "import pip, sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run([folder / "bin/python3", "-I", "-c", code], capture_output=True, text=True, check=False)
    if done.stdout.strip() != str(site):
        pytest.skip(f"a copy of '{base.program}' is no Python of its own, so it cannot stand in for Isaac Sim's")


def make_setuptools(site: Path, version: str) -> None:
    """The one of virtualenv, which has no pkg_resources; below 82 with that of ensurepip, and under that number."""
    wheel = embedded_setuptools()
    real = wheel.name.split("-")[1]
    unpack(wheel, site)
    if version == real:
        return
    assert int(version.partition(".")[0]) < 82, version
    unpack(next(base_python().bundled.glob("setuptools-*.whl")), site, "pkg_resources/")
    info = site / f"setuptools-{version}.dist-info"
    (site / f"setuptools-{real}.dist-info").rename(info)
    for name in ("METADATA", "RECORD"):
        text = (info / name).read_text()
        text = text.replace(f"\nVersion: {real}\n", f"\nVersion: {version}\n").replace(
            f"-{real}.dist", f"-{version}.dist"
        )
        (info / name).write_text(text)
    resources = sorted(str(path.relative_to(site)) for path in (site / "pkg_resources").rglob("*") if path.is_file())
    with (info / "RECORD").open("a") as record:
        record.writelines(f"{name},,\n" for name in resources)


def embedded_setuptools() -> Path:
    """A wheel of setuptools 82, which virtualenv carries."""
    from virtualenv.seed.wheels import embed

    [folder] = embed.__path__
    return next(Path(folder).glob("setuptools-82.*.whl"))


@functools.cache
def compiled_pip() -> tempfile.TemporaryDirectory[str]:
    """Compiled: saves a second at each start where nothing may write compiled modules."""
    folder = tempfile.TemporaryDirectory()
    unpack(next(base_python().bundled.glob("pip-*.whl")), Path(folder.name))
    return compiled(folder)


@functools.cache
def compiled_setuptools(version: str) -> tempfile.TemporaryDirectory[str]:
    """The same of setuptools."""
    folder = tempfile.TemporaryDirectory()
    make_setuptools(Path(folder.name), version)
    return compiled(folder)


def compiled(folder: tempfile.TemporaryDirectory[str]) -> tempfile.TemporaryDirectory[str]:
    """Compile what a folder holds, so that it can be copied."""
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    skip = re.compile("/pygments/(lexers|formatters|styles)/")
    compileall.compile_dir(folder.name, quiet=1, rx=skip, stripdir=folder.name, invalidation_mode=unchecked, workers=0)
    return folder


# --- archives and snapshots ----------------------------------------------------------------------


def zip_tree(tree: Path, path: Path, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write the archive of a tree, and return its path: no top folder, Unix modes, links as links."""
    with zipfile.ZipFile(path, "w", compression, compresslevel=1) as archive:
        for entry in sorted(tree.rglob("*")):
            name = str(entry.relative_to(tree))
            mode = entry.lstat().st_mode
            info = zipfile.ZipInfo(f"{name}/" if stat.S_ISDIR(mode) else name)
            info.create_system = 3
            info.external_attr = mode << 16 | (0x10 if stat.S_ISDIR(mode) else 0)
            info.compress_type = zipfile.ZIP_STORED if stat.S_ISDIR(mode) else compression
            if stat.S_ISLNK(mode):
                archive.writestr(info, str(entry.readlink()))
            else:
                archive.writestr(info, b"" if stat.S_ISDIR(mode) else entry.read_bytes())
    return path


class Entry(NamedTuple):
    """What lies at a path; content is a file's SHA-256, a link's target, or empty."""

    mode: int
    kind: str
    content: str


def snapshot(folder: Path, ignore: Iterable[str] = ("__pycache__",)) -> dict[str, Entry]:
    """Everything below a folder, by its path in it, but what has an ignored name and what lies below that."""
    found = {}
    ignored = set(ignore)
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in ignored]
        for name in [*folders, *files]:
            path = Path(parent) / name
            if name not in ignored:
                found[str(path.relative_to(folder))] = _entry(path)
    return found


def _entry(path: Path) -> Entry:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return Entry(stat.S_IMODE(mode), "link", str(path.readlink()))
    if stat.S_ISDIR(mode):
        return Entry(stat.S_IMODE(mode), "folder", "")
    if stat.S_ISREG(mode):
        return Entry(stat.S_IMODE(mode), "file", hashlib.sha256(path.read_bytes()).hexdigest())
    return Entry(stat.S_IMODE(mode), "other", "")


# --- packages to install -------------------------------------------------------------------------


def make_isaac_wheels(folder: Path, names: Iterable[str]) -> str:
    """Write one small distribution for each `name` or `name==version`, and return the lines of a lock.

    flatdict 4.0.1 and antlr4-python3-runtime are source distributions, as the real ones are; the setup.py of flatdict
    wants pkg_resources. toml is the real one, as it builds packages too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return "".join(_make_distribution(folder, *_name_and_version(name)) for name in names)


def _name_and_version(requirement: str) -> tuple[str, str]:
    name, _, version = requirement.partition("==")
    return name, version or NEW[name]


def _make_distribution(folder: Path, name: str, version: str) -> str:
    if name == "toml":
        [wheel] = [wheel for wheel in real_build_tools() if wheel.name.startswith(f"toml-{version}-")]
        shutil.copy2(wheel, folder)
        return f"{name}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
    if (name, version) == ("flatdict", "4.0.1"):
        return make_sdist(folder, name, version, FLATDICT_SETUP, {"flatdict.py": "class FlatDict(dict):\n    pass\n"})
    if name == "antlr4-python3-runtime":
        return make_sdist(folder, name, version, ANTLR4_SETUP.format(version=version), {"antlr4/__init__.py": ""})
    return make_wheel(folder, name, version, package_files(name, version))


def make_sdist(folder: Path, name: str, version: str, setup: str, files: dict[str, str]) -> str:
    """Write a source distribution with a setup.py, and return its line for a lock."""
    stem = f"{name}-{version}"
    members = {**files, "setup.py": setup, "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for member, text in members.items():
            info = tarfile.TarInfo(f"{stem}/{member}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    path = folder / f"{stem}.tar.gz"
    path.write_bytes(gzip.compress(packed.getvalue(), mtime=0))
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def make_build_wheels(folder: Path) -> str:
    """Copy the real tools that build packages into a folder, and return their lock: they refuse what they refuse."""
    folder.mkdir(parents=True, exist_ok=True)
    for wheel in real_build_tools():
        shutil.copy2(wheel, folder)
    return BUILD_LOCK.read_text()


def real_build_tools() -> list[Path]:
    """The wheels of env/isaac-build.lock."""
    return real_wheels(BUILD_LOCK.read_text())


@functools.cache
def real_wheels(lock: str) -> list[Path]:
    """The wheels of a lock's text, kept in .cache; the calling test is skipped where pip cannot get them."""
    folder = KEPT / f"locked-{hashlib.sha256(lock.encode()).hexdigest()[:16]}"
    if not folder.is_dir():
        KEPT.mkdir(parents=True, exist_ok=True)
        # tests run side by side, and none may see a part of it
        with tempfile.TemporaryDirectory(dir=KEPT) as scratch:
            options = ["--no-deps", "--require-hashes", "--python-version", "3.11", "--only-binary", ":all:"]
            (Path(scratch) / "lock").write_text(lock)
            command = [sys.executable, "-m", "pip", "download", "--quiet", *options, "--dest", f"{scratch}/wheels"]
            if subprocess.run([*command, "-r", f"{scratch}/lock"], capture_output=True, check=False).returncode:
                pytest.skip(f"pip cannot get the tools of builds here: {lock.split(maxsplit=1)[0]}, …")
            with contextlib.suppress(OSError):  # a test beside this one was first
                (Path(scratch) / "wheels").rename(folder)
    return sorted(folder.glob("*.whl"))


# --- git repositories ----------------------------------------------------------------------------

LFS_POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9437184\n"
RSL_RL_SETUP = """\
from setuptools import find_packages, setup

setup(
    name={name!r},
    version={version!r},
    author="Its authors",
    author_email="authors@localhost",
    license="BSD-3-Clause",
    packages=find_packages(),
    description="A stand-in for rsl_rl",
    python_requires=">=3.6",
    install_requires=["torch>=1.4.0", "torchvision>=0.5.0", "numpy>=1.16.4"],
)
"""
ROBOT_TASKS = """\
from isaaclab_tasks.utils import import_packages

import_packages(__name__, ["utils"])
"""
ROBOT_TASK = """\
import gymnasium as gym

from . import agents, env_cfg

gym.register(
    id={task!r},
    entry_point="isaaclab.envs:ManagerBasedRLEnv",
    disable_env_checker=True,
    kwargs={{"env_cfg_entry_point": env_cfg.EnvCfg, "rsl_rl_cfg_entry_point": agents.rsl_rl_ppo_cfg.RunnerCfg}},
)
"""
ROBOT_AGENT = """\
from isaaclab.utils import configclass
from isaaclab_rl.rsl_rl import RslRlOnPolicyRunnerCfg


@configclass
class RunnerCfg(RslRlOnPolicyRunnerCfg):
    num_steps_per_env = 24
"""
ROBOT_ENV = """\
from berkeley_humanoid_lite_assets.robots.berkeley_humanoid_lite import DATA
from isaaclab.envs import ManagerBasedRLEnvCfg
from isaaclab.utils import configclass


@configclass
class EnvCfg(ManagerBasedRLEnvCfg):
    pass
"""
ROBOT_WORKSPACE = """\
[project]
name = "berkeley-humanoid-lite-workspace"
version = "1.1.0"
readme = "README.md"
requires-python = ">=3.10,<3.11"
dependencies = ["torch==2.5.1", "isaacsim[all,extscache]==4.5.0", "isaaclab[isaacsim,all]==2.1.0", "cc.udp", "pin"]

[build-system]
requires = ["setuptools", "toml"]
build-backend = "setuptools.build_meta"

[tool.setuptools]
package-dir = { "" = "source" }

[tool.uv.sources]
berkeley_humanoid_lite = { workspace = true }

[tool.uv.workspace]
members = ["source/berkeley_humanoid_lite", "source/berkeley_humanoid_lite_assets"]
"""
ROBOT_PACKAGE = """\
[build-system]
requires = ["{requires}"]
build-backend = "{build_backend}"

[project]
name = "{name}"
version = "{version}"
description = "A stand-in for a package of the robot"
authors = [{{ name = "Developers of the stand-in" }}, {{ name = "-S.I.-" }}]
maintainers = [{{ name = "Developers of the stand-in" }}]
readme = "README.md"
requires-python = ">=3.10"
license = "MIT"
keywords = ["robotics", "{keyword}"]
classifiers = [
    {classifiers}
]
dependencies = ["psutil"]

[project.urls]
repository = "https://localhost/{name}"

[tool.setuptools]
packages = ["{name}"]
zip-safe = false
"""
CLASSIFIERS = ("Natural Language :: English", "Programming Language :: Python :: 3.10")
ISAAC_CLASSIFIER = "Isaac Sim :: 4.5.0"
"""No classifier of the package index; the robot's packages that need Isaac Sim have it."""
LITE = "Berkeley-Humanoid-Lite"


@dataclass(frozen=True)
class Repositories:
    """Bare repositories at <folder>/<owner>/<name>.git, whose uploads offer any commit as GitHub's do."""

    folder: Path
    commits: dict[str, str]
    """The commit that set-up pins, by the repository's name: of IsaacLab and rsl_rl its tag's, else the newest."""

    @property
    def url(self) -> str:
        """What stands in for https://github.com."""
        return self.folder.as_uri()

    def path(self, name: str) -> Path:
        """The folder of a repository."""
        return next(self.folder.glob(f"*/{name}.git"))


class Commit(NamedTuple):
    """A commit's files, by their paths, and its submodules' commits; files that begin with #! can be run."""

    files: dict[str, bytes]
    submodules: Mapping[str, str] = MappingProxyType({})
    tag: str = ""


def make_repositories(
    folder: Path, lfs_pointer: bool = False, build_backend: str = "setuptools.build_meta"
) -> Repositories:
    """Make the repositories that set-up fetches from.

    With lfs_pointer, a pointer of Git LFS lies among the assets' data, in place of the file. build_backend is that
    of the assets, whose later commits have "hatchling.build".
    """
    commits = {}
    commits["IsaacLab"], _ = make_repository(folder / "isaac-sim/IsaacLab.git", *isaac_lab_commits())
    _, commits["rsl_rl"], _ = make_repository(folder / "leggedrobotics/rsl_rl.git", *rsl_rl_commits())
    owner = folder / "HybridRobotics"
    assets, lowlevel = f"{LITE}-Assets", f"{LITE}-Lowlevel"
    # The pins of submodules need not be the newest commits, so a clone must ask for them by name.
    commits[assets], _ = make_repository(owner / f"{assets}.git", *assets_commits(lfs_pointer, build_backend))
    commits[lowlevel], _ = make_repository(owner / f"{lowlevel}.git", *lowlevel_commits())
    robot = robot_commit(commits[assets], commits[lowlevel])
    [commits[LITE]] = make_repository(owner / f"{LITE}.git", robot)
    return Repositories(folder, commits)


def make_repository(path: Path, *commits: Commit) -> list[str]:
    """Make a bare repository with commits on main, one on the other, and return their ids, always the same."""
    git(path.parent, "init", "--quiet", "--bare", "--initial-branch=main", str(path))
    for name in ("allowAnySHA1InWant", "allowReachableSHA1InWant", "allowFilter"):
        git(path, "config", f"uploadpack.{name}", "true")
    stream = b"".join(_import_stream(number, commit) for number, commit in enumerate(commits, 1))
    git(path, "fast-import", "--quiet", "--date-format=raw", stdin=stream)
    return git(path, "rev-list", "--reverse", "main").split()


def _import_stream(number: int, commit: Commit) -> bytes:
    message = f"Commit {number}".encode()
    lines = [b"commit refs/heads/main", b"mark :%d" % number]
    lines += [b"committer Tests <tests@localhost> %d +0000" % (1_700_000_000 + number), b"data %d" % len(message)]
    lines += [message, b"deleteall"]
    for path, content in commit.files.items():
        mode = b"100755" if content.startswith(b"#!") else b"100644"
        lines += [b"M %s inline %s" % (mode, path.encode()), b"data %d" % len(content), content]
    for path, pinned in commit.submodules.items():
        lines.append(b"M 160000 %s %s" % (pinned.encode(), path.encode()))
    if commit.tag:
        lines += [b"reset refs/tags/%s" % commit.tag.encode(), b"from :%d" % number]
    return b"\n".join(lines) + b"\n\n"


def git(folder: Path, *words: str, stdin: bytes = b"") -> str:
    """Run git in a folder, without the user's settings, and return what it printed."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", *words], cwd=folder, env=environment, input=stdin, stdout=subprocess.PIPE, check=True)
    return done.stdout.decode()


def isaac_lab_commits() -> list[Commit]:
    """The apps and packages of the real 2.3.2, without tests, documents and data; and a later commit."""
    wanted = re.compile(r"isaaclab/(apps/.*|source/[^/]+/(setup\.py|pyproject\.toml|config/.*|isaaclab[^/]*/.*))")
    files = {
        "VERSION": b"2.3.2\n",
        ".gitignore": b"**/*.egg-info/\n**/__pycache__/\n**/logs/*\n**/outputs/*\n_isaac_sim*\n",
        "isaaclab.sh": b'#!/usr/bin/env bash\necho "[isaaclab.sh] $*"\n',
    }
    with zipfile.ZipFile(isaac_lab_wheel()) as archive:
        for info in archive.infolist():
            if wanted.fullmatch(info.filename) and info.file_size < 200_000 and not info.is_dir():
                files[info.filename.removeprefix("isaaclab/")] = archive.read(info)
    return [Commit(files, tag="v2.3.2"), Commit({**files, "VERSION": b"2.4.0\n"})]


def rsl_rl_commits() -> list[Commit]:
    """An older commit, the tag v1.0.2, and a later one under rsl_rl's later name."""
    return [
        Commit(_rsl_rl_files("rsl_rl", "1.0.1")),
        Commit(_rsl_rl_files("rsl_rl", "1.0.2"), tag="v1.0.2"),
        Commit(_rsl_rl_files("rsl-rl-lib", "2.1.1"), tag="v2.1.1"),
    ]


def _rsl_rl_files(name: str, version: str) -> dict[str, bytes]:
    runner = (
        "from torch.utils.tensorboard import SummaryWriter\n\n\nclass OnPolicyRunner:\n    writer = SummaryWriter\n"
    )
    files = {
        "setup.py": RSL_RL_SETUP.format(name=name, version=version),
        "README.md": "# rsl_rl\n",
        "LICENSE": "BSD-3-Clause\n",
        "licenses/dependencies/numpy_license.txt": "BSD-3-Clause\n",
        "rsl_rl/__init__.py": f"# {version}\n",
        "rsl_rl/env/__init__.py": "from .vec_env import VecEnv\n",
        "rsl_rl/env/vec_env.py": "class VecEnv:\n    pass\n",
        "rsl_rl/runners/__init__.py": "from .on_policy_runner import OnPolicyRunner\n",
        "rsl_rl/runners/on_policy_runner.py": runner,
    }
    for part in ("algorithms", "modules", "storage", "utils"):
        files[f"rsl_rl/{part}/__init__.py"] = ""
    return _encoded(files)


def robot_commit(assets: str, lowlevel: str) -> Commit:
    """Berkeley Humanoid Lite: its submodules are declared over ssh, its root package cannot be installed."""
    package = "source/berkeley_humanoid_lite"
    places = {f"{LITE}-Assets": f"{package}_assets", f"{LITE}-Lowlevel": f"{package}_lowlevel"}
    modules = "".join(
        f'[submodule "{path}"]\n\tpath = {path}\n\turl = git@github.com:HybridRobotics/{name}.git\n'
        for name, path in places.items()
    )
    tasks = f"{package}/berkeley_humanoid_lite/tasks"
    velocity = f"{tasks}/locomotion/velocity"
    files = {
        ".gitmodules": modules,
        ".gitignore": "**/*.egg-info/\n**/__pycache__/\n",
        ".gitattributes": "*.usd filter=lfs diff=lfs merge=lfs -text\n*.png filter=lfs diff=lfs merge=lfs -text\n",
        "LICENCE": "MIT\n",
        "README.md": "# The robot\n",
        "requirements.txt": "numpy\ntorch\nomegaconf\n",
        "pyproject.toml": ROBOT_WORKSPACE,
        "checkpoints/policy_humanoid.onnx": "onnx\n",
        "configs/policy_humanoid.yaml": "policy_dt: 0.04\n",
        # its readme is not there: setuptools warns of it
        f"{package}/pyproject.toml": _pyproject("berkeley_humanoid_lite", "2025.09.07"),
        f"{package}/berkeley_humanoid_lite/__init__.py": "",
        f"{tasks}/__init__.py": ROBOT_TASKS,
        f"{tasks}/locomotion/__init__.py": "",
        f"{velocity}/__init__.py": "",
        f"{velocity}/config/__init__.py": "",
    }
    for name, task in (
        ("humanoid", "Velocity-Berkeley-Humanoid-Lite-v0"),
        ("biped", "Velocity-Berkeley-Humanoid-Lite-Biped-v0"),
    ):
        config = f"{velocity}/config/{name}"
        files[f"{config}/__init__.py"] = ROBOT_TASK.format(task=task)
        files[f"{config}/env_cfg.py"] = ROBOT_ENV
        files[f"{config}/agents/__init__.py"] = "from . import rsl_rl_ppo_cfg\n"
        files[f"{config}/agents/rsl_rl_ppo_cfg.py"] = ROBOT_AGENT
    return Commit(_encoded(files), dict(zip(places.values(), (assets, lowlevel), strict=True)))


def assets_commits(lfs_pointer: bool, build_backend: str) -> list[Commit]:
    """The robot's description; the top package has no __init__.py, as in the real one."""
    robot = "from pathlib import Path\n\nDATA = Path(__file__).parents[2] / 'data'\n"
    files = {
        "LICENCE": "CC BY-SA 4.0\n",
        "README.md": "# Assets\n",
        ".gitignore": "**/*.egg-info/\n**/__pycache__/\n",
        "pyproject.toml": _pyproject("berkeley_humanoid_lite_assets", "2025.05.28", build_backend),
        "berkeley_humanoid_lite_assets/robots/__init__.py": "",
        "berkeley_humanoid_lite_assets/robots/berkeley_humanoid_lite.py": robot,
        "postprocess.py": "",
        "data/mjcf/berkeley_humanoid_lite.xml": "<mujoco/>\n",
        "data/mjcf/bhl_scene.xml": "<mujoco/>\n",
        "data/mjcf/config.json": "{}\n",
        "data/mjcf/assets/merged/base_visual.stl": "solid\n",
        "data/scad/flat_foot.scad": "cube(1);\n",
        "data/urdf/berkeley_humanoid_lite.urdf": "<robot/>\n",
        "data/urdf/config.json": "{}\n",
        "data/usd/berkeley_humanoid_lite.usd": LFS_POINTER if lfs_pointer else "#usda 1.0\n",
        "data/usd/configuration/berkeley_humanoid_lite_biped_base.usd": "#usda 1.0\n" * 100,
    }
    return [Commit(_encoded(files)), Commit(_encoded({**files, "README.md": "# Later\n"}))]


def lowlevel_commits() -> list[Commit]:
    """What runs on the robot itself."""
    files = {
        "README.md": "# Low level\n",
        "requirements.txt": "numpy\n",
        "pyproject.toml": _pyproject("berkeley_humanoid_lite_lowlevel", "2025.05.28", isaac=False),
        "berkeley_humanoid_lite_lowlevel/__init__.py": "",
    }
    return [Commit(_encoded(files)), Commit(_encoded({**files, "README.md": "# Later\n"}))]


def _pyproject(name: str, version: str, build_backend: str = "setuptools.build_meta", isaac: bool = True) -> str:
    """Lists the top package only, and has the licence as a string, which setuptools takes from 77 on."""
    tool = build_backend.partition(".")[0]
    text = ROBOT_PACKAGE.format(
        name=name,
        version=version,
        requires="setuptools>=61.0" if tool == "setuptools" else tool,
        build_backend=build_backend,
        keyword="isaaclab" if isaac else "lowlevel",
        classifiers="\n    ".join(f'"{text}",' for text in (*CLASSIFIERS, *([ISAAC_CLASSIFIER] if isaac else []))),
    )
    return text + (f'\n[tool.hatch.build.targets.wheel]\npackages = ["{name}"]\n' if tool == "hatchling" else "")


def _encoded(files: dict[str, str]) -> dict[str, bytes]:
    return {path: text.encode() for path, text in files.items()}
