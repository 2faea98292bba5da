"""Double of omni.kit.widget.toolbar: a window's bar without buttons."""

from types import SimpleNamespace


def get_instance() -> SimpleNamespace:
    return SimpleNamespace(_builtin_tools=SimpleNamespace(_play_button_group=None))
