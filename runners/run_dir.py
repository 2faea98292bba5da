"""The run directory: names, manifest, status, finding a run, choosing a valid checkpoint.

Layout (Isaac Lab's, plus ``run.json``, ``command.txt``, ``train.log`` and ``learning_curve.png``):
``<log root>/<experiment>/<YYYY-mm-dd_HH-MM-SS>[_<name>]/`` with ``params/env.yaml``,
``params/agent.yaml``, ``model_<iteration>.pt`` and TensorBoard events. Files appear by
write-then-rename, so a kill at any instant leaves the last good state. Runs of other tools are runs
too, down to a folder with nothing but checkpoints. Standard library only.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import re
import shlex
import socket
import time
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

from runners.errors import UsageError, UserError

MANIFEST = "run.json"
LIBRARY = "rsl_rl"
"""What Isaac Lab 3.0 calls it in a manifest."""
CHECKPOINT = re.compile(r"model_(\d+)\.pt")
STAMP = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d")
NO_RUN_BELOW = "converted"
"""Holds checkpoints of the run around it."""
BEHIND_A_LINK = 2
"""Levels of folders: of experiments, and of their runs."""
PROC = Path("/proc")
TIMESTAMP = "%Y-%m-%d_%H-%M-%S"
RUNNING, FINISHED, INTERRUPTED, FAILED, DEAD = "running", "finished", "interrupted", "failed", "dead"


@contextlib.contextmanager
def write_whole(path: Path) -> Iterator[IO[bytes]]:
    """Write a file that appears under its name only when it is complete and on disk."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a small text file whole or not at all."""
    with write_whole(path) as stream:
        stream.write(text.encode())


def process_identity(pid: int, proc: Path = PROC) -> dict[str, Any] | None:
    """What tells a process from a later one with the same number, or None if there is none."""
    try:
        stat = (proc / str(pid) / "stat").read_text()
        boot = (proc / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    return {"pid": pid, "start_ticks": int(fields[19]), "boot_id": boot, "host": socket.gethostname()}


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A ``model_<iteration>.pt``."""

    path: Path
    iteration: int

    def defect(self) -> str | None:
        """Why the file cannot be loaded, or None. Reads it once and checks every CRC."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                bad = archive.testzip()
                if bad:
                    return f"its part '{bad}' is corrupt"
                if not any(name.endswith("/data.pkl") for name in archive.namelist()):
                    return "it is a zip file but no checkpoint"
        except (zipfile.BadZipFile, OSError, EOFError, ValueError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
            return f"it is truncated or no checkpoint ({error})"
        return None


class RunDir:
    """One run."""

    def __init__(self, path: Path, log_root: Path | None = None, named: str | None = None) -> None:
        self.path = path
        self.name = path.name
        self.log_root = log_root
        """The root of all runs, if it is below that."""
        self.label = path.relative_to(log_root).as_posix() if log_root else path.name
        """Where it is below the root."""
        self.named = named
        """The checkpoint that RUN= names beside the run."""

    @property
    def word(self) -> str:
        """What RUN= takes for it on a command line: its name, its label where others have that name, or its path."""
        if self.log_root is None:
            return shlex.quote(str(self.path))
        alone = sum(run.name == self.name for run in all_runs(self.log_root)) < 2
        return shlex.quote(self.name if alone else self.label)

    @property
    def experiment(self) -> str:
        """The folder that it is in, below the root of all runs; "" where it is in none."""
        return self.label.rpartition("/")[0]

    @classmethod
    def create(cls, log_root: Path, experiment: str, name: str | None) -> RunDir:
        """Make a new, empty run directory named by the time of day.

        Raises:
            UserError: the folder cannot be made or written, or is inside of another run.
        """
        for folder in (log_root / experiment, *(log_root / experiment).parents):
            if folder == log_root:
                break
            if _look(folder)[0] in (MANIFEST, "params"):
                raise UserError(
                    f"cannot make a run inside of the run '{folder}', where none is looked for; "
                    "name another experiment with ARGS=agent.experiment_name="
                )
        for _ in range(10):
            stamp = datetime.now().strftime(TIMESTAMP)
            path = log_root / experiment / (f"{stamp}_{name}" if name else stamp)
            try:
                path.mkdir(parents=True)
                (path / "params").mkdir()
                return cls(path, log_root)
            except FileExistsError:
                if not (log_root / experiment).is_dir():
                    break
                time.sleep(1.0 - time.time() % 1.0)  # another run began in this second
            except OSError as error:
                raise UserError(
                    f"cannot write to '{log_root}': {error.strerror}; name another folder with LOG_ROOT="
                ) from None
        raise UserError(
            f"cannot make a run directory under '{log_root / experiment}'; name another folder with LOG_ROOT="
        )

    def manifest(self) -> dict[str, Any]:
        """Read ``run.json``; {} if there is none.

        Raises:
            UserError: the file is not what this program writes.
        """
        try:
            data = json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise UserError(f"cannot read '{self.path / MANIFEST}': {error}") from None
        if not isinstance(data, dict):
            raise UserError(f"cannot read '{self.path / MANIFEST}': it is no table of keys and values")
        return data

    def task(self, wanted: str | None) -> str:
        """The task that the run trains; ``wanted`` (TASK=) may name it only where the run does not.

        Raises:
            UserError: the two differ, or neither is there.
        """
        manifest = self.manifest()
        trained = manifest.get("task")
        if (library := manifest.get("library", LIBRARY)) != LIBRARY:
            raise UserError(f"run '{self.name}' was trained with '{library}', and only runs of {LIBRARY} are read")
        if trained and wanted and wanted != trained:
            raise UserError(
                f"run '{self.name}' trains '{trained}', not '{wanted}'; leave TASK out, or name another RUN"
            )
        if not trained and not wanted:
            raise UserError(f"run '{self.name}' does not say its task; name it with TASK=")
        return str(trained or wanted)

    def write_manifest(self, data: dict[str, Any]) -> None:
        """Replace ``run.json``."""
        write_text(self.path / MANIFEST, json.dumps(data, indent=2, sort_keys=False) + "\n")

    def status(self) -> str:
        """The run's status; a run whose process is gone is dead, not running."""
        manifest = self.manifest()
        status = str(manifest.get("status", "unknown"))
        return DEAD if status == RUNNING and not alive(table(manifest, "process")) else status

    def checkpoints(self) -> list[Checkpoint]:
        """All files named like checkpoints, by iteration."""
        found = (CHECKPOINT.fullmatch(entry.name) for entry in self.path.iterdir())
        return sorted((Checkpoint(self.path / m.string, int(m[1])) for m in found if m), key=lambda c: c.iteration)

    def last_checkpoint(self) -> tuple[Checkpoint, list[str]]:
        """Return the newest checkpoint that is whole, and a remark for each one passed over.

        Raises:
            UserError: there is none.
        """
        remarks: list[str] = []
        for checkpoint in reversed(self.checkpoints()):
            defect = checkpoint.defect()
            if defect is None:
                return checkpoint, remarks
            remarks.append(f"'{checkpoint.path.name}' is passed over: {defect}")
        detail = f" ({'; '.join(remarks)})" if remarks else ""
        raise UserError(f"run '{self.name}' has no whole checkpoint{detail}; make runs lists the others")

    def checkpoint(self, wanted: str | None) -> tuple[Checkpoint, list[str]]:
        """Return the checkpoint named by CHECKPOINT= (an iteration) or by RUN=, or the last whole one.

        Raises:
            UserError: there is no such checkpoint, it is not whole, or the two name different ones.
        """
        if wanted and self.named and iteration_of(wanted) != iteration_of(self.named):
            raise UsageError(
                f"RUN names '{self.named}' of run '{self.name}' and CHECKPOINT '{wanted}'; leave one of them out"
            )
        wanted = wanted or self.named
        if not wanted:
            return self.last_checkpoint()
        available = {c.iteration: c for c in self.checkpoints()}
        number = iteration_of(wanted)
        if number is None or number not in available:
            have = ", ".join(str(n) for n in available) or "none"
            raise UserError(f"run '{self.name}' has no checkpoint '{wanted}'; it has {have}")
        checkpoint = available[number]
        if defect := checkpoint.defect():
            given = "the checkpoint out of RUN" if self.named else "CHECKPOINT out"
            raise UserError(f"cannot load '{checkpoint.path}': {defect}; leave {given} for the last whole one")
        return checkpoint, []

    def size(self) -> int:
        """Bytes in all its files."""
        return sum(p.lstat().st_size for p in self.path.rglob("*") if not p.is_dir())


def table(manifest: dict[str, Any], key: str) -> dict[str, Any]:
    """A part of a manifest that is a table; {} where there is none."""
    value = manifest.get(key)
    return value if isinstance(value, dict) else {}


def alive(process: dict[str, Any], proc: Path = PROC) -> bool:
    """Whether the process that a manifest names still runs, as far as can be told here."""
    if process.get("host") != socket.gethostname():
        return True  # on another machine of a shared disk: nothing here can tell
    return bool(process) and process_identity(int(process.get("pid", -1)), proc) == process


def default_experiment(task: str) -> str:
    """The experiment of a task that names none: its id in lower case, with ``_`` for all that a folder's name avoids.

    For instance, all of unitree_rl_lab's tasks leave ``experiment_name`` empty.
    """
    return re.sub(r"[^a-z0-9._]", "_", task.lower())


def experiment(name: Any, task: str) -> str:
    """The folder below the root of all runs that a configuration's ``experiment_name`` means.

    Raises:
        UsageError: it is outside of the root, or looks like a part of a run.
    """
    unset = name is None or isinstance(name, type(dataclasses.MISSING))
    parts = PurePosixPath("" if unset else str(name).strip()).parts
    if not parts:
        return default_experiment(task)
    if (
        isinstance(name, (dict, list, tuple))
        or parts[0].startswith("/")
        or ".." in parts
        or not all(map(str.isprintable, parts))
    ):
        raise UsageError(
            f"agent.experiment_name '{name}' is not a folder below LOG_ROOT; give a name such as 'walk' or 'robot/walk'"
        )
    if "params" in parts:
        raise UsageError(
            f"agent.experiment_name '{name}' has the part 'params', which is a run's own; give another name"
        )
    return "/".join(parts)


def iteration_of(text: str) -> int | None:
    """The iteration that ``11``, ``model_11`` and ``model_11.pt`` name; None where it is none."""
    number = re.fullmatch(r"(?:model_)?(\d+)(?:\.pt)?", text)
    return int(number[1]) if number else None


def is_run(path: Path) -> bool:
    """Whether a folder is a run: by its manifest, its configurations, or its checkpoints."""
    return bool(_look(path)[0])


def _look(folder: Path) -> tuple[str, list[Path]]:
    """What makes a folder a run ("" where nothing does), and the folders in it, links last.

    A folder that may not be read is empty.
    """
    signs: set[str] = set()
    found: list[tuple[bool, str]] = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name == MANIFEST:
                signs.add(MANIFEST)
            elif CHECKPOINT.fullmatch(entry.name):
                signs.add("checkpoints")
            elif _is_folder(entry):
                found.append((entry.is_symlink(), entry.name))
                signs |= {"params"} & {entry.name}
    sign = next((sign for sign in (MANIFEST, "params", "checkpoints") if sign in signs), "")
    return sign, [folder / name for _, name in sorted(found)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, or to where one may not look
        return False


def paths_of_runs(log_root: Path) -> Iterator[Path]:
    """Every run below a folder, at any depth, in no order.

    What is in a run is its own; only below one of nothing but checkpoints there may be others, where somebody has
    put a file beside the runs of an experiment. A run is told once, by whatever links it is found again. A link is
    followed to the runs of the experiments behind it and no deeper, for it may lead to a whole disk.
    """
    looked: dict[tuple[int, int], float] = {}
    told = set()
    todo = [(log_root, math.inf)]
    while todo:
        folder, levels = todo.pop()
        identity = _identity(folder)
        if identity is None or looked.get(identity, 0) >= levels:
            continue
        looked[identity] = levels
        for path in reversed(_look(folder)[1]):
            sign, _ = _look(path)
            if sign and (run := _identity(path)) not in told:
                told.add(run)
                yield path
            if sign in ("", "checkpoints") and path.name != NO_RUN_BELOW:
                todo.append((path, min(levels - 1, BEHIND_A_LINK) if path.is_symlink() else levels - 1))


def _identity(path: Path) -> tuple[int, int] | None:
    """What a folder is, whatever its names; None where it is gone."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def all_runs(log_root: Path) -> list[RunDir]:
    """Every run below ``log_root``, oldest first."""
    return sorted((RunDir(path, log_root) for path in paths_of_runs(log_root)), key=_age)


def _age(run: RunDir) -> tuple[bool, float, str, str]:
    """The time in its name. Whatever has none, such as a folder of checkpoints, is before those, by its own time."""
    if STAMP.match(run.name):
        return True, 0.0, run.name, run.label
    try:
        return False, run.path.stat().st_mtime, run.name, run.label
    except OSError:
        return False, 0.0, run.name, run.label


def find(log_root: Path, wanted: str) -> RunDir:
    """Find a run by ``latest``, a path, its exact name, or a unique beginning of its name.

    Each of them may be followed by the name of a checkpoint: ``latest/model_50.pt``, or the path of that file.

    Raises:
        UserError: no run fits, or several do.
    """
    above, _, last = wanted.rstrip("/").rpartition("/")
    if not re.fullmatch(r"model_\d+(\.pt)?", last) or Path(wanted).is_dir():
        if Path(wanted).is_file():
            raise UserError(f"RUN '{wanted}' is no model_<iteration>.pt; name one, or the folder that it is in")
        return _find(log_root, wanted)
    if wanted == last and not Path(wanted).is_file():
        raise UserError(f"RUN '{wanted}' names a checkpoint and no run; put the run before it: RUN=latest/{last}")
    run = _find(log_root, above or ("/" if wanted.startswith("/") else "."))
    return RunDir(run.path, run.log_root, last)


def _find(log_root: Path, wanted: str) -> RunDir:
    as_path = Path(wanted)
    if wanted != "latest" and as_path.is_dir() and is_run(as_path):
        path, root = as_path.resolve(), log_root.resolve()
        return RunDir(path, root if root in path.parents else None)
    runs = all_runs(log_root)
    if not runs and not as_path.is_dir():
        raise UserError(f"there are no runs in '{log_root}'; start one with: make train")
    if wanted == "latest":
        return _latest(runs)
    matches = _matches(runs, wanted)
    if len(matches) == 1:
        return matches[0]
    if matches:
        names = ", ".join(run.label for run in matches[-5:])
        more = f" and {len(matches) - 5} more" if len(matches) > 5 else ""
        raise UserError(f"RUN '{wanted}' fits {len(matches)} runs: {names}{more}; give more of the name")
    if not runs:
        raise UserError(f"RUN '{wanted}' is a folder without a run, and there are no runs in '{log_root}'")
    recent = ", ".join(run.name for run in runs[-3:])
    raise UserError(f"no run '{wanted}' in '{log_root}'; the latest are {recent}; make runs lists all")


def _matches(runs: list[RunDir], wanted: str) -> list[RunDir]:
    """Those of that very place, else of that name, else with that beginning."""
    wanted = wanted.rstrip("/")
    place = [run for run in runs if run.label == wanted]
    name = [run for run in runs if run.name == wanted or run.label.endswith(f"/{wanted}")]
    return place or name or [run for run in runs if run.name.startswith(wanted) or run.label.startswith(wanted)]


def _latest(runs: list[RunDir]) -> RunDir:
    return next((run for run in reversed(runs) if run.checkpoints()), runs[-1])
