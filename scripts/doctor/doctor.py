"""make doctor: what is wrong before a run."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import catalogue
import repairs
import report
from catalogue import STOPS
from examination import examine
from finding import ROOT, Place, make_place

if TYPE_CHECKING:
    from runners.options import Options


def run(options: Options) -> int:
    """Look at everything, say what was found; 0, 1 where something stops a run, 2 where a check itself failed."""
    aim = "" if options.sim == "auto" else options.sim
    place = make_place(os.environ, aim, options.log_root, task_packages(options.task_package or ""))
    findings, failed = examine(place)
    entries = catalogue.read()
    all_of = report.reported(findings, entries)
    if options.json:
        print(report.as_json(all_of, place, failed))
    elif options.report:
        print(as_report(all_of, place))
    else:
        repairable = sum(len(repair.mends) for repair in repairs.plan(place, findings, entries))
        print("\n".join(report.text(all_of, place, width(), repairable)))
    for line in failed:
        print(f"doctor: {line}", file=sys.stderr)
    return 2 if failed else int(report.count(all_of, STOPS) > 0)


def task_packages(text: str) -> list[str]:
    """The folders of TASK_PACKAGE.

    Raises:
        UserError: a word is not the name of a folder, and doctor imports nothing.
    """
    from runners.errors import UserError

    words = [str(Path(word).expanduser()) for word in text.split(",") if word]
    for word in words:
        if not (ROOT / word).is_dir():
            raise UserError(f"TASK_PACKAGE '{word}' is no folder; doctor reads sources, so name the folder", status=2)
    return words


def as_report(all_of: list[report.Reported], place: Place) -> str:
    """Markdown with what somebody who helps would ask for next."""
    import explaining
    import facts

    return report.markdown(all_of, place, facts.of(place), explaining.last_failure(place))


def verdict(place: Place) -> str:
    """The one line."""
    findings, _ = examine(place)
    return report.verdict(report.reported(findings, catalogue.read()), place)


def width() -> int:
    """Columns to fill."""
    return max(60, min(shutil.get_terminal_size((110, 24)).columns, 140))
