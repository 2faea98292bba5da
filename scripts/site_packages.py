"""Puts packages into Isaac Sim's own Python and takes them away again. It runs in that Python.

    python.sh scripts/site_packages.py inventory
    python.sh scripts/site_packages.py filter STATE LOCK
    python.sh scripts/site_packages.py merge STATE NAME STAGE [--instead-of DISTRIBUTION ...]
    python.sh scripts/site_packages.py undo STATE NAME

inventory  every distribution that this Python finds: name, version, folder
filter     LOCK without what Isaac Sim bundles, or what is there in the locked version and not by a merge
merge      move the files below STAGE, which mirrors this Python's folder, into it
undo       take them away and put back what merge had set aside

pip would do the installing part, but stops half-way where it is killed, and removes what Isaac Sim bundles.
Here nothing that is there is overwritten or removed: what has to give way is moved to STATE/aside-NAME, and what is
put in is written down in STATE/files-NAME before. A merge that was killed is undone by what is written there.
"""

from __future__ import annotations

import errno
import importlib
import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

HOME = Path(sys.prefix)
SITE = Path(sysconfig.get_paths()["purelib"])


class RefusedError(Exception):
    """What stands against it, for the user."""


def normalised(name: str) -> str:
    """A distribution's name as the package index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def found() -> dict[str, list[Distribution]]:
    """Every distribution on the path by its normalised name, the one that is imported first."""
    by_name: dict[str, list[Distribution]] = {}
    seen = set()
    for distribution in distributions():
        where = (str(folder_of(distribution)), distribution.metadata["Name"])
        if where[1] and where not in seen:
            seen.add(where)
            by_name.setdefault(normalised(where[1]), []).append(distribution)
    return by_name


def folder_of(distribution: Distribution) -> Path:
    """The folder that holds a distribution's packages."""
    return Path(str(distribution.locate_file(""))).resolve()


def first_found() -> dict[str, str]:
    """For each normalised name, the distribution that is imported: name, version, folder."""
    return {name: f"{name} {several[0].version} in {folder_of(several[0])}" for name, several in found().items()}


def inventory() -> None:
    """Print what this Python finds."""
    print(*sorted(first_found().values()), sep="\n")


def filter_lock(state: Path, lock: Path) -> None:
    """Print the entries of a lock that are to be installed; on stderr those that are not."""
    merged = {line for file in state.glob("files-*") for line in file.read_text(encoding="utf-8").splitlines()}
    there = {name: [d for d in several if not is_merged(d, merged)] for name, several in found().items()}
    for entry in entries(lock.read_text(encoding="utf-8")):
        name, version = re.match(r"([\w.-]+)==([^\s;\\]+)", entry).groups()  # type: ignore[union-attr]
        kept = bundled(there.get(normalised(name), []), version)
        if kept is None:
            print(entry)
        elif kept.version != version:
            print(f"kept {name} {kept.version} of Isaac Sim, the lock has {version}", file=sys.stderr)


def is_merged(distribution: Distribution, merged: set[str]) -> bool:
    """Whether a merge has put a distribution there."""
    info = Path(str(getattr(distribution, "_path", SITE)))
    return HOME in info.parents and str(info.relative_to(HOME) / "METADATA") in merged


def entries(lock: str) -> Iterator[str]:
    """The requirements of a lock, each with its continued lines."""
    for entry in re.split(r"\n(?=\S)", lock.strip()):
        if not entry.startswith("#"):
            yield entry


def bundled(several: list[Distribution], version: str) -> Distribution | None:
    """The distribution that stays: from outside site-packages, or in it in the locked version."""
    for distribution in several:
        if folder_of(distribution) != SITE.resolve() or distribution.version == version:
            return distribution
    return None


class Merge:
    """The record of one merge: what it set aside, then what it put in."""

    def __init__(self, state: Path, name: str) -> None:
        self.aside = state / f"aside-{name}"
        self.files = state / f"files-{name}"

    def do(self, stage: Path, instead_of: list[str]) -> None:
        """Set aside what gives way, write down what comes, move it in; or leave all as it was.

        Raises:
            RefusedError: a file of the stage is there already and belongs to another, or what Isaac Sim
                bundles would no longer be what is imported.
            OSError: the disk is full, or something cannot be written.
        """
        if self.files.exists() or self.aside.exists():
            raise RefusedError(f"'{self.files.name}' is there already; undo it first")
        before = first_found()
        try:
            gone = self._set_aside({*staged_distributions(stage), *map(normalised, instead_of)})
            self._move_in(stage)
            self._compare(before, gone)
        except BaseException:
            self.undo()
            raise

    def _move_in(self, stage: Path) -> None:
        staged = [path.relative_to(stage) for path in sorted(stage.rglob("*")) if is_file(path)]
        for path in staged:
            if os.path.lexists(HOME / path):
                raise RefusedError(f"'{HOME / path}' is there already and no package of the lock owns it; move it away")
        write(self.files, "".join(f"{path}\n" for path in staged))
        for path in staged:
            move(stage / path, HOME / path)

    def _compare(self, before: dict[str, str], gone: set[str]) -> None:
        importlib.invalidate_caches()
        after = first_found()
        changed = [f"{before[name]} to {after.get(name)}" for name in before if after.get(name) != before[name]]
        changed = [line for line in changed if normalised(line.split(" ")[0]) not in gone]
        if changed:
            raise RefusedError(f"this would change what Isaac Sim bundles: {'; '.join(changed)}")

    def _set_aside(self, names: set[str]) -> set[str]:
        self.aside.mkdir(parents=True)
        gone = set()
        for name in sorted(names):
            for distribution in found().get(name, []):
                if folder_of(distribution) == SITE.resolve():
                    print(f"set aside {distribution.metadata['Name']} {distribution.version}")
                    gone.add(name)
                    for path in owned(distribution):
                        self._move_aside(path)
        for name in sorted(names & {"rsl-rl", "rsl-rl-lib"}):
            # what pip has no record of: a folder that an interrupted or a manual install left
            for left in (SITE / "rsl_rl", *SITE.glob("~sl_rl*"), *SITE.glob("rsl_rl*.egg-info")):
                if os.path.lexists(left):
                    print(f"set aside {left.name}, of no distribution ({name})")
                    for path in sorted(left.rglob("*")) if left.is_dir() else [left]:
                        if is_file(path):
                            self._move_aside(path)
        return gone

    def _move_aside(self, path: Path) -> None:
        if os.path.lexists(path):
            move(path, self.aside / path.relative_to(HOME))
            prune(path.parent)

    def undo(self) -> None:
        """Take away what was put in, then put back what was set aside. May be done twice."""
        if self.files.exists():
            for line in self.files.read_text(encoding="utf-8").splitlines():
                remove(HOME / line)
            self.files.unlink()
        if self.aside.exists():
            for path in sorted(self.aside.rglob("*")):
                if is_file(path):
                    move(path, HOME / path.relative_to(self.aside))
            shutil.rmtree(self.aside)


def staged_distributions(stage: Path) -> list[str]:
    """The names of the distributions below ``stage``."""
    site = stage / SITE.relative_to(HOME)
    return [normalised(d.metadata["Name"]) for d in distributions(path=[str(site)])]


def owned(distribution: Distribution) -> list[Path]:
    """The files of a distribution by its own record, those compiled from them, and the record itself."""
    listed = [Path(os.path.normpath(str(distribution.locate_file(file)))) for file in distribution.files or []]
    inside = [path for path in listed if HOME in path.parents]
    info = Path(str(getattr(distribution, "_path", SITE / "no-such-file")))
    found_files = [path for path in info.rglob("*") if path.is_file()] if info.is_dir() else [info]
    compiled = [pyc for path in inside if path.suffix == ".py" for pyc in compiled_from(path)]
    return list(dict.fromkeys([*inside, *found_files, *compiled]))


def compiled_from(path: Path) -> list[Path]:
    """What Python has compiled from a module."""
    return list((path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"))


def is_file(path: Path) -> bool:
    """Whether it is anything but a folder."""
    return path.is_symlink() or not path.is_dir()


def move(source: Path, target: Path) -> None:
    """Move a file, also to another disk; the target is never half a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        half = half_of(target)
        shutil.copy2(source, half, follow_symlinks=False)
        half.replace(target)
        source.unlink()


def half_of(path: Path) -> Path:
    """The name that a file has while it is being copied."""
    return path.with_name(path.name + ".isaac-workstation")


def remove(path: Path) -> None:
    """Remove a file, what was compiled from it, and the folders that it leaves empty."""
    if path.suffix == ".py":
        for pyc in compiled_from(path):
            pyc.unlink()
        prune(path.parent / "__pycache__")
    for file in (path, half_of(path)):
        if os.path.lexists(file):
            file.unlink()
    prune(path.parent)


def prune(folder: Path) -> None:
    """Remove a folder and those above it while they are empty."""
    while SITE in folder.parents:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def write(path: Path, text: str) -> None:
    """Write a file whole, and onto the disk, before it is acted on."""
    new = path.with_name(path.name + ".new")
    with open(new, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(path)


def main(arguments: list[str]) -> int:
    """Carry out one command; see the module's text."""
    command, *rest = arguments
    try:
        if command == "inventory":
            inventory()
        elif command == "filter":
            filter_lock(Path(rest[0]), Path(rest[1]))
        elif command == "merge":
            state, name, stage = rest[:3]
            Merge(Path(state), name).do(Path(stage), rest[4:])
        elif command == "undo":
            Merge(Path(rest[0]), rest[1]).undo()
        else:
            raise RefusedError(f"unknown command '{command}'")
    except (RefusedError, OSError) as error:
        print(f"site_packages: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
