"""What an evaluation leaves: a picture, a report in Markdown, every cell as CSV, ``summary.json``, lines to read."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from runners import robustness, robustness_picture
from runners.motion_figures import SETTLING_S
from runners.robustness import AXES, Case, Figures, Result
from runners.run_dir import write_text

COLUMNS = ("survival", "upright", "speed error", "yaw error")
UNITS = ("%", "s", "m/s", "rad/s")
NAMES = ("survival", "upright", "speed_error", "yaw_error", "forward_error")
WORST = 8
"""Cells that are named."""


@dataclass(frozen=True)
class About:
    """What was evaluated, and how."""

    policy: str
    robot: str
    onnx: str
    config: str
    seed: int
    physics_dt: float
    wall_s: float


def write(result: Result, anywhere: Result, about: About, folder: Path) -> None:
    """Write all files, each whole or not at all; ``summary.json`` is the last.

    Args:
        result: the grid's.
        anywhere: that of :func:`runners.robustness.anywhere`.
        about: what it is of.
        folder: where the files go.
    """
    robustness_picture.draw(result, f"{about.policy} ({about.robot})", folder / "robustness.png")
    write_text(folder / "cells.csv", table_of_cells([*result.cells(), *anywhere.cells()]))
    write_text(folder / "robustness.md", markdown(result, anywhere, about))
    write_text(folder / "summary.json", json.dumps(summary(result, anywhere, about), indent=2) + "\n")


def table_of_cells(cells: Iterable[tuple[Case, Figures]]) -> str:
    """Every cell and every episode at any command, as CSV; units are in the names, and what is not known is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    conditions = ("command", "vx_m_s", "vy_m_s", "yaw_rad_s", "friction", "push_m_s", "added_mass_kg", "delay_s")
    figures = ("episodes", "survival", "upright_s", "speed_error_m_s", "yaw_error_rad_s", "forward_error_m_s")
    writer.writerow(conditions + figures)
    for case, cell in cells:
        known = ["" if value is None else f"{value:.4g}" for value in dataclasses.astuple(cell)]
        writer.writerow([case.name, *case.command, case.friction, case.push, case.mass, case.delay, *known])
    return text.getvalue()


def summary(result: Result, anywhere: Result, about: About) -> dict[str, object]:
    """All but the cells; units are in the names of the fields or of the axes, seconds for ``upright``."""
    return {
        **dataclasses.asdict(about),
        "cells": len(result.cases),
        "episodes_per_cell": len(result.outcomes[0]),
        "episode_s": robustness.SECONDS,
        "push_every_s": robustness.PUSH_EVERY_S,
        "units": dict(zip(NAMES, ("1", *UNITS[1:], "m/s"), strict=True)),
        "all": dataclasses.asdict(result.of()),
        "undisturbed": dataclasses.asdict(result.of(robustness.undisturbed)),
        "any_command": {"episode_s": robustness.ANYWHERE_S, **dataclasses.asdict(anywhere.of())},
        "marginals": {
            axis: {value: dataclasses.asdict(figures) for value, figures in values.items()}
            for axis, values in result.marginals().items()
        },
        "worst": [{**dataclasses.asdict(case), **dataclasses.asdict(cell)} for case, cell in result.worst(WORST)],
    }


def rows(result: Result, anywhere: Result) -> list[tuple[str, str, Figures]]:
    """Axis, value and figures: any command, all cells, the undisturbed ones, then every value of every axis."""
    marginals = [(axis, value, one) for axis, values in result.marginals().items() for value, one in values.items()]
    return [
        ("any command", "", anywhere.of()),
        ("all cells", "", result.of()),
        ("undisturbed", "", result.of(robustness.undisturbed)),
        *marginals,
    ]


def forward(anywhere: Result) -> str:
    """What any command says of the forward speed."""
    error = anywhere.of().forward_error
    return f"forward speed at any command: mean error {'-' if error is None else f'{error:.3f} m/s'}"


def markdown(result: Result, anywhere: Result, about: About) -> str:
    """The report as Markdown."""
    episodes = len(result.outcomes[0])
    plural = "s" if episodes > 1 else ""
    lines = [
        f"# Robustness of {about.policy} ({about.robot})",
        "",
        f"{len(result.cases)} cells x {episodes} episode{plural} of {robustness.SECONDS:g} s in plain MuJoCo, physics "
        f"step {1000 * about.physics_dt:g} ms, seed {about.seed}, {about.wall_s:g} s of computing. "
        f"The sensors are as noisy as in training; the command grows from 0 within {robustness.RAMP_S:g} s. A push "
        f"changes the whole robot's velocity at once, in a random direction, every {robustness.PUSH_EVERY_S:g} s "
        f"(+-{robustness.PUSH_JITTER_S:g} s). Friction is what each contact with the floor gets.",
        "",
        "Survival is the share of episodes upright (tilt below 0.78 rad) to the end, upright the mean time to the fall "
        f"or the end. The errors are those of the mean velocity, from {SETTLING_S:g} s on and up to the "
        "fall. Undisturbed is friction 0.8 and nothing else. Any command is "
        f"{len(anywhere.cases)} episodes of {robustness.ANYWHERE_S:g} s, undisturbed, with commands drawn from the "
        f"whole range; {forward(anywhere)}.",
        "",
        "![survival and tracking error of every cell](robustness.png)",
        "",
        *_table(("", "value"), [((axis, value), one) for axis, value, one in _without_repeats(rows(result, anywhere))]),
        "",
        "## Worst cells",
        "",
        *_table(AXES, [(_values(case), cell) for case, cell in result.worst(WORST)]),
    ]
    return "\n".join(lines) + "\n"


def _without_repeats(of: Sequence[tuple[str, str, Figures]]) -> Iterable[tuple[str, str, Figures]]:
    before = ""
    for axis, value, one in of:
        yield "" if axis == before else axis, value, one
        before = axis


def _table(keys: Iterable[str], of: Iterable[tuple[Sequence[str], Figures]]) -> list[str]:
    heads = [*keys, *(f"{name} [{unit}]" for name, unit in zip(COLUMNS, UNITS, strict=True))]
    body = [[*values, *_numbers(one)] for values, one in of]
    align = ["---"] * (len(heads) - len(COLUMNS)) + ["---:"] * len(COLUMNS)
    return ["| " + " | ".join(line) + " |" for line in (heads, align, *body)]


def _numbers(one: Figures) -> list[str]:
    errors = ["-" if error is None else f"{error:.2f}" for error in (one.speed_error, one.yaw_error)]
    return [f"{100 * one.survival:.0f}", f"{one.upright:.1f}", *errors]


def _values(case: Case) -> list[str]:
    return [value_of(case) for value_of in AXES.values()]


def terminal(result: Result, anywhere: Result) -> list[str]:
    """The same as :func:`markdown`'s tables, for a terminal of 80 columns."""
    lines = [f"{'':<34}" + "".join(f"{name:>12}" for name in COLUMNS)]
    lines += [f"{'':<34}" + "".join(f"{f'[{unit}]':>12}" for unit in UNITS)]
    lines += [_line(f"{axis:<18}{value:<16}", one) for axis, value, one in _without_repeats(rows(result, anywhere))]
    lines += ["", forward(anywhere), "", f"worst cells: {', '.join(AXES)}"]
    lines += [_line(", ".join(_values(case)), cell) for case, cell in result.worst(WORST)]
    return lines


def _line(label: str, one: Figures) -> str:
    return f"{label:<34}" + "".join(f"{number:>12}" for number in _numbers(one))
