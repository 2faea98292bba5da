"""make setup: complete or not at all, once, and with a clear word where it cannot be."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from shell_checkout import (
    SETUP_TOOLS,
    TORCH,
    Checkout,
    Wheels,
    copy_checkout,
    errors,
    make_checkout,
    make_wheel,
    members,
    program,
)


def listing(folder: Path) -> dict[str, float]:
    """Every path under a folder with its time."""
    return {str(path.relative_to(folder)): path.lstat().st_mtime for path in folder.rglob("*")}


def works(checkout: Checkout) -> bool:
    """Whether .venv is complete: its receipt, and packages that load."""
    code = "import mjlab, rsl_rl, warp, torch, torchvision"
    done = subprocess.run([checkout.path / ".venv/bin/python", "-I", "-c", code], check=False)
    return done.returncode == 0 and (checkout.path / ".venv/receipt").exists()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, wheels: Wheels) -> Checkout:
    """A real set-up, made in the middle of everything that could lead it astray."""
    checkout = make_checkout(tmp_path_factory.mktemp("installed"), wheels)
    home = checkout.home
    for name in ("venv/bin", "conda/bin"):
        program(home / name / "python3", f'echo run >"{home}/ran"\nexit 1\n')
        program(home / name / "pip", f'echo run >"{home}/ran"\nexit 1\n')
    for name in ("path", ".local/lib/python3.11/site-packages", ".local/lib/python3.12/site-packages"):
        (home / name).mkdir(parents=True)
        (home / name / "torch.py").write_text("raise SystemExit('the wrong torch')\n")
        (home / name / "pip.py").write_text("raise SystemExit('the wrong pip')\n")
    before = listing(home)
    result = checkout.make(
        "setup",
        "SIM=mujoco",
        PATH=f"{home}/venv/bin:{home}/conda/bin:{checkout.bin}",
        VIRTUAL_ENV=f"{home}/venv",
        CONDA_PREFIX=f"{home}/conda",
        PYTHONPATH=f"{home}/path",
        PIP_TARGET=f"{home}/target",
        PIP_PREFIX=f"{home}/prefix",
        PIP_USER="1",
        PIP_REQUIRE_VIRTUALENV="1",
        PIP_REQUIRE_HASHES="1",
        PIP_DRY_RUN="1",
    )
    assert result.returncode == 0, result.stderr
    assert errors(result) == []
    assert listing(home) == before
    assert works(checkout)
    lines = result.stdout.splitlines()
    assert re.fullmatch(r"setup: installing the embedded simulator \(CPU\) in \.venv with Python 3\.\d+", lines[0])
    parts = [re.fullmatch(r"  (.+?) +\d+ s", line) for line in lines[1:-1]]
    assert [part and part[1] for part in parts] == ["virtual environment", "packages", "torch 2.13.0 (CPU)", "check"]
    assert re.fullmatch(r"setup: done in \d+ s; next: make train", lines[-1])
    return checkout


@pytest.fixture
def quick(tmp_path: Path, wheels: Wheels, quick_python: Path) -> Checkout:
    """A fresh clone whose Python makes a .venv in no time."""
    return make_checkout(tmp_path, wheels, quick_python)


def test_nothing_is_left_but_the_log(installed: Checkout) -> None:
    assert {path.name for path in (installed.path / ".cache").iterdir()} == {"setup.lock", "setup.log"}
    assert not list(installed.path.glob(".write-test*"))


def test_a_second_run_does_nothing(installed: Checkout) -> None:
    log = installed.path / ".cache/setup.log"
    log.unlink(missing_ok=True)
    before = listing(installed.path / ".venv")
    result = installed.make("setup", "SIM=mujoco")
    assert re.fullmatch(
        r"setup: nothing to do: SIM=mujoco, CPU build, Python 3\.\d+; next: make train\n", result.stdout
    )
    assert errors(result) == []
    assert listing(installed.path / ".venv") == before
    assert not log.exists()


def test_what_makes_it_due(installed: Checkout) -> None:
    """A pin, the lock, the place, a GPU that appears; not a GPU that is gone."""

    def due(**env: str) -> bool:
        step = ["scripts/setup/mujoco.sh", "check"]
        return subprocess.run(step, cwd=installed.path, env=installed.environment(**env), check=False).returncode != 0

    assert not due()
    for name, old, new in [
        ("env/pins.env", "TORCHVISION=0.28.0", "TORCHVISION=0.28.1"),
        ("env/mujoco.lock", "mjlab==1.6.0", "mjlab==1.6.1"),
        (".venv/receipt", "checkout ", "checkout /elsewhere"),
    ]:
        installed.replace(name, old, new)
        assert due(), name
        installed.replace(name, new, old)
    another = program(installed.home / "python", 'echo "3.12.0 cpython True /usr/bin/python3.12"\n')
    assert due(SETUP_PYTHON=str(another))
    gpu = installed.program("nvidia-smi", "echo 'NVIDIA-SMI has failed'\nexit 9\n")
    assert not due()
    installed.program("nvidia-smi", "echo 'No devices found.'\n")
    assert not due()
    installed.program(
        "nvidia-smi", "echo 'GPU 0: NVIDIA H200 (UUID: GPU-1)'\necho 'GPU 1: NVIDIA H200 (UUID: GPU-2)'\n"
    )
    assert due()
    installed.replace(".venv/receipt", "flavour cpu", "flavour cuda")
    assert not due()
    gpu.unlink()
    assert not due()
    [line] = errors(installed.make("setup", "SIM=mujoco"))
    assert line.startswith("setup: no NVIDIA GPU answers now")
    installed.replace(".venv/receipt", "flavour cuda", "flavour cpu")


def test_the_tools_of_make_test_are_installed_once(installed: Checkout) -> None:
    for verb, session in (("test", "tests"), ("lint", "lint"), ("test", "tests")):
        result = installed.make(verb)
        assert result.stdout == f"nox -s {session}\n", result.stderr
    assert errors(result) == []


def test_a_changed_pin_is_installed_and_what_it_replaces_is_gone(
    installed: Checkout, wheels: Wheels, tmp_path: Path
) -> None:
    make_wheel(tmp_path, "torchvision", "0.28.1", {"torchvision/__init__.py": ""}, "torch==2.13.0")
    installed.replace("env/pins.env", "TORCHVISION=0.28.0", "TORCHVISION=0.28.1")
    (installed.path / ".venv/old").touch()
    result = installed.make("tensorboard", "PORT=1", PIP_FIND_LINKS=f"{wheels.folder} {tmp_path}")
    assert errors(result)[0].startswith("tensorboard: PORT '1'")
    result = installed.make("setup", "SIM=mujoco", PIP_FIND_LINKS=f"{wheels.folder} {tmp_path}")
    assert result.returncode == 0, result.stderr
    assert not (installed.path / ".venv/old").exists()
    assert "torchvision 0.28.1" in (installed.path / ".venv/receipt").read_text()
    assert works(installed)


def test_killed_at_any_moment_it_completes_the_next_time(checkout: Checkout) -> None:
    moments = [round(random.uniform(0.2, 6), 2) for _ in range(3)]
    print("killed after", moments)
    for number, moment in enumerate(moments):
        process = checkout.start("setup", "SIM=mujoco")
        time.sleep(moment)
        for pid, name in members(process.pid).items():
            # Every second time pip is left to go on alone for a while.
            if number % 2 == 0 or not name.startswith("python"):
                with contextlib.suppress(ProcessLookupError):  # it has just ended
                    os.kill(pid, signal.SIGKILL)
        process.communicate(timeout=60)
    result = checkout.make("setup", "SIM=mujoco")
    assert result.returncode == 0, result.stderr
    assert works(checkout)
    assert not (checkout.path / ".cache/tmp").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_of_it(checkout: Checkout, number: signal.Signals) -> None:
    process = subprocess.Popen(
        ["scripts/launch.sh", "setup"],
        cwd=checkout.path,
        env=checkout.environment(GIVEN="SIM", SIM="mujoco"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while not any(name.startswith("python") for name in members(process.pid).values()):
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(number)
    assert process.communicate(timeout=10)[1] == b""
    assert process.returncode == 128 + number
    time.sleep(0.5)
    assert members(process.pid) == {}
    assert not (checkout.path / ".venv/receipt").exists()


def test_two_at_once(checkout: Checkout) -> None:
    first = checkout.start("setup", "SIM=mujoco")
    time.sleep(1)
    second = checkout.make("setup", "SIM=mujoco")
    out, err = first.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0), err + second.stderr
    assert "setup: done" in out
    assert errors(second) == ["setup: waiting for another set-up in this checkout to end"]
    assert "nothing to do" in second.stdout
    assert works(checkout)


@pytest.mark.parametrize("tool", SETUP_TOOLS)
def test_a_missing_tool_is_named(checkout: Checkout, tool: str) -> None:
    (checkout.bin / tool).unlink()
    [line] = errors(checkout.make("setup", "SIM=mujoco"))
    assert line == (
        f"setup: not on PATH: {tool}; install util-linux, coreutils, gawk, grep and sed, then: make setup SIM=mujoco"
    )
    assert not (checkout.path / ".venv").exists()


def test_a_foreign_venv_is_refused_and_left_alone(checkout: Checkout) -> None:
    checkout.write(".venv/pyvenv.cfg", "mine")
    result = checkout.make("train")
    assert errors(result) == ["setup: '.venv' was not made by this project; move it away, then: make setup SIM=mujoco"]
    assert listing(checkout.path / ".venv").keys() == {"pyvenv.cfg"}


def test_all_that_is_wrong_is_said_at_once(checkout: Checkout) -> None:
    checkout.replace("env/pins.env", "DISK_CPU_GB=0", "DISK_CPU_GB=999999")
    checkout.write(".venv/pyvenv.cfg", "mine")
    lines = errors(checkout.make("setup", "SIM=mujoco"))
    assert "'.venv' was not made" in lines[0]
    assert "999999 GB are needed" in lines[1]
    assert lines[1].endswith("then: make setup SIM=mujoco")
    assert len(lines) == 2


@pytest.mark.parametrize("index", ["https://127.0.0.1:9/simple", "https://nowhere.invalid/simple"])
def test_no_network(quick: Checkout, index: str) -> None:
    quick.env = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index, "PIP_RETRIES": "1"}
    result = quick.make("train")
    assert result.stdout.splitlines()[1:] == []
    line = errors(result)[-1]
    assert line.startswith("setup: no network: pip cannot reach its package index; ")
    assert not (quick.path / ".venv/receipt").exists()


def test_a_machine_without_a_gpu_never_takes_the_cuda_build(quick: Checkout, wheels: Wheels, tmp_path: Path) -> None:
    """And one with a GPU takes it: the build without "+cpu"."""
    folder = without_torch(wheels, tmp_path)
    make_wheel(folder, "torch", "2.13.0", {"torch/__init__.py": TORCH})
    [line] = errors(quick.make("setup", "SIM=mujoco", PIP_FIND_LINKS=str(folder)))
    assert line.startswith("setup: pip's package index has no 'torch==2.13.0+cpu' for Python 3.")
    assert not (quick.path / ".venv/receipt").exists()
    quick.program("nvidia-smi", "echo 'GPU 0: NVIDIA H200 (UUID: GPU-1)'\n")
    quick.replace("env/pins.env", "DISK_CUDA_GB=10", "DISK_CUDA_GB=0")
    result = quick.make("setup", "SIM=mujoco", PIP_FIND_LINKS=str(folder))
    assert result.returncode == 0, result.stderr
    assert "  torch 2.13.0 (CUDA) " in result.stdout
    assert "flavour cuda" in (quick.path / ".venv/receipt").read_text()


def test_the_cpu_build_comes_from_its_own_index_where_pip_has_none(
    quick: Checkout, wheels: Wheels, tmp_path: Path
) -> None:
    index = tmp_path / "index"
    wheel = "torch-2.13.0+cpu-py3-none-any.whl"
    (index / "torch").mkdir(parents=True)
    shutil.copy(wheels.folder / wheel, index / "torch")
    (index / "torch/index.html").write_text(f'<a href="{wheel}">{wheel}</a>')
    quick.replace("env/pins.env", "https://download.pytorch.org/whl/cpu", index.as_uri())
    quick.env = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": (tmp_path / "nothing").as_uri(),
        "PIP_FIND_LINKS": str(without_torch(wheels, tmp_path)),
    }
    result = quick.make("setup", "SIM=mujoco")
    assert result.returncode == 0, result.stderr
    assert f"  not in pip's own index, taking it from {index.as_uri()}\n" in result.stdout
    assert works(quick)


def without_torch(wheels: Wheels, tmp_path: Path) -> Path:
    """A folder with all the wheels but torch."""
    return shutil.copytree(wheels.folder, tmp_path / "wheels", ignore=shutil.ignore_patterns("torch-*"))


def test_another_file_than_the_lock_names(quick: Checkout) -> None:
    lock = (quick.path / "env/mujoco.lock").read_text()
    quick.write("env/mujoco.lock", re.sub("(?<=5.4.2 --hash=sha256:)....", "0000", lock))
    [line] = errors(quick.make("setup", "SIM=mujoco"))
    assert line.startswith("setup: 'rsl-rl-lib==5.4.2' is not the file that the lock names: its hash differs; ")


def test_packages_that_do_not_fit_together(quick: Checkout, wheels: Wheels, tmp_path: Path) -> None:
    [_, *others] = wheels.lock.splitlines(keepends=True)
    mjlab = make_wheel(tmp_path, "mjlab", "1.6.0", {}, "rsl-rl-lib==5.5")
    quick.write("env/mujoco.lock", mjlab + "".join(others))
    lines = errors(quick.make("setup", "SIM=mujoco", PIP_FIND_LINKS=f"{tmp_path} {wheels.folder}"))
    assert any("mjlab 1.6.0 has requirement rsl-rl-lib==5.5" in line for line in lines)
    assert lines[-1].startswith("setup: the packages in .venv do not fit together; ")
    assert not (quick.path / ".venv/receipt").exists()


def test_a_full_disk(quick: Checkout, small_disk: Path, tmp_path: Path, wheels: Wheels) -> None:
    quick.path = small_disk / "checkout"
    copy_checkout(quick.path)
    quick.replace("env/pins.env", "DISK_CPU_GB=4", "DISK_CPU_GB=0")
    quick.write("env/mujoco.lock", make_wheel(tmp_path, "mjlab", "1.6.0", {"mjlab/zeros": "0" * 80_000_000}))
    [line] = errors(quick.make("setup", "SIM=mujoco", PIP_FIND_LINKS=str(tmp_path)))
    assert line == (f"setup: the disk of '{quick.path}' is full; free some space, then: make setup SIM=mujoco")
