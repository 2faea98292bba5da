"""A whole log, and the forms in which users have it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def plain(text: str) -> bytes:
    """As on Linux."""
    return text.encode()


def coloured(text: str) -> bytes:
    """With Kit's colours, as on a terminal that `script` recorded."""
    for level, colour in (("[Warning]", "33"), ("[Error]", "31"), ("[Fatal]", "41")):
        text = text.replace(level, f"\x1b[{colour}m{level}\x1b[0m")
    return b"\x1b]0;train\x07" + text.replace("Error:", "\x1b[1;31mError\x1b[0m:").encode()


def from_windows(text: str) -> bytes:
    """Copied through a Windows editor."""
    return b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()


def with_junk(text: str) -> bytes:
    """With what a killed process or a full disk leaves in a log."""
    half = text.index("\n", len(text) // 3) + 1
    return text[:half].encode() + b"\x00" * 300 + b"\xff\xfe\x80\xc3\x28\n" + text[half:].encode()


@dataclass(frozen=True)
class WholeLog:
    """A log; `calm` is what was printed before anything was wrong."""

    name: str
    calm: str
    trouble: str
    root: str = ""
    """The failure to be named; empty where none is known."""
    first_sign: str = ""
    """What was seen before it."""
    swallowed: bool = False
    """Whether the script closed the simulator after the error, so that its exit status was 0."""
    failed: bool = True
    form: Callable[[str], bytes] = plain

    @property
    def written(self) -> bytes:
        """The whole log."""
        return self.form(self.calm + self.trouble)
