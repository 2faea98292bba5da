"""The velocity tasks' environments, built once for all test modules, and states made by hand."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest
import torch
from real_make import ROOT

from runners import options
from runners.simulators.mujoco import SIMULATOR
from runners.tasks.berkeley_humanoid_lite.robots import Robot

ENVS = 4
STEP_S = 0.04
COMMAND = "base_velocity"
FIGURES: dict[str, Any] = json.loads(Path(__file__).with_name("bhl_figures.json").read_text("utf-8"))["robots"]


@dataclass
class Bhl:
    """One robot's environment, as in training but for the number of robots."""

    robot: Robot
    env: Any

    @property
    def data(self) -> Any:
        return self.env.scene["robot"].data

    @property
    def command(self) -> Any:
        return self.env.command_manager.get_term(COMMAND)

    @property
    def qpos(self) -> np.ndarray:
        return numpy(self.env.sim.data.qpos)

    @property
    def qvel(self) -> np.ndarray:
        return numpy(self.env.sim.data.qvel)

    @property
    def com(self) -> np.ndarray:
        return np.array(FIGURES[self.robot.name]["bodies"][0]["com"])

    def joints(self, *parts: str) -> list[int]:
        """Places of the joints whose names have one of the parts."""
        return [i for i, name in enumerate(self.robot.joints) if any(part in name for part in parts)]

    def soft_limits(self) -> tuple[np.ndarray, np.ndarray]:
        """0.9 of each joint's range, about its middle."""
        low, high = np.array([joint["range"] for joint in FIGURES[self.robot.name]["joints"]]).T
        return (low + high) / 2 - 0.45 * (high - low), (low + high) / 2 + 0.45 * (high - low)

    def event(self, name: str) -> Any:
        return self.env.event_manager.get_term_cfg(name)


@functools.cache
def built(robot: Robot) -> Bhl:
    with pytest.MonkeyPatch.context() as patch:  # the variables are for this build; later tests start others
        patch.setenv("MUJOCO_GL", "disable")
        patch.setenv("WARP_CACHE_PATH", str(ROOT / ".cache" / "warp"))
        SIMULATOR.launch(options.parse("train", []))
        cfg = SIMULATOR.configs(robot.task).env
        cfg.scene.num_envs, cfg.seed = ENVS, 3
        env = SIMULATOR.make_env(cfg, "cpu")
        env.reset()
    return Bhl(robot, env)


@dataclass
class States:
    """One state for each environment; position and velocity are those of the base's origin, in the world."""

    position: np.ndarray
    quaternion: np.ndarray
    linear: np.ndarray
    angular: np.ndarray
    joints: np.ndarray
    speeds: np.ndarray
    command: np.ndarray
    before: np.ndarray
    action: np.ndarray

    def rotations(self) -> np.ndarray:
        """Of the base's axes into the world's. Shape (ENVS, 3, 3)."""
        return np.stack([rotation(quaternion) for quaternion in self.quaternion])

    def angular_in_world(self) -> np.ndarray:
        return np.einsum("nij,nj->ni", self.rotations(), self.angular)

    def com_velocity(self, com: np.ndarray) -> np.ndarray:
        """In the world, of the point that has this place in the base."""
        return self.linear + np.cross(self.angular_in_world(), self.rotations() @ com)


def resting(bhl: Bhl, height: float) -> States:
    """Upright, straight, still: every joint at 0, the base's origin at this height."""
    many = len(bhl.robot.joints)
    states = States(*(np.zeros((ENVS, size)) for size in (3, 4, 3, 3, many, many, 3, many, many)))
    states.position[:, 2], states.quaternion[:, 0] = height, 1.0
    return states


def random_states(bhl: Bhl, seed: int = 0) -> States:
    """In the air, tilted, turned and moving, some joints beyond their soft limits."""
    draw = np.random.default_rng(seed)
    states = resting(bhl, 0.0)
    for values, size in (
        (states.linear, 1.0), (states.angular, 1.5), (states.speeds, 2.0), (states.command, 1.0),
        (states.before, 1.0), (states.action, 1.0),
    ):  # fmt: skip
        values[:] = draw.uniform(-size, size, values.shape)
    states.position[:] = [0.3, -0.2, 1.5]
    states.quaternion[:] = [
        turned(yaw, roll, pitch)
        for yaw, roll, pitch in zip(
            (2.0, -1.0, 0.5, -2.9), draw.uniform(-0.5, 0.5, ENVS), draw.uniform(-0.5, 0.5, ENVS), strict=True
        )
    ]
    low, high = np.array([joint["range"] for joint in FIGURES[bhl.robot.name]["joints"]]).T
    states.joints[:] = draw.uniform(low, high, states.joints.shape)
    states.joints[:, 0], states.joints[:, 1] = low[0], high[1]
    return states


def put(bhl: Bhl, states: States) -> None:
    """Write states, commands and actions, and compute what follows from them without a step."""
    env = bhl.env
    write(env.sim.data.qpos, np.hstack([states.position, states.quaternion, states.joints]))
    write(env.sim.data.qvel, np.hstack([states.linear, states.angular, states.speeds]))
    write(bhl.command.vel_command_b, states.command)
    for action in (states.before, states.action):
        env.action_manager.process_action(torch.tensor(action, dtype=torch.float32))
    env.action_manager.apply_action()
    env.scene.write_data_to_sim()
    env.sim.data.xfrc_applied[:] = 0.0
    env.sim.forward()


def feel(bhl: Bhl, samples: int) -> None:
    """Let the contact sensors read the present contacts for so many physics steps."""
    for _ in range(samples):
        bhl.env.scene.update(bhl.env.physics_dt)


def forget(bhl: Bhl) -> None:
    """Take from the contact sensors what they have felt."""
    for name in ("feet_contact", "undesired_contact"):
        bhl.env.scene[name].reset()


def turned(yaw: float, roll: float = 0.0, pitch: float = 0.0) -> np.ndarray:
    """The quaternion of a yaw after a pitch after a roll."""
    result = np.array([1.0, 0.0, 0.0, 0.0])
    for axis, angle in (((0, 0, 1), yaw), ((0, 1, 0), pitch), ((1, 0, 0), roll)):
        one = np.array([np.cos(angle / 2), *(np.sin(angle / 2) * np.array(axis))])
        mujoco.mju_mulQuat(result, result.copy(), one)
    return result


def rotation(quaternion: Any) -> np.ndarray:
    matrix = np.empty(9)
    mujoco.mju_quat2Mat(matrix, np.asarray(quaternion, dtype=float))
    return matrix.reshape(3, 3)


def numpy(tensor: Any) -> np.ndarray:
    return tensor[:].detach().numpy().astype(float).copy()


def write(tensor: Any, values: np.ndarray) -> None:
    tensor[:] = torch.tensor(values, dtype=torch.float32)
