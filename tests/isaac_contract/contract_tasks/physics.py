"""What lies below Isaac Lab's environments here: a cart and its pole in MuJoCo, through mjlab.

mjlab's managers have the interface of Isaac Lab's, so that the code of Isaac Lab's environments runs over them.
"""

from __future__ import annotations

import importlib
import math
import os
import sys
import types
from pathlib import Path
from typing import Any

import carb.settings
import torch

CENTRE = 1.0
"""Height of what the camera looks at, in m."""


class Physics:
    """mjlab's environment of a task's configuration, and its parts."""

    def __init__(self, cfg: Any, cameras: bool) -> None:
        torch.set_num_threads(1)  # several only wait for each other at these sizes, where tests run side by side
        choose_renderer(cameras)
        from mjlab.envs import ManagerBasedRlEnv

        env_cfg = mjlab_cfg(cfg)
        self.env = ManagerBasedRlEnv(env_cfg, device=cfg.sim.device, render_mode="rgb_array" if cameras else None)

    def reset(self, env_ids: torch.Tensor) -> None:
        """To the default state."""
        self.env.sim.reset(env_ids)
        self.env.scene.reset(env_ids)

    def step(self) -> None:
        """One physics step."""
        self.env.sim.step()

    def draw(self) -> Any:
        """What the viewport's camera sees. Shape: (height, width, 3), uint8."""
        self.env.sim.forward()
        return self.env.render()


def choose_renderer(cameras: bool) -> None:
    """MUJOCO_GL is read by mujoco's first import."""
    from runners.simulators.mujoco import find_renderer

    os.environ["MUJOCO_GL"] = (find_renderer() or "disable") if cameras else "disable"
    if cameras and os.environ["MUJOCO_GL"] == "disable":
        raise RuntimeError("no off-screen OpenGL draws on this machine")


def cartpole() -> Any:
    """Import mjlab's cartpole alone: the package of its tasks imports every robot, and takes seconds for it."""
    import mjlab

    package = types.ModuleType("mjlab.tasks")
    package.__path__ = [str(Path(mjlab.__file__).parent / "tasks")]
    sys.modules.setdefault("mjlab.tasks", package)
    return importlib.import_module("mjlab.tasks.cartpole.cartpole_env_cfg")


def mjlab_cfg(cfg: Any) -> Any:
    """The task Mjlab-Cartpole-Balance with the figures of Isaac Lab's configuration."""
    from mjlab.envs.mdp import last_action
    from mjlab.managers.observation_manager import ObservationTermCfg

    found = cartpole().cartpole_balance_env_cfg()
    found.scene.num_envs = cfg.scene.num_envs
    found.seed = cfg.seed
    found.decimation = cfg.decimation
    found.episode_length_s = cfg.episode_length_s
    found.sim.mujoco.timestep = cfg.sim.dt
    policy, critic = found.observations["actor"], found.observations["critic"]
    found.observations = {"policy": policy}
    if getattr(cfg, "asymmetric", False):
        critic.terms["last_action"] = ObservationTermCfg(func=last_action)
        found.observations["critic"] = critic
    view(found, cfg.viewer)
    return found


def view(found: Any, viewer: Any) -> None:
    """Where the camera stands, seen from the robot, and the size of its pictures."""
    x, y, z = (eye - at for eye, at in zip(viewer.eye, viewer.lookat, strict=True))
    z -= CENTRE
    found.viewer.width, found.viewer.height = viewer.resolution
    found.viewer.distance = math.hypot(x, y, z)
    found.viewer.azimuth = math.degrees(math.atan2(-y, -x))
    found.viewer.elevation = -math.degrees(math.atan2(z, math.hypot(x, y)))
    wanted = found.scene.spec_fn

    def spec_fn(spec: Any) -> None:
        if wanted is not None:
            wanted(spec)
        spec.visual.quality.shadowsize = 1024  # mjlab's takes 0.3 s a picture without a GPU

    found.scene.spec_fn = spec_fn


def setting(path: str) -> bool:
    """A setting of Kit, as SimulationContext reads it."""
    return bool(carb.settings.get_settings().get(path))
