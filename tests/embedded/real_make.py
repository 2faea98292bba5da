"""What the end-to-end tests share: the real make on the real simulator, with tiny numbers."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("NUM_ENVS=8", "ARGS=agent.save_interval=1 agent.num_steps_per_env=8 env.episode_length_s=2.0")
"""Episodes of 40 steps, iterations of 8."""
EMBEDDED = ["SIM=mujoco"] if (ROOT / ".isaac").exists() else []
"""On a workstation the default is the other simulator."""


def clean_environment() -> dict[str, str]:
    """An outer make's variables would reach the inner one."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS", "GIVEN"))}


@dataclass
class Make:
    """`make VERB …` in this checkout, with runs in a folder of the test's own."""

    log_root: Path

    def command(self, verb: str, *variables: str) -> list[str]:
        simulator = EMBEDDED if verb in ("train", "play") else []
        return ["make", "--no-print-directory", verb, *simulator, *variables, f"LOG_ROOT={self.log_root}"]

    def __call__(self, verb: str, *variables: str, **kwargs: Any) -> subprocess.CompletedProcess[str]:
        env = {**clean_environment(), **kwargs.pop("env", {})}
        return subprocess.run(
            self.command(verb, *variables), cwd=ROOT, env=env, capture_output=True, text=True, check=False, **kwargs
        )

    def runs(self) -> list[Path]:
        return sorted(path.parent for path in self.log_root.glob("*/*/run.json"))

    def last(self) -> Path:
        return self.runs()[-1]


def manifest(run: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((run / "run.json").read_text())
    return data


def wait_until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def read_video(path: Path) -> Any:
    """All frames of a 640 x 480 video. Shape: (frames, 480, 640, 3), uint8."""
    import imageio_ffmpeg
    import numpy as np

    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        "-i",
        str(path),
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-",
    ]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.uint8).reshape(
        -1, 480, 640, 3
    )
