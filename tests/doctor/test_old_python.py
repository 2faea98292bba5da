"""Doctor runs before anything is installed, with a Python as old as 3.8 and the standard library alone."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [*(ROOT / "scripts/doctor").rglob("*.py"), ROOT / "runners/options.py", ROOT / "runners/errors.py"]
SOURCES += [ROOT / "runners/run_dir.py", ROOT / "runners/simulators/__init__.py"]
LATER = {
    *("removeprefix", "removesuffix", "is_relative_to", "readlink", "with_stem", "hardlink_to", "walk_up", "randbytes"),
    *("cache", "lcm", "pairwise", "batched", "bit_count", "unparse", "indent", "to_thread", "is_junction", "UTC"),
}
"""Names of the standard library that came after 3.8 and that one would reach for here."""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_its_sources_are_those_of_3_8(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 8))
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    used = {node.attr for node in attributes if getattr(node.value, "id", "") != "os"}
    assert not used & LATER
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "zip"]
    assert not [call for call in calls if any(word.arg == "strict" for word in call.keywords)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_it_needs_nothing_but_the_standard_library(path: Path) -> None:
    own = {source.stem for source in (ROOT / "scripts/doctor").iterdir()} | {"runners"}
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        assert {name.partition(".")[0] for name in names} <= own | set(sys.stdlib_module_names) | {"sre_parse"}


@pytest.mark.parametrize("verb", ["doctor", "fix", "explain"])
def test_it_runs_on_the_oldest_python_here(verb: str, tmp_path: Path) -> None:
    found = [*sorted(map(str, Path.home().glob(".pyenv/versions/3.8.*/bin/python"))), shutil.which("python3.8")]
    program = next(filter(None, found), None)
    if program is None:
        pytest.skip("this machine has no Python 3.8")
    (tmp_path / "log").write_text("OddError: x\n")
    words = [f"--log={tmp_path / 'log'}"] if verb == "explain" else ["--sim=mujoco"]
    done = subprocess.run(
        [program, "-W", "error", "-I", "scripts/doctor", verb, *words], cwd=ROOT, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == "" or done.stderr.startswith("fix: there is no terminal")
    assert "doctor: " in done.stdout.splitlines()[-1] or verb == "fix"
