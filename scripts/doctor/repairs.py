"""What make fix can do, and for which findings; the catalogue names one of these in `fix`."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Sequence

from catalogue import Entry
from finding import Finding, Place

BY_SETUP, ANEW, BY_MUJOCO, SET_ASIDE = "setup", "setup-packages", "setup-mujoco", "set-aside"


@dataclass(frozen=True)
class Repair:
    """Something that can be done, and taken back."""

    what: str
    shown: str
    """The command, or what stands for one."""
    undo: str
    mends: list[str]
    """What it is for, as doctor says it."""
    carry_out: Callable[[], None]


def plan(place: Place, findings: Sequence[Finding], entries: dict[str, Entry]) -> list[Repair]:
    """The repairs for what was found: first what has to be out of the way, then set-up."""
    by_kind: dict[str, list[Finding]] = {}
    for finding in dict.fromkeys(findings):
        entry = entries[finding.id]
        for kind in filter(None, entry.fix.split(", ")):
            # what set-up mends in the robot's checkout, it does not mend in a project of the user's
            if kind == SET_ASIDE or "make setup" in (finding.repair or entry.repair):
                by_kind.setdefault(kind, []).append(finding)

    def said(*kinds: str) -> list[str]:
        some = [one for kind in kinds for one in by_kind.get(kind, [])]
        return [f"{one.what or entries[one.id].finding} ({one.evidence})" for one in some]

    planned = []
    aside = [path for finding in by_kind.get(SET_ASIDE, []) for path in finding.set_aside]
    if aside:
        planned.append(_set_aside(place, aside, said(SET_ASIDE)))
    # without it, set-up would download Isaac Sim, which nobody should start with a yes to a repair
    if {BY_SETUP, ANEW} & set(by_kind) and os.access(str(place.isaac / "python.sh"), os.X_OK):
        anew = ["packages", *([] if place.robot is None else ["robot"])] if ANEW in by_kind else []
        planned.append(_set_up(place, "isaac", "bring the workstation up to date", anew, said(BY_SETUP, ANEW)))
    if BY_MUJOCO in by_kind:
        planned.append(_set_up(place, "mujoco", "install the embedded simulator anew", ["mujoco"], said(BY_MUJOCO)))
    return planned


def _set_up(place: Place, simulator: str, what: str, anew: Sequence[str], mends: list[str]) -> Repair:
    """Set-up, with steps that it takes for done; past what is only recommended, as it has been before."""
    command = ["bash", "scripts/setup.sh", f"--sim={simulator}", "--as-before", *(f"--anew={step}" for step in anew)]

    def carry_out() -> None:
        subprocess.run(command, cwd=str(place.root), env=dict(place.env), stdin=subprocess.DEVNULL, check=True)

    return Repair(what, f"make setup SIM={simulator}", f"make uninstall SIM={simulator}", mends, carry_out)


def _set_aside(place: Place, paths: Sequence[Path], mends: list[str]) -> Repair:
    """Files of Isaac Sim's own Python go into a folder of the state, from which they can be copied back."""
    site = place.isaac_site
    aside = place.state / "set-aside" / time.strftime("%Y-%m-%d_%H-%M-%S")

    def carry_out() -> None:
        for path in paths:
            target = aside / path.relative_to(site)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(str(path), str(target))

    undo = f"cp -a {shlex.quote(str(aside))}/. {shlex.quote(str(site))}/"
    return Repair(
        "set aside what shadows Isaac Sim's own packages", f"mv {len(paths)} files and folders", undo, mends, carry_out
    )
