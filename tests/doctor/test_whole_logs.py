"""make explain, over whole logs of failures as users have them."""

from __future__ import annotations

import io

import pytest
from whole_logs import LOGS, WholeLog

import catalogue
import explain
import scan

KNOWN = catalogue.read()
BY_NAME = [pytest.param(log, id=log.name) for log in LOGS]


def diagnose(written: bytes) -> explain.Diagnosis:
    return explain.diagnose(scan.scan(io.BytesIO(written), KNOWN), KNOWN)


@pytest.mark.parametrize("log", BY_NAME)
def test_a_whole_log_gives_its_cause(log: WholeLog) -> None:
    diagnosis = diagnose(log.written)
    assert (diagnosis.cause.entry.id if diagnosis.cause else "") == log.root
    assert [sign.entry.id for sign in diagnosis.first_signs] == ([log.first_sign] if log.first_sign else [])
    assert diagnosis.is_hidden == log.swallowed
    assert log.root or diagnosis.is_failure == log.failed


@pytest.mark.parametrize("log", [pytest.param(log, id=log.name) for log in LOGS if log.root])
def test_what_is_told_of_a_whole_log(log: WholeLog) -> None:
    seen = scan.scan(io.BytesIO(log.written), KNOWN)
    diagnosis = explain.diagnose(seen, KNOWN)
    said = "\n".join(explain.lines(diagnosis, seen))
    assert f"[{log.root}]" in said.splitlines()[0]
    assert "{" not in said.replace("{usd_path}", "")
    assert diagnosis.cause
    if diagnosis.cause.entry.role != "conditional":
        assert diagnosis.cause.hit.line > log.calm.count("\n")


def test_the_largest_number_is_told() -> None:
    (log,) = (log for log in LOGS if log.name == "patches")
    cause = diagnose(log.written).cause
    assert cause and cause.hit.number == 178426


@pytest.mark.parametrize("log", BY_NAME)
def test_nothing_is_wrong_before_the_failure(log: WholeLog) -> None:
    half = log.calm[: len(log.calm) // 2]
    for calm in (half[: half.rindex("\n") + 1], log.calm):
        diagnosis = diagnose(log.form(calm))
        assert (diagnosis.cause, diagnosis.first_signs, diagnosis.is_failure) == (None, [], False)


def test_whole_logs_are_as_long_as_a_users() -> None:
    assert not [log.name for log in LOGS if not 40 <= log.written.count(b"\n") <= 300]


def test_every_group_of_failures_has_a_whole_log() -> None:
    named = {name for log in LOGS for name in (log.root, log.first_sign) if name}
    groups = {entry.group for entry in KNOWN.values() if entry.role not in ("", "harmless")}
    assert groups == {KNOWN[name].group for name in named}
