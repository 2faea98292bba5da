"""What holds for all tests."""

from __future__ import annotations

import signal

# A shell starts its background jobs with SIGINT ignored, and so would be all that a test starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)
