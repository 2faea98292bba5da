"""make setup RSL_RL=...: another rsl_rl, completely or not at all, and kept until another is asked for."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from shell_checkout import Checkout, Wheels, errors, make_checkout, make_wheel, members, rsl_rl_files

ANOTHER = "choose another: make setup SIM=mujoco RSL_RL=5.4.2"
STATE = """
from importlib.metadata import distributions
import os, rsl_rl.runners
print(*(f"{d.metadata['Name']} {d.version}" for n in ("rsl_rl", "rsl-rl-lib") for d in distributions(name=n)), sep=", ")
print(rsl_rl.VERSION)
print(*(name for name in sorted(os.listdir(os.path.dirname(rsl_rl.__file__))) if name.startswith("only_")))
"""
# Builds without a network, and leaves in the source what setuptools leaves there and takes from there.
BACKEND = """
import pathlib, re, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name, version = re.findall('= "(.*)"', pathlib.Path("pyproject.toml").read_text())[:2]
    stem = f"{name.replace('-', '_')}-{version}"
    pathlib.Path("build/lib").mkdir(parents=True, exist_ok=True)
    pathlib.Path("rsl_rl.egg-info").mkdir(exist_ok=True)
    files = {}
    for root in (pathlib.Path("."), pathlib.Path("build/lib")):
        files |= {str(path.relative_to(root)): path.read_text() for path in root.glob("[rm]*_*/*.py")}
    if pathlib.Path("evil").exists():
        files["../../../../evil.py"] = ""
    files[f"{stem}.dist-info/METADATA"] = f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n"
    files[f"{stem}.dist-info/WHEEL"] = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files[f"{stem}.dist-info/RECORD"] = "".join(f"{name},,\\n" for name in [*files, f"{stem}.dist-info/RECORD"])
    with zipfile.ZipFile(f"{folder}/{stem}-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return f"{stem}-py3-none-any.whl"
"""


@dataclass(frozen=True)
class Base:
    """A set-up checkout, and a copy of what a test may change in it."""

    checkout: Checkout
    copy: Path


@pytest.fixture(scope="module")
def releases(wheels: Wheels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of a set-up, and more releases of rsl_rl; those from 6.0 have something wrong."""
    folder = tmp_path_factory.mktemp("releases") / "wheels"
    shutil.copytree(wheels.folder, folder)
    for version in ("3.1.2", "5.5.0"):
        make_wheel(folder, "rsl-rl-lib", version, rsl_rl_files(version))
    make_wheel(folder, "rsl-rl-lib", "6.1.0", {**rsl_rl_files("6.1.0"), "rsl_rl/runners.py": "import no_such_module"})
    make_wheel(folder, "rsl-rl-lib", "6.2.0", {"something.py": ""})
    make_wheel(folder, "torchvision", "0.28.1", {"torchvision/__init__.py": ""}, "torch==2.13.0")
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, wheels: Wheels, releases: Path, quick_python: Path) -> Base:
    root = tmp_path_factory.mktemp("base")
    checkout = make_checkout(root, wheels, quick_python)
    checkout.env["PIP_FIND_LINKS"] = str(releases)
    git = shutil.which("git")
    if git is None:
        pytest.skip("this machine has no git")
    (checkout.bin / "git").symlink_to(os.path.realpath(git))
    result = checkout.make("setup", "SIM=mujoco")
    assert result.returncode == 0, result.stderr
    shutil.copytree(checkout.path, root / "copy", symlinks=True)
    return Base(checkout, root / "copy")


@pytest.fixture
def checkout(base: Base) -> Checkout:
    """A checkout that is set up with the pinned release. It has its place and its Python each time."""
    shutil.rmtree(base.checkout.path)
    shutil.copytree(base.copy, base.checkout.path, symlinks=True, copy_function=copy_or_link)
    return replace(base.checkout, env=dict(base.checkout.env))


def copy_or_link(source: str, target: str) -> None:
    """pip's and setuptools' many files are not changed by any test."""
    if "/site-packages/pip" in source or "/site-packages/setuptools" in source:
        os.link(source, target)
    else:
        shutil.copy2(source, target)


@pytest.fixture
def fresh(tmp_path: Path, wheels: Wheels, releases: Path, quick_python: Path) -> Checkout:
    """A fresh clone, on a machine without git."""
    checkout = make_checkout(tmp_path, wheels, quick_python)
    checkout.env["PIP_FIND_LINKS"] = str(releases)
    return checkout


def has(checkout: Checkout, distribution: str) -> bool:
    """Whether this distribution, as "name version", is there: nothing of another one, and it imports."""
    python = checkout.path / ".venv/bin/python"
    done = subprocess.run([python, "-I", "-c", STATE], capture_output=True, text=True, check=False)
    version = distribution.split()[1]
    wanted = [distribution, version, f"only_{version.replace('.', '_')}.py"]
    left = [*(checkout.path / ".venv").glob("lib/*/site-packages/~*"), *checkout.path.glob(".cache/tmp")]
    return done.stdout.splitlines() == wanted and not left


def chosen(checkout: Checkout) -> str:
    """The release that make setup names, having nothing to do."""
    result = checkout.make("setup", "SIM=mujoco")
    match = re.fullmatch(
        r"setup: nothing to do: SIM=mujoco, CPU build, Python 3\.\d+(?:, rsl_rl (.+))?; next: make train\n",
        result.stdout,
    )
    assert match, result.stdout + result.stderr
    return match[1] or ""


def contents(folder: Path) -> dict[str, tuple[float, bytes]]:
    """Every path under a folder with its time, and the files with their bytes."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_mtime, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    }


def write_source(folder: Path, name: str, version: str, package: str = "rsl_rl") -> Path:
    """The source of a distribution, as a checkout of it would have it."""
    for path, text in rsl_rl_files(version).items():
        file = folder / path.replace("rsl_rl", package)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (folder / "backend.py").write_text(BACKEND)
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\nversion = "{version}"\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    return folder


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose tag v1.0.2 is that release, and whose branch has gone on."""
    folder = write_source(tmp_path / "repository", "rsl_rl", "1.0.2")
    git(folder, "init", "--quiet")
    for version in ("1.0.2", "2.0.0"):
        shutil.rmtree(folder / "rsl_rl")
        write_source(folder, "rsl_rl", version)
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "-m", version)
        git(folder, "tag", f"v{version}")
    return folder


def test_a_number(checkout: Checkout) -> None:
    result = checkout.make("setup", "SIM=mujoco", "RSL_RL=3.1.2")
    assert errors(result) == []
    lines = result.stdout.splitlines()
    assert lines[0] == "setup: installing rsl_rl 3.1.2 in .venv"
    parts = [re.fullmatch(r"  (.+?) +\d+ s", line) for line in lines[1:-2]]
    assert [part and part[1] for part in parts] == ["download", "check", "removal of the old one", "rsl-rl-lib 3.1.2"]
    assert lines[-2] == "setup: rsl_rl is now the distribution rsl-rl-lib 3.1.2"
    assert re.fullmatch(r"setup: done in \d+ s; next: make train", lines[-1])
    assert has(checkout, "rsl-rl-lib 3.1.2")
    before = contents(checkout.path)
    assert chosen(checkout) == "3.1.2"
    assert "nothing to do" in checkout.make("setup", "SIM=mujoco", "RSL_RL=3.1.2").stdout
    assert contents(checkout.path) == before


def test_a_fresh_clone(fresh: Checkout) -> None:
    """What was asked for is not forgotten where the simulator could not be installed."""
    assert errors(fresh.make("setup", "SIM=mujoco", "RSL_RL=3.1.2", PIP_FIND_LINKS=""))[-1].startswith("setup: ")
    result = fresh.make("train")
    lines = [line for line in errors(result) if "installing" in line]
    assert lines[0].startswith("setup: installing the embedded simulator ")
    assert lines[1:] == ["setup: installing rsl_rl 3.1.2 in .venv"]
    assert chosen(fresh) == "3.1.2"
    assert has(fresh, "rsl-rl-lib 3.1.2")


def test_a_folder(checkout: Checkout, tmp_path: Path) -> None:
    """Relative to the checkout; given again it is installed again. It stays as it was; no earlier build counts."""
    folder = write_source(tmp_path / "mein rsl_rl ü", "rsl-rl-lib", "3.0.0")
    write_source(folder / "build/lib", "rsl-rl-lib", "2.9.9")
    write_source(folder / ".git", "rsl-rl-lib", "2.9.8")
    (folder / "setup.py").symlink_to("nowhere")
    path = os.path.relpath(folder, checkout.path)
    before = contents(folder)
    result = checkout.make("setup", "SIM=mujoco", f"RSL_RL={path}")
    assert errors(result) == []
    assert f"setup: installing rsl_rl from {path} in .venv\n" in result.stdout
    assert has(checkout, "rsl-rl-lib 3.0.0")
    assert contents(folder) == before
    assert chosen(checkout) == f"3.0.0 from {path}"
    shutil.rmtree(folder / "rsl_rl")
    write_source(folder, "rsl-rl-lib", "3.0.1")
    assert chosen(checkout) == f"3.0.0 from {path}"
    assert "done" in checkout.make("setup", "SIM=mujoco", f"RSL_RL={folder}/").stdout
    assert has(checkout, "rsl-rl-lib 3.0.1")


def test_a_git_address(checkout: Checkout, repository: Path) -> None:
    result = checkout.make("setup", "SIM=mujoco", f"RSL_RL=git+{repository.as_uri()}@v1.0.2")
    assert errors(result) == []
    assert "setup: rsl_rl is now the distribution rsl_rl 1.0.2\n" in result.stdout
    assert has(checkout, "rsl_rl 1.0.2")
    assert chosen(checkout) == f"1.0.2 from git+{repository.as_uri()}@v1.0.2"
    assert "done" in checkout.make("setup", "SIM=mujoco", f"RSL_RL=git+{repository.as_uri()}").stdout
    assert has(checkout, "rsl_rl 2.0.0")
    git(repository, "reset", "--hard", "v1.0.2")
    assert "done" in checkout.make("setup", "SIM=mujoco", f"RSL_RL=git+{repository.as_uri()}").stdout
    assert has(checkout, "rsl_rl 1.0.2")


def test_a_mirror_of_github(checkout: Checkout, repository: Path, tmp_path: Path) -> None:
    (tmp_path / "mirror/leggedrobotics").mkdir(parents=True)
    (tmp_path / "mirror/leggedrobotics/rsl_rl").symlink_to(repository)
    wanted = "git+https://github.com/leggedrobotics/rsl_rl@v1.0.2"
    words = ("setup", "SIM=mujoco", f"RSL_RL={wanted}", f"GIT_HOST={(tmp_path / 'mirror').as_uri()}")
    result = checkout.make(*words)
    assert result.returncode == 0, result.stderr
    assert chosen(checkout) == f"1.0.2 from {wanted}"


def test_the_choice_stays(checkout: Checkout, releases: Path) -> None:
    """In make train, and where .venv is made anew: for another package, for another pin."""
    checkout.make("setup", "SIM=mujoco", "RSL_RL=3.1.2")
    assert not [line for line in errors(checkout.make("train")) if "installing" in line]
    assert has(checkout, "rsl-rl-lib 3.1.2")
    checkout.replace("env/pins.env", "TORCHVISION=0.28.0", "TORCHVISION=0.28.1")
    (checkout.path / ".venv/old").mkdir()
    assert "setup: rsl_rl is now the distribution rsl-rl-lib 3.1.2" in checkout.make("train").stderr
    assert not (checkout.path / ".venv/old").exists()
    assert has(checkout, "rsl-rl-lib 3.1.2")
    pin(checkout, releases, "5.5.0")
    assert errors(checkout.make("setup", "SIM=mujoco")) == []
    assert chosen(checkout) == "3.1.2"
    assert has(checkout, "rsl-rl-lib 3.1.2")


def pin(checkout: Checkout, releases: Path, version: str) -> None:
    """Another release in the lock, and an mjlab that wants it."""
    lock = make_wheel(releases, "mjlab", "1.6.1", {"mjlab/__init__.py": ""}, f"rsl-rl-lib=={version}", "warp-lang")
    lock += make_wheel(releases, "rsl-rl-lib", version, rsl_rl_files(version))
    [warp] = [line for line in (checkout.path / "env/mujoco.lock").read_text().splitlines() if "warp-lang" in line]
    checkout.write("env/mujoco.lock", f"{lock}{warp}\n")
    checkout.replace("env/pins.env", "MJLAB=1.6.0", "MJLAB=1.6.1")


def test_back_to_the_pinned_one(checkout: Checkout, releases: Path) -> None:
    """As the lock has it; from there on the pin is followed."""
    checkout.make("setup", "SIM=mujoco", "RSL_RL=3.1.2")
    lock = (checkout.path / "env/mujoco.lock").read_text()
    checkout.write("env/mujoco.lock", re.sub("(?<=5.4.2 --hash=sha256:)....", "0000", lock))
    checkout.replace(".venv/receipt", hash_of(lock), hash_of((checkout.path / "env/mujoco.lock").read_text()))
    [line] = errors(checkout.make("setup", "SIM=mujoco", "RSL_RL=5.4.2"))
    assert "'rsl-rl-lib==5.4.2" in line
    assert "is not the file that the lock names" in line
    assert has_still(checkout, "3.1.2")
    checkout.replace(".venv/receipt", hash_of((checkout.path / "env/mujoco.lock").read_text()), hash_of(lock))
    checkout.write("env/mujoco.lock", lock)
    result = checkout.make("setup", "SIM=mujoco", "RSL_RL=5.4.2")
    assert errors(result) == []
    assert "setup: rsl_rl is now the distribution rsl-rl-lib 5.4.2\n" in result.stdout
    assert chosen(checkout) == ""
    assert has(checkout, "rsl-rl-lib 5.4.2")
    assert "nothing to do" in checkout.make("setup", "SIM=mujoco", "RSL_RL=5.4.2").stdout
    pin(checkout, releases, "5.5.0")
    assert errors(checkout.make("setup", "SIM=mujoco")) == []
    assert has(checkout, "rsl-rl-lib 5.5.0")


def hash_of(text: str) -> str:
    return subprocess.run(["sha256sum"], input=text.encode(), capture_output=True, check=True).stdout.decode()[:64]


def has_still(checkout: Checkout, version: str) -> bool:
    """After a failure: nothing has changed, and nothing is left to do."""
    shutil.rmtree(checkout.path / ".cache/tmp", ignore_errors=True)
    known = chosen(checkout)
    return has(checkout, f"rsl-rl-lib {version}") and known == ("" if version == "5.4.2" else version)


def test_a_choice_that_becomes_the_pin_is_still_one(checkout: Checkout, releases: Path) -> None:
    checkout.make("setup", "SIM=mujoco", "RSL_RL=5.5.0")
    pin(checkout, releases, "5.5.0")
    assert errors(checkout.make("setup", "SIM=mujoco")) == []
    assert chosen(checkout) == "5.5.0"
    checkout.make("setup", "SIM=mujoco", "RSL_RL=5.5.0")
    assert chosen(checkout) == ""
    assert has(checkout, "rsl-rl-lib 5.5.0")


@pytest.mark.parametrize("version", ["5.4.2", "3.1.2"])
def test_two_distributions_at_once(checkout: Checkout, tmp_path: Path, version: str) -> None:
    """The line of runners.learners.rsl_rl.release for it is make setup RSL_RL=<the number>."""
    make_wheel(tmp_path, "rsl_rl", "1.0.2", {**rsl_rl_files("1.0.2"), "beside.py": ""})
    pip = [checkout.path / ".venv/bin/python", "-m", "pip", "install", "--no-index", "--no-deps"]
    subprocess.run([*pip, tmp_path / "rsl_rl-1.0.2-py3-none-any.whl"], check=True, capture_output=True)
    assert errors(checkout.make("setup", "SIM=mujoco", f"RSL_RL={version}")) == []
    assert has(checkout, f"rsl-rl-lib {version}")
    assert not list((checkout.path / ".venv").glob("lib/*/site-packages/beside.py"))


def test_what_pip_cannot_remove(checkout: Checkout, tmp_path: Path) -> None:
    """Metadata without a list of files, what a kill has left, and a link, whose target stays."""
    [site] = (checkout.path / ".venv").glob("lib/*/site-packages")
    (site / "rsl_rl_lib-5.4.2.dist-info/RECORD").unlink()
    shutil.rmtree(site / "rsl_rl")
    mine = write_source(tmp_path / "mine", "rsl_rl", "1.0.2") / "rsl_rl"
    (site / "rsl_rl").symlink_to(mine)
    (site / "~sl_rl").mkdir()
    (site / "~sl_rl_lib-5.4.2.dist-info").mkdir()
    assert errors(checkout.make("setup", "SIM=mujoco", "RSL_RL=5.4.2")) == []
    assert has(checkout, "rsl-rl-lib 5.4.2")
    assert len(list(mine.iterdir())) == 3


@pytest.mark.parametrize("damage", ["", "overwritten"])
def test_a_damaged_one_is_installed_again_by_its_number(checkout: Checkout, damage: str) -> None:
    [file] = (checkout.path / ".venv").glob("lib/*/site-packages/rsl_rl/only_5_4_2.py")
    file.write_text(damage) if damage else file.unlink()
    assert "setup: done" in checkout.make("setup", "SIM=mujoco", "RSL_RL=5.4.2").stdout
    assert has(checkout, "rsl-rl-lib 5.4.2")
    assert file.read_text() == ""


def test_without_a_choice_the_step_is_not_even_asked(checkout: Checkout) -> None:
    checkout.write("scripts/setup/rsl_rl.sh", "#!/bin/sh\necho asked >&2\nexit 1\n")
    assert chosen(checkout) == ""
    assert "asked" not in checkout.make("train").stderr


def test_only_make_setup_installs(checkout: Checkout) -> None:
    checkout.make("check-config", "RSL_RL=3.1.2", "FILE=none.yaml")
    assert has(checkout, "rsl-rl-lib 5.4.2")
    assert chosen(checkout) == ""


def test_killed_at_any_moment_it_ends_with_the_one_asked_for(checkout: Checkout, repository: Path) -> None:
    distributions = {"3.1.2": "rsl-rl-lib 3.1.2", f"git+{repository.as_uri()}@v1.0.2": "rsl_rl 1.0.2"}
    before = "rsl-rl-lib 5.4.2"
    for number in range(4):
        moment = round(random.uniform(0.2, 4.5), 2)
        asked = list(distributions)[number % 2]
        process = checkout.start("setup", "SIM=mujoco", f"RSL_RL={asked}")
        time.sleep(moment)
        for pid, name in members(process.pid).items():
            # Every third time pip is left to go on alone for a while.
            if number % 3 or not name.startswith("python"):
                with contextlib.suppress(ProcessLookupError):  # it has just ended
                    os.kill(pid, signal.SIGKILL)
        process.communicate(timeout=60)
        choice = checkout.path / ".venv/choice-rsl_rl"
        known = choice.exists() and asked in choice.read_text()
        checkout.make("train")
        before = distributions[asked] if known else before
        print("killed after", moment, "known" if known else "not yet known", before)
        chosen(checkout)
        shutil.rmtree(checkout.path / ".cache/tmp", ignore_errors=True)
        assert has(checkout, before)


@pytest.mark.parametrize(
    "choice", ["asked 3.1.2", "release 3.1.2\nasked 3.1.2", "release 3.1.2", "release 5.5.0\nasked 3.1.2"]
)
def test_killed_in_the_exchange(checkout: Checkout, choice: str) -> None:
    """What a kill leaves: the choice, no receipt, and of the package nothing or a part."""
    checkout.write(".venv/choice-rsl_rl", f"{choice}\n")
    [site] = (checkout.path / ".venv").glob("lib/*/site-packages")
    (site / "rsl_rl").rename(site / "~sl_rl")
    assert "setup: rsl_rl is now the distribution rsl-rl-lib 3.1.2" in checkout.make("train").stderr
    assert chosen(checkout) == "3.1.2"
    assert has(checkout, "rsl-rl-lib 3.1.2")


def test_killed_before_the_simulator_is_there(checkout: Checkout) -> None:
    checkout.make("setup", "SIM=mujoco", "RSL_RL=3.1.2")
    (checkout.path / ".venv/receipt").unlink()
    shutil.rmtree(checkout.path / ".venv/lib")
    checkout.make("train")
    assert chosen(checkout) == "3.1.2"
    assert has(checkout, "rsl-rl-lib 3.1.2")


NOT_VALID = (
    "setup: RSL_RL '{}' is not valid; it is a release's number (5.4.2), the folder of a checkout of rsl_rl, or a git"
    " address (git+https://github.com/leggedrobotics/rsl_rl@v5.4.2); " + ANOTHER
)


@pytest.mark.parametrize("value", ["latest", "3", "3.1", "==3.1", "3.1.2rc1", "git+nonsense", "git+hg://x/y"])
def test_a_value_that_is_nothing(fresh: Checkout, value: str) -> None:
    assert refused(fresh, value) == NOT_VALID.format(value)


def refused(checkout: Checkout, value: str) -> str:
    """The one line with which it is refused before anything is installed."""
    result = checkout.make("setup", "SIM=mujoco", f"RSL_RL={value}")
    assert result.returncode != 0
    assert result.stdout == ""
    assert not (checkout.path / ".venv").exists()
    [line] = errors(result)
    return line


@pytest.mark.parametrize("version", ["1.0.2", "2.0.0", "2.0.1"])
def test_a_release_that_only_git_has(fresh: Checkout, version: str) -> None:
    assert refused(fresh, version) == (
        f"setup: rsl_rl '{version}' is a git tag only, pip's package index does not have it; take it from there:"
        f" make setup SIM=mujoco RSL_RL=git+https://github.com/leggedrobotics/rsl_rl@v{version}"
    )


def test_a_folder_that_is_not_there_or_not_the_source(fresh: Checkout, tmp_path: Path) -> None:
    assert refused(fresh, "../it's not") == (
        f"setup: RSL_RL '../it's not' is not a folder (a relative path counts from '{fresh.path}'); {ANOTHER}"
    )
    (tmp_path / "empty").mkdir()
    assert refused(fresh, f"{tmp_path}/empty") == (
        f"setup: RSL_RL '{tmp_path}/empty' holds neither setup.py nor pyproject.toml, so it is not rsl_rl's source;"
        f" {ANOTHER}"
    )
    (tmp_path / "setup.py").touch()
    assert refused(fresh, "..") == (
        f"setup: RSL_RL '..' is this checkout or holds it, so it is not rsl_rl's source; {ANOTHER}"
    )


def test_git_is_needed_for_its_addresses(fresh: Checkout) -> None:
    assert refused(fresh, "git+https://a/b c@v1") == (
        "setup: git is not on PATH and RSL_RL 'git+https://a/b c@v1' needs it; install it, for instance:"
        " sudo apt install git, then: make setup SIM=mujoco RSL_RL='git+https://a/b c@v1'"
    )


def test_an_address_without_git(fresh: Checkout) -> None:
    assert refused(fresh, "https://a/b") == (
        "setup: RSL_RL 'https://a/b' is not a git address, which begins with 'git+'; try:"
        " make setup SIM=mujoco RSL_RL=git+https://a/b"
    )


def failed(checkout: Checkout, value: str) -> str:
    """The one line on what could not be had, after which everything is as it was."""
    result = checkout.make("setup", "SIM=mujoco", f"RSL_RL={value}")
    assert result.returncode != 0
    assert "setup: done" not in result.stdout
    assert has_still(checkout, "5.4.2" if not (checkout.path / ".venv/receipt-rsl_rl").exists() else "3.1.2")
    [line] = errors(result)
    return line


@pytest.mark.parametrize("before", ["5.4.2", "3.1.2"])
def test_a_number_that_the_index_does_not_have(checkout: Checkout, before: str) -> None:
    checkout.make("setup", "SIM=mujoco", f"RSL_RL={before}")
    assert failed(checkout, "9.9.9") == (
        f"setup: pip's package index has no 'rsl-rl-lib==9.9.9', it has 3.1.2, 5.4.2, 5.5.0, 6.1.0, 6.2.0; {ANOTHER}"
    )
    assert has(checkout, f"rsl-rl-lib {before}")


def test_no_network(checkout: Checkout) -> None:
    checkout.env = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "https://127.0.0.1:9/simple", "PIP_RETRIES": "1"}
    result = checkout.make("setup", "SIM=mujoco", "RSL_RL=3.1.2")
    [line] = errors(result)
    assert line.startswith("setup: no network: pip cannot reach its package index; ")
    assert line.endswith("then: make setup SIM=mujoco RSL_RL=3.1.2")
    assert has_still(checkout, "5.4.2")


def test_a_repository_or_a_tag_that_is_not_there(checkout: Checkout, repository: Path) -> None:
    missing = f"git+{repository.as_uri()}x"
    assert failed(checkout, missing) == (
        f"setup: git cannot get RSL_RL '{missing}' (fatal: '{repository}x' does not appear to be a git repository);"
        f" check the address and the connection, then: make setup SIM=mujoco RSL_RL={missing}"
    )
    for name in ("v9.9.9", "0123456789012345678901234567890123456789"):
        missing = f"git+{repository.as_uri()}@{name}"
        assert failed(checkout, missing) == (
            f"setup: RSL_RL '{missing}' names no tag, branch or commit of its repository; check it, then:"
            f" make setup SIM=mujoco RSL_RL={missing}"
        )


def test_a_package_that_is_something_else(checkout: Checkout, tmp_path: Path) -> None:
    other = write_source(tmp_path / "other", "my-other", "1.0.0", package="my_other")
    assert failed(checkout, str(other)) == (
        f"setup: RSL_RL '{other}' is the package 'my_other 1.0.0', not rsl_rl or rsl-rl-lib; {ANOTHER}"
    )
    named = write_source(tmp_path / "named", "rsl_rl", "1.0.0", package="my_other")
    assert failed(checkout, str(named)) == (
        f"setup: RSL_RL '{named}' is 'rsl_rl 1.0.0' without the package 'rsl_rl' in it; {ANOTHER}"
    )
    assert failed(checkout, "6.2.0") == (
        f"setup: RSL_RL '6.2.0' is 'rsl-rl-lib 6.2.0' without the package 'rsl_rl' in it; {ANOTHER}"
    )


def test_a_release_that_does_not_import(checkout: Checkout) -> None:
    checkout.make("setup", "SIM=mujoco", "RSL_RL=3.1.2")
    assert failed(checkout, "6.1.0") == (
        "setup: rsl-rl-lib 6.1.0 does not import in .venv (ModuleNotFoundError: No module named 'no_such_module');"
        f" the full log is .cache/setup.log; {ANOTHER}"
    )


def test_a_source_that_does_not_build(checkout: Checkout, tmp_path: Path) -> None:
    folder = write_source(tmp_path / "broken", "rsl_rl", "1.0.2")
    (folder / "backend.py").write_text("raise RuntimeError('broken')")
    result = checkout.make("setup", "SIM=mujoco", f"RSL_RL={folder}")
    line = errors(result)[-1]
    assert line.startswith("setup: installing rsl_rl failed; the last lines are above, the full log is ")
    assert line.endswith(f"then: make setup SIM=mujoco RSL_RL={folder}")
    assert has_still(checkout, "5.4.2")


@pytest.mark.parametrize("before", ["the same", "the pinned one"])
def test_a_failure_in_the_exchange_is_not_done(checkout: Checkout, tmp_path: Path, before: str) -> None:
    """pip refuses this wheel only when it writes it. No later failure makes what was before count again."""
    folder = write_source(tmp_path / "source", "rsl-rl-lib", "3.0.0")
    if before == "the same":
        checkout.make("setup", "SIM=mujoco", f"RSL_RL={folder}")
    (folder / "evil").touch()
    again = ["setup", "SIM=mujoco"]
    for words in ([*again, f"RSL_RL={folder}"], ["train"], [*again, "RSL_RL=9.9.9"], ["train"]):
        line = errors(checkout.make(*words))[-1]
        if "RSL_RL=9.9.9" not in words:
            assert line.startswith("setup: installing rsl-rl-lib failed; ")
            assert line.endswith(f"then: make setup SIM=mujoco RSL_RL={folder}")
    assert errors(checkout.make("setup", "SIM=mujoco", "RSL_RL=3.1.2")) == []
    assert chosen(checkout) == "3.1.2"
    assert has(checkout, "rsl-rl-lib 3.1.2")


def test_a_choice_whose_folder_is_gone(checkout: Checkout, tmp_path: Path) -> None:
    """It is in use as long as .venv is; then make train says what to do, and nothing is removed before."""
    folder = write_source(tmp_path / "source", "rsl-rl-lib", "3.0.0")
    checkout.make("setup", "SIM=mujoco", f"RSL_RL={folder}")
    shutil.rmtree(folder)
    assert not [line for line in errors(checkout.make("train")) if line.startswith("setup: ")]
    checkout.replace("env/pins.env", "TORCHVISION=0.28.0", "TORCHVISION=0.28.1")
    line = f"setup: RSL_RL '{folder}' is not a folder (a relative path counts from '{checkout.path}'); {ANOTHER}"
    assert errors(checkout.make("train")) == [line]
    assert has(checkout, "rsl-rl-lib 3.0.0")
    assert errors(checkout.make("setup", "SIM=mujoco", "RSL_RL=5.4.2")) == []
    assert has(checkout, "rsl-rl-lib 5.4.2")
