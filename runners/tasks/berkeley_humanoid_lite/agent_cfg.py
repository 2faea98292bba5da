"""PPO as upstream trains both robots (BHL, config/*/agents/rsl_rl_ppo_cfg.py)."""

from __future__ import annotations

from mjlab.rl import RslRlModelCfg, RslRlOnPolicyRunnerCfg, RslRlPpoAlgorithmCfg

HIDDEN = (256, 128, 128)


def humanoid_agent_cfg() -> RslRlOnPolicyRunnerCfg:
    """The humanoid's."""
    return _agent_cfg("humanoid")


def biped_agent_cfg() -> RslRlOnPolicyRunnerCfg:
    """The biped's."""
    return _agent_cfg("biped")


def _agent_cfg(experiment: str) -> RslRlOnPolicyRunnerCfg:
    return RslRlOnPolicyRunnerCfg(
        seed=42,
        num_steps_per_env=24,
        max_iterations=6000,
        save_interval=100,
        experiment_name=experiment,
        logger="tensorboard",
        upload_model=False,
        actor=RslRlModelCfg(
            hidden_dims=HIDDEN,
            activation="elu",
            obs_normalization=False,
            distribution_cfg={"class_name": "GaussianDistribution", "init_std": 1.0, "std_type": "scalar"},
        ),
        critic=RslRlModelCfg(hidden_dims=HIDDEN, activation="elu", obs_normalization=False),
        algorithm=RslRlPpoAlgorithmCfg(
            value_loss_coef=1.0,
            use_clipped_value_loss=True,
            clip_param=0.2,
            entropy_coef=0.008,
            num_learning_epochs=5,
            num_mini_batches=4,
            learning_rate=1.0e-3,
            schedule="adaptive",
            gamma=0.99,
            lam=0.95,
            desired_kl=0.01,
            max_grad_norm=1.0,
        ),
    )
