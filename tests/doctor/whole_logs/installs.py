"""Installs and downloads."""

from __future__ import annotations

import textwrap

from .installers import apt, collected, installing_lab, wget
from .kit import COMMAND, LAB, PROMPT, PYTHON_SH_FAILED, SIM, SITE
from .log import WholeLog
from .python import TRAIN, traceback


def hooks() -> str:
    """The frames of pip's child process that builds a package."""
    hook = SITE + "/pip/_vendor/pyproject_hooks/_in_process/_in_process.py"
    overlay = "/tmp/pip-build-env-9hf2m0_t/overlay/lib/python3.11/site-packages/setuptools/build_meta.py"
    frames = (
        f"{hook}:389 <module> | main()",
        f'{hook}:373 main | json_out["return_val"] = hook(**hook_input["kwargs"])',
        f"{hook}:143 get_requires_for_build_wheel | return hook(config_settings)",
        f"{overlay}:333 get_requires_for_build_wheel | return self._get_build_requires(config_settings, "
        "requirements=[])",
        f"{overlay}:301 _get_build_requires | self.run_setup()",
        f"{overlay}:520 run_setup | super().run_setup(setup_script=setup_script)",
        f"{overlay}:317 run_setup | exec(code, locals())",
        "<string>:1 <module>",
    )
    text = traceback(frames, "ModuleNotFoundError: No module named 'pkg_resources'") + "[end of output]\n"
    return textwrap.indent(text, "      ")


FLATDICT = (
    "Collecting flatdict==4.0.1 (from isaaclab==0.54.2)\n"
    "  Using cached flatdict-4.0.1.tar.gz (8.3 kB)\n"
    "  Installing build dependencies ... done\n"
    "  Getting requirements to build wheel ... error\n"
    "  error: subprocess-exited-with-error\n"
    "  \n"
    "  × Getting requirements to build wheel did not run successfully.\n"
    "  │ exit code: 1\n"
    "  ╰─> [20 lines of output]\n" + hooks() + "  \n"
    "  note: This error originates from a subprocess, and is likely not a problem with pip.\n"
    "error: subprocess-exited-with-error\n\n"
    "× Getting requirements to build wheel did not run successfully.\n"
    "│ exit code: 1\n"
    "╰─> See above for output.\n\n"
    "note: This error originates from a subprocess, and is likely not a problem with pip.\n"
    "ERROR: Failed to build 'flatdict' when getting requirements to build wheel\n" + PYTHON_SH_FAILED
)

REST_OF_INSTALL = (
    f"\t module: {LAB}/source/isaaclab_rl\nObtaining file://{LAB}/source/isaaclab_rl\n"
    + "  Installing build dependencies ... done\n"
    + collected(("rsl-rl-lib==3.1.2", "tensordict>=0.7.0", "moviepy", "tensorboard"), "isaaclab_rl==0.4.7")
    + "Installing collected packages: tensordict, rsl-rl-lib, isaaclab_rl\n"
    "ERROR: pip's dependency resolver does not currently take into account all the packages that are installed. This "
    "behaviour is the source of the following dependency conflicts.\n"
    "isaacsim-kernel 5.1.0.0 requires numpy==1.26.0, but you have numpy 1.26.4 which is incompatible.\n"
    "fastapi 0.115.7 requires starlette<0.46.0,>=0.40.0, but you have starlette 0.49.1 which is incompatible.\n"
    "Successfully installed isaaclab_rl-0.4.7 rsl-rl-lib-3.1.2 tensordict-0.9.1\n"
    "[INFO] Setting up vscode settings...\n"
)

NO_ISAACLAB = traceback(
    [f"{TRAIN}:16 <module> | from isaaclab.app import AppLauncher"], "ModuleNotFoundError: No module named 'isaaclab'"
)

INSTALLS = (
    WholeLog(
        "cut_archive",
        wget(range(0, 88, 2)),
        (
            "\nunzip isaac-sim-standalone-5.1.0-linux-x86_64.zip -d isaacsim\n"
            "Archive:  isaac-sim-standalone-5.1.0-linux-x86_64.zip\n"
            "  End-of-central-directory signature not found.  Either this file is not\n"
            "  a zipfile, or it constitutes one disk of a multi-part archive.  In the\n"
            "  latter case the central directory and zipfile comment will be found on\n"
            "  the last disk(s) of this archive.\n"
            "unzip:  cannot find zipfile directory in one of isaac-sim-standalone-5.1.0-linux-x86_64.zip or\n"
            "        isaac-sim-standalone-5.1.0-linux-x86_64.zip.zip, and cannot find it, period.\n"
        ),
        "sim-zip-truncated",
    ),
    WholeLog(
        "full_disk",
        installing_lab()
        + "".join(
            f"\r     ━━━━━━━━━━━━━━━━━━━━ {9.1 * i:.1f}/908.2 MB 41.2 MB/s eta 0:00:{21 - i // 5:02d}"
            for i in range(60)
        )
        + "\n",
        (
            "Installing collected packages: nvidia-cublas-cu12, torch\n"
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n\n"
            + PYTHON_SH_FAILED
        ),
        "disk-full-install",
    ),
    WholeLog("flatdict", installing_lab(), FLATDICT + REST_OF_INSTALL, "flatdict-pkg-resources"),
    WholeLog(
        "flatdict_and_a_run_later",
        installing_lab(),
        (
            FLATDICT
            + REST_OF_INSTALL
            + COMMAND
            + f"[INFO] Using python from: {SIM}/python.sh\n"
            + NO_ISAACLAB
            + PYTHON_SH_FAILED
        ),
        "flatdict-pkg-resources",
    ),
    WholeLog(
        "install_that_went_well", installing_lab(), REST_OF_INSTALL, first_sign="pip-dependency-conflict", failed=False
    ),
    WholeLog(
        "torch_replaced",
        PROMPT
        + "./isaaclab.sh -p -m pip install some-robot-suite\n"
        + collected(
            [
                "torch>=2.8",
                "torchvision",
                "triton",
                "sympy",
                "networkx",
                "jinja2",
                "fsspec",
                "pyyaml",
                "opencv-python",
                "numpy",
            ]
            + [f"package-{i}" for i in range(20)],
            "some-robot-suite",
        ),
        (
            "Installing collected packages: triton, nvidia-cublas-cu12, torch, some-robot-suite\n"
            "  Attempting uninstall: torch\n"
            "    Found existing installation: torch 2.7.0+cu128\n"
            "    Uninstalling torch-2.7.0+cu128:\n"
            "      Successfully uninstalled torch-2.7.0+cu128\n"
            "ERROR: pip's dependency resolver does not currently take into account all the packages that are "
            "installed. This behaviour is the source of the following dependency conflicts.\n"
            "torchvision 0.22.0+cu128 requires torch==2.7.0, but you have torch 2.9.1 which is incompatible.\n"
            "Successfully installed some-robot-suite-1.0.0 torch-2.9.1 triton-3.5.1\n"
        ),
        "torch-replaced",
    ),
    WholeLog(
        "submodule_over_ssh",
        apt(["git", "git-lfs", "libglu1-mesa", "libxt6", "cmake", "build-essential", "unzip"])
        + (
            "Cloning into 'Berkeley-Humanoid-Lite'...\n"
            + "".join(f"\rReceiving objects: {i:>3}% ({i}/100)" for i in range(0, 101, 10))
            + ", done.\n"
            "Submodule 'source/berkeley_humanoid_lite_assets' (git@github.com:HybridRobotics/"
            "Berkeley-Humanoid-Lite-Assets.git) registered for path 'source/berkeley_humanoid_lite_assets'\n"
            "Cloning into '/home/user/Berkeley-Humanoid-Lite/source/berkeley_humanoid_lite_assets'...\n"
        ),
        (
            "git@github.com: Permission denied (publickey).\n"
            "fatal: Could not read from remote repository.\n\n"
            "Please make sure you have the correct access rights\nand the repository exists.\n"
            "fatal: clone of 'git@github.com:HybridRobotics/Berkeley-Humanoid-Lite-Assets.git' into submodule path "
            "'/home/user/Berkeley-Humanoid-Lite/source/berkeley_humanoid_lite_assets' failed\n"
            "Failed to clone 'source/berkeley_humanoid_lite_assets'. Retry scheduled\n"
        ),
        "submodule-over-ssh",
    ),
)
