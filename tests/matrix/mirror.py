"""A symmetry of cartpole for tests: left and right exchanged."""

from __future__ import annotations

from typing import Any

import torch


def mirror(env: Any, obs: Any = None, actions: Any = None) -> tuple[Any, Any]:
    """Return samples and their mirror images, one behind the other: every observation and action changes its sign."""
    both_obs = None if obs is None else torch.cat([obs, obs.apply(lambda tensor: -tensor)])
    return both_obs, None if actions is None else torch.cat([actions, -actions])
