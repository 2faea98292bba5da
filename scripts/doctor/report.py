"""Findings as text for a terminal, as JSON, and as Markdown that can be pasted without a name or a secret in it."""

from __future__ import annotations

import json
import os
import textwrap
from dataclasses import asdict, dataclass
from typing import Mapping, Sequence

from catalogue import BITES, NOTE, SEVERITIES, STOPS, Entry
from finding import Finding, Place
from privacy import anonymous

HEADINGS = {STOPS: "What stops a run on {}: {}", BITES: "What will bite: {1}", NOTE: "Good to know: {1}"}
SIMULATORS = {"isaac": "Isaac Sim", "mujoco": "the embedded simulator"}


@dataclass(frozen=True)
class Reported:
    """A finding with what the catalogue says about it."""

    id: str
    severity: str
    what: str
    evidence: str
    consequence: str
    repair: str
    link: str


def reported(findings: Sequence[Finding], entries: dict[str, Entry]) -> list[Reported]:
    """Join findings with their entries: what stops first, then what bites; each thing once, like repairs together."""
    joined = [_join(finding, entries[finding.id]) for finding in dict.fromkeys(findings)]
    repairs = [one.repair for one in joined]
    return sorted(joined, key=lambda one: (SEVERITIES.index(one.severity), repairs.index(one.repair)))


def _join(finding: Finding, entry: Entry) -> Reported:
    return Reported(
        id=finding.id,
        severity=finding.severity or entry.severity,
        what=finding.what or entry.finding,
        evidence=finding.evidence,
        consequence=entry.consequence,
        repair=finding.repair or entry.repair,
        link=entry.link,
    )


def count(all_of: Sequence[Reported], severity: str) -> int:
    """How many findings are that severe."""
    return sum(one.severity == severity for one in all_of)


def verdict(all_of: Sequence[Reported], place: Place) -> str:
    """One line on all findings."""
    run = f"a run on {SIMULATORS[place.aim]}"
    stops, bites, notes = (count(all_of, severity) for severity in SEVERITIES)
    rest = ", ".join([f"{bites} will bite"] * bool(bites) + [f"{notes} good to know"] * bool(notes))
    if not stops:
        return "doctor: nothing stops {}{}".format(run, "; " + rest if rest else "")
    things = "1 thing stops" if stops == 1 else f"{stops} things stop"
    return f"doctor: {things} {run}" + ("; " + rest if rest else "")


def text(all_of: Sequence[Reported], place: Place, width: int, repairable: int = 0) -> list[str]:
    """For a terminal; the verdict comes last. Where something stops a run, what is only good to know is cut short."""
    out: list[str] = []
    numbered = list(enumerate(all_of, 1))
    for severity in SEVERITIES:
        some = [(number, one) for number, one in numbered if one.severity == severity]
        if some:
            brief = severity == NOTE and count(all_of, STOPS) > 0
            heading = HEADINGS[severity].format(SIMULATORS[place.aim], len(some))
            out += [heading + ("; in full: make doctor REPORT=1" if brief else "")]
            out += [_one_line(*each, place, width) for each in some] if brief else _in_full(some, place, width)
            out += [""]
    fix = f"; make fix repairs {repairable} of them" if repairable else ""
    return [*out, verdict(all_of, place) + fix]


def _in_full(some: Sequence[tuple[int, Reported]], place: Place, width: int) -> list[str]:
    """A paragraph each; a repair once, after all that it is for when these stand together."""
    out = []
    for (number, one), following in zip(some, [*(one.repair for _, one in some[1:]), ""]):
        sentence = f"{number:>3}. {shorter(found(one), place)}; so {one.consequence} ({one.link})"
        out += textwrap.wrap(sentence, width, subsequent_indent=" " * 5, break_long_words=False, break_on_hyphens=False)
        # a command that is broken over lines cannot be copied
        out += [f"     do {shorter(one.repair, place)}"] if one.repair != following else []
    return out


def _one_line(number: int, one: Reported, place: Place, width: int) -> str:
    line = f"{number:>3}. {shorter(found(one), place)}"
    return line if len(line) <= width else line[: width - 1] + "…"


def found(one: Reported) -> str:
    """What is wrong, with its evidence."""
    return f"{one.what}: {one.evidence}" if one.evidence else one.what


def shorter(sentence: str, place: Place) -> str:
    """Paths below the checkout as the user types them there."""
    return sentence.replace(str(place.root) + os.sep, "")


def as_json(all_of: Sequence[Reported], place: Place, failed: Sequence[str]) -> str:
    """For machines."""
    data = {
        "simulator": place.aim,
        "verdict": verdict(all_of, place),
        "counts": {severity: count(all_of, severity) for severity in SEVERITIES},
        "findings": [asdict(one) for one in all_of],
        "failed_checks": list(failed),
    }
    return json.dumps(data, indent=2)


def markdown(all_of: Sequence[Reported], place: Place, facts: Mapping[str, str], last_failure: Sequence[str]) -> str:
    """To be pasted into an issue."""
    out = ["### isaac-workstation doctor", "", verdict(all_of, place), "", "| | |", "| --- | --- |"]
    out += [f"| {_cell(key)} | {_cell(value)} |" for key, value in facts.items()]
    for severity in SEVERITIES:
        some = [one for one in all_of if one.severity == severity]
        out += ["", f"**{HEADINGS[severity].format(SIMULATORS[place.aim], len(some))}**", ""] if some else []
        for one in some:
            out += [f"- `{one.id}` {found(one)}; so {one.consequence}", f"  Repair: {one.repair}"]
    if last_failure:
        out += ["", "**Last failed run**", "", "```", *last_failure, "```"]
    return anonymous("\n".join(out), place)


def _cell(value: str) -> str:
    return value.replace("|", "\\|")
