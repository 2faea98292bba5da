"""The tasks of real projects: listed without an import, loaded on the double of Kit, translated for three releases."""

from __future__ import annotations

import ast
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest
from contract_world import HERE as CONTRACT
from contract_world import TEMPLATE, World, canonical, contract_world, parts
from sources import CACHE, PINS, TABLE, checkout, projects

HERE = Path(__file__).resolve().parent
RELEASES = ("1.0.2", "3.1.2", "5.4.2")
KITS = ("omni", "carb", "usdrt", "Semantics", "pxr", "isaacsim")
BEFORE_2_0 = ("omni.isaac.lab", "omni.isaac.orbit")
TEMPLATED = {
    "external": True, "name": "from_the_template", "rl_libraries": [{"name": "rsl_rl", "algorithms": ["ppo"]}],
    "workflows": [
        {"name": "direct", "type": "single-agent"}, {"name": "manager-based", "type": "single-agent"},
    ],
}  # fmt: skip
"""What Isaac Lab's generator is asked for."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return contract_world(tmp_path_factory.mktemp("isaac") / "world")


def packages() -> list[Path]:
    """The packages of the projects: that of each setup.py below source/."""
    setups = [setup for project in projects() for setup in sorted(project.glob("source/*/setup.py"))]
    return [setup.parent / setup.parent.name for setup in setups]


# --- what a project needs ------------------------------------------------------------------------


def requirements(package: Path, scratch: Path) -> list[str]:
    """What its setup.py asks for, without the extras. The source stays as it is: a copy of its metadata is asked."""
    copy = scratch / package.name
    shutil.copytree(package.parent / "config", copy / "config")
    for name in ("setup.py", "pyproject.toml"):
        shutil.copy(package.parent / name, copy)
    (copy / package.name).mkdir()
    env = {**os.environ, "PYTHONPATH": str(parts() / "build")}
    command = [sys.executable, "setup.py", "--quiet", "egg_info", "--egg-base", str(scratch)]
    subprocess.run(command, cwd=copy, env=env, check=True, capture_output=True)
    text = (scratch / f"{package.name}.egg-info/requires.txt").read_text().partition("\n[")[0]
    return text.split()


def beside(package: Path, scratch: Path) -> Path:
    """A folder with what Isaac's Python lacks of a package's requirements; nothing that is there is replaced."""
    folder = CACHE / "requirements" / package.name
    if not folder.is_dir():
        report = scratch / "report.json"
        pip = [sys.executable, "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--dry-run", "--report", report, *requirements(package, scratch)], check=True)
        found = [each["metadata"] for each in json.loads(report.read_text())["install"]]
        there = {
            canonical(each.metadata["Name"])
            for each in (*distributions(), *distributions(path=[str(parts() / "packages")]))
        }
        wanted = [f"{each['name']}=={each['version']}" for each in found if canonical(each["name"]) not in there]
        if wanted:
            subprocess.run([*pip, "--no-deps", "--target", folder, *wanted], check=True, capture_output=True)
        folder.mkdir(parents=True, exist_ok=True)
    return folder


# --- what is made of its tasks -------------------------------------------------------------------


def listed(world: World, *variables: str) -> set[str]:
    done = world.make("tasks", *variables)
    assert done.returncode == 0, done.stderr
    return {line.split()[0] for line in done.stdout.splitlines()}


def judged(world: World, name: str, ids: set[str] | None, package: str = "", path: str = "") -> dict[str, Any]:
    """Load and translate, write a row, and return what was found. ids: those that were listed."""
    words = [str(HERE / "project_tasks.py"), ",".join(RELEASES), *([package] if package else [])]
    search = os.pathsep.join(filter(None, (str(CONTRACT), str(world.checkout), path)))
    done = world.run(*words, timeout=600, PYTORCH_JIT="0", PYTHONPATH=search)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert done.returncode == 0 and lines, done.stdout[-3000:] + done.stderr[-3000:]
    found: dict[str, Any] = json.loads(lines[0])
    tasks = found["tasks"]
    agents = [outcome for told in tasks.values() for outcome in told["agents"].values()]
    row: dict[str, Any] = {"project": name, "listed": "" if ids is None else len(ids), "registered": len(tasks)}
    row["loaded"] = sum(told["env"] is None for told in tasks.values())
    row["for rsl_rl"] = len(agents)
    for release in RELEASES:
        row[release] = sum(outcome[release] is None for outcome in agents)
    reasons = Counter(reason for outcome in agents for reason in refusals(outcome))
    told = [f"{number} × {why}" for why, number in reasons.most_common()]
    row["refused"] = "; ".join(filter(None, (found["refused"], *told)))
    TABLE.add("Tasks, and their configurations written for releases of rsl_rl", row)
    return found


def refusals(outcome: dict[str, str | None]) -> list[str]:
    """Why releases refuse, without the task's name and the advice; once if all have the same reason."""
    short = {
        release: re.sub(r"^task '[^']+'", "a task", why).partition(";")[0].removeprefix("! ")
        for release, why in outcome.items()
        if why
    }
    if len(short) == len(RELEASES) and len(set(short.values())) == 1:
        return [short[RELEASES[0]]]
    return [f"{release}: {why.removesuffix(f', and this is {release}')}" for release, why in short.items()]


def check(found: dict[str, Any], ids: set[str] | None) -> None:
    """Whatever is refused is refused in words for the user, also a project's own errors; what registers is listed."""
    assert found["refused"] is None
    agents = [outcome for told in found["tasks"].values() for outcome in told["agents"].values()]
    assert [why for outcome in agents for why in outcome.values() if why and why.startswith("! ")] == []
    if ids is not None:
        assert ids == set(found["tasks"])


def test_isaac_labs_own(world: World) -> None:
    """Of its wheel, which holds the pinned commit: see test_real_metadata.py."""
    checkout("ISAACLAB_SRC")
    ids = listed(world)
    check(judged(world, "Isaac Lab", ids), ids)


@pytest.mark.parametrize("package", packages() or [None], ids=lambda path: path.name if path else "none")
def test_a_project(world: World, tmp_path: Path, package: Path | None) -> None:
    if package is None:
        pytest.skip("TASK_PROJECTS names no project")
    tasks = package / "tasks"  # of unitree_rl_lab the package itself does not import them
    ids = listed(world, f"TASK_PACKAGE={tasks}") - listed(world)
    found = judged(world, package.name, ids, str(tasks), str(beside(package, tmp_path)))
    check(found, ids)


def test_berkeley_humanoid_lite(world: World) -> None:
    """From its source folders, as set-up puts them on the path."""
    source = checkout("BHL_SRC") / "source/berkeley_humanoid_lite"
    package = str(source / "berkeley_humanoid_lite")
    ids = listed(world, f"TASK_PACKAGE={package}/tasks") - listed(world)
    path = os.pathsep.join(map(str, (source, checkout("BHL_ASSETS_SRC"))))
    check(judged(world, "Berkeley Humanoid Lite", ids, "berkeley_humanoid_lite.tasks", path), ids)


def test_what_isaac_labs_generator_makes(world: World, tmp_path: Path) -> None:
    """Its template at the pinned commit, filled in by its own generator."""
    archive = subprocess.run(
        ["git", "-C", checkout("ISAACLAB_SRC"), "archive", PINS["ISAAC_LAB_COMMIT"], "tools", "scripts", "source",
         "pyproject.toml", ".dockerignore", ".gitattributes", ".gitignore", ".pre-commit-config.yaml"],
        stdout=subprocess.PIPE, check=True,
    ).stdout  # fmt: skip
    lab = tmp_path / "IsaacLab"
    lab.mkdir()
    subprocess.run(["tar", "-x", "-C", lab], input=archive, check=True)
    code = f"import generator; generator.generate({ {**TEMPLATED, 'path': str(tmp_path)}!r})"
    env = {**os.environ, "PYTHONPATH": str(lab / "tools/template")}
    subprocess.run([sys.executable, "-c", code], cwd=lab / "tools/template", env=env, check=True, capture_output=True)
    package = tmp_path / "from_the_template/source/from_the_template/from_the_template"
    ids = listed(world, f"TASK_PACKAGE={package}") - listed(world)
    assert ids == {"Template-From-The-Template-v0", "Template-From-The-Template-Direct-v0"}
    check(judged(world, "made by Isaac Lab's generator", ids, str(package)), ids)
    ours = CONTRACT / "template_project/source/balance_bot"
    assert shape(ours, "balance_bot") == shape(package.parent, "from_the_template")


def shape(source: Path, name: str) -> set[str]:
    """The files of a project, but for other learners' configurations."""
    files = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}
    return {path.replace(name, "NAME") for path in files if "__pycache__" not in path and "skrl" not in path}


# --- what of Kit they import ---------------------------------------------------------------------


def test_the_double_of_kit_has_what_projects_import() -> None:
    """In their packages and scripts. What Isaac Lab was called before 2.0 is not there, as in Isaac Sim 5.1."""
    if not projects():
        pytest.skip("TASK_PROJECTS names no project")
    there = set(runpy.run_path(str(CONTRACT / "kit/stand_ins.py"))["MODULES"]) | written_out()
    there |= {name[:i] for name in there for i, char in enumerate(name) if char == "."}
    missing = {name for project in projects() for name in imported(project) if name not in there}
    assert {name for name in missing if not name.startswith(BEFORE_2_0)} == set()


def written_out() -> set[str]:
    found = {"isaacsim", "carb", "omni", "pxr"}
    for folder in (CONTRACT / "kit/exts", TEMPLATE / "kit/exts"):
        for file in folder.glob("*/**/*.py"):
            found.add(".".join(file.relative_to(folder).with_suffix("").parts[1:]).removesuffix(".__init__"))
    return found


def imported(project: Path) -> Iterator[str]:
    """Modules of Kit; pxr's are those of usd-core."""
    for file in project.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            yield from (name for name in names if name.partition(".")[0] in KITS and not name.startswith("pxr"))
