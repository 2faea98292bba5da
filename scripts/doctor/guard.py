"""The quick look before train, play and setup: it stops for what would surely fail, and else says nothing.

FORCE goes on past a finding by its id, or, as 1, past all; what it goes on past is said.
"""

from __future__ import annotations

import os
import sys
from typing import Callable, Iterator

from finding import Finding, Place, make_place

Check = Callable[[Place], Iterator[Finding]]


def run(verb: str, simulator: str, force: str = "") -> int:
    """0, or 1 after saying what stands against it, a line each."""
    place = make_place(os.environ, simulator)
    found = [finding for check in checks_for(verb, place) for finding in check(place)]
    if not found:
        return 0
    # reading the catalogue takes longer than looking, and mostly there is nothing to be said
    import catalogue
    import report

    stops = [one for one in report.reported(found, catalogue.read()) if one.severity == catalogue.STOPS]
    for one in stops:
        text = f"{report.found(one)}; {one.repair}"
        if force == "1" or one.id in force.split(","):
            print(f"{verb}: warning: {text} (FORCE goes on past '{one.id}')", file=sys.stderr)
    left = [one for one in stops if force != "1" and one.id not in force.split(",")]
    names = ",".join(dict.fromkeys(one.id for one in left))
    for number, one in enumerate(left, 1):
        goes_on = f" (FORCE={names} goes on without this)" if number == len(left) else ""
        print(f"{verb}: {report.found(one)}; {one.repair}{goes_on}", file=sys.stderr)
    return int(bool(left))


def checks_for(verb: str, place: Place) -> list[Check]:
    """What takes milliseconds. Set-up mends the rest itself, or says before it begins why it cannot."""
    # imported where it is wanted: most of the time that this takes is that
    from checks import temporary

    if verb == "setup":
        return [temporary.check]
    from checks import runs, set_up

    if not set_up.is_there(place) or not place.is_set_up():
        return [temporary.check, runs.disk]
    from checks import isaac_lab, isaac_sim, packages, rsl_rl

    of_isaac = (isaac_sim.version, isaac_sim.parts, isaac_lab.version, isaac_lab.link, isaac_lab.kits)
    return [temporary.check, runs.disk, *of_isaac, packages.check, rsl_rl.installed]
