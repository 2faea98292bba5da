"""The grid of an evaluation, its episodes, and what they come to. Standard library only, but for the simulation.

The values reach a little beyond what upstream trains with: friction 0.4 to 1.2, -1 to +2 kg, no pushes, no delay.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runners.motion_figures import SETTLING_S
from runners.plain_mujoco import Conditions, Push

if TYPE_CHECKING:
    from runners.deployment import Deployment
    from runners.plain_mujoco import Command, Motion

SECONDS = 10.0
"""Of an episode."""
EPISODES = 2
"""In a cell, where EPISODES is not given."""
ANYWHERE = 100
"""Episodes with commands from the whole range, in which nothing is disturbed."""
ANYWHERE_S = 20.0
"""Of each of these, as long as an episode of training."""
STEP_S = 0.002
"""Longest physics step; upstream's configurations say 0.5 ms.

Measured at 0.5, 2 and 5 ms with upstream's policies. An undisturbed episode of 10 s costs the humanoid 1.5, 0.53 and
0.32 s of one core and the biped 0.93, 0.34 and 0.22; at 0.5 m/s they walk 0.567, 0.565 and 0.542 m/s, and 0.465, 0.462
and 0.458. Of 108 disturbed episodes the humanoid survives 30, 25 and 31 %, of 36 the biped 47, 44 and 47 %: within what
chance does, which is 4 and 8 %.
"""
RAMP_S = 1.0
"""The command grows from 0 in this time: a robot is not asked for full speed while it still drops to the floor."""
PUSH_EVERY_S = 4.0
PUSH_JITTER_S = 0.5
"""A push comes at up to this much before or after its time, so that it meets any phase of a stride."""

COMMANDS = {
    "stand": (0.0, 0.0, 0.0),
    "half forward": (0.5, 0.0, 0.0),
    "full forward": (1.0, 0.0, 0.0),
    "full backward": (-1.0, 0.0, 0.0),
    "full left": (0.0, 1.0, 0.0),
    "full turn left": (0.0, 0.0, 1.0),
    "half of all": (0.5, 0.5, 0.5),
}
"""Shares of the largest command in training."""
FRICTION = (0.4, 0.8, 1.2)
PUSH = (0.0, 0.5, 1.0)
"""m/s."""
MASS = (-1.0, 0.0, 2.0)
"""kg."""
DELAY = (0.0, 0.02, 0.04)
"""Seconds."""


@dataclass(frozen=True)
class Case:
    """What the episodes of a cell have in common."""

    name: str
    """Of the command."""
    command: tuple[float, float, float]
    """vx and vy in m/s, yaw rate in rad/s."""
    friction: float
    push: float
    """m/s, every :data:`PUSH_EVERY_S` in a random direction."""
    mass: float
    """kg added to the base link."""
    delay: float
    """Seconds from an observation to the motors."""
    seconds: float = SECONDS
    """Of an episode."""


AXES: dict[str, Callable[[Case], str]] = {
    "command": lambda case: case.name,
    "friction": lambda case: f"{case.friction:g}",
    "push [m/s]": lambda case: f"{case.push:g}",
    "added mass [kg]": lambda case: f"{case.mass:+g}" if case.mass else "0",
    "delay [ms]": lambda case: f"{1000 * case.delay:g}",
}
"""Names of the grid's axes, and a case's value on each."""


def grid(largest: tuple[float, float, float]) -> list[Case]:
    """Every cell. largest: the command's bounds in training, m/s, m/s and rad/s."""
    commands = {name: (x * largest[0], y * largest[1], yaw * largest[2]) for name, (x, y, yaw) in COMMANDS.items()}
    axes = itertools.product(commands.items(), FRICTION, PUSH, MASS, DELAY)
    return [Case(name, command, *rest) for (name, command), *rest in axes]


UNDISTURBED = (0.8, 0.0, 0.0, 0.0)
"""Friction, push, mass and delay."""


def undisturbed(case: Case) -> bool:
    """Whether a cell has nothing but its command."""
    return (case.friction, case.push, case.mass, case.delay) == UNDISTURBED


def anywhere(largest: tuple[float, float, float], seed: int) -> list[Case]:
    """Undisturbed cases with commands drawn from the whole range. largest: as in :func:`grid`."""
    dice = random.Random(f"{seed} anywhere")
    commands = [tuple(dice.uniform(-bound, bound) for bound in largest) for _ in range(ANYWHERE)]
    return [Case("any", (x, y, yaw), *UNDISTURBED, seconds=ANYWHERE_S) for x, y, yaw in commands]


def conditions(case: Case, seed: int, index: int, episode: int) -> Conditions:
    """The conditions of one episode of cell ``index``; heading, pushes and noise are random, by the three numbers."""
    dice = random.Random(f"{seed} {index} {episode}")
    times = [PUSH_EVERY_S * count for count in range(1, math.ceil(case.seconds / PUSH_EVERY_S))] if case.push else []
    return Conditions(
        friction=case.friction,
        added_mass=case.mass,
        delay=case.delay,
        noise=1.0,
        yaw=dice.uniform(-math.pi, math.pi),
        pushes=tuple(_push(time, case.push, dice) for time in times),
        seed=dice.getrandbits(32),
    )


def _push(time: float, speed: float, dice: random.Random) -> Push:
    at = time + dice.uniform(-PUSH_JITTER_S, PUSH_JITTER_S)
    direction = dice.uniform(-math.pi, math.pi)
    return Push(at, (speed * math.cos(direction), speed * math.sin(direction)))


def command(case: Case) -> Command:
    """The case's command over time."""

    def at(time: float) -> tuple[float, float, float]:
        share = min(1.0, time / RAMP_S)
        x, y, yaw = case.command
        return share * x, share * y, share * yaw

    return at


def coarse(deployment: Deployment) -> Deployment:
    """The configuration with the longest physics step that divides the policy's and is no longer than STEP_S."""
    return replace(deployment, physics_dt=deployment.policy_dt / math.ceil(deployment.policy_dt / STEP_S - 1e-9))


@dataclass(frozen=True)
class Outcome:
    """An episode."""

    survived: bool
    upright: float
    """Seconds."""
    speed_error: float | None
    """Of the mean horizontal velocity, m/s; None where the robot fell before there was a mean."""
    yaw_error: float | None
    """Of the mean yaw rate, rad/s."""
    forward_error: float | None = None
    """Of the mean forward velocity, m/s."""


def outcome(motion: Motion) -> Outcome:
    """Compare the mean velocity with the mean command, from a second on and up to the fall, if any.

    A mean of less than a second, not even a stride or two, says nothing.
    """
    rows = (motion.time > SETTLING_S + 1e-9) & (motion.time <= motion.upright)
    survived = motion.fell_at is None
    if motion.upright < 2 * SETTLING_S - 1e-9:
        return Outcome(survived, motion.upright, None, None)
    error = (motion.velocity[rows] - motion.command[rows]).mean(axis=0)
    forward, left, turning = map(float, error)
    return Outcome(survived, motion.upright, math.hypot(forward, left), abs(turning), abs(forward))


@dataclass(frozen=True)
class Figures:
    """What a number of episodes comes to."""

    episodes: int
    survival: float
    """Share that was upright to the end."""
    upright: float
    """Mean seconds."""
    speed_error: float | None
    """m/s: mean over the episodes that have one."""
    yaw_error: float | None
    """rad/s."""
    forward_error: float | None = None
    """m/s."""


def figures(outcomes: Sequence[Outcome]) -> Figures:
    """Means over episodes; at least one."""
    return Figures(
        episodes=len(outcomes),
        survival=sum(one.survived for one in outcomes) / len(outcomes),
        upright=sum(one.upright for one in outcomes) / len(outcomes),
        speed_error=_mean([one.speed_error for one in outcomes]),
        yaw_error=_mean([one.yaw_error for one in outcomes]),
        forward_error=_mean([one.forward_error for one in outcomes]),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


@dataclass(frozen=True)
class Result:
    """Part of an evaluation: ``outcomes[i]`` are the episodes of ``cases[i]``."""

    cases: Sequence[Case]
    outcomes: Sequence[Sequence[Outcome]]

    def of(self, chosen: Callable[[Case], bool] = lambda case: True) -> Figures:
        """The figures of all episodes of the chosen cells."""
        pairs = zip(self.cases, self.outcomes, strict=True)
        return figures([one for case, outcomes in pairs if chosen(case) for one in outcomes])

    def cells(self) -> list[tuple[Case, Figures]]:
        """Every cell."""
        return [(case, figures(outcomes)) for case, outcomes in zip(self.cases, self.outcomes, strict=True)]

    def marginals(self) -> dict[str, dict[str, Figures]]:
        """For every axis and each of its values the figures over all else."""
        return {axis: self._marginal(value_of) for axis, value_of in AXES.items()}

    def _marginal(self, value_of: Callable[[Case], str]) -> dict[str, Figures]:
        values = dict.fromkeys(value_of(case) for case in self.cases)
        return {value: self.of(lambda case, value=value: value_of(case) == value) for value in values}  # type: ignore[misc]

    def worst(self, count: int) -> list[tuple[Case, Figures]]:
        """The cells where fewest survive and, among them, the fall comes first, or the tracking is worst."""
        return sorted(self.cells(), key=lambda cell: (cell[1].survival, cell[1].upright, -(cell[1].speed_error or 0)))[
            :count
        ]
