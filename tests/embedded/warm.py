"""Verbs without the start of make and of the simulator; see tests/warm_server.py.

For tests of what a runner does; how one is started, stopped and filmed is tested through make itself.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warm_server import Running, Server


@dataclass
class Warm:
    """Called as ``Make`` is, with the runs in the same folder."""

    server: Server
    log_root: Path
    folder: Path

    def start(self, verb: str, *variables: str, **more: Any) -> Running:
        words = [variable.partition("=") for variable in (*variables, f"LOG_ROOT={self.log_root}")]
        flags = [f"--{name.lower().replace('_', '-')}={value}" for name, _, value in words]
        return self.server.start(verb, flags, self.folder, **more)

    def __call__(self, verb: str, *variables: str, **more: Any) -> subprocess.CompletedProcess[str]:
        return self.start(verb, *variables, **more).wait()
