"""Faults in a task's own configuration files, in one line. Standard library only."""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from runners.errors import UserError
from runners.simulators import task_packages


@contextlib.contextmanager
def in_one_line(task: str, kind: str, entry: Any, simulator: str, packages: dict[str, str]) -> Iterator[None]:
    """Make one line of whatever the configuration of a task raises; the traceback is for VERBOSE=1.

    Args:
        task: its id.
        kind: which of its configurations.
        entry: what was registered for that: "module:Class", a class, a function, or the configuration itself.
        simulator: which one runs.
        packages: modules of TASK_PACKAGE with the words that named them.

    Raises:
        UserError: with task, configuration, file, line and what was raised.
    """
    try:
        yield
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        module = module_of(entry)
        top = module.partition(".")[0]
        package, word = next((pair for pair in packages.items() if pair[0].partition(".")[0] == top), (top, top))
        reason = text_fault(error) or task_packages.why(error, package, word, simulator)
        what = f"{type(error).__name__}: {reason}".removesuffix(": ")
        where = place(error, module, packages) or repr(entry)
        raise UserError(f"{kind} of task '{task}' cannot be loaded: {where}: {what}") from None


def text_fault(error: BaseException) -> str:
    """What is wrong with a text, Python or YAML, without the place, which :func:`place` names."""
    return str((error.msg if isinstance(error, SyntaxError) else getattr(error, "problem", None)) or "")


def module_of(entry: Any) -> str:
    """The module that a registered configuration comes from."""
    if isinstance(entry, str):
        return entry.partition(":")[0]
    return str(getattr(entry, "__module__", None) or type(entry).__module__)


def place(error: BaseException, module: str, packages: Iterable[str]) -> str:
    """``file:line`` of what raised an error: the innermost in the task's own package, else the module's file."""
    mark = getattr(error, "problem_mark", None)  # of YAML
    if mark is not None:
        return f"{mark.name}:{mark.line + 1}"
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    tops = {name.partition(".")[0] for name in (module, *packages)}
    paths = [path for top in tops for path in getattr(sys.modules.get(top), "__path__", ())]
    folders = [Path(path).resolve() for path in paths]
    own = [frame for frame in frames if any(folder in Path(frame[0]).resolve().parents for folder in folders)]
    if own:
        return "{}:{}".format(*own[-1])
    if not module:
        return "{}:{}".format(*frames[-1])
    return str(getattr(sys.modules.get(module), "__file__", None) or "")
