"""Ctrl-C and SIGTERM: ask training to stop at a safe place, once; the second time at once."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from types import FrameType


class Interrupted(BaseException):
    """The user or the system asked the program to stop. No ``except Exception`` may swallow it."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum

    @property
    def status(self) -> int:
        """The shell's status for this signal: 130 or 143."""
        return 128 + self.signum

    def __str__(self) -> str:
        return "Ctrl-C" if self.signum == signal.SIGINT else signal.Signals(self.signum).name


class Interrupts:
    """Turns SIGINT and SIGTERM into :class:`Interrupted`.

    Args:
        echo_s: for how many seconds a second signal is taken for the first one's echo. torch.distributed.run passes on
            what the terminal has sent to all processes already.
    """

    def __init__(self, echo_s: float = 0.0) -> None:
        self._echo_s = echo_s
        self._first = 0.0
        self._held: int | None = None
        self._holding = False

    @property
    def pending(self) -> int | None:
        """The number of the signal that waits for :meth:`check`."""
        return self._held

    def install(self) -> None:
        """Take over both signals. Also where the parent shell had set SIGINT to be ignored."""
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._held is None:
            self._first, self._held = now, signum
            if self._holding:
                return
        elif now - self._first < self._echo_s:
            return
        raise Interrupted(signum)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Within this block a first signal waits for :meth:`check`, so that no update is cut in half."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False

    def check(self) -> None:
        """Raise what was held, or what a library swallowed. Called between two steps of the environment.

        Python only prints an exception that is raised while an object is being finalized or in a callback from C.
        """
        self.stop_for(self._held)

    def stop_for(self, signum: int | None) -> None:
        """Raise what a signal means, which another process may have received; nothing for 0 and None."""
        if signum:
            self._held = signum
            raise Interrupted(signum)
