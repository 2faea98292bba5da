"""The robot project and the user's own tasks: whether they are whole, and written for what is installed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator

from checks import ask, dist_info, git_state, old_api, requirements
from checks.files import names_in, text_of
from checks.project_files import Project, projects
from checks.python_source import Packages
from checks.set_up import is_done, is_moved, is_there, receipt
from finding import Finding, Place

HTTPS = "-c url.https://github.com/.insteadOf=git@github.com:"
IN_SCRIPTS = "its own scripts are not needed here: make train and make play take their place"
NAMED = 3
POINTER = b"version https://git-lfs"
NEEDED = {".usd", ".usda", ".usdc", ".usdz", ".urdf", ".xml", ".stl", ".obj", ".dae", ".onnx", ".pt", ".npz", ".npy"}


def check(place: Place) -> Iterator[Finding]:
    """All about the two, once Isaac Sim is there."""
    if not is_there(place):
        return
    if place.robot is not None and is_done(place, "robot") and not is_moved(place):
        yield from checkout(place, place.robot)
    for project in projects(place):
        yield from submodules(place, project.root)
        yield from pointers(place, project)
        yield from api(place, project)
        yield from requirements.check(place, project)


def checkout(place: Place, robot: Path) -> Iterator[Finding]:
    """Whether it is there, and what is not as at the pinned commit."""
    if not names_in(robot):
        yield Finding("robot-missing", f"'{robot}' is not there, or empty")
        return
    if place.choices.get("ROBOT") == str(robot):
        return  # the user's own, on whatever commit
    pin, head = place.pins["ROBOT_COMMIT"], git_state.head(robot)
    if head is not None and head != pin and head == receipt(place, "robot").get("head", head):
        yield Finding("robot-other-commit", f"'{robot}' is on {head[:12]}, the pin is {pin[:12]}")
    changes = git_state.changed(robot, place)
    if changes:
        evidence = "{} in '{}', {} in all".format(", ".join(changes[:3]), robot, len(changes))
        yield Finding("robot-changed", evidence, repair=f"git -C '{robot}' diff")


def submodules(place: Place, root: Path) -> Iterator[Finding]:
    """Submodules whose folder is empty; only those that are installed stop a run."""
    paths = re.findall(r"^\s*path\s*=\s*(.+?)\s*$", text_of(root / ".gitmodules"), re.MULTILINE)
    empty = [path for path in paths if not names_in(root / path)]
    if empty:
        installed = {one.name for one in dist_info.installed(place.isaac_site)}
        stops = any(dist_info.normalised(Path(path).name) in installed for path in empty)
        get = "make setup" if root == place.robot else f"git -C '{root}' {HTTPS} submodule update --init --recursive"
        evidence = "empty in '{}': {}".format(root, ", ".join(empty))
        yield Finding("submodule-over-ssh", evidence, repair=get, severity="" if stops else "bites")


def pointers(place: Place, project: Project) -> Iterator[Finding]:
    """Files that are still a text of Git LFS in place of themselves."""
    found = [path for path in project.small if _begins_with_pointer(path)]
    if found:
        first = next((path for path in found if path.suffix.lower() in NEEDED), found[0])
        git = f"git -C '{_repository(first, project.root)}'"
        get = "make setup" if project.root == place.robot else f"{git} lfs install --local && {git} lfs pull"
        yield Finding(
            "lfs-pointer-instead-of-usd",
            f"'{first}' ({len(found)} in all)",
            repair=get if ask.which(place, "git-lfs") else f"sudo apt install git-lfs, then: {get}",
            severity="" if first.suffix.lower() in NEEDED else "note",
        )


def _repository(path: Path, root: Path) -> Path:
    """The checkout that a file belongs to, which may be a submodule."""
    return next(folder for folder in path.parents if folder == root or (folder / ".git").exists())


def _begins_with_pointer(path: Path) -> bool:
    try:
        with open(str(path), "rb") as stream:
            return stream.read(len(POINTER)) == POINTER
    except OSError:
        return False


def api(place: Place, project: Project) -> Iterator[Finding]:
    """What its files use and the installed releases do not have: one finding for what stops, one for scripts."""
    found: dict[tuple[str, str], list[tuple[str, int, str]]] = {}
    packages = Packages()
    for path in project.python:
        for use in old_api.uses(path, place, packages):
            severity = "note" if project.is_script(path) else "bites" if use.is_late else ""
            found.setdefault((use.id, severity), []).append((project.name(path), use.line, use.text))
    for (name, severity), lines in found.items():
        repair = IN_SCRIPTS if severity == "note" else ""
        yield Finding(name, _listed(sorted(lines)), severity=severity, repair=repair)


def _listed(lines: list[tuple[str, int, str]]) -> str:
    """The first of them, a file named once."""
    text, last = "", ""
    for file, line, what in lines[:NAMED]:
        text += f"{', ' if text else ''}{'line ' if file == last else file + ':'}{line} {what}"
        last = file
    return text + (f" (and {len(lines) - NAMED} more)" if len(lines) > NAMED else "")
