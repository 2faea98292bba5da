"""make clean-caches: the caches it names and nothing else, whatever stands in their place."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from shell_checkout import Checkout, copy_checkout, errors, make_bin

# By the root they are in.
CACHES = {
    "sim": [
        "kit/cache/shadercache/gpu/a.bin",
        "kit/cache/DerivedDataCache/app_instance_lock0",
        "kit/cache/Kit/Isaac-Sim/5.1/omni.kvdb",
        "kit/cache/Kit/Isaac-Sim Python/5.1/omni.kvdb",
        "kit/logs/Kit/Isaac-Sim/5.1/kit_20260101_000000.log",
        "kit/logs/Kit/Isaac-Sim/5.1/kit_20260102_000000.log",
        "kit/data/Kit/Isaac-Sim/5.1/0a1b.dmp",
        "kit/data/Kit/Isaac-Sim/5.1/crash_1.txt",
    ],
    "home": [".cache/ov/shaders/a", ".cache/nvidia/GLCache/a/b", ".nv/ComputeCache/1/2"],
    "temp": ["isaaclab/logs/isaaclab_2026-01-01_00-00-00.log", "IsaacLab/usd_1/a.usd", "isaaclab/terrains/a/mesh.obj"],
    "lab tmp": ["IsaacLab/usd_20260101_000000_1/robot.usd", "IsaacLab/usd_2/.asset_hash", "isaaclab/terrains/b"],
    "mön checkout": [
        *(f".cache/{name}/kernel" for name in ("warp", "torchinductor", "triton", "cuda")),
        *(".cache/ov/a", ".cache/nvidia/GLCache/a"),
    ],
}
# What looks like one, or lies next to one.
OTHERS = {
    "sim": [
        "extscache/omni.x/extension.toml",
        "kit/kit",
        "kit/cache/shadercache2/a",
        "kit/cache/my-shadercache/a",
        "kit/cache/Shadercache/a",
        "kit/cache/DerivedDataCache.old/a",
        "kit/cache/Kit/Isaac-Sim/4.5/omni.kvdb",
        "kit/cache/Kit/Isaac-Sim/5.10/omni.kvdb",
        "kit/cache/Kit/Isaac-Sim/x/5.1/omni.kvdb",
        "kit/cache/Kit/Isaac-Sim Full/5.1",
        "kit/cache/Kit/5.1/a",
        "kit/logs/Kit/Isaac-Sim/5.1/notes.txt",
        "kit/logs/Kit/Isaac-Sim/5.1/my kit_1.log",
        "kit/logs/Kit/Isaac-Sim/5.1/kit_folder.log/a",
        "kit/logs/Kit/Isaac-Sim/4.5/kit_1.log",
        "kit/data/Kit/Isaac-Sim/5.1/user.config.json",
        "kit/data/Kit/Isaac-Sim/5.1/exts/3/x/extension.toml",
        "kit/data/Kit/Isaac-Sim/5.1/pip3-envs/a.dmp",
        "kit/data/documents/Kit/script.py",
        "cache/shadercache/a",
        "shadercache/a",
    ],
    "home": [
        ".cache/ov2/a",
        ".cache/pip/a",
        ".cache/nvidia/GLCache2/a",
        ".cache/nvidia/a",
        ".cache/warp/a",
        ".nv/a",
        ".local/share/ov/pkg/isaac-sim/a",
        ".local/share/ov/data/a",
        ".nvidia-omniverse/config/a",
        "Documents/Kit/a",
        "kit/cache/shadercache/a",
    ],
    "temp": ["isaaclab/logs/dataset.hdf5", "isaaclab/logs/a/isaaclab_1.log", "isaaclab/a", "IsaacLab/my_usd_1/a"],
    "lab tmp": ["IsaacLab/usd_file", "IsaacLab/a", "ov/a", "shadercache/a"],
    "mön checkout": [".cache/setup.log", ".cache/wandb/a", "logs/rsl_rl/run/model_1.pt", "warp/a"],
    "precious": ["thesis.txt", "ov/a", "shadercache/a", "5.1/a", "logs/isaaclab_1.log", "GLCache/a"],
}
NO_TERMINAL = "clean-caches: there is no terminal to ask on; to delete these: make clean-caches YES=1"


@dataclass
class Machine:
    """A checkout with an Isaac Sim, a home and two temporary folders, all below one folder."""

    root: Path
    checkout: Checkout

    @property
    def env(self) -> dict[str, str]:
        """The environment of its user."""
        return self.checkout.environment(TMPDIR=str(self.root / "temp"))

    def clean(self, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run it without a terminal."""
        return subprocess.run(
            ["scripts/clean_caches.sh", *arguments],
            cwd=self.checkout.path,
            env=self.env if env is None else env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def answer(self, answer: str, before: Callable[[], object] = lambda: None) -> tuple[int, str]:
        """Run it on a terminal, do something while the question stands, answer; the status and all it said."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            ["scripts/clean_caches.sh"],
            cwd=self.checkout.path,
            env=self.env,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        said = ""
        try:
            while "[y/N] " not in said:
                said += os.read(ours, 4096).decode()
            before()
            os.write(ours, answer.encode())
            while True:
                said += os.read(ours, 4096).decode()
        except OSError:  # the terminal is closed
            return process.wait(timeout=60), said.replace("\r\n", "\n")
        finally:
            os.close(ours)
            process.kill()
            process.wait()

    def plant(self, files: dict[str, list[str]]) -> None:
        """Write files of different sizes."""
        number = 0
        for root, names in files.items():
            for name in names:
                number += 1
                path = self.root / root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(os.urandom(5000 * number))

    def choose(self, sim: str) -> None:
        """Choose an Isaac Sim as set-up does."""
        self.checkout.write(".isaac/choices", f"ISAACSIM_PATH {sim}\n")

    def snapshot(self) -> dict[str, object]:
        """Everything there is: what it is, whose, and all its bytes."""
        return {str(path.relative_to(self.root)): content(path) for path in self.root.rglob("*")}


def content(path: Path) -> object:
    """What must not change of a file, a link or a folder."""
    status = path.lstat()
    if path.is_symlink():
        return path.readlink(), status.st_uid
    return status.st_mode, status.st_uid, path.read_bytes() if path.is_file() else None


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """With nothing in it yet."""
    checkout = Checkout(tmp_path / "mön checkout", tmp_path / "home", tmp_path / "bin")
    make_bin(checkout.bin)
    for name in ("du", "find"):
        if not (checkout.bin / name).exists():
            (checkout.bin / name).symlink_to(os.path.realpath(str(shutil.which(name))))
    copy_checkout(checkout.path)
    for name in ("home", "sim", "temp", "lab tmp", "precious"):
        (tmp_path / name).mkdir()
    # No test may come near the caches of the machine that it runs on.
    checkout.replace("scripts/clean_caches.sh", "\nLAB_TMP=/tmp\n", f"\nLAB_TMP='{tmp_path}/lab tmp'\n")
    machine = Machine(tmp_path, checkout)
    machine.choose(f"{tmp_path}/sim")
    return machine


@pytest.fixture
def full(machine: Machine) -> Machine:
    """With all caches and all that looks like one."""
    machine.plant(OTHERS)
    machine.plant(CACHES)
    return machine


def parts(files: dict[str, list[str]]) -> set[str]:
    """The files and all folders above them."""
    found = set()
    for root, names in files.items():
        for name in names:
            path = Path(root, name)
            found |= {str(path), *map(str, path.parents)}
    return found


def on_disk(*paths: Path) -> int:
    """Bytes that files and folders take."""
    found = {path for start in paths for path in (start, *start.rglob("*"))}
    return sum(path.lstat().st_blocks * 512 for path in found)


def human(count: int) -> str:
    """As the table says it, for less than a gigabyte."""
    for unit in ("B", "kB"):
        if count < 1000:
            return f"{count} {unit}"
        count //= 1000
    return f"{count} MB"


def table(said: str) -> dict[str, str]:
    """The sizes by cache."""
    rows = [re.fullmatch(r" *(\d+ k?M?B)  (.+?)(?: {2,}\S.*)?", line) for line in said.splitlines()[1:]]
    return {row[2]: row[1] for row in rows if row}


def gone(before: dict[str, object], after: dict[str, object]) -> set[str]:
    """What was deleted, if nothing else changed."""
    assert after.items() <= before.items()
    return set(before) - set(after)


def paths(machine: Machine, caches: dict[str, list[str]]) -> set[Path]:
    """The files of a machine."""
    return {machine.root / root / name for root, names in caches.items() for name in names}


def test_it_deletes_all_caches_and_nothing_else(full: Machine) -> None:
    before = full.snapshot()
    result = full.clean("--yes=1")
    assert (result.returncode, result.stderr) == (0, "")
    after = full.snapshot()
    deleted = gone(before, after)
    assert not any(path.exists() for path in paths(full, CACHES))
    assert deleted <= parts(CACHES) - parts(OTHERS)
    again = full.clean()
    assert (again.returncode, again.stdout, again.stderr) == (0, "clean-caches: there is nothing to delete\n", "")


def test_the_sizes_and_the_total_are_true(full: Machine) -> None:
    before = full.snapshot()
    result = full.clean()
    assert full.snapshot() == before
    assert result.returncode == 1
    assert result.stderr == f"{NO_TERMINAL}\n"
    sizes = table(result.stdout)
    whole = sizes.pop("in all")
    assert len(sizes) == 21
    total = 0
    for name, said in sizes.items():
        path = Path(name.replace("~", str(full.root / "home")))
        is_file = path.suffix in (".log", ".dmp", ".txt")
        size = on_disk(*(found for found in path.parent.glob(path.name) if found.is_file() == is_file))
        assert (said, size > 0) == (human(size), True), name
        total += size
    assert whole == human(total)
    assert full.clean("--yes=1").stdout.splitlines()[-1] == f"clean-caches: {human(total)} freed"


def test_without_tmpdir_a_place_is_looked_at_once(machine: Machine) -> None:
    machine.plant({"lab tmp": CACHES["temp"]})
    for env in ({}, {"TMPDIR": ""}, {"TMPDIR": f"{machine.root}/lab tmp/"}):
        said = machine.clean(env=machine.checkout.environment(**env)).stdout
        assert len(said.splitlines()) == len(CACHES["temp"]) + 2


@pytest.mark.parametrize(
    ("link", "target", "named"),
    [
        ("home/.cache/ov", "precious", "'~/.cache/ov' is a link"),
        ("home/.cache/ov", "nowhere", "'~/.cache/ov' is a link"),
        ("home/.cache/nvidia", "precious", "'~/.cache/nvidia/GLCache' lies behind a link"),
        ("home/.cache", "precious", "'~/.cache/ov' lies behind a link"),
        ("sim/kit/cache", "precious", "'{}/sim/kit/cache/shadercache' lies behind a link"),
        ("sim/kit/cache/shadercache", "precious", "'{}/sim/kit/cache/shadercache' is a link"),
        ("sim/kit/cache/Kit/App", "precious", "'{}/sim/kit/cache/Kit/App/5.1' lies behind a link"),
        ("sim/kit/cache/Kit/App/5.1", "precious", "'{}/sim/kit/cache/Kit/App/5.1' is a link"),
        ("sim/kit/cache/Kit/App/5.1", "home/.cache/ov", "'{}/sim/kit/cache/Kit/App/5.1' is a link"),
        (
            "sim/kit/logs/Kit/App/5.1/kit_1.log",
            "precious/thesis.txt",
            "'{}/sim/kit/logs/Kit/App/5.1/kit_1.log' is a link",
        ),
        ("temp/isaaclab", "precious", "'{}/temp/isaaclab/logs/isaaclab_1.log' lies behind a link"),
        ("temp/isaaclab/terrains", "precious", "'{}/temp/isaaclab/terrains' is a link"),
        ("lab tmp/IsaacLab/usd_2", "precious", "'{}/lab tmp/IsaacLab/usd_2' is a link"),
        ("mön checkout/.cache/warp", "precious", "'{}/mön checkout/.cache/warp' is a link"),
    ],
)
def test_a_link_is_left_alone_with_what_it_leads_to(machine: Machine, link: str, target: str, named: str) -> None:
    machine.plant({"precious": OTHERS["precious"], "lab tmp": ["IsaacLab/usd_1/a"], "home": [".nv/ComputeCache/a"]})
    path = machine.root / link
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(machine.root / target)
    before = machine.snapshot()
    result = machine.clean("--yes=1")
    assert result.returncode == 1
    assert result.stderr == f"clean-caches: {named.format(machine.root)}; left alone\n"
    assert gone(before, machine.snapshot()) == {
        *("lab tmp/IsaacLab/usd_1", "lab tmp/IsaacLab/usd_1/a"),
        *("home/.nv/ComputeCache", "home/.nv/ComputeCache/a"),
    }


def test_links_in_a_cache_go_but_not_what_they_lead_to(machine: Machine) -> None:
    machine.plant({"precious": OTHERS["precious"], "home": [".cache/ov/a/b"]})
    for name, target in [
        ("folder", "precious"),
        ("a/file", "precious/thesis.txt"),
        ("a/up", ".."),
        ("gone", "nowhere"),
    ]:
        (machine.root / "home/.cache/ov" / name).symlink_to(machine.root / target)
    (machine.root / "home/.cache/ov/hard").hardlink_to(machine.root / "precious/thesis.txt")
    before = machine.snapshot()
    assert machine.clean("--yes=1").returncode == 0
    deleted = gone(before, machine.snapshot())
    assert deleted and all(path.startswith("home/.cache/ov") for path in deleted)


def test_a_home_and_an_isaac_sim_that_are_links_are_cleaned_where_they_are(machine: Machine) -> None:
    machine.plant({"disk/home": CACHES["home"], "disk/sim": CACHES["sim"]})
    for name in ("home", "sim"):
        (machine.root / name).rmdir()
        (machine.root / name).symlink_to(machine.root / "disk" / name)
    result = machine.clean("--yes=1")
    assert (result.returncode, result.stderr) == (0, "")
    assert not any(path.is_file() for path in (machine.root / "disk").rglob("*"))


BAD_PLACES = {
    "": "must be an absolute path without '..'; what is below it is",
    "/": "must not be the root of the file system; what is below it is",
    "//": "must not be the root of the file system; what is below it is",
    "relative": "must be an absolute path without '..'; what is below it is",
    "{}/home/../precious": "must be an absolute path without '..'; what is below it is",
}


def trap(machine: Machine) -> dict[str, object]:
    """Caches wherever a bad place could lead, and one at a good one."""
    every = [name for root in ("sim", "home", "temp") for name in CACHES[root]]
    machine.plant({"precious": every, "mön checkout/relative": every, ".": every, "lab tmp": ["IsaacLab/usd_1/a"]})
    return machine.snapshot()


@pytest.mark.parametrize("place", BAD_PLACES)
@pytest.mark.parametrize("name", ["HOME", "TMPDIR", "the root of Isaac Sim"])
def test_a_bad_place_is_not_gone_to(machine: Machine, name: str, place: str) -> None:
    path = place.format(machine.root)
    env = machine.env
    if name == "the root of Isaac Sim":
        machine.choose(path)
    else:
        env[name] = path
    before = trap(machine)
    result = machine.clean("--yes=1", env=env)
    if place == "" and name != "HOME":  # then the default counts
        assert (result.returncode, result.stderr) == (0, "")
    else:
        assert result.returncode == 1
        assert result.stderr == f"clean-caches: {name} '{path}' {BAD_PLACES[place]} left alone\n"
    assert gone(before, machine.snapshot()) == {"lab tmp/IsaacLab/usd_1", "lab tmp/IsaacLab/usd_1/a"}


def test_no_home_and_no_isaac_sim(machine: Machine) -> None:
    before = trap(machine)
    env = machine.env
    del env["HOME"]
    (machine.checkout.path / ".isaac/choices").unlink()
    del before["mön checkout/.isaac/choices"]
    result = machine.clean("--yes=1", env={**env, "SETUP_ISAACSIM_PATH": f"{machine.root}/precious"})
    assert result.returncode == 1
    assert result.stderr.startswith("clean-caches: HOME '' must be")
    assert gone(before, machine.snapshot()) == {"lab tmp/IsaacLab/usd_1", "lab tmp/IsaacLab/usd_1/a"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_another_user_put_in_the_temporary_folder_stays(machine: Machine) -> None:
    machine.plant({"temp": CACHES["temp"], "lab tmp": ["isaaclab/terrains/a", "IsaacLab/usd_1/a", "IsaacLab/usd_2/a"]})
    theirs = ["temp/isaaclab", "lab tmp/isaaclab/terrains", "lab tmp/IsaacLab/usd_2"]
    for name in theirs:
        os.chown(machine.root / name, 12345, 12345)
    before = machine.snapshot()
    result = machine.clean("--yes=1")
    assert result.returncode == 0
    assert [line.split("'")[1] for line in result.stderr.splitlines()] == [
        f"{machine.root}/{name}"
        for name in (
            *("temp/isaaclab/logs/isaaclab_2026-01-01_00-00-00.log", "temp/isaaclab/terrains"),
            *("lab tmp/IsaacLab/usd_2", "lab tmp/isaaclab/terrains"),
        )
    ]
    assert gone(before, machine.snapshot()) == {
        *("temp/IsaacLab/usd_1", "temp/IsaacLab/usd_1/a.usd", "lab tmp/IsaacLab/usd_1", "lab tmp/IsaacLab/usd_1/a")
    }


@contextmanager
def shown_at(folder: Path, place: Path) -> Iterator[None]:
    """A folder mounted at a second place."""
    place.mkdir(parents=True)
    done = subprocess.run(["mount", "--bind", folder, place], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount here: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("place", ["my disk", "."])
def test_what_is_mounted_in_a_cache_stays(machine: Machine, place: str) -> None:
    machine.plant({"precious": OTHERS["precious"], "a sim": ["kit/cache/shadercache/a"]})
    machine.choose(f"{machine.root}/a sim")
    cache = machine.root / "a sim/kit/cache/DerivedDataCache"
    with shown_at(machine.root / "precious", cache / place):
        before = machine.snapshot()
        result = machine.clean("--yes=1")
        assert gone(before, machine.snapshot()) == {"a sim/kit/cache/shadercache", "a sim/kit/cache/shadercache/a"}
    assert result.returncode == 1
    assert result.stderr == f"clean-caches: '{cache}' is or holds a mount point; left alone\n"


def test_names_that_could_mean_something_else(machine: Machine) -> None:
    odd = ["-rf", "*", "new\nline", " space ", "-", "'quote\"", "$(touch x)", "tail\n"]
    caches = {
        "sim": [
            *(f"kit/cache/Kit/{name}/5.1/a" for name in odd),
            *(f"kit/cache/shadercache/{name}" for name in odd),
            *(f"kit/data/Kit/App/5.1/{name}.dmp" for name in odd),
        ],
        "temp": [f"IsaacLab/usd_{name}/a" for name in odd],
    }
    machine.plant(caches)
    machine.plant({"sim": [f"kit/cache/{name}/a" for name in odd], "temp": [f"IsaacLab/{name}/a" for name in odd]})
    before = machine.snapshot()
    result = machine.clean("--yes=1")
    assert (result.returncode, result.stderr) == (0, "")
    assert gone(before, machine.snapshot()) == {
        name for name in parts(caches) if re.search(r"/(5\.1|shadercache|usd_[^/]*)(/|$)|\.dmp$", name, re.DOTALL)
    } - {"sim/kit/data/Kit/App/5.1"}
    lines = result.stdout.splitlines()
    assert len(lines) == 1 + (len(odd) + 3) + 2
    assert any("Kit/new?line/5.1" in line for line in lines)


@contextmanager
def running(command: list[str], **options: object) -> Iterator[int]:
    """A process that is there meanwhile."""
    process = subprocess.Popen(command, **options)  # type: ignore[call-overload]
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def refusal(machine: Machine) -> str:
    """Why it refused; that it deleted nothing."""
    before = machine.snapshot()
    result = machine.clean("--yes=1")
    assert machine.snapshot() == before
    assert result.returncode == 1
    return result.stderr


SLEEP = str(shutil.which("sleep"))


@pytest.mark.parametrize(
    "held",
    [
        "sim/kit/cache/shadercache/gpu/a.bin",
        "sim/kit/logs/Kit/Isaac-Sim/5.1/kit_20260102_000000.log",
        "home/.cache/ov/shaders/a",
        "lab tmp/IsaacLab/usd_2/.asset_hash",
    ],
)
def test_an_open_file_holds_all_of_it(full: Machine, held: str) -> None:
    path = full.root / held
    with path.open() as file, running([SLEEP, "60"], stdin=file) as pid:
        shown = str(path).replace(f"{full.root}/home", "~")
        file.close()
        assert refusal(full) == (
            f"clean-caches: process {pid} (sleep) holds '{shown}'; end it, then: make clean-caches\n"
        )


def test_who_works_in_a_cache_holds_it(full: Machine) -> None:
    folder = full.root / "sim/kit/cache/DerivedDataCache"
    with running([SLEEP, "60"], cwd=folder) as pid:
        assert refusal(full) == (
            f"clean-caches: process {pid} (sleep) holds '{folder}'; end it, then: make clean-caches\n"
        )


def test_isaac_sim_itself_runs(full: Machine) -> None:
    program = full.root / "sim/kit/python/bin/python3"
    program.parent.mkdir(parents=True)
    shutil.copy(os.path.realpath(SLEEP), program)
    with running([str(program), "60"]) as pid:
        assert refusal(full) == (
            f"clean-caches: process {pid} (python3) runs from '{full.root}/sim'; end it, then: make clean-caches\n"
        )


def test_a_run_of_this_checkout_is_a_simulator(full: Machine) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(60)", "-m"]
    with running([*command, "runners.train", "--num-envs=4"], cwd=full.checkout.path) as pid:
        assert f"process {pid} (" in (said := refusal(full))
        assert said.endswith(" is a run of this checkout; end it, then: make clean-caches\n")


def test_others_may_go_on(full: Machine) -> None:
    """Programs next to a cache, those of the display, which share the driver's, and no simulators."""
    program = full.root / "sim 2/kit/kit"
    program.parent.mkdir(parents=True)
    shutil.copy(os.path.realpath(SLEEP), program)
    wait = [sys.executable, "-c", "import time; time.sleep(60)", "-m"]
    with (
        (full.root / "sim/kit/cache/shadercache2/a").open() as near,
        (full.root / "home/.cache/nvidia/GLCache/a/b").open() as driver,
        running([str(program), "60"], stdin=near),
        running([SLEEP, "60"], stdin=driver, cwd=full.root / "sim/kit"),
        running([*wait, "runners.tensorboard"], cwd=full.checkout.path),
        running([*wait, "runners.train"], cwd=full.root),
    ):
        near.close()
        result = full.clean("--yes=1")
    assert (result.returncode, result.stderr) == (0, "")


def test_the_variable(machine: Machine) -> None:
    machine.plant({"home": [".cache/ov/a"]})
    machine.checkout.env = {"PYTHONDONTWRITEBYTECODE": "1"}
    before = machine.snapshot()
    for words in ([], ["YES=0"]):
        result = machine.checkout.make("clean-caches", *words)
        assert errors(result) == [NO_TERMINAL]
        assert (result.returncode, machine.snapshot()) == (2, before)
    result = machine.checkout.make("clean-caches", "YES=1")
    assert (result.returncode, result.stderr) == (0, "")
    assert gone(before, machine.snapshot()) == {"home/.cache/ov", "home/.cache/ov/a"}


def test_the_question(full: Machine) -> None:
    before = full.snapshot()
    for answer in ("n\n", "\n", "yo\n", "\x04"):
        status, said = full.answer(answer)
        assert full.snapshot() == before
        assert status == 1
        assert re.search(r"\ndelete these 21 caches, \d MB\? \[y/N\] ", said)
        assert said.endswith("clean-caches: nothing was deleted\n")
    status, said = full.answer("y\n")
    assert status == 0
    assert re.fullmatch(r"clean-caches: \d MB freed", said.splitlines()[-1])
    assert not any(path.exists() for path in paths(full, CACHES))


def test_a_simulator_that_starts_while_the_question_stands(machine: Machine) -> None:
    machine.plant({"home": [".cache/ov/a"]})
    started: list[subprocess.Popen[bytes]] = []
    status, said = machine.answer(
        "y\n", lambda: started.append(subprocess.Popen([SLEEP, "60"], cwd=machine.root / "home/.cache/ov"))
    )
    started[0].kill()
    started[0].wait()
    assert status == 1
    assert "delete this cache, " in said
    assert said.splitlines()[-1].startswith(f"clean-caches: process {started[0].pid} (sleep) holds '~/.cache/ov'")
    assert (machine.root / "home/.cache/ov/a").exists()


def test_a_link_that_comes_while_the_question_stands(machine: Machine) -> None:
    machine.plant({"home": [".cache/ov/a"], "precious": OTHERS["precious"]})
    cache = machine.root / "home/.cache"

    def swap() -> None:
        cache.rename(machine.root / "home/old")
        cache.symlink_to(machine.root / "precious")

    status, said = machine.answer("y\n", swap)
    assert status == 1
    assert "'~/.cache/ov' lies behind a link; left alone\nclean-caches: 0 B freed\n" in said
    assert (machine.root / "precious/ov/a").exists()


def test_what_cannot_be_deleted_is_said(machine: Machine) -> None:
    machine.plant({"home": [".cache/ov/a", ".nv/ComputeCache/a"]})
    rm = os.path.realpath(str(shutil.which("rm")))
    machine.checkout.program("rm", f'case $* in *ov) echo "rm: a: busy" >&2; exit 1 ;; esac\nexec {rm} "$@"\n')
    freed = on_disk(machine.root / "home/.nv/ComputeCache")
    result = machine.clean("--yes=1")
    assert result.returncode == 1
    assert result.stderr == "clean-caches: '~/.cache/ov' could not all be deleted: rm: a: busy\n"
    assert result.stdout.splitlines()[-1] == f"clean-caches: {human(freed)} freed"


def test_a_missing_tool_and_a_wrong_argument(full: Machine) -> None:
    before = full.snapshot()
    result = full.clean("--force")
    assert result.stderr == "clean-caches: unknown argument '--force'; see the head of scripts/clean_caches.sh\n"
    assert (result.returncode, full.snapshot()) == (1, before)
    (full.checkout.bin / "find").unlink()
    assert refusal(full) == (
        "clean-caches: 'find' is not on PATH; install coreutils and findutils, then: make clean-caches\n"
    )
