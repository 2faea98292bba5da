"""What the machine has: tiers, memory limit, words for a failure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runners import hardware
from runners.errors import UserError

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("kind", ["cuda", "cpu"])
def test_more_memory_or_cores_never_mean_fewer_environments(kind: str) -> None:
    table = hardware.tiers()["mujoco"][kind]
    needs = [int(key) for key in table]
    assert needs == sorted(needs) and list(table.values()) == sorted(table.values())
    assert all(isinstance(value, int) and value > 0 for value in table.values())


@pytest.mark.parametrize(("cores", "envs"), [(1, 128), (2, 256), (7, 256), (8, 512), (200, 512)])
def test_the_largest_tier_that_fits(monkeypatch: pytest.MonkeyPatch, cores: int, envs: int) -> None:
    monkeypatch.setattr(hardware, "cores", lambda: cores)
    assert hardware.auto_num_envs("mujoco", "cpu")[0] == envs


def test_a_gpu_below_the_lowest_tier(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (hardware.GIB, 8 * hardware.GIB))
    with pytest.raises(UserError, match=r"1.0 GiB of free GPU memory is below the lowest tier.*NUM_ENVS=64"):
        hardware.auto_num_envs("mujoco", "cuda:0")


def test_allocations_beyond_the_free_memory_fail_instead_of_killing() -> None:
    code = """
from runners import hardware
hardware.free_memory = lambda: 2 * hardware.GIB
hardware.limit_memory()
fitting = bytearray(hardware.GIB)
try:
    bytearray(2 * hardware.GIB)
except MemoryError:
    print("refused")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("Failed to allocate 123 bytes on device 'cuda:0'"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
    ],
)
def test_out_of_memory_is_told_as_too_many_environments(error: Exception) -> None:
    assert "NUM_ENVS '64' does not fit" in str(hardware.out_of_memory(error, 64, "cuda:0"))


def test_other_errors_are_not_about_memory() -> None:
    assert hardware.out_of_memory(ValueError("no such activation"), 64, "cpu") is None


def test_this_machine_can_be_described() -> None:
    found = hardware.describe("cpu")
    assert found["cores"] == hardware.cores() >= 1 and found["memory_gib"] > 0
    assert hardware.free_memory() > 0
