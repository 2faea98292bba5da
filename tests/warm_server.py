"""Processes without the ten to thirty seconds that importing the simulator takes.

``python warm_server.py`` imports it once, all but rsl_rl, then forks for every line of JSON on stdin: a process of
its own with its own variables, output and status, and with the rsl_rl that it is given.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MATRIX = ROOT / "tests" / "matrix"
HEAVY = (
    "torch", "tensordict", "mujoco_warp", "wandb", "mjlab.envs", "mjlab.scene", "mjlab.sim", "mjlab.viewer",
    "onnxruntime", "onnxscript", "torch.onnx", "torch.utils.tensorboard", "matplotlib.pyplot",
)  # fmt: skip


@dataclass
class Running:
    """A fork at its work."""

    server: Server
    pid: int
    streams: tuple[Path, Path]

    def wait(self, seconds: float = 240.0) -> subprocess.CompletedProcess[str]:
        """Its status, negative after a signal as in ``subprocess``, and what it said. Kills it if it takes longer."""
        status = self.server.answer(seconds)
        if status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.server.answer(seconds)
        self.server.running = None
        said = [path.read_text() for path in self.streams]
        assert status is not None, f"it has not ended after {seconds} s: {said}"
        return subprocess.CompletedProcess([], status, *said)


class Server:
    """The process that forks, for one at a time."""

    def __init__(self, env: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], cwd=ROOT, env={**env, "PYTHONPATH": str(ROOT)}, bufsize=0,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.running: Running | None = None

    def start(self, module: str, flags: list[str], folder: Path, **more: Any) -> Running:
        """Start ``python -m runners.<module>``, or cell.py, with these flags; its output goes to files in ``folder``.

        Also ``env``: variables; ``path``: what goes before all else on ``sys.path``; ``memory``: a limit in bytes.
        """
        self.end()
        streams = folder / "stdout", folder / "stderr"
        request = {"module": module, "flags": flags, "streams": [str(path) for path in streams], **more}
        assert self._process.stdin is not None
        self._process.stdin.write((json.dumps(request) + "\n").encode())
        pid = self.answer(240)
        assert pid is not None, "no simulator after 240 s"
        self.running = Running(self, pid, streams)
        return self.running

    def answer(self, seconds: float) -> int | None:
        """The next number that it says, if it comes in time."""
        pipe = self._process.stdout
        assert pipe is not None
        return int(pipe.readline()) if select.select([pipe], [], [], seconds)[0] else None

    def end(self) -> None:
        """End what a test that failed has left."""
        if self.running is not None:
            os.kill(self.running.pid, signal.SIGKILL)
            self.running.wait()

    def close(self) -> None:
        """End all of it."""
        self.end()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


def redirect(*streams: str | Path) -> None:
    """Let stdout and stderr be files."""
    for number, path in enumerate(streams, start=1):
        stream = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
        os.dup2(stream, number)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", closefd=False)


def carry_out(request: dict[str, Any]) -> int:
    """In the fork: the verb, from its command line to its status."""
    os.environ.update(request.get("env", {}))
    sys.path[:0] = request.get("path", [])
    redirect(*request["streams"])
    if "memory" in request:
        resource.setrlimit(resource.RLIMIT_DATA, (request["memory"], request["memory"]))
    if request["module"] == "cell":
        sys.path.insert(0, str(MATRIX))
        import cell

        return cell.main(request["flags"])
    module = importlib.import_module(f"runners.{request['module']}")
    from runners import verb

    return verb.run(request["module"], getattr(module, request["module"]), request["flags"])


def serve() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the simulator prints on import is no answer
    for name in HEAVY:
        importlib.import_module(name)
    assert not [name for name in sys.modules if name.partition(".")[0] in ("rsl_rl", "runners")]
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
        print(child, file=answers, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


if __name__ == "__main__":
    serve()
    os._exit(0)  # nothing is left to be torn down
