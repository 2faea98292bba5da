"""rsl_rl's runner with what a workstation needs around it: whole checkpoints, progress, safe interruption."""

from __future__ import annotations

import math
import re
import statistics
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rsl_rl.runners import OnPolicyRunner

from runners.errors import UserError
from runners.run_dir import write_whole


@dataclass(frozen=True)
class Progress:
    """What one iteration came to."""

    iteration: int
    """Number of finished iterations, those of the runs before included."""
    total: int
    steps_per_second: float
    mean_return: float | None
    """Over the last 100 finished episodes; None before the first one ends."""
    mean_length: float | None
    """In steps, over the same episodes."""


class _Known(deque[float]):
    """Numbers of which those that are not known (NaN) are left out."""

    def extend(self, values: Iterable[float]) -> None:
        super().extend(value for value in values if not math.isnan(value))


class Learner:
    """Trains, saves and loads with the installed rsl_rl."""

    def __init__(self, env: Any, cfg: dict[str, Any], log_dir: Path | None, device: str) -> None:
        self.env = env
        self.runner = OnPolicyRunner(env, cfg, str(log_dir) if log_dir else None, device)
        self.device = device
        self.done = 0
        """Finished iterations."""
        self._steps = int(cfg["num_steps_per_env"]) * env.num_envs
        self._on_iteration: Callable[[Progress], None] = lambda progress: None
        self._total = 0
        self.runner.save = self._save  # rsl_rl writes checkpoints in place, and a kill would cut one in half
        self._log = self.runner.logger.log
        self.runner.logger.log = self._after_iteration

    def learn(self, total: int, on_iteration: Callable[[Progress], None]) -> None:
        """Train until ``total`` iterations are done, those of the run before included."""
        self._total = total
        self._on_iteration = on_iteration
        self.runner.learn(total - self.done, init_at_random_ep_len=True)

    def _after_iteration(self, **values: Any) -> None:
        self._log(**values)
        self.done = values["it"] + 1
        logger = self.runner.logger
        self._on_iteration(
            Progress(
                iteration=self.done,
                total=self._total,
                steps_per_second=self._steps / (values["collect_time"] + values["learn_time"]),
                mean_return=statistics.mean(logger.rewbuffer) if logger.rewbuffer else None,
                mean_length=statistics.mean(logger.lenbuffer) if logger.lenbuffer else None,
            )
        )

    def _save(self, path: str, infos: dict[str, Any] | None = None) -> None:
        # the step counter drives curricula; mjlab keeps it under the same names
        counter = {"common_step_counter": int(self.env.unwrapped.common_step_counter)}
        data = self.runner.alg.save()
        data["iter"] = self.runner.current_learning_iteration
        data["infos"] = {**(infos or {}), "env_state": counter, "episodes": self._episodes()}
        with write_whole(Path(path)) as stream:
            torch.save(data, stream)
        if self.runner.cfg.get("upload_model", True):
            self.runner.logger.save_model(path, data["iter"])

    def save(self, log_dir: Path) -> Path | None:
        """Save the state after the last finished iteration; None if there is nothing new to save."""
        if self.done == 0:
            return None
        path = log_dir / f"model_{self.done - 1}.pt"
        if not path.exists():
            self.runner.current_learning_iteration = self.done - 1
            self._save(str(path))
        return path

    def load(self, path: Path, policy_only: bool = False) -> None:
        """Take weights, and unless ``policy_only`` optimizer and iteration, from a checkpoint.

        Raises:
            UserError: the file holds something else, or another network.
        """
        data = read_checkpoint(path, self.device)
        self._check_shapes(path, data)
        parts = {"actor": True} if policy_only else None
        self.runner.alg.load(data, parts, True)
        infos = data.get("infos") or {}
        counter = (infos.get("env_state") or {}).get("common_step_counter")
        if counter is not None:
            self.env.unwrapped.common_step_counter = counter
        if not policy_only:
            self._restore_episodes(infos.get("episodes") or {})
            # rsl_rl would repeat iteration ``iter``, which the file already contains
            self.done = self.runner.current_learning_iteration = int(data["iter"]) + 1

    def _episodes(self) -> dict[str, list[float]]:
        logger = self.runner.logger
        return {"returns": list(logger.rewbuffer), "lengths": list(logger.lenbuffer)}

    def _restore_episodes(self, episodes: dict[str, list[float]]) -> None:
        """Let the mean return go on where it was.

        A resumed run starts its environments at random points of their episodes, as any run does. Those first
        episodes are only partly seen; their returns are left out, or the curve would fall to the bottom.
        """
        logger = self.runner.logger
        logger.rewbuffer = _Known(episodes.get("returns", ()), maxlen=100)
        logger.lenbuffer = _Known(episodes.get("lengths", ()), maxlen=100)
        logger.cur_reward_sum.fill_(math.nan)
        logger.cur_episode_length.fill_(math.nan)

    def _check_shapes(self, path: Path, data: dict[str, Any]) -> None:
        have = data["actor_state_dict"]
        want = self.runner.alg.get_policy().state_dict()
        differing = [
            f"'{key}' is {_size(have.get(key))} in the file and {_size(want.get(key))} in the task"
            for key in sorted(set(have) | set(want))
            if _size(have.get(key)) != _size(want.get(key))
        ]
        if differing:
            raise UserError(f"checkpoint '{path}' is of another network or task: {differing[0]}")

    def policy(self) -> Callable[[Any], torch.Tensor]:
        """The mean action for a batch of observations."""
        policy: Callable[[Any], torch.Tensor] = self.runner.get_inference_policy(device=self.device)
        return policy

    def close(self) -> None:
        """Write out what the logger still holds."""
        writer = self.runner.logger.writer
        if writer is not None:
            writer.flush()
            writer.close()
            self.runner.logger.stop_logging_writer()


def _size(tensor: Any) -> str:
    return "missing" if tensor is None else ("x".join(map(str, tensor.shape)) or "a number")


def read_checkpoint(path: Path, device: str) -> dict[str, Any]:
    """Read a checkpoint file; no pickled object is ever built.

    Raises:
        UserError: the file is not one, or of a generation that this learner does not read.
    """
    try:
        data = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        raise UserError(f"there is no checkpoint '{path}'") from None
    except Exception as error:
        reason = re.split(r"[\n.]", str(error), maxsplit=1)[0]
        raise UserError(f"cannot load '{path}': it is damaged or no checkpoint ({reason})") from None
    if not isinstance(data, dict) or not {"actor_state_dict", "critic_state_dict", "iter"} <= set(data):
        keys = ", ".join(map(str, data)) if isinstance(data, dict) else type(data).__name__
        raise UserError(f"cannot load '{path}': it is no checkpoint of rsl_rl 4 or later (it holds {keys})")
    return data
