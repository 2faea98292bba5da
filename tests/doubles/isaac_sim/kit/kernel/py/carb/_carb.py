"""Stand-in of the compiled part."""

import sys

if sys.version_info[:2] != (3, 11):
    raise ModuleNotFoundError("No module named 'carb._carb'")
