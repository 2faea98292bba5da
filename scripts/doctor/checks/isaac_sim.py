"""Isaac Sim: whether it is there, whole and of the right version, and whether set-up came to its end and still fits."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Iterator

from checks import git_state
from checks.files import names_in, text_of
from checks.set_up import EXTENSIONS, is_done, is_moved, is_own, is_there, receipt, steps, unpack_again
from finding import Finding, Place

LIMIT = 20


def check(place: Place) -> Iterator[Finding]:
    """All about Isaac Sim; where it is not set up, only that."""
    if place.aim != "isaac":
        return
    if not is_there(place):
        yield not_set_up(place)
        return
    wrong = list(version(place))
    yield from wrong or parts(place)
    yield from writable(place)
    yield from unfinished(place)
    if not wrong and all(is_done(place, step) for step in steps(place)):
        yield from moved_on(place)
    yield from licence(place)


def not_set_up(place: Place) -> Finding:
    """Which of its parts is missing."""
    if not place.is_begun():
        return Finding("isaac-not-set-up", "'{}' is not there".format(place.state / "choices"))
    downloads = place.install / "downloads"
    half = [name for name in names_in(downloads) if name.endswith(".part")]
    evidence = f"'{place.isaac}' holds no Isaac Sim"
    if half:
        size = (downloads / half[0]).stat().st_size / 1e9
        evidence += f"; of the download {size:.1f} GB are there"
    return Finding("isaac-not-set-up", evidence)


def version(place: Place) -> Iterator[Finding]:
    """Compare the text before the first '-': VERSION reads like 5.1.0-rc.19+release.26219.9c81211b.gl."""
    wanted, file = place.pins["ISAAC_SIM"], place.isaac / "VERSION"
    line = text_of(file).partition("\n")[0].strip()
    found = line.partition("-")[0]
    if found == wanted or found.startswith(wanted + "."):
        return
    evidence = f"'{line}' in '{file}'" if line else f"'{file}' is missing or empty"
    repair = "" if is_own(place) else f"make setup ISAACSIM_PATH=/path/to/isaac-sim-{wanted}"
    yield Finding("isaac-sim-wrong-version", evidence, repair=repair)


def parts(place: Place) -> Iterator[Finding]:
    """What a cut copy, a move or a careless rm takes away."""
    yield from launcher(place)
    empty = [name for name in EXTENSIONS if not names_in(place.isaac / name)]
    if empty:
        folders = " and ".join(f"'{place.isaac / name}'" for name in empty)
        yield Finding("kit-dependency-solver", folders + " missing or empty", repair=unpack_again(place))
    elif not (place.isaac / "exts/isaacsim.simulation_app").is_dir():
        evidence = "'{}' is not there".format(place.isaac / "exts/isaacsim.simulation_app")
        yield Finding("simapp-extension-not-found", evidence, repair=unpack_again(place))
    yield from python(place)


def launcher(place: Place) -> Iterator[Finding]:
    """The script that starts Isaac Sim's Python."""
    script = place.isaac / "python.sh"
    if not script.is_file():
        what = "python.sh, which starts Isaac Sim's Python, is missing"
        repair = "make setup" if is_own(place) else unpack_again(place)
        yield Finding("launcher-python-missing", f"'{script}' is not there", what=what, repair=repair)
    elif not script.stat().st_mode & 0o100:
        what = "python.sh, which starts Isaac Sim's Python, may not be executed"
        repair = f"chmod +x '{script}'"
        yield Finding("launcher-python-missing", f"'{script}' has no x bit", what=what, repair=repair)


def python(place: Place) -> Iterator[Finding]:
    """The Python that all packages are installed into."""
    library, wanted = place.isaac / "kit/python/lib", "python" + place.pins["ISAAC_PYTHON"]
    if not (library / wanted).is_dir():
        others = [name for name in names_in(library) if name.startswith("python")]
        evidence = "'{}' has {}".format(library, ", ".join(others) or "no Python at all")
        yield Finding("python-version-mismatch", evidence, repair=unpack_again(place))


def writable(place: Place) -> Iterator[Finding]:
    """What a start from Python writes: Kit is portable there, and Isaac Lab logs below the folder for temporary files.

    Source: isaacsim.simulation_app (--portable) of 5.1, isaaclab/utils/logger.py of 2.3.2.
    """
    own = [place.isaac / name for name in ("kit/data", "kit/cache", "kit/logs")]
    lab = Path(place.env.get("TMPDIR") or place.system / "tmp") / "isaaclab"
    for folder in [*own, lab, lab / "logs"]:
        reason = refusal(folder)
        if reason is None:
            continue
        repair = f"make it yours: sudo chown -R \"$USER\" '{folder}'"
        if folder not in own:
            repair += ", or take another folder for temporary files: export TMPDIR=/path"
        yield Finding("run-folder-not-writable", f"'{folder}' ({reason})", repair=repair)
        return


def refusal(folder: Path) -> str | None:
    """Why nothing can be written in a folder, or the one above it where it is not there yet; None where it can."""
    try:
        while not os.path.lexists(str(folder)) and folder != folder.parent:
            folder = folder.parent
        with tempfile.TemporaryFile(dir=str(folder)):
            return None
    except OSError as error:
        return error.strerror or str(error)


def unfinished(place: Place) -> Iterator[Finding]:
    """Steps of set-up without a receipt; or the one that it stopped in, of which all may have one from before."""
    missing = [step for step in steps(place) if not is_done(place, step)]
    stopped = re.search(r"^step (.*)", text_of(place.state / "unfinished"), re.MULTILINE)
    if not missing and stopped:
        yield Finding("set-up-unfinished", f"it stopped in the step '{stopped[1]}'")
    if not missing:
        return
    done = ", ".join(step for step in steps(place) if step not in missing) or "none"
    what = "the check at the end of set-up did not pass, or never ran" if missing == ["verify"] else ""
    yield Finding("set-up-unfinished", "steps done: {}; not done: {}".format(done, ", ".join(missing)), what=what)


def moved_on(place: Place) -> Iterator[Finding]:
    """Where a run would refuse to start, what differs from what set-up wrote down.

    What set-up installed and is gone now makes it refuse too, and is found by the other checks.
    """
    if (
        not (place.root / "scripts/setup.sh").is_file()
        or _bash(place, "setup.sh", "--sim=isaac", "--check") is not None
    ):
        return
    differences = [line for step in steps(place) for line in _differences(place, step)]
    if differences:
        what = "a folder of the workstation was moved since set-up" if is_moved(place) else ""
        more = f" (and {len(differences) - 1} more)" if len(differences) > 1 else ""
        yield Finding("pins-moved", differences[0] + more, what=what)


def _differences(place: Place, step: str) -> list[str]:
    """What a step took in then and would take in now."""
    before, printed = receipt(place, step), _bash(place, f"setup/{step}.sh", "inputs")
    if printed is None:
        return []
    now = dict(line.split(" ", 1) for line in printed.splitlines() if " " in line)
    checkout = {"isaac_lab": place.lab, "robot": place.robot}.get(step)
    if "head" in before and checkout is not None:
        # a checkout that is gone has a finding of its own
        now["head"] = (git_state.head(checkout) or "unknown") if checkout.is_dir() else before["head"]
    return [
        f"{key} in '.isaac/receipt-{step}' is {_short(before.get(key))}, now it is {_short(now.get(key))}"
        for key in list(now) + [key for key in before if key not in now and key != "failed"]
        if before.get(key) != now.get(key)
    ]


def _short(value: str | None) -> str:
    """A hash in a length that can be compared by eye."""
    if value is None:
        return "not there"
    return "'{}'".format(re.sub(r"\b([0-9a-f]{12})[0-9a-f]{28,}\b", r"\1", value))


def _bash(place: Place, script: str, *words: str) -> str | None:
    """What a script of set-up prints, or None where it fails."""
    command = ["bash", str(place.root / "scripts" / script), *words]
    environment: dict[str, str] = {"PATH": os.defpath, **place.env}
    environment.pop("BASH_ENV", None)
    try:
        done = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=LIMIT, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return None if done.returncode else done.stdout.decode("utf-8", "surrogateescape")


def licence(place: Place) -> Iterator[Finding]:
    """The record of the user's consent, which Isaac Sim is told of at each start."""
    file = place.state / "licence"
    if not text_of(file):
        yield Finding("licence-not-accepted", f"'{file}' is missing or empty")
