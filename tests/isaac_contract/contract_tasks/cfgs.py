"""Configurations of the environments: Isaac Lab's own classes, with fields that make trouble."""

from isaaclab.envs import DirectMARLEnvCfg, DirectRLEnvCfg
from isaaclab.scene import InteractiveSceneCfg
from isaaclab.sim import SimulationCfg
from isaaclab.utils import configclass
from isaaclab_tasks.manager_based.classic.cartpole.cartpole_env_cfg import CartpoleEnvCfg


@configclass
class CartpoleCfg(CartpoleEnvCfg):
    asymmetric: bool = False
    """Whether there is a group `critic`, which sees the last action too."""
    crash_at_step: int = -1
    nan_at_step: int = -1
    close_hangs: bool = False
    build_fails: bool = False


@configclass
class CartpoleCfg_PLAY(CartpoleCfg):  # noqa: N801
    is_play: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.scene.num_envs = 16


@configclass
class DirectCfg(DirectRLEnvCfg):
    decimation = 2
    episode_length_s = 5.0
    action_space = 1
    observation_space = 5
    state_space = 0
    sim: SimulationCfg = SimulationCfg(dt=1 / 120, render_interval=2)
    scene: InteractiveSceneCfg = InteractiveSceneCfg(num_envs=4096, env_spacing=4.0)
    crash_at_step: int = -1
    nan_at_step: int = -1
    close_hangs: bool = False
    build_fails: bool = False


@configclass
class MarlCfg(DirectMARLEnvCfg):
    decimation = 2
    episode_length_s = 5.0
    possible_agents = ["cart", "pole"]  # noqa: RUF012
    action_spaces = {"cart": 1, "pole": 1}  # noqa: RUF012
    observation_spaces = {"cart": 2, "pole": 3}  # noqa: RUF012
    state_space = -1
    sim: SimulationCfg = SimulationCfg(dt=1 / 120, render_interval=2)
    scene: InteractiveSceneCfg = InteractiveSceneCfg(num_envs=4096, env_spacing=4.0)
    crash_at_step: int = -1
    nan_at_step: int = -1
    close_hangs: bool = False
    build_fails: bool = False
