"""Checks Isaac Sim's Python from inside it. It runs in that Python, without the simulator.

    python.sh scripts/setup/verify_isaac.py ROWS --sim=P --lab=P --version=V --rsl-rl=V --torch=V --numpy=V
        [--robot=P] [--no-gpu] LOCK

Appends rows `ok|fail|doubt|note|skip<TAB>what<TAB>found` to ROWS; a doubt is what a training may settle. What needs a
running Kit (isaaclab.envs, the tasks) is located here and imported by the training that follows.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import re
import sys
import sysconfig
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path

Row = tuple[str, str, str]

IMPORTS = (
    *("torch", "numpy", "gymnasium", "flatdict", "h5py", "hid", "hydra", "omegaconf", "onnx", "prettytable", "einops"),
    *("tensordict", "torch.utils.tensorboard", "toml", "trimesh", "warp", "yaml", "cv2", "scipy", "matplotlib"),
    *("rsl_rl.runners", "isaacsim", "isaaclab", "isaaclab.app", "isaaclab_rl", "isaaclab_contrib", "isaaclab_mimic"),
    *("rich", "pynvml", "mediapy", "imageio_ffmpeg", "filelock", "PIL", "onnxruntime"),
)
"""What loads without Kit: isaaclab.envs' own imports, the learner's, those of the runners."""

LAB = ("isaaclab", "isaaclab_assets", "isaaclab_contrib", "isaaclab_mimic", "isaaclab_rl", "isaaclab_tasks")
ROBOT = ("berkeley_humanoid_lite", "berkeley_humanoid_lite_assets")
KIT = "apps/isaacsim_5_1/isaaclab.python.headless.kit"


def interpreter(sim: Path, wanted: str) -> Iterator[Row]:
    """The Python itself, and Isaac Sim's version."""
    where = f"{'.'.join(map(str, sys.version_info[:3]))} in {sys.prefix}"
    yield judge("Python", sys.version_info[:2] == (3, 11) and inside(Path(sys.prefix), sim), where)
    line = (sim / "VERSION").read_text(encoding="utf-8").split("\n")[0]
    yield ("ok" if line.split("-")[0].startswith(wanted) else "note"), "Isaac Sim", line


def imports() -> Iterator[Row]:
    """Import all that loads without Kit; one row, or one for each that fails."""
    failed = 0
    for name in IMPORTS:
        try:
            importlib.import_module(name)
        except Exception as error:
            failed += 1
            yield (
                "doubt",
                f"import {name}",
                f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            )
    yield ("note" if failed else "ok"), "imports", f"{len(IMPORTS) - failed} of {len(IMPORTS)} load"


def simulation_app() -> Iterator[Row]:
    """Only a warning is printed, and None left, where Isaac Sim's own modules (carb) cannot be loaded."""
    there = getattr(importlib.import_module("isaacsim"), "SimulationApp", None) is not None
    yield judge("SimulationApp", there, "can be started" if there else "isaacsim.SimulationApp is None")


def origins(names: tuple[str, ...], root: Path, what: str) -> Iterator[Row]:
    """Each package must come from the checkout that set-up linked, whatever else is on the path."""
    wrong = []
    for name in names:
        spec = importlib.util.find_spec(name)
        # a package without __init__.py has no origin, may be spread over several folders, and an
        # editable one names a hook among them
        places = [p for p in (spec.submodule_search_locations or [] if spec else []) if Path(p).is_absolute()]
        if not places or not all(inside(Path(place), root) for place in places):
            wrong.append(f"{name} from {', '.join(places) or 'nowhere'}")
    yield judge(what, not wrong, f"{len(names)} packages from {root}" if not wrong else "; ".join(wrong))


def pins(lock: Path) -> Iterator[Row]:
    """The versions of the lock. What Isaac Sim bundles in another version stays, and is named."""
    wanted = dict(re.findall(r"^([\w.-]+)==([^\s;\\]+)", lock.read_text(encoding="utf-8"), re.MULTILINE))
    missing = [name for name in wanted if found_version(name) is None]
    other = [f"{n} {found_version(n)}" for n, v in wanted.items() if found_version(n) not in (None, v)]
    yield judge("packages of the lock", not missing, f"{len(wanted) - len(missing)} of {len(wanted)}" + said(missing))
    if other:
        yield "note", "bundled, kept as they are", ", ".join(other)


def said(missing: list[str]) -> str:
    """The names of what is missing."""
    return f"; missing: {', '.join(missing)}" if missing else ""


def bundled(sim: Path, torch: str, numpy: str) -> Iterator[Row]:
    """What Isaac Sim's modules were built for. The module counts, not the metadata.

    Another build of the same release is a note, as is whatever Isaac Sim brings itself; another release that stands in
    front of it fails.
    """
    site = Path(sysconfig.get_paths()["purelib"])
    for name, wanted in (("torch", torch), ("numpy", numpy)):
        try:
            module = importlib.import_module(name)
        except Exception as error:
            yield "fail", name, f"{type(error).__name__}: {error}"
            continue
        found, file = str(module.__version__), Path(str(module.__file__))
        text = f"{found} in {file}"
        if found == wanted or found.startswith(wanted + "."):
            yield "ok", name, text
        elif found.partition("+")[0] == wanted.partition("+")[0] or (inside(file, sim) and not inside(file, site)):
            yield "note", name, f"{text}; {wanted} was tried"
        else:
            yield "fail", name, f"{text} stands in front of Isaac Sim's own {wanted}"


def rsl_rl(wanted: str) -> Iterator[Row]:
    """Exactly one distribution owns the folder rsl_rl."""
    names = ("rsl_rl", "rsl-rl", "rsl-rl-lib")
    there = {(d.metadata["Name"], d.version) for d in distributions() if (d.metadata["Name"] or "").lower() in names}
    text = ", ".join(f"{name} {number}" for name, number in sorted(there)) or "not installed"
    if len(there) == 1 and {number for _, number in there} != {wanted}:
        yield "note", "rsl_rl", f"{text}; set-up puts {wanted} in"
    else:
        yield judge("rsl_rl", len(there) == 1, text)


def kit(lab: Path) -> Iterator[Row]:
    """The kit that the runner names, and that nothing makes Isaac Lab take Isaac Sim for 4.5."""
    path = lab / KIT
    yield judge("kit", path.is_file(), str(path) if path.is_file() else f"'{path}' is missing")
    leaked = found_version("isaacsim")
    if leaked is not None:
        yield "note", "pip isaacsim", f"{leaked} is visible and not used; the kits are named by their path"


def gpu(expected: bool) -> Iterator[Row]:
    """Whether torch can use the GPU that nvidia-smi shows."""
    if not expected:
        yield "skip", "GPU in torch", "no NVIDIA GPU answers (nvidia-smi -L)"
        return
    import torch

    yield judge(
        "GPU in torch", bool(torch.cuda.is_available()), f"torch.cuda.is_available() is {torch.cuda.is_available()}"
    )


def judge(what: str, good: bool, found: str) -> Row:
    """One row."""
    return ("ok" if good else "fail"), what, found


def inside(path: Path, root: Path) -> bool:
    """Whether a path is below a folder, links resolved."""
    return root.resolve() in path.resolve().parents


def found_version(name: str) -> str | None:
    """The version that this Python finds, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def main() -> None:
    """Append the rows; a check that itself fails is a row too."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", type=Path)
    parser.add_argument("lock", type=Path)
    for name in ("--sim", "--lab", "--robot"):
        parser.add_argument(name, type=Path)
    for name in ("--version", "--rsl-rl", "--torch", "--numpy"):
        parser.add_argument(name)
    parser.add_argument("--no-gpu", action="store_true")
    a = parser.parse_args()
    checks: list[Callable[[], Iterator[Row]]] = [
        lambda: interpreter(a.sim, a.version),
        lambda: kit(a.lab),
        imports,
        simulation_app,
        lambda: origins(LAB, a.lab, "Isaac Lab's packages"),
        lambda: pins(a.lock),
        lambda: bundled(a.sim, a.torch, a.numpy),
        lambda: rsl_rl(a.rsl_rl),
        lambda: gpu(not a.no_gpu),
    ]
    if a.robot:
        checks.insert(4, lambda: origins(ROBOT, a.robot, "the robot's packages"))
    with open(a.rows, "a", encoding="utf-8") as stream:
        for check in checks:
            for row in check():
                stream.write("\t".join(" ".join(cell.split()) for cell in row) + "\n")


if __name__ == "__main__":
    main()
