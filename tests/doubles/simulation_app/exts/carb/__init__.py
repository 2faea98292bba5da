"""Double of carb, which can be imported only when SimulationApp has been started."""

from . import settings as settings
