"""Which rsl_rl is installed: told by what lies beside the code, and checked against the code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runners.learners.rsl_rl import release
from runners.learners.rsl_rl.release import KNOWN, Release, known

ROOT = Path(__file__).resolve().parents[2]


def package(folder: Path, *distributions: tuple[str, str], code: dict[str, str] | None = None) -> Path:
    """A folder with a package rsl_rl and the metadata of some distributions."""
    for name, text in {"rsl_rl/__init__.py": "", "torch/__init__.py": "", **(code or {})}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for name, version in distributions:
        info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return folder


def ask(*folders: Path, code: str = "print(release.installed())") -> str:
    """What a Python says that has these folders and no other packages."""
    path = [str(folder) for folder in folders]
    program = f"""
import sys
sys.path[:0] = {[*path, str(ROOT)]!r}
from runners.errors import UserError
from runners.learners.rsl_rl import release
try:
    {code}
except UserError as error:
    print('error:', error)
"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize(("name", "version"), [("rsl_rl", "1.0.2"), ("rsl-rl-lib", "3.1.2"), ("rsl-rl-lib", "9.0.0")])
def test_either_distribution(tmp_path: Path, name: str, version: str) -> None:
    assert ask(package(tmp_path, (name, version))) == f"rsl_rl {version}"


def test_none(tmp_path: Path) -> None:
    assert ask(tmp_path) == "error: rsl_rl is not installed; run: make setup"


def test_both_at_once_name_the_repair(tmp_path: Path) -> None:
    folder = package(tmp_path, ("rsl_rl", "1.0.2"), ("rsl-rl-lib", "5.4.2"))
    assert ask(folder) == (
        "error: rsl-rl-lib 5.4.2 and rsl_rl 1.0.2 are both installed and overwrite each other; "
        "run: make setup RSL_RL=5.4.2"
    )


def test_one_that_shadows_another_is_the_one(tmp_path: Path) -> None:
    first = package(tmp_path / "first", ("rsl_rl", "1.0.2"))
    assert ask(first, package(tmp_path / "second", ("rsl-rl-lib", "5.4.2"))) == "rsl_rl 1.0.2"


def test_a_release_without_torch(tmp_path: Path) -> None:
    folder = package(tmp_path, ("rsl-rl-lib", "3.1.2"))
    (folder / "torch/__init__.py").unlink()
    (folder / "torch").rmdir()
    assert ask(folder) == "error: rsl_rl 3.1.2 is installed and torch is not; run: make setup"


def test_code_without_metadata(tmp_path: Path) -> None:
    assert "belongs to no installed rsl_rl" in ask(package(tmp_path))


OLD = {"rsl_rl/utils/__init__.py": "store_code_state = 1\n", "rsl_rl/modules/__init__.py": "",
       "rsl_rl/algorithms/__init__.py": ""}  # fmt: skip


def test_code_that_has_been_overwritten(tmp_path: Path) -> None:
    folder = package(tmp_path, ("rsl-rl-lib", "5.4.2"), code=OLD)
    assert ask(folder, code="release.check_code(release.installed())") == (
        "error: rsl-rl-lib says that it is 5.4.2, but its code is of 2.0.0 or later and older than 2.2.0; "
        "install it anew: make setup RSL_RL=5.4.2"
    )
    fine = package(tmp_path / "fine", ("rsl-rl-lib", "2.1.2"), code=OLD)
    assert ask(fine, code="release.check_code(release.installed())") == ""


def test_the_installed_one_agrees_with_its_code() -> None:
    release.check_code(release.installed())


def test_an_unknown_newer_release_counts_as_the_newest() -> None:
    newer = known("7.1.0")
    assert newer.unknown and (newer.shape, newer.contract, newer.layout) == ("distribution", "groups", "5.0.0")
    assert not known(KNOWN[-1]).unknown


def test_the_repository_is_the_one_that_set_up_takes() -> None:
    assert f"\nRSL_RL_REPOSITORY={release.REPOSITORY}\n" in (ROOT / "env" / "pins.env").read_text()


def test_boundaries_of_the_generations() -> None:
    """From the facts: where configuration, contract and checkpoint layout change."""

    def changes(name: str) -> list[str]:
        values = [(version, getattr(Release(version), name)) for version in KNOWN]
        return [b[0] for a, b in zip([("", None), *values], values, strict=False) if a[1] != b[1]]

    assert changes("shape") == ["1.0.2", "2.0.0", "3.0.0", "4.0.0", "5.0.0"]
    assert changes("contract") == ["1.0.2", "2.0.0", "3.0.0"]
    assert changes("layout") == ["1.0.2", "2.0.0", "2.1.1", "2.3.0", "3.0.0", "4.0.0", "5.0.0"]
    assert Release("2.0.2").layout == "2.0.0"  # what the tag v2.0.1 calls itself
