"""How runs end: well, without a word, or in an error of the user's own."""

from __future__ import annotations

from .gpu import OUT_OF_MEMORY
from .kit import COMMAND, PYTHON_SH_FAILED, SITE, extensions, kit, kit_start, launch, no_window, shut_down
from .lab import lab_start, managers, scene
from .log import WholeLog, coloured
from .machine import CAMERAS_OFF, NO_RENDERER, NO_VULKAN
from .python import STEP, hydra, traceback
from .rsl_rl import iteration_3, learning, network

HARMLESS = (
    "[Warning] [simulation_app.simulation_app] Modules: ['omni.kit_app'] were loaded before SimulationApp was "
    "started and might not be loaded correctly.\n"
    "[WARN][AppLauncher]: There are no arguments attached to the ArgumentParser object. If you have your own "
    "arguments, please load your own arguments before calling the `AppLauncher.add_app_launcher_args` method.\n"
    + kit(
        512,
        "Warning",
        "carb",
        "Acquiring non optional plugin interface which is not listed as dependency: "
        "[omni::physx::IPhysxBenchmarks v1.0] (plugin: <default plugin>), by client: omni.physics.physx.plugin.",
    )
    + kit(600, "Warning", "omni.kvdb.plugin", "Disabling key-value database because another kit process is locking it")
    + kit(
        910,
        "Warning",
        "carb.crashreporter-breakpad.plugin",
        "No crash reporter present, dumps uploading isn't available.",
    )
    + kit(3100, "Warning", "gpu.foundation.plugin", "Skipping unsupported non-NVIDIA GPU: AMD Raphael (RADV) 0")
    + kit(3101, "Warning", "gpu.foundation.plugin", "ECC is enabled on physical device 0")
    + no_window(4)
    + kit(
        9120,
        "Error",
        "omni.fabric.plugin",
        "FabricManager::initializePointInstancer mismatched prototypes on point instancer: "
        "/Visuals/Command/velocity_goal",
    )
    + "09:21:22 [simulation_context.py] WARNING: The `enable_external_forces_every_iteration` parameter in the "
    "PhysxCfg is set to False. If you are experiencing noisy velocities, consider enabling this flag.\n"
)

CONVEX_HULLS = "".join(
    kit(
        17000,
        "Error",
        "omni.physx.plugin",
        "PhysicsUSD: Parse collision - triangle mesh collision (approximation "
        "None/MeshSimplification) cannot be a part of a dynamic body, falling back to convexHull approximation: "
        f"/World/envs/env_0/Robot/{link}/collisions/mesh_0. For dynamic collision please use approximations: "
        "convex hull, convex decomposition, box, sphere or SDF approximation.",
    )
    for link in ("base", "LF_FOOT", "RF_FOOT")
)
LEAKED = kit(2114500, "Warning", "carb.audio.context", "1 contexts were leaked")
OWN_ERROR = traceback(
    ["/home/user/racer/source/racer/racer/tasks/rewards.py:41 gate_passed | return gates[index] * passed"],
    "IndexError: list index out of range",
)

ENDS = (
    WholeLog(
        "went_well",
        COMMAND + HARMLESS + learning(1),
        CONVEX_HULLS + "".join(iteration_3(1498 + i) for i in range(2)) + shut_down() + LEAKED,
        failed=False,
        form=coloured,
    ),
    WholeLog(
        "no_vulkan_then_cameras_off",
        COMMAND + launch() + extensions(),
        (
            NO_VULKAN
            + NO_RENDERER
            + kit_start()
            + lab_start()
            + scene()
            + managers()
            + network()
            + iteration_3(0)
            + iteration_3(1)
            + CAMERAS_OFF
            + PYTHON_SH_FAILED
        ),
        "cameras-not-enabled",
    ),
    WholeLog("hangs_at_the_end", learning(2, command=COMMAND), iteration_3(1499) + shut_down(), "hang-on-close"),
    WholeLog("swallowed", learning(2, command=COMMAND), OWN_ERROR + shut_down(61.2) + LEAKED, swallowed=True),
    WholeLog(
        "unknown_below_hydra",
        learning(2, command=COMMAND),
        hydra(
            [*STEP, "/home/user/racer/source/racer/racer/tasks/rewards.py:41 gate_passed | return gates[index]"],
            "IndexError: list index out of range",
        )
        + PYTHON_SH_FAILED,
    ),
    WholeLog(
        "ctrl_c",
        learning(2, command=COMMAND),
        "^C" + traceback([*STEP], "KeyboardInterrupt") + shut_down(),
        failed=False,
    ),
    WholeLog(
        "out_of_memory_in_our_own_log",
        "train: Berkeley-Humanoid-Lite-v0, 16384 environments (NUM_ENVS), 6000 iterations of 24 steps (2,359,296,000 "
        "in all), seed 42, device cuda:0\nrun: logs/rsl_rl/humanoid/2026-03-14_09-21-07\n"
        "train: building the simulation; a machine's first run compiles kernels, which takes half a minute or more\n"
        + kit_start()
        + lab_start()
        + scene(16384)
        + managers()
        + "train: waiting for the first iteration\n",
        traceback(
            [
                "/home/user/isaac-workstation/runners/train.py:47 train | learn(recorder, console, interrupts, "
                "closing)",
                f"{SITE}/rsl_rl/algorithms/ppo.py:94 act | self.transition.actions = "
                "self.actor_critic.act(obs).detach()",
            ],
            OUT_OF_MEMORY,
        )
        + "train: failed: NUM_ENVS '16384' does not fit into the memory of cuda:0; try half: NUM_ENVS=8192\n"
        + shut_down(41.2),
        "cuda-out-of-memory",
        swallowed=True,
    ),
    WholeLog("unknown", learning(2, command=COMMAND), OWN_ERROR + PYTHON_SH_FAILED),
)
