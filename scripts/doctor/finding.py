"""What a check finds, and what a check looks at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Sequence

SYSTEM = Path("/")
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be; what it means is in the catalogue, under its id."""

    id: str
    evidence: str
    """The value that was found, and where: a file, a variable, a command."""
    what: str = ""
    """Instead of the catalogue's sentence, where that cannot name the thing."""
    repair: str = ""
    """Instead of the catalogue's, where the exact command depends on what was found."""
    severity: str = ""
    """Instead of the catalogue's."""
    set_aside: tuple[Path, ...] = ()
    """What make fix may move away, below the site-packages of Isaac Sim's own Python."""


@dataclass(frozen=True)
class Place:
    """A checkout, the machine around it, and the shell that the user called from."""

    root: Path
    env: Mapping[str, str]
    home: Path
    aim: str
    """The simulator that the user means: isaac or mujoco."""
    pins: dict[str, str]
    choices: dict[str, str]
    log_root: Path
    task_packages: tuple[Path, ...] = ()
    """Folders of the user's with tasks, to be looked at too."""
    system: Path = SYSTEM
    """Above etc, proc, usr and tmp."""

    @property
    def state(self) -> Path:
        """What set-up of the workstation writes down."""
        return self.root / ".isaac"

    @property
    def install(self) -> Path:
        """The folder that set-up installs into."""
        return Path(self.choices.get("INSTALL") or self.state)

    @property
    def isaac(self) -> Path:
        """The root of Isaac Sim."""
        return Path(self.choices.get("ISAACSIM_PATH") or self.install / "isaacsim")

    @property
    def lab(self) -> Path:
        """The root of Isaac Lab."""
        return Path(self.choices.get("ISAACLAB_PATH") or self.install / "IsaacLab")

    @property
    def robot(self) -> Path | None:
        """The robot project; None where none is wanted."""
        chosen = self.choices.get("ROBOT", "")
        if chosen == "none":
            return None
        if chosen.startswith("/"):
            return Path(chosen)
        return self.install / self.pins["ROBOT_REPOSITORY"].rpartition("/")[2]

    @property
    def isaac_site(self) -> Path:
        """Where packages of Isaac Sim's own Python are."""
        return self.isaac / "kit/python/lib/python{}/site-packages".format(self.pins["ISAAC_PYTHON"])

    @property
    def rsl_rl(self) -> str:
        """The release of rsl_rl that is wanted in Isaac Sim's Python."""
        return self.choices.get("RSL_RL") or self.pins["ISAAC_RSL_RL"]

    def is_begun(self) -> bool:
        """Whether set-up of the workstation was ever started here."""
        return (self.state / "choices").is_file()

    def is_set_up(self) -> bool:
        """Whether set-up of the workstation came to its end; the same question as in scripts/isaac.sh."""
        return (self.state / "receipt-verify").is_file() and not (self.state / "unfinished").is_file()


def read_pins(root: Path) -> dict[str, str]:
    """The lines ``KEY=value`` of env/pins.env."""
    text = (root / "env/pins.env").read_text(encoding="utf-8")
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE))


def read_choices(root: Path) -> dict[str, str]:
    """The lines ``KEY value`` of .isaac/choices; a choice "none" is no choice, but for ROBOT."""
    try:
        lines = (root / ".isaac/choices").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return {}
    pairs = (line.split(" ", 1) for line in lines if " " in line)
    return {key: value for key, value in pairs if value != "none" or key == "ROBOT"}


def make_place(
    env: Mapping[str, str],
    aim: str = "",
    log_root: str = "logs/rsl_rl",
    task_packages: Sequence[str] = (),
    root: Path = ROOT,
) -> Place:
    """The place that this checkout is in; the aim is what is installed, where none is named."""
    begun = (root / ".isaac/choices").is_file()
    return Place(
        root=root,
        env=env,
        home=Path(env.get("HOME") or "/nonexistent"),
        aim=aim or ("isaac" if begun else "mujoco"),
        pins=read_pins(root),
        choices=read_choices(root),
        log_root=root / log_root,
        task_packages=tuple(root / word for word in task_packages),
    )
