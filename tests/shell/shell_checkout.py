"""A copy of the checkout with its own HOME and PATH, and a tiny package set in place of the real one.

Nothing here reaches the network: pip is pointed at a folder of hand-made wheels.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]
SETUP_TOOLS = re.findall(r"^TOOLS='(.*)'$", (SOURCE / "scripts/setup.sh").read_text(), re.MULTILINE)[0].split()
TOOLS = [*SETUP_TOOLS, "bash", "env", "make", "sh"]
TORCH = "__version__ = '2.13.0+cpu'\nclass version:\n    cuda = None\n"
NOX = "import sys\nprint('nox', *sys.argv[1:])\n"


@dataclass
class Checkout:
    """A copy of the project, and how a user at that machine would call make in it."""

    path: Path
    home: Path
    bin: Path
    env: dict[str, str] = field(default_factory=dict)

    def make(self, *words: str, timeout: float = 60, **env: str) -> subprocess.CompletedProcess[str]:
        """Run make and return what it said."""
        with self.start(*words, **env) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            finally:
                process.kill()
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def start(self, *words: str, **env: str) -> subprocess.Popen[str]:
        """Start make in a session of its own."""
        return subprocess.Popen(
            ["make", *words],
            cwd=self.path,
            env=self.environment(**env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def environment(self, **env: str) -> dict[str, str]:
        """The environment of that user."""
        return {"HOME": str(self.home), "PATH": str(self.bin), "LC_ALL": "C.UTF-8", **self.env, **env}

    def write(self, name: str, text: str) -> None:
        """Write a file of the checkout."""
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_text(text, encoding="utf-8")

    def replace(self, name: str, old: str, new: str) -> None:
        """Replace a text that must be there in a file of the checkout."""
        text = (self.path / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def program(self, name: str, script: str) -> Path:
        """Put a shell script on PATH, in place of what has that name."""
        return program(self.bin / name, script)

    def stub_venv(self, script: str) -> None:
        """A .venv that counts as set up and whose Python is a script; it still checks variables and looks around."""
        self.write(".venv/.isaac-workstation", "")
        inputs = subprocess.run(
            ["scripts/setup/mujoco.sh", "inputs"],
            cwd=self.path,
            env=self.environment(),
            stdout=subprocess.PIPE,
            check=True,
        )
        (self.path / ".venv/receipt").write_bytes(inputs.stdout)
        check = f'case "$2" in runners.options | scripts/doctor) exec "{self.bin}/python3" "$@" ;; esac\n'
        program(self.path / ".venv/bin/python", check + script)


def program(path: Path, script: str) -> Path:
    """Write an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{script}", encoding="utf-8")
    path.chmod(0o755)
    return path


def errors(result: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines on stderr but make's own."""
    return [line for line in result.stderr.splitlines() if not line.startswith("make: ")]


def members(session: int) -> dict[int, str]:
    """The processes of a session that still run, with their names."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().partition(" (")[2].rpartition(") ")
        except OSError:
            continue
        if rest.split()[0] != "Z" and rest.split()[3] == str(session):
            found[int(stat.parent.name)] = name
    return found


def copy_checkout(path: Path) -> None:
    """Copy what the shell side needs of the project."""
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("Makefile", "env", "scripts", "runners"):
        if (SOURCE / name).is_dir():
            shutil.copytree(SOURCE / name, path / name, ignore=ignore)
        else:
            path.mkdir(parents=True, exist_ok=True)
            shutil.copy2(SOURCE / name, path / name)


def make_bin(path: Path) -> None:
    """A folder with links to the tools that the project may use, and to this Python."""
    path.mkdir()
    for name in TOOLS:
        tool = shutil.which(name)
        if tool is None:
            pytest.skip(f"this machine has no {name}")
        (path / name).symlink_to(os.path.realpath(tool))
    (path / "python3").symlink_to(os.path.realpath(sys.executable))


ENSUREPIP = """
import os, shutil, sysconfig

def link(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)

shutil.copytree({source!r}, sysconfig.get_path("purelib"), copy_function=link, dirs_exist_ok=True)
"""


def make_quick_python(folder: Path) -> Path:
    """This Python with an ensurepip that links pip's files; unpacking and compiling them takes 6 s for each .venv."""
    real = Path(os.path.realpath(sys.executable))
    subprocess.run([real, "-I", "-m", "venv", folder / "venv"], check=True)
    (packages,) = (folder / "venv").glob("lib/python3*/site-packages")
    stdlib = Path(sysconfig.get_path("stdlib"))
    quick = folder / "python/bin" / real.name
    quick.parent.mkdir(parents=True)
    shutil.copy2(real, quick)
    library = folder / "python/lib" / stdlib.name
    (library / "ensurepip").mkdir(parents=True)
    for entry in stdlib.iterdir():
        if entry.name not in ("ensurepip", "site-packages", "dist-packages"):
            (library / entry.name).symlink_to(entry)
    (library / "ensurepip/__init__.py").write_text("")
    (library / "ensurepip/__main__.py").write_text(ENSUREPIP.format(source=str(packages)))
    works = subprocess.run([quick, "-I", "-m", "venv", folder / "tried"], capture_output=True, check=False)
    return quick if works.returncode == 0 else real


def make_wheel(folder: Path, name: str, version: str, files: dict[str, str], *requires: str) -> str:
    """Write a minimal wheel and return its line for a lock."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    metadata += [f"Requires-Dist: {requirement}" for requirement in requires]
    files = {
        **files,
        f"{info}/METADATA": "\n".join(metadata) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, text in files.items():
            archive.writestr(zipfile.ZipInfo(member), text, zipfile.ZIP_DEFLATED)
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def rsl_rl_files(version: str) -> dict[str, str]:
    """What an rsl_rl consists of here; a module that only this version has shows what else is left."""
    return {
        "rsl_rl/__init__.py": f"VERSION = '{version}'\n",
        "rsl_rl/runners.py": "",
        f"rsl_rl/only_{version.replace('.', '_')}.py": "",
    }


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True)
class Wheels:
    """A folder of tiny wheels and the locks that name them."""

    folder: Path
    lock: str
    dev_lock: str


def make_checkout(root: Path, wheels: Wheels, python: Path | None = None) -> Checkout:
    """A copy in a folder whose name has a space and a letter outside ASCII."""
    checkout = Checkout(root / "mön checkout", root / "home", root / "bin")
    checkout.home.mkdir()
    make_bin(checkout.bin)
    if python is not None:
        (checkout.bin / "python3").unlink()
        (checkout.bin / "python3").symlink_to(python)
    copy_checkout(checkout.path)
    checkout.write("env/mujoco.lock", wheels.lock)
    checkout.write("env/dev.lock", wheels.dev_lock)
    checkout.replace("env/pins.env", "DISK_CPU_GB=4", "DISK_CPU_GB=0")
    checkout.env = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels.folder)}
    return checkout
