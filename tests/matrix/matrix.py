"""Every release of rsl_rl through everything, and the table of it for the README.

    nox -s rsl_rl_matrix -- [--only 2.3.3 5.5.1 …] [--jobs 2]
    RSL_RL_SRC="git+https://github.com/leggedrobotics/rsl_rl@v1.0.2 /path/of/a/checkout" nox -s rsl_rl_matrix

Each release gets a small virtual environment in .cache/rsl_rl, over the packages of .venv. Ends with 1 if a
cell is not ok, or if two releases of one generation differ in their first loss.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT), str(ROOT / "tests")]

from cell import COLUMNS, REFERENCE  # noqa: E402
from warm_server import Server  # noqa: E402

from runners.learners.rsl_rl.release import KNOWN, NEWEST  # noqa: E402

ALL = (*COLUMNS, "to newest")
CACHE = ROOT / ".cache" / "rsl_rl"
ON_THE_INDEX = [version for version in KNOWN if version not in ("1.0.2", "2.0.0", "2.0.1")]


@dataclass
class Row:
    """One release in the table."""

    version: str
    packages: Path
    result: dict[str, Any] = field(default_factory=dict)

    def problems(self, columns: tuple[str, ...]) -> list[str]:
        return [
            f"{self.version}: {column}: {self.result.get(column, 'not run')}"
            for column in columns
            if self.result.get(column) not in ("ok", "refused")
        ]


def environment_for(spec: str) -> tuple[str, Path]:
    """Make the small environment of a release: a number, a path or a git address. Returns its number and packages."""
    folder = CACHE / re.sub(r"[^\w.@-]+", "_", spec)
    python, done = folder / "bin" / "python", folder / "version"
    if not done.is_file():
        shutil.rmtree(folder, ignore_errors=True)
        base = [sys.executable, "-m"]
        subprocess.run([*base, "venv", "--without-pip", str(folder)], check=True)
        (site,) = folder.glob("lib/python3.*/site-packages")
        (own,) = [path for path in sys.path if path.endswith("site-packages")][:1]
        (site / "shared.pth").write_text(f"{own}\n")
        source = f"rsl-rl-lib=={spec}" if re.fullmatch(r"[\d.]+", spec) else spec
        with tempfile.TemporaryDirectory() as copies:
            if Path(spec).is_dir():  # a build leaves its files in the source
                source = str(shutil.copytree(spec, Path(copies) / "rsl_rl"))
            pip = [*base, "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--ignore-installed"]
            subprocess.run([*pip, source], check=True, capture_output=True)
        code = "from runners.learners.rsl_rl.release import installed; print(installed().version)"
        version = subprocess.run(
            [python, "-c", code], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, env=environment()
        ).stdout.strip()
        done.write_text(version)
    (site,) = folder.glob("lib/python3.*/site-packages")
    return done.read_text(), site


def environment() -> dict[str, str]:
    """What a cell runs with."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS", "PYTHON"))}
    own = {"PYTHONPATH": str(ROOT), "MUJOCO_GL": "disable", "WARP_CACHE_PATH": str(ROOT / ".cache" / "warp")}
    return {**kept, **own, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}


def run(server: Server, row: Row, *arguments: object, folder: Path) -> None:
    """Run cell.py in its own process with one release."""
    server.start("cell", [str(word) for word in arguments], folder, path=[str(row.packages)]).wait(900)


def run_cell(server: Server, row: Row, folder: Path) -> None:
    """Run one release's cell."""
    folder.mkdir()
    run(server, row, folder, folder=folder)
    result = folder / "result.json"
    row.result = json.loads(result.read_text()) if result.is_file() else {"train": f"ended early, see {folder}"}


def run_matrix(servers: list[Server], specs: list[str], work: Path) -> list[Row]:
    """Run the newest release, then all others side by side, then the newest on what the others left."""
    rows = [Row(*environment_for(spec)) for spec in specs]
    newest = next((row for row in rows if row.version == NEWEST), None) or Row(*environment_for(NEWEST))
    run_cell(servers[0], newest, work / newest.version)
    shutil.copy(work / newest.version / "to-newest.pt", work / REFERENCE)
    others = [row for row in rows if row is not newest]
    idle = SimpleQueue[Server]()
    for server in servers:
        idle.put(server)

    def run_other(row: Row) -> None:
        server = idle.get()
        try:
            run_cell(server, row, work / row.version)
        finally:
            idle.put(server)

    with ThreadPoolExecutor(len(servers)) as pool:
        for row, _ in zip(others, pool.map(run_other, others), strict=True):
            print("\n".join(row.problems(COLUMNS)) or f"{row.version}: done", flush=True)
    files = [work / row.version / "to-newest.pt" for row in [newest, *others]]
    there = [str(path) for path in files if path.is_file()]
    run(servers[0], newest, "--newest", work / "newest.json", *there, folder=work)
    taken = json.loads((work / "newest.json").read_text())
    for row in [newest, *others]:
        row.result["to newest"] = taken.get(row.version, "not run")
    return rows


def unequal_losses(rows: list[Row]) -> list[str]:
    """Generations (major numbers) whose releases differ in their first loss, with one seed."""
    losses: dict[str, dict[float, list[str]]] = {}
    for row in rows:
        generation = losses.setdefault(row.version.partition(".")[0], {})
        generation.setdefault(row.result.get("first loss", -1.0), []).append(row.version)
    return [f"first losses of rsl_rl {name}.x differ: {found}" for name, found in losses.items() if len(found) > 1]


def table(rows: list[Row]) -> str:
    """Markdown, a line for neighbours with the same results."""
    lines = [f"| rsl_rl | {' | '.join(ALL)} | policy differs by | first loss |", "| --- |" + " --- |" * (len(ALL) + 2)]
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        cells = [row.result.get(column, "not run") for column in ALL]
        marks = [cell if cell in ("ok", "refused") else "**failed**" for cell in cells]
        groups.setdefault((*marks, f"{row.result.get('first loss', -1):.6f}"), []).append(row)
    for (*marks, loss), members in groups.items():
        difference = max(row.result.get("difference", -1) for row in members)
        names = ", ".join(row.version for row in members)
        lines.append(f"| {names} | {' | '.join(marks)} | {difference:.0e} | {loss} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="rsl_rl_matrix", description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=ON_THE_INDEX)
    parser.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 2) // 2))
    parser.add_argument("--keep", type=Path, help="a new folder for runs and logs")
    args = parser.parse_args()
    specs = [*shlex.split(os.environ.get("RSL_RL_SRC", "")), *args.only]
    with tempfile.TemporaryDirectory() as text:
        work = args.keep or Path(text)
        work.mkdir(exist_ok=True)
        servers = [Server(environment()) for _ in range(args.jobs)]
        rows = run_matrix(servers, specs, work)
        for server in servers:
            server.close()
    problems = [problem for row in rows for problem in row.problems(ALL)] + unequal_losses(rows)
    print(table(rows))
    for problem in problems:
        print(f"rsl_rl_matrix: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
