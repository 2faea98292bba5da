"""A machine that nothing is wrong with, all of it below one folder, and the states that doctor looks for in it.

The programs that are asked about the machine are stubs, whose answers are those of the real ones.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from checks.embedded import locked
from finding import Place, read_choices, read_pins

SOURCE = Path(__file__).resolve().parents[2]
LINKED = (
    *("awk", "bash", "cat", "cp", "flock", "git", "grep", "ls", "mkdir", "mktemp", "mv", "rm", "sed", "sha256sum"),
    *("sleep", "stat", "tail", "timeout", "wc"),
)
GPU = "NVIDIA RTX A6000, 580.65.06, 49140"
UNAME = "case $1 in -s) echo {} ;; -m) echo {} ;; *) echo {} ;; esac"
LIBRARIES = (
    *("libatomic.so.1", "libEGL.so.1", "libGL.so.1", "libGLU.so.1", "libGLX.so.0", "libgomp.so.1", "libSM.so.6"),
    *("libXi.so.6", "libXrandr.so.2", "libXt.so.6", "libglib-2.0.so.0", "libGLX_nvidia.so.0"),
)
RELEASE = "ID=ubuntu\nVERSION_ID={0}\nPRETTY_NAME='Ubuntu {0}'\n"
BOOT = "5cd2a2f1-0f0b-4d2c-9d7f-000000000000"
TIME = "2026-01-02_03-04-{:02d}"
PYTHON = "3.11"

Plant = Callable[[Place], Place]


# --- a machine -----------------------------------------------------------------------------------


def clean_place(folder: Path) -> Place:
    """A checkout for Isaac Sim with a .venv for the embedded simulator too, on a machine that is good for both."""
    root, system, home = folder / "checkout", folder / "system", folder / "home"
    home.mkdir(parents=True)
    shutil.copytree(str(SOURCE / "scripts"), str(root / "scripts"), ignore=shutil.ignore_patterns("doctor"))
    shutil.copytree(str(SOURCE / "env"), str(root / "env"))
    place = Place(
        root=root,
        env={"HOME": str(home), "PATH": str(folder / "bin"), "LANG": "en_GB.UTF-8"},
        home=home,
        aim="isaac",
        pins=read_pins(root),
        choices=read_choices(root),
        log_root=root / "logs/rsl_rl",
        system=system,
    )
    _programs(place)
    _system(place)
    _venv(place)
    run(place, 1)
    return place


def _programs(place: Place) -> None:
    for name in LINKED:
        tool = shutil.which(name)
        if tool is None:
            pytest.skip(f"this machine has no {name}")
        write(bin_of(place) / name, "").unlink()
        (bin_of(place) / name).symlink_to(os.path.realpath(tool))
    program(place, "uname", UNAME.format("Linux", "x86_64", "6.8.0-85-generic"))
    program(place, "getconf", "echo glibc 2.35")
    program(place, "getent", "exit 2")
    program(place, "df", df())
    program(place, "ldconfig", ldconfig(*LIBRARIES))
    program(place, "nvidia-smi", smi(GPU))


def _system(place: Place) -> None:
    (place.system / "tmp").mkdir(parents=True)
    write(place.system / "etc/os-release", RELEASE.format("22.04"))
    write(place.system / "proc/meminfo", "MemTotal:       65536000 kB\n")
    write(place.system / "proc/sys/fs/inotify/max_user_watches", "524288\n")
    write(place.system / "proc/sys/kernel/random/boot_id", BOOT + "\n")
    icd = {"file_format_version": "1.0.1", "ICD": {"library_path": "libGLX_nvidia.so.0", "api_version": "1.4.303"}}
    write(place.system / "usr/share/vulkan/icd.d/nvidia_icd.json", json.dumps(icd))
    script = place.root / "scripts/setup/preflight.sh"
    text = script.read_text(encoding="utf-8")
    for name, path in (("OS_RELEASE", "etc/os-release"), ("MEMINFO", "proc/meminfo")):
        text, count = re.subn(rf"(?m)^{name}=.*$", f"{name}='{place.system / path}'", text)
        assert count == 1
    script.write_text(text, encoding="utf-8")


def _venv(place: Place) -> None:
    venv = place.root / ".venv"
    write(venv / ".isaac-workstation", "")
    write(venv / "pyvenv.cfg", "home = /usr/bin\n")
    executable(venv / "bin/python", "exit 0")
    lock = (place.root / "env/mujoco.lock").read_text(encoding="utf-8")
    for name, version in locked(lock, PYTHON).items():
        write(info(place, name, version) / "METADATA", "")
    for name in ("torch", "torchvision"):
        write(info(place, name, place.pins[name.upper()] + "+cu128") / "METADATA", "")
    receipt(place, "cuda")


def receipt(place: Place, flavour: str) -> None:
    """What scripts/setup/mujoco.sh writes at its end."""
    lock = hashlib.sha256((place.root / "env/mujoco.lock").read_bytes()).hexdigest()
    pins = [f"{name.lower()} {place.pins[name]}" for name in ("TORCH", "TORCHVISION", "MJLAB")]
    lines = [f"checkout {place.root}", f"python {PYTHON} /usr/bin/python3", f"flavour {flavour}", *pins, f"lock {lock}"]
    write(place.root / ".venv/receipt", "\n".join(lines) + "\n")


def info(place: Place, name: str, version: str) -> Path:
    """The metadata folder of a package in .venv."""
    return place.root / f".venv/lib/python{PYTHON}/site-packages/{name.replace('-', '_')}-{version}.dist-info"


def run(place: Place, number: int, **manifest: object) -> Path:
    """A finished run with two whole checkpoints, or what else its manifest says."""
    path = place.log_root / "cartpole" / TIME.format(number)
    write(path / "run.json", json.dumps({"status": "finished", **manifest}))
    for iteration in (0, 50):
        checkpoint(path / f"model_{iteration}.pt")
    return path


def checkpoint(path: Path) -> None:
    """A zip file with what every checkpoint has."""
    with zipfile.ZipFile(str(path), "w") as archive:
        archive.writestr("archive/data.pkl", b"weights" * 20)


def process(**other: object) -> dict[str, object]:
    """A process of this machine as a manifest has it; the planted system knows none."""
    return {"pid": 4711, "start_ticks": 12345, "boot_id": BOOT, "host": socket.gethostname(), **other}


def bin_of(place: Place) -> Path:
    """The folder on PATH."""
    return place.root.parent / "bin"


def program(place: Place, name: str, script: str) -> None:
    """Put a shell script on PATH."""
    executable(bin_of(place) / name, script)


def executable(path: Path, script: str) -> None:
    """Write a shell script."""
    write(path, f"#!/bin/sh\n{script}\n").chmod(0o755)


def write(path: Path, text: str) -> Path:
    """Write a file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def smi(answer: str, status: int = 0) -> str:
    """An nvidia-smi with one answer about what GPUs there are; -L lists one if they have names."""
    listed = f"GPU 0: {answer.partition(',')[0]} (UUID: GPU-0)" if "," in answer else answer
    return f"[ \"$1\" != -L ] || {{ echo '{listed}'; exit {status}; }}\necho '{answer}'\nexit {status}"


def df(gigabytes: int = 500, files: int = 20000000) -> str:
    """A df of one disk."""
    return f"echo Avail Inodes IFree; echo {gigabytes * 10**9 // 1024 + 1} 30000000 {files}"


def ldconfig(*names: str) -> str:
    """An ldconfig that lists libraries."""
    return "\n".join(f"printf '\\t{name} (libc6,x86-64) => /lib/{name}\\n'" for name in names)


# --- states --------------------------------------------------------------------------------------


def env(**values: str) -> Plant:
    """Variables of the user's shell."""
    return lambda place: replace(place, env={**place.env, **values})


def answer(name: str, script: str) -> Plant:
    """Another answer of a program."""

    def plant(place: Place) -> Place:
        program(place, name, script)
        return place

    return plant


def without(name: str) -> Plant:
    """A program that is not on PATH."""

    def plant(place: Place) -> Place:
        (bin_of(place) / name).unlink()
        return place

    return plant


def file(name: str, text: str, below: str = "system") -> Plant:
    """Another file, below one of the folders of a place."""

    def plant(place: Place) -> Place:
        write(getattr(place, below) / name, text)
        return place

    return plant


def mujoco(plant: Plant) -> Plant:
    """The state, for a user of the embedded simulator."""
    return lambda place: replace(plant(place), aim="mujoco")


def install(path: str) -> Plant:
    """Another install folder."""
    return lambda place: replace(place, choices={"INSTALL": path.format(place.root.parent)})


def few_files_may_be_open(place: Place) -> Place:
    limit = write(place.root.parent / "limit", "ulimit -n 1024\n")
    return env(BASH_ENV=str(limit))(place)


def no_icd(place: Place) -> Place:
    (place.system / "usr/share/vulkan/icd.d/nvidia_icd.json").unlink()
    return place


def conda(place: Place) -> Place:
    return env(CONDA_PREFIX=str(place.home / "miniconda3"))(place)


def pip_isaacsim(place: Place) -> Place:
    write(place.home / ".local/lib/python3.10/site-packages/isaacsim-4.5.0.0.dist-info/METADATA", "")
    return place


def two_of_the_launcher(place: Place) -> Place:
    for version in ("4.2.0", "4.5.0"):
        write(place.home / f".local/share/ov/pkg/isaac-sim-{version}/python.sh", "")
    return place


def dead_run(place: Place) -> Place:
    run(place, 2, status="running", process=process())
    return place


def cut_checkpoint(place: Place) -> Place:
    newest = run(place, 2) / "model_50.pt"
    newest.write_bytes(newest.read_bytes()[:-30])
    return place


def damaged_manifest(place: Place) -> Place:
    write(run(place, 2) / "run.json", '{"status": "fini')
    return place


def full_disk(place: Place) -> Place:
    """A mounted file system with less than a gigabyte left; nearly every machine has one."""
    for line in Path("/proc/mounts").read_text().splitlines():
        mount = line.split()[1]
        try:
            total, _, free = shutil.disk_usage(mount)
        except OSError:
            continue
        if total and free < 10**9 and Path(mount).is_dir():
            return replace(place, log_root=Path(mount) / "no-such-folder/logs")
    return pytest.skip("every disk here has a gigabyte left")


def foreign_venv(place: Place) -> Place:
    (place.root / ".venv/.isaac-workstation").unlink()
    return place


def dangling_python(place: Place) -> Place:
    python = place.root / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/usr/bin/python3.9-that-is-gone")
    return place


def moved_checkout(place: Place) -> Place:
    path = place.root / ".venv/receipt"
    write(path, path.read_text().replace(f"checkout {place.root}", "checkout /home/me/before"))
    return place


def cpu_build(place: Place) -> Place:
    receipt(place, "cpu")
    return place


def other_package(place: Place) -> Place:
    lock = (place.root / "env/mujoco.lock").read_text(encoding="utf-8")
    path = info(place, "numpy", locked(lock, PYTHON)["numpy"])
    path.rename(path.with_name("numpy-1.26.4.dist-info"))
    return place


def no_python(place: Place) -> Place:
    shutil.rmtree(str(place.root / ".venv"))
    program(place, "python3", "exit 1")
    return place


def gpu(answer_: str, status: int = 0) -> Plant:
    """Another GPU or driver."""
    return answer("nvidia-smi", smi(answer_, status))


LOST = "Unable to determine the device handle for GPU1: 0000:81:00.0: Unknown Error"
MISMATCH = "Failed to initialize NVML: Driver/library version mismatch"


def no_temporary_folder(place: Place) -> Place:
    """Where the one that is named is gone too."""
    for name in ("tmp", "var/tmp", "usr/tmp"):
        shutil.rmtree(str(place.system / name), ignore_errors=True)
    return replace(place, env={**place.env, "TMPDIR": str(place.system / "scratch")})


PLANTED: dict[str, Plant] = {
    "no-temporary-folder": no_temporary_folder,
    "wrong-platform": answer("uname", UNAME.format("Linux", "aarch64", "6.8")),
    "wsl2-unsupported": answer("uname", UNAME.format("Linux", "x86_64", "5.15.167.4-microsoft-standard-WSL2")),
    "glibc-too-old": answer("getconf", "echo glibc 2.31"),
    "untested-os": file("etc/os-release", RELEASE.format("20.04")),
    "little-memory": file("proc/meminfo", "MemTotal: 16265000 kB\n"),
    "too-many-open-files": few_files_may_be_open,
    "no-nvidia-gpu": without("nvidia-smi"),
    "gpu-does-not-answer": gpu(f"{GPU}\n{LOST}", 15),
    "nvml-mismatch": gpu(MISMATCH, 18),
    "driver-below-minimum": gpu("NVIDIA RTX A6000, 535.183.01, 49140"),
    "driver-not-validated": gpu("NVIDIA RTX A6000, 575.64.03, 49140"),
    "driver-too-new-595": gpu("NVIDIA RTX A6000, 595.45.04, 49140"),
    "gpu-without-rt-cores": gpu("NVIDIA H100 80GB HBM3, 580.65.06, 81559"),
    "little-gpu-memory": gpu("NVIDIA GeForce RTX 4060, 580.65.06, 8188"),
    "missing-system-lib": answer("ldconfig", ldconfig(*(name for name in LIBRARIES if "libXt" not in name))),
    "missing-libglu": answer("ldconfig", ldconfig(*(name for name in LIBRARIES if "libGLU" not in name))),
    "vulkan-incompatible-driver": no_icd,
    "isaac-path-with-space": install("{}/my isaac"),
    "folder-not-writable": install("/proc/isaac"),
    "disk-full-install": answer("df", df(1)),
    "free-disk-unknown": answer("df", "exit 1"),
    "few-inodes": answer("df", df(files=1000)),
    "missing-tools": without("getconf"),
    "machine-not-looked-at": file("scripts/setup/preflight.sh", "echo no >&2; exit 3\n", "root"),
    "gitpython-no-git": without("git"),
    "inotify-watches": file("proc/sys/fs/inotify/max_user_watches", "8192\n"),
    "non-utf8-locale": env(LANG="zh_CN.GBK"),
    "conda-base-active": conda,
    "pythonpath-old-layout": env(PYTHONPATH="/opt/IsaacLab/source/extensions/omni.isaac.lab_tasks"),
    "pythonpath-set": env(PYTHONPATH="/opt/somewhere"),
    "cuda-lib-shadowing": env(LD_LIBRARY_PATH="/usr/local/cuda-11.8/lib64"),
    "isaac-variables-left": env(CARB_APP_PATH="/opt/isaac-sim-4.5/kit"),
    "ros-sourced": env(ROS_DISTRO="humble"),
    "apps-isaacsim-4-5-loaded": pip_isaacsim,
    "several-isaacsim": two_of_the_launcher,
    "user-site-shadows": file(".local/lib/python3.11/site-packages/torch/__init__.py", "", "home"),
    "stale-pth": file(".local/lib/python3.11/site-packages/old.pth", "/opt/IsaacLab-that-is-gone/source\n", "home"),
    "no-display-for-window": env(DISPLAY=":1"),
    "launcher-flags-not-numbers": env(HEADLESS="true"),
    "disk-full-runs": full_disk,
    "run-died": dead_run,
    "run-manifest-damaged": damaged_manifest,
    "checkpoint-truncated": cut_checkpoint,
    "venv-foreign": mujoco(foreign_venv),
    "venv-broken": mujoco(dangling_python),
    "venv-outdated": mujoco(moved_checkout),
    "venv-cpu-on-gpu": mujoco(cpu_build),
    "venv-packages-differ": mujoco(other_package),
    "python-missing": mujoco(no_python),
    "no-offscreen-gl": mujoco(answer("ldconfig", ldconfig("libGL.so.1"))),
}
"""The states that the checks of machine, shell, display, runs and embedded simulator find, by their ids."""
