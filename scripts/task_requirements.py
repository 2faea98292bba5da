"""What a project with tasks requires and this Python lacks. It runs in the Python that the project is for.

    python scripts/task_requirements.py constraints FILE
    python scripts/task_requirements.py wanted SIMULATOR REPORT FILE
    python scripts/task_requirements.py lock REPORT FILE DIRECT

constraints  write what is installed, so that nothing of it is replaced
wanted       of the projects in pip's REPORT, write the requirements that are not met; print what is left out, and why
lock         of what pip's REPORT would install, write name, version and hash; into DIRECT what has an address only
"""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

# pip's own: no other is in every Python that pip is in
from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
from pip._vendor.packaging.utils import canonicalize_name

PROVIDED = {
    "isaac": re.compile(r"(isaacsim|isaaclab)(-\w+)*|omniverse-kit|rsl-rl(-lib)?"),
    "mujoco": re.compile(r"rsl-rl(-lib)?"),
}
"""What set-up of a simulator brings, partly without metadata or under another name."""
OTHERS = {"isaac": re.compile(r"mjlab"), "mujoco": re.compile(r"(isaacsim|isaaclab)(-\w+)*|omniverse-kit")}
"""What comes with the other simulator only."""


def installed() -> dict[str, str]:
    """Every distribution on the path, the version that is imported."""
    found: dict[str, str] = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(canonicalize_name(name), distribution.version)
    return found


def constraints(file: str) -> None:
    """Write what is installed."""
    write(file, [f"{name}=={version}" for name, version in sorted(installed().items())])


def wanted(simulator: str, report: str, file: str) -> None:
    """Write the requirements that are not met."""
    there = installed()
    lines = []
    for item in read(report):
        metadata = item["metadata"]
        for text in metadata.get("requires_dist", []):
            line, note = judge(text, canonicalize_name(metadata["name"]), simulator, there)
            lines += [line] if line else []
            if note:
                kind = "note" if "set-up provides" in note else "warning"
                print(f"{kind}: {metadata['name']} asks for {note}")
    write(file, dict.fromkeys(lines))


def judge(text: str, project: str, simulator: str, there: dict[str, str]) -> tuple[str, str]:
    """What pip shall look for, or nothing; and what to tell of a requirement, or nothing."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return "", f"'{text}', which is no requirement: it is left out"
    name = canonicalize_name(requirement.name)
    if name == project or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
        return "", ""
    asked = text.partition(";")[0].strip()
    other = next(key for key in OTHERS if key != simulator)
    if OTHERS[simulator].fullmatch(name):
        return "", f"'{asked}', which comes with SIM={other}: it is left out"
    if PROVIDED[simulator].fullmatch(name):
        version = f" ({name} {there[name]})" if name in there else ""
        return "", f"'{asked}', which set-up provides{version}"
    version = there.get(name, "")
    if not version:
        return asked, ""
    if not requirement.specifier.contains(version, prereleases=True):
        return (
            "",
            f"'{asked}', and {name} {version} is here and stays; if it works with that, let its setup.py say so",
        )
    extras = ",".join(sorted(requirement.extras))
    return (f"{name}[{extras}]" if extras else ""), ""


def lock(report: str, file: str, direct: str) -> None:
    """Write what pip would install."""
    there = installed()
    hashed, addressed = [], []
    for item in read(report):
        name, version = item["metadata"]["name"], item["metadata"]["version"]
        info = item["download_info"]
        digest = info.get("archive_info", {}).get("hashes", {}).get("sha256")
        if there.get(canonicalize_name(name)) == version:
            continue
        if digest and not item.get("is_direct"):
            hashed.append(f"{name}=={version} --hash=sha256:{digest}")
        else:
            vcs = info.get("vcs_info", {})
            at = f"{vcs['vcs']}+{info['url']}@{vcs['commit_id']}" if vcs else info["url"]
            addressed.append(f"{name} @ {at}")
    write(file, hashed)
    write(direct, addressed)


def read(report: str) -> list[dict[str, Any]]:
    """What pip would install."""
    items: list[dict[str, Any]] = json.loads(Path(report).read_text(encoding="utf-8"))["install"]
    return items


def write(file: str, lines: Any) -> None:
    """Write lines."""
    Path(file).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    {"constraints": constraints, "wanted": wanted, "lock": lock}[sys.argv[1]](*sys.argv[2:])
