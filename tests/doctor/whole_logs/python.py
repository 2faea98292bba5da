"""What Python and Hydra print when a script fails, and where in Isaac Lab's scripts that is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .kit import LAB, SITE

TRAIN = LAB + "/scripts/reinforcement_learning/rsl_rl/train.py"
PLAY = LAB + "/scripts/reinforcement_learning/rsl_rl/play.py"
RUNNER = SITE + "/rsl_rl/runners/on_policy_runner.py"
PPO = SITE + "/rsl_rl/algorithms/ppo.py"
POLICY = SITE + "/rsl_rl/modules/actor_critic.py"


Frame = str
"""A file, a line, a function and the code there: FILE:LINE FUNCTION | CODE."""


def traceback(frames: Iterable[Frame], error: str) -> str:
    """An uncaught exception, with the marks of Python 3.11 below what failed."""
    text = "Traceback (most recent call last):\n"
    for frame in frames:
        place, _, code = frame.partition(" | ")
        where, function = place.rsplit(" ", 1)
        file, line = where.rsplit(":", 1)
        text += f'  File "{file}", line {line}, in {function}\n'
        text += f"    {code}\n{_marks(code)}" if code else ""
    return text + error + "\n"


def _marks(code: str) -> str:
    """The line below an assignment, where only its right side was at work."""
    head, equals, call = code.partition("  #")[0].partition(" = ")
    return f"    {' ' * len(head + equals)}{'^' * len(call)}\n" if equals else ""


def hydra(frames: Iterable[Frame], error: str, overrides: Sequence[str] = ()) -> str:
    """An exception below hydra.main, which cuts its own part of the traceback."""
    main = f"{LAB}/source/isaaclab_tasks/isaaclab_tasks/utils/hydra.py:100 hydra_main"
    call = "func(env_cfg, agent_cfg, *args, **kwargs)"
    return (
        f"Error executing job with overrides: {list(overrides)}\n"
        + traceback([f"{main} | {call}", *frames], error)
        + "\nSet the environment variable HYDRA_FULL_ERROR=1 for a complete stack trace.\n"
    )


MAKE_ENV: Sequence[Frame] = (
    f'{TRAIN}:168 main | env = gym.make(args_cli.task, cfg=env_cfg, render_mode="rgb_array" if args_cli.video '
    "else None)",
    f"{SITE}/gymnasium/envs/registration.py:734 make | env = env_creator(**env_spec_kwargs)",
    f"{LAB}/source/isaaclab/isaaclab/envs/manager_based_rl_env.py:80 __init__ | super().__init__(cfg=cfg)",
)

MAKE_SCENE: Sequence[Frame] = (
    *MAKE_ENV,
    f"{LAB}/source/isaaclab/isaaclab/envs/manager_based_env.py:142 __init__ | self.scene = "
    "InteractiveScene(self.cfg.scene)",
    f"{LAB}/source/isaaclab/isaaclab/scene/interactive_scene.py:185 __init__ | self._add_entities_from_cfg()",
)

SPAWN: Sequence[Frame] = (
    *MAKE_SCENE,
    f"{LAB}/source/isaaclab/isaaclab/scene/interactive_scene.py:744 _add_entities_from_cfg | "
    "self._articulations[asset_name] = asset_cfg.class_type(asset_cfg)",
    f"{LAB}/source/isaaclab/isaaclab/assets/articulation/articulation.py:106 __init__ | super().__init__(cfg)",
    f"{LAB}/source/isaaclab/isaaclab/assets/asset_base.py:84 __init__ | self.cfg.spawn.func(",
)

MAKE_RUNNER: Sequence[Frame] = (
    f"{TRAIN}:186 main | runner = OnPolicyRunner(env, agent_cfg.to_dict(), log_dir=log_dir, device=agent_cfg.device)",
)

LEARN: Sequence[Frame] = (
    f"{TRAIN}:203 main | runner.learn(num_learning_iterations=agent_cfg.max_iterations, init_at_random_ep_len=True)",
)

STEP: Sequence[Frame] = (
    *LEARN,
    f"{SITE}/rsl_rl/runners/on_policy_runner.py:106 learn | obs, rewards, dones, extras = "
    "self.env.step(actions.to(self.env.device))",
    f"{LAB}/source/isaaclab_rl/isaaclab_rl/rsl_rl/vecenv_wrapper.py:156 step | obs_dict, rew, terminated, truncated, "
    "extras = self.env.step(actions)",
    f"{LAB}/source/isaaclab/isaaclab/envs/manager_based_rl_env.py:184 step | self.sim.step(render=False)",
)
