"""What somebody who helps would ask for next: the versions of what is there."""

from __future__ import annotations

import platform
import re
import subprocess
from pathlib import Path

from checks.files import text_of
from finding import Place

LIMIT_S = 10
GPU = "--query-gpu=name,driver_version,memory.total"


def of(place: Place) -> dict[str, str]:
    """Names and values, for REPORT=1; what cannot be told is left out."""
    facts = {
        "system": _system(place),
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "GPU, driver, memory": _said(
            place, ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
        ),
        "this checkout": _said(place, ["git", "-C", str(place.root), "describe", "--always", "--dirty", "--abbrev=10"]),
        "simulator": place.aim,
    }
    if place.aim == "isaac":
        facts["Isaac Sim"] = _first_line(place.isaac / "VERSION")
        facts["Isaac Lab"] = _first_line(place.lab / "VERSION")
        facts["rsl_rl wanted"] = place.rsl_rl
    return {name: value for name, value in facts.items() if value}


def _system(place: Place) -> str:
    found = re.search(r'^PRETTY_NAME="?([^"\n]*)', text_of(place.system / "etc/os-release"), re.MULTILINE)
    return found[1] if found else platform.system()


def _first_line(path: Path) -> str:
    return (text_of(path).splitlines() or [""])[0].strip()


def _said(place: Place, command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, timeout=LIMIT_S, env=dict(place.env), check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "; ".join(done.stdout.decode(errors="replace").split("\n")).strip("; ") if done.returncode == 0 else ""
