"""Files of robots and scenes."""

from __future__ import annotations

from .kit import COMMAND, LAB, PYTHON_SH_FAILED, SIM, kit, kit_start, launch
from .lab import lab_start
from .log import WholeLog, coloured
from .python import MAKE_SCENE, SPAWN, hydra

ROBOT_USD = "/home/user/racer/source/racer/racer/assets/quad/quad.usd"
BUCKET = "https://omniverse-content-production.s3-us-west-2.amazonaws.com/Assets/Isaac/5.1/Isaac"
UNREADABLE = kit(
    15926,
    "Warning",
    "omni.usd",
    "Warning: in _ReportErrors at line 3060 of /builds/omniverse/usd-ci/USD/pxr/usd/usd/stage.cpp"
    f" -- In </World/envs/env_0/Robot>: Could not open asset @{ROBOT_USD}@ for reference introduced by "
    "@anon:0x5564be6dee30:World0.usd@"
    "</World/envs/env_0/Robot>. (recomposing stage on stage @anon:0x5564be6dee30:World0.usd@ <0x5564be6e3a00>)\n",
) + "".join(
    f"09:21:20 [schemas.py] WARNING: Could not perform 'modify_{kind}_properties' on any prims under: '/World/envs/"
    "env_0/Robot'. This might be because of the following reasons:\n"
    "\t(1) The desired attribute does not exist on any of the prims.\n"
    "\t(2) The desired attribute exists on an instanced prim.\n"
    "\t\tDiscovered list of instanced prim paths: []\n"
    for kind in ("rigid_body", "articulation_root")
)

NO_SENSORS = hydra(
    [*SPAWN, f"{LAB}/source/isaaclab/isaaclab/sim/schemas/schemas.py:571 activate_contact_sensors | raise ValueError("],
    "ValueError: No contact sensors added to the prim: '/World/envs/env_0/Robot'. This means that no rigid bodies "
    "are present under this prim. Please check the prim path.",
)

NO_ARROW = (
    "pxr.Tf.ErrorException: \n\tError in 'OmniUsdAsset::Open' at line 64 in file /builds/omniverse/usd-resolver/"
    "source/library/"
    f"OmniUsdAsset.cpp : 'OmniUsdResolver: Unable to open asset '{BUCKET}/Props/UIElements/arrow_x.usd'. Could not "
    "create local path.'"
)

WAITING = (
    f"09:21:50 [assets.py] WARNING: Checking server availability for USD path: {BUCKET}/IsaacLab/Robots/ANYbotics/"
    "ANYmal-C/anymal_c.usd (timeout: 300s)\n"
    + "".join(
        f"09:22:20 [assets.py] WARNING: Waiting for server response... ({30 * i}s elapsed)\n" for i in range(1, 10)
    )
    + f"09:26:20 [assets.py] WARNING: Timed out after 300s while checking for USD: {BUCKET}/IsaacLab/Robots/ANYbotics/"
    "ANYmal-C/anymal_c.usd\n"
)

ASSETS = (
    WholeLog(
        "lfs_pointer",
        COMMAND + launch() + kit_start() + lab_start(),
        UNREADABLE + NO_SENSORS + PYTHON_SH_FAILED,
        "lfs-pointer-instead-of-usd",
        form=coloured,
    ),
    WholeLog("no_bodies", COMMAND + launch() + kit_start() + lab_start(), NO_SENSORS, "no-contact-sensors-on-prim"),
    WholeLog(
        "usd_missing",
        COMMAND + launch() + kit_start() + lab_start(),
        hydra(
            [
                *SPAWN,
                f"{LAB}/source/isaaclab/isaaclab/sim/spawners/from_files/from_files.py:307 _spawn_from_usd_file | "
                f"raise FileNotFoundError(f\"USD file not found at path at: '{{usd_path}}'.\")",
            ],
            "FileNotFoundError: USD file not found at path at: '/home/user/models/quad/quad.usd'.",
        ),
        "usd-path-missing",
    ),
    WholeLog(
        "offline",
        COMMAND + launch() + kit_start() + lab_start(),
        hydra(
            [
                *MAKE_SCENE,
                f"{SIM}/exts/isaacsim.core.utils/isaacsim/core/utils/stage.py:333 add_reference_to_stage | sdf_layer "
                "= Sdf.Layer.FindOrOpen(usd_path)",
            ],
            NO_ARROW,
        )
        + PYTHON_SH_FAILED,
        "asset-server-unreachable",
    ),
    WholeLog(
        "offline_since_5_1",
        COMMAND + launch() + kit_start() + lab_start(),
        WAITING
        + hydra(
            [
                *SPAWN,
                f"{LAB}/source/isaaclab/isaaclab/sim/spawners/from_files/from_files.py:307 _spawn_from_usd_file | "
                f"raise FileNotFoundError(f\"USD file not found at path at: '{{usd_path}}'.\")",
            ],
            f"FileNotFoundError: USD file not found at path at: '{BUCKET}/IsaacLab/Robots/ANYbotics/ANYmal-C/"
            "anymal_c.usd'.",
        ),
        "asset-server-unreachable",
    ),
)
