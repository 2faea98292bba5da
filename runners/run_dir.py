"""The run directory: names, manifest, status, finding a run, choosing a valid checkpoint.

Layout (Isaac Lab's, plus ``run.json``, ``command.txt``, ``train.log`` and ``learning_curve.png``):
``<log root>/<experiment>/<YYYY-mm-dd_HH-MM-SS>[_<name>]/`` with ``params/env.yaml``,
``params/agent.yaml``, ``model_<iteration>.pt`` and TensorBoard events. Files appear by
write-then-rename, so a kill at any instant leaves the last good state. Standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from runners.errors import UserError

MANIFEST = "run.json"
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


@dataclass(frozen=True)
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

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name

    @classmethod
    def create(cls, log_root: Path, experiment: str, name: str | None) -> RunDir:
        """Make a new, empty run directory named by the time of day.

        Raises:
            UserError: the folder cannot be made or written.
        """
        for _ in range(10):
            stamp = datetime.now().strftime(TIMESTAMP)
            path = log_root / experiment / (f"{stamp}_{name}" if name else stamp)
            try:
                path.mkdir(parents=True)
                (path / "params").mkdir()
                return cls(path)
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
        trained = self.manifest().get("task")
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
        return DEAD if status == RUNNING and not alive(manifest.get("process") or {}) else status

    def checkpoints(self) -> list[Checkpoint]:
        """All files named like checkpoints, by iteration."""
        found = (re.fullmatch(r"model_(\d+)\.pt", entry.name) for entry in self.path.iterdir())
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
        """Return the checkpoint named by CHECKPOINT= (an iteration), or the last whole one.

        Raises:
            UserError: there is no such checkpoint, or it is not whole.
        """
        if not wanted:
            return self.last_checkpoint()
        available = {c.iteration: c for c in self.checkpoints()}
        number = re.fullmatch(r"(?:model_)?(\d+)(?:\.pt)?", wanted)
        if not number or int(number[1]) not in available:
            have = ", ".join(str(n) for n in available) or "none"
            raise UserError(f"run '{self.name}' has no checkpoint '{wanted}'; it has {have}")
        checkpoint = available[int(number[1])]
        if defect := checkpoint.defect():
            raise UserError(f"cannot load '{checkpoint.path}': {defect}; leave CHECKPOINT out for the last whole one")
        return checkpoint, []

    def size(self) -> int:
        """Bytes in all its files."""
        return sum(p.lstat().st_size for p in self.path.rglob("*") if not p.is_dir())


def alive(process: dict[str, Any], proc: Path = PROC) -> bool:
    """Whether the process that a manifest names still runs, as far as can be told here."""
    if process.get("host") != socket.gethostname():
        return True  # on another machine of a shared disk: nothing here can tell
    return bool(process) and process_identity(int(process.get("pid", -1)), proc) == process


def all_runs(log_root: Path) -> list[RunDir]:
    """Every run under ``<log_root>/<experiment>/``, oldest first."""
    runs = []
    for path in log_root.glob("*/*"):
        with contextlib.suppress(PermissionError):  # a folder of somebody else
            if path.is_dir() and ((path / MANIFEST).is_file() or (path / "params").is_dir()):
                runs.append(RunDir(path))
    return sorted(runs, key=lambda run: (run.name, str(run.path)))


def find(log_root: Path, wanted: str) -> RunDir:
    """Find a run by ``latest``, a path, its exact name, or a unique beginning of its name.

    Raises:
        UserError: no run fits, or several do.
    """
    runs = all_runs(log_root)
    if not runs and not Path(wanted).is_dir():
        raise UserError(f"there are no runs in '{log_root}'; start one with: make train")
    if wanted == "latest":
        return _latest(runs)
    as_path = Path(wanted)
    if as_path.is_dir() and ((as_path / MANIFEST).is_file() or (as_path / "params").is_dir()):
        return RunDir(as_path.resolve())
    exact = [run for run in runs if wanted in (run.name, _label(run))]
    matches = exact or [run for run in runs if run.name.startswith(wanted) or _label(run).startswith(wanted)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        names = ", ".join(_label(run) for run in matches[-5:])
        more = f" and {len(matches) - 5} more" if len(matches) > 5 else ""
        raise UserError(f"RUN '{wanted}' fits {len(matches)} runs: {names}{more}; give more of the name")
    if not runs:
        raise UserError(f"RUN '{wanted}' is a folder without a run, and there are no runs in '{log_root}'")
    recent = ", ".join(run.name for run in runs[-3:])
    raise UserError(f"no run '{wanted}' in '{log_root}'; the latest are {recent}; make runs lists all")


def _latest(runs: list[RunDir]) -> RunDir:
    with_checkpoint = [run for run in runs if run.checkpoints()]
    return (with_checkpoint or runs)[-1]


def _label(run: RunDir) -> str:
    return f"{run.path.parent.name}/{run.name}"
