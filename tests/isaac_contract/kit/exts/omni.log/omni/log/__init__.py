"""Double of omni.log. It logs from C: what it says does not pass sys.stdout; Kit prints warnings and what is above."""

from __future__ import annotations

import os


def _write(level: str, message: str, channel: str | None) -> None:
    if type(message) is not str:
        raise TypeError(f"a message cannot be {message!r}")
    os.write(1, f"[{level}] [{channel or 'omni.log'}] {message}\n".encode())


def verbose(message: str, *, channel: str | None = None) -> None:
    """Below the level that Kit prints."""


def info(message: str, *, channel: str | None = None) -> None:
    """Below the level that Kit prints."""


def warn(message: str, *, channel: str | None = None) -> None:
    _write("Warning", message, channel)


def error(message: str, *, channel: str | None = None) -> None:
    _write("Error", message, channel)


def fatal(message: str, *, channel: str | None = None) -> None:
    _write("Fatal", message, channel)
