"""Observation terms as Isaac Lab defines them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from mjlab.envs import ManagerBasedRlEnv


def base_lin_vel(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Velocity of the base's centre of mass in the base's frame, m/s. Shape (num_envs, 3).

    mjlab's term of this name is the velocity of the base's origin, which here lies on the floor.

    Source: Isaac Lab, envs/mdp/observations.py.
    """
    return env.scene["robot"].data.root_com_lin_vel_b
