"""Double of omni.timeline: takes the subscriptions that AppLauncher makes."""

from __future__ import annotations

import enum
from collections.abc import Callable


class TimelineEventType(enum.IntEnum):
    PLAY = 0
    STOP = 2


class Timeline:
    def get_timeline_event_stream(self) -> Timeline:
        return self

    def create_subscription_to_pop_by_type(self, kind: int, callback: Callable) -> object:
        assert kind in TimelineEventType.__members__.values() and callable(callback)
        return object()


def get_timeline_interface() -> Timeline:
    return Timeline()
