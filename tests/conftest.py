"""What holds for all tests."""

from __future__ import annotations

import os
import signal

# Some tests, and the server that they share, import onnxruntime before the runners do, which switch this off.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# A shell starts its background jobs with SIGINT ignored, and so would be all that a test starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# pip compiles nothing in .venv, so each start of the simulator would compile all of it, which takes as long again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
