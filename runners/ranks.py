"""Training on several GPUs: a process for each, started by torch.distributed.run.

Every process has its own environments, and rsl_rl (from 2.3.0 on) averages their gradients. Rank 0 alone speaks,
writes the run directory and the status. Standard library only, but for what starts the processes.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners import hardware, options, run_dir, simulators
from runners.errors import UserError
from runners.run_dir import RunDir

if TYPE_CHECKING:
    from runners.interrupts import Interrupts
    from runners.options import Options

FAILED = "RUNNER_FAILED"
"""Variable that names the file in which a rank says why it failed."""
RUN = "RUNNER_RUN"
"""Variable that names the file in which rank 0 says which run directory is its."""
FLAGS = "RUNNER_FLAGS"
"""Variable with the verb's flags: torch.distributed.run would take some for its own, such as --run."""
FIRST_RELEASE = "2.3.0"


def count() -> int:
    """Number of processes of this training."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """This process's number, which is its GPU's among those that are used."""
    return int(os.environ.get("RANK", "0"))


def check() -> None:
    """Refuse a WORLD_SIZE that somebody else has left: rsl_rl would wait for processes that do not exist.

    Raises:
        UserError: it is set, and not by GPUS.
    """
    if count() > 1 and FAILED not in os.environ:
        raise UserError("WORLD_SIZE is set, and not by GPUS; unset WORLD_SIZE, or give GPUS")


def graphics_gpu(device: str) -> int | None:
    """The number of this process's GPU among all of the machine, where CUDA counts others; None where it is the same.

    CUDA_VISIBLE_DEVICES renumbers GPUs for CUDA and not for graphics, which is why AppLauncher of 2.3.2 renders on
    the wrong one (https://github.com/isaac-sim/IsaacLab/pull/7057). The numbers are those of the bus, with
    CUDA_DEVICE_ORDER=PCI_BUS_ID, which scripts/isaac.sh sets.

    Args:
        device: "cpu", "cuda" or "cuda:N", as CUDA counts; of several processes each has the GPU of its rank.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    if not visible or os.environ.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID":
        return None
    number = re.fullmatch(r"cuda:(\d+)", device)
    index = rank() if count() > 1 else int(number[1]) if number else 0
    names = [name.strip() for name in visible.split(",")]
    if index >= len(names):
        return None
    return int(names[index]) if names[index].isdigit() else _number_of(names[index])


def _number_of(uuid: str) -> int | None:
    """The number of the GPU whose UUID begins so; None where nvidia-smi knows none."""
    command = ["nvidia-smi", "--query-gpu=index,uuid", "--format=csv,noheader"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = [line.split(", ") for line in said.splitlines() if line.count(", ") == 1]
    numbers = [int(index) for index, name in found if name.startswith(uuid) and index.isdigit()]
    return numbers[0] if len(numbers) == 1 else None


def flags() -> list[str]:
    """The verb's flags in this process."""
    given: list[str] = json.loads(os.environ[FLAGS]) if FLAGS in os.environ else sys.argv[1:]
    return given


def report_failure(reason: str) -> None:
    """Say why this process fails: torch.distributed.run ends the others, and rank 0 would only see a SIGTERM."""
    if FAILED in os.environ and rank() > 0:
        Path(os.environ[FAILED]).write_text(f"GPU {rank()}: {reason}\n", encoding="utf-8")


def report_run(run: RunDir) -> None:
    """Say which run directory is this training's, for where rank 0 cannot complete it."""
    if RUN in os.environ:
        Path(os.environ[RUN]).write_text(str(run.path.resolve()), encoding="utf-8")


def failure() -> str | None:
    """Why another process has failed; None if none has."""
    if FAILED not in os.environ:
        return None
    return Path(os.environ[FAILED]).read_text(encoding="utf-8").strip() or None


def agree_to_stop(interrupts: Interrupts, steps: int, device: str) -> Callable[[], None]:
    """What to call before each step of the environment, so that a signal ends all processes at the same one.

    One that left alone would leave the others waiting for its gradients for ever.

    Args:
        interrupts: of this process.
        steps: of one iteration; at its first the processes ask each other.
        device: this process's GPU.
    """
    import torch

    taken = 0

    def before_step() -> None:
        nonlocal taken
        if taken % steps == 0 and torch.distributed.is_initialized():
            stop = torch.tensor([interrupts.pending or 0], device=device)
            torch.distributed.all_reduce(stop, op=torch.distributed.ReduceOp.MAX)
            interrupts.stop_for(int(stop))
        taken += 1

    return before_step


def start(argv: Sequence[str], parsed: Options) -> int:
    """Run the verb train with a process for each GPU of ``GPUS=``, and return the status of rank 0.

    Raises:
        UserError: the installed rsl_rl knows one GPU only, there are not as many, or a process was killed.
    """
    assert parsed.gpus is not None
    check_release(len(parsed.gpus))
    visible = visible_gpus()
    missing = [number for number in parsed.gpus if number >= len(visible)]
    if missing:
        raise UserError(f"GPUS names GPU {missing[0]} and there are {len(visible)} here, counted from 0")
    used = [visible[number] for number in parsed.gpus]
    # before any process takes memory, or each would come to a number of its own
    if parsed.num_envs is None and not parsed.resume and "env.scene.num_envs" not in (parsed.args or ""):
        number, why = hardware.num_envs_for_all(simulators.choose(parsed.sim)[0], used)
        print(f"train: NUM_ENVS={number} on each GPU, for {why}", flush=True)
        argv = [*argv, f"--num-envs={number}"]
    with tempfile.TemporaryDirectory() as folder:
        status = Path(folder, "status")
        values = {"RUNNER_STATUS": str(status), FAILED: f"{folder}/failed", RUN: f"{folder}/run"}
        values |= {FLAGS: json.dumps(argv), "CUDA_VISIBLE_DEVICES": ",".join(used)}
        values["OMP_NUM_THREADS"] = str(max(1, hardware.cores() // len(used)))
        for name in (FAILED, RUN):
            Path(values[name]).touch()
        with environment(values):
            run_processes(len(used))
            settle(Path(values[RUN]).read_text(encoding="utf-8"))
            said = status.read_text(encoding="utf-8").strip() if status.is_file() else ""
            if not said and not failure():
                raise UserError(f"one of {len(used)} processes was killed; its last words, if any, are above")
            return 1 if failure() else int(said)


@contextlib.contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Set variables for the processes that are started within."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def settle(path: str) -> None:
    """Record that a run has failed where rank 0 was killed: it waited for the gradients of a process that was gone."""
    run = RunDir(Path(path))
    if path and (data := run.manifest()).get("status") == run_dir.RUNNING:
        reason = failure() or "one of the processes was killed"
        run.write_manifest({**data, "status": run_dir.FAILED, "reason": reason, "process": None})


def check_release(number: int) -> None:
    """Refuse a release of rsl_rl that would train a policy of its own on each GPU."""
    from runners.learners.rsl_rl import release

    installed = release.installed()
    if not installed.since(FIRST_RELEASE):
        raise UserError(
            f"GPUS wants {number} GPUs and {installed} uses one; leave GPUS out, or install a release from "
            f"{FIRST_RELEASE} on: make setup RSL_RL=3.1.2"
        )


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return [word.strip() for word in given.split(",") if word.strip()]
    import pynvml

    try:
        pynvml.nvmlInit()
        return [str(number) for number in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError as error:
        raise UserError(f"GPUS needs NVIDIA GPUs and none answers ({error}); leave GPUS out") from None


def run_processes(number: int) -> None:
    """Start the processes and wait for them; what they come to is in their files."""
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    logging.disable(logging.CRITICAL)  # it tells at length what the ranks have said in one line
    words = ["--standalone", "--nnodes=1", f"--nproc_per_node={number}", "--max_restarts=0"]
    with contextlib.suppress(ChildFailedError, SignalException):
        run.main([*words, "--module", "runners.train"])


def wanted(argv: Sequence[str]) -> Any:
    """The options, where they name several GPUs and this process is to start the others; else None."""
    if count() > 1 or not any(word.startswith("--gpus=") for word in argv):
        return None
    try:
        parsed = options.parse("train", argv)
    except UserError:
        return None  # the verb itself says so
    return parsed if parsed.gpus and len(parsed.gpus) > 1 else None


def main(argv: Sequence[str], parsed: Options) -> int:
    """:func:`start`, with one line for an error, and for Ctrl-C before there is a process to pass it on to."""
    try:
        return start(argv, parsed)
    except UserError as error:
        print(f"train: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        print("train: stopped by Ctrl-C", file=sys.stderr)
        return 130
