"""Nothing but the standard library may be imported before the simulator has been launched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

RECORDER = """
import sys
from runners import simulators
before = set(sys.modules)
import runners.{verb} as module
class Launched(BaseException):
    pass
class Recorder:
    name = "recorder"
    default_task = "Some-Task"
    def launch(self, options, flags=()):
        raise Launched
    def __getattr__(self, name):
        raise AssertionError(name + " was asked of the simulator before launch()")
simulators.load = lambda wanted: Recorder()
from runners import closing, options, interrupts, verb
class Quiet:
    def __getattr__(self, name):
        return lambda *a, **k: None
try:
    module.{verb}(options.parse("{verb}", sys.argv[1:]), Quiet(), interrupts.Interrupts(), closing.Closing())
except Launched:
    tops = {{name.partition(".")[0] for name in sys.modules}}
    tops -= {{"runners", "__main__", "sitecustomize", "usercustomize", "_distutils_hack"}}
    print("foreign:", sorted(tops - sys.stdlib_module_names))
"""


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    import zipfile

    run = tmp_path / "exp" / "2026-01-01_00-00-00"
    (run / "params").mkdir(parents=True)
    (run / "run.json").write_text('{"task": "Some-Task", "simulator": "recorder", "status": "finished"}')
    with zipfile.ZipFile(run / "model_0.pt", "w") as archive:
        archive.writestr("model/data.pkl", b"")
    (tmp_path / "policy.onnx").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("verb", "flags"),
    [
        ("train", ["--args=env.x=1"]),
        ("train", ["--resume=1"]),
        ("play", ["--viewer=none"]),
        ("play", ["--viewer=none", "--policy={folder}/policy.onnx"]),
        ("export", []),
    ],
)
def test_only_the_standard_library_before_launch(verb: str, flags: list[str], run_folder: Path) -> None:
    flags = [flag.format(folder=run_folder) for flag in flags]
    done = subprocess.run(
        [sys.executable, "-c", RECORDER.format(verb=verb), *flags, f"--log-root={run_folder}"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "foreign: []\n", done.stdout + done.stderr
