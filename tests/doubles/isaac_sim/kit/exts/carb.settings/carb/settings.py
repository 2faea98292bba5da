"""Stand-in of Kit's settings; there once the app runs. As the compiled one it takes a path and one type each."""

VALUES = {}


class _Settings:
    def get(self, path):
        """None where nothing is set."""
        return VALUES.get(_checked(path))

    def get_as_bool(self, path):
        return bool(self.get(path))

    def get_as_int(self, path):
        return int(self.get(path) or 0)

    def get_as_float(self, path):
        return float(self.get(path) or 0.0)

    def get_as_string(self, path):
        return str(self.get(path) or "")

    get_bool, get_int, get_float, get_string = get_as_bool, get_as_int, get_as_float, get_as_string

    def set(self, path, value):
        _put(path, value, bool, int, float, str, list, tuple)

    def set_bool(self, path, value):
        _put(path, value, bool)

    def set_int(self, path, value):
        _put(path, value, int)

    def set_float(self, path, value):
        _put(path, value, float, int)

    def set_string(self, path, value):
        _put(path, value, str)


def _checked(path):
    if not (isinstance(path, str) and path.startswith("/")):
        raise TypeError(f"a setting's path begins with '/', and this is {path!r}")
    return path


def _put(path, value, *kinds):
    if type(value) not in kinds:
        raise TypeError(f"the setting '{path}' takes {kinds[0].__name__}, not {value!r}")
    VALUES[_checked(path)] = value


_settings = _Settings()


def get_settings():
    return _settings
