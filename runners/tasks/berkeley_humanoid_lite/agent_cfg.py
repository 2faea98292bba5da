"""PPO as upstream trains both robots (BHL, config/*/agents/rsl_rl_ppo_cfg.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mjlab.rl import RslRlModelCfg, RslRlOnPolicyRunnerCfg, RslRlPpoAlgorithmCfg

HIDDEN = (256, 128, 128)


@dataclass
class SymmetricPpoCfg(RslRlPpoAlgorithmCfg):
    """PPO with rsl_rl's symmetry, for which mjlab has no field."""

    symmetry_cfg: dict[str, Any] | None = None


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


def humanoid_stepping_agent_cfg() -> RslRlOnPolicyRunnerCfg:
    """The humanoid's, for the task that leads to steps."""
    return _stepping_agent_cfg(humanoid_agent_cfg(), "humanoid")


def biped_stepping_agent_cfg() -> RslRlOnPolicyRunnerCfg:
    """The biped's, for the task that leads to steps."""
    return _stepping_agent_cfg(biped_agent_cfg(), "biped")


def _stepping_agent_cfg(cfg: RslRlOnPolicyRunnerCfg, robot: str) -> RslRlOnPolicyRunnerCfg:
    """Observations are normalised, mirror images are learned from, and exploration is within the motors' strength.

    An action of 1 asks for 5 N m of a motor that has 6.
    """
    cfg.experiment_name = f"{robot}_stepping"
    cfg.max_iterations = 1500
    cfg.actor.obs_normalization = cfg.critic.obs_normalization = True
    assert cfg.actor.distribution_cfg is not None
    cfg.actor.distribution_cfg["init_std"] = 0.8
    figures = vars(cfg.algorithm) | {"entropy_coef": 0.001, "desired_kl": 0.02, "learning_rate": 3.0e-4}
    symmetry = {
        "use_data_augmentation": True,
        "use_mirror_loss": False,
        "mirror_loss_coeff": 0.0,
        "data_augmentation_func": f"runners.tasks.berkeley_humanoid_lite.mirror:{robot}",
    }
    cfg.algorithm = SymmetricPpoCfg(**figures, symmetry_cfg=symmetry)
    return cfg
