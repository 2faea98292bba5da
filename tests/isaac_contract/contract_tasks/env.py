"""The environments: Isaac Lab's classes, their own code for reset, step, render and close, over other physics.

Only the constructors are written anew, since the real ones build the scene in Kit. An environment adds a line to
<ISAAC>/kit/logs/environments when it is built, and one when it is closed.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from isaaclab.envs import DirectMARLEnv, DirectRLEnv, ManagerBasedRLEnv

from contract_tasks.simulation import Scene, Simulation

OUT_OF_BOUNDS = 1.5
"""Distance of the cart from the middle at which an episode of the direct environments ends, in m."""


class _Contract:
    """What the three have in common."""

    cfg: Any
    render_mode: str | None

    def _build(self, cfg: Any, render_mode: str | None) -> None:
        """In the order of the real constructors: a build that fails leaves the simulation behind."""
        cfg.validate()
        self.cfg = cfg
        self.render_mode = render_mode
        self._is_closed = False
        if cfg.seed is not None:
            cfg.seed = self.seed(cfg.seed)
        self.sim = Simulation(cfg)
        print("[INFO]: Base environment:")
        print(f"\tEnvironment device    : {self.device}")
        if self._asked("build_fails", False):
            raise RuntimeError("Failed to find a prim at path: '/World/envs/env_.*/Robot'")
        self._physics = self.sim.start(cfg)
        self.scene = Scene(self._physics)
        self.viewport_camera_controller = None
        self._window = None
        self.extras: dict[str, Any] = {}
        self._sim_step_counter = 0
        self.metadata["render_fps"] = 1 / self.step_dt
        self._note("built")

    def _asked(self, trouble: str, default: Any) -> Any:
        """A field that makes trouble; configurations of projects have none."""
        return getattr(self.cfg, trouble, default)

    def _note(self, event: str) -> None:
        cfg = self.cfg
        line = {
            "event": event, "pid": os.getpid(), "cfg": type(cfg).__name__, "num_envs": cfg.scene.num_envs,
            "seed": cfg.seed, "device": cfg.sim.device, "step_dt": cfg.sim.dt * cfg.decimation,
            "episode_length_s": cfg.episode_length_s, "is_play": getattr(cfg, "is_play", False),
            "render_mode": self.render_mode, "steps": self.common_step_counter,
        }  # fmt: skip
        with open(Path(os.environ["ISAAC_PATH"]) / "kit/logs/environments", "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    @property
    def common_step_counter(self) -> int:
        return self._physics.env.common_step_counter

    @common_step_counter.setter
    def common_step_counter(self, value: int) -> None:
        self._physics.env.common_step_counter = value

    @property
    def episode_length_buf(self) -> torch.Tensor:
        """mjlab's terms look at it too."""
        return self._physics.env.episode_length_buf

    @episode_length_buf.setter
    def episode_length_buf(self, value: torch.Tensor) -> None:
        assert value.shape == (self.num_envs,) and value.dtype == torch.long, f"{value.dtype} {value.shape}"
        self._physics.env.episode_length_buf = value

    def step(self, action: Any) -> Any:
        assert not self._is_closed, "a step after close()"
        for tensor in action.values() if isinstance(action, dict) else [action]:
            assert tensor.device == torch.device(self.device), f"actions on {tensor.device}, not on {self.device}"
            assert tensor.shape == (self.num_envs, 1), f"actions of shape {tuple(tensor.shape)}"
        if 0 <= self._asked("crash_at_step", -1) <= self.common_step_counter:
            raise ValueError("the robot's own bug")
        return super().step(action)  # type: ignore[misc]

    def close(self) -> None:
        if not getattr(self, "_is_closed", True):
            if self._asked("close_hangs", False):
                time.sleep(1e6)
            self._note("closed")
        super().close()  # type: ignore[misc]

    def _poisoned(self, observations: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """NaN from a certain step on, if asked for."""
        if not 0 <= self._asked("nan_at_step", -1) <= self.common_step_counter:
            return observations
        return {name: torch.full_like(value, torch.nan) for name, value in observations.items()}


class ContractEnv(_Contract, ManagerBasedRLEnv):
    """A manager-based environment, with mjlab's managers."""

    def __init__(self, cfg: Any, render_mode: str | None = None, **kwargs: Any) -> None:
        self._build(cfg, render_mode)
        managed = self._physics.env
        for name in ("action", "observation", "command", "event", "termination", "reward", "curriculum"):
            setattr(self, f"{name}_manager", getattr(managed, f"{name}_manager"))
        self.recorder_manager = NoRecorder()
        self.obs_buf: dict[str, torch.Tensor] = {}
        self.observation_manager = Observations(self)
        self._configure_gym_env_spaces()
        print("[INFO]: Completed setting up the environment...")


class Observations:
    """mjlab's manager, which gives cached observations again where Isaac Lab's computes them anew."""

    def __init__(self, env: ContractEnv) -> None:
        self._env = env
        self._manager = env._physics.env.observation_manager

    def compute(self, update_history: bool = False) -> dict[str, torch.Tensor]:
        return self._env._poisoned(self._manager.compute(update_history=True))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._manager, name)


class NoRecorder(SimpleNamespace):
    """Isaac Lab's manager without a term."""

    active_terms = ()

    def reset(self, env_ids: Sequence[int]) -> dict[str, float]:
        return {}

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("record_"):
            raise AttributeError(name)
        return lambda *args: None


class _Direct(_Contract):
    """What a robot's project writes for a direct environment."""

    def _build(self, cfg: Any, render_mode: str | None) -> None:
        super()._build(cfg, render_mode)
        self.reset_buf = torch.zeros(self.num_envs, dtype=torch.bool, device=self.device)

    def _apply(self, actions: torch.Tensor) -> None:
        self._physics.env.action_manager.process_action(actions)

    def _apply_action(self) -> None:
        self._physics.env.action_manager.apply_action()

    def _observe(self) -> torch.Tensor:
        """Cart's position, cosine and sine of the pole's angle, their velocities."""
        return self._poisoned(self._physics.env.observation_manager.compute(update_history=True))["policy"]

    def _ends(self) -> tuple[torch.Tensor, torch.Tensor]:
        out = self._observe()[:, 0].abs() > OUT_OF_BOUNDS
        return out, self.episode_length_buf >= self.max_episode_length - 1

    def _reset_idx(self, env_ids: Any) -> None:
        super()._reset_idx(env_ids)  # type: ignore[misc]
        physics = self._physics.env
        physics.event_manager.apply(mode="reset", env_ids=env_ids, global_env_step_count=0)
        log = physics.reward_manager.reset(env_ids)
        physics.action_manager.reset(env_ids)
        self.episode_length_buf[env_ids] = 0
        self._logged(log)


class ContractDirectEnv(_Direct, DirectRLEnv):
    """A direct environment: no managers."""

    def __init__(self, cfg: Any, render_mode: str | None = None, **kwargs: Any) -> None:
        self._build(cfg, render_mode)
        self.reset_terminated = torch.zeros_like(self.reset_buf)
        self.reset_time_outs = torch.zeros_like(self.reset_buf)
        self._configure_gym_env_spaces()

    def _pre_physics_step(self, actions: torch.Tensor) -> None:
        self._apply(actions)

    def _get_observations(self) -> dict[str, torch.Tensor]:
        return {"policy": self._observe()}

    def _get_rewards(self) -> torch.Tensor:
        return self._physics.env.reward_manager.compute(dt=self.step_dt)

    def _get_dones(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self._ends()

    def _logged(self, log: dict[str, Any]) -> None:
        self.extras["log"] = log


class ContractMarlEnv(_Direct, DirectMARLEnv):
    """Cart and pole as two agents; both push the cart."""

    def __init__(self, cfg: Any, render_mode: str | None = None, **kwargs: Any) -> None:
        self._build(cfg, render_mode)
        self.extras = {agent: {} for agent in cfg.possible_agents}
        self._configure_env_spaces()

    def _pre_physics_step(self, actions: dict[str, torch.Tensor]) -> None:
        self._apply(actions["cart"] + actions["pole"])

    def _get_observations(self) -> dict[str, torch.Tensor]:
        seen = self._observe()
        return {"cart": seen[:, [0, 3]], "pole": seen[:, [1, 2, 4]]}

    def _get_states(self) -> torch.Tensor:
        return self._observe()

    def _get_rewards(self) -> dict[str, torch.Tensor]:
        reward = self._physics.env.reward_manager.compute(dt=self.step_dt)
        return {"cart": reward / 2, "pole": reward / 2}

    def _get_dones(self) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        terminated, time_outs = self._ends()
        return dict.fromkeys(self.cfg.possible_agents, terminated), dict.fromkeys(self.cfg.possible_agents, time_outs)

    def _logged(self, log: dict[str, Any]) -> None:
        self.extras["cart"]["log"] = log
