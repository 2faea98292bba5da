"""Where packages that are installed editable are looked for."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Iterator

from checks import dist_info
from checks.files import names_in, text_of
from finding import Place

FINDER = re.compile(r"^(?:MAPPING|NAMESPACES)\b[^=\n]*= *(\{.*\})$", re.MULTILINE)


def targets(site: Path) -> Iterator[tuple[str, Path, str]]:
    """For each: the name of the package, the folder, and the file in site-packages that says so."""
    for distribution in dist_info.installed(site):
        if distribution.source is not None:
            yield _module(distribution.name), distribution.source, distribution.info.name + "/direct_url.json"
    for name in names_in(site):
        if re.fullmatch(r"__editable__.*finder\.py", name):
            for package, folder in _mapped(text_of(site / name)):
                yield package, folder, name
        elif name.endswith((".pth", ".egg-link")):
            package = re.sub(r"^__editable__\.|(-[\d.]+\w*)?\.(pth|egg-link)$", "", name)
            for line in text_of(site / name).splitlines():
                if line.startswith("/"):
                    yield _module(package), Path(line.strip()), name


def expected(place: Place) -> dict[str, Path]:
    """The packages of Isaac Lab and of the robot, and the checkout that each should come from."""
    found = {}
    for checkout in (place.lab, place.robot):
        if checkout is not None:
            for name in names_in(checkout / "source"):
                found[_module(name)] = checkout
    return found


def _mapped(source: str) -> list[tuple[str, Path]]:
    """The folders in the finder that setuptools writes."""
    found = []
    for text in FINDER.findall(source):
        try:
            mapping = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            continue
        for package, value in mapping.items():
            folders = [value] if isinstance(value, str) else value
            found += [(package.partition(".")[0], Path(folder)) for folder in folders]
    return found


def _module(name: str) -> str:
    return name.replace("-", "_").replace(".", "_").lower()
