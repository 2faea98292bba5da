"""What every verb does around its work: options, signals, the log, one line for an error, a true status."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from runners import options
from runners.console import Console
from runners.errors import UserError
from runners.interrupts import Interrupted, Interrupts
from runners.options import Options

Body = Callable[[Options, Console, Interrupts], None]


def run(name: str, body: Body, argv: Sequence[str]) -> int:
    """Run a verb and return its exit status: 0, 1, 2 (bad options), 130 (Ctrl-C) or 143 (SIGTERM)."""
    console = Console(name)
    interrupts = Interrupts()
    interrupts.install()
    try:
        parsed = options.parse(name, argv)
        console.verbose = parsed.verbose
        console.capture()
        body(parsed, console, interrupts)
        return 0
    except UserError as error:
        console.fail(str(error))
        return error.status
    except Interrupted as interrupted:
        console.fail(f"stopped by {interrupted}")
        return interrupted.status
    except Exception as error:
        traceback.print_exc()
        console.fail(f"failed: {one_line(error)}; {where_to_look(console)}")
        return 1
    finally:
        console.release()


def one_line(error: BaseException) -> str:
    """Type and first line of an error."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def where_to_look(console: Console) -> str:
    """Name the full log; without one, show its end."""
    if console.log_path is not None:
        return f"full log: {shown(console.log_path)}"
    tail = console.log_tail()
    return f"the output was:\n{tail}" if tail else "there was no output"


def shown(path: Path) -> str:
    """A path as the user would type it: relative where that is shorter."""
    relative = os.path.relpath(path)
    return relative if len(relative) < len(str(path)) and not relative.startswith("..") else str(path)


def end(status: int) -> None:
    """Leave the process with ``status``, whatever libraries do when they are torn down.

    Isaac Sim's python.sh makes 1 of every failure, so the status is also written to the file that
    scripts/launch.sh names in RUNNER_STATUS.
    """
    if "RUNNER_STATUS" in os.environ:
        Path(os.environ["RUNNER_STATUS"]).write_text(f"{status}\n", encoding="utf-8")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
