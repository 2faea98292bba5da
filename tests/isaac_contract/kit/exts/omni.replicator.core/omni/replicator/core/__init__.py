"""Double of omni.replicator.core: pictures for an environment's render(), drawn by what `draw` is set to."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np

draw: Callable[[], np.ndarray] | None = None
"""Draws what the viewport's camera sees, shape (height, width, 3); contract_tasks sets it, where cameras are on."""


def set_global_seed(seed: int) -> None:
    if type(seed) is not int:
        raise TypeError(f"{seed!r} is no seed")


def _render_product(camera: str, resolution: tuple[int, int]) -> tuple[str, tuple[int, int]]:
    if not camera.startswith("/") or len(resolution) != 2:
        raise ValueError(f"no camera '{camera}' with {resolution}")
    return camera, (int(resolution[0]), int(resolution[1]))


class _Annotator:
    """Gives nothing at first, as the renderer has to warm up."""

    def __init__(self) -> None:
        self._products: list[tuple[str, tuple[int, int]]] = []
        self._warm = False

    def attach(self, products: list[tuple[str, tuple[int, int]]]) -> None:
        self._products = products

    def get_data(self) -> np.ndarray:
        if not self._warm or draw is None:
            self._warm = True
            return np.zeros(0, np.uint8)
        ((_, (width, height)),) = self._products
        picture = draw()
        assert picture.shape == (height, width, 3), f"{picture.shape} is drawn, {(height, width)} was asked for"
        return np.dstack([picture, np.full((height, width), 255, np.uint8)])


def _get_annotator(name: str, device: str = "cpu") -> _Annotator:
    if name != "rgb":
        raise ValueError(f"this double has no annotator '{name}'")
    return _Annotator()


create = SimpleNamespace(render_product=_render_product)
AnnotatorRegistry = SimpleNamespace(get_annotator=_get_annotator)
