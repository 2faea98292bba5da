from abc import ABC, abstractmethod
from typing import Any

import torch


class VecEnv(ABC):
    """A subclass that lacks one of these methods cannot be built; the runner takes any other object as well."""

    @abstractmethod
    def step(self, actions: torch.Tensor) -> tuple[Any, Any, Any, Any, dict[str, Any]]: ...

    @abstractmethod
    def reset(self, env_ids: Any) -> Any: ...

    @abstractmethod
    def get_observations(self) -> torch.Tensor: ...

    @abstractmethod
    def get_privileged_observations(self) -> torch.Tensor | None: ...
