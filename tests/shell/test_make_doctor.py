"""make doctor, make fix, make explain and the look before a run, as a user calls them, on a miniature workstation."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from isaac_world import install
from shell_checkout import Checkout, errors, program
from workstation import Workstation, World, make_workstation, slim

SMI = """[ "$1" != -L ] || exit 9  # so that set-up does not want torch to see it, and train
echo 'NVIDIA RTX A6000, 580.65.06, 49140'
"""
LDCONFIG = "libatomic.so.1 libEGL.so.1 libGL.so.1 libGLU.so.1 libGLX.so.0 libgomp.so.1 libSM.so.6 libXi.so.6 "
LDCONFIG += "libXrandr.so.2 libXt.so.6 libglib-2.0.so.0 libGLX_nvidia.so.0"
LOG = """[INFO][AppLauncher]: Loading experience file: /home/user/IsaacLab/apps/isaaclab.python.headless.kit
Traceback (most recent call last):
  File "/home/user/project/train.py", line 31, in <module>
    from isaaclab.utils.io import dump_pickle, dump_yaml
ImportError: cannot import name 'dump_pickle' from 'isaaclab.utils.io' (/home/user/IsaacLab/source/isaaclab/io.py)
There was an error running python
"""


def good_machine(station: Workstation, system: Path) -> None:
    """All that doctor looks at outside of the checkout, as on a fit Ubuntu workstation."""
    program(station.bin / "nvidia-smi", SMI)
    listed = "\\n".join(f"\\t{name} (libc6,x86-64) => /lib/{name}" for name in LDCONFIG.split())
    program(station.bin / "ldconfig", f"printf '{listed}\\n'\n")
    for name, text in {
        "etc/os-release": 'ID=ubuntu\nVERSION_ID="22.04"\nPRETTY_NAME="Ubuntu 22.04.5 LTS"\n',
        "etc/hostname": "walhalla\n",
        "proc/meminfo": "MemTotal:       65536000 kB\n",
        "usr/share/vulkan/icd.d/nvidia_icd.json": '{"ICD": {"library_path": "libGLX_nvidia.so.0"}}\n',
    }.items():
        (system / name).parent.mkdir(parents=True, exist_ok=True)
        (system / name).write_text(text)
    (system / "tmp").mkdir()
    station.replace("scripts/doctor/finding.py", 'SYSTEM = Path("/")', f"SYSTEM = Path({str(system)!r})")
    station.replace("scripts/setup/preflight.sh", "OS_RELEASE=/etc/os-release", f"OS_RELEASE='{system}/etc/os-release'")
    station.replace("scripts/setup/preflight.sh", "MEMINFO=/proc/meminfo", f"MEMINFO='{system}/proc/meminfo'")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, world: World) -> Workstation:
    """A workstation on a machine with nothing to be said about it."""
    root = tmp_path_factory.mktemp("doctor")
    station = slim(make_workstation(root, world))
    good_machine(station, root / "system")
    result = station.setup("FORCE=0")
    assert result.returncode == 0, result.stderr
    return station


@pytest.fixture
def broken(sound: Workstation, tmp_path: Path) -> Iterator[Workstation]:
    """The same with what users do to it; it is healed for the next test, if fix has not done it."""
    link = sound.lab / "_isaac_sim"
    link.unlink()
    link.symlink_to("/data/isaac-sim-4.5")
    install(sound.site, "rsl-rl-lib", "3.1.2", {"rsl_rl/tests.py": ""})
    for path in sound.site.glob("flatdict*"):
        path.rename(tmp_path / path.name)
    yield sound
    link.unlink()
    link.symlink_to(sound.sim)
    shutil.rmtree(sound.site / "rsl_rl_lib-3.1.2.dist-info", ignore_errors=True)
    (sound.site / "rsl_rl/tests.py").unlink(missing_ok=True)
    for path in tmp_path.glob("flatdict*"):
        if not (sound.site / path.name).exists():
            path.rename(sound.site / path.name)


def doctor(station: Checkout, verb: str = "doctor", *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Without make, which makes one status of all failures."""
    return subprocess.run(
        [station.bin / "python3", "-I", "scripts/doctor", verb, *words], cwd=station.path,
        env=station.environment(**env), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip


# --- doctor --------------------------------------------------------------------------------------


def test_nothing_is_said_about_a_sound_workstation(sound: Workstation) -> None:
    result = sound.make("doctor")
    assert (result.returncode, errors(result)) == (0, [])
    assert result.stdout == "doctor: nothing stops a run on Isaac Sim; 1 good to know\n" or result.stdout.endswith(
        "doctor: nothing stops a run on Isaac Sim\n"
    )


def test_a_broken_one_is_told_on_one_screen(broken: Workstation) -> None:
    result = broken.make("doctor", CONDA_PREFIX="/opt/conda", DISPLAY=":7")
    assert result.returncode == 2 and "doctor] Error 1" in result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "What stops a run on Isaac Sim: 3"
    assert "_isaac_sim" in lines[1] and "'/data/isaac-sim-4.5'" in lines[1] + lines[2]
    assert any("flatdict" in line for line in lines) and any("rsl-rl-lib" in line for line in lines)
    assert len(lines) <= 40
    assert lines[-1].startswith("doctor: 3 things stop a run on Isaac Sim; ")
    assert lines[-1].endswith("make fix repairs 3 of them")
    assert any("conda" in line for line in lines) and any(":7" in line for line in lines)


def test_json_and_the_true_status(broken: Workstation) -> None:
    result = doctor(broken, "doctor", "--json=1")
    data = json.loads(result.stdout)
    assert result.returncode == 1 and data["counts"]["stops"] == 3
    assert {one["id"] for one in data["findings"] if one["severity"] == "stops"} == {
        "launcher-python-missing", "flatdict-pkg-resources", "two-rsl-rl"
    }  # fmt: skip


def test_a_report_can_be_pasted(broken: Workstation) -> None:
    home = {"HOME": "/home/kimberly", "USER": "kimberly", "WANDB_API_KEY": "f00dbabe" * 5}
    result = broken.make("doctor", "REPORT=1", **home, PYTHONPATH="/home/kimberly/ros:/media/kimberly/lab")
    assert "| Isaac Sim | 5.1.0-rc.19" in result.stdout and "`two-rsl-rl`" in result.stdout
    assert "~/ros" in result.stdout and "/media/<user>/lab" in result.stdout
    assert not any(word in result.stdout for word in ("kimberly", "walhalla", "f00dbabe"))


def test_a_check_that_fails_is_told_and_the_others_count(sound: Workstation) -> None:
    path = "scripts/doctor/checks/display.py"
    before = (sound.path / path).read_text()
    sound.write(path, "def check(place):\n    raise OSError('of the test')\n    yield\n")
    try:
        result = doctor(sound)
    finally:
        sound.write(path, before)
    assert result.returncode == 2
    assert result.stderr == "doctor: the check 'display' itself failed: OSError: of the test\n"
    assert "nothing stops a run" in result.stdout


def test_before_anything_is_installed(checkout: Checkout) -> None:
    result = checkout.make("doctor")
    assert result.returncode == 0, result.stdout
    assert result.stdout.splitlines()[-1].startswith("doctor: nothing stops a run on the embedded simulator")
    assert not (checkout.path / ".venv").exists() and not (checkout.path / ".cache").exists()
    result = checkout.make("doctor", "SIM=isaac")
    assert "Isaac Sim is not set up here" in result.stdout and "doctor] Error 1" in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["doctor", "NUM_ENVS=8"], "doctor: NUM_ENVS is not for make doctor, which takes "),
        (["doctor", "JSN=1"], "doctor: unknown variable 'JSN' (did you mean 'JSON'?)"),
        (["doctor", "JSON=1", "REPORT=1"], "doctor: JSON=1 is for programs and REPORT=1 for people"),
        (["doctor", "TASK_PACKAGE=env,my_tasks"], "doctor: TASK_PACKAGE 'my_tasks' is no folder; doctor reads sources"),
        (["fix", "YES=x"], "fix: YES 'x' is not valid; it is 0 or 1"),
        (["explain", "LOG=nowhere.log"], "explain: cannot read LOG 'nowhere.log': No such file or directory; "),
        (["explain", "LOG=env"], "explain: cannot read LOG 'env': "),
        (["explain", "LOG=/dev/null"], "explain: cannot read LOG '/dev/null': it is empty; "),
        (["explain", "LOG=a", "RUN=b"], "explain: LOG names a log and RUN a run: give one of them"),
        (["explain"], "explain: no run has failed here yet; name a log: make explain LOG=file"),
    ],
)
def test_what_cannot_be_done_is_one_line(checkout: Checkout, words: list[str], said: str) -> None:
    result = checkout.make(*words)
    [line] = errors(result)
    assert line.startswith(said) and "Error 2" in result.stderr


# --- fix -----------------------------------------------------------------------------------------


def test_fix_repairs_and_looks_again(broken: Workstation) -> None:
    result = broken.make("fix", "YES=1", timeout=240)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "fix: 1 repair, each of which can be taken back" in result.stdout
    assert result.stdout.count("       for: ") == 3
    assert "fix: done; to take it back: make uninstall SIM=isaac" in result.stdout
    assert "doctor: nothing stops a run on Isaac Sim" in result.stdout.splitlines()[-1]
    assert (broken.lab / "_isaac_sim").readlink() == broken.sim
    assert list(broken.site.glob("flatdict*")) and not list(broken.site.glob("rsl_rl_lib-*"))


def test_fix_does_nothing_without_an_answer(broken: Workstation) -> None:
    result = broken.make("fix")
    assert errors(result) == ["fix: there is no terminal to ask on; to carry these out: make fix YES=1"]
    assert (broken.lab / "_isaac_sim").readlink() == Path("/data/isaac-sim-4.5")


def test_fix_asks_in_a_terminal_and_takes_no_for_no(broken: Workstation) -> None:
    leader, follower = pty.openpty()
    with subprocess.Popen(
        ["make", "fix"], cwd=broken.path, env=broken.environment(), stdin=follower, stdout=follower, stderr=follower
    ) as process:
        os.write(leader, b"n\n")
        process.wait(60)
    os.close(follower)
    said = b""
    while chunk := _read(leader):
        said += chunk
    assert b"1. bring the workstation up to date? [y/N]" in said and b"fix: done" not in said
    assert (broken.lab / "_isaac_sim").readlink() == Path("/data/isaac-sim-4.5")


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65536)
    except OSError:  # nobody holds the other end
        return b""


def test_what_fix_has_set_aside_survives_uninstall(checkout: Checkout) -> None:
    for name in (".isaac-workstation", "choices", "set-aside/2026-11-21_04-07-56/numpy/__init__.py"):
        checkout.write(f".isaac/{name}", "")
    for tool in ("rmdir", "git", "du", "comm", "find", "sort", "cut", "date", "env", "readlink", "stat", "tr", "xargs"):
        path = shutil.which(tool)
        if path and not (checkout.bin / tool).exists():
            (checkout.bin / tool).symlink_to(path)
    result = checkout.make("uninstall", "SIM=isaac", "YES=1")
    assert result.returncode == 0, result.stderr
    assert "set-aside: what make fix took out of Isaac Sim's Python" in result.stdout
    assert (checkout.path / ".isaac/set-aside/2026-11-21_04-07-56/numpy/__init__.py").is_file()


def test_fix_with_nothing_to_do(sound: Workstation) -> None:
    result = sound.make("fix")
    assert result.returncode == 0 and result.stdout.startswith("fix: there is nothing that can be repaired from here\n")


# --- explain -------------------------------------------------------------------------------------


def test_explain_takes_a_file_a_pipe_and_a_run(checkout: Checkout) -> None:
    run = "logs/rsl_rl/x/2026-11-21_04-07-56"
    for path in ("some log.txt", f"{run}/train.log"):
        checkout.write(path, LOG)
    checkout.write(f"{run}/run.json", '{"status": "failed"}')
    file = checkout.make("explain", "LOG=some log.txt")
    assert file.returncode == 0, file.stderr
    first, *rest = file.stdout.splitlines()
    assert first.startswith("explain: ") and first.endswith(" [dump-pickle-removed]")
    assert rest[0].startswith("  seen   line 5: ImportError: cannot import name 'dump_pickle'")
    piped = subprocess.run(
        ["make", "explain", "LOG=-"], cwd=checkout.path, env=checkout.environment(), input=LOG, text=True,
        capture_output=True, check=True,
    )  # fmt: skip
    assert piped.stdout == file.stdout == checkout.make("explain", "RUN=2026-11-21").stdout


def test_an_unknown_failure_is_said_to_be_unknown(checkout: Checkout) -> None:
    checkout.write("log", 'x\nTraceback (most recent call last):\n  File "a.py", line 1\nOddError: never seen\n')
    result = doctor(checkout, "explain", "--log=log")
    assert result.returncode == 1
    assert result.stdout.startswith("explain: a failure that is not in the catalogue\n")
    assert "OddError: never seen" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("doctor: nothing stops a run")


RUNNER = """printf '%s' "$LINES_OF_THE_TEST" >"$RUNNER_LOG"
[ "$STATUS" != told ] || { rm "$RUNNER_LOG"; exit 1; }
exit "$STATUS"
"""


def failed(checkout: Checkout, status: str, log: str) -> list[str]:
    """What is on stderr after a runner that printed this and ended like that."""
    checkout.stub_venv(RUNNER)
    result = checkout.make("train", "SIM=mujoco", STATUS=status, LINES_OF_THE_TEST=log)
    assert f"Error {1 if status == 'told' else status}" in result.stderr
    assert not list((checkout.path / ".cache").glob("log.*")) and not list((checkout.path / ".cache").glob("status.*"))
    return errors(result)


def test_a_run_that_fails_is_explained_by_itself_and_later(checkout: Checkout) -> None:
    lines = failed(checkout, "1", LOG)
    assert lines[0].endswith(" [dump-pickle-removed]") and lines[1].startswith("  seen   line 5: ImportError: ")
    assert checkout.make("explain").stdout.splitlines() == lines


def test_what_was_said_is_not_explained(checkout: Checkout) -> None:
    assert failed(checkout, "told", LOG) == failed(checkout, "2", LOG) == failed(checkout, "130", LOG) == []
    assert failed(checkout, "1", "train: the one line of an error\n") == []


def test_a_kill_is_named(checkout: Checkout) -> None:
    lines = failed(checkout, "137", "Learning iteration 3/90\n")
    assert lines[0] == (
        "explain: a failure that is not in the catalogue; it ended with status 137 (killed, often for memory)"
    )
    assert lines[-2].startswith("  do     see whether the kernel did it")
    assert lines[-1].startswith("doctor: ")


# --- the look before a run -----------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["train", "play"])
def test_a_run_that_would_fail_is_not_started(broken: Workstation, verb: str) -> None:
    result = broken.make(verb)
    lines = errors(result)
    assert len(lines) == 3 and all(line.startswith(f"{verb}: ") and "; make setup" in line for line in lines)
    [names] = re.findall(r" \(FORCE=(\S+) goes on without this\)$", lines[-1])
    assert len(names.split(",")) == 3 and "FORCE" not in lines[0] + lines[1]
    some = errors(broken.make(verb, f"FORCE={names.split(',')[0]}"))
    assert [": warning: " in line for line in some] == [True, False, False]
    for force in ("1", names):
        forced = errors(broken.make(verb, f"FORCE={force}"))
        assert forced[-1].startswith(f"{verb}: the workstation's set-up does not fit")
        passed = [line for line in forced if line.startswith(f"{verb}: warning: ")]
        assert [re.findall(r"\(FORCE goes on past '(.*)'\)$", line) for line in passed] == [
            [name] for name in names.split(",")
        ]


def test_the_look_is_silent_on_a_sound_workstation(sound: Workstation) -> None:
    result = subprocess.run(
        [sys.executable, "-I", "scripts/doctor", "guard", "train", "isaac"], cwd=sound.path, env=sound.environment(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_nothing_is_begun_without_a_folder_for_temporary_files(checkout: Checkout, tmp_path: Path) -> None:
    checkout.replace("scripts/doctor/finding.py", 'SYSTEM = Path("/")', f"SYSTEM = Path({str(tmp_path / 'none')!r})")
    for verb in ("setup", "train"):
        [line] = errors(checkout.make(verb, "SIM=mujoco", TMPDIR=str(tmp_path / "none")))
        assert line.startswith(f"{verb}: no folder for temporary files can be written: '{tmp_path}/none'")
    assert not (checkout.path / ".venv").exists()
