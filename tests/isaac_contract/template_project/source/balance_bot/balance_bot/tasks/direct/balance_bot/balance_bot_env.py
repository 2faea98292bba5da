from __future__ import annotations

import torch
from contract_tasks.env import ContractDirectEnv  # isaaclab.envs.DirectRLEnv, over MuJoCo

from .balance_bot_env_cfg import BalanceBotEnvCfg


class BalanceBotEnv(ContractDirectEnv):
    cfg: BalanceBotEnvCfg

    def __init__(self, cfg: BalanceBotEnvCfg, render_mode: str | None = None, **kwargs):
        super().__init__(cfg, render_mode, **kwargs)
        self.cart_pos = self._observe()[:, 0]

    def _get_observations(self) -> dict:
        observations = super()._get_observations()
        self.cart_pos = observations["policy"][:, 0]
        return observations

    def _get_rewards(self) -> torch.Tensor:
        return compute_rewards(
            self.cfg.rew_scale_alive,
            self.cfg.rew_scale_terminated,
            self.cfg.rew_scale_cart_pos,
            self.cart_pos,
            self.reset_terminated,
        )

    def _get_dones(self) -> tuple[torch.Tensor, torch.Tensor]:
        time_out = self.episode_length_buf >= self.max_episode_length - 1
        return self.cart_pos.abs() > self.cfg.max_cart_pos, time_out


@torch.jit.script
def compute_rewards(
    rew_scale_alive: float,
    rew_scale_terminated: float,
    rew_scale_cart_pos: float,
    cart_pos: torch.Tensor,
    reset_terminated: torch.Tensor,
):
    alive = rew_scale_alive * (1.0 - reset_terminated.float())
    return alive + rew_scale_terminated * reset_terminated.float() + rew_scale_cart_pos * torch.square(cart_pos)
