"""The files of a robot project or a task package that checks read."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from checks.files import text_of
from finding import Place

SKIPPED = {"__pycache__", "node_modules", "venv", "build", "dist", "logs", "outputs", "wandb", "docs"}
ENTRIES = 20_000
PYTHON_FILES = 2_000
PYTHON_BYTES = 1_000_000
POINTER_BYTES = 1_000


@dataclass
class Project:
    """A folder with its Python files, and those other files that are small enough for a pointer of Git LFS."""

    root: Path
    python: list[Path] = field(default_factory=list)
    small: list[Path] = field(default_factory=list)

    def is_script(self, path: Path) -> bool:
        """Whether a file is a script of the project's own, which the runners of this project replace."""
        parts = path.relative_to(self.root).parts
        return "scripts" in parts[:-1] or ("source" not in parts[:-1] and (self.root / "source").is_dir())

    def name(self, path: Path) -> str:
        """A file's path, short."""
        return f"{self.root.name}/{path.relative_to(self.root)}"


def projects(place: Place) -> list[Project]:
    """The robot project and the task packages, named or installed by set-up; of one within another only the outer."""
    installed = [Path(line.split("\t")[0]) for line in text_of(place.state / "task-packages").splitlines()]
    named = [place.robot, *place.task_packages, *installed]
    folders = {Path(os.path.realpath(str(folder))): folder for folder in named if folder and folder.is_dir()}
    return [read(folder) for real, folder in folders.items() if not set(real.parents) & set(folders)]


def read(root: Path) -> Project:
    """Look through a folder, as far as the limits go; links are not followed."""
    project, seen = Project(root), 0
    for folder, folders, files in os.walk(str(root)):
        folders[:] = sorted(name for name in folders if name not in SKIPPED and not name.startswith("."))
        for name in sorted(files):
            _sort_in(Path(folder, name), project)
        seen += 1 + len(files)
        if seen > ENTRIES:
            break
    return project


def _sort_in(path: Path, project: Project) -> None:
    try:
        size = path.stat().st_size
    except OSError:
        return
    if path.suffix == ".py":
        if size <= PYTHON_BYTES and len(project.python) < PYTHON_FILES:
            project.python.append(path)
    elif size <= POINTER_BYTES:
        project.small.append(path)
