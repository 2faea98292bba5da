"""The embedded simulator: .venv, its packages, and what draws its videos."""

from __future__ import annotations

import operator
import os
import re
from pathlib import Path
from typing import Iterator

from catalogue import STOPS
from checks import dist_info
from checks.ask import ask, libraries
from checks.files import is_there, text_of
from finding import Finding, Place

RENEW = "install it anew: rm -f .venv/receipt && make setup SIM=mujoco"
FIND_PYTHON = "program=train; source scripts/lib.sh; clean_environment; find_python ''"
TOLD = 5


def check(place: Place) -> Iterator[Finding]:
    """What is wrong with .venv; one that is not there is made by the first run."""
    if place.aim != "mujoco":
        return
    if is_foreign(place.root / ".venv"):
        yield Finding("venv-foreign", "'{}'".format(place.root / ".venv"))
    elif is_installed(place):
        yield from installed(place)
    else:
        yield from python(place)
    yield from renderer(place)


def is_foreign(venv: Path) -> bool:
    """Whether set-up would refuse it, by the rule of scripts/lib.sh."""
    try:
        return venv.is_symlink() or (not (venv / ".isaac-workstation").is_file() and any(venv.iterdir()))
    except FileNotFoundError:
        return False
    except OSError:
        return True  # a file, or closed to this user


def is_installed(place: Place) -> bool:
    """Whether set-up came to its end."""
    return all(is_there(place.root / ".venv" / name) for name in (".isaac-workstation", "receipt"))


def installed(place: Place) -> Iterator[Finding]:
    """The first that is wrong, for the rest follows from it."""
    broken = damage(place)
    if broken:
        # without a Python the next run installs .venv anew; else set-up takes it for whole
        severity = STOPS if is_there(place.root / ".venv/bin/python") else ""
        yield Finding("venv-broken", broken, repair=RENEW, severity=severity)
    elif is_for_cpu(place) and has_gpu(place):
        yield Finding("venv-cpu-on-gpu", ".venv/receipt says 'flavour cpu', and nvidia-smi -L lists a GPU")
    elif not is_current(place):
        yield Finding("venv-outdated", ", ".join(changes(place)) or "scripts/setup.sh --sim=mujoco --check says so")
    else:
        yield from packages(place)


def damage(place: Place) -> str:
    """Why .venv cannot start; without its site-packages, which are looked at apart."""
    python = place.root / ".venv/bin/python"
    if not is_there(python):
        gone = os.readlink(str(python)) if python.is_symlink() else ""
        return "'{}' {}".format(python, f"leads to '{gone}', which is gone" if gone else "is gone")
    for name in ("pyvenv.cfg", "lib/python{}/site-packages".format(receipt(place).get("python", "3").split(" ")[0])):
        if not is_there(place.root / ".venv" / name):
            return "'{}' is gone".format(place.root / ".venv" / name)
    answer = ask(place, [str(python), "-I", "-S", "-c", ""])
    if answer is None or answer.status != 0:
        said = answer.err.strip().splitlines()[-1:] if answer else []
        return "'{}' does not start{}".format(python, ": " + said[0] if said else "")
    return ""


def receipt(place: Place) -> dict[str, str]:
    """What .venv was made from."""
    return dict(re.findall(r"^(\S+) (.*)$", text_of(place.root / ".venv/receipt"), re.MULTILINE))


def is_for_cpu(place: Place) -> bool:
    """Whether torch came without CUDA."""
    return receipt(place).get("flavour") == "cpu"


def has_gpu(place: Place) -> bool:
    """Whether a GPU answers; the same question as in scripts/lib.sh."""
    answer = ask(place, ["nvidia-smi", "-L"], 20)
    return answer is not None and answer.status == 0 and answer.out.startswith("GPU ")


def is_current(place: Place) -> bool:
    """Whether set-up has nothing to do."""
    answer = ask(place, ["bash", "scripts/setup.sh", "--sim=mujoco", "--check"], 30)
    return answer is None or answer.status == 0


def changes(place: Place) -> list[str]:
    """What of the receipt the checkout does not say any more."""
    now = {
        "checkout": str(place.root),
        **{name.lower(): place.pins[name] for name in ("TORCH", "TORCHVISION", "MJLAB")},
    }
    was = receipt(place)
    return [f"{name} was '{was[name]}' and is '{now[name]}'" for name in now if was.get(name, "") != now[name]]


# --- Python --------------------------------------------------------------------------------------


def python(place: Place) -> Iterator[Finding]:
    """Whether there is one that .venv can be made with: scripts/lib.sh knows."""
    answer = ask(place, ["bash", "-c", FIND_PYTHON], 30)
    if answer is not None and answer.status != 0:
        what, _, repair = answer.err.strip().partition("train: ")[2].partition("; ")
        yield Finding("python-missing", "", what=what, repair=repair)


# --- packages ------------------------------------------------------------------------------------


def packages(place: Place) -> Iterator[Finding]:
    """What pip did in .venv after set-up: a package that is gone, or in another release."""
    version = receipt(place).get("python", "").split(" ")[0]
    there = dist_info.installed(place.root / f".venv/lib/python{version}/site-packages")
    here = {one.name: one.version.partition("+")[0] for one in there}  # without the +cpu or +cu128 of a build
    wanted = locked(text_of(place.root / "env/mujoco.lock"), version)
    wanted.update(torch=place.pins["TORCH"], torchvision=place.pins["TORCHVISION"])
    if (place.root / ".venv/choice-rsl_rl").is_file():
        wanted.pop("rsl-rl-lib", None)
    wrong = [
        "{} is {} instead of {}".format(name, here.get(name, "missing"), release)
        for name, release in wanted.items()
        if here.get(name) != release
    ]
    if wrong:
        more = f" and {len(wrong) - TOLD} more" if len(wrong) > TOLD else ""
        yield Finding("venv-packages-differ", ", ".join(wrong[:TOLD]) + more, repair=RENEW)


def locked(lock: str, version: str) -> dict[str, str]:
    """Names and releases that a lock has for a release of Python."""
    lines = re.findall(r"^([\w.-]+)==(\S+) *(?:; ([^\\\n]*))?", lock, re.MULTILINE)
    return {name: release for name, release, marker in lines if applies(marker, version)}


def applies(marker: str, version: str) -> bool:
    """Whether a line of the lock is for this Python; its markers are joined by and, and end in a minor release."""
    compare = {"<": operator.lt, ">=": operator.ge, "==": operator.eq}
    for sign, release in re.findall(r"python_full_version ([<>=]+) '(3\.\d+)(?:\.\*)?'", marker):
        if not compare[sign](_minor(version), _minor(release)):
            return False
    return True


def _minor(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split(".")[:2])


# --- videos --------------------------------------------------------------------------------------


def renderer(place: Place) -> Iterator[Finding]:
    """MuJoCo draws off screen with EGL or OSMesa."""
    listed = libraries(place)
    display = place.env.get("DISPLAY") or place.env.get("WAYLAND_DISPLAY")
    if listed and not display and not re.search(r"lib(?:EGL|OSMesa)\.so", listed):
        yield Finding("no-offscreen-gl", "neither libEGL nor libOSMesa in ldconfig -p")
