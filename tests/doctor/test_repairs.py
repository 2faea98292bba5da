"""What make fix offers for which findings, and that a thing set aside can be put back."""

from __future__ import annotations

import importlib
import subprocess
from dataclasses import replace
from pathlib import Path

import plant_isaac
import plant_machine
import pytest

import catalogue
import repairs
from finding import Finding, Place

ENTRIES = catalogue.read()
OF_ISAAC = ("isaac_sim", "isaac_lab", "packages", "rsl_rl", "robot")


def found(place: Place, names: tuple[str, ...] = OF_ISAAC) -> list[Finding]:
    return [finding for name in names for finding in importlib.import_module(f"checks.{name}").check(place)]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return plant_isaac.clean_place(tmp_path)


FIXED = [name for name in plant_isaac.PLANTED if ENTRIES[name].fix]
DOWNLOADS = ("launcher-python-missing",)


@pytest.mark.parametrize("name", [name for name in FIXED if name not in DOWNLOADS])
def test_what_the_catalogue_says_can_be_fixed_is_offered(place: Place, name: str) -> None:
    place = plant_isaac.PLANTED[name](place)
    some = [finding for finding in found(place) if finding.id == name]
    offered = repairs.plan(place, some, ENTRIES)
    assert offered and all(some[0].evidence in repair.mends[0] and repair.undo for repair in offered)


def test_isaac_sim_is_not_downloaded_by_a_repair(place: Place) -> None:
    (place.isaac / "python.sh").unlink()
    assert [finding.id for finding in found(place)] == ["launcher-python-missing"]
    assert repairs.plan(place, found(place), ENTRIES) == []


def test_set_up_is_not_offered_for_what_it_does_not_mend(place: Place) -> None:
    mine = place.root.parent / "mine"
    plant_isaac.write(mine / "a.usd", plant_isaac.POINTER)
    some = found(replace(place, task_packages=(mine,)))
    assert [finding.id for finding in some] == ["lfs-pointer-instead-of-usd"]
    assert repairs.plan(place, some, ENTRIES) == []


def test_one_set_up_for_all_that_it_mends(place: Place) -> None:
    some = [Finding("flatdict-pkg-resources", "a"), Finding("launcher-python-missing", "b"), Finding("odd", "c")]
    entries = {**ENTRIES, "odd": catalogue.Entry("odd", "g", "t", severity="note")}
    [repair] = repairs.plan(place, some, entries)
    assert (repair.shown, len(repair.mends)) == ("make setup SIM=isaac", 2)


def test_what_is_set_aside_is_gone_and_can_be_put_back(place: Place) -> None:
    place = plant_isaac.PLANTED["apps-isaacsim-4-5-loaded"](place)
    before = found(place)
    [repair] = repairs.plan(place, before, ENTRIES)
    repair.carry_out()
    assert found(place) == []
    subprocess.run(["bash", "-c", repair.undo], check=True)
    assert found(place) == before


@pytest.mark.parametrize("name", ["venv-broken", "venv-packages-differ"])
def test_the_embedded_simulator_is_installed_anew(tmp_path: Path, name: str) -> None:
    place = plant_machine.PLANTED[name](plant_machine.clean_place(tmp_path))
    [repair] = repairs.plan(place, found(place, ("embedded",)), ENTRIES)
    assert repair.shown == "make setup SIM=mujoco"
