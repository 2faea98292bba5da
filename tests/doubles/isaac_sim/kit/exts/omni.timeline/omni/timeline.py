"""Stand-in of the timeline; there once the app runs."""

import enum


class TimelineEventType(enum.IntEnum):
    PLAY = 0
    PAUSE = 1
    STOP = 2


class _Timeline:
    def get_timeline_event_stream(self):
        return self

    def create_subscription_to_pop_by_type(self, event, callback):
        return event, callback


def get_timeline_interface():
    return _Timeline()
