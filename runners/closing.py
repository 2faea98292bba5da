"""The end of a verb: the environment is closed, then the simulator, neither for longer than a limit."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from runners.console import Console

LIMIT_S = 60.0
"""Kit writes its caches when it is closed, which takes some seconds."""
STOPPED_LIMIT_S = 5.0
"""After Ctrl-C, SIGTERM or a failure nobody waits for that."""


@dataclass
class Closing:
    """What a verb leaves open."""

    environment: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    simulator: Callable[[], None] | None = None
    """Closes the simulator; it may end the process with status 0."""


def limit(status: int) -> float:
    """Seconds that closing may take; RUNNER_CLOSE_LIMIT gives others to what has ended well."""
    return STOPPED_LIMIT_S if status else float(os.environ.get("RUNNER_CLOSE_LIMIT") or LIMIT_S)


@contextlib.contextmanager
def cut_off(seconds: float, what: str, status: int, console: Console) -> Iterator[None]:
    """End the process with ``status`` if the block takes longer, and say so."""

    def end() -> None:
        complete = "" if status else "; all else is complete and saved"
        console.warn(f"{what} did not close within {seconds:g} s and was ended{complete}")
        os._exit(status)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    # a call from C that never returns may keep the interpreter's lock, and with it every thread of Python
    with console.log_stream() as log:
        faulthandler.dump_traceback_later(seconds + 2.0, exit=True, file=log)
        try:
            yield
        finally:
            timer.cancel()
            faulthandler.cancel_dump_traceback_later()
