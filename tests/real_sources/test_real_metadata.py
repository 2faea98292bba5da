"""The miniature's repositories have the metadata of the real ones, since builds look at it."""

from __future__ import annotations

import ast
import hashlib
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from isaac_lab_wheel import isaac_lab_wheel
from isaac_world import Commit, assets_commits, lowlevel_commits, robot_commit, rsl_rl_commits
from sources import PINS, checkout, git

tomllib = pytest.importorskip("tomllib")

OWN_WORDS = ("description", "authors", "maintainers", "urls")
"""What the miniature says in its own words."""
PACKAGE = "source/berkeley_humanoid_lite/pyproject.toml"
ROBOT, ASSETS, LOWLEVEL, RSL_RL = (
    robot_commit("0" * 40, "0" * 40),
    assets_commits(False, "setuptools.build_meta")[0],
    lowlevel_commits()[0],
    rsl_rl_commits()[1],
)
REPOSITORIES = {
    "BHL_SRC": (ROBOT, PINS["ROBOT_COMMIT"]),
    "BHL_ASSETS_SRC": (ASSETS, "HEAD"),
    "BHL_LOWLEVEL_SRC": (LOWLEVEL, "HEAD"),
    "RSL_RL_SRC": (RSL_RL, PINS["ISAAC_RSL_RL_COMMIT"]),
}


def metadata(text: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(text)
    for key in OWN_WORDS:
        found["project"].pop(key, None)
    return found


def real(variable: str, path: str) -> str:
    return git(checkout(variable), "show", f"{REPOSITORIES[variable][1]}:{path}")


def real_files(variable: str) -> set[str]:
    return set(git(checkout(variable), "ls-tree", "-r", "--name-only", REPOSITORIES[variable][1]).splitlines())


@pytest.mark.parametrize(
    ("variable", "path"),
    [("BHL_SRC", PACKAGE), ("BHL_ASSETS_SRC", "pyproject.toml"), ("BHL_LOWLEVEL_SRC", "pyproject.toml")],
)
def test_a_package_of_the_robot(variable: str, path: str) -> None:
    commit = REPOSITORIES[variable][0]
    expected = metadata(real(variable, path))
    assert metadata(commit.files[path].decode()) == expected
    readme = str(Path(path).with_name(expected["project"]["readme"]))
    assert (readme in commit.files) == (readme in real_files(variable))


def test_the_robots_workspace() -> None:
    """Nothing of it is installed; what a tool that looks at it would stumble over is there."""
    ours, theirs = (
        metadata(text) for text in (ROBOT.files["pyproject.toml"].decode(), real("BHL_SRC", "pyproject.toml"))
    )
    assert ours["build-system"] == theirs["build-system"]
    assert ours["tool"]["setuptools"] == theirs["tool"]["setuptools"]
    dependencies = [found["project"].pop("dependencies") for found in (ours, theirs)]
    assert ours["project"] == theirs["project"] and set(dependencies[0]) < set(dependencies[1])


def test_the_robots_submodules() -> None:
    def modules(text: str) -> list[tuple[str, str]]:
        return sorted(re.findall(r"^\s*(path|url) = (.*)$", text, re.MULTILINE))

    assert modules(ROBOT.files[".gitmodules"].decode()) == modules(real("BHL_SRC", ".gitmodules"))


def test_rsl_rl() -> None:
    ours, theirs = (said(text) for text in (RSL_RL.files["setup.py"].decode(), real("RSL_RL_SRC", "setup.py")))
    own = ("author", "author_email", "description")
    assert set(ours) == set(theirs)
    assert {key: ours[key] for key in ours if key not in own} == {key: theirs[key] for key in ours if key not in own}


def said(setup: str) -> dict[str, str]:
    """What a setup.py gives setup()."""
    [call] = [
        node for node in ast.walk(ast.parse(setup)) if isinstance(node, ast.Call) and ast.unparse(node.func) == "setup"
    ]
    return {keyword.arg or "": ast.unparse(keyword.value) for keyword in call.keywords}


def test_the_wheel_of_isaac_lab_holds_the_pinned_commit() -> None:
    """Kits and packages, byte for byte, but for what a build writes: so the contract tests run the pinned code."""
    listed = git(checkout("ISAACLAB_SRC"), "ls-tree", "-r", PINS["ISAAC_LAB_COMMIT"], "apps", "source")
    there = {path: blob for blob, path in re.findall(r"^\d+ blob (\w+)\t(.*)$", listed, re.MULTILINE)}
    with zipfile.ZipFile(isaac_lab_wheel()) as wheel:
        names = [name for name in wheel.namelist() if re.match(r"isaaclab/(apps|source)/.*[^/]$", name)]
        held = {name.removeprefix("isaaclab/"): blob_of(wheel.read(name)) for name in names}
    assert len(held) > 1000
    assert {path for path, blob in held.items() if there.get(path) != blob} == set()
    assert {path for path in there if path.endswith((".py", ".kit", ".toml"))} <= set(held)


def blob_of(content: bytes) -> str:
    """As git names it."""
    return hashlib.sha1(b"blob %d\0%s" % (len(content), content)).hexdigest()


@pytest.mark.parametrize("variable", REPOSITORIES)
def test_the_files_are_some_of_the_real_ones(variable: str) -> None:
    commit: Commit = REPOSITORIES[variable][0]
    assert set(commit.files) - real_files(variable) == set()
