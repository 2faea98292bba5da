"""What is installed for a Python that is not started: by the names of the metadata folders."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from checks.files import names_in, text_of
from finding import Place

INFO = re.compile(r"(?P<name>[A-Za-z0-9][\w.]*)-(?P<version>[\w.+!]+?)(?:-py3[\d.]*)?\.(?:dist|egg)-info")
BUNDLED = re.compile(r"(?:^|(?<=[\s:/'\"]))(?:kit/)?ext\w*/[\w.+-]+/pip_prebundle", re.MULTILINE)
ORDER = (
    "isaacsim.robot_motion.lula",
    "isaacsim.asset.exporter.urdf",
    "omni.kit.pip_archive*",
    "omni.isaac.core_archive",
    "omni.isaac.ml_archive",
    "omni.pip.compute",
    "omni.pip.cloud",
)
"""The extensions with bundled packages, as Isaac Sim 5.1 puts them onto its path."""


@dataclass(frozen=True)
class Distribution:
    """One installed distribution."""

    name: str
    version: str
    folder: Path
    info: Path

    @property
    def source(self) -> Path | None:
        """The folder that it was installed from, editable; None for a usual one."""
        try:
            record = json.loads(text_of(self.info / "direct_url.json") or "{}")
            if not record.get("dir_info", {}).get("editable"):
                return None
            return Path(unquote(urlsplit(record["url"]).path))
        except (ValueError, KeyError, AttributeError, TypeError):
            return None


def normalised(name: str) -> str:
    """A distribution's name as the package index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed(folder: Path) -> list[Distribution]:
    """The distributions in a folder; what has no METADATA is none, and pip's leftovers `~name` neither."""
    found = []
    for entry in names_in(folder):
        match = INFO.fullmatch(entry)
        info = folder / entry
        if match and any((info / name).is_file() for name in ("METADATA", "PKG-INFO")):
            found.append(Distribution(normalised(match["name"]), match["version"], folder, info))
    return found


def python_path(place: Place) -> list[Path]:
    """The folders with packages, in the order in which Isaac Sim's Python looks into them."""
    return [place.isaac_site, *bundled_folders(place.isaac)]


def bundled_folders(isaac: Path) -> list[Path]:
    """The folders of packages that come with Isaac Sim: as its own script lists them, as 5.1 has them, and others."""
    listed = [isaac / name for name in BUNDLED.findall(text_of(isaac / "setup_python_env.sh"))]
    patterns = [*(f"ext*/{name}" for name in ORDER), "ext*/*", "kit/ext*/*"]
    known = [path for pattern in patterns for path in sorted(isaac.glob(pattern + "/pip_prebundle"))]
    return [folder for folder in dict.fromkeys(listed + known) if folder.is_dir()]


def by_name(folders: list[Path]) -> dict[str, list[Distribution]]:
    """All distributions by their normalised name, the one that is imported first."""
    found: dict[str, list[Distribution]] = {}
    for folder in folders:
        for distribution in installed(folder):
            found.setdefault(distribution.name, []).append(distribution)
    return found


def imported(module: str, folders: list[Path]) -> tuple[Path, str] | None:
    """Where a package is imported from, and its version: of the code if that says it, else of the metadata."""
    for folder in folders:
        package = folder / module
        if not (package / "__init__.py").is_file():
            continue
        for file in ("version.py", "__init__.py"):
            match = re.search(
                r"^(?:__version__|version)\s*(?::\s*\w+\s*)?=\s*['\"]([^'\"]+)", text_of(package / file), re.MULTILINE
            )
            if match:
                return package, match[1]
        versions = [one.version for one in installed(folder) if one.name == normalised(module)]
        return package, versions[0] if versions else ""
    return None


def locked(lock: Path) -> dict[str, str]:
    """The versions of a lock by their normalised names."""
    pairs = re.findall(r"^([\w.-]+)==([^\s;\\]+)", text_of(lock), re.MULTILINE)
    return {normalised(name): version for name, version in pairs}
