"""TASK_PACKAGE: packages of the user's that register tasks when they are imported. Standard library only.

    python -m runners.simulators.task_packages FOLDER[,FOLDER ...]

prints a line `project<TAB>module` for each package with tasks that make setup has to install.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import shlex
import sys
import traceback
from collections.abc import Collection, Iterable, Mapping
from importlib.metadata import entry_points
from pathlib import Path

from runners.errors import UserError, nearest

BEFORE_2_0 = ("omni.isaac.lab", "omni.isaac.orbit")
"""What Isaac Lab was called up to 1.4; since 2.0 omni.isaac.lab_tasks is isaaclab_tasks, and so on."""
OF_SIMULATOR = {
    "isaac": re.compile(r"isaaclab\w*|isaacsim\w*|omni|pxr|carb|usdrt"),
    "mujoco": re.compile(r"mjlab|mujoco|mujoco_warp"),
}
"""The packages that only come with a simulator."""
GROUPS = {"isaac": "isaaclab.tasks", "mujoco": "mjlab.tasks"}
"""The entry points by which packages announce tasks: mjlab 1.6.0 loads its own, Isaac Lab's CLI since 3.0."""
REGISTERS = re.compile(r"\bregister(?:_mjlab_task)?\s*\(")
BUILDS = re.compile(r"^\[(?:project|build-system)\]", re.MULTILINE)
OTHERS = {"build", "dist", "docs", "scripts", "test", "tests"}
"""Folders of a project that hold no package with tasks."""
OURS = ("isaaclab_tasks", "runners")
"""Packages whose requirements every set-up brings."""
TOLD = ("; install what the project needs", "; it is for the other simulator")
"""Of :func:`why`, what leaves nothing to be explained."""
_failed: dict[str, str] = {}


# --- from words to modules -----------------------------------------------------------------------


def resolve(text: str | None) -> list[str]:
    """The modules of :func:`named`."""
    return list(named(text))


def named(text: str | None) -> dict[str, str]:
    """Modules, each with the word that names it, for names and folders joined by commas.

    What the import of a folder's package needs is put on sys.path.

    Raises:
        UserError: a folder without a package.
    """
    found = {}
    for word in filter(None, (text or "").split(",")):
        if not is_folder(word):
            found[word] = word
            continue
        for top, module in in_folder(word):
            if str(top) not in sys.path:
                sys.path.insert(0, str(top))
            found[module] = word
    return found


def recorded(text: str | None) -> str | None:
    """The same for a run's manifest: with folders in full."""
    words = [str(in_full(word)) if is_folder(word) else word for word in (text or "").split(",") if word]
    return ",".join(words) or None


def is_folder(word: str) -> bool:
    """Whether a word is a path, not the name of a module."""
    return "/" in word or word.startswith("~") or word in (".", "..")


def in_full(word: str) -> Path:
    """The folder that a word names."""
    return Path(word).expanduser().resolve()


def in_folder(word: str) -> list[tuple[Path, str]]:
    """Modules with tasks in a folder, each with the folder that belongs on sys.path.

    Args:
        word: a package, or a project: its root, with source/<name>/<name> as Isaac Lab's template has it, with
            src/<name> or with <name>; or the folder source/<name>.

    Raises:
        UserError: there is none.
    """
    folder = in_full(word)
    if (folder / "__init__.py").is_file():
        return [_named(folder)]
    if not folder.is_dir():
        raise UserError(f"TASK_PACKAGE '{word}' is not there; name the folder of a package or of its project")
    every = _packages(folder)
    packages = [package for package in every if _registers(package)] or every
    if not packages:
        raise UserError(
            f"TASK_PACKAGE '{word}' is no package: it has no __init__.py; name the folder that has it, or a project "
            "with a package in source/NAME/NAME, src/NAME or NAME"
        )
    return [_named(package / "tasks" if _is_package(package / "tasks") else package) for package in packages]


def _named(folder: Path) -> tuple[Path, str]:
    names = [folder.name]
    while _is_package(folder.parent):
        folder = folder.parent
        names.insert(0, folder.name)
    return folder.parent, ".".join(names)


def _is_package(folder: Path) -> bool:
    return (folder / "__init__.py").is_file()


def _packages(folder: Path) -> list[Path]:
    """The top packages of a project."""
    for pattern in ("source/*/*", "src/*", "*"):
        found = [path for path in sorted(folder.glob(pattern)) if _is_package(path) and path.name not in OTHERS]
        if found:
            return found
    return []


def _registers(package: Path) -> bool:
    return any(REGISTERS.search(file.read_text(encoding="utf-8", errors="replace")) for file in package.rglob("*.py"))


# --- projects, which set-up installs -------------------------------------------------------------


def projects(text: str) -> list[tuple[Path, str]]:
    """The projects that hold the packages which folders name, each with a module that registers tasks.

    Raises:
        UserError: a word is no folder, or nothing there can be installed.
    """
    found = []
    for word in filter(None, text.split(",")):
        if not in_full(word).is_dir():
            raise UserError(f"TASK_PACKAGE '{word}' is no folder; set-up installs a project from its folder")
        for top, module in in_folder(str(in_full(word))):
            project = next(filter(is_project, (top, *top.parents)), None)
            if project is None:
                raise UserError(
                    f"TASK_PACKAGE '{word}' belongs to no project: neither setup.py nor a pyproject.toml that builds "
                    f"is in '{top}' or above; name the folder at each run: make train TASK_PACKAGE={shlex.quote(word)}"
                )
            found.append((project, module))
    return list(dict.fromkeys(found))


def is_project(folder: Path) -> bool:
    """Whether pip can install a folder. The root of Isaac Lab's template has a pyproject.toml for tools only."""
    if (folder / "setup.py").is_file():
        return True
    try:
        text = (folder / "pyproject.toml").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return BUILDS.search(text) is not None and not (folder / "source").is_dir()


def installed() -> list[str]:
    """Modules with tasks that make setup TASK_PACKAGE= has put into this Python, where that is .venv."""
    try:
        lines = (Path(sys.prefix) / "task-packages").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return [line.split("\t")[1] for line in lines if "\t" in line]


def announced(simulator: str) -> dict[str, str]:
    """Modules of the entry points by which installed packages announce tasks, with their names."""
    return {entry.module: entry.name for entry in entry_points(group=GROUPS[simulator])}


# --- importing -----------------------------------------------------------------------------------


def load(packages: Mapping[str, str] | Iterable[str], simulator: str = "isaac") -> None:
    """Import packages, which registers their tasks. The traceback of one that fails goes to the log.

    Of a top package also its sub-package ``tasks``, if it has one: not every one imports it (unitree_rl_lab does not).

    Raises:
        UserError: one of them cannot be imported.
    """
    words = packages if isinstance(packages, Mapping) else {package: package for package in packages}
    for package, word in words.items():
        try:
            module = importlib.import_module(package)
            if "." not in package and hasattr(module, "__path__") and importlib.util.find_spec(f"{package}.tasks"):
                importlib.import_module(f"{package}.tasks")
        except Exception as error:
            traceback.print_exc()
            what = f"{type(error).__name__}: {why(error, package, word, simulator)}"
            # where the line says what to do, nothing is left to be explained
            cause = None if any(hint in what for hint in TOLD) else error
            raise UserError(f"tasks of '{package}' cannot be loaded: {what}") from cause


def load_others(packages: Collection[str], simulator: str) -> list[str]:
    """Import packages that a run may do without; a line for each that cannot be imported.

    None is tried twice: what it has registered before it failed would be the second reason.
    """
    for package in packages:
        try:
            if package not in _failed:
                load([package], simulator)
        except UserError as error:
            _failed[package] = str(error)
    return [_failed[package] for package in packages if package in _failed]


def unknown(task: str, known: Iterable[str], warnings: list[str]) -> str:
    """What to say of a task that is not registered: maybe by a package that could not be imported."""
    reason = "; ".join([f"unknown TASK '{task}'{nearest(task, known)}", *warnings])
    return reason if warnings else f"{reason}; make tasks lists them"


def why(error: BaseException, package: str, word: str, simulator: str) -> str:
    """The first line of an error at an import, and what to do where a module is missing.

    Args:
        error: what was raised.
        package: the module with tasks that was being loaded.
        word: what the user called it.
        simulator: which one runs.
    """
    line = (str(error).strip().splitlines() or [""])[0]
    missing = missing_module(error)
    other = next((name for name, tops in OF_SIMULATOR.items() if tops.fullmatch(_top(missing))), "")
    if isinstance(error, ValueError) and "already registered" in line:
        return f"{line}; an import of it before failed: VERBOSE=1 shows why"
    if missing.startswith(BEFORE_2_0):
        return f"{line}; it is written for Isaac Lab before 2.0, where isaaclab was called omni.isaac.lab"
    if not missing or (f"{package}.".startswith(f"{missing}.") and is_folder(word)):
        return line
    if f"{package}.".startswith(f"{missing}."):
        return f"{line}; give its folder: TASK_PACKAGE=/path/to/{package.rpartition('.')[2]}"
    if other and other != simulator:
        return f"{line}; it is for the other simulator: SIM={other}"
    if other or _is_there(_top(missing)):
        return line
    return f"{line}; install what the project needs: {command(package, word, simulator)}"


def command(package: str, word: str, simulator: str) -> str:
    """The set-up that installs a package's project with its requirements."""
    if _top(package) in OURS:
        return f"make setup SIM={simulator}"
    return f"make setup SIM={simulator} TASK_PACKAGE={shlex.quote(word if is_folder(word) else _folder_of(package))}"


def missing_module(error: BaseException | None) -> str:
    """The name of the module that an error, or the one that led to it, did not find; else nothing."""
    while isinstance(error, ImportError):
        if isinstance(error, ModuleNotFoundError) and error.name:
            return error.name
        error = error.__cause__ or error.__context__
    return ""


def _top(module: str) -> str:
    return module.partition(".")[0]


def _is_there(top: str) -> bool:
    """Whether a package is installed; one of several in a namespace cannot be told from its neighbours."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None


def _folder_of(package: str) -> str:
    """The project that an installed package is imported from, editable."""
    spec = importlib.util.find_spec(_top(package)) if _is_there(_top(package)) else None
    parents = Path(str(spec.origin)).parents if spec else ()
    project = next((folder for folder in parents if is_project(folder)), None)
    return str(project or f"/path/to/{_top(package)}")


def main(words: list[str]) -> int:
    """Print the projects; see the module's text."""
    try:
        for project, module in projects(",".join(words)):
            print(f"{project}\t{module}")
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
