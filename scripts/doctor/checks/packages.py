"""Packages in Isaac Sim's own Python: what is missing, replaced, of another version, or from elsewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Iterator

from checks import dist_info, editable
from checks.dist_info import Distribution
from checks.files import names_in, text_of
from checks.set_up import has_extensions, is_done, is_moved, is_there, steps, unpack_again
from finding import Finding, Place

LEARNER = ("tensordict", "tensorboard", "gitpython")
"""What rsl_rl itself imports."""
NAMED = 5
LIMIT = 10
CUDA_OF_SM120 = (12, 8)


def check(place: Place) -> Iterator[Finding]:
    """All about packages, once set-up has put them there."""
    if not is_there(place) or not is_done(place, "packages"):
        return
    if not place.isaac_site.is_dir() or not has_extensions(place):
        return
    folders = dist_info.python_path(place)
    found = dist_info.by_name(folders)
    yield from missing(place, found)
    yield from conflicts(place, found)
    yield from numpy(place, folders)
    yield from torch(place, folders)
    yield from lab_from_elsewhere(place, found)
    yield from old_paths(place)
    yield from pip_isaacsim(place, found)


def wanted(place: Place, found: dict[str, list[Distribution]]) -> dict[str, str]:
    """The versions of the locks, without rsl_rl itself."""
    versions = dist_info.locked(place.root / "env/isaac.lock")
    if place.rsl_rl != place.pins["ISAAC_RSL_RL"] and "rsl-rl-lib" in found:
        versions.update(dist_info.locked(place.root / "env/isaac-rsl_rl.lock"))
    return {name: version for name, version in versions.items() if name not in ("rsl-rl", "rsl-rl-lib")}


def is_bare(place: Place, found: dict[str, list[Distribution]]) -> bool:
    """Whether so much is missing that it has one cause."""
    names = wanted(place, found)
    return 2 * len([name for name in names if name not in found]) > len(names) > 0


def missing(place: Place, found: dict[str, list[Distribution]]) -> Iterator[Finding]:
    """What set-up installed or the lock names, and is nowhere; one finding if that is most of it."""
    gone = {name for name in wanted(place, found) if name not in found} | _taken_away(place, found)
    repair = install_again(place)
    if is_bare(place, found):
        yield Finding("packages-missing", _counted(sorted(gone), place), repair=repair)
        return
    if "isaaclab" not in found and not (place.isaac_site / "isaaclab").is_dir():
        yield Finding("isaaclab-missing", f"no metadata of isaaclab in '{place.isaac_site}'", repair=repair)
    if "flatdict" in gone:
        yield Finding("flatdict-pkg-resources", f"no metadata of flatdict in '{place.isaac_site}'", repair=repair)
    learners = sorted(gone.intersection(LEARNER))
    if learners:
        yield Finding("rsl-deps-missing", _counted(learners, place), repair=repair)
    others = sorted(gone.difference(LEARNER, ("isaaclab", "flatdict")))
    if others:
        yield Finding("packages-missing", _counted(others, place), repair=repair)


def _taken_away(place: Place, found: dict[str, list[Distribution]]) -> set[str]:
    """Distributions that set-up moved in; rsl_rl has findings of its own."""
    gone = set()
    for step in steps(place):
        for entry in text_of(place.state / ("dists-" + step)).split():
            name = dist_info.normalised(entry.partition("-")[0])
            if entry.endswith(".pth"):  # a folder on the path, in place of an editable install
                continue
            if name not in found and name not in ("rsl-rl", "rsl-rl-lib"):
                gone.add(name)
    return gone


def _counted(names: list[str], place: Place) -> str:
    more = ", …" if len(names) > NAMED else ""
    return "{}{} ({} in all) not in '{}'".format(", ".join(names[:NAMED]), more, len(names), place.isaac_site)


def conflicts(place: Place, found: dict[str, list[Distribution]]) -> Iterator[Finding]:
    """Packages of the lock in another version. What Isaac Sim bundles in another version stays, and is right so."""
    others = []
    for name, version in wanted(place, found).items():
        several = [one for one in found.get(name, []) if one.folder == place.isaac_site]
        if several and version not in [one.version for one in several]:
            others.append(f"{name} {several[0].version} (the lock has {version})")
    if others:
        more = f", … ({len(others)} in all)" if len(others) > NAMED else ""
        # what set-up moved in and is not there any more makes a run refuse to start
        severity = "" if is_whole(place) else "stops"
        evidence = ", ".join(others[:NAMED]) + more
        yield Finding("pip-dependency-conflict", evidence, repair=install_again(place), severity=severity)


def install_again(place: Place) -> str:
    """Set-up leaves packages alone while the metadata that it moved in are there; then its receipt has to go first."""
    if is_whole(place):
        return "rm '{}', then: make setup".format(place.state / "receipt-packages")
    return "make setup"


def is_whole(place: Place) -> bool:
    """Whether all that set-up moved in is there, in that version; the same question as in scripts/isaac_pip.sh."""
    entries = text_of(place.state / "dists-packages").split()
    return all((place.isaac_site / entry / "METADATA").is_file() for entry in entries)


def numpy(place: Place, folders: list[Path]) -> Iterator[Finding]:
    """The numpy that is imported: bundled compiled modules want the 1.x that they were built for."""
    there = dist_info.imported("numpy", folders)
    if there is None:
        what = "numpy, which Isaac Sim bundles, is gone"
        evidence = f"in none of {len(folders)} folders of packages"
        yield Finding("numpy2-abi", evidence, what=what, repair=unpack_again(place))
        return
    package, version = there
    if re.match(r"[2-9]\.|\d\d", version):
        evidence = f"numpy {version} in '{package}', Isaac Sim's is {place.pins['ISAAC_NUMPY']}"
        yield _replaced("numpy2-abi", evidence, package, folders, place)


def torch(place: Place, folders: list[Path]) -> Iterator[Finding]:
    """The torch that is imported is the bundled one, of the pinned build, and knows the GPU."""
    pin, there = place.pins["ISAAC_TORCH"], dist_info.imported("torch", folders)
    if there is None:
        what = "torch, which Isaac Sim bundles, is gone"
        evidence = f"in none of {len(folders)} folders of packages"
        yield Finding("torch-replaced", evidence, what=what, repair=unpack_again(place))
        return
    package, version = there
    too_old, is_pin = _lacks_kernels(place, package), version == pin or version.startswith(pin + ".")
    if too_old:
        yield _replaced("torch-no-sm120", f"torch {version} in '{package}', {too_old}", package, folders, place)
    elif not is_pin:
        evidence = f"torch {version} in '{package}', Isaac Sim's is {pin}"
        yield _replaced("torch-replaced", evidence, package, folders, place)
    elif package.parent == place.isaac_site and dist_info.imported("torch", folders[1:]) is not None:
        # without the bundled one it is only in another place, as Isaac Lab's own installer leaves it
        what = "a second torch of the same build stands in front of Isaac Sim's own"
        finding = _replaced("torch-replaced", f"'{package}'", package, folders, place)
        yield replace(finding, what=what, severity="note")


def _replaced(name: str, evidence: str, package: Path, folders: list[Path], place: Place) -> Finding:
    """With how to get the bundled copy back: from behind what stands in front of it, else from the archive."""
    behind = [folder for folder in folders[1:] if (folder / package.name / "__init__.py").is_file()]
    if package.parent != place.isaac_site or not behind:
        return Finding(name, evidence, repair=unpack_again(place))
    infos = [one.info for one in dist_info.installed(place.isaac_site) if one.name == package.name]
    libraries = [path for path in (place.isaac_site / f"{package.name}.libs",) if path.is_dir()]
    return _in_front(name, evidence, [package, *infos, *libraries])


def _in_front(name: str, evidence: str, paths: list[Path], afterwards: str = "") -> Finding:
    """For what stands in site-packages in front of the right one, and has only to go."""
    repair = "rm -r " + " ".join(f"'{path}'" for path in paths) + afterwards
    return Finding(name, evidence, repair=repair, set_aside=tuple(paths))


def _lacks_kernels(place: Place, package: Path) -> str:
    """For a CUDA that knows no Blackwell GPU, and such a GPU: both; nvidia-smi is asked only then."""
    match = re.search(r"^cuda\b[^=\n]*= *['\"](\d+)\.(\d+)", text_of(package / "version.py"), re.MULTILINE)
    if match is None or (int(match[1]), int(match[2])) >= CUDA_OF_SM120:
        return ""
    capable = [one for one in _compute_capabilities(place) if one >= 12.0]
    return f"built for CUDA {match[1]}.{match[2]}; the GPU has compute capability {capable[0]}" if capable else ""


def _compute_capabilities(place: Place) -> list[float]:
    program = shutil.which("nvidia-smi", path=place.env.get("PATH", os.defpath))
    if program is None:
        return []
    command = [program, "--query-gpu=compute_cap", "--format=csv,noheader"]
    try:
        done = subprocess.run(
            command, env=dict(place.env), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=LIMIT, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [float(text) for text in re.findall(r"^\d+\.\d+$", done.stdout.decode("ascii", "replace"), re.MULTILINE)]


def lab_from_elsewhere(place: Place, found: dict[str, list[Distribution]]) -> Iterator[Finding]:
    """Isaac Lab's packages as copies in site-packages, which stand in front of the checkout."""
    site = place.isaac_site
    copies = [site / name for name in names_in(site) if _is_lab(name) and (site / name).is_dir()]
    wheels = [one.info for name in found if _is_lab(name) for one in found[name] if one.source is None]
    if copies or wheels:
        evidence = f"'{copies[0]}'" if copies else f"'{wheels[0]}' is of no editable install"
        yield _in_front("wrong-isaaclab-imported", evidence, copies + wheels, ", then: make setup")


def _is_lab(name: str) -> bool:
    return re.fullmatch(r"isaaclab([_-](assets|contrib|mimic|rl|tasks))?", name) is not None


def old_paths(place: Place) -> Iterator[Finding]:
    """Editable packages whose folder is gone, or is not that of the checkout which was set up."""
    if is_moved(place) or not place.lab.is_dir():
        return
    checkouts = editable.expected(place)
    wrong: dict[str, str] = {}
    strange: dict[str, str] = {}
    for package, folder, file in editable.targets(place.isaac_site):
        checkout = _checkout_of(package, checkouts, place)
        line = f"'{file}' names '{folder}'"
        if checkout is not None and not _is_below(folder, checkout):
            wrong.setdefault(package, f"{line}, not '{checkout}'")
        # of the robot's folder, what is missing in it has findings of its own
        elif not folder.exists() and not (place.robot and _is_below(folder, place.robot)):
            kind = strange if checkout is None else wrong
            kind.setdefault(package, line + ", which is not there")
    if wrong:
        yield _old_path(wrong, place)
    if strange:
        first = next(iter(strange))
        repair = "'{}' -m pip uninstall {}".format(place.isaac / "python.sh", first.replace("_", "-"))
        yield Finding("editable-points-to-old-path", _first_of(strange), severity="note", repair=repair)


def _old_path(wrong: dict[str, str], place: Place) -> Finding:
    repair = install_again(place)
    if any(not _is_lab(package) for package in wrong):
        repair = f"rm -f '{place.state}/receipt-packages' '{place.state}/receipt-robot', then: make setup"
    return Finding("editable-points-to-old-path", _first_of(wrong), repair=repair)


def _first_of(lines: dict[str, str]) -> str:
    more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
    return next(iter(lines.values())) + more


def _checkout_of(package: str, checkouts: dict[str, Path], place: Place) -> Path | None:
    """The checkout that a package should come from; None for packages of the user's own."""
    return place.lab if _is_lab(package) else checkouts.get(package)


def _is_below(folder: Path, checkout: Path) -> bool:
    top = os.path.realpath(str(checkout))
    return os.path.realpath(str(folder)).startswith(top + os.sep)


def pip_isaacsim(place: Place, found: dict[str, list[Distribution]]) -> Iterator[Finding]:
    """Isaac Sim's pip packages beside the standalone one, which has no metadata of that name."""
    several = [one for name in sorted(found) if re.match(r"isaacsim\b", name) for one in found[name]]
    several = [one for one in several if one.folder == place.isaac_site]
    if not several:
        return
    old = [one for one in several if int(one.version.partition(".")[0] or 99) < 5]
    more = f" (and {len(several) - 1} more)" if len(several) > 1 else ""
    evidence = f"'{(old or several)[0].info}'{more}"
    package = [path for path in (place.isaac_site / "isaacsim",) if path.is_dir()]
    paths = [one.info for one in several] + package
    yield _in_front("apps-isaacsim-4-5-loaded" if old else "isaacsim-from-pip", evidence, paths)
