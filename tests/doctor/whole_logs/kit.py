"""What Isaac Sim prints, from its launcher to its end."""

from __future__ import annotations

from collections.abc import Sequence

LAB = "/home/user/IsaacLab"
SIM = LAB + "/_isaac_sim"
SITE = SIM + "/kit/python/lib/python3.11/site-packages"
TASK = "Isaac-Velocity-Rough-Anymal-C-v0"
PROMPT = "user@station:~/IsaacLab$ "
COMMAND = PROMPT + f"./isaaclab.sh -p scripts/reinforcement_learning/rsl_rl/train.py --task={TASK} --headless\n"
WINDOW_COMMAND = COMMAND.replace(" --headless", "")
WINDOW_KIT = LAB + "/apps/isaaclab.python.kit"
PYTHON_SH_FAILED = "There was an error running python\n"
CONDA_ACTIVE = (
    "Warning: running in conda env, please deactivate before executing this script\n"
    "If conda is desired please source setup_conda_env.sh in your python 3.11 conda env and run python normally\n"
)


def kit(milliseconds: int, level: str, channel: str, text: str) -> str:
    """A line of Kit's own log, as it reaches the terminal."""
    seconds = milliseconds // 1000
    clock = f"2026-03-14T{9 + seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}Z"
    return f"{clock} [{milliseconds:,}ms] [{level}] [{channel}] {text}\n"


def extensions(first: int = 0, last: int = 24) -> str:
    """Kit's list of what it starts."""
    names = (
        "omni.blobkey-1.1.2",
        "omni.stats-1.0.1",
        "omni.client-1.3.0",
        "omni.datastore-0.0.0",
        "omni.ujitso.default-1.0.0",
        "omni.hsscclient-1.1.2",
        "omni.gpu_foundation.shadercache.vulkan-1.0.0",
        "omni.assets.plugins-0.0.0",
        "carb.windowing.plugins-1.0.1",
        "omni.kit.renderer.init-1.0.0",
        "omni.materialx.libs-1.0.7",
        "omni.isaac.ml_archive-3.0.2",
        "omni.kit.loop-isaac-1.3.7",
        "omni.kit.test-2.0.1",
        "omni.usd.config-1.0.6",
        "omni.gpucompute.plugins-0.0.0",
        "omni.usd.libs-1.0.1",
        "omni.mdl-56.0.3",
        "omni.iray.libs-0.0.0",
        "omni.mdl.neuraylib-0.2.12",
        "omni.kit.usd.mdl-1.1.4",
        "omni.physx-107.3.26",
        "isaacsim.core.simulation_manager-1.4.3",
        "isaaclab-0.54.2",
    )
    return "".join(
        f"[{0.4 + 0.137 * index:.3f}s] [ext: {name}] startup\n" for index, name in enumerate(names[first:last])
    )


def graphics(gpus: Sequence[str] = ("NVIDIA GeForce RTX 4090",), driver: str = "580.65.06") -> str:
    """The table of GPUs that the renderer prints."""
    rule = "|" + "-" * 93 + "|\n"
    text = "\n" + rule + f"| Driver Version: {driver:<13} | Graphics API: Vulkan\n" + "|" + "=" * 93 + "|\n"
    text += "| GPU | Name                             | Active | LDA | GPU Memory | Vendor-ID | LUID       |\n"
    text += "|     |                                  |        |     |            | Device-ID | UUID       |\n"
    text += "|     |                                  |        |     |            | Bus-ID    |            |\n" + rule
    for index, name in enumerate(gpus):
        text += f"| {index:<3} | {name:<32} | Yes: {index} |     | 24564   MB | 10de      | 0          |\n"
        text += "|     |                                  |        |     |            | 2684      | 5f0c9b1e.. |\n"
        text += (
            f"|     |                                  |        |     |            | {index + 1:<9} |            |\n"
        )
    text += "|" + "=" * 93 + "|\n"
    text += "| OS: 22.04.5 LTS (Jammy Jellyfish) ubuntu, Version: 22.04.5, Kernel: 6.8.0-57-generic\n"
    text += "| Processor: AMD Ryzen 9 7950X 16-Core Processor\n| Cores: 16 | Logical Cores: 32\n" + rule
    text += (
        "| Total Memory (MB): 63440 | Free Memory: 55929\n| Total Page/Swap (MB): 2047 | Free Page/Swap: 2047\n" + rule
    )
    return text


def no_window(times: int = 3) -> str:
    """What a machine without a display prints in each start, with --headless too."""
    return "".join(
        kit(3154 + 9 * i, "Warning", "carb.windowing-glfw.plugin", "GLFW initialization failed.")
        + kit(
            3154 + 9 * i,
            "Warning",
            "carb",
            "Failed to startup plugin carb.windowing-glfw.plugin (interfaces: "
            "[carb::windowing::IGLContext v1.0],[carb::windowing::IWindowing v1.5]) (impl: carb.windowing-glfw.plugin)",
        )
        for i in range(times)
    )


def launch(python: str = SIM + "/python.sh", kit_file: str = LAB + "/apps/isaaclab.python.headless.kit") -> str:
    """From isaaclab.sh to Kit."""
    return (
        f"[INFO] Using python from: {python}\n"
        "[INFO][AppLauncher]: Using device: cuda:0\n"
        f"[INFO][AppLauncher]: Loading experience file: {kit_file}\n"
        f"Loading user config located at: '{SIM}/kit/data/Kit/Isaac-Sim/5.1/user.config.json'\n"
        f"[Info] [carb] Logging to file: {SIM}/kit/logs/Kit/Isaac-Sim/5.1/kit_20260314_092104.log\n"
    )


def kit_start(**gpu: object) -> str:
    """A start of Kit without a window, up to "app ready"."""
    return (
        extensions()
        + kit(480, "Warning", "omni.usd_config.extension", "Enable omni.materialx.libs extension to use MaterialX")
        + kit(
            884,
            "Warning",
            "omni.platforminfo.plugin",
            "failed to open the default display.  Can't verify X Server version.",
        )
        + kit(
            1724,
            "Warning",
            "omni.isaac.dynamic_control",
            "omni.isaac.dynamic_control is deprecated as of Isaac Sim 4.5. No action is needed from end-users.",
        )
        + graphics(**gpu)  # type: ignore[arg-type]
        + kit(
            5442,
            "Warning",
            "gpu.foundation.plugin",
            "IOMMU is enabled. This can hurt the performance of CUDA peer-to-peer copies.",
        )
        + "[5.911s] Simulation App Starting\n[6.204s] app ready\n[8.730s] Simulation App Startup Complete\n"
    )


def physx_error(
    milliseconds: int, text: str, file: str = "gpunarrowphase/src/PxgNarrowphaseCore.cpp", line: int = 1272
) -> str:
    """An error of PhysX; its file comes in a line of its own."""
    where = f"\n, FILE /builds/omniverse/physics/physx/source/{file}, LINE {line}"
    return kit(milliseconds, "Error", "omni.physx.plugin", "PhysX error: " + text + where)


def shut_down(seconds: float = 2114.377) -> str:
    """The last line that Kit prints."""
    return f"[{seconds:.3f}s] Simulation App Shutting Down\n"


CRASH = (
    kit(
        12711,
        "Warning",
        "carb.crashreporter-breakpad.plugin",
        "[crash] A crash has occurred.  If a debugger should be "
        "attached, please set the '/crashreporter/debuggerAttachTimeoutMs' setting to a timeout in milliseconds.",
    )
    + "".join(
        kit(12714 + i, "Warning", "carb.crashreporter-breakpad.plugin", f"[crash]  {fact}")
        for i, fact in enumerate(
            (
                "appState = 'started'",
                "terminatedByAbort = '0'",
                "totalRamLimitedMB = '63440'",
                "uptime = '12'",
                "workingDirectory = '/home/user/IsaacLab'",
            )
        )
    )
    + kit(12730, "Fatal", "carb.crashreporter-breakpad.plugin", "[crash] Thread 58 backtrace follows:")
)


def backtrace(*frames: str) -> str:
    """Kit's own crash report, frame by frame."""
    return (
        CRASH
        + "".join(
            kit(12740 + 4 * i, "Fatal", "carb.crashreporter-breakpad.plugin", f"{i:03d}: {frame}")
            for i, frame in enumerate(frames)
        )
        + "/home/user/isaacsim/python.sh: line 62: 48113 Segmentation fault      (core dumped) $python_exe "
        '"${filtered_args[@]}" $args\n' + PYTHON_SH_FAILED
    )
