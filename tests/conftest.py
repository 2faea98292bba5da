"""What holds for all tests."""

from __future__ import annotations

import os
import signal
from pathlib import PurePath
from typing import Any

import pytest

# Some tests, and the server that they share, import onnxruntime before the runners do, which switch this off.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# A shell starts its background jobs with SIGINT ignored, and so would be all that a test starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# pip compiles nothing in .venv, so each start of the simulator would compile all of it, which takes as long again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# As many threads as cores in each of several processes: where tests run side by side, training takes 2.6 times the CPU.
os.environ.setdefault("OMP_NUM_THREADS", "1")

WARM = (
    *("test_convert.py", "test_endings.py", "test_export.py", "test_foreign_runs.py", "test_play.py"),
    *("test_tensorboard.py", "test_train.py"),
)
TOGETHER = {
    **dict.fromkeys(("test_bhl_task.py", "test_bhl_terms.py", "test_bhl_stepping.py"), "both robots' environments"),
    **dict.fromkeys(WARM, "the warm server and the trained run"),
}
"""Files that one process takes, because each further one would make anew what they share."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return TOGETHER.get(PurePath(file).name, file)

    return Scheduling(config, log)
