"""Double of isaacsim.core.version: reads Isaac Sim's VERSION, such as 5.1.0-rc.19+release.26219.9c81211b.gl."""

from __future__ import annotations

import os
from pathlib import Path


def get_version() -> tuple[str, str, str, str, str, str, str, str]:
    """Core version, pre-release, major, minor, patch, tag of the pre-release, its number, tag of the build."""
    line = (Path(os.environ["ISAAC_PATH"]) / "VERSION").read_text(encoding="utf-8").splitlines()[0]
    rest, _, build = line.partition("+")
    core, _, prerelease = rest.partition("-")
    major, minor, patch = core.split(".")
    tag, _, number = prerelease.partition(".")
    return core, prerelease, major, minor, patch, tag, number, build
