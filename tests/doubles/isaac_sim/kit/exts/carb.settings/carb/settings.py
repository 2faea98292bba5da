"""Stand-in of Kit's settings; there once the app runs."""


class _Settings(dict):
    set = set_bool = set_int = set_float = set_string = dict.__setitem__


_settings = _Settings()


def get_settings():
    return _settings
