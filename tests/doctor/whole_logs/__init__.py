"""Whole logs of runs and installs that failed, or seemed to, and what `make explain` must say of each."""

from __future__ import annotations

from .assets import ASSETS
from .checkpoints import CHECKPOINTS
from .display import DISPLAY
from .endings import ENDS
from .generations import GENERATIONS
from .gpu import GPU
from .installs import INSTALLS
from .interpreters import PYTHON
from .log import WholeLog
from .machine import MACHINE
from .nan import NAN
from .versions import RESIDUE

__all__ = ["LOGS", "WholeLog"]

LOGS: tuple[WholeLog, ...] = (
    *INSTALLS,
    *MACHINE,
    *PYTHON,
    *RESIDUE,
    *GENERATIONS,
    *DISPLAY,
    *GPU,
    *NAN,
    *CHECKPOINTS,
    *ASSETS,
    *ENDS,
)
