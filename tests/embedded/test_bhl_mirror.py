"""The mirror of the robots, held to physics: mirrored motors drive a mirrored robot into the mirrored state."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tensordict import TensorDict
from test_sim2sim import described

from runners.plain_mujoco import Simulation
from runners.tasks.berkeley_humanoid_lite import mirror
from runners.tasks.berkeley_humanoid_lite.robots import BIPED, HUMANOID, ROBOTS, Robot

AUGMENT = {HUMANOID: mirror.humanoid, BIPED: mirror.biped}
ASYMMETRY = 0.03
"""Of one step: the left links' figures differ from the right ones' in the third digit."""


def images(robot: Robot, observation: np.ndarray, action: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    actor = torch.tensor(observation, dtype=torch.float32)[None]
    sizes = {"actor": actor, "critic": torch.cat([actor, torch.arange(9.0)[None]], dim=1)}
    obs, actions = AUGMENT[robot](
        None, TensorDict(sizes, batch_size=1), torch.tensor(action, dtype=torch.float32)[None]
    )
    assert obs["actor"].shape[0] == obs["critic"].shape[0] == actions.shape[0] == 2
    assert torch.equal(obs["actor"][0], actor[0])
    # base velocity x, y, z, then contact, air time and height of the left foot and the right one
    assert obs["critic"][1, -9:].tolist() == [0, -1, 2, 4, 3, 6, 5, 8, 7]
    assert torch.equal(obs["critic"][1, :-9], obs["actor"][1])
    return obs["actor"][1].numpy(), actions[1].numpy()


def put(simulation: Simulation, observation: np.ndarray, quaternion: np.ndarray, robot: Robot) -> None:
    """Hang the robot in the air in the state that an observation shows."""
    count = len(robot.joints)
    data = simulation.data
    simulation.reset()
    data.qpos[:] = [0, 0, 1, *quaternion, *(observation[9 : 9 + count] + robot.default_joint_pos)]
    data.qvel[:] = [0, 0, 0, *observation[3:6], *observation[9 + count : 9 + 2 * count]]


@pytest.mark.parametrize("robot", ROBOTS, ids=lambda robot: robot.name)
def test_the_mirror_image_moves_as_the_robot(robot: Robot) -> None:
    random, count = np.random.default_rng(2), len(robot.joints)
    simulation = Simulation(described(robot))
    low, high = simulation.model.jnt_range[1:].T
    for _ in range(3):
        angles = low + (high - low) * random.uniform(0.3, 0.7, count) - robot.default_joint_pos
        state = np.concatenate(
            [
                [0.3, 0.2, 0.1],
                random.normal(0, 0.5, 3),
                np.zeros(3),
                angles,
                random.normal(0, 1, count),
                np.zeros(count),
            ]
        )
        quaternion = np.array([1, 0, 0, 0]) + random.normal(0, 0.2, 4)
        quaternion /= np.linalg.norm(quaternion)
        action = random.normal(0, 0.3, count)
        image, mirrored_action = images(robot, state, action)
        put(simulation, state, quaternion, robot)
        simulation.step(action.astype(np.float32))
        after = simulation.observe((0.3, 0.2, 0.1))
        expected, _ = images(robot, after, action)
        put(simulation, image, quaternion * (1, -1, 1, -1), robot)
        simulation.step(mirrored_action)
        seen = simulation.observe((0.3, -0.2, -0.1))
        moved = np.abs(after - state).max()
        assert np.abs(seen - expected).max() < ASYMMETRY * moved, np.abs(seen - expected).argmax()
        assert np.abs(seen - after).max() > 10 * ASYMMETRY  # it is another state than the robot's own


@pytest.mark.parametrize("robot", ROBOTS, ids=lambda robot: robot.name)
def test_the_image_of_the_image_is_the_robot(robot: Robot) -> None:
    random, count = np.random.default_rng(3), len(robot.joints)
    observation, action = random.normal(size=9 + 3 * count), random.normal(size=count)
    again, action_again = images(robot, *images(robot, observation, action))
    np.testing.assert_allclose(again, observation, rtol=1e-6)
    np.testing.assert_allclose(action_again, action, rtol=1e-6)


def test_observations_or_actions_alone() -> None:
    assert mirror.biped(None, None, torch.zeros(3, 12))[0] is None
    assert mirror.biped(None, None, torch.zeros(3, 12))[1].shape == (6, 12)
