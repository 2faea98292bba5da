"""The newest runs: their manifests and checkpoints, and the disk that they are written to."""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any, Iterator

from catalogue import BITES, NOTE, STOPS
from checks.files import is_there
from finding import Finding, Place
from runners import run_dir

NEWEST = 30
GB = 1000**3
NEARLY_FULL, FULL = 5 * GB, GB / 10
"""A large network takes 20 MB a checkpoint, and videos more."""


def check(place: Place) -> Iterator[Finding]:
    """What is wrong with where runs are, and with the newest of them."""
    yield from disk(place)
    runs = newest(place.log_root)
    manifests = {run: manifest(run) for run in runs}
    yield from damaged(manifests)
    yield from died(place, {run: data for run, data in manifests.items() if data})
    for run in runs:
        yield from checkpoints(run)


def disk(place: Place) -> Iterator[Finding]:
    """A full disk ends a run when it writes its next checkpoint."""
    folder = place.log_root
    while not is_there(folder) and folder != folder.parent:
        folder = folder.parent
    try:
        total, _, free = shutil.disk_usage(str(folder))
    except OSError:
        return
    if total and free < NEARLY_FULL:
        evidence = f"{free / GB:.2g} GB are free on the disk of '{place.log_root}'"
        yield Finding("disk-full-runs", evidence, severity=STOPS if free < FULL else BITES)


def newest(log_root: Path) -> list[Path]:
    """The newest runs at any depth, the newest first."""
    return [run.path for run in reversed(run_dir.all_runs(log_root)[-NEWEST:])]


# --- manifests -----------------------------------------------------------------------------------


def manifest(run: Path) -> dict[str, Any] | None:
    """A run's run.json; {} if it has none, None if it cannot be read."""
    try:
        data = json.loads((run / "run.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def damaged(manifests: dict[Path, dict[str, Any] | None]) -> Iterator[Finding]:
    """Manifests that are not what a run writes: make play and make train RESUME=1 end at them."""
    for run, data in manifests.items():
        if data is None:
            file = run / "run.json"
            aside = f"put it aside and name the task from now on: mv '{file}' '{file}.damaged'"
            yield Finding("run-manifest-damaged", f"'{file}'", repair=aside)


def died(place: Place, manifests: dict[Path, dict[str, Any]]) -> Iterator[Finding]:
    """The newest run whose process is gone without a word, and that no later run goes on with."""
    parents = {run: run_dir.table(data, "parent").get("run") for run, data in manifests.items()}
    gone_on = {os.path.normpath(run.parent / parent) for run, parent in parents.items() if isinstance(parent, str)}
    dead = [
        run
        for run, data in manifests.items()
        if data.get("status") == "running"
        and not run_dir.alive(run_dir.table(data, "process"), place.system / "proc")
        and os.path.normpath(run) not in gone_on
    ]
    for run in dead[:1]:
        more = f" and {len(dead) - 1} more" if len(dead) > 1 else ""
        repair = f"go on where it was: make train RESUME=1 RUN={run_dir.RunDir(run, place.log_root).word}"
        if not steps(run):
            repair = f"it has no checkpoint; see what it said last: make explain LOG='{run}'"
        yield Finding("run-died", f"'{run}'{more}", repair=repair)


# --- checkpoints ---------------------------------------------------------------------------------


def steps(run: Path) -> list[tuple[int, Path]]:
    """Iterations and files of a run's checkpoints, the newest first."""
    try:
        files = [(re.match(r"model_(\d+)\.pt$", file.name), file) for file in run.iterdir()]
    except OSError:
        return []
    return sorted(((int(match.group(1)), file) for match, file in files if match), reverse=True)


def checkpoints(run: Path) -> Iterator[Finding]:
    """The newest checkpoint, if it cannot be loaded, and the newest that can."""
    found = steps(run)
    defect = defect_of(found[0][1]) if found else ""
    if not defect:
        return
    evidence = f"'{found[0][1]}' {defect}"
    whole = next((path for _, path in found[1:] if not defect_of(path)), None)
    what = "the newest checkpoint of a run is not whole"
    repair = "fetch it: git lfs pull" if "Git LFS" in defect else ""
    if whole:
        what += f", '{whole.name}' is the newest that is"
        repair = repair or f"make play and RESUME=1 pass it over; to be rid of it: rm '{found[0][1]}'"
    yield Finding("checkpoint-truncated", evidence, what, repair, NOTE if whole else BITES)


def defect_of(path: Path) -> str:
    """Why a checkpoint cannot be loaded, by its beginning and its end; its content is not read."""
    try:
        if path.stat().st_size == 0:
            return "is empty"
        with open(str(path), "rb") as stream:
            if stream.read(40).startswith(b"version https://git-lfs"):
                return "is a pointer of Git LFS, the file itself was not fetched"
            with zipfile.ZipFile(stream) as archive:
                whole = any(name.endswith("/data.pkl") for name in archive.namelist())
    except OSError:
        return ""  # not this check's question
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return "is cut short, or no checkpoint"
    return "" if whole else "is a zip file but no checkpoint"
