"""The robot project's own policies, in the model here, against the figures in README's table."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest
from real_make import clean_environment
from sources import ROOT, TABLE, checkout

FIGURES = dict(
    re.findall(r"^\| `(policy_\w+)` \| [\d.]+ \| ([\d.]+) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
)
"""Mean forward speed at 0.5 m/s after the first second, in the model here, m/s."""
TOLERANCE = 0.0015
"""The figures are rounded to 0.001."""


def test_readme_has_all_six() -> None:
    folder = checkout("BHL_SRC") / "checkpoints"
    assert {path.stem for path in folder.glob("*.onnx")} == set(FIGURES) and len(FIGURES) == 6


@pytest.mark.parametrize("name", FIGURES)
def test_an_official_policy_walks_in_the_model_here(name: str) -> None:
    policy = checkout("BHL_SRC") / "checkpoints" / f"{name}.onnx"
    words = [f"POLICY={policy}", "COMMAND=0.5,0,0", "SECONDS=20", "VIEWER=none"]
    command = ["make", "--no-print-directory", "sim2sim", *words]
    done = subprocess.run(command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [file] = re.findall(r"^sim2sim: figures: (.*)$", done.stdout, re.MULTILINE)
    summary = json.loads((ROOT / file).read_text())
    shutil.rmtree((ROOT / file).parent)
    forward = summary["mean"]["forward"]
    figures = {"upright": f"{summary['upright_s']:.1f} of 20 s", "forward": f"{forward:.3f} m/s"}
    TABLE.add("The robot project's policies at 0.5 m/s", {"policy": name, **figures, "README": f"{FIGURES[name]} m/s"})
    assert summary["fell_at_s"] is None
    assert abs(forward - float(FIGURES[name])) < TOLERANCE
