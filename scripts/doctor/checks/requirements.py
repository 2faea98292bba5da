"""Packages that the sources of a project import and that nothing on the path of Isaac Sim's Python provides."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from checks import dist_info, editable, python_source
from checks.files import is_there, names_in
from checks.project_files import Project
from finding import Finding, Place

OF_SET_UP = re.compile(
    r"isaac\w*|omni|pxr|carb|usdrt|warp|rsl_rl|gymnasium|toml|torch|numpy|pkg_resources|setuptools|pip"
)
"""What comes with Kit, Isaac Lab or every set-up; other checks look at that."""


def check(place: Place, project: Project) -> list[Finding]:
    """One finding for a project; nothing where this Python is too old to know its standard library."""
    standard = getattr(sys, "stdlib_module_names", ())
    if not standard or not place.isaac_site.is_dir():
        return []
    folders = dist_info.python_path(place)
    there = {package for package, _, _ in editable.targets(place.isaac_site)}
    sources = [path for path in project.python if not project.is_script(path)]
    own = {part for path in sources for part in (*path.relative_to(project.root).parts[:-1], path.stem)}
    own |= set(names_in(project.root / "source"))  # also a submodule that is empty, which has a finding of its own
    missing: dict[str, str] = {}
    for path in sources:
        tree = None if _is_tool(path) else python_source.parse(path)
        for one in python_source.imports(tree) if tree else ():
            top = one.module.partition(".")[0]
            known = top in standard or top in own or top.lower() in there or OF_SET_UP.fullmatch(top)
            if not known and not one.is_late and not any(_has(folder, top) for folder in folders):
                missing.setdefault(top, f"{project.name(path)}:{one.line} import {top}")
    if not missing:
        return []
    evidence = ", ".join(list(missing.values())[:3]) + (f" (and {len(missing) - 3} more)" if len(missing) > 3 else "")
    repair = f"make setup SIM=isaac TASK_PACKAGE='{project.root}'"
    return [Finding("project-requirement-missing", evidence, repair=repair)]


def _is_tool(path: Path) -> bool:
    """Whether a file is for builds, tests or notebooks: no task imports it."""
    return path.name == "setup.py" or bool({"test", "tests", "tools", "deploy"} & set(path.parts))


def _has(folder: Path, top: str) -> bool:
    names = (top, f"{top}.py", f"{top}.so")
    return any(is_there(folder / name) for name in names) or next(folder.glob(f"{top}.*.so"), None) is not None
