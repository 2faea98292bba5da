"""Verbs without the ten seconds that importing the simulator takes.

``python warm.py`` imports it once, then forks for every line of JSON on stdin: what a verb does from there on, in a
process of its own with its own output and status, is what `make` starts. For tests of what a runner does; how one is
started, stopped and filmed is tested through make itself.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from real_make import ROOT, clean_environment

HEAVY = (
    "mjlab.tasks", "rsl_rl.runners", "torch.utils.tensorboard", "matplotlib.pyplot",
    "runners.learners.rsl_rl.learner",
)  # fmt: skip

Completed = subprocess.CompletedProcess[str]


class Server:
    """The process that forks."""

    def __init__(self) -> None:
        env = {**clean_environment(), "PYTHONPATH": f"{ROOT}:{Path(__file__).parent}", "MUJOCO_GL": "disable"}
        self._process = subprocess.Popen(
            [sys.executable, __file__], cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, module: str, flags: list[str], env: dict[str, str], folder: Path) -> Completed:
        """Run ``python -m runners.<module>`` with these flags; its output goes through files in ``folder``."""
        streams = [folder / "stdout", folder / "stderr"]
        request = {"module": module, "flags": flags, "env": env, "streams": [str(path) for path in streams]}
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        return subprocess.CompletedProcess(flags, status, *(path.read_text() for path in streams))

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


@dataclass
class Warm:
    """Called as ``Make`` is, with the runs in the same folder."""

    server: Server
    log_root: Path
    folder: Path

    def __call__(self, verb: str, *variables: str, env: dict[str, str] | None = None) -> Completed:
        words = [variable.partition("=") for variable in (*variables, f"LOG_ROOT={self.log_root}")]
        flags = [f"--{name.lower().replace('_', '-')}={value}" for name, _, value in words]
        return self.server.run(verb, flags, env or {}, self.folder)


def carry_out(request: dict[str, Any]) -> int:
    """In the fork: the verb, from its command line to its status."""
    os.environ.update(request["env"])
    for number, path in enumerate(request["streams"], start=1):
        stream = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(stream, number)
    module = importlib.import_module(f"runners.{request['module']}")
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", closefd=False)
    from runners import verb

    return verb.run(request["module"], getattr(module, request["module"]), request["flags"])


def serve() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the simulator prints on import is no answer
    for name in HEAVY:
        importlib.import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                status = carry_out(json.loads(line))
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


if __name__ == "__main__":
    serve()
