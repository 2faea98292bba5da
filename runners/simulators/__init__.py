"""The simulators, behind one small protocol.

Standard library only: nothing else may be imported before a simulator has been launched.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from runners.errors import UserError

if TYPE_CHECKING:
    from runners.options import Options

NAMES = ("mujoco", "isaac")
WORKSTATION = Path(__file__).resolve().parents[2] / ".isaac"
"""What set-up of Isaac Sim leaves in the checkout."""


@dataclass(frozen=True)
class Actuation:
    """What a joint action term drives, as it is configured: events of the task may have changed the simulation's."""

    driven: list[str]
    """Joints in the order of the actions."""
    joint_names: list[str]
    """All joints in the simulator's order."""
    gains: dict[str, tuple[float, float, float | None]]
    """Stiffness (N m / rad), damping (N m s / rad) and effort limit (N m) of the actuated joints."""
    position: tuple[float, ...]
    """Initial position of the base, m."""
    joint_positions: dict[str, float]
    """Initial positions, rad, for patterns of names."""


class TaskConfigs(Protocol):
    """The two configurations of a task, as the simulator's own config objects."""

    env: Any
    agent: Any


class Simulator(Protocol):
    """What a verb needs from a simulator."""

    name: str
    renderer_packages: str
    """System packages of which one is missing where :meth:`can_render` says no."""
    warnings: list[str]
    """What :meth:`configs` did without: installed packages with tasks that cannot be imported."""

    @property
    def default_task(self) -> str:
        """The task where none is named."""

    def launch(self, options: Options, flags: Sequence[str] = ()) -> None:
        """Start it, able to draw frames if ``options.video``. Only the standard library is imported before.

        Args:
            options: those of the verb.
            flags: the simulator's own flags and their values, from ARGS.

        Raises:
            UserError: it is not installed, or cannot do what is asked for.
        """

    def close(self) -> None:
        """Close it, after its environment; the process may end in this call."""

    def can_render(self) -> bool:
        """Whether frames can be drawn without a window."""

    def check(self, task: str, configs: TaskConfigs) -> None:
        """Refuse what would only fail after the simulation has been built."""

    def versions(self) -> dict[str, str | None]:
        """Versions that belong into a run's manifest; None where something is missing."""

    def tasks(self, packages: Sequence[str] = ()) -> dict[str, str]:
        """Task ids, those of further packages too, each with the module that registers it. Nothing is started."""

    def configs(self, task: str, play: bool = False, agent: str | None = None) -> TaskConfigs:
        """Fresh copies of a task's two configurations; ``agent`` names another agent than the usual, or none ("")."""

    def device(self, wanted: str) -> str:
        """``auto``, ``cpu`` or ``cuda[:N]`` -> the device to use."""

    def prepare_play(self, cfg: Any, flat: bool) -> list[str]:
        """Change an environment's configuration for playing, on a plane if ``flat``; return what to tell the user."""

    def prepare_view(self, cfg: Any, task: str) -> None:
        """Set an environment configuration up for being looked at or filmed."""

    def make_env(self, cfg: Any, device: str, render: bool = False) -> Any:
        """Build the environment (Isaac Lab's interface, manager-based or direct)."""

    def actuation(self, joint_action: Any) -> Actuation:
        """What a term of the environment's action manager drives, a joint position action."""

    def view_hint(self, kind: str, port: int | None) -> str:
        """Keys or address of the viewer, for the user."""

    def view(self, env: Any, policy: Any, kind: str, port: int | None) -> None:
        """Show a policy in a window or a browser until the user closes it."""


def choose(wanted: str) -> tuple[str, str]:
    """Return the simulator for ``SIM=wanted`` and the reason.

    ``auto`` is isaac where the workstation is installed, else mujoco.

    Raises:
        UserError: its set-up was begun and did not come to its end; the other would be taken without the user's will.
    """
    if wanted != "auto":
        return wanted, "as asked"
    if os.environ.get("RUNNER_SIMULATOR") in NAMES:
        return os.environ["RUNNER_SIMULATOR"], "as scripts/launch.sh chose"
    if reason := unfinished():
        raise UserError(
            f"the Isaac Sim workstation is not set up to its end: {reason}; go on with it: make setup SIM=isaac, "
            "or take the embedded simulator: SIM=mujoco"
        )
    if (WORKSTATION / "receipt-verify").is_file():  # the last step's
        return "isaac", "an Isaac Sim workstation is installed here"
    return "mujoco", "no Isaac Sim workstation is installed here"


def unfinished() -> str | None:
    """Where the workstation's set-up has stopped; None where it was never begun or is complete.

    scripts/setup.sh writes the step down before it begins, and takes the note away after the last; the licence alone,
    which is asked for before anything else, is no beginning.
    """
    try:
        lines = (WORKSTATION / "unfinished").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        begun = (WORKSTATION / "choices").is_file() or any(WORKSTATION.glob("receipt-*"))
        complete = (WORKSTATION / "receipt-verify").is_file()
        return "the check at its end has not passed" if begun and not complete else None
    values = dict(line.partition(" ")[::2] for line in lines)
    return f"it stopped in the step '{values.get('step', '?')}' ({values.get('what', 'unknown')})"


def load(wanted: str) -> Simulator:
    """Import the chosen simulator's module (standard library only) and return its instance.

    Raises:
        UserError: there is no such simulator.
    """
    name, _ = choose(wanted)
    if name not in NAMES:
        raise UserError(f"simulator '{name}' is not known here; there is {', '.join(NAMES)}")
    simulator: Simulator = importlib.import_module(f"runners.simulators.{name}").SIMULATOR
    return simulator
