"""make setup on the real sources, from the archive to verify's table; then nothing to do; then killed and resumed.

Nothing is patched. env/pins.env names the robot's commit, and another one only where its submodules' commits are in
none of the given folders. Isaac Sim is the miniature with real packages, see real_isaac.py; the packages of the locks
come from the package index, by the user's own pip configuration.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from isaac_world import snapshot
from real_isaac import Served, assets, real_archive, served
from shell_checkout import copy_checkout, errors, members
from sources import CACHE, PINS, ROOT, TABLE, projects
from workstation import Workstation

KILLED_AT = ("packages of the lock", "Isaac Lab, editable", "git clone of the robot", "the robot, editable")
"""Parts of the log, at whose beginning set-up is killed; and in the middle of unpacking the archive."""
LIMIT_S = 3600


class Station(Workstation):
    """This machine, with its own tools and pip configuration, and a HOME of its own."""

    served: Served
    archive: Path
    assets: list[str]

    def environment(self, **env: str) -> dict[str, str]:
        path = os.pathsep.join(f for f in os.environ["PATH"].split(os.pathsep) if not f.startswith(str(ROOT / ".venv")))
        kept = {name: value for name, value in os.environ.items() if re.match(r"PIP_|(https?|no)_proxy$|SSL_", name)}
        for file in (".config/pip/pip.conf", ".pip/pip.conf"):
            if (Path.home() / file).is_file():
                kept.setdefault("PIP_CONFIG_FILE", str(Path.home() / file))
        return {"HOME": str(self.home), "PATH": path, "LC_ALL": "C.UTF-8", **kept, **env}

    @property
    def words(self) -> list[str]:
        """FORCE passes what is only recommended, and that there may be no GPU."""
        return [
            "ACCEPT_EULA=Y",
            "FORCE=1",
            f"ISAAC_SIM_ZIP={self.archive}",
            f"GIT_HOST={self.served.url}",
            *self.assets,
        ]

    def install_all(self) -> subprocess.CompletedProcess[str]:
        return self.make("setup", *self.words, timeout=LIMIT_S)


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """In REAL_CACHE, which has the room."""
    root = CACHE / "station"
    shutil.rmtree(root, ignore_errors=True)
    with served(tmp_path_factory.mktemp("git")) as there:
        archive = real_archive()
        made = new_station(root, there, archive)
        yield made
        shutil.rmtree(root)


def new_station(root: Path, there: Served, archive: Path) -> Station:
    made = Station(root / "checkout", root / "home", root / "bin")
    made.served, made.archive = there, archive
    made.home.mkdir(parents=True)
    made.assets = assets(root / "assets")
    copy_checkout(made.path)
    if there.robot != PINS["ROBOT_COMMIT"]:
        made.pin("ROBOT_COMMIT", there.robot)
    return made


def judge(station: Station, result: subprocess.CompletedProcess[str], what: str, began: float) -> None:
    """Rows of the table, and whether all is well; the training is for a machine with a GPU."""
    rows = station.rows(result)
    marks = [mark for mark, _ in rows.values()]
    counted = ", ".join(f"{marks.count(mark)} {mark}" for mark in ("ok", "note", "skip", "FAIL") if mark in marks)
    ended = "" if result.returncode == 0 else (errors(result) or ["no word"])[-1]
    seconds = f"{time.monotonic() - began:.0f} s"
    TABLE.add("Set-up", {"what": what, "ended with": result.returncode, "time": seconds, "found": counted or ended})
    for name, (mark, found) in rows.items():
        if what.startswith("first"):
            TABLE.add("What verify found", {"mark": mark, "what": name, "found": found.replace(str(CACHE), "…")})
    assert result.returncode == 0, result.stdout + result.stderr
    assert {"ok"} <= set(marks) <= {"ok", "note", "skip"}
    assert rows["the robot's packages"][0] == "ok" and rows["packages of the lock"][0] == "ok"


def test_set_up_end_to_end(station: Station) -> None:
    for remark in station.served.remarks:
        TABLE.add("Set-up, what stands in", {"remark": remark})
    if station.assets and not os.environ.get("ASSETS_SRC"):
        TABLE.add("Set-up, what stands in", {"remark": "texts for NVIDIA's assets, whose server is not reached"})
    began = time.monotonic()
    judge(station, station.install_all(), "first, from nothing", began)


def test_a_second_time_there_is_nothing_to_do(station: Station) -> None:
    began = time.monotonic()
    result = station.install_all()
    said = result.stdout.splitlines()[0] if result.stdout else ""
    row = {"what": "a second time", "ended with": result.returncode, "time": f"{time.monotonic() - began:.1f} s"}
    TABLE.add("Set-up", {**row, "found": said.replace(str(CACHE), "…")})
    assert result.returncode == 0 and "nothing to do" in said, result.stdout + result.stderr


def test_the_users_projects_are_installed(station: Station, tmp_path: Path) -> None:
    """Copies of them, as a build writes beside the sources; each with what it requires, then taken out again."""
    if not projects():
        pytest.skip("TASK_PROJECTS names no project")
    before, own = snapshot(station.sim), listed(station)
    for project in projects():
        copy = shutil.copytree(project, tmp_path / project.name, symlinks=True, ignore=shutil.ignore_patterns(".git"))
        files = snapshot(copy)
        began = time.monotonic()
        result = station.make("setup", *station.words, f"TASK_PACKAGE={copy}", timeout=LIMIT_S)
        brought = re.findall(r"^  ([\w.-]+)==\S+$", result.stdout, re.MULTILINE)
        said = [line.partition("warning: ")[2] for line in errors(result) if " asks for " in line]
        taken = f"{time.monotonic() - began:.0f} s"
        row: dict[str, object] = {"project": project.name, "ended with": result.returncode, "time": taken}
        row["tasks"] = tasks = len(set(listed(station)) - set(own))
        row |= {"brought": ", ".join(brought), "said": "; ".join(filter(None, said))}
        TABLE.add("make setup TASK_PACKAGE=", row)
        assert result.returncode == 0, result.stdout + result.stderr
        assert tasks > 0
        assert station.make("setup", *station.words, "TASK_PACKAGE=none", timeout=LIMIT_S).returncode == 0
        assert snapshot(copy) == files
        assert snapshot(station.sim) == before


def listed(station: Station) -> list[str]:
    done = station.make("tasks", "SIM=isaac")
    assert done.returncode == 0, done.stderr
    return [line.split()[0] for line in done.stdout.splitlines()]


def test_uninstall_leaves_nothing(station: Station) -> None:
    result = station.make("uninstall", "YES=1", timeout=LIMIT_S)
    left = (station.path / ".isaac").exists()
    found = "something is left" if left else "nothing left"
    TABLE.add("Set-up", {"what": "make uninstall", "ended with": result.returncode, "time": "", "found": found})
    assert result.returncode == 0 and not left, result.stdout + result.stderr


def test_killed_again_and_again_it_is_completed(station: Station) -> None:
    """With kill -9 while the archive is unpacked, and at the beginning of four parts, each going on from the last."""
    kill_when(station, (station.install / "isaacsim.part").exists, after_s=5.0)
    log = station.path / ".cache/setup.log"
    for part in KILLED_AT:
        log.unlink()
        kill_when(station, lambda part=part: begun(log, part))  # type: ignore[misc]
    began = time.monotonic()
    judge(station, station.install_all(), f"after {1 + len(KILLED_AT)} kills", began)


def begun(log: Path, part: str) -> bool:
    return log.is_file() and f"== {part}\n" in log.read_text(errors="replace")


def kill_when(station: Station, condition: Callable[[], bool], after_s: float = 0.5) -> None:
    process = station.start("setup", *station.words)
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "set-up does not come so far"
        time.sleep(0.05)
    time.sleep(after_s)
    for pid in {process.pid, *members(process.pid)}:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.communicate()
