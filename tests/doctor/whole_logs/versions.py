"""Other versions of Isaac Sim and Isaac Lab, and configurations."""

from __future__ import annotations

from .interpreters import CONDA_SHELL
from .kit import COMMAND, LAB, PYTHON_SH_FAILED, SITE, extensions, graphics, kit, kit_start, launch, shut_down
from .lab import built, lab_start
from .log import WholeLog
from .python import LEARN, MAKE_ENV, POLICY, PPO, RUNNER, TRAIN, hydra, traceback
from .rsl_rl import learning

RENAMED = "ModuleNotFoundError: No module named 'omni.isaac.lab'"
RESIDUE = (
    WholeLog(
        "fork_without_a_field",
        built(command=COMMAND),
        hydra(
            [f"{TRAIN}:180 main | env = RslRlVecEnvWrapper(env, clip_actions=agent_cfg.clip_actions)"],
            "AttributeError: 'RacerPPORunnerCfg' object has no attribute 'clip_actions'",
        ),
        "runner-cfg-attribute-missing",
    ),
    WholeLog(
        "lab_too_old_for_the_task",
        COMMAND + launch() + kit_start(),
        traceback(
            [
                f"{TRAIN}:76 <module> | import racer.tasks  # noqa: F401",
                "/home/user/racer/source/racer/racer/tasks/agents/rsl_rl_ppo_cfg.py:4 <module> | "
                "from isaaclab_rl.rsl_rl import RslRlMLPModelCfg",
            ],
            "ImportError: cannot import name 'RslRlMLPModelCfg' from 'isaaclab_rl.rsl_rl' "
            f"({LAB}/source/isaaclab_rl/isaaclab_rl/rsl_rl/__init__.py)",
        )
        + PYTHON_SH_FAILED,
        "isaaclab-rl-too-old",
    ),
    WholeLog(
        "kits_of_4_5",
        COMMAND + CONDA_SHELL,
        (
            launch(kit_file=LAB + "/apps/isaacsim_4_5/isaaclab.python.headless.kit")
            + extensions()
            + graphics()
            + traceback(
                [
                    f"{TRAIN}:83 <module> | from isaaclab.utils.io import dump_yaml",
                    f"{LAB}/source/isaaclab/isaaclab/sim/utils/stage.py:21 <module> | from isaacsim.core.utils "
                    "import stage",
                    "/home/user/.local/lib/python3.11/site-packages/isaacsim/__init__.py:3 <module> | import "
                    "isaacsim.core.utils",
                ],
                "ModuleNotFoundError: No module named 'isaacsim.core.utils'",
            )
        ),
        first_sign="apps-isaacsim-4-5-loaded",
    ),
    WholeLog(
        "solver",
        COMMAND + launch() + extensions() + extensions(0, 20),
        (
            "[0.105s] Failed to solve some dependencies locally, syncing with extension registry...\n"
            + kit(
                5246,
                "Error",
                "omni.ext.plugin",
                "Failed to resolve extension dependencies. Failure hints:\n"
                "\t[isaaclab.python.headless-2.3.2] dependency: 'isaacsim.asset.importer.mjcf' = { version='^' } "
                "can't be satisfied. "
                "Available versions:\n\t (none found)\n Synced registries:\n\t - kit/default         : found 793 "
                "packages \n",
            )
            + kit(5246, "Error", "omni.kit.app.plugin", "Exiting app because of dependency solver failure...")
            + PYTHON_SH_FAILED
        ),
        "kit-dependency-solver",
    ),
    WholeLog(
        "lab_from_pip_but_the_policy_broke",
        learning(3).replace(LAB, "/home/user/venv/lib/python3.11/site-packages/isaaclab"),
        hydra(
            [
                *LEARN,
                f"{RUNNER}:148 learn | loss_dict = self.alg.update()",
                f"{PPO}:250 update | self.policy.act(obs_batch, masks=masks_batch, "
                "hidden_state=hidden_states_batch[0])",
                f"{POLICY}:152 act | return self.distribution.sample()",
                f"{SITE}/torch/distributions/normal.py:80 sample | return torch.normal(self.loc.expand(shape), "
                "self.scale.expand(shape))",
            ],
            "RuntimeError: normal expects all elements of std >= 0.0",
        ).replace(LAB, "/home/user/venv/lib/python3.11/site-packages/isaaclab"),
        "std-negative-or-nan",
    ),
    WholeLog(
        "old_names",
        COMMAND + launch() + kit_start(),
        traceback(
            [
                "/home/user/racer/scripts/rsl_rl/train.py:71 <module> | import racer.tasks  # noqa: F401",
                "/home/user/racer/source/racer/racer/tasks/env_cfg.py:8 <module> | import omni.isaac.lab.sim as "
                "sim_utils",
            ],
            RENAMED,
        ),
        "omni-isaac-lab-renamed",
    ),
    WholeLog(
        "dump_pickle",
        COMMAND + launch() + kit_start(),
        traceback(
            [
                "/home/user/racer/scripts/rsl_rl/train.py:87 <module> | from isaaclab.utils.io import dump_pickle, "
                "dump_yaml"
            ],
            "ImportError: cannot import name 'dump_pickle' from 'isaaclab.utils.io' "
            f"({LAB}/source/isaaclab/isaaclab/utils/io/__init__.py)",
        )
        + shut_down(11.896),
        "dump-pickle-removed",
        swallowed=True,
    ),
    WholeLog(
        "missing_field",
        COMMAND + launch() + kit_start() + lab_start(),
        hydra(
            [
                *MAKE_ENV,
                f"{LAB}/source/isaaclab/isaaclab/envs/manager_based_env.py:83 __init__ | cfg.validate()",
                f"{LAB}/source/isaaclab/isaaclab/utils/configclass.py:296 _validate | raise TypeError(",
            ],
            "TypeError: Missing values detected in object RacerEnvCfg for the following fields:\n  - "
            "scene.robot.spawn.usd_path\n",
        ),
        "cfg-missing-fields",
    ),
    WholeLog(
        "unknown_override",
        COMMAND.replace("--headless", "--headless env.scene.robots.x=1") + launch() + kit_start(),
        (
            "In 'task': Could not override 'env.scene.robots.x'.\n"
            "To append to your config use +env.scene.robots.x=1\n"
            "Key 'robots' is not in struct\n    full_key: env.scene.robots\n    object_type=dict\n\n"
            "Set the environment variable HYDRA_FULL_ERROR=1 for a complete stack trace.\n" + PYTHON_SH_FAILED
        ),
        "hydra-unknown-override",
    ),
)
