"""Driver, GPU, Vulkan and system."""

from __future__ import annotations

from .kit import (
    COMMAND,
    LAB,
    PROMPT,
    PYTHON_SH_FAILED,
    SIM,
    SITE,
    WINDOW_COMMAND,
    WINDOW_KIT,
    backtrace,
    extensions,
    graphics,
    kit,
    kit_start,
    launch,
)
from .lab import built, lab_start, managers, scene
from .log import WholeLog, coloured, from_windows, with_junk
from .python import MAKE_ENV, MAKE_RUNNER, RUNNER, TRAIN, hydra, traceback
from .rsl_rl import iteration_3, network

NO_VULKAN = (
    kit(821, "Error", "carb.graphics-vulkan.plugin", "VkResult: ERROR_INCOMPATIBLE_DRIVER")
    + kit(
        822,
        "Error",
        "carb.graphics-vulkan.plugin",
        "vkCreateInstance failed. Vulkan 1.1 is not supported, or your driver requires an update.",
    )
    + kit(822, "Error", "gpu.foundation.plugin", "carb::graphics::createInstance failed.")
)

NO_RENDERER = (
    kit(
        1907,
        "Error",
        "omni.gpu_foundation_factory.plugin",
        "Failed to create GPU foundation devices for compatibilityMode!",
    )
    + kit(
        1908,
        "Error",
        "omni.gpu_foundation_factory.plugin",
        "Failed to create any GPU devices, including an attempt with compatibility mode.",
    )
    + kit(1911, "Error", "omni.kit.renderer.plugin", "GPU Foundation is not initialized!")
)

CAMERAS_OFF = hydra(
    [
        f"{TRAIN}:168 main | env = gym.make(args_cli.task, cfg=env_cfg)",
        f"{LAB}/source/isaaclab/isaaclab/envs/manager_based_env.py:173 __init__ | self.sim.reset()",
        f"{LAB}/source/isaaclab/isaaclab/sensors/camera/tiled_camera.py:144 _initialize_impl | raise RuntimeError(",
    ],
    "RuntimeError: A camera was spawned without the --enable_cameras flag. Please use --enable_cameras to enable "
    "rendering.",
)

MACHINE = (
    WholeLog(
        "no_vulkan_but_it_was_the_configuration",
        COMMAND + launch() + extensions(),
        NO_VULKAN
        + NO_RENDERER
        + kit_start()
        + lab_start()
        + scene()
        + managers()
        + hydra(
            [
                *MAKE_RUNNER,
                f'{RUNNER}:45 __init__ | self.cfg["obs_groups"] = resolve_obs_groups(obs, self.cfg["obs_groups"])',
            ],
            "KeyError: 'obs_groups'",
        ),
        "rsl-3-obs-groups",
    ),
    WholeLog(
        "driver_half_upgraded",
        COMMAND + launch() + extensions() + lab_start(),
        traceback(
            [f"{SITE}/torch/cuda/__init__.py:372 _lazy_init | torch._C._cuda_init()"],
            "RuntimeError: Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before "
            "calling NumCudaDevices()"
            " that might have already set an error? Error 803: system has unsupported display driver / cuda driver "
            "combination",
        )
        + PROMPT
        + "nvidia-smi\nFailed to initialize NVML: Driver/library version mismatch\nNVML library version: 580.95\n",
        "nvml-mismatch",
    ),
    WholeLog(
        "first_start_is_slow",
        WINDOW_COMMAND + launch(kit_file=WINDOW_KIT) + kit_start(),
        "".join(
            kit(
                9000 + 10000 * i,
                "Warning",
                "rtx.scenedb.plugin",
                f"waiting for RtPso async group async compilation: {10 * i} seconds so far",
            )
            for i in range(1, 9)
        )
        + lab_start()
        + scene(),
        first_sign="slow-start-rtpso",
        failed=False,
    ),
    WholeLog(
        "no_libglu",
        COMMAND + launch() + extensions(),
        kit(
            1411,
            "Error",
            "carb",
            "[Plugin: libneuray.plugin.so] Could not load the dynamic library from "
            f"{SIM}/extscache/omni.iray.libs/bin/libneuray.plugin.so. Error: libGLU.so.1: cannot open shared "
            "object file: No such file or directory",
        )
        + extensions(0, 8)
        + backtrace("libc.so.6!__sigaction+0x50", "librtx.iray.plugin.so!+0x1fa30"),
        "missing-libglu",
    ),
    WholeLog(
        "no_vulkan_for_a_window",
        WINDOW_COMMAND + launch(kit_file=WINDOW_KIT) + extensions(0, 24) + extensions(0, 12),
        (
            NO_VULKAN
            + NO_VULKAN
            + NO_RENDERER
            + backtrace(
                "libc.so.6!__sigaction+0x50",
                "libomni.kit.renderer.plugin.so!carbOnPluginStartup+0x1c1",
                "libomni.ui.so!+0x77f1",
            )
        ),
        "vulkan-incompatible-driver",
        form=coloured,
    ),
    WholeLog(
        "no_vulkan_but_it_learned",
        COMMAND + launch() + extensions(),
        (
            NO_VULKAN
            + NO_VULKAN
            + kit_start()
            + lab_start()
            + scene()
            + managers()
            + network()
            + "".join(iteration_3(i) for i in range(3))
        ),
        failed=False,
    ),
    WholeLog(
        "old_driver",
        COMMAND + launch() + extensions() + graphics(driver="535.18.01"),
        (
            kit(
                8385,
                "Error",
                "gpu.foundation.plugin",
                "The currently installed NVIDIA graphics driver is unsupported or has known issues.",
            )
            + kit(8385, "Error", "gpu.foundation.plugin", "Installed driver: 535.18")
            + kit(8386, "Error", "gpu.foundation.plugin", "The unsupported driver range: [0.0, 535.129)")
            + kit(8387, "Error", "rtx.context.plugin", "rtx driver verification failed")
            + backtrace("libc.so.6!__sigaction+0x50", "librtx.context.plugin.so!+0x8d110")
        ),
        "driver-below-minimum",
    ),
    WholeLog(
        "driver_595",
        WINDOW_COMMAND + launch(kit_file=WINDOW_KIT) + kit_start(driver="595.71.05"),
        backtrace(
            "libc.so.6!__sigaction+0x50",
            "librtx.scenedb.plugin.so!void std::vector<std::tuple<char const*, float, float, unsigned int> "
            ">::_M_realloc_insert+0x123ef",
            "librtx.scenedb.plugin.so!carbOnPluginStartup+0x3b4de",
            "libcarb.scenerenderer-rtx.plugin.so!carbOnPluginShutdown+0xe4b",
            "libomni.hydra.rtx.plugin.so!+0x4459",
        ),
        "driver-too-new-595",
    ),
    WholeLog(
        "data_centre_gpu",
        built(command=COMMAND + "", gpus=["NVIDIA H100 80GB HBM3"]),
        (
            kit(21411, "Error", "rtx.postprocessing.plugin", "createDLSSContext error: unable to initialize context.")
            + kit(21412, "Error", "rtx.postprocessing.plugin", "DLSS is not available on this device.")
            + backtrace("libc.so.6!__sigaction+0x50", "librtx.postprocessing.plugin.so!+0x1fa30")
        ),
        "gpu-without-rt-cores",
        form=with_junk,
    ),
    WholeLog(
        "blackwell_and_old_torch",
        COMMAND + launch() + kit_start(gpus=["NVIDIA GeForce RTX 5090"]),
        (
            SITE + "/torch/cuda/__init__.py:235: UserWarning: \n"
            "NVIDIA GeForce RTX 5090 with CUDA capability sm_120 is not compatible with the current PyTorch "
            "installation.\n"
            "The current PyTorch install supports CUDA capabilities sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90.\n"
            "  warnings.warn(\n"
            + lab_start()
            + hydra(
                MAKE_ENV,
                "RuntimeError: CUDA error: no kernel image is available for execution on the device\n"
                "CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below "
                "might be incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1",
            )
            + PYTHON_SH_FAILED
        ),
        "torch-no-sm120",
    ),
    WholeLog(
        "watches_used_up_then_no_cameras",
        COMMAND + launch() + extensions(),
        (
            "".join(
                kit(
                    i,
                    "Error",
                    "carb",
                    f"Failed to create change watch for `{LAB}/source/{name}`: errno=28/No space left on device",
                )
                for i, name in enumerate(("isaaclab", "isaaclab_tasks", "isaaclab_rl"))
            )
            + kit_start()
            + lab_start()
            + scene()
            + CAMERAS_OFF
            + PYTHON_SH_FAILED
        ),
        "cameras-not-enabled",
        first_sign="inotify-watches",
    ),
    WholeLog(
        "ascii_locale",
        COMMAND + launch() + kit_start() + lab_start(),
        hydra(
            [
                *MAKE_ENV,
                f"{LAB}/source/isaaclab/isaaclab/utils/io/yaml.py:32 load_yaml | data = yaml.full_load(f)",
                f"{SIM}/kit/python/lib/python3.11/encodings/ascii.py:26 decode | return codecs.ascii_decode(input, "
                "self.errors)[0]",
            ],
            "UnicodeDecodeError: 'ascii' codec can't decode byte 0xe2 in position 1094: ordinal not in range(128)",
        ),
        "non-utf8-locale",
        form=from_windows,
    ),
    WholeLog(
        "wsl2",
        "Linux station 6.6.87.2-microsoft-standard-WSL2 x86_64\n"
        + WINDOW_COMMAND
        + launch(kit_file=WINDOW_KIT)
        + extensions()
        + extensions(),
        (NO_VULKAN + NO_RENDERER + "Segmentation fault (core dumped)\n" + PYTHON_SH_FAILED),
        "wsl2-unsupported",
    ),
)
