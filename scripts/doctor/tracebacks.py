"""Where a traceback in a log ends, which exception it is of, and what of it is worth showing."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field

HEAD = "Traceback (most recent call last)"
SHOWN = 40
PREFIX = re.compile(r"^(?:\S.{0,200}\[py stderr\]:? ?|(?:\[rank\d+\]: ?)+)")
"""What Isaac Sim and torchrun put before a line."""
EXCEPTION = re.compile(r"[A-Za-z_][\w.]{0,200}(?::|$)")
CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
STRAYS = 5


@dataclass
class Traceback:
    """A traceback, with those it is chained to."""

    line: int
    """The number of its first line."""
    error: str = ""
    """What names the exception."""
    error_line: int = 0
    head: list[str] = field(default_factory=list)
    rest: deque[str] = field(default_factory=lambda: deque(maxlen=SHOWN // 2))
    count: int = 0
    expects: str = "head"
    """What comes next: head, frames, more (of the exception's text) or chained (another head)."""
    blanks: int = 0
    strays: int = 0
    """Lines of others between its own."""

    @property
    def lines(self) -> list[str]:
        """Its lines; of a long one the first and the last."""
        left_out = self.count - len(self.head) - len(self.rest)
        return [*self.head, *([f"  … {left_out:,} lines …"] if left_out else []), *self.rest]

    @property
    def end(self) -> int:
        """The number of its last line."""
        return self.line + self.count - 1

    def takes(self, line: str) -> bool:
        """Take in the line that follows; False if it is no part of the traceback."""
        text = PREFIX.sub("", line)
        if not text:
            self.blanks += 1
            return self.blanks <= 2
        if not self._fits(text):
            return False
        for blank_or_text in [""] * self.blanks + [text]:
            self.count += 1
            (self.head if len(self.head) < SHOWN // 2 else self.rest).append(blank_or_text)
        self.blanks = 0
        return True

    def _fits(self, text: str) -> bool:
        if HEAD in text:
            fits, self.expects = self.expects in ("head", "chained"), "frames"
            return fits
        if self.expects == "frames":
            if EXCEPTION.match(text):
                self.error, self.expects = text, "more"
                self.error_line = self.line + self.count + self.blanks
            elif not text[0].isspace():
                self.strays += 1
            return self.strays <= STRAYS
        if text.startswith(CHAINED):
            self.expects = "chained"
            return True
        return self.expects == "more" and text[0].isspace() and not self.blanks
