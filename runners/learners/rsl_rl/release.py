"""Which rsl_rl is installed, and what a release can do.

Releases up to 2.0.1 are the distribution ``rsl_rl`` (git tags only), later ones ``rsl-rl-lib``; both
install the package folder ``rsl_rl``, so two in one place are one overwritten by the other. What differs
from release to release is a property here, and nothing else compares version numbers.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType

from runners.errors import UserError

REPOSITORY = "https://github.com/leggedrobotics/rsl_rl"
DISTRIBUTIONS = ("rsl-rl-lib", "rsl_rl")
KNOWN = (
    "1.0.2", "2.0.0", "2.0.1", "2.1.1", "2.1.2", "2.2.0", "2.2.1", "2.2.2", "2.2.3", "2.2.4", "2.3.0", "2.3.1", "2.3.2",
    "2.3.3", "3.0.0", "3.0.1", "3.1.0", "3.1.1", "3.1.2", "3.1.3", "3.2.0", "3.3.0", "4.0.0", "4.0.1", "5.0.0", "5.0.1",
    "5.1.0", "5.2.0", "5.3.0", "5.4.0", "5.4.1", "5.4.2", "5.5.0", "5.5.1",
)  # fmt: skip
NEWEST = KNOWN[-1]
PROBES = (
    ("5.5.1", "rsl_rl.utils", "reduce_gradients_in_buckets"),
    ("5.5.0", "rsl_rl.utils", "resolve_class"),
    ("5.4.0", "rsl_rl.utils", "LogWriter"),
    ("5.3.0", "rsl_rl.modules", "BetaDistribution"),
    ("5.1.0", "rsl_rl.utils", "compile_model"),
    ("5.0.0", "rsl_rl.utils", "check_nan"),
    ("4.0.0", "rsl_rl.models", ""),
    ("3.3.0", "rsl_rl.utils", "resolve_callable"),
    ("3.2.0", "rsl_rl.utils.logger", ""),
    ("3.0.0", "rsl_rl.utils", "resolve_obs_groups"),
    ("2.3.0", "rsl_rl.algorithms", "Distillation"),
    ("2.2.0", "rsl_rl.modules", "RandomNetworkDistillation"),
    ("2.0.0", "rsl_rl.utils", "store_code_state"),
)
"""What the code of a release and of all later ones has, newest first, until the next row takes over."""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


@dataclass(frozen=True)
class Release:
    """A release of rsl_rl: its number, and the distribution that it came as."""

    version: str
    distribution: str = "rsl-rl-lib"

    @property
    def unknown(self) -> bool:
        """Whether it is newer than the newest release that this learner was tried with."""
        return _numbers(self.version) > _numbers(NEWEST)

    def since(self, version: str) -> bool:
        """Whether this is ``version`` or a later one; an unknown newer release counts as the newest known one."""
        return _numbers(self.version) >= _numbers(version)

    @property
    def shape(self) -> str:
        """Shape of the configuration: nested, flat, policy, stochastic or distribution."""
        if not self.since("2.0.0"):
            return "nested"
        if not self.since("3.0.0"):
            return "flat"
        if not self.since("4.0.0"):
            return "policy"
        return "distribution" if self.since("5.0.0") else "stochastic"

    @property
    def contract(self) -> str:
        """What the environment gives: tensors (five values a step), pair, or groups (a TensorDict)."""
        if not self.since("2.0.0"):
            return "tensors"
        return "groups" if self.since("3.0.0") else "pair"

    @property
    def layout(self) -> str:
        """Layout of the checkpoint file; see :mod:`runners.learners.rsl_rl.checkpoint`."""
        for first in ("5.0.0", "4.0.0", "3.0.0", "2.3.0", "2.1.1", "2.0.0"):
            if self.since(first):
                return first
        return "1.0.2"

    @property
    def spec(self) -> str:
        """What ``make setup RSL_RL=`` takes for it; releases before 2.1.1 are git tags only."""
        if self.since("2.1.1"):
            return self.version
        tag = {"2.0.2": "2.0.1"}.get(self.version, self.version)  # what the tag v2.0.1 calls itself
        return f"git+{REPOSITORY}@v{tag}"

    def __str__(self) -> str:
        return f"rsl_rl {self.version}"


def known(version: str) -> Release:
    """The release with that number, which need not be installed.

    Raises:
        UserError: there is none below the newest known one.
    """
    release = Release(version, "rsl-rl-lib" if _numbers(version) >= (2, 1) else "rsl_rl")
    if version not in KNOWN and not release.unknown:
        raise UserError(f"there is no rsl_rl '{version}'; there are {', '.join(KNOWN)}")
    return release


def installed() -> Release:
    """Find the installed release by its metadata, without importing it.

    Raises:
        UserError: none, two in one place, or one without torch.
    """
    spec = importlib.util.find_spec("rsl_rl")
    if spec is None or spec.origin is None:
        raise UserError("rsl_rl is not installed; run: make setup")
    found = _distributions(Path(spec.origin).parent.parent)
    if not found:
        raise UserError(f"'{Path(spec.origin).parent}' belongs to no installed rsl_rl; run: make setup RSL_RL={NEWEST}")
    if len(found) > 1:
        both = " and ".join(f"{r.distribution} {r.version}" for r in found)
        raise UserError(f"{both} are both installed and overwrite each other; run: make setup RSL_RL={found[0].spec}")
    if importlib.util.find_spec("torch") is None:
        raise UserError(f"{found[0]} is installed and torch is not; run: make setup")
    return found[0]


def _distributions(folder: Path) -> list[Release]:
    """Those that installed the package in ``folder``; an editable install has its metadata elsewhere."""
    there: list[Release] = []
    elsewhere: list[Release] = []
    for name in DISTRIBUTIONS:
        for distribution in metadata.distributions(name=name):
            release = Release(distribution.version, name)
            same = Path(str(distribution.locate_file(""))).resolve() == folder.resolve()
            (there if same else elsewhere).append(release)
    return there or elsewhere[:1]


def check_code(release: Release) -> None:
    """Compare the code with the metadata: an overwritten package keeps the metadata of what was there before.

    Source of the probes: the code of every release. Imports rsl_rl.

    Raises:
        UserError: they differ.
    """
    floor, ceiling = "1.0.2", None
    for version, module, name in PROBES:
        if _has(module, name):
            floor = version
            break
        ceiling = version
    if release.since(floor) and (ceiling is None or not release.since(ceiling)):
        return
    upper = f" and older than {ceiling}" if ceiling else ""
    raise UserError(
        f"{release.distribution} says that it is {release.version}, but its code is of {floor} or later{upper}; "
        f"install it anew: make setup RSL_RL={release.spec}"
    )


def _has(module: str, name: str) -> bool:
    if importlib.util.find_spec(module) is None:
        return False
    loaded: ModuleType = importlib.import_module(module)
    return not name or hasattr(loaded, name)
