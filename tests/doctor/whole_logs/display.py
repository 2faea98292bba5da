"""Windows, displays and cameras."""

from __future__ import annotations

from .kit import (
    COMMAND,
    PYTHON_SH_FAILED,
    WINDOW_COMMAND,
    WINDOW_KIT,
    extensions,
    graphics,
    kit,
    kit_start,
    launch,
    no_window,
)
from .lab import built, lab_start, scene
from .log import WholeLog
from .machine import CAMERAS_OFF
from .rsl_rl import iteration_3, network

NO_WINDOWING = kit(3201, "Error", "omni.appwindow.plugin", "Failed to acquire IWindowing interface")
LIVE = COMMAND.replace("--headless", "--headless --livestream 2")

DISPLAY = (
    WholeLog(
        "window_although_headless",
        built(command=COMMAND),
        (
            "Creating window for environment.\n"
            + network()
            + iteration_3(0)
            + kit(19422, "Error", "omni.kit.viewport.window", "Failed to create swapchain for window 'Isaac Sim'")
            + PYTHON_SH_FAILED
        ),
        "headless-flag-ignored",
    ),
    WholeLog(
        "no_display",
        WINDOW_COMMAND + launch(kit_file=WINDOW_KIT) + extensions() + extensions(0, 16),
        (
            no_window(2)
            + NO_WINDOWING
            + kit(3203, "Error", "omni.appwindow.plugin", "IAppWindow::startup failed")
            + no_window(2)
            + "Segmentation fault (core dumped)\n"
            + PYTHON_SH_FAILED
        ),
        "no-display-for-window",
    ),
    WholeLog(
        "headless_without_display_then_cameras_off",
        COMMAND + launch() + extensions() + no_window(6) + kit_start() + lab_start() + scene(),
        CAMERAS_OFF + PYTHON_SH_FAILED,
        "cameras-not-enabled",
    ),
    WholeLog(
        "only_the_end_of_a_headless_log",
        extensions() + graphics(),
        no_window(4) + lab_start() + scene() + CAMERAS_OFF + PYTHON_SH_FAILED,
        "cameras-not-enabled",
    ),
    WholeLog(
        "live_stream_has_a_window",
        built(command=LIVE).replace("[INFO]: Completed", "Creating window for environment.\n[INFO]: Completed"),
        network() + "".join(iteration_3(i) for i in range(2)),
        failed=False,
    ),
    WholeLog(
        "live_stream_without_a_picture",
        built(command=LIVE),
        kit(
            15357,
            "Warning",
            "omni.services.transport.server.http.server",
            "http server was meant to start on 8011 but port is taken, starting on 8012 instead",
        )
        + network()
        + iteration_3(0),
        first_sign="livestream-port-taken",
        failed=False,
    ),
)
