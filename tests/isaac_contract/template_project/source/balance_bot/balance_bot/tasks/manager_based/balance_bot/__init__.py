import gymnasium as gym

from . import agents

gym.register(
    id="Template-Balance-Bot-v0",
    entry_point="contract_tasks.env:ContractEnv",  # isaaclab.envs:ManagerBasedRLEnv, over MuJoCo
    disable_env_checker=True,
    kwargs={
        "env_cfg_entry_point": f"{__name__}.balance_bot_env_cfg:BalanceBotEnvCfg",
        "rsl_rl_cfg_entry_point": f"{agents.__name__}.rsl_rl_ppo_cfg:PPORunnerCfg",
    },
)
