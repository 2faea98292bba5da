"""Each step of the workstation's set-up by itself: pins that move, what was there before, what fails."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import random
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from archive_server import ArchiveServer
from isaac_world import (
    LFS_POINTER,
    TROVE,
    Repositories,
    install,
    make_isaac_tree,
    make_repositories,
    make_sdist,
    real_wheels,
    snapshot,
    unpack,
    zip_tree,
)
from shell_checkout import SOURCE, Checkout, errors, make_wheel, members, program
from workstation import ARCHIVE, GROUND_PLANE, MACHINE, Workstation, World, link_build_tools, make_workstation, slim

# --- one installation for several tests ----------------------------------------------------------


class Reference(NamedTuple):
    """An installation that nothing disturbed."""

    station: Workstation
    seconds: float
    content: dict[str, str]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, world: World) -> Reference:
    station = slim(make_workstation(tmp_path_factory.mktemp("reference"), world))
    started = time.monotonic()
    assert station.setup().returncode == 0
    seconds = time.monotonic() - started
    link_build_tools(station)
    return Reference(station, seconds, content(station))


# --- what was there before -----------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path, world: World) -> tuple[Path, Path]:
    """A user's own Isaac Sim and Isaac Lab, with what years have left in them."""
    sim = make_isaac_tree(tmp_path / "own-isaac", setuptools="82.0.1")
    site = sim / "kit/python/lib/python3.11/site-packages"
    install(site, "rsl-rl-lib", "4.0.0", {"rsl_rl/__init__.py": "", "rsl_rl/models.py": ""})
    install(site, "gymnasium", "0.29.1")
    lab = tmp_path / "own-lab"
    url = world.repositories.path("IsaacLab").as_uri()
    subprocess.run(["git", "clone", "-q", "--branch", "v2.3.2", url, str(lab)], capture_output=True, check=True)
    (lab / "_isaac_sim").symlink_to("/opt/isaac-sim-4.5")
    shutil.copytree(lab / "apps/isaacsim_4_5", lab / "apps/isaacsim_5_1")
    with (lab / "source/isaaclab/isaaclab/__init__.py").open("a") as stream:
        stream.write("# mine\n")
    return sim, lab


def test_an_installation_of_the_users_is_taken_and_given_back(
    tmp_path: Path, world: World, own: tuple[Path, Path]
) -> None:
    station = slim(make_workstation(tmp_path / "new", world), sources=True)
    link_build_tools(station)
    sim, lab = own
    before = snapshot(sim), snapshot(lab, ["__pycache__", ".git"])
    words = [f"ISAACSIM_PATH={sim}", f"ISAACLAB_PATH={lab}/"]
    result = station.setup(*words)
    assert result.returncode == 0, result.stderr
    rows = station.rows(result)
    assert rows["rsl_rl"] == ("ok", "rsl_rl 1.0.2")
    assert rows["link _isaac_sim"] == ("ok", str(sim))
    assert rows["kit"] == ("ok", f"{lab}/apps/isaacsim_5_1/isaaclab.python.headless.kit")
    assert "  set aside gymnasium 0.29.1\n  set aside rsl-rl-lib 4.0.0\n" in result.stdout
    assert f"{lab}/_isaac_sim -> {sim} (was /opt/isaac-sim-4.5)" in result.stdout
    assert f"setup: warning: '{lab}' has local changes; it is used as it is" in result.stderr
    assert "4.5" not in (lab / "apps/isaacsim_5_1/isaaclab.python.kit").read_text()
    assert not station.sim.exists() and not station.lab.exists()
    assert "nothing to do" in station.setup().stdout  # both stay chosen

    # on a disk that is not mounted now: what gave way for us must not be forgotten
    sim.rename(tmp_path / "away")
    result = station.make("uninstall", "YES=1")
    assert result.returncode != 0
    assert f"'{sim}', where set-up put packages, is not there; bring it back, then: make " in result.stderr
    assert (station.install / "aside-packages").is_dir()
    (tmp_path / "away").rename(sim)

    result = station.make("uninstall", "YES=1")
    assert result.returncode == 0, result.stderr
    assert f"kept: {sim}: your Isaac Sim" in result.stdout
    assert (snapshot(sim), snapshot(lab, ["__pycache__", ".git"])) == before
    assert not station.install.exists()


# --- what fails ----------------------------------------------------------------------------------


def test_a_lost_package_is_seen_and_put_back(reference: Reference) -> None:
    station = reference.station
    before = snapshot(station.sim)
    shutil.rmtree(next(station.site.glob("gymnasium-*.dist-info")))
    assert ": gymnasium (1 in all) not in '" in errors(station.make("train"))[-1]
    assert "the workstation's set-up does not fit" in errors(station.make("train", "FORCE=1"))[-1]
    result = station.setup()
    assert result.returncode == 0, result.stderr
    assert snapshot(station.sim) == before


def test_a_package_that_does_not_build_changes_nothing(reference: Reference, world: World, tmp_path: Path) -> None:
    station = reference.station
    before = snapshot(station.sim)
    receipt = station.install / "receipt-packages"
    inputs = receipt.read_text()
    (tmp_path / "links").mkdir()
    broken = make_sdist(tmp_path / "links", "broken", "1.0", "raise SystemExit('no compiler')\n", {})
    station.write("env/isaac.lock", world.locks["slim"] + broken)
    only = "--only-binary :all:"
    station.replace("scripts/setup/packages.sh", only, f"{only} --no-binary broken")
    result = station.setup(PIP_FIND_LINKS=f"{station.env['PIP_FIND_LINKS']} {tmp_path}/links")
    station.replace("scripts/setup/packages.sh", f"{only} --no-binary broken", only)
    station.write("env/isaac.lock", world.locks["slim"])
    assert result.returncode != 0
    assert "no compiler" in (station.path / ".cache/setup.log").read_text()
    assert errors(result)[-1].startswith("setup: installing the packages of env/isaac.lock failed; ")
    assert not receipt.exists()
    assert snapshot(station.sim) == before
    receipt.write_text(inputs)  # for the next test


def test_a_full_disk(station: Workstation, small_disk: Path, world: World) -> None:
    (small_disk / "filler").write_bytes(bytes(50 << 20))
    result = station.setup(f"INSTALL={small_disk}/isaac", f"ISAAC_SIM_ZIP={world.archive}")
    assert result.returncode != 0
    assert "disk" in errors(result)[-1] and "is full" in errors(result)[-1]
    assert errors(result)[-1].endswith("make setup")
    assert {path.name for path in (small_disk / "isaac").iterdir()} == {".isaac-workstation"}


def test_a_space_in_the_path_is_refused_before_anything(tmp_path: Path, world: World) -> None:
    station = make_workstation(tmp_path, world, "mön checkout")
    result = station.setup()
    assert "Isaac Sim's own python.sh does not work in a folder with a space" in result.stderr
    assert not station.sim.exists()


def test_a_folder_of_somebody_else_is_refused(station: Workstation, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/file").write_text("x")
    [line] = [line for line in errors(station.setup(f"INSTALL={tmp_path}/theirs")) if "INSTALL" in line]
    assert line.startswith(f"setup: INSTALL '{tmp_path}/theirs' is not empty and was not made by this project; ")
    station.sim.mkdir(parents=True)
    (station.sim / "file").write_text("x")
    lines = errors(station.setup())
    assert [line for line in lines if f"'{station.sim}' was not made by this project; move it away" in line]
    assert (station.sim / "file").read_text() == "x"


def test_all_that_stands_against_it_is_said_at_once(station: Workstation, tmp_path: Path) -> None:
    station.program("getconf", "echo glibc 2.31\n")
    (station.bin / "curl").unlink()
    lines = errors(station.make("setup", f"ISAAC_SIM_ZIP={tmp_path}/none.zip", "RSL_RL=9.9.9"))
    text = "\n".join(lines)
    for word in (
        "glibc is 2.31",
        "not on PATH: curl",
        "none.zip' is not a file",
        "RSL_RL '9.9.9'",
        "the licence of Isaac Sim is not accepted",
        "no NVIDIA GPU answers",
    ):
        assert word in text
    assert all(line.startswith("setup: ") for line in lines)
    assert lines[-1].endswith("; the embedded simulator needs none of this: make setup SIM=mujoco")
    assert "FORCE=1" in text
    assert not station.sim.exists()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("no python.sh", "has no python.sh"),
        ("older", "is Isaac Sim '4.5.0', 5.1 is wanted"),
        ("lab", "is Isaac Lab '2.1.0', 2.3.2 is wanted"),
    ],
)
def test_what_is_named_is_looked_at(station: Workstation, tmp_path: Path, name: str, found: str) -> None:
    folder = tmp_path / "named"
    folder.mkdir()
    words = [f"ISAACSIM_PATH={folder}"]
    if name == "older":
        program(folder / "python.sh", "exit 1\n")
        (folder / "VERSION").write_text("4.5.0-rc.36+release\n")
    if name == "lab":
        (folder / "source/isaaclab").mkdir(parents=True)
        (folder / "VERSION").write_text("2.1.0\n")
        words = [f"ISAACLAB_PATH={folder}"]
    result = station.setup(*words)
    assert result.returncode != 0
    assert found in result.stderr


# --- the archive ---------------------------------------------------------------------------------


@pytest.fixture
def server(world: World) -> ArchiveServer:
    with ArchiveServer(world.archive.parent) as server:
        yield server


def test_the_archive_over_http(station: Workstation, world: World, server: ArchiveServer, tmp_path: Path) -> None:
    """Not there, a web page, cut twice, well, and later another file."""
    path = f"/{ARCHIVE}"
    station.pin("ARCHIVE_URL", server.url(path))
    server.behave(path, status=404)
    assert "(404); check ISAAC_SIM_URL" in errors(station.setup())[-1]
    server.behave(path, portal=True)
    assert "a web page answered" in errors(station.setup())[-1]
    assert not station.sim.exists()
    server.sent[path] = 0
    server.behave(path, cut_after=[100_000, 1])
    station.pin("GITHUB", (tmp_path / "nowhere").as_uri())  # so that it ends after that step
    station.replace("scripts/git.sh", "GIT_WAIT=5", "GIT_WAIT=0")
    result = station.setup("KEEP_ZIP=0")
    assert "git cannot get Isaac Lab" in errors(result)[-1]
    assert station.sim.is_dir()
    assert server.sent[path] == world.archive.stat().st_size
    assert not (station.install / "downloads" / ARCHIVE).exists()

    shutil.rmtree(station.sim)
    other = station.path / "other.zip"
    shutil.copy(world.archive, other)
    with other.open("ab") as stream:
        stream.write(b"\0")
    line = errors(station.setup(f"ISAAC_SIM_ZIP={other}"))[-1]
    assert "is not the archive seen on 20" in line and "remove .isaac/archive.lock" in line
    assert not station.sim.exists()


def test_a_damaged_archive_is_not_locked_in(station: Workstation, world: World, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.zip"
    content = bytearray(world.archive.read_bytes())
    content[len(content) // 2] ^= 0xFF
    damaged.write_bytes(content)
    result = station.setup(f"ISAAC_SIM_ZIP={damaged}")
    assert result.returncode != 0
    assert not station.sim.exists()
    assert not (station.install / "isaacsim.part").exists()
    assert not (station.install / "archive.lock").exists()


# --- git -----------------------------------------------------------------------------------------


def test_a_pointer_of_git_lfs_is_not_taken_for_the_file(station: Workstation, world: World, tmp_path: Path) -> None:
    """The step by itself, on an Isaac Sim that is just unpacked."""
    repositories = make_repositories(tmp_path / "git", lfs_pointer=True)
    station.pin("GITHUB", repositories.url)
    station.pin("ROBOT_COMMIT", repositories.commits["Berkeley-Humanoid-Lite"])
    (station.install / "choices").unlink()
    link_build_tools(station)
    shutil.copytree(world.tree, station.sim, symlinks=True)
    (station.path / ".cache/tmp").mkdir(parents=True)
    usd = "source/berkeley_humanoid_lite_assets/data/usd/berkeley_humanoid_lite.usd"
    robot = station.install / "Berkeley-Humanoid-Lite"

    line = install_robot(station).stderr.splitlines()[-1]
    assert line.startswith(f"setup: '{usd}' of the robot is a Git LFS pointer, not the file itself; ")
    assert line.endswith("(sudo apt install git-lfs), then: make setup")
    assert not robot.exists()
    pointers = 'grep -rl "^version https://git-lfs" --exclude-dir=.git .'
    station.program("git-lfs", f'[ "$1" != pull ] || {pointers} | while read -r file; do echo usd >"$file"; done\n')
    result = install_robot(station)
    assert result.returncode == 0, result.stderr
    assert (robot / usd).read_text() == "usd\n"
    assert install_robot(station, "check").returncode == 0

    (robot / usd).write_text(LFS_POINTER)
    assert install_robot(station, "check").returncode == 1
    shutil.rmtree(robot / "source/berkeley_humanoid_lite_lowlevel")
    (robot / "source/berkeley_humanoid_lite_lowlevel").mkdir()
    assert install_robot(station).returncode == 0
    assert (robot / usd).read_text() == "usd\n"
    assert (robot / "source/berkeley_humanoid_lite_lowlevel/pyproject.toml").is_file()
    assert install_robot(station, "check").returncode == 0


@pytest.mark.parametrize("backend", ["setuptools.build_meta", "hatchling.build"])
def test_the_robots_classifiers_are_not_judged(
    station: Workstation, world: World, tmp_path: Path, backend: str
) -> None:
    """Also where Isaac Sim's Python itself has the list of those that an index takes."""
    repositories = make_repositories(tmp_path / "git", build_backend=backend)
    station.pin("GITHUB", repositories.url)
    station.pin("ROBOT_COMMIT", repositories.commits["Berkeley-Humanoid-Lite"])
    (station.install / "choices").unlink()
    shutil.copytree(world.tree, station.sim, symlinks=True)
    [wheel] = real_wheels(TROVE)
    unpack(wheel, station.site)
    (station.path / ".cache/tmp").mkdir(parents=True)
    result = install_robot(station)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "metadata" not in result.stderr
    assert len(list(station.site.glob("berkeley_humanoid_lite*-*.dist-info"))) == 2


def install_robot(station: Workstation, what: str = "install") -> subprocess.CompletedProcess[str]:
    (station.path / ".cache/setup.log").write_text("")
    command = ["scripts/setup/robot.sh", what]
    return subprocess.run(
        command, cwd=station.path, env=station.environment(), capture_output=True, text=True, check=False
    )


def test_no_repository(station: Workstation, tmp_path: Path) -> None:
    station.pin("GITHUB", (tmp_path / "nowhere").as_uri())
    station.replace("scripts/git.sh", "GIT_WAIT=5", "GIT_WAIT=0")
    line = errors(station.setup())[-1]
    assert line.startswith("setup: git cannot get Isaac Lab's commit ")
    assert "nowhere" in line and line.endswith("then: make setup")
    assert not station.lab.exists()


def test_a_reason_of_git_is_shown_whatever_bytes_it_holds(station: Workstation) -> None:
    said = "remote: half\\rfatal: caf\\351 \\033[31m\\000is closed\\n"
    station.program(
        "git",
        f'case " $* " in *" fetch "*) printf "{said}" >&2; exit 128 ;; esac\nexec {shutil.which("git")} "$@"\n',
    )
    station.replace("scripts/git.sh", "GIT_WAIT=5", "GIT_WAIT=0")
    done = subprocess.run(
        ["make", "setup", "ACCEPT_EULA=Y", f"FORCE={MACHINE}"],
        cwd=station.path, env=station.environment(), capture_output=True, check=False,
    )  # fmt: skip
    assert b"(fatal: caf\xe9 [31mis closed); check the connection" in done.stderr.splitlines()[-2]


@pytest.fixture
def git_daemon(world: World) -> Iterator[str]:
    """git's own server on a port of its own, and its address with a user."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["git", "daemon", "--export-all", f"--base-path={world.repositories.folder}", "--listen=127.0.0.1"]
    process = subprocess.Popen(
        [*command, f"--port={port}", "--reuseaddr"], stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        until = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        assert process.poll() is None, process.stderr and process.stderr.read()
        yield f"git://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_repositories_come_from_a_mirror_with_a_port(station: Workstation, git_daemon: str) -> None:
    """Submodules over ssh too; nothing of the address stays in a checkout."""
    station.pin("GITHUB", "https://git.invalid")
    refused = station.setup("GIT_HOST=127.0.0.1:9418")
    assert errors(refused)[0].startswith("setup: GIT_HOST '127.0.0.1:9418' is not valid; it is an address that begins")
    done = station.setup(f"GIT_HOST={git_daemon}", "ROBOT=berkeley-humanoid-lite")
    assert done.returncode == 0, done.stderr
    assert station.rows(done)["the robot's packages"][0] == "ok"
    for name in ("IsaacLab", "Berkeley-Humanoid-Lite"):
        folder = station.install / name
        origin = subprocess.run(
            ["git", "-C", folder, "config", "remote.origin.url"], capture_output=True, text=True, check=True
        )
        assert origin.stdout.startswith("https://github.com/")
        assert not [
            file for file in (folder / ".git").rglob("*") if file.is_file() and git_daemon.encode() in file.read_bytes()
        ]


# --- the build -----------------------------------------------------------------------------------


def test_a_robot_that_cannot_be_built_is_put_on_the_path(station: Workstation, tmp_path: Path) -> None:
    repositories = make_repositories(tmp_path / "git", build_backend="of.a.time.to.come")
    station.pin("GITHUB", repositories.url)
    station.pin("ROBOT_COMMIT", repositories.commits["Berkeley-Humanoid-Lite"])
    done = station.setup("ROBOT=berkeley-humanoid-lite")
    assert done.returncode == 0, done.stdout + done.stderr
    [line] = [line for line in errors(done) if "the robot, editable" in line]
    assert re.match(
        r"setup: warning: the robot, editable: pip cannot build it \(.*Error: .*\); the folders are put on", line
    )
    assert station.rows(done)["the robot's packages"][0] == "ok"
    paths = {file.read_text().strip() for file in station.site.glob("isaac-workstation-*.pth")}
    robot = station.install / "Berkeley-Humanoid-Lite/source"
    assert paths == {f"{robot}/berkeley_humanoid_lite", f"{robot}/berkeley_humanoid_lite_assets"}
    assert station.setup().stdout.startswith("setup: nothing to do: ")
    found = json.loads(station.make("doctor", "JSON=1").stdout)["findings"]
    assert not [one for one in found if "missing" in one["id"] or "editable" in one["id"]], found
    next(station.site.glob("isaac-workstation-*.pth")).unlink()
    assert "bring it up to date: make setup" in errors(station.make("train"))[-1]
    assert station.setup().returncode == 0
    assert len(list(station.site.glob("isaac-workstation-*.pth"))) == 2
    assert station.make("uninstall", "YES=1", "SIM=isaac").returncode == 0
    assert not station.install.exists()


# --- a set-up that stops half-way ----------------------------------------------------------------


def test_a_set_up_that_stopped_is_no_reason_for_another_simulator(station: Workstation, tmp_path: Path) -> None:
    station.pin("GITHUB", (tmp_path / "nowhere").as_uri())
    station.replace("scripts/git.sh", "GIT_WAIT=5", "GIT_WAIT=0")
    assert station.setup().returncode != 0
    for verb in ("train", "tasks", "play"):
        done = station.make(verb)
        [line] = errors(done)
        assert done.returncode != 0
        assert line.startswith(f"{verb}: the Isaac Sim workstation is not set up to its end: it stopped in the step")
        assert "'isaac_lab' (installing Isaac Lab 2.3.2 in " in line
        assert line.endswith("; go on with it: make setup SIM=isaac, or take the embedded simulator: SIM=mujoco")
    [line] = errors(station.make("train", "SIM=isaac"))
    assert "Isaac Sim is not set up here: its set-up stopped in the step 'isaac_lab' (" in line
    assert not (station.path / ".venv").exists()
    station.pin("GITHUB", station.world.repositories.url)
    assert station.setup().returncode == 0
    assert not (station.install / "unfinished").exists()
    # an upgrade that stops half-way, with the receipt of the proof before
    station.pin("ISAAC_RSL_RL_COMMIT", "0" * 40)
    assert station.setup().returncode != 0
    assert (station.install / "receipt-verify").exists()
    assert "it stopped in the step 'packages' (installing packages in " in errors(station.make("train"))[0]


def test_a_licence_alone_is_no_set_up(station: Workstation) -> None:
    shutil.rmtree(station.install)
    station.program("getconf", "echo glibc 2.31\n")
    assert station.make("setup", "ACCEPT_EULA=Y").returncode != 0
    assert (station.install / "licence").is_file()
    words = "from runners import simulators; print(simulators.choose('auto')[0])"
    done = subprocess.run(
        [station.bin / "python3", "-c", words], cwd=station.path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "mujoco\n"


# --- assets --------------------------------------------------------------------------------------


def test_assets_of_the_users_are_in_every_make_of_the_kits(station: Workstation, world: World, tmp_path: Path) -> None:
    assets = tmp_path / 'a "gräte" & more|\\'
    shutil.copytree(world.assets, assets)
    station.pin("ASSETS_URL", "https://assets.invalid/5.1")
    closed = station.setup()
    assert "these names do not resolve: 'assets.invalid'" in closed.stderr
    [line] = [line for line in errors(station.setup(f"ASSETS={tmp_path}")) if "ASSETS" in line]
    assert line.startswith(
        f"setup: ASSETS '{tmp_path}' has no '{GROUND_PLANE}', which every plane is made of; name the folder"
    )
    done = station.setup(f"ASSETS={assets}")
    assert done.returncode == 0, done.stderr
    assert station.rows(done)["assets"] == ("ok", str(assets))
    kit = station.lab / "apps/isaacsim_5_1/isaaclab.python.headless.kit"
    assert roots(kit) == {str(assets)}
    shutil.rmtree(kit.parent)
    assert station.setup().returncode == 0
    assert roots(kit) == {str(assets)}
    assert station.make("uninstall", "YES=1", "SIM=isaac").returncode == 0
    assert (assets / GROUND_PLANE).is_file()


def roots(kit: Path) -> set[str]:
    texts = re.findall(r"^persistent\.isaac\.asset_root\.\w+ = (.*)$", kit.read_text(), re.MULTILINE)
    assert len(texts) == 3
    return set(map(json.loads, texts))  # such a text is the same in TOML and JSON


def test_an_asset_server_that_does_not_answer_is_told_from_a_broken_install(station: Workstation) -> None:
    station.pin("ASSETS_URL", "http://127.0.0.1:9/5.1")
    done = station.setup()
    mark, found = station.rows(done)["asset server"]
    assert mark == "FAIL" and found.startswith("127.0.0.1 does not answer (curl: ")
    assert "this is the network, not the installation" in found
    assert done.returncode != 0 and errors(done)[-1].endswith("make setup FORCE=asset-server")


# --- going on past what fails --------------------------------------------------------------------


def test_force_names_what_it_goes_on_past(station: Workstation) -> None:
    station.program("getconf", "echo glibc 2.35\n")
    station.program("nvidia-smi", 'echo "NVIDIA GeForce RTX 4070, 595.45.04, 12282"\n')
    [*_, line] = errors(station.setup("FORCE=little-gpu-memory,no-nvidia-gpu"))
    assert "with 595 and newer the renderer of Isaac Sim 5.1 crashes" in line or "FORCE=" in line
    assert "driver-too-new-595" in line.rpartition("FORCE=")[0]
    assert not station.sim.exists()
    done = station.make("setup", "FORCE=rubbish here")
    assert errors(done)[0].startswith("setup: FORCE 'rubbish here' is not valid; it is 1 for all")


def test_a_proof_that_fails_has_a_door(reference: Reference) -> None:
    station = reference.station
    broken = station.site / "mediapy/__init__.py"
    text = broken.read_text()
    broken.write_text("raise OSError('no libfoo.so')\n")
    try:
        (station.install / "receipt-verify").unlink()
        refused = station.setup()
        assert station.rows(refused)["import mediapy"] == ("FAIL", "OSError: no libfoo.so")
        assert refused.returncode != 0 and errors(refused)[-1].endswith("make setup FORCE=import-mediapy")
        assert "set-up stopped in the step 'verify'" in errors(station.make("train", "SIM=isaac"))[-1]
        passed = station.setup(f"FORCE={MACHINE},import-mediapy")
        assert passed.returncode == 0
        said = "import mediapy: OSError: no libfoo.so"
        assert f"setup: warning: {said} (FORCE goes on past 'import-mediapy')" in errors(passed)
        started = station.make("train", "TASK=none")
        assert f"train: warning: set-up went on past this by FORCE: {said}" in errors(started)
        again = station.setup("FORCE=1")
        assert again.stdout.startswith(
            "setup: nothing to do"
        ) and f"setup: warning: gone on past by FORCE: import-mediapy: {said}" in (errors(again))
    finally:
        broken.write_text(text)
    mended = station.setup()
    assert mended.returncode == 0 and station.rows(mended)["imports"][0] == "ok"
    assert "by FORCE" not in station.make("train", "TASK=none").stderr


@pytest.mark.parametrize(
    ("name", "text", "mark"),
    [
        ("torch", "__version__ = '2.7.0+cu126'", "note"),
        ("numpy", "__version__ = '1.26.4'", "ok"),
        ("numpy", "__version__ = '2.2.0'", "FAIL"),
    ],
)
def test_another_build_of_a_release_is_a_note(reference: Reference, name: str, text: str, mark: str) -> None:
    station = reference.station
    (station.site / name).mkdir()
    extra = {"torch": "\nfrom torch import cuda\n"}.get(name, "")
    (station.site / name / "__init__.py").write_text(text + extra)
    if name == "torch":
        bundled = station.sim / "exts/omni.isaac.ml_archive/pip_prebundle/torch"
        for part in ("cuda.py", "version.py"):
            shutil.copy(bundled / part, station.site / name)
        shutil.copytree(bundled / "utils", station.site / "torch/utils")
    try:
        (station.install / "receipt-verify").unlink()
        done = station.setup()
    finally:
        shutil.rmtree(station.site / name)
    assert station.rows(done)[name][0] == mark, done.stdout
    assert (done.returncode == 0) == (mark != "FAIL")
    assert station.setup().returncode == 0


# --- the licence ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "recorded"), [("n", False), ("y", True), ("", False)])
def test_the_licence_is_asked_for_at_a_terminal(station: Workstation, answer: str, recorded: bool) -> None:
    station.program("getconf", "echo glibc 2.31\n")  # so that it ends there
    said = at_a_terminal(station, "make", "setup", answer=answer)
    assert "Do you accept it? [y/N]" in said
    assert (station.install / "licence").exists() == recorded
    assert ("the licence of Isaac Sim is not accepted" in said) != recorded
    assert ("glibc is 2.31" in said) == recorded


def at_a_terminal(station: Checkout, *command: str, answer: str) -> str:
    """Run a command on a terminal of its own, answer its question, and return what it said."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command,
        cwd=station.path,
        env=station.environment(),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    os.write(master, f"{answer}\n".encode())
    said = b""
    while True:
        try:
            said += os.read(master, 4096)
        except OSError:
            break
    process.wait()
    os.close(master)
    return said.decode().replace("\r\n", "\n")


# --- without network -----------------------------------------------------------------------------


def test_a_bundle_is_all_that_an_offline_set_up_needs(
    station: Workstation, world: World, tmp_path: Path, quick_python: Path
) -> None:
    """In a checkout with a space in its path, which INSTALL leads out of."""
    (station.bin / "python3").unlink()
    (station.bin / "python3").symlink_to(quick_python)
    bundle = tmp_path / "bün dle"
    result = station.make("bundle", f"OUT={bundle}", timeout=120)
    assert result.returncode == 0, result.stderr
    assert (bundle / ARCHIVE).read_bytes() == world.archive.read_bytes()
    alone = slim(make_workstation(tmp_path / "alone", world, "mön checkout"))
    install = f"INSTALL={tmp_path}/isäac"
    alone.pin("GITHUB", "https://git.invalid")
    alone.env = {"PIP_CONFIG_FILE": os.devnull}
    assert "was made for other pins" in alone.setup(install, f"OFFLINE={bundle}").stderr
    alone.pin("ASSETS_URL", "https://assets.invalid/5.1")
    (bundle / ".isaac-workstation-bundle").write_text(pins(alone))
    result = alone.setup(install, f"OFFLINE={bundle}", "ROBOT=berkeley-humanoid-lite")
    assert result.returncode == 0, result.stderr
    assets = tmp_path / "isäac/assets"
    assert (assets / GROUND_PLANE).with_name("Materials").joinpath("Grid.png").read_bytes() == b"png"
    assert alone.rows(result)["assets"] == ("ok", str(assets))
    kit = (tmp_path / "isäac/IsaacLab/apps/isaacsim_5_1/isaaclab.python.kit").read_text()
    assert re.findall(r'asset_root\.(\w+) = "(.*)"', kit) == [
        (name, str(assets)) for name in ("default", "cloud", "nvidia")
    ]
    shutil.rmtree(bundle / "assets")
    assert alone.setup(install).stdout.startswith("setup: nothing to do: ")
    (assets / GROUND_PLANE).unlink()
    assert f"OFFLINE '{bundle}' has no assets/{GROUND_PLANE}; make it anew" in (
        alone.setup(install, f"OFFLINE={bundle}").stderr
    )
    shutil.copytree(world.assets, bundle / "assets")
    assert alone.setup(install, f"OFFLINE={bundle}").returncode == 0
    assert alone.rows(result)["the robot's packages"][0] == "ok"
    assert alone.rows(result)["link _isaac_sim"] == ("ok", f"{tmp_path}/isäac/isaacsim")
    empty = station.setup(f"OFFLINE={tmp_path}")
    assert f"OFFLINE '{tmp_path}' is not a whole bundle; make one where there is network: make bundle" in empty.stderr
    (alone.install / "receipt-verify").unlink()  # whatever step is due
    assert "is not a whole bundle" in alone.setup(f"OFFLINE={tmp_path}").stderr

    assert alone.make("uninstall", "YES=1", "SIM=isaac").returncode == 0
    assert not (tmp_path / "isäac").exists()
    assert not alone.install.exists()


def pins(station: Workstation) -> str:
    script = "program=x; source scripts/lib.sh; source scripts/isaac.sh; pins_of_bundle"
    return subprocess.run(["bash", "-c", script], cwd=station.path, capture_output=True, text=True, check=True).stdout


# --- scripts/site_packages.py --------------------------------------------------------------------

MERGE = """
import importlib.metadata, json, os, runpy, shutil, sys, sysconfig
from pathlib import Path
left = 0
def dying(name):
    original = getattr(Path, name)
    def call(*arguments, **options):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), 9)
        return original(*arguments, **options)
    setattr(Path, name, call)
for name in ("replace", "unlink", "mkdir", "rmdir"):
    dying(name)
for line in sys.stdin:
    left, *words = json.loads(line)
    child = os.fork()
    if not child:
        sys.argv[:] = words
        runpy.run_path(words[0], run_name="__main__")
        sys.exit()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Runs scripts that are killed at their nth change of a folder, each in a fork: a start takes most of the time."""


@pytest.fixture
def stage(tmp_path: Path, world: World) -> tuple[Path, Path, Path]:
    """An Isaac Sim with an rsl-rl-lib in it, a stage with an rsl_rl and a new package, and a state folder."""
    sim = shutil.copytree(world.tree, tmp_path / "sim", symlinks=True)
    site = "lib/python3.11/site-packages"
    install(sim / "kit/python" / site, "rsl-rl-lib", "4.0.0", {"rsl_rl/__init__.py": "4", "rsl_rl/old.py": ""})
    install(tmp_path / "stage" / site, "rsl_rl", "1.0.2", {"rsl_rl/__init__.py": "1"})
    install(tmp_path / "stage" / site, "new", "1.0", {"new/__init__.py": "", "new/deep/data": ""})
    (tmp_path / "state").mkdir()
    return sim, tmp_path / "stage", tmp_path / "state"


SCRIPT = str(SOURCE / "scripts/site_packages.py")
ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}


def site_packages(sim: Path, *words: object) -> subprocess.CompletedProcess[str]:
    command = [str(sim / "python.sh"), SCRIPT, *map(str, words)]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)


@pytest.fixture
def killed(stage: tuple[Path, Path, Path]) -> Iterator[Callable[..., int]]:
    """Runs the script in Isaac Sim's Python and returns its status; it has as many lives as it is given."""
    command = [str(stage[0] / "python.sh"), "-c", MERGE]
    with subprocess.Popen(
        command, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def run(*words: object, lives: int = 1_000_000) -> int:
            process.stdin.write(json.dumps([lives, SCRIPT, *map(str, words)]) + "\n")
            process.stdin.flush()
            while not re.fullmatch(r"-?\d+\n", line := process.stdout.readline()):
                assert line, "python.sh has ended"
            return int(line)

        yield run
        process.stdin.close()


def test_a_merge_that_is_killed_anywhere_is_undone(
    stage: tuple[Path, Path, Path], killed: Callable[..., int], tmp_path: Path
) -> None:
    sim, staged, state = stage
    before = snapshot(sim)
    for lives in range(0, 60, 3):
        work = shutil.copytree(staged, tmp_path / "work")
        merged = killed("merge", state, "x", work, "--instead-of", "rsl-rl-lib", lives=lives)
        killed("undo", state, "x", lives=lives)  # killed too
        assert killed("undo", state, "x") == 0
        assert snapshot(sim) == before, lives
        assert list(state.iterdir()) == []
        shutil.rmtree(work)
        if merged == 0:
            break
        assert merged == -signal.SIGKILL
    assert lives > 20 and merged == 0  # it was killed at several places, and once at none


def test_nothing_that_is_bundled_is_replaced(stage: tuple[Path, Path, Path]) -> None:
    sim, staged, state = stage
    before = snapshot(sim)
    install(staged / "lib/python3.11/site-packages", "numpy", "2.2.0")
    result = site_packages(sim, "merge", state, "x", staged)
    assert result.returncode != 0
    assert "this would change what Isaac Sim bundles: numpy 1.26.0 in " in result.stderr
    assert snapshot(sim) == before


def test_a_file_of_nobody_is_not_overwritten(stage: tuple[Path, Path, Path]) -> None:
    sim, staged, state = stage
    theirs = sim / "kit/python/lib/python3.11/site-packages/new/deep/data"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs")
    before = snapshot(sim)
    result = site_packages(sim, "merge", state, "x", staged, "--instead-of", "rsl-rl-lib")
    assert result.returncode != 0
    assert f"'{theirs}' is there already and no package of the lock owns it" in result.stderr
    assert snapshot(sim) == before


def test_the_lock_is_filtered_by_what_is_there(stage: tuple[Path, Path, Path], tmp_path: Path) -> None:
    sim, staged, state = stage
    site_packages(sim, "merge", state, "x", staged, "--instead-of", "rsl-rl-lib")
    install(sim / "kit/python/lib/python3.11/site-packages", "theirs", "2.0")
    lock = tmp_path / "lock"
    names = ["new==1.0", "NumPy==2.2.0", "matplotlib==3.10.3", "theirs==2.0", "theirs==3.0", "absent==1.0"]
    lock.write_text("# a comment\n" + "".join(f"{name} \\\n    --hash=sha256:00\n" for name in names))
    result = site_packages(sim, "filter", state, lock)
    kept = re.findall(r"^(\S+==\S+) \\\n    --hash=sha256:00", result.stdout, re.MULTILINE)
    assert kept == ["new==1.0", "theirs==3.0", "absent==1.0"]  # a merge's own is built anew
    assert result.stderr == "kept NumPy 1.26.0 of Isaac Sim, the lock has 2.2.0\n"


# --- kills ---------------------------------------------------------------------------------------

KILLS = int(os.environ.get("KILLS", "1"))
"""`nox -s kill_setup` takes 40."""


def test_a_killed_set_up_is_completed_by_the_next(reference: Reference, world: World, tmp_path: Path) -> None:
    """Killed at moments spread over the whole of it."""
    for number in range(KILLS):
        station = slim(make_workstation(tmp_path / str(number), world))
        kill_after(station, reference.seconds * (number + random.random()) / KILLS)
        result = station.setup()
        assert result.returncode == 0, result.stderr
        assert content(station) == reference.content
        shutil.rmtree(station.path.parent)


def kill_after(station: Workstation, seconds: float) -> None:
    process = station.start("setup", "ACCEPT_EULA=Y", "FORCE=1")
    time.sleep(seconds)
    for pid in {process.pid, *members(process.pid)}:
        try:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.communicate()


def content(station: Workstation) -> dict[str, str]:
    """All that is installed, with the checkout's own path replaced."""
    found = {}
    for path in sorted(station.install.rglob("*")):
        name = str(path.relative_to(station.install))
        if (path.is_dir() and not path.is_symlink()) or re.search(
            r"(^|/)(\.git|__pycache__|licence|archive\.lock)(/|$)", name
        ):
            continue
        held = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        text = held.replace(str(station.path).encode(), b"HERE").replace(station.path.as_uri().encode(), b"HERE")
        if not re.search(r"/RECORD$|/receipt-|^receipt-|\.egg-info/", name):
            found[name] = text.decode("latin-1")
    return found


def test_two_at_once(station: Workstation) -> None:
    """The second waits for as long as the first holds the lock."""
    (station.path / ".cache").mkdir()
    with (station.path / ".cache/setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = station.start("setup", "ACCEPT_EULA=Y", "FORCE=1")
        while "waiting for another set-up" not in (line := second.stderr.readline()):
            assert line, "it did not wait"
        os.killpg(second.pid, signal.SIGTERM)
        second.communicate()
    assert second.returncode != 0
    assert not station.sim.exists()


# --- pins ----------------------------------------------------------------------------------------


def test_every_pin_that_moves_is_followed(reference: Reference, world: World, tmp_path: Path) -> None:
    """On one installation, which is not the reference any more; each alone decides, several are followed at once."""
    station = reference.station
    assert first_due(station) is None
    assert first_due(station, SETUP_RSL_RL="3.1.2") == "packages"
    extra = make_wheel(tmp_path / "..", "extra", "1.0", {"extra.py": ""})
    station.env["PIP_FIND_LINKS"] += f" {tmp_path.parent}"
    station.write("env/isaac.lock", world.locks["slim"] + extra)
    assert first_due(station) == "packages"
    result = station.setup("RSL_RL=3.1.2")
    assert steps(result) == ["packages", "verify"]
    assert station.rows(result)["rsl_rl"] == ("ok", "rsl-rl-lib 3.1.2")
    assert (station.site / "extra.py").is_file()
    assert "nothing to do" in station.setup().stdout  # it stays chosen
    assert errors(station.setup("RSL_RL=4.0.0"))[-1].startswith("setup: RSL_RL '4.0.0' is not for Isaac Sim's Python; ")

    station.pin("ISAAC_RSL_RL_COMMIT", rev_parse(world.repositories, "rsl_rl", "main~2"))
    station.pin("ISAAC_RSL_RL", "1.0.1")
    assert first_due(station, SETUP_RSL_RL="none") == "packages"
    station.write("env/isaac.lock", world.locks["slim"])
    assert first_due(station) == "packages"
    later = rev_parse(world.repositories, "IsaacLab", "main")
    station.pin("ISAAC_LAB_COMMIT", later)
    assert first_due(station) == "isaac_lab"
    result = station.setup("RSL_RL=none")
    assert steps(result) == ["isaac_lab", "packages", "verify"]
    assert station.rows(result)["rsl_rl"] == ("ok", "rsl_rl 1.0.1")
    assert not list(station.site.glob("rsl_rl_lib*"))
    assert station.rows(result)["Isaac Lab's commit"] == ("ok", later)
    assert not (station.site / "extra.py").exists()

    # what the user checks out there is theirs
    pinned = world.repositories.commits["IsaacLab"]
    git = ["git", "-C", str(station.lab)]
    url = world.repositories.path("IsaacLab").as_uri()
    subprocess.run([*git, "fetch", "-q", url, pinned], capture_output=True, check=True)
    subprocess.run([*git, "checkout", "-q", pinned], capture_output=True, check=True)
    station.pin("ISAAC_SIM", "5.2")
    result = station.setup()
    assert "holds Isaac Sim '5.1.0', not 5.2; name the one of Isaac Sim 5.2: make setup ISAAC_SIM_ZIP=" in result.stderr
    tree = shutil.copytree(world.tree, tmp_path / "newer", symlinks=True)
    (tree / "VERSION").write_text("5.2.0+release\n")
    result = station.setup(f"ISAAC_SIM_ZIP={zip_tree(tree, tmp_path / 'newer.zip')}")
    assert result.returncode == 0, result.stderr
    assert steps(result) == ["isaac_sim", "isaac_lab", "packages", "verify"]
    assert (station.sim / "VERSION").read_text() == "5.2.0+release\n"
    assert f"is on commit {pinned}, not on the pinned {later} (tag v2.3.2); it is used as it is" in result.stderr
    assert rev_parse_head(station.lab) == pinned
    assert "nothing to do" in station.setup().stdout


def first_due(station: Workstation, **env: str) -> str | None:
    """The first step whose own check says that it is due."""
    for name in ("isaac_sim", "isaac_lab", "packages", "verify"):
        command = [f"scripts/setup/{name}.sh", "check"]
        if subprocess.run(command, cwd=station.path, env=station.environment(**env), check=False).returncode:
            return name
    return None


def rev_parse_head(folder: Path) -> str:
    command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def rev_parse(repositories: Repositories, name: str, revision: str) -> str:
    command = ["git", "-C", str(repositories.path(name)), "rev-parse", revision]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def steps(result: subprocess.CompletedProcess[str]) -> list[str]:
    """The steps that were done, by how they announce themselves."""
    signs = {
        "isaac_sim": "installing Isaac Sim ", "isaac_lab": "installing Isaac Lab ",
        "packages": "installing packages in ", "verify": "checking what is there",
    }  # fmt: skip
    said = re.findall(r"^setup: ((?:installing|checking) .*)$", result.stdout, re.MULTILINE)
    return [next(name for name, sign in signs.items() if line.startswith(sign)) for line in said]
