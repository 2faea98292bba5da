"""MuJoCo's own window on a simulation, with a robot that the keys command."""

from __future__ import annotations

import os
import time
import warnings
from dataclasses import dataclass
from typing import Any

from runners.console import Console
from runners.errors import UserError
from runners.interrupts import Interrupts
from runners.plain_mujoco import FALL_TILT, Policy, Simulation

KEYS = (
    "keys: up and down change the speed, left and right the turning, home and end the sidestep, "
    "space stops, enter starts anew"
)
SPACE, ENTER, RIGHT, LEFT, DOWN, UP, HOME, END = 32, 257, 262, 263, 264, 265, 268, 269
"""GLFW's numbers. The window itself takes letters, digits, comma, backspace, tab, escape, page up and F1 to F7."""
STEP = 0.1
"""m/s or rad/s of a key's press."""
FALLEN_S = 1.0


@dataclass
class Keys:
    """The command that the keys give, and whether the robot shall start anew."""

    command: tuple[float, float, float]
    anew: bool = False

    def __call__(self, key: int) -> None:
        """Take in a key's press."""
        axis = {UP: 0, DOWN: 0, HOME: 1, END: 1, LEFT: 2, RIGHT: 2}.get(key)
        if axis is not None:
            change = STEP if key in (UP, HOME, LEFT) else -STEP
            values = list(self.command)
            values[axis] = round(values[axis] + change, 3) + 0.0
            self.command = values[0], values[1], values[2]
        elif key == SPACE:
            self.command = 0.0, 0.0, 0.0
        elif key == ENTER:
            self.anew = True


def check_display() -> None:
    """MuJoCo's window ends the process without a word where GLFW cannot reach the display.

    Raises:
        UserError: it cannot.
    """
    import glfw

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opens = glfw.init()
    if not opens:
        display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        raise UserError(f"no window opens on display '{display}'; give VIEWER=none, or VIDEO=1")


@dataclass
class Window:
    """A simulation that runs in real time."""

    simulation: Simulation
    policy: Policy
    keys: Keys
    console: Console
    interrupts: Interrupts

    def show(self, seconds: float) -> None:
        """Run until the window is closed, or for ``seconds``. A robot that falls starts anew.

        Raises:
            UserError: no window opens.
        """
        import mujoco.viewer

        check_display()
        window = mujoco.viewer.launch_passive(
            self.simulation.model, self.simulation.data, key_callback=self.keys, show_left_ui=False, show_right_ui=False
        )
        with window:
            window.cam.distance, window.cam.azimuth, window.cam.elevation = 2.5, 140.0, -12.0
            ends = time.monotonic() + seconds
            while window.is_running() and time.monotonic() < ends:
                self._episode(window, ends)

    def _episode(self, window: Any, ends: float) -> None:
        simulation = self.simulation
        with window.lock():
            simulation.reset()
        self.policy.reset()
        self.keys.anew = False
        fell_at = None
        due = time.monotonic()
        while window.is_running() and not self.keys.anew and due < ends:
            self.interrupts.check()
            before = simulation.data.time
            with window.lock():
                moment = simulation.step(self.policy(simulation.observe(self.keys.command)))
                window.cam.lookat[:] = moment.position[0], moment.position[1], 0.5
            window.sync()
            if simulation.data.time < before:  # the window's own reset, on backspace
                return
            if fell_at is None and moment.tilt >= FALL_TILT:
                fell_at = simulation.data.time
                self.console.say(f"the robot fell at {fell_at:.2f} s")
            if fell_at is not None and simulation.data.time >= fell_at + FALLEN_S:
                return
            forward, left, turn = self.keys.command
            self.console.progress(f"{simulation.data.time:.1f} s · forward {forward:g}, left {left:g}, turn {turn:g}")
            # a machine that is too slow shows slow motion; it does not catch up
            due = max(due + simulation.deployment.policy_dt, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
