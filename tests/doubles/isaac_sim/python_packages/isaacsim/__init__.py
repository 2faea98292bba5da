"""Stand-in of the `isaacsim` package of a standalone Isaac Sim: it only hands on SimulationApp."""

import builtins
import pkgutil
import sys

__path__ = pkgutil.extend_path(__path__, __name__)


def _expose():
    try:
        from isaacsim.simulation_app import SimulationApp
    except ImportError as error:
        print(f"[Warning] Unable to expose 'isaacsim.simulation_app' API: {error}")
        return None
    return SimulationApp


def _say_when_too_early(kind, value, traceback):
    _excepthook(kind, value, traceback)
    if issubclass(kind, ImportError) and not hasattr(builtins, "ISAACSIM_APP_LAUNCHED"):
        print("=" * 72)
        print("WARNING: Omniverse/Isaac Sim import statements must take place after the")
        print("`SimulationApp` class has been instantiated.")
        print("=" * 72)


SimulationApp = _expose()
_excepthook, sys.excepthook = sys.excepthook, _say_when_too_early
