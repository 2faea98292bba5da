"""What the user's shell and home folder bring along; make leaves nearly all of it behind."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Iterator, Sequence

from catalogue import BITES, NOTE
from checks import display
from checks.files import is_there, matching, text_of
from finding import Finding, Place

SHELL_FILES = (".bashrc", ".bash_profile", ".bash_login", ".bash_aliases", ".profile", ".zshrc", ".zshenv", ".zprofile")
OLD_LAYOUT = r"source/extensions/omni\.isaac\."
SHADOWING = ("isaacsim", "isaaclab", "isaaclab_tasks", "isaaclab_rl", "rsl_rl", "torch", "numpy", "warp", "gymnasium")
LEFT = (
    *("ISAAC_PATH", "CARB_APP_PATH", "EXP_PATH", "PYTHONEXE", "ISAACLAB_EXP_FILE", "args"),
    *("HEADLESS", "LIVESTREAM", "ENABLE_CAMERAS", "XR", "LD_PRELOAD", "PYTHONHOME"),
)


def check(place: Place) -> Iterator[Finding]:
    """What would get into a Python that the user starts without make."""
    yield from environments(place)
    yield from python_path(place)
    yield from library_path(place)
    if place.aim == "isaac":
        yield from isaac_variables(place)
        yield from ros(place)
        yield from other_isaacs(place)
        yield from user_site(place)


def where_set(place: Place, pattern: str) -> str:
    """The line of the user's shell files that a pattern is in, as " (~/.bashrc line 3)"; or nothing."""
    for name in SHELL_FILES:
        for number, line in enumerate(text_of(place.home / name).splitlines(), 1):
            if not line.lstrip().startswith("#") and re.search(pattern, line):
                return f" (~/{name} line {number})"
    return ""


def value(place: Place, name: str) -> str:
    """A variable as evidence: its value, and the line that sets it."""
    return "{} is '{}'{}".format(name, place.env[name], where_set(place, rf"\b{name}="))


def entries(place: Place, name: str) -> list[Path]:
    """The folders of a variable like PATH; one that is not absolute counts from the checkout."""
    return [place.root / entry for entry in place.env.get(name, "").split(os.pathsep) if entry]


# --- Python environments -------------------------------------------------------------------------


def environments(place: Place) -> Iterator[Finding]:
    """An active conda or virtual environment; isaaclab.sh takes its Python before Isaac Sim's own."""
    if place.env.get("CONDA_PREFIX"):
        found = "CONDA_PREFIX is '{}'{}".format(
            place.env["CONDA_PREFIX"],
            where_set(place, r"\bconda (initialize|activate)\b|\bconda\.sh\b|\bCONDA_PREFIX="),
        )
        yield Finding("conda-base-active", found, what="a conda environment is active", repair="conda deactivate")
    active = place.env.get("VIRTUAL_ENV")
    if active and os.path.realpath(active) != os.path.realpath(str(place.root / ".venv")):
        found = "VIRTUAL_ENV is '{}'{}".format(active, where_set(place, r"/bin/activate\b|\bVIRTUAL_ENV="))
        yield Finding("conda-base-active", found, what="a virtual environment is active", repair="deactivate")


def python_path(place: Place) -> Iterator[Finding]:
    """What PYTHONPATH names: the folders of Isaac Lab 1, folders that are gone, second copies."""
    found = entries(place, "PYTHONPATH")
    if not found:
        return
    line = where_set(place, r"\bPYTHONPATH=")
    old = [str(entry) for entry in found if re.search(OLD_LAYOUT, str(entry))]
    if old:
        yield Finding("pythonpath-old-layout", f"PYTHONPATH holds '{old[0]}'{line}")
    # ROS writes here too, and is told by itself
    rest = [_tell(entry) for entry in found if not re.search(OLD_LAYOUT + "|/opt/ros/", str(entry))]
    if rest:
        yield Finding("pythonpath-set", "PYTHONPATH holds {}{}".format(", ".join(rest), line))


def _tell(entry: Path) -> str:
    packages = [name for name in SHADOWING if is_there(entry / name)]
    remark = " with {} in it".format(" and ".join(packages)) if packages else ""
    return "'{}'{}".format(entry, remark if is_there(entry) else ", which is not there")


def library_path(place: Place) -> Iterator[Finding]:
    """Folders with a CUDA of their own; the loader takes them before those that torch brings."""
    found = [str(entry) for entry in entries(place, "LD_LIBRARY_PATH") if is_cuda(entry, place)]
    if not found:
        return
    evidence = "LD_LIBRARY_PATH holds '{}'{}".format(found[0], where_set(place, r"\bLD_LIBRARY_PATH="))
    if place.aim == "isaac":
        yield Finding("cuda-lib-shadowing", evidence)
    elif "flavour cuda" in text_of(place.root / ".venv/receipt").splitlines():
        # of the embedded simulator's environment this variable is a part: a driver may be found by it
        what = "LD_LIBRARY_PATH puts another CUDA before the one of torch, and the embedded simulator gets it"
        yield Finding("cuda-lib-shadowing", evidence, what=what, repair="unset LD_LIBRARY_PATH", severity=BITES)


def is_cuda(entry: Path, place: Place) -> bool:
    """Whether a library folder is a CUDA toolkit's or conda's; a driver's own folders are neither."""
    conda = place.env.get("CONDA_PREFIX")
    parts = re.search(r"(?i)/(?:cuda(?:-[\d.]+)?|(?:ana|mini)conda\d?|mini(?:forge|mamba)\d?)/", str(entry) + "/")
    return bool(parts) or bool(conda and str(entry).startswith(conda + os.sep))


# --- Isaac Sim and ROS ---------------------------------------------------------------------------


def isaac_variables(place: Place) -> Iterator[Finding]:
    """What another Isaac Sim, its setup_conda_env.sh or a launch script left in the shell."""
    ours = os.path.realpath(str(place.isaac)) + os.sep
    left = [name for name in LEFT if place.env.get(name) and not display.is_wrong(place, name)]
    left = [name for name in left if not (os.path.realpath(place.env[name]) + os.sep).startswith(ours)]
    if left:
        repair = f"take the lines out of your shell's file, or for this shell: unset {' '.join(left)}"
        yield Finding("isaac-variables-left", ", ".join(value(place, name) for name in left), repair=repair)


def ros(place: Place) -> Iterator[Finding]:
    """ROS brings a Python path, libraries and a Python of its own release."""
    name = next((name for name in ("ROS_DISTRO", "AMENT_PREFIX_PATH") if place.env.get(name)), "")
    if name:
        line = where_set(place, rf"/opt/ros/\S*setup\.|\b{name}=")
        yield Finding("ros-sourced", f"{name} is '{place.env[name]}'{line}")


def sites(place: Place) -> list[Path]:
    """Folders outside Isaac Sim where a Python of the user's finds packages."""
    roots = [place.home / ".local"]
    roots += [Path(place.env[name]) for name in ("CONDA_PREFIX", "VIRTUAL_ENV") if place.env.get(name)]
    found = [site for root in roots for site in matching(root, "lib/python3*/site-packages")]
    return list(dict.fromkeys(found + entries(place, "PYTHONPATH")))


def other_isaacs(place: Place) -> Iterator[Finding]:
    """Isaac Sim by pip, or installed by the Omniverse Launcher, beside the one that set-up made."""
    pip = {info: info.name[len("isaacsim-") :] for site in sites(place) for info in _isaacsim_infos(site)}
    for info, version in pip.items():
        if version.startswith("4."):
            yield Finding(
                "apps-isaacsim-4-5-loaded",
                f"'{info}'",
                what="an Isaac Sim 4 is installed by pip",
                severity=NOTE,
            )
    others = [info for info, version in pip.items() if not version.startswith("4.")]
    ours = os.path.realpath(str(place.isaac))
    others += [path for path in _launcher_isaacs(place.home) if os.path.realpath(str(path)) != ours]
    if others and len(others) + is_there(place.isaac) > 1:
        yield Finding("several-isaacsim", ", ".join(f"'{path}'" for path in others))


def _isaacsim_infos(site: Path) -> Iterator[Path]:
    for info in matching(site, "isaacsim-[0-9]*.dist-info"):
        yield info.with_name(info.name[: -len(".dist-info")])


def _launcher_isaacs(home: Path) -> list[Path]:
    return [path for path in matching(home / ".local/share/ov/pkg", "isaac*") if is_there(path / "python.sh")]


# --- the user's own packages ---------------------------------------------------------------------


def user_site(place: Place) -> Iterator[Finding]:
    """What pip install --user left for Isaac Sim's release of Python."""
    site = place.home / ".local/lib/python{}/site-packages".format(place.pins["ISAAC_PYTHON"])
    packages = [name for name in SHADOWING if is_there(site / name)]
    if packages:
        yield Finding("user-site-shadows", "{} in '{}'".format(", ".join(packages), site))
    for file, gone in stale_paths(site).items():
        yield Finding("stale-pth", f"'{file}' names '{gone[0]}'")


def stale_paths(site: Path) -> dict[Path, Sequence[str]]:
    """Of each .pth file the folders that are gone."""
    found: dict[Path, Sequence[str]] = {}
    for file in matching(site, "*.pth"):
        lines = (line.strip() for line in text_of(file).splitlines())
        named = [line for line in lines if line and not re.match(r"#|import[ \t]", line)]
        gone = [line for line in named if not is_there(site / line)]
        if gone:
            found[file] = gone
    return found
