"""Stand-in of the `isaacsim` package of a standalone Isaac Sim: it hands on SimulationApp, and words early imports.

OMNI_DOUBLE=foreign: a Python that cannot load Isaac Sim's compiled modules.
"""

import builtins
import os
import pkgutil
import sys

__path__ = pkgutil.extend_path(__path__, __name__)

TOO_EARLY = """
========================================================================
WARNING: Omniverse/Isaac Sim import statements must take place after the
`SimulationApp` class has been instantiated. It is a requirement of the
Carbonite framework's extension/runtime plugin system.
========================================================================

Ensure that the `SimulationApp` class is instantiated before importing
any other Omniverse/Isaac Sim modules, as shown below:

    ------------------------------------------------------------------
    from isaacsim import SimulationApp

    # instantiate the SimulationApp helper class
    simulation_app = SimulationApp({"headless": False})

    # execute other Omniverse/Isaac Sim imports after instantiating it
    from isaacsim...
    ------------------------------------------------------------------

========================================================================
"""


def _expose():
    try:
        if os.environ.get("OMNI_DOUBLE") == "foreign":
            raise ModuleNotFoundError("No module named 'carb._carb'")
        from isaacsim.simulation_app import AppFramework, SimulationApp
    except ImportError as error:
        print(f"[Warning] Unable to expose 'isaacsim.simulation_app' API: {error}")
        return None, None
    return AppFramework, SimulationApp


def _say_when_too_early(kind, value, traceback):
    _excepthook(kind, value, traceback)
    if issubclass(kind, ImportError) and not hasattr(builtins, "ISAACSIM_APP_LAUNCHED"):
        print(TOO_EARLY)


AppFramework, SimulationApp = _expose()
_excepthook, sys.excepthook = sys.excepthook, _say_when_too_early
