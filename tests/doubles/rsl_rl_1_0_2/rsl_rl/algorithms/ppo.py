from __future__ import annotations

from typing import Any

import torch
from torch import nn, optim

from rsl_rl.modules import ActorCritic
from rsl_rl.storage import RolloutStorage


class PPO:
    def __init__(  # noqa: PLR0917  as in 1.0.2
        self, actor_critic: ActorCritic, num_learning_epochs: int = 1, num_mini_batches: int = 1,
        clip_param: float = 0.2, gamma: float = 0.998, lam: float = 0.95, value_loss_coef: float = 1.0,
        entropy_coef: float = 0.0, learning_rate: float = 1e-3, max_grad_norm: float = 1.0,
        use_clipped_value_loss: bool = True, schedule: str = "fixed", desired_kl: float | None = 0.01,
        device: str = "cpu",
    ) -> None:  # fmt: skip
        self.device = device
        self.num_learning_epochs, self.num_mini_batches = num_learning_epochs, num_mini_batches
        self.gamma, self.lam = gamma, lam
        self.clip_param, self.use_clipped_value_loss = clip_param, use_clipped_value_loss
        self.value_loss_coef, self.entropy_coef, self.max_grad_norm = value_loss_coef, entropy_coef, max_grad_norm
        self.learning_rate, self.schedule, self.desired_kl = learning_rate, schedule, desired_kl
        self.actor_critic = actor_critic.to(device)
        self.optimizer = optim.Adam(self.actor_critic.parameters(), lr=learning_rate)
        self.storage: Any = None
        self.transition = RolloutStorage.Transition()

    def init_storage(
        self, num_envs: int, num_transitions_per_env: int,
        actor_obs_shape: Any, critic_obs_shape: Any, action_shape: Any,
    ) -> None:  # fmt: skip
        sizes = (num_envs, num_transitions_per_env)
        self.storage = RolloutStorage(*sizes, actor_obs_shape, critic_obs_shape, action_shape, self.device)

    def act(self, obs: torch.Tensor, critic_obs: torch.Tensor) -> torch.Tensor:
        now, policy = self.transition, self.actor_critic
        if policy.is_recurrent:
            raise NotImplementedError("the double has no recurrent policy")
        now.actions = policy.act(obs).detach()
        now.values = policy.evaluate(critic_obs).detach()
        now.actions_log_prob = policy.get_actions_log_prob(now.actions).detach()
        now.action_mean, now.action_sigma = policy.action_mean.detach(), policy.action_std.detach()
        now.observations, now.critic_observations = obs, critic_obs  # not copied before the environment has stepped
        return now.actions

    def process_env_step(self, rewards: torch.Tensor, dones: torch.Tensor, infos: dict[str, Any]) -> None:
        now = self.transition
        now.rewards, now.dones = rewards.clone(), dones
        if "time_outs" in infos:
            cut = infos["time_outs"].unsqueeze(1).to(self.device)
            now.rewards += self.gamma * (now.values * cut).squeeze(1)
        self.storage.add_transitions(now)
        now.clear()
        self.actor_critic.reset(dones)

    def compute_returns(self, last_critic_obs: torch.Tensor) -> None:
        self.storage.compute_returns(self.actor_critic.evaluate(last_critic_obs).detach(), self.gamma, self.lam)

    def update(self) -> tuple[float, float]:
        policy, value_sum, surrogate_sum = self.actor_critic, 0.0, 0.0
        batches = self.storage.mini_batch_generator(self.num_mini_batches, self.num_learning_epochs)
        for *batch, memory, masks in batches:
            obs, critic_obs, actions, old_values, advantages, returns, old_log_prob, *old_distribution = batch
            policy.act(obs, masks=masks, hidden_states=memory[0])
            log_prob = policy.get_actions_log_prob(actions)
            values = policy.evaluate(critic_obs, masks=masks, hidden_states=memory[1])
            if self.schedule == "adaptive" and self.desired_kl is not None:
                self._adapt(policy.action_mean.detach(), policy.action_std.detach(), *old_distribution)

            ratio, advantages = torch.exp(log_prob - old_log_prob.squeeze()), advantages.squeeze()
            near = ratio.clamp(1.0 - self.clip_param, 1.0 + self.clip_param)
            surrogate_loss = -torch.min(advantages * ratio, advantages * near).mean()
            squares = (values - returns) ** 2
            if self.use_clipped_value_loss:
                kept = old_values + (values - old_values).clamp(-self.clip_param, self.clip_param)
                squares = torch.max(squares, (kept - returns) ** 2)
            value_loss = squares.mean()
            loss = surrogate_loss + self.value_loss_coef * value_loss - self.entropy_coef * policy.entropy.mean()

            self.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(policy.parameters(), self.max_grad_norm)
            self.optimizer.step()
            value_sum += value_loss.item()
            surrogate_sum += surrogate_loss.item()
        self.storage.clear()
        updates = self.num_learning_epochs * self.num_mini_batches
        return value_sum / updates, surrogate_sum / updates

    def _adapt(self, mu: torch.Tensor, sigma: torch.Tensor, old_mu: torch.Tensor, old_sigma: torch.Tensor) -> None:
        spread = (old_sigma**2 + (old_mu - mu) ** 2) / (2.0 * sigma**2)
        kl = (torch.log(sigma / old_sigma + 1e-5) + spread - 0.5).sum(dim=-1).mean()
        if kl > 2.0 * self.desired_kl:
            self.learning_rate = max(1e-5, self.learning_rate / 1.5)
        elif 0.0 < kl < self.desired_kl / 2.0:
            self.learning_rate = min(1e-2, self.learning_rate * 1.5)
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate
