from typing import Any

from .actor_critic import ActorCritic


class ActorCriticRecurrent(ActorCritic):
    """The one thing that 1.0.2 can do and the double cannot; the name must be there to be patched and named."""

    is_recurrent = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError("the double has no recurrent policy")
