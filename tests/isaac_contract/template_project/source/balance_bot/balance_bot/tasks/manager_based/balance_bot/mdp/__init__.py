from isaaclab.envs.mdp import *  # noqa: F403

from .rewards import *  # noqa: F403
