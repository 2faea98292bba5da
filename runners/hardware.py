"""What this machine has, and how many environments it takes."""

from __future__ import annotations

import os
import platform
import resource
import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from runners.errors import UserError

GIB = 1 << 30
ROOT = Path(__file__).resolve().parent.parent
MEMORY_RESERVE = GIB // 2


def cores() -> int:
    """CPU cores that this process may use: affinity and the container's quota."""
    usable = len(os.sched_getaffinity(0))
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(usable, int(quota) // int(period)))
    except (OSError, ValueError):  # no cgroup v2, or no quota ("max")
        return usable


def free_memory() -> int:
    """Bytes that new allocations on the CPU can have: the machine's and the container's limit."""
    fields = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    free = int(fields["MemAvailable"].split()[0]) * 1024
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
        return min(free, limit - used)
    except (OSError, ValueError):
        return free


def limit_memory() -> None:
    """Let allocations beyond the free memory fail with an error instead of calling the OOM killer."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    in_use = int(status["VmData"].split()[0]) * 1024
    soft = in_use + max(free_memory() - MEMORY_RESERVE, MEMORY_RESERVE)
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def out_of_memory(error: BaseException, num_envs: int, device: str) -> str | None:
    """Say it in the user's words if ``error`` means that the environments do not fit."""
    signs = ("out of memory", "allocate", "bad_alloc", "not enough memory")
    if isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in signs):
        where = "memory" if device == "cpu" else f"the memory of {device}"
        return f"NUM_ENVS '{num_envs}' does not fit into {where}; try half: NUM_ENVS={max(1, num_envs // 2)}"
    return None


def tiers() -> dict[str, Any]:
    """The tables of ``env/tiers.toml``."""
    with open(ROOT / "env" / "tiers.toml", "rb") as stream:
        tables: dict[str, Any] = tomllib.load(stream)
    return tables


def auto_num_envs(simulator: str, device: str) -> tuple[int, str]:
    """Return the number of environments for this machine and the reason, for the user.

    Raises:
        UserError: the GPU has less free memory than the lowest tier asks for.
    """
    if device == "cpu":
        have = cores()
        return tier(tiers()[simulator]["cpu"], have, f"{have} CPU core{'s' if have > 1 else ''}")
    import torch

    free = torch.cuda.mem_get_info(device)[0] / GIB
    return tier(tiers()[simulator]["cuda"], free, f"{free:.1f} GiB of free GPU memory")


def num_envs_for_all(simulator: str, gpus: list[str]) -> tuple[int, str]:
    """The same for GPUs that are used together, as CUDA_VISIBLE_DEVICES names them: what fits on each.

    Raises:
        UserError: one has less free memory than the lowest tier asks for, or does not answer.
    """
    import pynvml

    try:
        pynvml.nvmlInit()
        handles = [
            pynvml.nvmlDeviceGetHandleByIndex(int(name)) if name.isdigit() else pynvml.nvmlDeviceGetHandleByUUID(name)
            for name in gpus
        ]
        free = min(pynvml.nvmlDeviceGetMemoryInfo(handle).free for handle in handles) / GIB
    except pynvml.NVMLError as error:
        names = ",".join(gpus)
        raise UserError(
            f"GPU '{names}' cannot be asked for its memory ({error}); name a number: NUM_ENVS=1024"
        ) from None
    return tier(tiers()[simulator]["cuda"], free, f"{free:.1f} GiB of free memory on the fullest GPU")


def tier(table: dict[str, int], have: float, what: str) -> tuple[int, str]:
    """The largest number in a table of ``env/tiers.toml`` whose need is met, and what meets it."""
    fitting = [int(envs) for least, envs in table.items() if int(least) <= have]
    if not fitting:
        raise UserError(f"{what} is below the lowest tier of env/tiers.toml; name a number, for instance: NUM_ENVS=64")
    return max(fitting), what


def cuda_device(wanted: str, without: str) -> str:
    """``auto`` or ``cuda[:N]`` -> ``cuda:N``.

    Args:
        wanted: what DEVICE says.
        without: what to say where there is no GPU.

    Raises:
        UserError: there is none, or not that many.
    """
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    index = int(wanted.partition(":")[2] or 0)
    if not count:
        raise UserError(f"DEVICE '{wanted}' cannot be used: {without}")
    if index >= count:
        raise UserError(f"DEVICE '{wanted}' cannot be used: there are {count} GPUs, cuda:0 to cuda:{count - 1}")
    return f"cuda:{index}"


def describe(device: str) -> dict[str, Any]:
    """Machine and GPU, for the manifest."""
    found: dict[str, Any] = {"machine": platform.machine(), "system": platform.platform(), "cores": cores()}
    found["memory_gib"] = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIB, 1)
    cpu = [
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    found["cpu"] = cpu[0] if cpu else platform.processor()
    if device.startswith("cuda"):
        import torch

        found["gpu"] = torch.cuda.get_device_name(device)
        found["gpu_memory_gib"] = round(torch.cuda.get_device_properties(device).total_memory / GIB, 1)
        found["cuda"] = torch.version.cuda
        found["driver"] = _driver()
    return found


def _driver() -> str | None:
    import pynvml

    try:
        pynvml.nvmlInit()
        return str(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        return None


def gpu_memory(device: str) -> str | None:
    """Used and total memory of the GPU, for the progress line; None on a CPU."""
    if device == "cpu":
        return None
    import torch

    free, total = torch.cuda.mem_get_info(device)
    return f"GPU {(total - free) / GIB:.1f}/{total / GIB:.0f} GiB"
