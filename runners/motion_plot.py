"""A picture of an episode: velocity against command, tilt and height, and how hard the motors work."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners.motion_figures import AXES, figures
from runners.plain_mujoco import FALL_TILT, Motion
from runners.run_dir import write_whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MEAN_S = 1.0
"""Width of the moving mean, some strides: within a stride the trunk speeds up and slows down."""
BLUE, ORANGE, RED, GRAY = "tab:blue", "tab:orange", "tab:red", "0.55"


def draw(motion: Motion, title: str, path: Path) -> None:
    """Write the picture of an episode as a PNG, whole or not at all."""
    from matplotlib.figure import Figure  # not pyplot: it looks for a display and for IPython

    figure = Figure(figsize=(12, 7.5), layout="constrained")
    figure.suptitle(title, fontsize=11)
    grid = figure.add_gridspec(4, 2, width_ratios=(2.6, 1))
    first = None
    for axis, (name, unit) in enumerate(AXES):
        axes = first = figure.add_subplot(grid[axis, 0], sharex=first)
        _velocity(axes, motion, axis)
        axes.set_ylabel(f"{name}\n[{unit}]")
        axes.tick_params(labelbottom=False)
    lower = figure.add_subplot(grid[3, 0], sharex=first)
    _posture(lower, motion)
    for axes in figure.axes:
        if motion.fell_at is not None:
            axes.axvline(motion.fell_at, color=RED, linewidth=1)
        axes.grid(alpha=0.3)
        axes.set_xlim(0, float(motion.time[-1]))
    if motion.fell_at is not None:
        figure.axes[0].annotate(
            f" fell at {motion.fell_at:.2f} s", (motion.fell_at, 1), xycoords=("data", "axes fraction"), color=RED,
            va="bottom", ha="right" if motion.fell_at > motion.time[-1] / 2 else "left", fontsize=9,
        )  # fmt: skip
    figure.axes[0].legend(loc="lower right", ncols=3, fontsize=8)
    lower.set_xlabel("time [s]")
    _saturation(figure.add_subplot(grid[:, 1]), motion)
    with write_whole(path) as stream:
        figure.savefig(stream, dpi=110, format="png")


def _velocity(axes: Any, motion: Motion, axis: int) -> None:
    values, asked = motion.velocity[:, axis], motion.command[:, axis]
    # the fall must neither bend the mean of the walk before it nor squeeze it
    upright = motion.time <= motion.upright
    before = values[upright]
    axes.plot(motion.time, values, color=BLUE, linewidth=0.7, alpha=0.45, label="measured")
    mean = moving_mean(before, float(motion.time[0]))
    axes.plot(motion.time[upright], mean, color=BLUE, linewidth=1.8, label=f"mean of {MEAN_S:g} s")
    axes.plot(motion.time, asked, color=ORANGE, linestyle="--", linewidth=1.5, drawstyle="steps-pre", label="command")
    low, high = min(before.min(), asked.min()), max(before.max(), asked.max())
    margin = max(0.1, 0.12 * (high - low))
    axes.set_ylim(low - margin, high + margin)


def moving_mean(values: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """Centred mean over :data:`MEAN_S`, narrower at both ends. Shape: (N,), ``step`` seconds apart -> (N,)."""
    import numpy as np

    half = min(max(1, round(MEAN_S / 2 / step)), (len(values) - 1) // 2)
    kernel = np.ones(2 * half + 1)
    return np.convolve(values, kernel, "same") / np.convolve(np.ones(len(values)), kernel, "same")


def _posture(axes: Any, motion: Motion) -> None:
    axes.plot(motion.time, [math.degrees(tilt) for tilt in motion.tilt], color=BLUE, linewidth=1.2)
    axes.set_ylabel("tilt [deg]", color=BLUE)
    axes.set_ylim(0, max(10.0, 1.15 * math.degrees(motion.tilt.max())))
    axes.axhline(math.degrees(FALL_TILT), color=RED, linestyle=":", linewidth=1)
    right = axes.twinx()
    right.plot(motion.time, motion.position[:, 2], color=GRAY, linewidth=1.2)
    right.set_ylabel("trunk's height [m]", color="0.4")
    right.set_ylim(0, 1)


def _saturation(axes: Any, motion: Motion) -> None:
    shares = figures(motion)["torque_at_limit"]
    names = [name.removesuffix("_joint").replace("_", " ") for name in shares]
    percent = [100 * share for share in shares.values()]
    bars = axes.barh(names, percent, color=[ORANGE if value >= 50 else BLUE for value in percent], height=0.7)
    axes.bar_label(bars, fmt="%.0f", padding=3, fontsize=8, color="0.3")
    axes.invert_yaxis()
    axes.set_xlim(0, 115)
    axes.set_xticks((0, 25, 50, 75, 100))
    axes.margins(y=0.01)
    axes.set_xlabel("at the torque limit [% of time]")
    axes.tick_params(axis="y", labelsize=8)
    axes.grid(axis="x", alpha=0.3)
