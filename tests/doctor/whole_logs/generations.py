"""Other generations of rsl_rl."""

from __future__ import annotations

from .kit import COMMAND, PYTHON_SH_FAILED, SITE, kit_start, launch
from .lab import built
from .log import WholeLog, coloured, from_windows
from .python import LEARN, MAKE_RUNNER, PLAY, POLICY, PPO, RUNNER, TRAIN, hydra, traceback
from .rsl_rl import network, observation_sets


def runner_fails(error: str, *frames: str) -> str:
    """What Isaac Lab's script prints when OnPolicyRunner does not like its configuration."""
    return hydra([*MAKE_RUNNER, *frames], error) + PYTHON_SH_FAILED


GENERATIONS = (
    WholeLog(
        "play_of_one_environment",
        built(1),
        hydra(
            [f"{PLAY}:168 main | obs, _ = env.get_observations()"],
            "ValueError: not enough values to unpack (expected 2, got 1)",
        ),
        "rsl-old-lib-new-wrapper",
    ),
    WholeLog(
        "tuple_from_the_wrapper",
        built(command=COMMAND) + observation_sets() + network(),
        hydra(
            [*LEARN, f"{RUNNER}:73 learn | obs = self.env.get_observations().to(self.device)"],
            "AttributeError: 'tuple' object has no attribute 'to'",
        ),
        "rsl-new-lib-old-wrapper",
    ),
    WholeLog(
        "tuple_from_the_wrapper_in_play",
        built() + observation_sets() + network(),
        hydra(
            [
                f"{PLAY}:178 main | actions = policy(obs)",
                f"{POLICY}:155 act_inference | obs = self.get_actor_obs(obs)",
                f'{POLICY}:168 get_actor_obs | obs_list = [obs[obs_group] for obs_group in self.obs_groups["policy"]]',
                f'{POLICY}:168 <listcomp> | obs_list = [obs[obs_group] for obs_group in self.obs_groups["policy"]]',
            ],
            "TypeError: tuple indices must be integers or slices, not str",
        ),
        "rsl-new-lib-old-wrapper",
    ),
    WholeLog(
        "no_curiosity",
        built(command=COMMAND),
        runner_fails("KeyError: 'rnd_cfg'", f'{RUNNER}:44 __init__ | if self.alg_cfg["rnd_cfg"] is not None:'),
        "rsl-22-rnd-cfg",
    ),
    WholeLog(
        "class_names_of_1_0_2",
        built(command=COMMAND),
        runner_fails(
            "KeyError: 'policy_class_name'",
            f'{RUNNER}:61 __init__ | actor_critic_class = eval(self.cfg["policy_class_name"]) # ActorCritic',
        ),
        "rsl-1-class-names",
    ),
    WholeLog(
        "distillation_in_1_0_2",
        COMMAND + launch() + kit_start(),
        traceback(
            [f"{TRAIN}:84 <module> | from rsl_rl.runners import DistillationRunner, OnPolicyRunner"],
            "ImportError: cannot import name 'DistillationRunner' from 'rsl_rl.runners' "
            f"({SITE}/rsl_rl/runners/__init__.py)",
        )
        + PYTHON_SH_FAILED,
        "rsl-class-import-gone",
    ),
    WholeLog(
        "normaliser_elsewhere",
        built() + observation_sets() + network(),
        hydra(
            [f"{PLAY}:155 main | normalizer = runner.obs_normalizer"],
            "AttributeError: 'OnPolicyRunner' object has no attribute 'obs_normalizer'",
        ),
        "rsl-normalizer-moved",
    ),
    WholeLog(
        "obs_groups",
        built(command=COMMAND),
        runner_fails(
            "KeyError: 'obs_groups'",
            f'{RUNNER}:45 __init__ | self.cfg["obs_groups"] = resolve_obs_groups(obs, self.cfg["obs_groups"], '
            "default_sets)",
        ),
        "rsl-3-obs-groups",
        form=from_windows,
    ),
    WholeLog(
        "flat_config_for_1_0_2",
        built(command=COMMAND),
        runner_fails("KeyError: 'runner'", f'{RUNNER}:52 __init__ | self.cfg=train_cfg["runner"]'),
        "rsl-runner-nesting",
    ),
    WholeLog(
        "algorithm_without_class_name",
        built(command=COMMAND),
        runner_fails("KeyError: 'class_name'", f'{RUNNER}:33 __init__ | if self.alg_cfg["class_name"] == "PPO":'),
        "rsl-23-alg-class-name",
    ),
    WholeLog(
        "actor_without_class_name",
        built(command=COMMAND),
        runner_fails(
            "KeyError: 'class_name'",
            f"{RUNNER}:40 __init__ | self.alg = alg_class.construct_algorithm(obs, self.env, self.cfg, self.device)",
            f"{PPO}:413 construct_algorithm | actor_class: type[MLPModel] = "
            'resolve_callable(cfg["actor"].pop("class_name"))  # type: ignore',
        ),
        "rsl-4-actor-class-name",
        form=coloured,
    ),
    WholeLog(
        "old_library_new_wrapper",
        built(command=COMMAND),
        runner_fails(
            "ValueError: too many values to unpack (expected 2)",
            f"{RUNNER}:49 __init__ | obs, extras = self.env.get_observations()",
        ),
        "rsl-old-lib-new-wrapper",
    ),
    WholeLog(
        "class_gone",
        COMMAND + launch() + kit_start(),
        traceback(
            ["/home/user/racer/scripts/rsl_rl/play.py:62 <module> | from rsl_rl.modules import EmpiricalNormalization"],
            f"ImportError: cannot import name 'EmpiricalNormalization' from 'rsl_rl.modules' ({SITE}/rsl_rl/modules/"
            "__init__.py)",
        ),
        "rsl-class-import-gone",
    ),
    WholeLog(
        "policy_attribute",
        built(command=COMMAND) + observation_sets() + network("Model"),
        hydra(
            [f"{PLAY}:145 main | policy_nn = runner.alg.policy"],
            "AttributeError: 'PPO' object has no attribute 'policy'",
        ),
        "rsl-alg-policy-attribute",
    ),
)
