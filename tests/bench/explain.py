"""CPU seconds and peak memory of `make explain` on large logs, each in a process of its own.

    python tests/bench/explain.py [--megabytes 200] [--python PATH] [--only clean]

The logs are made up, from a fixed seed: a training run of rsl_rl on Isaac Sim, and inputs that are meant to be slow.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MEGABYTE = 1 << 20
CHILD = """
import resource, sys, time
sys.path.insert(0, sys.argv[1])
import catalogue, explain
began = time.process_time()
_, lines = explain.explain(sys.argv[2], catalogue.read(), lambda: "")
seconds = time.process_time() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{seconds:7.1f} s   {peak:5.0f} MB   {lines[0]}")
"""
TERMS = ("track_lin_vel_xy_exp", "ang_vel_xy_l2", "dof_torques_l2", "feet_air_time", "flat_orientation_l2")
FAILURE = b"""Traceback (most recent call last):
  File "/home/user/IsaacLab/scripts/reinforcement_learning/rsl_rl/train.py", line 211, in main
    runner.learn(num_learning_iterations=agent_cfg.max_iterations, init_at_random_ep_len=True)
RuntimeError: normal expects all elements of std >= 0.0, but found a negative one
"""
ALMOST = (
    "ModuleNotFoundError: No module named 'isaac",
    "KeyError: 'num_steps_per_envs'",
    "[Error] [omni.physx.plugin] PhysX error: please increase its size to at least",
    "Could not open asset @",
    "libgomplibgomplibgomp: cannot open shared object file",
    "Loading experience file: ",
    "Traceback (most recent call last):",
)


def iteration(number: int, rng: random.Random) -> str:
    """The table that rsl_rl prints after an iteration, and what Isaac Sim says meanwhile."""
    rewards = "".join(f"{f'Episode_Reward/{term}:':>50} {rng.uniform(-1, 1):.4f}\n" for term in TERMS)
    return (
        f"{'#' * 80}\n\x1b[1m{f' Learning iteration {number}/90000 ':^80}\x1b[0m\n\n"
        f"{'Computation:':>30} {rng.randint(10000, 99999)} steps/s (collection: {rng.random():.3f}s)\n"
        f"{'Mean action noise std:':>30} {rng.random():.2f}\n{'Mean value_function loss:':>30} {rng.random():.4f}\n"
        f"{'Mean reward:':>30} {rng.uniform(0, 30):.2f}\n{'Mean episode length:':>30} {rng.uniform(0, 1000):.2f}\n"
        f"{rewards}{'Metrics/base_velocity/error_vel_xy:':>50} {rng.random():.4f}\n"
        f"2026-01-01T10:{number % 60:02}:00Z [{number:,}ms] [Warning] [omni.physx.plugin] PhysX warning: no"
        f" mass for /World/envs/env_{number % 4096}/Robot/base\n{'-' * 80}\n{'Total timesteps:':>30} {number * 98304}\n"
        f"{'Iteration time:':>30} {rng.random():.2f}s\n{'ETA:':>30} {rng.uniform(0, 9999):.1f}s\n\n"
    )


def training(rng: random.Random) -> Iterator[bytes]:
    """A log without end."""
    number = 0
    while True:
        yield "".join(iteration(number + step, rng) for step in range(100)).encode()
        number += 100


def failing(rng: random.Random, size: int) -> Iterator[bytes]:
    """A log whose last lines name a failure."""
    yield from _up_to(size - len(FAILURE), training(rng))
    yield FAILURE


def junk(rng: random.Random) -> Iterator[bytes]:
    """Bytes of all values but the end of a line."""
    while True:
        yield rng.randbytes(MEGABYTE).translate(None, b"\r\n")


def prose(rng: random.Random) -> Iterator[bytes]:
    """Lines of which no two are alike."""
    letters = b"abcdefghijklmnopqrstuvwxyz      \n"
    table = bytes(letters[index % len(letters)] for index in range(256))
    while True:
        yield rng.randbytes(MEGABYTE).translate(table)


def almost(rng: random.Random) -> Iterator[bytes]:
    """Lines that look like failures, and are none."""
    while True:
        yield "".join(f"{rng.choice(ALMOST)} {rng.random()}\n" for _ in range(10000)).encode()


def endless(rng: random.Random) -> Iterator[bytes]:
    """One line of almost-failures."""
    while True:
        yield "".join(rng.choice(ALMOST) for _ in range(10000)).encode()


def _up_to(size: int, parts: Iterator[bytes]) -> Iterator[bytes]:
    while size > 0:
        part = next(parts)[:size]
        size -= len(part)
        yield part


def logs(size: int) -> dict[str, Callable[[random.Random], Iterator[bytes]]]:
    """What makes each log."""
    whole = {"clean": training, "binary junk": junk, "prose": prose, "almost": almost, "one line": endless}
    cut = {name: lambda rng, make=make: _up_to(size, make(rng)) for name, make in whole.items()}
    return {"clean": cut.pop("clean"), "failure at the end": lambda rng: failing(rng, size), **cut}


def main() -> int:
    """See the module's text."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--only")
    args = parser.parse_args()
    scripts = ROOT / "scripts" / "doctor"
    for name, make in logs(args.megabytes * MEGABYTE).items():
        if args.only not in (None, name):
            continue
        with tempfile.NamedTemporaryFile(suffix=".log") as log:
            log.writelines(make(random.Random(1)))
            log.flush()
            done = subprocess.run(
                [args.python, "-c", CHILD, str(scripts), log.name],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
        print(f"{name:20} {done.stdout.strip() or done.stderr[-2000:]}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
