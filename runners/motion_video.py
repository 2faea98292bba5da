"""A video of an episode, drawn from its recorded coordinates after it has ended."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

from runners.plain_mujoco import Motion
from runners.video import VideoRecorder, contact_sheet

SIZE = 480, 640
"""Height and width in pixels."""
MAX_FPS = 25.0
"""A faster policy's steps are not all drawn."""
GREEN, BLUE = (0.25, 0.7, 0.3, 1.0), (0.2, 0.45, 0.85, 1.0)
ARROW_HEIGHT = 0.35
"""Metres above the trunk."""


def write(model: Any, motion: Motion, folder: Path, each: Callable[[int, int], None]) -> tuple[Path, Path]:
    """Write ``sim2sim.mp4`` and ``sim2sim.png``, a sheet of its frames.

    ``each`` is called before every frame, with its number and how many there are; what it raises ends the video there.
    """
    film = Film(model, motion)
    recorder = VideoRecorder(film, folder, film.frames, None, name="sim2sim")
    try:
        for frame in range(film.frames):
            each(frame, film.frames)
            recorder.step(None)
    finally:
        recorder.finish()
        film.renderer.close()
    sheet = recorder.files[-1].with_suffix(".png")
    contact_sheet(recorder.sheet_frames, film.step_dt, sheet)
    return recorder.files[-1], sheet


class Film:
    """The moments of an episode, as :class:`runners.video.VideoRecorder` takes them."""

    def __init__(self, model: Any, motion: Motion) -> None:
        self.model = model
        self.motion = motion
        policy_dt = float(motion.time[0])
        self.stride = max(1, round(1 / MAX_FPS / policy_dt))
        self.frames = -(-len(motion.time) // self.stride)
        self.step_dt = self.stride * policy_dt
        self.unwrapped = self
        self.data = mujoco.MjData(model)
        self.renderer = mujoco.Renderer(model, *SIZE)
        self.camera = mujoco.MjvCamera()
        self.camera.distance, self.camera.azimuth, self.camera.elevation = 2.1, 140.0, -12.0
        self._shown = -1

    def step(self, _action: Any) -> None:
        """Go on to the next moment."""
        self._shown += 1

    def render(self) -> np.ndarray:
        """Draw the moment with an arrow each for command (green) and velocity (blue). Shape: (height, width, 3)."""
        now = max(self._shown, 0) * self.stride
        self.data.qpos[:] = self.motion.qpos[now]
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)
        trunk = self.motion.position[now]
        self.camera.lookat[:] = trunk[0], trunk[1], 0.5
        self.renderer.update_scene(self.data, self.camera)
        w, x, y, z = self.data.qpos[3:7]
        heading = math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
        for height, colour, velocity in (
            (ARROW_HEIGHT + 0.06, GREEN, self.motion.command[now]),
            (ARROW_HEIGHT, BLUE, self.motion.velocity[now]),
        ):
            self._arrow(trunk + np.array([0, 0, height]), heading, velocity, colour)
        frame: np.ndarray = self.renderer.render()
        return frame

    def _arrow(self, start: np.ndarray, heading: float, velocity: np.ndarray, colour: Any) -> None:
        scene = self.renderer.scene
        speed = float(np.hypot(velocity[0], velocity[1]))
        if speed < 0.02 or scene.ngeom >= scene.maxgeom:
            return
        direction = heading + math.atan2(velocity[1], velocity[0])
        end = start + 0.8 * speed * np.array([math.cos(direction), math.sin(direction), 0.0])
        geom = scene.geoms[scene.ngeom]
        mujoco.mjv_initGeom(geom, mujoco.mjtGeom.mjGEOM_ARROW, np.zeros(3), np.zeros(3), np.zeros(9), colour)
        mujoco.mjv_connector(geom, mujoco.mjtGeom.mjGEOM_ARROW, 0.018, start, end)
        scene.ngeom += 1
