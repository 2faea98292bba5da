"""The display, and the variables that Isaac Lab's launcher reads as numbers."""

from __future__ import annotations

import re
from typing import Iterator

from catalogue import BITES
from checks.files import is_there, text_of
from finding import Finding, Place

FLAGS = ("HEADLESS", "LIVESTREAM", "ENABLE_CAMERAS", "XR")


def check(place: Place) -> Iterator[Finding]:
    """What is wrong with where a window would open."""
    yield from display(place)
    if place.aim == "isaac":
        yield from flags(place)


def display(place: Place) -> Iterator[Finding]:
    """A local display has a socket; one of another machine, as with ssh -X, cannot be looked at."""
    value = place.env.get("DISPLAY", "")
    local = re.match(r"(?:unix)?:(\d+)(?:\.\d+)?$", value)
    if not local:
        return
    socket = "tmp/.X11-unix/X" + local.group(1)
    # a socket without a file reaches into a container that shares the host's network
    abstract = re.search(rf"@/{re.escape(socket)}$", text_of(place.system / "proc/net/unix"), re.MULTILINE)
    if not is_there(place.system / socket) and not abstract:
        yield Finding(
            "no-display-for-window",
            f"DISPLAY is '{value}', and there is no /{socket}",
            what="DISPLAY names a display that is not there",
            repair="record a video instead: make play VIDEO=1, or take the variable back: unset DISPLAY",
            severity=BITES,
        )


def flags(place: Place) -> Iterator[Finding]:
    """AppLauncher ends with a ValueError for anything else than a whole number."""
    wrong = [name for name in FLAGS if is_wrong(place, name)]
    if wrong:
        found = ", ".join(f"{name}='{place.env[name]}'" for name in wrong)
        yield Finding("launcher-flags-not-numbers", found, repair=f"give it as 0 or 1, or: unset {' '.join(wrong)}")


def is_wrong(place: Place, name: str) -> bool:
    """Whether int, to which AppLauncher passes the text, does not take it; empty is wrong too."""
    try:
        int(place.env.get(name, "0") if name in FLAGS else "0")
    except ValueError:
        return True
    return False
