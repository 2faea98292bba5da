"""What holds for all tests."""

from __future__ import annotations

import os
import signal

# A shell starts its background jobs with SIGINT ignored, and so would be all that a test starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# pip compiles nothing in .venv, so each start of the simulator would compile all of it, which takes as long again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
