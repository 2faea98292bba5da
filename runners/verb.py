"""What every verb does around its work: options, signals, the log, one line for an error, a true status, a true end."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from runners import closing as ending
from runners import options, ranks
from runners.closing import Closing
from runners.console import Console
from runners.errors import UserError
from runners.interrupts import Interrupted, Interrupts
from runners.options import Options

Body = Callable[[Options, Console, Interrupts, Closing], None]
ECHO_S = 5.0


def run(name: str, body: Body, argv: Sequence[str]) -> int:
    """Run a verb and return its exit status: 0, 1, 2 (bad options), 130 (Ctrl-C) or 143 (SIGTERM).

    A simulator that is closed at the end of a verb that ends well may not return: the process then ends here.
    """
    several = ranks.count() > 1
    console = Console(f"{name} (GPU {ranks.rank()})" if ranks.rank() else name, quiet=ranks.rank() > 0)
    interrupts = Interrupts(ECHO_S if several else 0.0)
    interrupts.install()
    closing = Closing()

    def work() -> None:
        parsed = options.parse(name, argv)
        console.verbose = parsed.verbose
        console.capture()
        body(parsed, console, interrupts, closing)

    try:
        status = outcome(work, console)
        write_status(status)
        return close(closing, status, console)
    finally:
        console.release()


def outcome(do: Callable[[], None], console: Console) -> int:
    """Carry something out, say what goes wrong, and return the status."""
    try:
        do()
        return 0
    except UserError as error:
        ranks.report_failure(str(error))
        console.fail(str(error))
        if error.__cause__ is None:  # else its line only names another error, of which the log tells more
            console.needs_no_explanation()
        return error.status
    except Interrupted as interrupted:
        if ranks.rank() == 0:
            console.fail(f"stopped by {interrupted}")
        return interrupted.status
    except Exception as error:
        traceback.print_exc()
        ranks.report_failure(one_line(error))
        console.fail(f"failed: {one_line(error)}; {where_to_look(console)}")
        return 1


def close(closing: Closing, status: int, console: Console) -> int:
    """Close the environment, then, where all went well, the simulator. Return the status after that.

    Isaac Sim's own end may be a status 0, so after a failure it is left to :func:`end`, which cannot be overruled.
    """
    with ending.cut_off(ending.limit(status), "the environment", status, console):
        failed = outcome(closing.environment.close, console)
    if failed and not status:
        status = failed
        write_status(status)
    if status == 0 and closing.simulator is not None:
        console.mute()
        with ending.cut_off(ending.limit(0), "the simulator", 0, console):
            status = outcome(closing.simulator, console)
    return status


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


def write_status(status: int) -> None:
    """Write the status to the file that scripts/launch.sh names in RUNNER_STATUS; of several ranks only the first.

    Isaac Sim's python.sh makes 1 of every failure, and Isaac Sim's own end 0 of whatever was before.
    """
    if "RUNNER_STATUS" in os.environ and ranks.rank() == 0:
        Path(os.environ["RUNNER_STATUS"]).write_text(f"{status}\n", encoding="utf-8")


def end(status: int) -> NoReturn:
    """Leave the process with ``status``, whatever libraries do when they are torn down."""
    write_status(status)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
