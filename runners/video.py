"""Video of the first environment, and a picture of eight of its frames."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import mediapy
import numpy as np
from PIL import Image, ImageDraw, ImageFont

mediapy.set_ffmpeg(imageio_ffmpeg.get_ffmpeg_exe())

SHEET_FRAMES = 8
SHEET_COLUMNS = 4
SHEET_WIDTH = 400
"""Pixels of one frame."""


class VideoRecorder:
    """An environment that writes an mp4 of ``length`` steps every ``interval`` steps (None: once).

    Frames go to the encoder one by one; the file gets its name when it is complete.
    """

    def __init__(self, env: Any, folder: Path, length: int, interval: int | None, name: str = "step-{step}") -> None:
        self.env = env
        self.folder = folder
        self.length = length
        self.interval = interval
        self.name = name
        self.files: list[Path] = []
        self.sheet_frames: list[tuple[int, np.ndarray]] = []
        self._writer: mediapy.VideoWriter | None = None
        self._partial: Path | None = None
        self._frames = 0
        self._steps = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.env, name)

    @property
    def unwrapped(self) -> Any:
        """The environment itself."""
        return self.env.unwrapped

    @property
    def recording(self) -> bool:
        """Whether a video is unfinished."""
        return self._writer is not None

    def step(self, action: Any) -> Any:
        """Step, and record the frame after the step."""
        due = self._steps % self.interval == 0 if self.interval else self._steps == 0
        if due and self._writer is None:
            self._begin()
        result = self.env.step(action)
        if self._writer is not None:
            self._add(self.env.render())
        self._steps += 1
        return result

    def _begin(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / (self.name.format(step=self._steps) + ".mp4")
        self._partial = path.with_name(f".{path.name}.partial.mp4")
        frame = self.env.render()
        fps = 1.0 / self.unwrapped.step_dt
        self._writer = mediapy.VideoWriter(self._partial, shape=frame.shape[:2], fps=fps)
        # Ctrl-C in a terminal reaches the encoder too, which would leave before the last frames are written
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            self._writer.__enter__()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        self.files.append(path)
        self._frames = 0
        self.sheet_frames = []

    def _add(self, frame: np.ndarray) -> None:
        assert self._writer is not None
        self._writer.add_image(frame)
        if self._frames in {round(i * (self.length - 1) / (SHEET_FRAMES - 1)) for i in range(SHEET_FRAMES)}:
            self.sheet_frames.append((self._frames, frame.copy()))
        self._frames += 1
        if self._frames >= self.length:
            self.finish()

    def finish(self) -> None:
        """Complete a video that is unfinished; the environment stays open."""
        if self._writer is None or self._partial is None:
            return
        self._writer.__exit__(None, None, None)
        self._writer = None
        self._partial.replace(self.files[-1])


def contact_sheet(frames: list[tuple[int, np.ndarray]], step_dt: float, path: Path) -> None:
    """Write frames, each with its time in seconds, as one PNG of four columns."""
    full_height, full_width = frames[0][1].shape[:2]
    width, height = SHEET_WIDTH, round(SHEET_WIDTH * full_height / full_width)
    font = ImageFont.load_default(size=20)
    sheet = Image.new("RGB", (width * SHEET_COLUMNS, height * -(-len(frames) // SHEET_COLUMNS)), "white")
    for index, (step, frame) in enumerate(frames):
        image = Image.fromarray(frame).resize((width, height))
        label = f"{(step + 1) * step_dt:.2f} s"
        ImageDraw.Draw(image).text((8, 6), label, fill="white", font=font, stroke_width=2, stroke_fill="black")
        sheet.paste(image, (width * (index % SHEET_COLUMNS), height * (index // SHEET_COLUMNS)))
    partial = path.with_name(f".{path.name}.partial.png")
    sheet.save(partial)
    partial.replace(path)
