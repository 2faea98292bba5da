from __future__ import annotations

import os
import statistics
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.tensorboard import SummaryWriter

from rsl_rl.algorithms import PPO
from rsl_rl.env import VecEnv
from rsl_rl.modules import ActorCritic, ActorCriticRecurrent  # noqa: F401  classes are looked up by their names


class OnPolicyRunner:
    def __init__(self, env: VecEnv, train_cfg: dict[str, Any], log_dir: str | None = None, device: str = "cpu") -> None:
        self.cfg, self.alg_cfg, self.policy_cfg = (train_cfg[name] for name in ("runner", "algorithm", "policy"))
        self.env, self.log_dir, self.device = env, log_dir, device
        privileged = env.num_privileged_obs
        policy_class = _named(self.cfg["policy_class_name"])
        critic_width = env.num_obs if privileged is None else privileged
        policy: ActorCritic = policy_class(env.num_obs, critic_width, env.num_actions, **self.policy_cfg).to(device)
        self.alg: PPO = _named(self.cfg["algorithm_class_name"])(policy, device=device, **self.alg_cfg)
        self.num_steps_per_env: int = self.cfg["num_steps_per_env"]
        self.save_interval: int = self.cfg["save_interval"]
        self.alg.init_storage(env.num_envs, self.num_steps_per_env, [env.num_obs], [privileged], [env.num_actions])
        self.writer: Any = None
        self.tot_timesteps, self.tot_time, self.current_learning_iteration = 0, 0, 0
        _, _ = env.reset()

    def learn(self, num_learning_iterations: int, init_at_random_ep_len: bool = False) -> None:
        # log() is given the local variables: they are interface, and there are no others
        if self.log_dir is not None and self.writer is None:
            self.writer = SummaryWriter(log_dir=self.log_dir, flush_secs=10)
        if init_at_random_ep_len:
            self.env.episode_length_buf = torch.randint_like(
                self.env.episode_length_buf, high=int(self.env.max_episode_length)
            )
        obs, privileged_obs = self.env.get_observations(), self.env.get_privileged_observations()
        critic_obs = (obs if privileged_obs is None else privileged_obs).to(self.device)
        obs = obs.to(self.device)
        self.alg.actor_critic.train()
        ep_infos: list[dict[str, Any]] = []
        rewbuffer: deque[float] = deque(maxlen=100)
        lenbuffer: deque[float] = deque(maxlen=100)
        cur_reward_sum = torch.zeros(self.env.num_envs, device=self.device)
        cur_episode_length = torch.zeros(self.env.num_envs, device=self.device)
        tot_iter = self.current_learning_iteration + num_learning_iterations
        for it in range(self.current_learning_iteration, tot_iter):
            start = time.time()
            with torch.inference_mode():
                for i in range(self.num_steps_per_env):  # noqa: B007
                    actions = self.alg.act(obs, critic_obs)
                    obs, privileged_obs, rewards, dones, infos = self.env.step(actions)
                    critic_obs = (obs if privileged_obs is None else privileged_obs).to(self.device)
                    obs, rewards, dones = (item.to(self.device) for item in (obs, rewards, dones))
                    self.alg.process_env_step(rewards, dones, infos)
                    if self.log_dir is not None:
                        if "episode" in infos:
                            ep_infos.append(infos["episode"])
                        cur_reward_sum += rewards
                        cur_episode_length += 1
                        new_ids = (dones > 0).nonzero()
                        rewbuffer.extend(cur_reward_sum[new_ids][:, 0].tolist())
                        lenbuffer.extend(cur_episode_length[new_ids][:, 0].tolist())
                        cur_reward_sum[new_ids] = cur_episode_length[new_ids] = 0
                stop = time.time()
                collection_time = stop - start
                start = stop
                self.alg.compute_returns(critic_obs)
            mean_value_loss, mean_surrogate_loss = self.alg.update()
            stop = time.time()
            learn_time = stop - start
            if self.log_dir is not None:
                self.log(locals())
            if it % self.save_interval == 0:
                self.save(os.path.join(self.log_dir, f"model_{it}.pt"))  # noqa: PTH118  None: TypeError
            ep_infos.clear()
        self.current_learning_iteration += num_learning_iterations
        self.save(os.path.join(self.log_dir, f"model_{self.current_learning_iteration}.pt"))  # noqa: PTH118

    def log(self, locs: dict[str, Any], width: int = 80, pad: int = 35) -> None:
        it, steps = locs["it"], self.num_steps_per_env * self.env.num_envs
        seconds = locs["collection_time"] + locs["learn_time"]
        self.tot_timesteps += steps
        self.tot_time += seconds
        first = locs["ep_infos"][0] if locs["ep_infos"] else {}  # its keys count, and a later dict must have them
        scalars = {
            **{f"Episode/{key}": self._episode_mean(locs["ep_infos"], key) for key in first},
            "Loss/value_function": locs["mean_value_loss"],
            "Loss/surrogate": locs["mean_surrogate_loss"],
            "Loss/learning_rate": self.alg.learning_rate,
            "Policy/mean_noise_std": self.alg.actor_critic.std.mean().item(),
            "Perf/total_fps": int(steps / seconds),
            "Perf/collection time": locs["collection_time"],
            "Perf/learning_time": locs["learn_time"],
        }
        for tag, value in scalars.items():
            self.writer.add_scalar(tag, value, it)
        if len(locs["rewbuffer"]) > 0:
            for tag, buffer in (("Train/mean_reward", "rewbuffer"), ("Train/mean_episode_length", "lenbuffer")):
                self.writer.add_scalar(tag, statistics.mean(locs[buffer]), it)
                self.writer.add_scalar(tag + "/time", statistics.mean(locs[buffer]), self.tot_time)
        print(f" {it} / {self.current_learning_iteration + locs['num_learning_iterations']} ".center(width, "#"))
        print("\n".join(f"{tag + ':':>{pad}} {float(value):.4f}" for tag, value in scalars.items()))

    def _episode_mean(self, ep_infos: list[dict[str, Any]], key: str) -> torch.Tensor:
        for info in ep_infos:  # the dicts are the environment's own, and are changed in place
            value = info[key] if isinstance(info[key], torch.Tensor) else torch.Tensor([info[key]])
            info[key] = value.unsqueeze(0) if value.dim() == 0 else value
        # the empty tensor makes integers and booleans floats
        return torch.cat([torch.tensor([]).to(self.device), *(info[key].to(self.device) for info in ep_infos)]).mean()

    def save(self, path: str, infos: Any = None) -> None:
        state = {
            "model_state_dict": self.alg.actor_critic.state_dict(),
            "optimizer_state_dict": self.alg.optimizer.state_dict(),
            "iter": self.current_learning_iteration,
            "infos": infos,
        }
        torch.save(state, path)

    def load(self, path: str, load_optimizer: bool = True) -> Any:
        state = torch.load(path)
        self.alg.actor_critic.load_state_dict(state["model_state_dict"])
        if load_optimizer:
            self.alg.optimizer.load_state_dict(state["optimizer_state_dict"])
        self.current_learning_iteration = state["iter"]
        return state["infos"]

    def get_inference_policy(self, device: str | None = None) -> Callable[[torch.Tensor], torch.Tensor]:
        policy = self.alg.actor_critic.eval()
        if device is not None:
            policy.to(device)
        return policy.act_inference


def _named(name: Any) -> Any:
    """The class of that name in this module, patched in or not; 1.0.2 evaluates the string, and fails alike."""
    if not isinstance(name, str):
        raise TypeError("a class is given by its name")
    if ":" in name:  # as later releases write it
        raise SyntaxError(f"no name of a class: {name}")
    if name not in globals():
        raise NameError(f"name '{name}' is not defined")
    return globals()[name]
