"""make explain: why a run failed, from its log. Also by itself after a run that has failed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import catalogue
import explain
from finding import ROOT, Place, make_place

if TYPE_CHECKING:
    from runners.options import Options

LAST_FAILURE = ".cache/last-failure.log"
"""What scripts/launch.sh leaves of the last run that ended without a word of its own."""


def run(options: Options) -> int:
    """Explain the log that is named, else that of the last failure."""
    from runners.errors import UserError

    path = named(options)
    try:
        status, lines = explain.explain(path, catalogue.read(), lambda: _verdict(make_place(os.environ)))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        another = "" if "make explain" in reason else "; name a log: make explain LOG=file"
        raise UserError(f"cannot read LOG '{path}': {reason}{another}") from None
    print("\n".join(lines))
    return status


def named(options: Options) -> str:
    """The log's path, or "-"."""
    from runners import run_dir
    from runners.errors import UsageError, UserError

    if options.log and "run" in options.given:
        raise UsageError("LOG names a log and RUN a run: give one of them")
    if options.log:
        return options.log
    if "run" in options.given:
        return str(run_dir.find(Path(options.log_root), options.run).path)
    if not (ROOT / LAST_FAILURE).is_file():
        raise UserError("no run has failed here yet; name a log: make explain LOG=file, or LOG=- for what is piped in")
    return str(ROOT / LAST_FAILURE)


def after_run(status: str, log: str) -> int:
    """Say on stdout why a run that ended with ``status`` has failed, if that is more than it said itself."""
    place = make_place(os.environ)
    try:
        unknown, lines = explain.explain(log, catalogue.read(), lambda: _verdict(place), int(status))
    except (OSError, ValueError) as error:
        unknown, lines = 1, [f"explain: cannot read '{log}': {error}"]
    # without a traceback, and without a signal, the line that ended the run is all there is
    if not unknown or int(status) > 128 or any("Traceback" in line for line in lines):
        print("\n".join(lines), flush=True)
    return 0


def last_failure(place: Place) -> list[str]:
    """What is to be said of the last run that failed; nothing where none did."""
    log = place.root / LAST_FAILURE
    if not log.is_file():
        return []
    try:
        return explain.explain(str(log), catalogue.read(), lambda: "")[1]
    except (OSError, ValueError) as error:
        return [f"{log}: {error}"]


def _verdict(place: Place) -> str:
    import doctor

    return doctor.verdict(place)
