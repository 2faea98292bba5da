"""One pass over a log of any size: which failures of the catalogue it names, and how it ends."""

from __future__ import annotations

import itertools
import re
import sys
from dataclasses import dataclass, field
from typing import BinaryIO, Iterator, Match, Pattern

import patterns
import tracebacks
from catalogue import Entry
from tracebacks import Traceback

TRACEBACK = tracebacks.HEAD.encode()
IGNORED = b"Exception ignored in"
"""Before a traceback from where Python tidies up, which ends nothing."""
CHUNK = 1 << 20
REACH = 500
"""How much of a line is looked at before and after what was found in it."""
BEFORE = 6
"""So many lines before a line belong to it, for a signature over several lines."""
KEPT = 32 * 1024
"""What of one chunk is still at hand in the next."""
PLACES = 8
"""In so many places of one line without end a text is looked at; no program prints such a line to be read."""
ENOUGH = 1000
"""So many lines of one kind are counted."""
WIDTH = 300
PREFIX = 200
"""What may stand before a traceback's first words in its line."""
TAIL = 15
OVERLAP = 200
"""Of a line that was cut, so much is looked at again."""

ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[()][0-9A-Z])")
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
DIGITS = b"0123456789"

EVENTS = {
    "failure": re.compile(
        r"(?:Error:|ERROR:(?! pip's dependency resolver)|Exception:)(?!\s*[-+\d.]+\s*$)| \[Fatal\] |Fatal Python error"
        r"|Segmentation fault|\bKilled\b|\bAborted\b|terminate called|core dumped|command not found"
    ),
    "kit_error": re.compile(r" \[Error\] "),
    "shutdown": re.compile(r"Simulation App Shutting Down"),
    "iteration": re.compile(r"Learning iteration \d"),
}
"""What is looked for in any log; see Log."""
UTF_16 = "it is UTF-16; convert it: iconv -f utf-16 -t utf-8 FILE | make explain LOG=-"
NO_TEXT = {
    b"\xff\xfe": UTF_16,
    b"\xfe\xff": UTF_16,
    b"\x1f\x8b": "it is compressed; unpack it: zcat FILE | make explain LOG=-",
}
"""How files begin that are no text."""


class LogError(ValueError):
    """A log that cannot be read as text."""


@dataclass
class Hit:
    """The lines that one pattern met."""

    line: int
    """The first, counted from one."""
    text: str
    count: int = 1
    number: int | None = None
    """The largest that the pattern's first group found."""
    last: int = 0
    """The last that was counted."""
    is_counted_out: bool = False
    """Whether there may be more lines than were counted."""


@dataclass
class Log:
    """What a log says."""

    hits: dict[str, Hit] = field(default_factory=dict)
    """By the entry's id."""
    only_with: set[str] = field(default_factory=set)
    """The entries whose only-with is in the log."""
    not_with: set[str] = field(default_factory=set)
    failure: Hit | None = None
    """The lines that speak of a failure, known or not."""
    kit_error: Hit | None = None
    """The lines that Isaac Sim marks as errors; some stand in the log of any run."""
    iteration: Hit | None = None
    """The heads of rsl_rl's tables."""
    shutdown: Hit | None = None
    """The simulator's farewell."""
    traceback: Traceback | None = None
    """The last one."""
    last_line: str = ""
    """The last that is not blank."""
    tail: list[str] = field(default_factory=list)
    lines: int = 0


def scan(stream: BinaryIO, entries: dict[str, Entry]) -> Log:
    """Read a log to its end, in memory that does not grow with it.

    Raises:
        LogError: it is no text, but UTF-16 or compressed.
    """
    return _Scanner(entries).read(stream)


@dataclass(eq=False)
class _Watch:
    """A pattern that is looked for, and what of it was found."""

    kind: str
    id: str
    pattern: Pattern[str]
    literals: list[bytes]
    spans_lines: bool
    enough: int
    hit: Hit | None = None

    @property
    def is_done(self) -> bool:
        return self.hit is not None and self.hit.count >= self.enough

    def meet(self, line: int, text: str, match: Match[str]) -> None:
        if self.hit is None:
            self.hit = Hit(line, text, count=0)
        self.hit.count += 1
        self.hit.last = line
        self.hit.is_counted_out = self.is_done
        found = match.group(1) if self.pattern.groups else None
        if found and found.isdigit():
            self.hit.number = max(int(found[:18]), self.hit.number or 0)


class _LineCounter:
    """Numbers of lines, asked for in the order of their positions."""

    def __init__(self, buffer: bytes, start: int, before: int) -> None:
        self.buffer, self.position, self.number = buffer, start, before + 1

    def line(self, position: int) -> int:
        if position > self.position:
            self.number += self.buffer.count(b"\n", self.position, position)
            self.position = position
        return self.number


def _watch(kind: str, name: str, pattern: Pattern[str], enough: int = ENOUGH) -> _Watch:
    return _Watch(kind, name, pattern, patterns.literals(pattern), patterns.spans_lines(pattern), enough)


def _watches(entries: dict[str, Entry]) -> Iterator[_Watch]:
    for entry in entries.values():
        if entry.signature:
            yield _watch("harmless" if entry.role == "harmless" else "hit", entry.id, entry.signature)
        if entry.only_with:
            yield _watch("only-with", entry.id, entry.only_with, enough=1)
        if entry.not_with:
            yield _watch("not-with", entry.id, entry.not_with, enough=1)
    for kind, pattern in EVENTS.items():
        yield _watch(kind, "", pattern, enough=sys.maxsize)


class _Scanner:
    """Goes through a log chunk by chunk. A chunk is whole lines, after the end of the one before."""

    def __init__(self, entries: dict[str, Entry]) -> None:
        self.watches = list(_watches(entries))
        self.harmless = [watch.pattern for watch in self.watches if watch.kind == "harmless"]
        self.log = Log()
        self.traceback: Traceback | None = None
        """The one that the next line may belong to."""

    def read(self, stream: BinaryIO) -> Log:
        buffer = b""
        for chunk in _chunks(stream):
            kept = _last_lines(buffer)
            buffer = kept + chunk
            self._look_for_patterns(buffer, len(kept))
            self._follow_tracebacks(buffer, len(kept))
            self.log.lines += chunk.count(b"\n")
            self.log.last_line = next(_from_the_end(buffer.rstrip()), self.log.last_line)
        self.log.lines += bool(buffer) and not buffer.endswith(b"\n")
        self.log.tail = list(itertools.islice(_from_the_end(buffer), TAIL))[::-1]
        self._tell()
        return self.log

    def _look_for_patterns(self, buffer: bytes, start: int) -> None:
        counter = _LineCounter(buffer, start, self.log.lines)
        candidates = self._candidates(buffer.lower(), start)
        for begin in sorted(candidates):
            end, watches = candidates[begin]
            self._look_at_line(buffer, begin, end, watches, counter)

    def _candidates(self, lowered: bytes, start: int) -> dict[int, tuple[int, list[_Watch]]]:
        """Where the lines begin that a pattern may match, with their ends and these patterns."""
        # most lines differ from others in numbers only, so that few are left to be searched for a hundred texts
        shapes = b"\n".join(set(lowered[start:].translate(None, DIGITS).splitlines()))
        found: dict[int, tuple[int, list[_Watch]]] = {}
        for literal, watches in self._by_literal().items():
            position = lowered.find(literal, start) if literal.translate(None, DIGITS) in shapes else -1
            places = 0
            while position >= 0:
                begin, end, is_whole = _bounds(lowered, position)
                found.setdefault(begin, (end, []))[1].extend(watches)
                places = 0 if is_whole else places + 1
                after = end if is_whole else end - OVERLAP if places < PLACES else _end_of_line(lowered, end)
                position = lowered.find(literal, after)
        return found

    def _by_literal(self) -> dict[bytes, list[_Watch]]:
        sought: dict[bytes, list[_Watch]] = {}
        for watch in self.watches:
            if not watch.is_done:
                for literal in watch.literals:
                    sought.setdefault(literal, []).append(watch)
        return sought

    def _look_at_line(self, buffer: bytes, begin: int, end: int, watches: list[_Watch], counter: _LineCounter) -> None:
        text = _decode(buffer[begin:end])
        for watch in dict.fromkeys(watches):
            match = watch.pattern.search(_with_lines_before(buffer, begin, end) if watch.spans_lines else text)
            if not match or watch.is_done:
                continue
            if watch.kind in ("hit", "failure", "kit_error") and any(known.search(text) for known in self.harmless):
                continue
            watch.meet(counter.line(begin), _cut(text, match.start()), match)

    def _follow_tracebacks(self, buffer: bytes, start: int) -> None:
        counter = _LineCounter(buffer, start, self.log.lines)
        position, head = start, -1
        while position < len(buffer):
            if self.traceback is None:
                head = buffer.find(TRACEBACK, position)
                if head < 0:
                    return
                # what stands before it in an endless line is not of it
                position = max(_bounds(buffer, head)[0], head - PREFIX)
                self.traceback = Traceback(counter.line(position))
                if IGNORED not in _line_before(buffer, position):
                    self.log.traceback = self.traceback
            end = buffer.find(b"\n", position) + 1 or len(buffer)
            if self.traceback.takes(_clean(buffer[position : min(end, position + REACH)])):
                position = end
            else:
                self.traceback = None
                position = max(position, head + 1)

    def _tell(self) -> None:
        for watch in self.watches:
            if not watch.hit:
                continue
            if watch.kind in ("hit", "harmless"):
                self.log.hits[watch.id] = watch.hit
            elif watch.kind == "only-with":
                self.log.only_with.add(watch.id)
            elif watch.kind == "not-with":
                self.log.not_with.add(watch.id)
            else:
                setattr(self.log, watch.kind, watch.hit)


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    """About a megabyte each, up to the end of a line if there is one; without what colours a terminal."""
    rest, is_first = b"", True
    while True:
        block = stream.read(CHUNK)
        data = rest + block
        if is_first and data[:2] in NO_TEXT:
            raise LogError(NO_TEXT[data[:2]])
        is_first = False
        cut = data.rfind(b"\n") + 1 or data.rfind(b"\r") + 1
        if not block or (not cut and len(data) >= CHUNK):
            cut = len(data)
        if cut:
            yield _plain(data[:cut])
        rest = data[cut:]
        if not block:
            return


def _plain(data: bytes) -> bytes:
    if b"\x1b" in data:
        data = ESCAPES.sub(b"", data)
    return data.replace(b"\r\n", b"\n")


def _last_lines(buffer: bytes) -> bytes:
    """What of a chunk belongs to the lines of the next."""
    if len(buffer) <= KEPT:
        return buffer
    return buffer[buffer.find(b"\n", len(buffer) - KEPT) + 1 or len(buffer) - KEPT :]


def _from_the_end(buffer: bytes) -> Iterator[str]:
    """The lines that are not blank, last first, as far as they are at hand."""
    return filter(None, (_clean(line[-REACH:]) for line in reversed(re.split(rb"[\r\n]", buffer[-KEPT:]))))


def _bounds(buffer: bytes, position: int) -> tuple[int, int, bool]:
    """Begin and end of the line around a position, and whether it was not cut there."""
    low, high = max(0, position - REACH), min(len(buffer), position + REACH)
    begin = max(buffer.rfind(b"\n", low, position), buffer.rfind(b"\r", low, position), low - 1) + 1
    ends = [end for end in (buffer.find(b"\n", position, high), buffer.find(b"\r", position, high)) if end >= 0]
    return begin, min(ends, default=high), bool(ends) or high == len(buffer)


def _line_before(buffer: bytes, position: int) -> bytes:
    low = max(0, position - REACH)
    return buffer[max(low, buffer.rfind(b"\n", low, max(low, position - 1)) + 1) : position]


def _end_of_line(buffer: bytes, position: int) -> int:
    ends = [end for end in (buffer.find(b"\n", position), buffer.find(b"\r", position)) if end >= 0]
    return min(ends, default=len(buffer))


def _with_lines_before(buffer: bytes, begin: int, end: int) -> str:
    start = begin
    for _ in range(BEFORE):
        low = max(0, start - 1 - REACH)
        start = max(buffer.rfind(b"\n", low, max(0, start - 1)) + 1, low)
    return _decode(buffer[start:end])


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _clean(data: bytes) -> str:
    return _cut(_decode(data), 0)


def _cut(text: str, around: int) -> str:
    """A line for people: printable, and of a long one the part around a place."""
    begin = max(0, around - WIDTH // 3) if len(text) > WIDTH else 0
    return UNPRINTABLE.sub("", text[begin : begin + WIDTH]).rstrip()
