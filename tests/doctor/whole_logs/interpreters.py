"""The wrong Python, or packages that it lacks."""

from __future__ import annotations

from .installers import apt, installing_lab
from .installs import NO_ISAACLAB
from .kit import (
    COMMAND,
    CONDA_ACTIVE,
    LAB,
    PROMPT,
    PYTHON_SH_FAILED,
    SIM,
    SITE,
    WINDOW_COMMAND,
    WINDOW_KIT,
    kit_start,
    launch,
)
from .lab import built
from .log import WholeLog
from .python import RUNNER, TRAIN, traceback

CARB = "[Warning] Unable to expose 'isaacsim.simulation_app' API: No module named 'carb._carb'\n"
NONE_TYPE = traceback(
    [
        f"{TRAIN}:48 <module> | app_launcher = AppLauncher(args_cli)",
        f"{LAB}/source/isaaclab/isaaclab/app/app_launcher.py:131 __init__ | self._create_app()",
        f"{LAB}/source/isaaclab/isaaclab/app/app_launcher.py:823 _create_app | self._app = "
        "SimulationApp(self._sim_app_config, experience=self._sim_experience_file)",
    ],
    "TypeError: 'NoneType' object is not callable",
)

LAUNCHED = f"[INFO][AppLauncher]: Using device: cuda:0\n[INFO][AppLauncher]: Loading experience file: {WINDOW_KIT}\n"
CONDA_SHELL = (
    apt(["libgl1", "libxt6"])
    + "(base) "
    + PROMPT
    + "conda info\n\n"
    + "".join(
        f"{name:>25} : {value}\n"
        for name, value in (
            ("active environment", "base"),
            ("active env location", "/home/user/miniconda3"),
            ("shell level", 1),
            ("user config file", "/home/user/.condarc"),
            ("conda version", "25.5.1"),
            ("python version", "3.11.13.final.0"),
            ("solver", "libmamba (default)"),
            ("virtual packages", "__archspec=1=zen4"),
            ("", "__conda=25.5.1=0"),
            ("", "__cuda=13.0=0"),
            ("base environment", "/home/user/miniconda3  (writable)"),
            ("platform", "linux-64"),
            ("conda av data dir", "/home/user/miniconda3/etc/conda"),
            ("UID:GID", "1000:1000"),
            ("offline mode", "False"),
        )
    )
)

PYTHON = (
    WholeLog(
        "no_link_to_isaac_sim",
        apt(["libgl1", "libxt6", "libsm6", "libice6", "libxrender1", "libglu1-mesa", "git", "git-lfs"]) + COMMAND,
        f"[ERROR] Unable to find any Python executable at path: '{SIM}/python.sh'\n"
        "\tThis could be due to the following reasons:\n"
        "\t1. Conda environment is not activated.\n"
        "\t2. Isaac Sim pip package 'isaacsim-rl' is not installed.\n"
        f"\t3. Python executable is not available at the default path: {SIM}/python.sh\n",
        "launcher-python-missing",
    ),
    WholeLog(
        "lab_of_tomorrow",
        installing_lab(),
        "ERROR: Package 'isaaclab' requires a different Python: 3.11.13 not in '>=3.12'\n" + PYTHON_SH_FAILED,
        first_sign="isaaclab-main-checked-out",
    ),
    WholeLog(
        "conda_base",
        CONDA_SHELL + "(base) " + WINDOW_COMMAND + "[INFO] Using python from: /home/user/miniconda3/bin/python\n",
        CARB + LAUNCHED + NONE_TYPE,
        "conda-base-active",
    ),
    WholeLog(
        "carb_missing",
        apt(["libgl1", "libxt6", "libsm6", "libice6", "libxrender1", "libglu1-mesa", "git"])
        + WINDOW_COMMAND
        + f"[INFO] Using python from: {SIM}/python.sh\n",
        CARB + LAUNCHED + NONE_TYPE + PYTHON_SH_FAILED,
        "simapp-carb-missing",
    ),
    WholeLog(
        "only_none_type",
        built() + PROMPT + "./isaaclab.sh -p scripts/reinforcement_learning/rsl_rl/train.py\n" + LAUNCHED,
        NONE_TYPE + PYTHON_SH_FAILED,
        "simapp-nonetype",
    ),
    WholeLog(
        "an_environment_of_its_own_is_no_cause",
        CONDA_SHELL
        + launch(python="/home/user/miniconda3/envs/env_isaaclab/bin/python").replace(
            SIM, "/home/user/miniconda3/envs/env_isaaclab"
        )
        + kit_start(),
        traceback(
            ["/home/user/racer/scripts/rsl_rl/train.py:62 <module> | from rsl_rl.modules import ActorCritic"],
            "ImportError: cannot import name 'ActorCritic' from 'rsl_rl.modules' "
            "(/home/user/miniconda3/envs/env_isaaclab/lib/python3.11/site-packages/rsl_rl/modules/__init__.py)",
        ),
        "rsl-class-import-gone",
    ),
    WholeLog(
        "conda_and_python_sh",
        CONDA_SHELL + "(base) user@station:~/IsaacLab$ ./_isaac_sim/python.sh scripts/train.py\n",
        CONDA_ACTIVE + CARB + LAUNCHED + NONE_TYPE + PYTHON_SH_FAILED,
        "conda-base-active",
    ),
    WholeLog(
        "conda_warns_but_the_task_is_unknown",
        CONDA_SHELL + CONDA_ACTIVE + launch() + kit_start(),
        (
            traceback(
                [
                    f"{TRAIN}:213 <module> | main()",
                    f"{LAB}/source/isaaclab_tasks/isaaclab_tasks/utils/hydra.py:104 wrapper | env_cfg, agent_cfg = "
                    'register_task_to_hydra(task_name.split(":")[-1], agent_cfg_entry_point)',
                    f"{LAB}/source/isaaclab_tasks/isaaclab_tasks/utils/parse_cfg.py:56 load_cfg_from_registry | "
                    'cfg_entry_point = gym.spec(task_name.split(":")[-1]).kwargs.get(entry_point_key)',
                    f"{SITE}/gymnasium/envs/registration.py:991 spec | _check_version_exists(ns, name, version)",
                ],
                "gymnasium.error.NameNotFound: Environment `Isaac-Velocity-Ruogh-Anymal-C` doesn't exist. "
                "Did you mean: `Isaac-Velocity-Rough-Anymal-C`?",
            )
            + PYTHON_SH_FAILED
        ),
        "task-not-registered",
    ),
    WholeLog(
        "another_version_of_the_task",
        COMMAND.replace("-v0", "-v1") + launch() + kit_start(),
        traceback(
            [f"{SITE}/gymnasium/envs/registration.py:531 _check_version_exists | raise error.VersionNotFound(message)"],
            "gymnasium.error.VersionNotFound: Environment version `v1` for environment "
            "`Isaac-Velocity-Rough-Anymal-C` doesn't exist. It provides versioned environments: [ `v0` ].",
        )
        + PYTHON_SH_FAILED,
        "task-not-registered",
    ),
    WholeLog(
        "no_isaacsim",
        CONDA_SHELL + "(robot) " + PROMPT + "python scripts/train.py\n",
        traceback(
            [
                "/home/user/IsaacLab/scripts/train.py:16 <module> | from isaaclab.app import AppLauncher",
                f"{LAB}/source/isaaclab/isaaclab/app/__init__.py:15 <module> | from .app_launcher import AppLauncher "
                " # noqa: F401, F403",
                f"{LAB}/source/isaaclab/isaaclab/app/app_launcher.py:28 <module> | from isaacsim import SimulationApp",
            ],
            "ModuleNotFoundError: No module named 'isaacsim'",
        ),
        "isaacsim-not-importable",
    ),
    WholeLog(
        "no_isaaclab",
        apt(["libglu1-mesa", "libxt6", "libsm6", "libice6", "git", "git-lfs", "unzip", "cmake", "tmux", "htop"])
        + COMMAND
        + f"[INFO] Using python from: {SIM}/python.sh\n",
        NO_ISAACLAB + PYTHON_SH_FAILED,
        "isaaclab-missing",
    ),
    WholeLog(
        "no_tensordict",
        COMMAND + launch() + kit_start(),
        traceback(
            [
                f"{TRAIN}:84 <module> | from rsl_rl.runners import DistillationRunner, OnPolicyRunner",
                f"{SITE}/rsl_rl/runners/__init__.py:8 <module> | from .on_policy_runner import OnPolicyRunner",
                f"{RUNNER}:15 <module> | from tensordict import TensorDict",
            ],
            "ModuleNotFoundError: No module named 'tensordict'",
        )
        + PYTHON_SH_FAILED,
        "rsl-deps-missing",
    ),
    WholeLog(
        "numpy_2",
        COMMAND + launch() + kit_start(),
        (
            "\nA module that was compiled using NumPy 1.x cannot be run in\n"
            "NumPy 2.3.5 as it may crash. To support both 1.x and 2.x\n"
            "versions of NumPy, modules must be compiled with NumPy 2.0.\n"
            "Some module may need to rebuild instead e.g. with 'pybind11>=2.12'.\n\n"
            + traceback(
                [
                    f"{TRAIN}:213 <module> | main()",
                    f"{SITE}/scipy/__init__.py:67 <module> | from scipy._lib import _pep440",
                ],
                "AttributeError: _ARRAY_API not found",
            )
            + PYTHON_SH_FAILED
        ),
        "numpy2-abi",
    ),
)
