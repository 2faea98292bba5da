"""rsl_rl in Isaac Sim's Python: one release, the chosen one, and enough for what tasks ask of it."""

from __future__ import annotations

from typing import Iterator

from checks import agent_config, dist_info, packages
from checks.files import names_in
from checks.project_files import Project, projects
from checks.set_up import is_done, is_there
from finding import Finding, Place

NAMES = ("rsl-rl", "rsl-rl-lib")
SCRIPT = "scripts/reinforcement_learning/rsl_rl/train.py"


def check(place: Place) -> Iterator[Finding]:
    """All about rsl_rl, once set-up has put it there."""
    if not is_there(place):
        return
    if is_done(place, "packages") and place.isaac_site.is_dir():
        yield from installed(place)
    for project in projects(place):
        yield from configs(place, project)
    if place.rsl_rl == place.pins["ISAAC_RSL_RL"] and (place.lab / SCRIPT).is_file():
        evidence = f"'{place.lab / SCRIPT}' imports DistillationRunner, rsl_rl is {place.rsl_rl}"
        yield Finding("lab-scripts-want-other-rsl-rl", evidence)


def installed(place: Place) -> Iterator[Finding]:
    """Which distributions own the folder rsl_rl. Set-up sets aside what should not be there."""
    site = place.isaac_site
    there = [one for one in dist_info.installed(site) if one.name in NAMES]
    listed = "{} in '{}'".format(" and ".join(one.info.name for one in there), site)
    if len(there) > 1:
        yield Finding("two-rsl-rl", listed, repair=packages.install_again(place))
    elif there and there[0].version != place.rsl_rl:
        evidence = f"{listed}, chosen is {place.rsl_rl}"
        yield Finding("rsl-rl-other-release", evidence, repair=packages.install_again(place))
    elif not there and (site / "rsl_rl").is_dir():
        yield Finding("rsl-rl-stale-folder", f"'{site / 'rsl_rl'}' has no metadata beside it")
    elif not there and not packages.is_bare(place, dist_info.by_name(dist_info.python_path(place))):
        yield Finding("rsl-rl-missing", f"neither rsl_rl nor rsl-rl-lib is in '{site}'")
    yield from leftovers(place)


def leftovers(place: Place) -> Iterator[Finding]:
    """What pip renames before it removes it, and leaves where it is stopped."""
    left = [place.isaac_site / name for name in names_in(place.isaac_site) if name.startswith("~sl_rl")]
    if left:
        what = "pip left a folder of an rsl_rl that it could not remove"
        repair = f"rm -r '{place.isaac_site}'/~sl_rl*"
        yield Finding(
            "rsl-rl-stale-folder", f"'{left[0]}'", what=what, repair=repair, severity="note", set_aside=tuple(left)
        )


def configs(place: Place, project: Project) -> Iterator[Finding]:
    """Agent configurations that this project's translation refuses for the chosen release."""
    files = [path for path in project.python if not project.is_script(path)]
    default, other = agent_config.default_classes(files), agent_config.other_classes(files)
    found: dict[str, list[tuple[str, agent_config.Need]]] = {"": [], "bites": [], "note": []}
    for path in files:
        for need in agent_config.needs(path):
            if need.is_more_than(place.rsl_rl):
                severity = "" if need.owner in default else "note" if need.owner in other else "bites"
                found[severity].append((f"{project.name(path)}:{need.line} {need.what}", need))
    for severity, needs in found.items():
        if needs:
            yield _too_old(place, needs, severity)


def _too_old(place: Place, needs: list[tuple[str, agent_config.Need]], severity: str) -> Finding:
    line, first = needs[0]
    more = f" (and {len(needs) - 1} more)" if len(needs) > 1 else ""
    newer = place.pins["ISAAC_LAB_RSL_RL"]
    what, repair = "", ""
    if all(not need.is_more_than(newer) for _, need in needs):
        repair = "make setup RSL_RL=" + newer
    elif not first.first:
        what = "an agent configuration asks for what the learner here does not have"
    since = "since rsl_rl " + first.first if first.first else "not supported with any rsl_rl"
    evidence = f"{line}: {since}; chosen is {place.rsl_rl}{more}"
    return Finding("rsl-config-wants-newer", evidence, what=what, repair=repair, severity=severity)
