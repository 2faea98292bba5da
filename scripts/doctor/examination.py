"""Runs the checks: all of them for doctor, side by side, for some wait for other programs."""

from __future__ import annotations

import importlib
from concurrent.futures import ThreadPoolExecutor

from finding import Finding, Place

CHECKS = (
    *("machine", "isaac_sim", "isaac_lab", "packages", "rsl_rl", "robot"),
    *("embedded", "display", "temporary", "pollution", "runs"),
)


def examine(place: Place) -> tuple[list[Finding], list[str]]:
    """All findings, in the order of the checks, and a line for each check that itself failed."""
    findings: list[Finding] = []
    failed: list[str] = []
    with ThreadPoolExecutor() as pool:
        for found, failure in pool.map(lambda name: _examine(name, place), CHECKS):
            findings += found
            failed += [failure] if failure else []
    return findings, failed


def _examine(name: str, place: Place) -> tuple[list[Finding], str]:
    found: list[Finding] = []
    try:
        # one by one, so that what was found before a failure counts
        for finding in importlib.import_module("checks." + name).check(place):
            found.append(finding)
    except Exception as error:
        return found, f"the check '{name}' itself failed: {type(error).__name__}: {error}"
    return found, ""
