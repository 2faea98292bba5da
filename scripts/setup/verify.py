"""Checks the packages of an environment: usage: python verify.py NAME==VERSION ...

The dependencies fit together (pip check), the named packages have their version, torch loads.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version


def found(name: str) -> str:
    """The installed version without its local part, or what to say instead."""
    try:
        return version(name).partition("+")[0]
    except PackageNotFoundError:
        return "not installed"


def main(pins: list[str]) -> int:
    """Print what is wrong; the exit status says whether something is."""
    status = subprocess.run([sys.executable, "-m", "pip", "check"], check=False).returncode
    for name, _, wanted in (pin.partition("==") for pin in pins):
        if found(name) != wanted:
            print(f"{name} {wanted} is wanted: {found(name)}")
            status = 1
    import torch

    print("torch", torch.__version__, "CUDA", torch.version.cuda)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
