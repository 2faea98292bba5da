"""Double of omni.kit.app: the application that SimulationApp has started."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from isaacsim.simulation_app import APP


class _Events:
    def create_subscription_to_pop(self, fn: Callable[[Any], None], order: int = 0, name: str = "") -> object:
        if not callable(fn):
            raise TypeError(f"{fn!r} is no function")
        return object()


APP.get_post_update_event_stream = _Events


def get_app() -> Any:
    """The one of this process."""
    return APP


get_app_interface = get_app
