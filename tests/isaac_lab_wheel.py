"""The wheel of Isaac Lab 2.3.2, which holds its real packages and kits."""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

WHEEL = "isaaclab==2.3.2.post1"
KEPT = Path(__file__).resolve().parents[1] / ".cache" / "wheels"


@functools.cache
def isaac_lab_wheel() -> Path:
    """The file, kept in .cache; the calling test is skipped where pip cannot get it."""
    if not list(KEPT.glob("isaaclab-2.3.2*.whl")):
        KEPT.mkdir(parents=True, exist_ok=True)
        # tests run side by side, and none may see a part of it
        with tempfile.TemporaryDirectory(dir=KEPT) as folder:
            options = ["--no-deps", "--python-version", "3.11", "--only-binary", ":all:", "--dest", folder]
            command = [sys.executable, "-m", "pip", "download", "--quiet", *options]
            command += ["--platform", "manylinux_2_35_x86_64", WHEEL]
            if subprocess.run(command, capture_output=True, check=False).returncode:
                pytest.skip(f"pip cannot get {WHEEL} here")
            for wheel in Path(folder).glob("*.whl"):
                wheel.replace(KEPT / wheel.name)
    return next(KEPT.glob("isaaclab-2.3.2*.whl"))
