"""Isaac Lab: its version, its link to Isaac Sim, the kits for 5.1, and what was changed in it."""

from __future__ import annotations

import os
from typing import Iterator

from checks import git_state
from checks.files import names_in, text_of
from checks.set_up import is_done, is_moved, is_there, receipt
from finding import Finding, Place

KITS = "apps/isaacsim_5_1"
KIT = "isaaclab.python.headless.kit"
MARKER = ".isaac-workstation"


def check(place: Place) -> Iterator[Finding]:
    """All about Isaac Lab, once set-up has put it there."""
    if not is_there(place) or not is_done(place, "isaac_lab") or is_moved(place):
        return
    if not place.lab.is_dir():
        yield Finding("isaac-lab-missing", f"'{place.lab}' is not there")
        return
    wrong = list(version(place))
    yield from wrong or commit(place)
    yield from link(place)
    yield from kits(place)


def version(place: Place) -> Iterator[Finding]:
    """The release that the checkout is on."""
    pin, file = place.pins["ISAAC_LAB"], place.lab / "VERSION"
    wanted, found = ".".join(pin.split(".")[:2]), text_of(file).strip()
    if found == wanted or found.startswith(wanted + "."):
        return
    evidence = f"'{found}' in '{file}'" if found else f"'{file}' is missing or empty"
    yield Finding(
        "isaaclab-main-checked-out",
        evidence,
        repair="git -C '{0}' fetch --depth 1 origin {1} && git -C '{0}' checkout {1}, then: make setup".format(
            place.lab, place.pins["ISAAC_LAB_COMMIT"]
        ),
    )


def commit(place: Place) -> Iterator[Finding]:
    """Another commit than the pin, and local changes: both are used as they are."""
    pin, head = place.pins["ISAAC_LAB_COMMIT"], git_state.head(place.lab)
    # where it was moved after set-up, a run stops, and that is found elsewhere
    if head is not None and head != pin and head == receipt(place, "isaac_lab").get("head", head):
        evidence = f"'{place.lab}' is on {head[:12]}, the pin is {pin[:12]}"
        yield Finding("isaac-lab-other-commit", evidence)
    changes = git_state.changed(place.lab, place)
    if changes:
        evidence = "{} in '{}', {} in all".format(", ".join(changes[:3]), place.lab, len(changes))
        yield Finding("isaac-lab-changed", evidence, repair=f"git -C '{place.lab}' diff")


def link(place: Place) -> Iterator[Finding]:
    """The link by which Isaac Lab finds Isaac Sim."""
    path = place.lab / "_isaac_sim"
    try:
        target = os.readlink(str(path))
    except OSError:
        if path.is_dir():
            what = "'_isaac_sim' in Isaac Lab's folder is not a link but a folder"
            evidence, repair = f"'{path}'", f"mv '{path}' '{path}.before', then: make setup"
            yield Finding("launcher-python-missing", evidence, what=what, repair=repair)
        else:
            what = "the link '_isaac_sim', by which Isaac Lab finds Isaac Sim, is missing"
            yield Finding("launcher-python-missing", f"'{path}' is not there", what=what, repair="make setup")
        return
    if target != str(place.isaac):
        where = "leads nowhere" if not path.exists() else "does not lead to the Isaac Sim that was set up"
        what = "the link '_isaac_sim', by which Isaac Lab finds Isaac Sim, " + where
        evidence = f"'{path}' is '{target}', not '{place.isaac}'"
        yield Finding("launcher-python-missing", evidence, what=what, repair="make setup")


def kits(place: Place) -> Iterator[Finding]:
    """The kits that the runners name by their path."""
    folder = place.lab / KITS
    there = names_in(folder)
    if MARKER in there and KIT in there:
        return
    if MARKER in there:
        yield Finding("kits-missing", f"'{folder / KIT}' is not there")
        return
    evidence = f"'{folder / MARKER if there else folder}' is not there"
    # set-up keeps a folder that it did not make under that name, once
    taken = bool(there) and os.path.lexists(str(folder) + ".before")
    repair = f"mv '{folder}' '{folder}.old', then: make setup" if taken else ""
    old = text_of(place.lab / "apps/isaacsim_4_5" / KIT)
    what = ""
    if old and old == text_of(folder / KIT):
        what = f"{KITS} is a copy of the kits for Isaac Sim 4.5"
    elif there:
        what = f"{KITS} was not made by set-up"
    yield Finding("kits-missing", evidence, what=what, repair=repair)
