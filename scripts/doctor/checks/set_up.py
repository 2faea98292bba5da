"""What set-up of the workstation wrote down about itself. No check, but what several of them ask."""

from __future__ import annotations

from checks.files import names_in, text_of
from finding import Place

EXTENSIONS = ("exts", "extscache")


def steps(place: Place) -> list[str]:
    """The steps of set-up in their order."""
    robot = [] if place.robot is None else ["robot"]
    return ["isaac_sim", "isaac_lab", "packages", *robot, "verify"]


def is_done(place: Place, step: str) -> bool:
    """Whether a step came to its end."""
    return (place.state / ("receipt-" + step)).is_file()


def receipt(place: Place, step: str) -> dict[str, str]:
    """The lines ``key value`` that a step left at its end."""
    lines = text_of(place.state / ("receipt-" + step)).splitlines()
    return dict(line.split(" ", 1) for line in lines if " " in line)


def is_there(place: Place) -> bool:
    """Whether Isaac Sim is meant, set-up was begun, and its folder holds something of it."""
    if place.aim != "isaac" or not place.is_begun():
        return False
    return any((place.isaac / name).exists() for name in ("python.sh", "VERSION"))


def has_extensions(place: Place) -> bool:
    """Whether there is something in both folders of extensions, in which bundled packages are too."""
    return all(names_in(place.isaac / name) for name in EXTENSIONS)


def is_moved(place: Place) -> bool:
    """Whether Isaac Sim was in another folder when it was set up."""
    return receipt(place, "isaac_sim").get("path", str(place.isaac)) != str(place.isaac)


def is_own(place: Place) -> bool:
    """Whether set-up unpacked Isaac Sim itself."""
    return "ISAACSIM_PATH" not in place.choices


def unpack_again(place: Place) -> str:
    """How to get a damaged Isaac Sim whole again; set-up itself looks at python.sh and VERSION only."""
    if is_own(place):
        return f"rm -r '{place.isaac}', then: make setup"
    return "unpack the archive of Isaac Sim {} into '{}' again, then: make setup".format(
        place.pins["ISAAC_SIM"], place.isaac
    )
