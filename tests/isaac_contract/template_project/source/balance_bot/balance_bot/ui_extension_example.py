"""What the template brings for Kit's window. A training imports it and never starts it."""

import omni.ext


def power(x: int) -> int:
    """Something that other extensions may call."""
    return x**x


class BalanceBotExtension(omni.ext.IExt):
    """Kit makes one and calls these when the extension is switched on and off."""

    def on_startup(self, ext_id: str) -> None:
        self._pressed = 0
        self._window = omni.ui.Window("Balance bot", width=300, height=300)
        with self._window.frame, omni.ui.VStack():
            label = omni.ui.Label("")

            def on_click() -> None:
                self._pressed += 1
                label.text = f"pressed {self._pressed} times"

            omni.ui.Button("Press", clicked_fn=on_click)

    def on_shutdown(self) -> None:
        self._window = None
