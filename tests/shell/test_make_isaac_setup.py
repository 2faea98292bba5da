"""make setup of the workstation, from the archive to the check, against the miniature Isaac world."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from isaac_world import install, set_gpu, snapshot
from shell_checkout import errors, program
from workstation import GPU, Workstation, World, make_workstation

import catalogue

KIT = "apps/isaacsim_5_1/isaaclab.python.headless.kit"


HOSTILE = {*(".local", "share", "applications", "conda", "bin", "python3", "seen", "words")}


def hostile(station: Workstation) -> dict[str, str]:
    """What a conda and ROS user's shell, and a hand-written launch script, leave in the environment."""
    leaked = station.home.parent / "leak"
    install(leaked, "isaacsim", "4.5.0")
    program(station.home / "conda/bin/python3", "echo conda; exit 9\n")
    return {
        "CONDA_PREFIX": f"{station.home}/conda",
        "PATH": f"{station.home}/conda/bin:{station.bin}",
        "PYTHONPATH": str(leaked),
        "PYTHONEXE": f"{station.home}/conda/bin/python3",
        "LD_LIBRARY_PATH": "/opt/ros/humble/lib",
        "ROS_DISTRO": "humble",
        "args": "--no-such-option",
        "ISAAC_PATH": "/opt/isaac-sim-4.5",
    }


# --- one whole set-up, which the tests below look at ---------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, world: World) -> Iterator[Workstation]:
    """Everything installed, robot too, from a shell that would break it."""
    station = make_workstation(tmp_path_factory.mktemp("whole"), world)
    (station.home / ".local/share/applications").mkdir(parents=True)
    station.first = station.setup(**hostile(station))
    assert station.first.returncode == 0, station.first.stdout + station.first.stderr
    yield station


def test_a_set_up_says_what_it_did_and_proves_it(whole: Workstation) -> None:
    rows = whole.rows(whole.first)
    assert {mark for mark, _ in rows.values()} == {"ok", "skip"}
    assert rows["kit"] == ("ok", str(whole.lab / KIT))
    assert rows["link _isaac_sim"] == ("ok", str(whole.sim))
    assert rows["rsl_rl"] == ("ok", "rsl_rl 1.0.2")
    assert rows["torch"][1].startswith("2.7.0+cu128 in ")
    assert rows["training, 2 iterations"] == ("skip", "no NVIDIA GPU answers (nvidia-smi -L)")
    [note] = [line for line in whole.first.stderr.splitlines() if line.startswith("note: ")]
    for name in ("CONDA_PREFIX", "PYTHONPATH", "PYTHONEXE", "LD_LIBRARY_PATH", "ROS_DISTRO", "args", "ISAAC_PATH"):
        assert name in note


def test_a_second_set_up_does_nothing(whole: Workstation) -> None:
    before = snapshot(whole.path, ignore=["setup.lock"])
    result = whole.setup()
    assert result.stdout.startswith("setup: nothing to do: Isaac Sim 5.1.0 in ")
    assert errors(result) == []
    assert snapshot(whole.path, ignore=["setup.lock"]) == before


def test_doctor_has_nothing_to_say_about_what_was_set_up(whole: Workstation) -> None:
    """About the machine it has: nobody knows where this test runs."""
    done = whole.make("doctor", "JSON=1")
    data = json.loads(done.stdout)
    assert data["simulator"] == "isaac" and data["failed_checks"] == []
    entries = catalogue.read()
    of_the_machine = {"gpu-driver-vulkan", "os-limits", "download-disk"}
    assert [one for one in data["findings"] if entries[one["id"]].group not in of_the_machine] == []


def test_what_isaac_sim_brings_is_as_it_was(whole: Workstation, world: World) -> None:
    now, archived = snapshot(whole.sim), snapshot(world.tree)
    changed = {path for path in archived if now.get(path) != archived[path]}
    assert changed == set()
    added = [
        p
        for p in now
        if p not in archived and not p.startswith(("kit/python/lib/python3.11/site-packages/", "kit/python/bin/"))
    ]
    assert added == ["extension_examples"]


def test_links_and_modes_of_the_archive_are_kept(whole: Workstation, world: World) -> None:
    links = [path for path, entry in snapshot(world.tree).items() if entry.kind == "link"]
    assert links
    assert (whole.sim / "python.sh").stat().st_mode & 0o111


def test_nothing_is_written_into_the_users_home(whole: Workstation) -> None:
    assert (whole.sim / "extension_examples").is_symlink()  # so its post_install.sh has run
    assert {path.name for path in whole.home.rglob("*")} <= HOSTILE


def test_the_kits_are_the_checkouts_own_one_folder_deeper(whole: Workstation) -> None:
    names = {path.name for path in (whole.lab / "apps").glob("*.kit")}
    assert {path.name for path in (whole.lab / "apps/isaacsim_5_1").glob("*.kit")} == names != set()
    for name in names:
        old, new = (whole.lab / "apps" / name).read_text(), (whole.lab / "apps/isaacsim_5_1" / name).read_text()
        assert "${app}/../source" in old
        assert "${app}/../../source" in new and "${app}/../source" not in new
        restored = new.replace("${app}/../../", "${app}/../").replace("2.4.30", "2.4.31")
        if ".headless" in name:  # these do not ask the registry of extensions
            assert new.count("registryEnabled = false") == 1 and "registryEnabled = true" not in new
            restored = restored.replace("\n[settings.app.extensions]\nregistryEnabled = false\n", "")
            restored = restored.replace("registryEnabled = false", "registryEnabled = true")
        assert restored == old
    assert 'importer.urdf" = {version = "2.4.30"' in (whole.lab / "apps/isaacsim_5_1/isaaclab.python.kit").read_text()
    status = subprocess.run(["git", "-C", whole.lab, "status", "--porcelain"], capture_output=True, check=True)
    assert status.stdout == b""


def test_the_licence_is_recorded_with_the_date(whole: Workstation) -> None:
    assert re.match(
        r"accepted 20\d\d-\d\d-\d\dT.* https://.* by ACCEPT_EULA=Y\n", (whole.install / "licence").read_text()
    )


def test_submodules_come_over_https(whole: Workstation) -> None:
    robot = whole.install / "Berkeley-Humanoid-Lite"
    assert "git@github.com" in (robot / ".gitmodules").read_text()
    assert (robot / "source/berkeley_humanoid_lite_assets/data/usd/berkeley_humanoid_lite.usd").is_file()
    assert (robot / "source/berkeley_humanoid_lite_lowlevel/pyproject.toml").is_file()


# --- launching in Isaac's Python -----------------------------------------------------------------

SHOW = """
import os, sys
from pathlib import Path
out = Path(os.environ["HOME"]) / "seen"
out.write_text("\\n".join(f"{k}={v}" for k, v in sorted(os.environ.items())))
from runners import verb
"""


PASSED = {"__VK_LAYER_NV_optimus": "NVIDIA_only", "DRI_PRIME": "1", "OMP_NUM_THREADS": "3", "CUDA_VISIBLE_DEVICES": "1"}


def write(runner: Path, text: str) -> None:
    """Two of one size in one second look the same to Python, which would take what it compiled before."""
    shutil.rmtree(runner.parent / "__pycache__", ignore_errors=True)
    runner.write_text(text)


@pytest.fixture
def runner(whole: Workstation) -> Iterator[Path]:
    """The file of the train runner, to be replaced by the test; play is the same."""
    files = {name: (whole.path / f"runners/{name}.py") for name in ("train", "play")}
    kept = {name: file.read_text() for name, file in files.items()}
    write(files["play"], SHOW + "verb.end(0)\n")
    yield files["train"]
    for name, file in files.items():
        write(file, kept[name])


def test_a_runner_starts_in_a_clean_environment(whole: Workstation, runner: Path) -> None:
    write(runner, SHOW + "verb.end(0)\n")
    result = whole.make(
        "train", **hostile(whole), DISPLAY=":0", TERM="dumb", WANDB_MODE="offline", SECRET="x", **PASSED
    )
    assert result.returncode == 0, result.stderr
    assert "SIM=isaac (an Isaac Sim workstation is installed here)" in result.stdout
    assert "conda env" not in result.stdout
    seen = dict(line.split("=", 1) for line in (whole.home / "seen").read_text().splitlines())
    assert seen["ISAAC_PATH"] == str(whole.sim)
    assert seen["TERM"] == "xterm"
    assert seen["PYTHONNOUSERSITE"] == seen["PYTHONUNBUFFERED"] == "1"
    assert seen["OMNI_KIT_ACCEPT_EULA"] == "YES"
    assert seen["WANDB_MODE"] == "offline"
    assert seen["ISAACLAB_PATH"] == str(whole.lab)
    assert seen["ISAAC_TASK_PACKAGES"] == "berkeley_humanoid_lite.tasks"
    assert PASSED.items() <= seen.items() and seen["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    for name in ("CONDA_PREFIX", "PYTHONEXE", "ROS_DISTRO", "args", "DISPLAY", "SECRET"):
        assert name not in seen
    assert "leak" not in seen["PYTHONPATH"]


@pytest.mark.parametrize(
    ("words", "passed"), [([], True), (["VIEWER=native"], True), (["VIEWER=none"], False), (["VIDEO=1"], False)]
)
def test_the_display_is_for_a_window(whole: Workstation, runner: Path, words: list[str], passed: bool) -> None:
    assert whole.make("play", *words, DISPLAY=":0").returncode == 0
    assert ("DISPLAY=:0" in (whole.home / "seen").read_text().splitlines()) == passed


@pytest.mark.parametrize(
    ("ending", "status", "said"),
    [
        ("verb.end(0)", 0, ""),
        ("verb.end(130)", 130, ""),
        ("verb.end(2)", 2, ""),
        ("os._exit(0)", 1, "train: the simulator ended before the runner did; what it printed is above"),
        ("raise SystemExit(3)", 1, "train: the simulator ended before the runner did; what it printed is above"),
    ],
)
def test_the_status_is_the_runners(whole: Workstation, runner: Path, ending: str, status: int, said: str) -> None:
    write(runner, SHOW + ending + "\n")
    result = subprocess.run(
        ["scripts/launch.sh", "train"],
        cwd=whole.path,
        env=whole.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == status
    assert result.stderr.strip() == said
    assert not list((whole.path / ".cache").glob("status.*"))


def test_what_needs_no_simulator_runs_there_too(whole: Workstation) -> None:
    result = whole.make("tasks", "KEYWORD=Velocity-Berkeley")
    assert (result.returncode, errors(result)) == (0, [])
    assert "(default)" in result.stdout
    result = whole.make("check-config", "TASK=none")
    assert errors(result)[0].startswith("check-config: ")


def test_a_pin_that_moved_stops_a_run(whole: Workstation, runner: Path) -> None:
    kept = (whole.path / "env/isaac.lock").read_text()
    whole.write("env/isaac.lock", kept + "\n")
    [line] = errors(whole.make("train"))
    whole.write("env/isaac.lock", kept)
    assert line == (
        "train: the workstation's set-up does not fit the pins or the files any more; bring it up to date: make setup"
    )


# --- the last step -------------------------------------------------------------------------------


def verify_again(station: Workstation) -> subprocess.CompletedProcess[str]:
    (station.install / "receipt-verify").unlink(missing_ok=True)
    return station.setup()


def test_a_gpu_is_proven_by_training(whole: Workstation, runner: Path) -> None:
    program(whole.bin / "nvidia-smi", f'case $1 in -L) echo "GPU 0: x" ;; *) echo "{GPU}" ;; esac\n')
    set_gpu(whole.sim, True)
    try:
        write(runner, SHOW + "(out.parent / 'words').write_text(' '.join(sys.argv[1:]))\nverb.end(0)\n")
        good = whole.rows(verify_again(whole))
        words = (whole.home / "words").read_text()
        write(runner, SHOW + "print('train: failed: out of memory')\nverb.end(1)\n")
        failed = verify_again(whole)
        (whole.site / "mediapy").rename(whole.site / "mediapy.away")
        write(runner, SHOW + "verb.end(0)\n")
        doubtful = verify_again(whole)
        (whole.site / "mediapy.away").rename(whole.site / "mediapy")
        set_gpu(whole.sim, False)
        blind = verify_again(whole)
    finally:
        program(whole.bin / "nvidia-smi", "exit 9\n")
        set_gpu(whole.sim, False)
    assert doubtful.returncode == 0 and whole.rows(doubtful)["import mediapy"][0] == "note"
    assert whole.rows(doubtful)["assets"][1].endswith("as the training shows")
    assert good["training, 2 iterations"] == ("ok", "16 environments, headless")
    assert good["GPU in torch"][0] == "ok"
    assert {"--num-envs=16", "--iterations=2", "--sim=isaac"} <= set(words.split())
    assert failed.returncode != 0
    assert whole.rows(failed)["training, 2 iterations"] == ("FAIL", "train: failed: out of memory")
    assert whole.rows(blind)["GPU in torch"] == ("FAIL", "torch.cuda.is_available() is False")
    assert whole.rows(blind)["training, 2 iterations"][0] == "skip"
    assert "nothing to do" not in verify_again_after_failure(whole).stdout


def verify_again_after_failure(station: Workstation) -> subprocess.CompletedProcess[str]:
    assert not (station.install / "receipt-verify").exists()
    return station.setup()


def test_the_proof_needs_no_venv_module(whole: Workstation, runner: Path) -> None:
    """Ubuntu's python3 comes without, and the workstation makes no .venv."""
    python, answer = whole.bin / "python3", "3.11.7 cpython False"
    real = python.resolve()
    python.unlink()
    program(python, f'case "$*" in *ensurepip*) echo "{answer} {real}" ;; *) exec {real} "$@" ;; esac\n')
    program(whole.bin / "nvidia-smi", f'case $1 in -L) echo "GPU 0: x" ;; *) echo "{GPU}" ;; esac\n')
    set_gpu(whole.sim, True)
    write(runner, SHOW + "verb.end(0)\n")
    try:
        proven = whole.rows(verify_again(whole))
        started = whole.make("train", "SIM=isaac")
    finally:
        python.unlink()
        python.symlink_to(real)
        program(whole.bin / "nvidia-smi", "exit 9\n")
        set_gpu(whole.sim, False)
    assert proven["training, 2 iterations"] == ("ok", "16 environments, headless")
    assert started.returncode == 0, started.stderr


IN_FRONT = {
    "numpy": ("__version__ = '2.2.0'", "numpy"),
    "torch": ("__version__ = '2.9.0+cpu'", "torch"),
    "isaaclab": ("", "Isaac Lab's packages"),
    "carb": ("from carb import _carb", "SimulationApp"),
}


def test_what_stands_in_front_of_the_right_package_fails(whole: Workstation) -> None:
    for name, (text, row) in IN_FRONT.items():
        (whole.site / name).mkdir()
        (whole.site / name / "__init__.py").write_text(text)
        try:
            result = verify_again(whole)
        finally:
            shutil.rmtree(whole.site / name)
        assert result.returncode != 0, name
        assert whole.rows(result)[row][0] == "FAIL"
        assert errors(result)[-1].startswith(
            "setup: the workstation is not as it should be: see the rows marked FAIL above; "
        )
        assert not (whole.install / "receipt-verify").exists()
    assert whole.setup().returncode == 0


# --- leaving ------------------------------------------------------------------------------------


def test_uninstall_asks_first(whole: Workstation) -> None:
    before = snapshot(whole.path)
    result = whole.make("uninstall")
    assert result.returncode != 0
    assert errors(result) == ["uninstall: nothing is removed without being asked; to go on: make uninstall YES=1"]
    assert f"{whole.sim}\n" in result.stdout
    assert snapshot(whole.path) == before


def test_uninstall_leaves_what_was_before(whole: Workstation, world: World, tmp_path: Path) -> None:
    fresh = make_workstation(tmp_path, world)
    (whole.path / "logs/rsl_rl/run").mkdir(parents=True)
    (whole.path / "logs/rsl_rl/run/model_1.pt").write_text("weights")
    (whole.lab / "logs").mkdir()
    (whole.lab / "logs/mine.pt").write_text("weights of a run of Isaac Lab's own scripts")
    (whole.sim / "extsUser").mkdir(exist_ok=True)
    (whole.sim / "extsUser/mine.py").write_text("mine")
    (whole.sim / "kit/cache").mkdir(exist_ok=True)
    (whole.sim / "kit/cache/shader").write_text("cache")
    result = whole.make("uninstall", "YES=1")
    assert result.returncode == 0, result.stderr
    assert f"kept: {whole.lab}: there is something of yours in it (!! logs/" in result.stdout
    assert f"kept: {whole.sim}/extsUser/mine.py, which set-up did not make" in result.stdout
    assert [p for p in whole.sim.rglob("*") if not p.is_dir()] == [whole.sim / "extsUser/mine.py"]
    assert (whole.lab / "logs/mine.pt").is_file()
    assert (whole.path / "logs/rsl_rl/run/model_1.pt").read_text() == "weights"
    for folder in (whole.path / "logs", whole.install):
        shutil.rmtree(folder)
    assert snapshot(whole.path) == snapshot(fresh.path)
    assert whole.make("uninstall").stdout == "uninstall: nothing is installed\n"
