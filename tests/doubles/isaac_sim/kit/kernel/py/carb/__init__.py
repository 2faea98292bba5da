"""Stand-in of carb, whose compiled part only loads in Python 3.11."""

from carb import _carb  # noqa: F401
