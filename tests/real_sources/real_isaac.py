"""The miniature Isaac Sim with real packages in it, and the real repositories behind a git daemon.

Isaac Sim bundles torch 2.7.0 for CUDA 12.8; the package index has the same release for 12.6, with another cuDNN. All
else is bundled in Isaac Sim's own versions, with what these need in the newest ones. What is no package of the index,
and all of Kit, stays a stand-in.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from isaac_world import BUNDLED, KIT_ARCHIVE, LITE, ML, SETUPTOOLS, install, make_isaac_tree, zip_tree
from isaac_world import git as plain_git
from sources import CACHE, PINS, ROOT, checkout, git, has_object

STAND_INS = {"nvidia-srl-usd-to-urdf": "exts/isaacsim.asset.exporter.urdf"}
"""Bundled, and not on the index."""
OTHERS = ("nvidia-cudnn-cu12",)
"""Of another version than Isaac Sim's: the one that the index's torch was built for."""
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64", "manylinux1_x86_64", "any")


# --- the archive ---------------------------------------------------------------------------------


def real_archive() -> Path:
    """Made once and kept, 7 GB: an archive whose pip_prebundle folders and setuptools are real."""
    if sys.version_info[:2] != (3, 11):
        pytest.skip("pip installs for Isaac Sim's Python 3.11 with a Python 3.11 only")
    how = inspect.getsource(real_archive) + inspect.getsource(fill) + json.dumps(BUNDLED)
    path = CACHE / f"isaac-sim-{hashlib.sha256(how.encode()).hexdigest()[:12]}.zip"
    if not path.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            tree = make_isaac_tree(Path(scratch) / "isaac")
            fill(tree, prebundle())
            zip_tree(tree, Path(scratch) / "archive.zip", zipfile.ZIP_STORED).replace(path)
    return path


def wanted() -> dict[str, str]:
    """The versions of the index, by name."""
    found = {name: version for packages in BUNDLED.values() for name, version in packages.items()}
    return {name: version.partition("+")[0] for name, version in found.items() if name not in (*STAND_INS, *OTHERS)}


def prebundle() -> Path:
    """A folder with the wheels of what Isaac Sim bundles, and of all that they need."""
    folder = CACHE / "prebundle"
    done = folder / "whole"
    names = [f"{name}=={version}" for name, version in wanted().items()]
    if not done.is_file() or done.read_text() != "\n".join(names):
        platforms = [f"--platform={platform}" for platform in PLATFORMS]
        pip("download", "--only-binary", ":all:", "--python-version", "3.11", *platforms, "--dest", folder, *names)
        pip("download", "--no-deps", "--dest", folder, f"setuptools=={SETUPTOOLS}")
        done.write_text("\n".join(names))
    return folder


def fill(tree: Path, wheels: Path) -> None:
    """Put the wheels where Isaac Sim has them, in place of the stand-ins."""
    places = {name: place for place, packages in BUNDLED.items() for name in packages}
    by_place: dict[str, list[str]] = {}
    for wheel in sorted(wheels.glob("*.whl")):
        name, version = wheel.name.split("-")[:2]
        name = re.sub(r"[-_.]+", "-", name).lower()
        if name != "setuptools":
            elsewhere = ML if name.startswith(("nvidia-", "triton")) else KIT_ARCHIVE
            by_place.setdefault(places.get(name, elsewhere), []).append(f"{name}=={version}")
    offline = ("--no-deps", "--no-index", "--find-links", wheels, "--no-compile")
    for place, names in by_place.items():
        shutil.rmtree(tree / place / "pip_prebundle")
        pip("install", *offline, "--target", tree / place / "pip_prebundle", *names)
    for name, place in STAND_INS.items():
        install(tree / place / "pip_prebundle", name, BUNDLED[place][name])
    site = tree / "kit/python/lib/python3.11/site-packages"
    for entry in ("setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence.pth", "setuptools-*"):
        for path in site.glob(entry):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    pip("install", *offline, "--target", site, f"setuptools=={SETUPTOOLS}")


def pip(*words: object) -> None:
    """Run pip of this Python with the user's configuration."""
    command = [sys.executable, "-m", "pip", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# --- NVIDIA's assets -----------------------------------------------------------------------------


def assets(folder: Path) -> list[str]:
    """What to give make: a folder of ASSETS_SRC, nothing where NVIDIA's server is known, else a folder of stand-ins."""
    if os.environ.get("ASSETS_SRC"):
        return [f"ASSETS={Path(os.environ['ASSETS_SRC']).expanduser().resolve()}"]
    with contextlib.suppress(OSError):
        socket.getaddrinfo(urlsplit(PINS["ASSETS_URL"]).hostname, 443)
        return []
    for line in (ROOT / "env/assets.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            (folder / line).parent.mkdir(parents=True, exist_ok=True)
            (folder / line).write_text("#usda 1.0\n")
    return [f"ASSETS={folder}"]


# --- the repositories ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Served:
    """A git daemon on loopback; the commit that stands in for the robot's, and what had to be said."""

    url: str
    robot: str
    remarks: tuple[str, ...]


@contextlib.contextmanager
def served(folder: Path) -> Iterator[Served]:
    """Serve the real repositories below their owners, as GitHub does. Only the new folder is written to."""
    remarks: list[str] = []
    shared(folder / "isaac-sim/IsaacLab.git", checkout("ISAACLAB_SRC"), PINS["ISAAC_LAB_COMMIT"])
    shared(folder / "leggedrobotics/rsl_rl.git", checkout("RSL_RL_SRC"), PINS["ISAAC_RSL_RL_COMMIT"])
    robot = robot_commit(folder / "HybridRobotics", remarks)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["daemon", "--reuseaddr", "--export-all", "--listen=127.0.0.1", f"--port={port}", f"--base-path={folder}"]
    with subprocess.Popen(["git", *words, str(folder)], stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(port)
            yield Served(f"git://127.0.0.1:{port}", robot, tuple(remarks))
        finally:
            process.terminate()


def wait_for(port: int) -> None:
    end = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        assert time.monotonic() < end, "the git daemon does not answer"
        time.sleep(0.1)


def shared(path: Path, source: Path, commit: str) -> str:
    """A bare repository that borrows the objects of a source and has one commit of it on main. Returns the commit."""
    plain_git(path, "init", "--quiet", "--bare", "--initial-branch=main", str(path))
    objects = Path(git(source, "rev-parse", "--git-path", "objects"))
    (path / "objects/info/alternates").write_text(f"{source / objects}\n")
    for name in ("allowAnySHA1InWant", "allowFilter"):
        plain_git(path, "config", f"uploadpack.{name}", "true")
    found = git(source, "rev-parse", f"{commit}^{{commit}}")
    # without its parents: a source may be shallow
    (path / "shallow").write_text(f"{found}\n")
    plain_git(path, "update-ref", "refs/heads/main", found)
    return found


def robot_commit(owner: Path, remarks: list[str]) -> str:
    """The pinned commit of the robot; if its submodules' commits cannot be had, the same tree with others."""
    source = checkout("BHL_SRC")
    lite = owner / f"{LITE}.git"
    shared(lite, source, PINS["ROBOT_COMMIT"])
    links = re.findall(r"^160000 commit (\w+)\t(.*)$", git(source, "ls-tree", "-r", PINS["ROBOT_COMMIT"]), re.MULTILINE)
    others = {}
    for pinned, path in links:
        part = "Assets" if path.endswith("assets") else "Lowlevel"
        submodule = checkout(f"BHL_{part.upper()}_SRC")
        bare = owner / f"{LITE}-{part}.git"
        if has_object(submodule, f"{pinned}^{{commit}}"):
            shared(bare, submodule, pinned)
        else:
            newest = shared(bare, submodule, "HEAD")
            others[path] = whole(bare, newest, remarks)
            remarks.append(f"{part}: {newest[:12]} stands in for {pinned[:12]}")
    if not others:
        return PINS["ROBOT_COMMIT"]
    return committed(lite, PINS["ROBOT_COMMIT"], [f"160000 {commit}\t{path}" for path, commit in others.items()])


def whole(bare: Path, commit: str, remarks: list[str]) -> str:
    """The commit, or, where a snapshot lacks large files of it, one without them."""
    listed = git(bare, "rev-list", "--objects", "--no-walk", "--missing=print", commit)
    missing = set(re.findall(r"^\?(\w+)", listed, re.MULTILINE))
    if not missing:
        return commit
    tree = re.findall(r"^\d+ blob (\w+)\t(.*)$", git(bare, "ls-tree", "-r", commit), re.MULTILINE)
    gone = [path for blob, path in tree if blob in missing]
    remarks.append(f"{bare.stem}: without {', '.join(gone)}, which the snapshot lacks")
    return committed(bare, commit, [f"0 {'0' * 40}\t{path}" for path in gone])


def committed(bare: Path, commit: str, update: list[str]) -> str:
    """A commit of the same tree but for these entries, as `git update-index --index-info` reads them."""
    env = {"GIT_INDEX_FILE": str(bare / "index-of-the-test"), **PERSON}
    git(bare, "read-tree", commit, **env)
    git(bare, "update-index", "--index-info", stdin="".join(f"{line}\n" for line in update), **env)
    made = git(bare, "commit-tree", git(bare, "write-tree", "--missing-ok", **env), "-m", "Stand in", **env)
    (bare / "shallow").unlink()
    plain_git(bare, "update-ref", "refs/heads/main", made)
    return made


PERSON: Mapping[str, str] = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Tests"), ("EMAIL", "tests@localhost"), ("DATE", "1700000000 +0000"))
}
