"""Double of isaacsim as Isaac Sim 5.1 offers it: SimulationApp, which takes over argv, streams and signals.

What it takes, checks and changes is that of isaacsim.simulation_app 5.1.0. ``ISAAC_SIM_DOUBLE``: "foreign", a Python
that cannot load Isaac Sim's modules; "interrupted", Ctrl-C comes while the app starts.
"""

from __future__ import annotations

import builtins
import faulthandler
import os
import signal
import sys
from pathlib import Path

EXTENSIONS = Path(__file__).parents[2] / "exts"
KEYS = """
    headless hide_ui active_gpu physics_gpu multi_gpu max_gpu_count sync_loads width height window_width window_height
    display_options subdiv_refinement_level renderer anti_aliasing samples_per_pixel_per_frame denoiser max_bounces
    max_specular_transmission_bounces max_volume_bounces open_usd fast_shutdown profiler_backend create_new_stage
    extra_args enable_crashreporter limit_cpu_threads disable_viewport_updates
"""


class SimulationApp:
    """Starts nothing; keeps what it was started with."""

    def __init__(self, launch_config: dict | None = None, experience: str = "") -> None:
        config = dict(launch_config or {})
        unknown = set(config) - set(KEYS.split())
        assert not unknown, f"unknown settings: {sorted(unknown)}"
        assert Path(experience).is_file(), f"no app '{experience}'"
        early = [name for name in sys.modules if name.split(".")[0] in ("omni", "pxr", "carb", "torch", "numpy")]
        assert not early, f"loaded before SimulationApp was started: {early}"
        assert {"CARB_APP_PATH", "ISAAC_PATH", "EXP_PATH"} <= set(os.environ)
        faulthandler.enable()
        self.config, self.experience = config, experience
        self.argv = list(sys.argv)
        self.loaded = sorted({name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names)
        builtins.ISAAC_LAUNCHED_FROM_TERMINAL = False
        sys.path.append(str(EXTENSIONS))
        signal.signal(signal.SIGINT, self._on_interrupt)
        print("said by Kit")
        if os.environ.get("ISAAC_SIM_DOUBLE") == "interrupted":
            os.kill(os.getpid(), signal.SIGINT)
        builtins.ISAACSIM_APP_LAUNCHED = True

    def _on_interrupt(self, signum: int, frame: object) -> None:
        sys.exit(0)

    def _start_app(self) -> None:
        raise AssertionError("AppLauncher wraps this only for pinocchio")

    def is_running(self) -> bool:
        return True

    def close(self, wait_for_replicator: bool = True, skip_cleanup: bool = False) -> None:
        os._exit(0)


if os.environ.get("ISAAC_SIM_DOUBLE") == "foreign":
    print("[Warning] Unable to expose 'isaacsim.simulation_app' API: No module named 'carb._carb'")
    AppFramework, SimulationApp = None, None  # type: ignore[assignment, misc]
