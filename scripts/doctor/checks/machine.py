"""The machine: what scripts/setup/preflight.sh says, and what only a look before a run wants to know."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Iterator, Sequence

from catalogue import BITES
from checks.ask import ask, which
from checks.files import is_there, matching, text_of
from finding import Finding, Place

PREFLIGHT = "scripts/setup/preflight.sh"
LIMIT_S = 40
SPARE_GB = 3
"""Free where all is installed: Kit's caches grow there."""
WATCHES = 65536
"""Kernels before 5.11 allow 8192; later ones about 10,000 for each GB of memory."""
SPARE_WATCHES = 8192
NO_GPU = {"no-nvidia-gpu", "nvml-mismatch"}
ICD_FOLDERS = ("etc/vulkan/icd.d", "usr/share/vulkan/icd.d", "usr/local/share/vulkan/icd.d", "etc/xdg/vulkan/icd.d")
GRAPHICS = "start the container with NVIDIA_DRIVER_CAPABILITIES=all"


def check(place: Place) -> Iterator[Finding]:
    """What is wrong with the machine, for the simulator that is meant."""
    yield from git(place)
    if place.aim != "isaac":
        yield from for_mujoco(preflight(place))
        return
    said = list(preflight(place, ["--disk=" + disk for disk in disks(place)] + paths(place)))
    found = {one.id for one in said}
    yield from (in_container(one, place) for one in said if one.id != "few-inodes" or not place.is_set_up())
    if not found & (NO_GPU | {"vulkan-incompatible-driver", "machine-not-looked-at"}):
        yield from vulkan(place)
    yield from watches(place)
    yield from locale(place)


def git(place: Place) -> Iterator[Finding]:
    """rsl_rl imports GitPython, which wants the program."""
    if not which(place, "git"):
        yield Finding("gitpython-no-git", "")


# --- preflight -----------------------------------------------------------------------------------


def preflight(place: Place, arguments: Sequence[str] = ()) -> Iterator[Finding]:
    """Its lines as findings."""
    answer = ask(place, ["bash", PREFLIGHT, *arguments], LIMIT_S)
    if answer is None or answer.status != 0:
        reason = f"no answer within {LIMIT_S} s" if answer is None else answer.err.strip()
        yield Finding("machine-not-looked-at", reason)
        return
    for line in answer.out.splitlines():
        _, name, what, repair = line.split("\t")
        yield Finding(name, "", what=what, repair=repair)


def for_mujoco(said: Iterator[Finding]) -> Iterator[Finding]:
    """The few that matter to the embedded simulator, and less: it trains on a CPU too."""
    for one in said:
        if one.id == "nvml-mismatch":
            yield replace(one, severity=BITES, what=one.what + "; training falls back to the CPU")
        elif one.id == "wrong-platform":
            what = one.what.partition(",")[0] + ", the packages of the embedded simulator are tested on Linux on x86-64"
            yield replace(one, severity=BITES, what=what, repair="use a Linux machine with x86-64")


def disks(place: Place) -> list[str]:
    """GB:PATH of what is still to be installed; or of what should stay free."""
    if place.is_set_up():
        return [f"{SPARE_GB}:{place.install}"]
    wanted = ["PACKAGES"]
    if "ISAACSIM_PATH" not in place.choices and not is_there(place.isaac / "VERSION"):
        wanted += ["ISAAC_SIM"]
        wanted += [] if is_there(place.install / "downloads" / place.pins["ARCHIVE"]) else ["ARCHIVE"]
    wanted += [] if is_there(place.lab) else ["ISAAC_LAB"]
    wanted += ["ROBOT"] if place.robot and not is_there(place.robot) else []
    return ["{}:{}".format(place.pins[f"DISK_{name}_GB"], place.install) for name in wanted]


def paths(place: Place) -> list[str]:
    """Where Isaac Sim is, if set-up puts it there."""
    return [] if "ISAACSIM_PATH" in place.choices else [f"--isaac-path={place.isaac}"]


# --- Vulkan --------------------------------------------------------------------------------------


def is_container(place: Place) -> bool:
    """Whether this is Docker or Podman."""
    return any(is_there(place.system / mark) for mark in (".dockerenv", "run/.containerenv"))


def lacks_graphics(place: Place) -> bool:
    """Whether a container was started without the graphics half of the driver."""
    capabilities = set(place.env.get("NVIDIA_DRIVER_CAPABILITIES", "all").split(","))
    return is_container(place) and not capabilities & {"graphics", "all"}


def in_container(finding: Finding, place: Place) -> Finding:
    """Nothing can be installed into a container's driver: it comes from the host."""
    if finding.id != "vulkan-incompatible-driver" or not lacks_graphics(place):
        return finding
    value = place.env["NVIDIA_DRIVER_CAPABILITIES"]
    return replace(finding, evidence=f"NVIDIA_DRIVER_CAPABILITIES is '{value}'", repair=GRAPHICS)


def vulkan(place: Place) -> Iterator[Finding]:
    """Whether the Vulkan loader finds NVIDIA's driver; asked where a GPU answers."""
    named = next((name for name in ("VK_DRIVER_FILES", "VK_ICD_FILENAMES") if place.env.get(name)), "")
    if named:
        files = [Path(entry) for entry in place.env[named].split(os.pathsep) if entry]
        if not any(map(names_nvidia, files)):
            yield Finding(
                "vulkan-incompatible-driver",
                f"'{place.env[named]}'",
                what=f"{named} names no file of NVIDIA's Vulkan driver that is there",
                repair=f"take it back: unset {named}",
            )
    elif not any(map(names_nvidia, icd_folders(place))):
        yield in_container(
            Finding(
                "vulkan-incompatible-driver",
                "no nvidia_icd.json in /usr/share/vulkan/icd.d or /etc/vulkan/icd.d",
                what="NVIDIA's driver is not registered with Vulkan",
                repair=GRAPHICS if is_container(place) else "",
            ),
            place,
        )


def icd_folders(place: Place) -> Iterator[Path]:
    """Where the Vulkan loader looks for drivers."""
    yield from (place.system / folder for folder in ICD_FOLDERS)
    yield from (place.home / folder / "vulkan/icd.d" for folder in (".config", ".local/share"))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CONFIG_DIRS", "XDG_DATA_DIRS"):
        yield from (Path(entry) / "vulkan/icd.d" for entry in place.env.get(name, "").split(os.pathsep) if entry)


def names_nvidia(path: Path) -> bool:
    """Whether a manifest, or one in a folder, names a library of NVIDIA's."""
    # libGLX_nvidia.so.0, or libEGL_nvidia.so.0 where there is no X
    return any("_nvidia.so" in text_of(file) for file in [path, *matching(path, "*.json")])


# --- limits and language -------------------------------------------------------------------------


def watches(place: Place) -> Iterator[Finding]:
    """Kit watches its extensions' folders."""
    allowed = text_of(place.system / "proc/sys/fs/inotify/max_user_watches").strip()
    if not allowed.isdigit():
        return
    if int(allowed) < WATCHES:
        yield Finding("inotify-watches", f"fs.inotify.max_user_watches is {allowed}")
        return
    used = watches_in_use(place.system / "proc") if int(allowed) < 8 * WATCHES else 0
    if used + SPARE_WATCHES > int(allowed):
        yield Finding("inotify-watches", f"fs.inotify.max_user_watches is {allowed}, {used} are in use")


WATCHES_TEXT = 100_000_000
"""More characters than half a million watches take, a line each."""


def watches_in_use(proc: Path) -> int:
    """How many watches the processes have that this user may look at."""
    count = 0
    for process in _processes(proc):
        try:
            with os.scandir(str(process / "fd")) as files:
                numbers = [file.name for file in files if os.readlink(file.path) == "anon_inode:inotify"]
        except OSError:
            continue  # it ended, or is somebody else's
        count += sum(text_of(process / "fdinfo" / number, WATCHES_TEXT).count("inotify wd:") for number in numbers)
    return count


def _processes(proc: Path) -> Iterator[Path]:
    try:
        with os.scandir(str(proc)) as entries:
            yield from [Path(entry.path) for entry in entries if entry.name.isdigit()]
    except OSError:
        return


def locale(place: Place) -> Iterator[Finding]:
    """C and POSIX are UTF-8 to Python by itself."""
    name = next((name for name in ("LC_ALL", "LC_CTYPE", "LANG") if place.env.get(name)), "")
    value = place.env.get(name, "")
    if value not in ("", "C", "POSIX") and not re.search(r"(?i)utf-?8", value):
        yield Finding("non-utf8-locale", f"{name} is '{value}'")
