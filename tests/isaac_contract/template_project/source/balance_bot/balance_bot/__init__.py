"""A project as Isaac Lab's template makes it: importing it registers the tasks and the extension of the window."""

from .tasks import *  # noqa: F403
from .ui_extension_example import *  # noqa: F403
