"""What the user sees, apart from what libraries print.

The simulator and rsl_rl print hundreds of lines, some of them from C. While a verb runs, file
descriptors 1 and 2 point at the run's log and only :class:`Console` speaks to the terminal;
VERBOSE=1 shows both.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any

PLAIN_INTERVAL_S = 5.0
BUILDING = "building the simulation; a machine's first run compiles kernels, which takes half a minute or more"


class Console:
    """The verb's voice: ``say`` on stdout, ``warn`` on stderr, one live line for progress."""

    def __init__(self, verb: str, verbose: bool = False, quiet: bool = False) -> None:
        self.verb = verb
        self.verbose = verbose
        self.quiet = quiet
        """Whether only the line that ends the verb is for the user."""
        self.log_path: Path | None = None
        self._out = sys.stdout
        self._err = sys.stderr
        self._saved: tuple[int, int] | None = None
        self._log_fd = -1
        self._tee: threading.Thread | None = None
        self._live: Any = None
        self._last_plain = -PLAIN_INTERVAL_S
        self._asked_for: Path | None = None

    def capture(self) -> None:
        """Send file descriptors 1 and 2 to a file until :meth:`log_to` names the log.

        scripts/launch.sh names that file in RUNNER_LOG, and explains what is in it after a failure.
        """
        sys.stdout.flush()
        sys.stderr.flush()
        self._saved = (os.dup(1), os.dup(2))
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace", buffering=1)
        self._err = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace", buffering=1)
        with self._first_log() as first:
            self._log_fd = os.dup(first.fileno())
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), 0)  # a library's question would not be seen, so it must not wait for an answer
        self._point_at_log()
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(line_buffering=True)

    def _first_log(self) -> IO[bytes]:
        # of several ranks only the first is asked what went wrong
        if "RUNNER_LOG" in os.environ and not self.quiet:
            self._asked_for = Path(os.environ["RUNNER_LOG"])
            return open(self._asked_for, "w+b")
        return tempfile.TemporaryFile()

    def _point_at_log(self) -> None:
        target = self._log_fd
        if self.verbose:
            self._end_tee()
            reader, target = os.pipe()
            self._tee = threading.Thread(target=_copy, args=(reader, self._out.fileno(), self._log_fd), daemon=True)
            self._tee.start()
        os.dup2(target, 1)
        os.dup2(target, 2)
        if target != self._log_fd:
            os.close(target)

    def _end_tee(self) -> None:
        if self._tee is None or self._saved is None:
            return
        os.dup2(self._saved[0], 1)  # closes the last writing ends of the pipe
        os.dup2(self._saved[1], 2)
        self._tee.join()
        self._tee = None

    def log_to(self, path: Path) -> None:
        """Go on in the file ``path``, which begins with what was captured so far."""
        sys.stdout.flush()
        sys.stderr.flush()
        log_fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        if self.verbose:
            self._end_tee()
        os.lseek(self._log_fd, 0, os.SEEK_SET)
        while chunk := os.read(self._log_fd, 1 << 20):
            os.write(log_fd, chunk)
        os.close(self._log_fd)
        self._log_fd = log_fd
        self.log_path = path
        self._point_at_log()
        if self._asked_for is not None:
            link = self._asked_for.with_name(f"{self._asked_for.name}.link")
            link.symlink_to(path.resolve())
            link.replace(self._asked_for)

    def needs_no_explanation(self) -> None:
        """Take away what RUNNER_LOG names: the user has been told what went wrong."""
        if self._asked_for is not None:
            self._asked_for.unlink(missing_ok=True)

    def mute(self) -> None:
        """Send what is printed from here on to the log alone: it is not the user's."""
        self.end_progress()
        sys.stdout.flush()
        sys.stderr.flush()
        if self._saved is not None:
            self._end_tee()
            self.verbose = False
            self._point_at_log()

    def log_stream(self) -> IO[str]:
        """The log as a stream; where nothing is captured, stderr."""
        return os.fdopen(os.dup(self._log_fd if self._saved is not None else 2), "w", encoding="utf-8")

    def release(self) -> None:
        """Give file descriptors 1 and 2 back to the terminal."""
        self.end_progress()
        if self._saved is None:
            return
        sys.stdout.flush()
        sys.stderr.flush()
        self._end_tee()
        os.dup2(self._saved[0], 1)
        os.dup2(self._saved[1], 2)
        for fd in (*self._saved, self._log_fd):
            os.close(fd)
        self._saved = None
        self._out, self._err = sys.stdout, sys.stderr

    def say(self, text: str) -> None:
        """One line for the user."""
        self._write(self._out, f"{self.verb}: {text}")

    def plain(self, text: str) -> None:
        """One line without the verb's name."""
        self._write(self._out, text)

    def warn(self, text: str) -> None:
        """One line on stderr that does not end the verb."""
        self._write(self._err, f"{self.verb}: warning: {text}")

    def fail(self, text: str) -> None:
        """The line on stderr that ends the verb."""
        self.end_progress()
        self.quiet = False
        self._write(self._err, f"{self.verb}: {text}")

    def _write(self, stream: Any, line: str) -> None:
        if self.quiet:
            pass
        elif self._live is not None:
            self._live.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            print(line, file=stream, flush=True)
        if self._log_fd >= 0:
            os.write(self._log_fd, (line + "\n").encode(errors="replace"))

    def progress(self, line: str, last: bool = False) -> None:
        """Show the newest state: in place on a terminal, else as a line at most every five seconds."""
        if self.verbose or self.quiet:
            return
        if self._out.isatty() and os.environ.get("TERM", "dumb") != "dumb":
            self._show(line)
        elif last or time.monotonic() - self._last_plain >= PLAIN_INTERVAL_S:
            self._last_plain = time.monotonic()
            self._out.write(line + "\n")
            self._out.flush()

    def _show(self, line: str) -> None:
        from rich.console import Console as Terminal
        from rich.live import Live
        from rich.text import Text

        if self._live is None:
            width = shutil.get_terminal_size().columns
            terminal = Terminal(file=self._out, width=width, soft_wrap=True)
            self._live = Live(console=terminal, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
            self._live.start()
        self._live.update(Text(line, no_wrap=True, overflow="ellipsis"), refresh=True)

    def end_progress(self) -> None:
        """Leave the last progress line on the screen and go on below it."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def log_tail(self, lines: int = 40) -> str:
        """The end of what was captured, for a failure that no run directory records."""
        sys.stdout.flush()
        sys.stderr.flush()
        size = os.fstat(self._log_fd).st_size if self._log_fd >= 0 else 0
        text = os.pread(self._log_fd, 65536, max(0, size - 65536)).decode(errors="replace") if size else ""
        return "\n".join(text.splitlines()[-lines:])


def _copy(reader: int, *writers: int) -> None:
    with os.fdopen(reader, "rb", buffering=0) as stream:
        while chunk := stream.read(65536):
            for writer in writers:
                os.write(writer, chunk)
