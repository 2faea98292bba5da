"""Tasks as a robot's package registers them, over MuJoCo's physics: what the runners see of Isaac Lab is its own code.

Environments are Isaac Lab's classes without their constructors, which would build the scene in Kit; see env.py.
"""

import gymnasium as gym

from contract_tasks import agents

CARTPOLES = "isaaclab_tasks.manager_based.classic.cartpole.agents.rsl_rl_ppo_cfg:CartpolePPORunnerCfg"

gym.register(
    id="Contract-Cartpole-v0",
    entry_point="contract_tasks.env:ContractEnv",
    disable_env_checker=True,
    kwargs={
        "env_cfg_entry_point": f"{__name__}.cfgs:CartpoleCfg",
        "rsl_rl_cfg_entry_point": CARTPOLES,
    },
)

gym.register(
    id="Contract-Cartpole-Play-v0",
    entry_point="contract_tasks.env:ContractEnv",
    disable_env_checker=True,
    kwargs={
        "env_cfg_entry_point": f"{__name__}.cfgs:CartpoleCfg_PLAY",
        "rsl_rl_cfg_entry_point": CARTPOLES,
    },
)

gym.register(
    id="Contract-Cartpole-Yaml-v0",
    entry_point="contract_tasks.env:ContractEnv",
    disable_env_checker=True,
    kwargs={
        "env_cfg_entry_point": f"{__name__}.cfgs:CartpoleCfg",
        "rsl_rl_cfg_entry_point": "contract_tasks:agents/nested.yaml",
    },
)

gym.register(
    id="Contract-Cartpole-None-v0",
    entry_point="contract_tasks.env:ContractEnv",
    disable_env_checker=True,
    kwargs={"env_cfg_entry_point": f"{__name__}.cfgs:CartpoleCfg"},
)

gym.register(
    id="Contract-Cartpole-Old-v0",
    entry_point="contract_tasks.env:ContractEnv",
    disable_env_checker=True,
    kwargs={
        "env_cfg_entry_point": f"{__name__}.cfgs:CartpoleCfg",
        "rsl_rl_cfg_entry_point": f"{agents.__name__}.old:OldRunnerCfg",
    },
)

gym.register(
    id="Contract-Cartpole-Direct-v0",
    entry_point="contract_tasks.env:ContractDirectEnv",
    disable_env_checker=True,
    kwargs={
        "env_cfg_entry_point": f"{__name__}.cfgs:DirectCfg",
        "rsl_rl_cfg_entry_point": CARTPOLES,
    },
)

gym.register(
    id="Contract-Cartpole-Marl-v0",
    entry_point="contract_tasks.env:ContractMarlEnv",
    disable_env_checker=True,
    kwargs={
        "env_cfg_entry_point": f"{__name__}.cfgs:MarlCfg",
        "rsl_rl_cfg_entry_point": CARTPOLES,
    },
)
