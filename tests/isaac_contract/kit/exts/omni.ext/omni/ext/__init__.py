"""Double of omni.ext: what an extension derives from. Kit makes one when the extension is switched on."""

from __future__ import annotations


class IExt:
    """Derived from by projects that are made from Isaac Lab's template; training switches none of them on."""

    def on_startup(self, ext_id: str) -> None:
        """Called with the extension's name and version."""

    def on_shutdown(self) -> None:
        """Called when it is switched off, and before the app ends."""
