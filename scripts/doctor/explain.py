"""Why a run failed, from its log: which of the failures in it is the cause, and how that is told."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from catalogue import Entry
from scan import Hit, Log, scan

MANIFEST, TRAIN_LOG = "run.json", "train.log"
HANG = "hang-on-close"
HIDDEN = "[failed-run-exits-zero]"
ENDED_WELL = ("finished", "interrupted")
OTHERS = 3
LAST_LINES = 10
INTERRUPTED = (0, 130, 143)
"""The status of a run that ended by itself, or that the user ended."""
KILLED = (None, 124, 137, 143)
"""The status of a process that did not end by itself; None where it is not known."""
KILL = 137
SIGNALS = {130: "Ctrl-C", 134: "aborted", 137: "killed, often for memory", 139: "segmentation fault", 143: "SIGTERM"}


@dataclass
class Known:
    """A failure of the catalogue that a log names."""

    entry: Entry
    hit: Hit


@dataclass
class Diagnosis:
    """What a log comes to."""

    cause: Known | None = None
    first_signs: list[Known] = field(default_factory=list)
    others: list[Known] = field(default_factory=list)
    """Further causes, met later."""
    is_failure: bool = False
    """Whether the run failed at all, as far as the log tells."""
    is_hidden: bool = False
    """Whether the exit status was 0 in spite of an error."""


@dataclass
class Run:
    """What is known about a run apart from what it printed."""

    status: int | None = None
    """Its exit status."""
    manifest: dict[str, object] = field(default_factory=dict)

    @property
    def ended_well(self) -> bool:
        """Whether it is known that the run did not fail."""
        return self.manifest.get("status") in ENDED_WELL if self.status is None else self.status in INTERRUPTED


def explain(
    path: str, entries: dict[str, Entry], verdict: Callable[[], str], status: int | None = None
) -> tuple[int, list[str]]:
    """Explain the log at a path, in a run's directory or, as "-", on standard input.

    Returns:
        0 and what is to be said, or 1 and that if the log holds a failure that the catalogue does not know.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no log.
    """
    if path == "-":
        run, log = Run(status), scan(sys.stdin.buffer, entries)
    else:
        file = _log_file(Path(path)).resolve()
        run = Run(status, _manifest(file))
        with open(str(file), "rb") as stream:
            log = scan(stream, entries)
    if not log.lines and status is None:
        raise ValueError("it is empty")
    diagnosis = diagnose(log, entries, run)
    if diagnosis.cause or not diagnosis.is_failure:
        return 0, lines(diagnosis, log, run)
    said = verdict()
    return 1, lines(diagnosis, log, run) + (said.splitlines() if said else [])


def diagnose(log: Log, entries: dict[str, Entry], run: Run | None = None) -> Diagnosis:
    """Choose among the failures that a log names: by their roles, and the first one that the run did not survive."""
    run = run or Run()
    known = [Known(entries[name], hit) for name, hit in log.hits.items() if _applies(entries[name], log)]
    known.sort(key=lambda each: each.hit.line)  # stable: on one line the order of the catalogue
    roots = [each for each in known if each.entry.role in ("root", "conditional")]
    follow_ups = [each for each in known if each.entry.role == "follow-up"]
    cause = (
        next((each for each in roots if each.hit.is_counted_out or _is_after_learning(each.hit.last, log)), None)
        or next(iter(roots), None)
        or next((each for each in follow_ups if _explains(each.hit, log)), None)
        or _hanging(entries, log, run)
    )
    signs = [each for each in known if each.entry.role == "early-warning"]
    return Diagnosis(
        cause=cause,
        first_signs=[each for each in signs if not cause or each.hit.line <= cause.hit.line],
        others=[each for each in roots or follow_ups if each is not cause],
        is_failure=_has_failed(log, run),
        is_hidden=_is_hidden(log, run),
    )


def _has_failed(log: Log, run: Run) -> bool:
    if run.status is not None:
        return not run.ended_well
    if log.traceback and _error(log) and _is_after_learning(log.traceback.end, log):
        return True
    lines_of_trouble = [hit.last for hit in (log.failure, log.kit_error) if hit]
    return not run.ended_well and any(_is_after_learning(line, log) for line in lines_of_trouble)


def _is_after_learning(line: int, log: Log) -> bool:
    """Whether the run did not go on after a line."""
    return not log.iteration or line > log.iteration.last


def _explains(follow_up: Hit, log: Log) -> bool:
    """Whether a failure that follows from others is the best that is known: no unknown one comes before it."""
    if log.traceback and _error(log):
        return follow_up.line <= log.traceback.end
    return not log.failure or follow_up.line <= log.failure.line


def _applies(entry: Entry, log: Log) -> bool:
    return (not entry.only_with or entry.id in log.only_with) and entry.id not in log.not_with


def _error(log: Log) -> str:
    """The exception that ended the run, if one did; Ctrl-C is none."""
    if not log.traceback or log.traceback.error.startswith("KeyboardInterrupt"):
        return ""
    return log.traceback.error or log.traceback.lines[-1]


def _hanging(entries: dict[str, Entry], log: Log, run: Run) -> Known | None:
    """The simulator that does not close: its farewell is the last line, as it is where a run ended well."""
    entry, hit = entries.get(HANG), log.hits.get(HANG)
    if not entry or not hit or run.status not in KILLED or run.manifest.get("status") in ENDED_WELL:
        return None
    if log.traceback or log.failure:
        return None
    return Known(entry, hit) if entry.signature and entry.signature.search(log.last_line) else None


def _is_hidden(log: Log, run: Run) -> bool:
    """Whether the simulator was closed after an error, which makes the exit status 0."""
    if run.status or not log.traceback or not _error(log) or not _is_after_learning(log.traceback.end, log):
        return False
    is_closed = log.shutdown is not None and log.shutdown.last > log.traceback.end
    return is_closed or run.manifest.get("status") == "finished"


def lines(diagnosis: Diagnosis, log: Log, run: Run | None = None) -> list[str]:
    """What is said about a log."""
    run = run or Run()
    if diagnosis.cause:
        said = _cause_lines(diagnosis.cause, log)
    elif diagnosis.is_failure:
        said = _unknown_lines(log, run)
    else:
        said = [f"explain: no failure is seen in {log.lines:,} line{'s' * (log.lines != 1)}{_ending(run)}"]
        if log.traceback and _error(log):
            said.append(_row("note", f"line {log.traceback.error_line}: {_error(log)}; the run went on after it"))
    for sign in diagnosis.first_signs:
        said.append(_row("sign", f"line {sign.hit.line}: {sign.entry.title} [{sign.entry.id}]"))
        if not diagnosis.cause:
            said.append(_row("do", _repair(sign)))
    if diagnosis.is_hidden:
        said.append(_row("note", "the script closed the simulator after the error, so its exit status was 0 " + HIDDEN))
    if diagnosis.others:
        said.append(_row("also", "; ".join(map(_mention, diagnosis.others[:OTHERS]))))
    return said


def _cause_lines(known: Known, log: Log) -> list[str]:
    entry, hit = known.entry, known.hit
    said = [f"explain: {entry.title} [{entry.id}]", _row("seen", _seen(hit))]
    error = _error(log)
    if error and log.traceback and not log.traceback.line <= hit.line <= log.traceback.end:
        said.append(_row("error", f"line {log.traceback.error_line}: {error}"))
    if entry.id == HANG:
        said.append(_row("note", "if the process has ended since, nothing is wrong"))
    return [*said, _row("cause", entry.cause), _row("do", _repair(known)), _row("see", entry.link)]


def _unknown_lines(log: Log, run: Run) -> list[str]:
    hit, what = log.failure or log.kit_error, "a failure that is not in the catalogue"
    if hit and hit is log.kit_error and not _error(log):
        what = "no failure of the catalogue, but lines that Isaac Sim marks as errors"
    said = [f"explain: {what}{_ending(run)}"]
    if log.traceback and _error(log):
        said.append(_row("seen", f"line {log.traceback.error_line}: {_error(log)}"))
        return said + ["    " + line for line in log.traceback.lines]
    if hit:
        said.append(_row("seen", _seen(hit)))
    return [*said, *("    " + line for line in log.tail[-LAST_LINES:]), *_after_a_kill(run)]


def _after_a_kill(run: Run) -> list[str]:
    if run.status != KILL:
        return []
    return [_row("do", "see whether the kernel did it, for want of memory: sudo dmesg | grep -i 'killed process'")]


def _ending(run: Run) -> str:
    if run.status:
        meaning = SIGNALS.get(run.status)
        return "; it ended with status {}{}".format(run.status, f" ({meaning})" if meaning else "")
    if not run.manifest.get("status"):
        return ""
    reason = run.manifest.get("reason")
    return "; {} says '{}'{}".format(MANIFEST, run.manifest["status"], f": {reason}" if reason else "")


def _seen(hit: Hit) -> str:
    more = "" if hit.count == 1 else " (in {:,} lines{})".format(hit.count, " or more" if hit.is_counted_out else "")
    return f"line {hit.line}: {hit.text.strip()}{more}"


def _repair(known: Known) -> str:
    text, number = known.entry.repair, known.hit.number
    if number is None:
        return text
    power = 1 << max(0, number - 1).bit_length()
    return text.replace("{number}", str(number)).replace("{next_power_of_two}", str(power))


def _mention(known: Known) -> str:
    return f"{known.entry.title} [{known.entry.id}], line {known.hit.line}"


def _row(label: str, text: str) -> str:
    return f"  {label:<6} {text}"


def _log_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    if not (path / MANIFEST).is_file():
        raise ValueError("it is a directory, and no run's")
    return path / TRAIN_LOG


def _manifest(log: Path) -> dict[str, object]:
    """What a run says about itself; {} if the log is not a run's."""
    if log.name != TRAIN_LOG:
        return {}
    try:
        manifest = json.loads(log.with_name(MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}
