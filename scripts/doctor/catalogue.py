"""The catalogue: failures.ini, one section a failure, read by doctor and explain."""

from __future__ import annotations

import configparser
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Pattern

FILE = Path(__file__).with_name("failures.ini")

STOPS, BITES, NOTE = "stops", "bites", "note"
SEVERITIES = (STOPS, BITES, NOTE)
FIXES = ("setup", "setup-packages", "setup-mujoco", "set-aside")
ROLES = ("root", "follow-up", "early-warning", "conditional", "rule", "harmless")


@dataclass(frozen=True)
class Entry:
    """One failure. What a field is for is in the head of failures.ini."""

    id: str
    group: str
    title: str
    role: str = ""
    signature: Pattern[str] | None = None
    sample: str = ""
    only_with: Pattern[str] | None = None
    not_with: Pattern[str] | None = None
    cause: str = ""
    severity: str = ""
    finding: str = ""
    consequence: str = ""
    repair: str = ""
    fix: str = ""
    link: str = ""


class CatalogueError(Exception):
    """An entry is not as the head of failures.ini says."""


def read(path: Path = FILE) -> dict[str, Entry]:
    """All entries by their id, in the order of the file.

    Raises:
        CatalogueError: a field is unknown, missing or has a value that it cannot have.
    """
    parser = configparser.RawConfigParser(
        delimiters=("=",), comment_prefixes=("##",), empty_lines_in_values=False, default_section="", strict=True
    )
    try:
        with open(str(path), encoding="utf-8") as stream:
            parser.read_file(stream)
        return {name: _entry(name, dict(parser[name])) for name in parser.sections()}
    except configparser.Error as error:
        raise CatalogueError(" ".join(str(error).split())) from None


def _entry(name: str, fields: dict[str, str]) -> Entry:
    values = {}
    for key, text in fields.items():
        field = key.replace("-", "_")
        if field not in Entry.__dataclass_fields__ or field == "id":
            raise CatalogueError(f"[{name}] has an unknown field '{key}'")
        try:
            values[field] = re.compile(text) if field in ("signature", "only_with", "not_with") else text
        except re.error as error:
            raise CatalogueError(f"[{name}] {key} '{text}' is no regular expression: {error}") from None
    entry = Entry(id=name, **values)  # type: ignore[arg-type]
    problem = _problem(entry)
    if problem:
        raise CatalogueError(f"[{name}] {problem}")
    return entry


def _problem(entry: Entry) -> str:
    """What an entry lacks."""
    needed = ["group", "title"]
    if entry.role:
        needed += ["signature", "sample"]
    if entry.role and entry.role != "harmless":
        needed += ["cause", "repair", "link"]
    if entry.severity:
        needed += ["finding", "consequence", "repair"]
    missing = [field for field in needed if not getattr(entry, field)]
    if missing:
        return "lacks " + ", ".join(missing)
    if entry.role and entry.role not in ROLES:
        return "has the role '{}'; it is one of {}".format(entry.role, ", ".join(ROLES))
    if entry.severity and entry.severity not in SEVERITIES:
        return "has the severity '{}'; it is one of {}".format(entry.severity, ", ".join(SEVERITIES))
    if entry.fix and not (entry.severity and set(entry.fix.split(", ")) <= set(FIXES)):
        return f"has the fix '{entry.fix}'; it is one of {', '.join(FIXES)}, and for doctor"
    if not entry.role and not entry.severity:
        return "has neither a role (for explain) nor a severity (for doctor)"
    return ""
