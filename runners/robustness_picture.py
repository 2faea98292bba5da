"""Two heat maps of an evaluation: survival, and the tracking error of the horizontal velocity."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners import robustness
from runners.robustness import DELAY, FRICTION, MASS, PUSH, Case, Figures, Result
from runners.run_dir import write_whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SCALES = {"survival": (1.0, "cividis"), "speed_error": (0.5, "cividis_r")}
"""The end of the scale, share or m/s, and colours for all eyes, dark where the robot does badly."""
NONE = "0.82"
"""Grey: the robot always fell too early to have an error."""


def draw(result: Result, title: str, path: Path) -> None:
    """Write the picture as a PNG, whole or not at all."""
    from matplotlib.figure import Figure  # not pyplot: it looks for a display and for IPython

    figure = Figure(figsize=(11, 15), layout="constrained")
    blocks: Any = figure.subfigures(2, 1, hspace=0.03)
    cells = dict(result.cells())
    episodes = len(result.outcomes[0])
    plural = "s" if episodes > 1 else ""
    forward, sideways, turning = (max(abs(case.command[axis]) for case in result.cases) for axis in range(3))
    full = f"full: {forward:g} m/s forward or backward, {sideways:g} m/s to the left, {turning:g} rad/s turning"
    _block(
        blocks[0], cells, "survival",
        f"{title}: survival [%] in {episodes} episode{plural} of {robustness.SECONDS:g} s\n{full}",
    )  # fmt: skip
    _block(
        blocks[1], cells, "speed_error",
        "Error of the mean horizontal velocity [m/s]\ngrey: always fell too early to have a mean",
    )  # fmt: skip
    with write_whole(path) as stream:
        figure.savefig(stream, dpi=110, format="png")


def _block(figure: Any, cells: dict[Case, Figures], field: str, title: str) -> None:
    import matplotlib

    top, colours = SCALES[field]

    figure.suptitle(title, fontsize=12)
    panels = figure.subplots(len(MASS), len(DELAY), sharex=True, sharey=True)
    colour_map = matplotlib.colormaps[colours].with_extremes(bad=NONE)
    for (row, mass), (column, delay) in itertools.product(enumerate(MASS), enumerate(DELAY)):
        axes = panels[row][column]
        values = panel(cells, mass, delay, field)
        image = axes.imshow(values, vmin=0, vmax=top, cmap=colour_map, aspect="auto")
        _numbers(axes, values, top)
        _label(axes, cells)
        if row == 0:
            axes.set_title(f"delay {1000 * delay:g} ms" if delay else "no delay", fontsize=10, pad=18)
        if row == len(MASS) - 1:
            axes.set_xlabel("friction of the floor", fontsize=9)
        if column == 0:
            axes.set_ylabel(f"mass {mass:+g} kg" if mass else "mass as it is", fontsize=10, labelpad=8)
    scale = figure.colorbar(image, ax=panels, fraction=0.025, pad=0.01, extend="neither" if top == 1 else "max")
    if top == 1:
        scale.set_ticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "25", "50", "75", "100"])
    scale.ax.tick_params(labelsize=8)


def panel(cells: dict[Case, Figures], mass: float, delay: float, field: str) -> NDArray[np.float64]:
    """A row for each command and a column for each friction of each push; NaN where nothing is known."""
    import numpy as np

    here = {case: cell for case, cell in cells.items() if (case.mass, case.delay) == (mass, delay)}
    columns = list(itertools.product(PUSH, FRICTION))
    values = np.full((len(_commands(here)), len(columns)), np.nan)
    for case, cell in here.items():
        value = getattr(cell, field)
        at = _commands(here).index(case.name), columns.index((case.push, case.friction))
        values[at] = np.nan if value is None else value
    return values


def _commands(cells: dict[Case, Figures]) -> list[str]:
    return list(dict.fromkeys(case.name for case in cells))


def _numbers(axes: Any, values: NDArray[np.float64], top: float) -> None:
    import numpy as np

    for (row, column), value in np.ndenumerate(values):
        if np.isnan(value):
            continue
        text = f"{100 * value:.0f}" if top == 1 else f"{value:.2f}".removeprefix("0")
        # both maps are dark at the bad end
        dark = value / top < 0.55 if top == 1 else value / top > 0.45
        colour = "white" if dark else "black"
        number = axes.text(column, row, text, ha="center", va="center", fontsize=6.5, color=colour)
        number.set_in_layout(False)  # it is within its cell; measuring all of them would take a second


def _label(axes: Any, cells: dict[Case, Figures]) -> None:
    frictions = [f"{friction:g}" for _, friction in itertools.product(PUSH, FRICTION)]
    axes.set_xticks(range(len(frictions)), frictions, fontsize=7)
    names = {case.name: case.command for case in cells}
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for index in range(1, len(PUSH)):
        axes.axvline(len(FRICTION) * index - 0.5, color="white", linewidth=2.5)
    for index, push in enumerate(PUSH):
        axes.text(
            len(FRICTION) * (index + 0.5) - 0.5, -0.62, f"push {push:g} m/s" if push else "no push",
            ha="center", va="bottom", fontsize=7,
        )  # fmt: skip
