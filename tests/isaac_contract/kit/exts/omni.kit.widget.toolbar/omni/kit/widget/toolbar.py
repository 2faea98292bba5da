"""Double of omni.kit.widget.toolbar, which only an app with a window has: play and stop can be hidden."""

from __future__ import annotations

from types import SimpleNamespace


class _Button:
    visible = enabled = True

    def __setattr__(self, name: str, value: bool) -> None:
        if name not in ("visible", "enabled") or type(value) is not bool:
            raise TypeError(f"a button's '{name}' cannot be {value!r}")
        super().__setattr__(name, value)


_group = SimpleNamespace(_play_button=_Button(), _stop_button=_Button())
_toolbar = SimpleNamespace(_builtin_tools=SimpleNamespace(_play_button_group=_group))


def get_instance() -> SimpleNamespace:
    """The one of the window."""
    return _toolbar
