"""Ctrl-C and SIGTERM: ask training to stop at a safe place, once; the second time at once."""

from __future__ import annotations

import contextlib
import signal
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
    """Turns SIGINT and SIGTERM into :class:`Interrupted`."""

    def __init__(self) -> None:
        self._held: int | None = None
        self._holding = False

    def install(self) -> None:
        """Take over both signals. Also where the parent shell had set SIGINT to be ignored."""
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        first, self._held = self._held is None, signum
        if self._holding and first:
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
        if self._held is not None:
            raise Interrupted(self._held)
