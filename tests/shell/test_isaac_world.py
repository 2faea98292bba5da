"""The miniature Isaac Sim is strict: it fails where the real one fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from isaac_world import (
    BUNDLED,
    ISAAC_CLASSIFIER,
    LITE,
    TROVE,
    Repositories,
    git,
    make_build_wheels,
    make_isaac_tree,
    make_isaac_wheels,
    make_python,
    make_repositories,
    real_wheels,
    set_gpu,
    snapshot,
    unpack,
    zip_tree,
)
from shell_checkout import SOURCE

HOME = "home of the test"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nothing may change it."""
    return make_isaac_tree(tmp_path_factory.mktemp("isaac") / "isaacsim")


@pytest.fixture
def copy(tree: Path, tmp_path: Path) -> Path:
    """Of hard links: what changes a file here puts another in its place."""
    return shutil.copytree(tree, tmp_path / "isaacsim", symlinks=True, copy_function=os.link)


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Repositories:
    return make_repositories(tmp_path_factory.mktemp("git"), lfs_pointer=True)


def run(tree: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """What python.sh says, in an environment of its own."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(tree.parent / HOME), "PYTHONDONTWRITEBYTECODE": "1", **env}
    command = [str(tree / "python.sh"), *words]
    return subprocess.run(command, env=environment, cwd=tree.parent, capture_output=True, text=True, check=False)


def pip(tree: Path, *words: str, links: Path = Path("nowhere"), **env: str) -> subprocess.CompletedProcess[str]:
    """What pip says, with a folder for an index."""
    settings = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(links), "PIP_NO_CACHE_DIR": "1", "PIP_NO_COMPILE": "1"}
    return run(tree, "-m", "pip", *words, PIP_CONFIG_FILE=os.devnull, **settings, **env)


def printed(tree: Path, code: str, **env: str) -> list[str]:
    """The lines that a program prints, which must end well."""
    done = run(tree, "-c", code, **env)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_python_sh_sets_what_the_real_one_sets(tree: Path) -> None:
    names = "CARB_APP_PATH", "ISAAC_PATH", "EXP_PATH", "RESOURCE_NAME", "PYTHONPATH", "LD_LIBRARY_PATH"
    code = f"import os; print(*map(os.environ.get, {names}), os.environ.get('LD_PRELOAD'), sep=chr(10))"
    found = printed(tree, code, PYTHONPATH="/users/own", LD_PRELOAD="", CARB_APP_PATH="/old")
    assert found[:4] == [f"{tree}/kit", f"{tree}", f"{tree}/apps", "IsaacSim"]
    own, python, site, packages, *_, cloud = found[4].split(":")
    assert (own, python) == ("/users/own", f"{tree}/kit/python/lib/python3.11")
    assert (site, packages) == (f"{python}/site-packages", f"{tree}/python_packages")
    assert cloud == f"{tree}/exts/omni.pip.cloud/pip_prebundle"
    assert found[5].startswith(f":{tree}/.:{tree}/kit:") and found[6] == "None"


def test_what_changes_the_command_line(tree: Path) -> None:
    code = "import sys; print(sys.argv[1:])"
    done = run(tree, "-c", code, "--lldb-debug", "a b", args="x y", CONDA_PREFIX="/opt/conda", VIRTUAL_ENV="/venv")
    *warnings, words = done.stdout.splitlines()
    assert words == "['a b', 'x', 'y']"
    assert len(warnings) == 2 and warnings[0].startswith("Warning: running in conda env")
    assert run(tree, "-m", "pip", PYTHONEXE="/bin/echo").stdout == "-m pip\n"


def test_every_failure_is_status_1_and_a_line_on_stdout(tree: Path) -> None:
    for code in ("raise SystemExit(3)", "import os; os.kill(os.getpid(), 15)", "import no_such_module"):
        done = run(tree, "-c", code)
        assert (done.returncode, done.stdout) == (1, "There was an error running python\n"), code
    assert run(tree, "-c", "", PYTHONHOME="/nowhere").returncode == 1


def test_a_space_in_its_path_breaks_it(tree: Path, tmp_path: Path) -> None:
    spaced = tmp_path / "isaac sim"
    spaced.symlink_to(tree)
    done = run(spaced, "-c", "print('here')")
    assert done.returncode == 1 and "here" not in done.stdout and "isaac: No such file" in done.stderr


def test_its_python_is_a_python_of_its_own(tree: Path) -> None:
    code = "import site, sys; from sysconfig import get_path; print(sys.prefix, get_path('purelib'), "
    code += "get_path('scripts'), sys.prefix == sys.base_prefix, site.getusersitepackages() in sys.path, sep=chr(10))"
    user = tree.parent / HOME / ".local/lib/python3.11/site-packages"
    user.mkdir(parents=True, exist_ok=True)
    python = f"{tree}/kit/python"
    expected = [python, f"{python}/lib/python3.11/site-packages", f"{python}/bin", "True", "True"]
    assert printed(tree, code) == expected
    assert printed(tree, code, PYTHONNOUSERSITE="1") == [*expected[:-1], "False"]


def test_its_packages_are_the_bundled_ones(tree: Path) -> None:
    """And pip sees them, and complains of them as they come."""
    found = dict(line.split("==") for line in pip(tree, "list", "--format=freeze").stdout.splitlines())
    bundled = {name: version for packages in BUNDLED.values() for name, version in packages.items()}
    assert found == {**bundled, "pip": found["pip"], "setuptools": "78.1.1"}
    code = "import torch, torchvision, numpy, pkg_resources; from packaging.version import Version; "
    code += "print(torch.version.cuda, torch.__file__, Version('1.10') > Version('1.9'))"
    assert printed(tree, code) == [f"12.8 {tree}/exts/omni.isaac.ml_archive/pip_prebundle/torch/__init__.py True"]
    done = pip(tree, "check")
    assert done.returncode == 1 and "nvidia-srl-usd-to-urdf 1.0.0 has requirement lxml<5" in done.stdout


def test_pip_really_replaces_what_is_bundled(copy: Path, tmp_path: Path) -> None:
    """What it installs goes to kit's site-packages, and what was bundled is gone."""
    make_isaac_wheels(tmp_path / "wheels", ["numpy==2.0.0"])
    numpy = copy / "extscache/omni.kit.pip_archive-0.0.0+69cbf6ad.lx64.cp311/pip_prebundle/numpy"
    assert numpy.is_dir()
    before = snapshot(copy)
    assert "Requirement already satisfied" in pip(copy, "install", "numpy").stdout
    assert snapshot(copy) == before
    done = pip(copy, "install", "--no-deps", "numpy==2.0.0", links=tmp_path / "wheels")
    assert "Uninstalling numpy-1.26.0" in done.stdout, done.stderr
    assert not numpy.exists()
    assert (copy / "kit/python/lib/python3.11/site-packages/numpy").is_dir()


def test_flatdict_is_not_built_by_setuptools_82(copy: Path, tmp_path: Path) -> None:
    flatdict = tmp_path / "flatdict"
    flatdict.write_text(make_isaac_wheels(tmp_path, ["flatdict==4.0.1"]))
    build = ["install", "--require-hashes", "--no-deps", "--no-build-isolation", "-r", str(flatdict)]
    shutil.rmtree(copy / "kit/python")
    make_python(copy / "kit/python", "82.0.1")
    done = pip(copy, *build, links=tmp_path)
    assert done.returncode == 1 and "No module named 'pkg_resources'" in done.stdout + done.stderr


def test_the_archive_keeps_modes_and_links(tree: Path, tmp_path: Path) -> None:
    archive = zip_tree(tree, tmp_path / "isaac.zip")
    assert archive.stat().st_size < 8_000_000
    with zipfile.ZipFile(archive) as opened:
        assert {"VERSION", "python.sh", "kit/"} <= set(opened.namelist())
    extract = [sys.executable, SOURCE / "scripts/extract.py", archive, tmp_path / "new"]
    subprocess.run(extract, check=True, stdout=subprocess.DEVNULL)
    new = snapshot(tmp_path / "new", ignore=())
    assert new == snapshot(tree, ignore=())
    assert new["python.sh"].mode == 0o755 and new["kit/python/bin/python"][1:] == ("link", "python3")
    assert printed(tmp_path / "new", "import sys; print(sys.prefix)") == [str(tmp_path / "new/kit/python")]


def test_a_snapshot_sees_every_change(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "inner/__pycache__").mkdir(parents=True)
    (folder / "file").write_text("a")
    (folder / "link").symlink_to("file")
    before = snapshot(folder)
    assert set(before) == {"file", "inner", "link"}
    (folder / "file").chmod(0o700)
    (folder / "link").unlink()
    (folder / "link").symlink_to("inner")
    (folder / "inner/new").touch()
    after = snapshot(folder)
    assert {path for path in after if after[path] != before.get(path)} == {"file", "link", "inner/new"}
    (folder / "file").write_text("b")
    assert snapshot(folder)["file"] != after["file"]


def test_post_install_writes_to_home_only_where_that_folder_is(copy: Path) -> None:
    home = copy.parent / HOME
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}

    def post_install() -> None:
        subprocess.run([copy / "post_install.sh"], env=environment, check=True, stdout=subprocess.DEVNULL)

    post_install()
    assert (copy / "extension_examples").resolve().is_relative_to(copy / "exts/isaacsim.examples.interactive")
    assert not home.exists()
    (home / ".local/share/applications").mkdir(parents=True)
    post_install()
    assert (home / ".local/share/applications/IsaacSim.desktop").exists()


def test_another_python_gets_no_simulation_app(tree: Path) -> None:
    environment = {"PYTHONPATH": str(tree / "python_packages"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", "import isaacsim; print(isaacsim.SimulationApp)"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    warning, nothing = done.stdout.splitlines()
    assert warning.startswith("[Warning] Unable to expose 'isaacsim.simulation_app' API: ") and nothing == "None"


def test_isaac_lab_starts_it(copy: Path, repositories: Repositories, tmp_path: Path) -> None:
    """The real AppLauncher: headless it starts and close() ends with 0 and unflushed; a window wants a registry."""
    lab = tmp_path / "IsaacLab"
    fetch(lab, repositories, "isaac-sim/IsaacLab")
    assert (lab / "VERSION").read_text() == "2.3.2\n"
    make_isaac_wheels(tmp_path / "wheels", ["toml"])
    editable = ["install", "--no-deps", "--no-build-isolation", "-e", str(lab / "source/isaaclab")]
    done = pip(copy, *editable)
    assert done.returncode == 1 and "No module named 'toml'" in done.stdout + done.stderr
    for words in (["install", "toml"], editable):
        done = pip(copy, *words, links=tmp_path / "wheels")
        assert done.returncode == 0, done.stderr
    assert git(lab, "status", "--porcelain") == ""
    early = run(copy, "-c", "import isaacsim, carb.settings")
    assert early.returncode == 1 and "WARNING: Omniverse/Isaac Sim import statements must" in early.stdout
    set_gpu(copy, True)
    code = "import sys, isaaclab, torch; from isaaclab.app import AppLauncher; app = AppLauncher(headless={}).app; "
    code += "import carb.settings, omni.timeline; print(isaaclab.__file__, torch.cuda.is_available()); {}app.close(); "
    code += "raise SystemExit(9)"
    done = run(copy, "-c", code.format(True, "sys.stdout.flush(); "))
    assert done.returncode == 0, done.stderr
    assert f"Loading experience file: {lab}/apps/isaaclab.python.headless.kit" in done.stdout + done.stderr
    assert f"{lab}/source/isaaclab/isaaclab/__init__.py True\n" in done.stdout
    assert list((copy / "kit/logs/Kit/Isaac-Sim/5.1").glob("kit_*.log"))
    done = run(copy, "-c", code.format(True, ""))
    assert done.returncode == 0 and "__init__.py True" not in done.stdout
    done = run(copy, "-c", code.format(False, ""))
    said = "dependency: 'isaacsim.asset.importer.urdf' = { version='=2.4.31' } can't be satisfied. Available versions: "
    assert done.returncode == 1 and f"{said}['2.4.30']" in done.stderr


def fetch(folder: Path, repositories: Repositories, name: str) -> None:
    """A pinned commit alone, as set-up gets it."""
    git(folder, "init", "--quiet")
    commit = repositories.commits[name.partition("/")[2]]
    git(folder, "fetch", "--quiet", "--depth=1", f"{repositories.url}/{name}.git", commit)
    git(folder, "checkout", "--quiet", "FETCH_HEAD")


def test_rsl_rl_is_its_own_distribution_at_the_tag(repositories: Repositories, tmp_path: Path) -> None:
    fetch(tmp_path, repositories, "leggedrobotics/rsl_rl")
    assert "name='rsl_rl',\n    version='1.0.2'" in (tmp_path / "setup.py").read_text()
    repository = repositories.path("rsl_rl")
    assert git(repository, "rev-parse", "v1.0.2").strip() == repositories.commits["rsl_rl"]
    assert git(repository, "rev-parse", "main").strip() != repositories.commits["rsl_rl"]


def test_the_robots_submodules_need_another_address(copy: Path, repositories: Repositories, tmp_path: Path) -> None:
    robot = tmp_path / LITE
    fetch(robot, repositories, f"HybridRobotics/{LITE}")
    submodules = ["submodule", "--quiet", "update", "--init", "--depth=1"]
    with pytest.raises(subprocess.CalledProcessError):
        git(robot, "-c", "core.sshCommand=false", *submodules)
    address = ["-c", f"url.{repositories.url}/.insteadOf=git@github.com:", "-c", "protocol.file.allow=always"]
    git(robot, *address, *submodules)
    assets = robot / "source/berkeley_humanoid_lite_assets"
    assert (assets / "data/usd/berkeley_humanoid_lite.usd").read_text().startswith("version https://git-lfs")
    packages = ["-e", str(robot / "source/berkeley_humanoid_lite"), "-e", str(assets)]
    done = pip(copy, "install", "--no-deps", "--no-build-isolation", *packages)
    assert done.returncode == 0, done.stderr
    code = "from berkeley_humanoid_lite_assets.robots.berkeley_humanoid_lite import DATA; print(DATA)"
    assert printed(copy, code) == [str(assets / "data")]
    done = run(copy, "-c", "import berkeley_humanoid_lite.tasks")
    assert done.returncode == 1 and "No module named 'isaaclab_tasks'" in done.stderr


BACKENDS = {"setuptools.build_meta": "must be trove-classifier", "hatchling.build": "Unknown classifier"}


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_robots_classifier_is_refused_where_it_is_looked_up(copy: Path, tmp_path: Path, backend: str) -> None:
    """As with the real tools and the real metadata: with trove_classifiers on a build's path there is no package."""
    repositories = make_repositories(tmp_path / "git", build_backend=backend)
    assets = tmp_path / "assets"
    fetch(assets, repositories, f"HybridRobotics/{LITE}-Assets")
    assert f'"{ISAAC_CLASSIFIER}",\n' in (assets / "pyproject.toml").read_text()
    tools = tmp_path / "tools"
    make_build_wheels(tmp_path / "wheels")
    for wheel in (*(tmp_path / "wheels").iterdir(), *real_wheels(TROVE)):
        unpack(wheel, tools)
    build = ["install", "--no-deps", "--no-build-isolation", "-e", str(assets)]
    done = pip(copy, *build, PYTHONPATH=str(tools))
    assert done.returncode == 1 and BACKENDS[backend] in done.stdout + done.stderr
    if backend.startswith("setuptools"):
        shutil.rmtree(tools / "trove_classifiers")
    done = pip(copy, *build, PYTHONPATH=str(tools), HATCH_METADATA_CLASSIFIERS_NO_VERIFY="1")
    assert done.returncode == 0, done.stdout + done.stderr
    code = "from berkeley_humanoid_lite_assets.robots.berkeley_humanoid_lite import DATA; print(DATA)"
    assert printed(copy, code) == [str(assets / "data")]
