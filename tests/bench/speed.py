"""Steps per second and start-up of `make train` against mjlab's own train script, in turn in one run.

    nox -s bench -- [--pairs 3] [--iterations 30] [--device cpu|cuda] [--only cartpole|g1]

Rates are taken from the times at which TensorBoard events were written: from the second iteration to
the last, so kernel compilation is left out and everything that an iteration costs is in. Ends with 1
if the median ratio of a task is below 0.98.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TAG = "Perf/total_fps"
LEAST = 0.98


@dataclass(frozen=True)
class Case:
    """One task at one size."""

    task: str
    num_envs: int
    steps: int
    """Steps per environment and iteration, mjlab's own figure."""


@dataclass(frozen=True)
class Measured:
    """What one run came to."""

    rate: float
    """Steps per second."""
    start: float
    """Seconds from the command to the end of the first iteration."""


def cases(device: str, only: str | None) -> dict[str, Case]:
    """The two tasks at the size that suits the device."""
    g1_envs = 16 if device == "cpu" else 4096
    both = {
        "cartpole": Case("Mjlab-Cartpole-Balance", 64, 32),
        "g1": Case("Mjlab-Velocity-Flat-Unitree-G1", g1_envs, 24),
    }
    return {name: case for name, case in both.items() if only in (None, name)}


def ours(case: Case, iterations: int, device: str, folder: Path) -> list[str]:
    """`make train`; without a .venv (packages come from elsewhere) its runner."""
    values = {
        "TASK": case.task, "NUM_ENVS": case.num_envs, "ITERATIONS": iterations,
        "DEVICE": device, "SEED": 42, "LOG_ROOT": folder,
    }  # fmt: skip
    if (ROOT / ".venv").is_dir():
        return ["make", "train", *(f"{key}={value}" for key, value in values.items())]
    flags = [f"--{key.lower().replace('_', '-')}={value}" for key, value in values.items()]
    return [sys.executable, "-m", "runners.train", *flags]


def theirs(case: Case, iterations: int, folder: Path) -> list[str]:
    """mjlab's train script."""
    return [
        sys.executable, "-m", "mjlab.scripts.train", case.task,
        "--env.scene.num-envs", str(case.num_envs), "--agent.max-iterations", str(iterations),
        "--agent.logger", "tensorboard", "--agent.seed", "42", "--log-root", str(folder),
    ]  # fmt: skip


def measure(command: list[str], case: Case, device: str, folder: Path) -> Measured:
    """Run a command and read its times from the events it wrote."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    env = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    env["WARP_CACHE_PATH"] = str(ROOT / ".cache" / "warp")
    env.setdefault("MUJOCO_GL", "disable")
    if device == "cpu":
        env["CUDA_VISIBLE_DEVICES"] = ""
    began = time.time()
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"bench: '{' '.join(command)}' failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    (events_file,) = folder.rglob("events.out.tfevents.*")
    events = EventAccumulator(str(events_file), size_guidance={"scalars": 0})
    events.Reload()
    times = [event.wall_time for event in events.Scalars(TAG)]
    steps = (len(times) - 2) * case.steps * case.num_envs
    return Measured(steps / (times[-1] - times[1]), times[0] - began)


def compare(name: str, case: Case, pairs: int, iterations: int, device: str) -> float:
    """Measure pairs, the order changing from pair to pair, and return the median ratio."""
    print(f"{name}: {case.task}, {case.num_envs} environments, {iterations} iterations, {device}", flush=True)
    print("  pair   ours steps/s   mjlab steps/s   ratio   ours start s   mjlab start s")
    ratios = []
    for pair in range(pairs + 1):
        results = {}
        for who in ("ours", "mjlab") if pair % 2 else ("mjlab", "ours"):
            with tempfile.TemporaryDirectory() as text:
                folder = Path(text)
                count = iterations if pair else 3
                command = ours(case, count, device, folder) if who == "ours" else theirs(case, count, folder)
                results[who] = measure(command, case, device, folder)
        if not pair:  # warms the kernel cache for both
            continue
        mine, other = results["ours"], results["mjlab"]
        ratios.append(mine.rate / other.rate)
        print(
            f"  {pair:4}   {mine.rate:12,.0f}   {other.rate:13,.0f}   {ratios[-1]:5.3f}"
            f"   {mine.start:12.1f}   {other.start:13.1f}",
            flush=True,
        )
    return statistics.median(ratios)


def main() -> int:
    """See the module's text."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=30)
    parser.add_argument("--device", choices=("cpu", "cuda"))
    parser.add_argument("--only", choices=("cartpole", "g1"))
    args = parser.parse_args()
    if args.device is None:
        import torch

        args.device = "cuda" if torch.cuda.is_available() else "cpu"
    worst = 2.0
    for name, case in cases(args.device, args.only).items():
        median = compare(name, case, args.pairs, args.iterations, args.device)
        print(f"  median ratio {median:.3f} (at least {LEAST})")
        worst = min(worst, median)
    return 0 if worst >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
