"""What another program answers, in the user's environment and within a time limit."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from typing import NamedTuple, Sequence

from finding import Place


class Answer(NamedTuple):
    """How a program ended, and what it wrote."""

    status: int
    out: str
    err: str


def ask(place: Place, command: Sequence[str], limit_s: float = 10) -> Answer | None:
    """Run a command in the checkout; None where it is not there, or not done in time."""
    try:
        process = subprocess.Popen(
            command,
            cwd=str(place.root),
            env=dict(place.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError:
        return None
    try:
        out, err = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        # not waited for: a program that hangs in a driver does not end at all
        os.killpg(process.pid, signal.SIGKILL)
        return None
    return Answer(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))


def which(place: Place, program: str) -> str | None:
    """The path of a program on the user's PATH."""
    return shutil.which(program, path=place.env.get("PATH", ""))


def libraries(place: Place) -> str:
    """What the loader's cache lists; empty where that cannot be told."""
    # Debian has it outside a user's PATH
    folders = (place.system / "sbin", place.system / "usr/sbin")
    found = which(place, "ldconfig") or shutil.which("ldconfig", path=os.pathsep.join(map(str, folders)))
    answer = ask(place, [found, "-p"]) if found else None
    return answer.out if answer else ""
