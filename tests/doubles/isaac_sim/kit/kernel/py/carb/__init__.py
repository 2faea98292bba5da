"""Stand-in of carb, whose compiled part only loads in Isaac Sim's own Python.

Of its modules only this one is there before the app runs. It logs from C: what it says does not pass sys.stdout.
"""

import os

from carb import _carb  # noqa: F401


def log_info(message):
    """Below the level that Kit prints."""


def log_warn(message):
    os.write(1, f"[Warning] {message}\n".encode())


def log_error(message):
    os.write(2, f"[Error] {message}\n".encode())
