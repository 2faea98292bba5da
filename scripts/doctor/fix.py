"""make fix: the repairs that are safe and can be taken back, one by one, each with a question."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Sequence

import catalogue
import doctor
import repairs
import report
from examination import examine
from finding import Place, make_place
from repairs import Repair

if TYPE_CHECKING:
    from runners.options import Options


def run(options: Options) -> int:
    """Look, repair what the user agrees to, look again. The status is doctor's then, or 1 where a repair failed.

    Raises:
        UserError: there is nobody to ask.
    """
    place = make_place(os.environ, "" if options.sim == "auto" else options.sim)
    findings, _ = examine(place)
    entries = catalogue.read()
    planned = repairs.plan(place, findings, entries)
    if not planned:
        print("fix: there is nothing that can be repaired from here")
        return _look_again(options)
    _show(planned, place)
    agreed = planned if options.yes else _ask(planned)
    failed = [repair for repair in agreed if not _carry_out(repair)]
    status = _look_again(options)
    return max(status, 1) if failed else status


def _show(planned: Sequence[Repair], place: Place) -> None:
    print(f"fix: {len(planned)} repair{'s' * (len(planned) > 1)}, each of which can be taken back")
    for number, repair in enumerate(planned, 1):
        print(f"  {number}. {repair.what}: {repair.shown}")
        for mended in repair.mends:
            print(f"       for: {report.shorter(mended, place)}")


def _ask(planned: Sequence[Repair]) -> list[Repair]:
    """Those that the user agrees to."""
    from runners.errors import UserError

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UserError("there is no terminal to ask on; to carry these out: make fix YES=1", status=1)
    agreed = []
    for number, repair in enumerate(planned, 1):
        try:
            answer = input(f"{number}. {repair.what}? [y/N] ")
        except EOFError:
            break
        if answer.strip().lower() in ("y", "yes"):
            agreed.append(repair)
    return agreed


def _carry_out(repair: Repair) -> bool:
    """Do it and say so; whether it succeeded."""
    print(f"fix: {repair.what}: {repair.shown}", flush=True)
    try:
        repair.carry_out()
    except (OSError, subprocess.CalledProcessError) as error:
        why = error.strerror if isinstance(error, OSError) else "what is above says why"
        print(f"fix: that failed; {why}", file=sys.stderr)
        return False
    print(f"fix: done; to take it back: {repair.undo}", flush=True)
    return True


def _look_again(options: Options) -> int:
    return doctor.run(replace(options, json=False, report=False))
