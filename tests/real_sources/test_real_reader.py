"""What is exported here, read by the robot's own program: shipped policies, one exported now, and upstream's own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from contract_world import parts
from real_make import Make
from sources import ROOT, TABLE, checkout

HERE = Path(__file__).resolve().parent
SHIPPED = ROOT / "runners/tasks/berkeley_humanoid_lite/policies"
TASK = "Velocity-Berkeley-Humanoid-Lite-MuJoCo-v0"


def read(what: str, config: Path, start: Path) -> None:
    """Start the robot's program in a folder, write a row, and say what is wrong."""
    path = os.pathsep.join((str(checkout("BHL_LOWLEVEL_SRC")), str(parts() / "packages")))
    env = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "ORT_DISABLE_TELEMETRY": "1"}
    command = [sys.executable, HERE / "upstream_reader.py", config]
    done = subprocess.run(command, cwd=start, env=env, capture_output=True, text=True, check=False)
    found: dict[str, Any] = {}
    if done.returncode == 0:
        found = json.loads(done.stdout.splitlines()[-1])
    ended = "acts" if found else done.stderr.strip().splitlines()[-1]
    row = {"policy": what, "input": f"{found.get('input', '')} {found.get('shape', '')}".strip(), "ended with": ended}
    TABLE.add("Read by the robot's own program (RlController, OnnxPolicy)", row)
    assert found, done.stdout + done.stderr
    assert found["finite"] and found["moves"] > 1e-3
    assert found["targets"] == [5, found["joints"]]


def copied(onnx: Path, config: Path, folder: Path) -> Path:
    """The two files where README says to put them in upstream's checkout. Returns the yaml there."""
    for name, file in (("checkpoints", onnx), ("configs", config)):
        (folder / name).mkdir(parents=True)
        shutil.copy(file, folder / name)
    return folder / "configs" / config.name


@pytest.mark.parametrize(
    "name",
    [
        "policy_humanoid",
        "policy_humanoid_legs",
        "policy_biped_50hz",
        "policy_biped_25hz_a",
        "policy_biped_25hz_b",
        "policy_video",
    ],
)
def test_it_reads_its_own(name: str) -> None:
    """Else the tests below would say nothing."""
    folder = checkout("BHL_SRC")
    read(f"{name}, upstream's own", folder / "configs" / f"{name}.yaml", folder)


@pytest.mark.parametrize("name", ["bhl", "bhl-biped"])
def test_a_policy_that_comes_along(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "Berkeley-Humanoid-Lite"
    read(f"{name}, copied", copied(SHIPPED / f"{name}.onnx", SHIPPED / f"{name}.yaml", folder), folder)


def test_a_policy_exported_now(tmp_path: Path) -> None:
    checkout("BHL_LOWLEVEL_SRC")
    make = Make(tmp_path / "logs")
    words = (f"TASK={TASK}", "NUM_ENVS=8", "ITERATIONS=1", "ARGS=agent.num_steps_per_env=8")
    for done in (make("train", *words), make("export")):
        assert done.returncode == 0, done.stdout + done.stderr
    exported = make.last() / "exported"
    read("exported now, from another folder", exported / "policy.yaml", tmp_path)
    folder = tmp_path / "Berkeley-Humanoid-Lite"
    config = copied(exported / "policy.onnx", exported / "policy.yaml", folder)
    path = "policy_checkpoint_path: checkpoints/policy.onnx"
    config.write_text(re.sub(r"^policy_checkpoint_path:.*", path, config.read_text(), flags=re.MULTILINE))
    read("exported now, copied, with the path set", config, folder)
