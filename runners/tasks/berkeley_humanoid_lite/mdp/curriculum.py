"""What becomes harder while a policy learns."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from mjlab.envs import ManagerBasedRlEnv

    Ranges = dict[str, tuple[float, float]]


def widen(
    env: ManagerBasedRlEnv, env_ids: torch.Tensor, *, events: tuple[str, ...], first: Ranges, last: Ranges, steps: int
) -> float:
    """Widen ``velocity_range`` of the named events, linearly with the environment's steps; return how far, 0 to 1.

    Args:
        env: the environment.
        env_ids: those that are being reset.
        events: names of the events.
        first: the ranges at the first step, m/s and rad/s.
        last: the ranges from ``steps`` on, of the same axes.
        steps: of the environment, as a policy counts them.
    """
    share = float(min(1.0, env.common_step_counter / steps))
    now = {
        axis: tuple(begin + share * (end - begin) for begin, end in zip(first[axis], last[axis], strict=True))
        for axis in last
    }
    for event in events:
        env.event_manager.get_term_cfg(event).params["velocity_range"] = now
    return share
