"""Double of carb.settings: takes settings of the right type."""

from __future__ import annotations

VALUES: dict[str, object] = {}


class Settings:
    def set_bool(self, path: str, value: bool) -> None:
        assert path.startswith("/") and isinstance(value, bool)
        VALUES[path] = value

    def set_string(self, path: str, value: str) -> None:
        assert path.startswith("/") and isinstance(value, str)
        VALUES[path] = value


def get_settings() -> Settings:
    return Settings()
