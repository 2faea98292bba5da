"""Which rsl_rl is installed.

Releases up to 2.0.1 are the distribution ``rsl_rl``, later ones ``rsl-rl-lib``; both install the
package folder ``rsl_rl``, so two at once are one overwritten by the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from runners.errors import UserError

DISTRIBUTIONS = ("rsl-rl-lib", "rsl_rl")
SUPPORTED = (5, 0), (5, 99)


@dataclass(frozen=True)
class Release:
    """An installed release: its distribution's name and its version."""

    distribution: str
    version: str

    @property
    def number(self) -> tuple[int, int]:
        """Major and minor number."""
        major, minor, *_ = self.version.split(".")
        return int(major), int(minor)


def installed() -> Release:
    """Find the installed release.

    Raises:
        UserError: none, two at once, or one that this learner does not speak.
    """
    found = []
    for name in DISTRIBUTIONS:
        try:
            found.append(Release(name, version(name)))
        except PackageNotFoundError:
            continue
    if not found:
        raise UserError("rsl_rl is not installed; run: make setup")
    if len(found) > 1:
        both = " and ".join(f"{r.distribution} {r.version}" for r in found)
        raise UserError(f"{both} are both installed and overwrite each other; remove .venv, then: make setup")
    release = found[0]
    if not SUPPORTED[0] <= release.number <= SUPPORTED[1]:
        raise UserError(f"rsl_rl {release.version} is not supported, 5.0 to 5.x are; run: make setup")
    return release
