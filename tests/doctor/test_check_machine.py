"""The checks of the machine, the display and the embedded simulator on planted machines."""

from __future__ import annotations

import importlib
import time
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.markers import Marker
from plant_machine import (
    LIBRARIES,
    MISMATCH,
    PLANTED,
    SOURCE,
    answer,
    clean_place,
    env,
    executable,
    file,
    info,
    ldconfig,
    mujoco,
    no_icd,
    no_python,
    receipt,
    smi,
    without,
    write,
)

from checks import display, embedded, machine
from finding import Finding, Place

PART = ("machine", "pollution", "display", "temporary", "runs", "embedded")
CHECKS = [importlib.import_module("checks." + name) for name in PART]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return clean_place(tmp_path)


def found(place: Place) -> list[Finding]:
    """What all checks of this part find."""
    return [finding for check in CHECKS for finding in check.check(place)]


def only(findings: list[Finding]) -> Finding:
    """The only one."""
    assert len(findings) == 1, findings
    return findings[0]


@pytest.mark.parametrize("aim", ["isaac", "mujoco"])
def test_a_clean_place(place: Place, aim: str) -> None:
    assert found(replace(place, aim=aim)) == []


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_state(place: Place, name: str) -> None:
    """It is found, and nothing else is."""
    ids = [finding.id for finding in found(PLANTED[name](place))]
    assert name in ids
    assert len(ids) == 1, ids


# --- machine -------------------------------------------------------------------------------------


def test_words_and_repairs_are_those_of_the_preflight(place: Place) -> None:
    finding = only(found(PLANTED["driver-below-minimum"](place)))
    assert finding.what.startswith("the NVIDIA driver is 535.183.01, Isaac Sim 5.1 needs 570.169 and is tested with ")
    assert finding.repair == "install the driver: sudo apt install nvidia-driver-580-open, then reboot"


def test_disk_for_what_is_not_there_yet(place: Place) -> None:
    pins = {key: str(number) for number, key in enumerate(sorted(key for key in place.pins if key[:5] == "DISK_"))}
    place = replace(place, pins={**place.pins, **pins})

    def named() -> set[str]:
        sizes = {size: name for name, size in pins.items()}
        return {sizes[disk.split(":")[0]] for disk in machine.disks(place)}

    parts = {"PACKAGES", "ISAAC_SIM", "ARCHIVE", "ISAAC_LAB", "ROBOT"}
    assert named() == {f"DISK_{part}_GB" for part in parts}
    write(place.install / "downloads" / place.pins["ARCHIVE"], "")
    assert named() == {f"DISK_{part}_GB" for part in parts - {"ARCHIVE"}}
    write(place.isaac / "VERSION", "5.1.0")
    (place.lab).mkdir()
    (place.install / "Berkeley-Humanoid-Lite").mkdir()
    assert named() == {"DISK_PACKAGES_GB"}
    write(place.state / "receipt-verify", "")
    assert machine.disks(place) == [f"3:{place.install}"]


def test_an_installed_workstation_needs_few_files_more(place: Place) -> None:
    write(place.state / "receipt-verify", "")
    assert found(PLANTED["few-inodes"](place)) == []
    assert only(found(PLANTED["disk-full-install"](place))).id == "disk-full-install"


def test_the_embedded_simulator_needs_less_of_a_machine(place: Place) -> None:
    for name in ("no-nvidia-gpu", "driver-below-minimum", "glibc-too-old", "little-memory", "inotify-watches"):
        assert found(mujoco(PLANTED[name])(place)) == []
        place = clean_place(place.root.parent / name)
    finding = only(found(mujoco(answer("nvidia-smi", smi(MISMATCH, 18)))(place)))
    assert (finding.id, finding.severity) == ("nvml-mismatch", "bites")


def test_an_arm_machine_may_run_the_embedded_simulator(place: Place) -> None:
    finding = only(found(mujoco(PLANTED["wrong-platform"])(place)))
    assert (finding.id, finding.severity) == ("wrong-platform", "bites")
    assert finding.what.startswith("this machine is 'aarch64', the packages of the embedded simulator")


def test_a_preflight_that_hangs(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    write(place.root / "scripts/setup/preflight.sh", "sleep 60 & wait\n")
    monkeypatch.setattr(machine, "LIMIT_S", 0.2)
    started = time.monotonic()
    assert only(found(place)).id == "machine-not-looked-at"
    assert time.monotonic() - started < 5


# --- Vulkan --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"])
def test_a_variable_that_names_the_drivers(place: Place, name: str) -> None:
    """One of the files must be NVIDIA's; what is installed does not count then."""
    icd = place.system / "usr/share/vulkan/icd.d/nvidia_icd.json"
    intel = write(place.system / "usr/share/vulkan/icd.d/intel_icd.json", '{"library_path": "libvulkan_intel.so"}')
    assert found(env(**{name: f"/no/such.json:{icd}"})(place)) == []
    for value in ("/no/such.json", str(intel)):
        finding = only(found(env(**{name: value})(place)))
        assert finding.id == "vulkan-incompatible-driver"
        assert finding.repair.endswith(f"unset {name}")


@pytest.mark.parametrize(
    "name",
    [
        "system/etc/vulkan/icd.d/nvidia_icd.json",
        "home/.local/share/vulkan/icd.d/nvidia_icd.x86_64.json",
        "x/vulkan/icd.d/n.json",
    ],
)
def test_other_folders_of_drivers(place: Place, name: str) -> None:
    no_icd(place)
    write(place.root.parent / name, '{"ICD": {"library_path": "libEGL_nvidia.so.0"}}')
    assert found(env(XDG_DATA_DIRS=f"/no:{place.root.parent / 'x'}")(place)) == []


def test_a_container_without_graphics(place: Place) -> None:
    """The variable is the cause where a half of the driver lacks, and no fault where it is there all the same."""
    write(place.system / ".dockerenv", "")
    place = env(NVIDIA_DRIVER_CAPABILITIES="compute,utility")(place)
    assert found(place) == []
    answer("ldconfig", ldconfig(*LIBRARIES[:-1]))(place)
    finding = only(found(place))
    assert finding.id == "vulkan-incompatible-driver"
    assert finding.evidence == "NVIDIA_DRIVER_CAPABILITIES is 'compute,utility'"
    assert finding.repair == "start the container with NVIDIA_DRIVER_CAPABILITIES=all"
    answer("ldconfig", ldconfig(*LIBRARIES))(place)
    no_icd(place)
    assert only(found(place)).evidence == "NVIDIA_DRIVER_CAPABILITIES is 'compute,utility'"


def test_a_host_has_a_driver_of_its_own(place: Place) -> None:
    """A variable that is for containers says nothing there."""
    no_icd(place)
    finding = only(found(env(NVIDIA_DRIVER_CAPABILITIES="compute")(place)))
    assert (finding.id, finding.repair) == ("vulkan-incompatible-driver", "")
    write(place.system / "run/.containerenv", "")
    assert only(found(place)).repair.startswith("start the container with ")


def test_no_gpu_is_not_a_vulkan_matter(place: Place) -> None:
    no_icd(place)
    assert only(found(without("nvidia-smi")(place))).id == "no-nvidia-gpu"


# --- limits and language -------------------------------------------------------------------------


@pytest.mark.parametrize(("allowed", "used", "expected"), [(100000, 91000, 0), (100000, 92000, 1), (600000, 599000, 0)])
def test_watches_that_are_used_up(place: Place, allowed: int, used: int, expected: int) -> None:
    file("proc/sys/fs/inotify/max_user_watches", f"{allowed}\n")(place)
    fd = place.system / "proc/99/fd"
    fd.mkdir(parents=True)
    (fd / "3").symlink_to("anon_inode:inotify")
    (fd / "4").symlink_to("/dev/null")
    for number in (3, 4):
        write(place.system / f"proc/99/fdinfo/{number}", "pos:\t0\n" + "inotify wd:1 ino:2\n" * used)
    assert len(found(place)) == expected


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"LANG": "C"}, ""),
        ({"LANG": ""}, ""),
        ({"LANG": "C.utf8"}, ""),
        ({"LANG": "de_DE"}, "LANG is 'de_DE'"),
        ({"LC_ALL": "POSIX", "LANG": "de_DE"}, ""),
        ({"LC_CTYPE": "ja_JP.eucJP"}, "LC_CTYPE is 'ja_JP.eucJP'"),
    ],
)
def test_locales(place: Place, values: dict[str, str], wrong: str) -> None:
    assert [finding.evidence for finding in found(env(**values)(place))] == [wrong] * bool(wrong)


# --- display -------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["", "localhost:10.0", "other-host:0", ":5", ":6.0", "unix:5"])
def test_displays_that_may_be_there(place: Place, value: str) -> None:
    """A socket, one without a file, or one of another machine."""
    write(place.system / "tmp/.X11-unix/X5", "")
    write(
        place.system / "proc/net/unix", "0: 2 0 10000 1 1 99 @/tmp/.X11-unix/X6\n0: 2 0 0 1 1 98 @/tmp/.X11-unix/X77\n"
    )
    assert found(env(DISPLAY=value)(place)) == []
    for gone in (":7", ":7.0"):
        assert only(found(env(DISPLAY=gone)(place))).id == "no-display-for-window"


def test_flags_of_the_launcher(place: Place) -> None:
    finding = only(list(display.check(env(HEADLESS="", LIVESTREAM="2", XR="no")(place))))
    assert finding.evidence == "HEADLESS='', XR='no'"


# --- embedded simulator --------------------------------------------------------------------------


def test_no_venv_is_no_finding(place: Place) -> None:
    """Nor is one that is empty, as after a set-up that was killed; both where a Python is there to make it."""
    no_python(place)
    program = "[ \"$3\" != '' ] && echo 3.11.7 cpython True /usr/bin/python3.11"
    place = mujoco(answer("python3", program))(place)
    assert found(place) == []
    (place.root / ".venv").mkdir()
    assert found(place) == []
    answer("python3", program.replace("3.11.7", "3.9.2"))(place)
    finding = only(found(place))
    assert finding.what == "no Python 3.10 to 3.13 found (python3 is 3.9.2)"
    assert "sudo apt install python3 python3-venv" in finding.repair


def test_a_linked_venv_is_foreign(place: Place) -> None:
    """So is a file."""
    (place.root / ".venv").rename(place.root / "venv")
    (place.root / ".venv").symlink_to("venv")
    place = replace(place, aim="mujoco")
    assert only(found(place)).id == "venv-foreign"
    (place.root / ".venv").unlink()
    write(place.root / ".venv", "")
    assert only(found(place)).id == "venv-foreign"


def test_how_a_venv_breaks(place: Place) -> None:
    """Where set-up still takes it for whole, a run surely fails."""
    place = replace(place, aim="mujoco")
    venv = place.root / ".venv"
    executable(venv / "bin/python", "echo 'error while loading shared libraries: libpython3.11.so' >&2; exit 127")
    finding = only(found(place))
    assert (finding.id, finding.severity) == ("venv-broken", "stops")
    assert finding.evidence.endswith("libpython3.11.so")
    (venv / "lib").rename(venv / "library")
    assert "site-packages' is gone" in only(found(place)).evidence
    (venv / "bin/python").unlink()
    finding = only(found(place))
    assert (finding.evidence, finding.severity) == (f"'{venv / 'bin/python'}' is gone", "")


def test_what_of_the_pins_moved(place: Place) -> None:
    receipt(replace(place, pins={**place.pins, "TORCH": "2.12.1"}), "cuda")
    finding = only(found(replace(place, aim="mujoco")))
    assert finding.id == "venv-outdated"
    assert finding.evidence == f"torch was '2.12.1' and is '{place.pins['TORCH']}'"


def test_the_cpu_build_where_no_gpu_answers(place: Place) -> None:
    receipt(place, "cpu")
    assert found(mujoco(without("nvidia-smi"))(place)) == []


def test_packages_that_differ(place: Place) -> None:
    """A choice of rsl_rl is no difference; of many the first are told."""
    place = replace(place, aim="mujoco")
    lock = embedded.locked((place.root / "env/mujoco.lock").read_text(), "3.11")
    info(place, "rsl-rl-lib", lock["rsl-rl-lib"]).rename(info(place, "rsl-rl-lib", "3.1.2"))
    assert only(found(place)).evidence == f"rsl-rl-lib is 3.1.2 instead of {lock['rsl-rl-lib']}"
    write(place.root / ".venv/choice-rsl_rl", "release 3.1.2\n")
    assert list(embedded.packages(place)) == []
    for name in sorted(lock)[:7]:
        (info(place, name, lock[name]) / "METADATA").unlink()
        info(place, name, lock[name]).rmdir()
    assert only(list(embedded.packages(place))).evidence.endswith("and 2 more")


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13"])
def test_markers_of_the_real_lock(version: str) -> None:
    """Read as pip reads them."""
    text = (SOURCE / "env/mujoco.lock").read_text(encoding="utf-8")
    names = [line.split(" ;") for line in text.splitlines() if "==" in line and line[0] != " "]
    environment = {
        "python_full_version": version + ".5",
        "python_version": version,
        "sys_platform": "linux",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
    }
    wanted = {name for name, marker in names if Marker(marker.rstrip("\\ ")).evaluate(environment)}
    assert {f"{name}=={release}" for name, release in embedded.locked(text, version).items()} == wanted


def test_no_renderer(place: Place) -> None:
    """With a display there is a window; where ldconfig says nothing, nothing is known."""
    place = PLANTED["no-offscreen-gl"](place)
    write(place.system / "tmp/.X11-unix/X0", "")
    assert found(env(DISPLAY=":0")(place)) == []
    answer("ldconfig", ldconfig("libOSMesa.so.8"))(place)
    assert found(place) == []
    without("ldconfig")(place)
    assert found(place) == []


def test_ldconfig_outside_path(place: Place) -> None:
    """Debian has it in /sbin."""
    place = mujoco(without("ldconfig"))(place)
    executable(place.system / "sbin/ldconfig", ldconfig("libGL.so.1"))
    assert only(found(place)).id == "no-offscreen-gl"
