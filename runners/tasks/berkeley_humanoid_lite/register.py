"""Register the velocity tasks with mjlab: two under upstream's names, and a variant of each.

``make tasks`` reads the names from these calls without importing this file, so each call has its own.
"""

from mjlab.tasks.registry import register_mjlab_task

from runners.tasks.berkeley_humanoid_lite.agent_cfg import (
    biped_agent_cfg,
    biped_stepping_agent_cfg,
    humanoid_agent_cfg,
    humanoid_stepping_agent_cfg,
)
from runners.tasks.berkeley_humanoid_lite.stepping_env_cfg import biped_stepping_env_cfg, humanoid_stepping_env_cfg
from runners.tasks.berkeley_humanoid_lite.velocity_env_cfg import biped_env_cfg, humanoid_env_cfg

register_mjlab_task(
    task_id="Velocity-Berkeley-Humanoid-Lite-v0",
    env_cfg=humanoid_env_cfg(),
    play_env_cfg=humanoid_env_cfg(play=True),
    rl_cfg=humanoid_agent_cfg(),
)
register_mjlab_task(
    task_id="Velocity-Berkeley-Humanoid-Lite-Biped-v0",
    env_cfg=biped_env_cfg(),
    play_env_cfg=biped_env_cfg(play=True),
    rl_cfg=biped_agent_cfg(),
)
register_mjlab_task(
    task_id="Velocity-Berkeley-Humanoid-Lite-MuJoCo-v0",
    env_cfg=humanoid_stepping_env_cfg(),
    play_env_cfg=humanoid_stepping_env_cfg(play=True),
    rl_cfg=humanoid_stepping_agent_cfg(),
)
register_mjlab_task(
    task_id="Velocity-Berkeley-Humanoid-Lite-Biped-MuJoCo-v0",
    env_cfg=biped_stepping_env_cfg(),
    play_env_cfg=biped_stepping_env_cfg(play=True),
    rl_cfg=biped_stepping_agent_cfg(),
)
