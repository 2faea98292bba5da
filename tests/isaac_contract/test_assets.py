"""What make bundle brings of NVIDIA's assets, read with the real pxr."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from contract_world import ROOT, parts

pytestmark = pytest.mark.network

GRID = """#usda 1.0
(
    subLayers = [@./layers/lights.usda@]
)

def "Grid" (references = [@../Props/%C3%BCber/box.usd@</Box>, @omniverse://elsewhere/x.usd@])
{
    asset inputs:own = @OmniPBR.mdl@
    asset inputs:up = @../../../../../etc/passwd@
}
"""
FILES = {
    "Isaac/Grid/grid.usda": GRID,
    "Isaac/Grid/layers/lights.usda": '#usda 1.0\n\ndef "Light"\n{\n    asset texture:file = @sky.hdr@\n}\n',
    "Isaac/Grid/layers/sky.hdr": "hdr",
    "Isaac/Props/über/box.usd": '#usda 1.0\n\ndef "Box"\n{\n    asset inputs:mdl = @./stone.mdl@\n}\n',
    "Isaac/Props/über/stone.mdl": 'mdl 1.4;\ntexture_2d ("./tex/a.png", ::tex::gamma);\ntexture_2d("tex/none.png");\n',
    "Isaac/Props/über/tex/a.png": "png",
    "Isaac/unwanted.usd": "#usda 1.0\n",
}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder of assets and its address."""
    folder = tmp_path / "server/Assets 5.1"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    made = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder.parent)))
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{made.server_port}/Assets%205.1"
    made.shutdown()


def bring(root: str, names: str, folder: Path) -> subprocess.CompletedProcess[str]:
    listed = folder.with_name("list.txt")
    listed.write_text(names)
    command = [sys.executable, str(ROOT / "scripts/assets.py"), root, str(listed), str(folder)]
    env = {"PYTHONPATH": str(parts() / "usd"), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("local", [True, False])
def test_all_that_a_scene_refers_to_comes_along(server: tuple[Path, str], tmp_path: Path, local: bool) -> None:
    folder, address = server
    done = bring(str(folder) if local else address, "# the ground\nIsaac/Grid/grid.usda\n", tmp_path / "bründle")
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "bründle") == {k: v for k, v in FILES.items() if k != "Isaac/unwanted.usd"}
    lines = done.stdout.splitlines()
    [note] = [line for line in lines if line.startswith("note: ")]
    assert note.startswith("note: 'Isaac/Props/über/tex/none.png': ")
    assert lines[-1] == "6 files, 1 that they refer to are not there"


def test_what_is_there_is_not_brought_again(server: tuple[Path, str], tmp_path: Path) -> None:
    _, address = server
    target = tmp_path / "bundle"
    (target / "Isaac/Grid").mkdir(parents=True)
    (target / "Isaac/Grid/grid.usda").write_text("#usda 1.0\n")
    assert bring(address, "Isaac/Grid/grid.usda", target).returncode == 0
    assert files(target) == {"Isaac/Grid/grid.usda": "#usda 1.0\n"}


@pytest.mark.parametrize("address", ["", "http://127.0.0.1:9/x"])
def test_what_is_listed_must_come(server: tuple[Path, str], tmp_path: Path, address: str) -> None:
    done = bring(address or server[1], "Isaac/none.usd", tmp_path / "bundle")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("assets: cannot bring 'Isaac/none.usd': ") and done.stderr.count("\n") == 1
    assert not files(tmp_path / "bundle")
