"""make sim2sim: run an exported policy in plain MuJoCo, as the deployment code would, and measure how it walks."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from runners import exported, run_dir, verb
from runners.closing import Closing
from runners.console import Console
from runners.errors import UserError
from runners.interrupts import Interrupts
from runners.options import Options
from runners.play import choose_viewer
from runners.simulators import mujoco as embedded

if TYPE_CHECKING:
    from runners.plain_mujoco import Motion, Simulation

    Timed: TypeAlias = tuple[Motion, float]

DEFAULT_COMMAND = 0.5, 0.0, 0.0
AFTER_FALL_S = 1.0
"""How long a fall is looked at."""


def sim2sim(options: Options, console: Console, interrupts: Interrupts, closing: Closing) -> None:
    """Find the policy, run one episode, write what came of it; or open a window in which the keys command it."""
    found = exported.find(options.policy, options.config, options.run, Path(options.log_root))
    viewer = _viewer(options)
    video = options.video or viewer == "video"
    if "MUJOCO_GL" not in os.environ:  # mujoco's first import reads it
        os.environ["MUJOCO_GL"] = (embedded.find_renderer() or "disable") if video else "disable"
    if video and os.environ["MUJOCO_GL"] == "disable":
        without = f"no off-screen OpenGL for a video; install one of {embedded.SIMULATOR.renderer_packages}"
        if "video" in options.given:
            raise UserError(f"{without}, or leave VIDEO out")
        console.warn(without)
        video = False
    deployment, policy = exported.load(found)
    if remark := exported.outdated(found, policy):
        console.warn(remark)
    from runners.plain_mujoco import Simulation

    simulation = Simulation(deployment)
    command = options.command or DEFAULT_COMMAND
    if viewer == "native":
        from runners import sim2sim_window

        console.say(f"'{found.name}' at {shown(command)}; {sim2sim_window.KEYS}")
        seconds = options.seconds if "seconds" in options.given else math.inf
        keys = sim2sim_window.Keys(command)
        sim2sim_window.Window(simulation, policy, keys, console, interrupts).show(seconds)
        return
    console.say(f"'{found.name}' in plain MuJoCo, {options.seconds:g} s at {shown(command)}")

    def each(progress: str) -> None:
        interrupts.check()
        console.progress(progress)

    motion, wall_s = _run(simulation, policy, command, options.seconds, each)
    console.end_progress()
    folder = _folder(found)
    summary = _write(found, motion, wall_s, command, folder)
    for line in table(summary):
        console.plain(line)
    console.say(f"plot: {verb.shown(folder / 'motion.png')}")
    console.say(f"figures: {verb.shown(folder / 'summary.json')}")
    if video:
        files = _film(simulation, motion, folder, each)
        console.end_progress()
        for name, path in zip(("video", "frames"), files, strict=True):
            console.say(f"{name}: {verb.shown(path)}")
    if motion.fell_at is not None:
        raise UserError(f"the robot fell at {motion.fell_at:.2f} s of {options.seconds:g} s, at {shown(command)}")


def _viewer(options: Options) -> str:
    viewer = choose_viewer(options)
    refused = viewer == "video" and "video" in options.given and not options.video
    return "none" if refused else viewer


def _run(simulation: Simulation, policy: Any, command: Any, seconds: float, each: Callable[[str], None]) -> Timed:
    began = time.perf_counter()

    def after_step(_: Any) -> None:
        each(f"{simulation.data.time:.1f} of {seconds:g} s simulated")

    motion = simulation.rollout(policy, lambda _: command, seconds, after_fall=AFTER_FALL_S, each=after_step)
    return motion, time.perf_counter() - began


def _folder(found: exported.Exported) -> Path:
    folder = found.results("sim2sim") / datetime.now().strftime(run_dir.TIMESTAMP)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write to '{folder}': {error.strerror}") from None
    return folder


def _write(found: exported.Exported, motion: Motion, wall_s: float, command: Any, folder: Path) -> dict[str, Any]:
    from runners import motion_figures, motion_plot

    summary = {
        "policy": found.name,
        "onnx": str(found.onnx),
        "config": str(found.config),
        "simulator": "plain MuJoCo",
        **motion_figures.figures(motion),
        "times_real_time": float(motion.time[-1]) / wall_s,
    }
    run_dir.write_text(folder / "summary.json", json.dumps(summary, indent=2) + "\n")
    motion_plot.draw(motion, f"{found.name} in plain MuJoCo, at {shown(command)}", folder / "motion.png")
    return summary


def _film(simulation: Simulation, motion: Motion, folder: Path, each: Callable[[str], None]) -> tuple[Path, Path]:
    from runners import motion_video

    def before_frame(frame: int, frames: int) -> None:
        each(f"video: frame {frame + 1} of {frames}")

    return motion_video.write(simulation.model, motion, folder, before_frame)


def table(summary: dict[str, Any]) -> list[str]:
    """The lines for the terminal."""
    fell = summary["fell_at_s"]
    upright = f"{summary['upright_s']:.2f} s" + ("" if fell is None else ", then it fell")
    lines = [f"  {'upright':<22}{upright}", f"  {'':<22}{'asked':>7}{'mean':>8}{'spread':>9}"]
    for name, unit in summary["units"].items():
        values = (summary[column][name] for column in ("command", "mean", "spread"))
        asked, mean, spread = (round(value, 2) + 0.0 for value in values)
        lines.append(f"  {f'{name} [{unit}]':<22}{asked:>7.2f}{mean:>8.2f}{spread:>9.2f}")
    transport = summary["cost_of_transport"]
    cost = "" if transport is None else f", cost of transport {transport:.2f}"
    lines.append(f"  {'energy':<22}{summary['energy_j']:.0f} J ({summary['power_w']:.0f} W{cost})")
    lines.append(f"  {'at the torque limit':<22}{_busiest(summary['torque_at_limit'])}")
    lines.append(f"  {'speed of simulation':<22}{summary['times_real_time']:.1f} times real time")
    return lines


def _busiest(shares: dict[str, float]) -> str:
    busy = sorted((share, name) for name, share in shares.items() if share >= 0.01)[-4:]
    listed = [f"{name.removesuffix('_joint').replace('_', ' ')} {share:.0%}" for share, name in reversed(busy)]
    return ", ".join(listed) or "never"


def shown(command: tuple[float, float, float]) -> str:
    """A command in words."""
    forward, left, turn = (f"{value:g}" for value in command)
    return f"{forward} m/s forward, {left} m/s to the left, {turn} rad/s turning"


if __name__ == "__main__":
    verb.end(verb.run("sim2sim", sim2sim, sys.argv[1:]))
