"""The catalogue: every entry is whole, and what it says can be done."""

from __future__ import annotations

import io
import re
from pathlib import Path

import plant_isaac
import plant_machine
import pytest

import catalogue
import scan
from catalogue import Entry
from runners import options

ROOT = Path(__file__).resolve().parents[2]
ENTRIES = catalogue.read()
FACTS = 107
"""The failures that were collected; see the issue threads that the entries link to."""


def test_all_known_failures_are_in_it() -> None:
    assert len([entry for entry in ENTRIES.values() if entry.role not in ("", "harmless")]) >= FACTS
    assert len([entry for entry in ENTRIES.values() if entry.role == "harmless"]) >= 8


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_every_command_that_it_names_exists(entry: Entry) -> None:
    text = f"{entry.repair} {entry.cause} {entry.consequence}"
    # in a sentence make does things too
    commands = re.findall(r"(?<=: )make ([a-z-]+)((?: [A-Z_]+=\S+)*)", text)
    commands += re.findall(r"make ([a-z-]+)((?: [A-Z_]+=\S+)+)", text)
    for verb, rest in commands:
        assert verb in options.VERBS
        for variable in re.findall(r"([A-Z_]+)=", rest):
            assert variable.lower() in options.FIELDS, (verb, variable)
            assert verb in options.FIELDS[variable.lower()].metadata["verbs"], (verb, variable)


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_it_is_short_and_links_somewhere(entry: Entry) -> None:
    assert len(entry.title) <= 70
    assert max(len(entry.cause), len(entry.repair), len(entry.consequence)) <= 240
    assert entry.link.startswith("https://")
    assert not re.search(r"TODO|/home/(?!user\b|you\b)", f"{entry}")


LINES_OF_TWO = {"failed-run-exits-zero": {"hang-on-close"}}
"""A sample over several lines may hold a line of another entry, which its role then tells from it."""


@pytest.mark.parametrize("name", [entry.id for entry in ENTRIES.values() if entry.role])
def test_no_other_entry_takes_its_sample(name: str) -> None:
    log = scan.scan(io.BytesIO(ENTRIES[name].sample.encode()), ENTRIES)
    assert set(log.hits) - {"failed-run-exits-zero"} - LINES_OF_TWO.get(name, set()) == {name} - {
        "failed-run-exits-zero"
    }


def test_everything_that_doctor_may_find_is_planted_somewhere() -> None:
    detectable = {entry.id for entry in ENTRIES.values() if entry.severity}
    assert detectable == set(plant_isaac.PLANTED) | set(plant_machine.PLANTED)


def test_numbers_in_a_repair_come_from_the_signature() -> None:
    for entry in ENTRIES.values():
        if "{number}" in entry.repair or "{next_power_of_two}" in entry.repair:
            assert entry.signature and entry.signature.groups == 1, entry.id
            match = entry.signature.search(entry.sample)
            assert match and (match[1] or "").isdigit(), entry.id


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("group = a\ntitle = b\nrole = root\nsignature = (", "'(' is no regular expression"),
        ("group = a\ntitle = b\nrole = boss\nsignature = x\nsample = x\ncause = c\nrepair = d\nlink = e", "'boss'"),
        ("group = a\ntitle = b\nrole = root\nsample = x\ncause = c\nrepair = d\nlink = e", "lacks signature"),
        ("group = a\ntitle = b\nseverity = stops\nfinding = x\nrepair = y\nlink = z", "lacks consequence"),
        ("group = a\ntitle = b", "neither a role"),
        ("group = a\ntitel = b", "unknown field 'titel'"),
        ("group = a\ngroup = b", "already exists"),
        (
            "group = a\ntitle = b\nrole = root\nsignature = x\nsample = x\ncause = c\nrepair = d\nlink = e\nfix = x",
            "fix",
        ),
    ],
)
def test_a_bad_entry_is_refused_by_name(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "failures.ini"
    path.write_text(f"[some-failure]\n{text}\n")
    with pytest.raises(catalogue.CatalogueError, match=re.escape(words)) as caught:
        catalogue.read(path)
    assert "some-failure" in str(caught.value)
