"""Stand-in of the timeline; there once the app runs. Stopping it calls those who subscribed, as in Kit."""

import enum


class TimelineEventType(enum.IntEnum):
    PLAY = 0
    PAUSE = 1
    STOP = 2


class _Subscription:
    def __init__(self, kind, callback, order):
        self.kind, self.callback, self.order = kind, callback, order
        _subscriptions.append(self)

    def unsubscribe(self):
        if self in _subscriptions:
            _subscriptions.remove(self)


class _Timeline:
    def __init__(self):
        self._playing = False

    def get_timeline_event_stream(self):
        return self

    def create_subscription_to_pop_by_type(self, event_type, fn, order=0):
        """event_type is an int, not the member."""
        if type(event_type) is not int or not callable(fn):
            raise TypeError(f"incompatible arguments: ({event_type!r}, {fn!r})")
        return _Subscription(TimelineEventType(event_type), fn, order)

    def is_playing(self):
        return self._playing

    def is_stopped(self):
        return not self._playing

    def play(self):
        self._change(True, TimelineEventType.PLAY)

    def stop(self):
        self._change(False, TimelineEventType.STOP)

    def _change(self, playing, kind):
        if self._playing == playing:
            return
        self._playing = playing
        for subscription in sorted(_subscriptions, key=lambda each: each.order):
            if subscription.kind == kind:
                subscription.callback(kind)


_subscriptions = []
_timeline = _Timeline()


def get_timeline_interface():
    return _timeline
