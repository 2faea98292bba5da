"""What a regular expression needs to match, and whether it may be slow."""

from __future__ import annotations

import functools
from typing import Any, Iterable, Iterator, Pattern, Tuple

try:
    from re import _parser as sre  # type: ignore[attr-defined, unused-ignore]
except ImportError:  # before Python 3.11
    import sre_parse as sre  # type: ignore[no-redef, unused-ignore]

REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT)
OPPOSITES = (
    {sre.CATEGORY_SPACE, sre.CATEGORY_NOT_SPACE},
    {sre.CATEGORY_WORD, sre.CATEGORY_NOT_WORD},
    {sre.CATEGORY_DIGIT, sre.CATEGORY_NOT_DIGIT},
)
FEW = 100
"""A repetition of at most so many is harmless inside another."""

Items = Iterable[Tuple[Any, Any]]


@functools.lru_cache(maxsize=None)
def literals(pattern: Pattern[str]) -> list[bytes]:
    """Texts in lower case, one of which is in every line that the pattern matches; [] if there is none.

    Of a pattern over several lines it is the last line that counts.
    """
    items = list(sre.parse(pattern.pattern, pattern.flags))
    breaks = [index for index, item in enumerate(items) if _has_line_break(item)]
    return [text.encode().lower() for text in _needed(items[breaks[-1] + 1 :] if breaks else items)]


@functools.lru_cache(maxsize=None)
def spans_lines(pattern: Pattern[str]) -> bool:
    """Whether a pattern is for a line with those before it."""
    return any(map(_has_line_break, sre.parse(pattern.pattern, pattern.flags)))


def danger(pattern: Pattern[str]) -> str:
    """Why a pattern may take more than linear time; "" if it does not."""
    items = list(sre.parse(pattern.pattern, pattern.flags))
    for op, value in _walk(items):
        if op in REPEATS and _is_long(value) and any(o in REPEATS and _is_long(v) for o, v in _walk(value[2])):
            return "repeats a repetition"
    unbounded = [value for op, value in _walk(items) if op in REPEATS and value[1] is sre.MAXREPEAT]
    if any(_matches_anything(value[2]) for value in unbounded):
        return "has an unbounded repetition of anything, write .{0,200}"
    return ""


def _needed(items: Items) -> list[str]:
    best: list[str] = []
    run = ""
    for op, value in items:
        if op is sre.LITERAL and value != ord("\n"):
            run += chr(value)
            continue
        best = max(best, [run] if run else [], _needed_inside(op, value), key=_shortest)
        run = ""
    return max(best, [run] if run else [], key=_shortest)


def _needed_inside(op: Any, value: Any) -> list[str]:
    if op is sre.SUBPATTERN:
        return _needed(value[-1])
    if op in REPEATS and value[0]:
        return _needed(value[2])
    if op is sre.BRANCH:
        branches = [_needed(branch) for branch in value[1]]
        return [text for branch in branches for text in branch] if all(branches) else []
    return []


def _shortest(texts: list[str]) -> int:
    return min(map(len, texts), default=0)


def _has_line_break(item: tuple[Any, Any]) -> bool:
    return any(op is sre.LITERAL and value == ord("\n") for op, value in _walk([item]))


def _walk(items: Items) -> Iterator[tuple[Any, Any]]:
    for op, value in items:
        yield op, value
        for inner in _inside(op, value):
            yield from _walk(inner)


def _inside(op: Any, value: Any) -> list[Items]:
    if op is sre.SUBPATTERN:
        return [value[-1]]
    if op in REPEATS:
        return [value[2]]
    if op is sre.BRANCH:
        return list(value[1])
    if op in (sre.ASSERT, sre.ASSERT_NOT):
        return [value[1]]
    return []


def _is_long(repeat: Any) -> bool:
    return bool(repeat[1] > FEW)


def _matches_anything(items: Items) -> bool:
    r"""Whether the items are one class of all characters: a dot, [^\\n] or [\\s\\S]."""
    inner = list(items)
    if len(inner) != 1:
        return False
    op, value = inner[0]
    if op is sre.IN:
        categories = {name for kind, name in value if kind is sre.CATEGORY}
        return any(both <= categories for both in OPPOSITES)
    return op is sre.ANY or (op is sre.NOT_LITERAL and value == ord("\n"))
