"""Fixtures of the shell tests; what they are made of is in shell_checkout.py."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from shell_checkout import NOX, TORCH, Checkout, Wheels, make_checkout, make_quick_python, make_wheel, rsl_rl_files
from workstation import Workstation, World, make_workstation, make_world, slim


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    folder = tmp_path_factory.mktemp("wheels")
    make_wheel(folder, "torch", "2.13.0+cpu", {"torch/__init__.py": TORCH})
    make_wheel(folder, "torchvision", "0.28.0", {"torchvision/__init__.py": ""}, "torch==2.13.0")
    lock = [
        make_wheel(folder, "mjlab", "1.6.0", {"mjlab/__init__.py": ""}, "rsl-rl-lib==5.4.2", "warp-lang"),
        make_wheel(folder, "rsl-rl-lib", "5.4.2", rsl_rl_files("5.4.2")),
        make_wheel(folder, "warp-lang", "1.19.0", {"warp/__init__.py": ""}),
    ]
    dev = make_wheel(folder, "nox", "1.0", {"nox/__init__.py": "", "nox/__main__.py": NOX})
    return Wheels(folder, "".join(lock), dev)


@pytest.fixture(scope="session")
def quick_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For tests that make a .venv and are not about how, or about when something comes in between."""
    return make_quick_python(tmp_path_factory.mktemp("python"))


@pytest.fixture
def checkout(tmp_path: Path, wheels: Wheels) -> Checkout:
    """A fresh clone."""
    return make_checkout(tmp_path, wheels)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture
def station(tmp_path: Path, world: World) -> Workstation:
    """A fresh clone in the miniature Isaac world, with little to install."""
    return slim(make_workstation(tmp_path, world))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A mounted file system of 64 MB, for what only a real one can show."""
    path = tmp_path / "disk"
    path.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(path)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"cannot mount a small disk here: {done.stderr.decode().strip()}")
    yield path
    subprocess.run(["umount", "--lazy", str(path)], check=True)
