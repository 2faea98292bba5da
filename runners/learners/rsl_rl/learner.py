"""rsl_rl's runner of any release, with what a workstation needs around it: whole checkpoints, progress, a true end."""

from __future__ import annotations

import io
import math
import statistics
import sys
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rsl_rl.runners import OnPolicyRunner

from runners import ranks
from runners.errors import UserError
from runners.learners.rsl_rl import checkpoint, config, holes
from runners.learners.rsl_rl.agent import Agent
from runners.learners.rsl_rl.metrics import UpdateMetrics
from runners.learners.rsl_rl.release import NEWEST, Release
from runners.learners.rsl_rl.vec_env import VecEnvAdapter
from runners.run_dir import write_whole

EPISODES = 100
"""Over how many of the last episodes rsl_rl takes its means."""


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
    """Numbers of which those that are not known (NaN) are left out, and all while it is ``closed``."""

    closed = False

    def extend(self, values: Iterable[float]) -> None:
        if not self.closed:
            super().extend(value for value in values if not math.isnan(value))


class EpisodeLog:
    """Means of what the environment logged in one iteration, whatever keys its steps have."""

    def __init__(self, logs: list[dict[str, Any]]) -> None:
        self._logs = logs

    def take(self) -> dict[str, float]:
        """The means since the last call, as {tag: mean}."""
        values: dict[str, list[Any]] = {}
        for log in self._logs:
            for key, value in log.items():
                # the names that rsl_rl gives them
                values.setdefault(key if "/" in key else f"Episode/{key}", []).append(value)
        self._logs.clear()
        means: dict[str, float] = {}
        on_device: dict[str, torch.Tensor] = {}
        for tag, given in values.items():
            tensors = [value.reshape(-1) for value in given if isinstance(value, torch.Tensor)]
            if len(tensors) == len(given):
                on_device[tag] = torch.cat(tensors).float().mean()
            else:
                means[tag] = statistics.mean(float(value) for value in given)
        if on_device:  # one transfer for all of them
            means.update(zip(on_device, torch.stack(list(on_device.values())).tolist(), strict=True))
        return means


class Learner:
    """Trains, saves and loads with the installed rsl_rl."""

    def __init__(self, env: VecEnvAdapter, agent: Agent, release: Release, log_dir: Path | None, device: str) -> None:
        ranks.check()
        self.env = env
        self.agent = agent
        self.release = release
        self.device = device
        self.done = 0
        """Finished iterations."""
        cfg, _ = config.write(agent, release, env.group_names)
        self._normalise = self._normalisers(cfg)
        if release.shape == "nested":
            holes.add_normaliser(cfg, OnPolicyRunner, self._normalise)
        self.runner = OnPolicyRunner(env, cfg, str(log_dir) if log_dir else None, device)
        holes.fill(self.runner, release)
        self.metrics = UpdateMetrics(self.runner.alg, release, agent.runner.get("check_for_nan", True))
        self._episode_log = EpisodeLog(env.logs)
        self._steps = int(agent.runner["num_steps_per_env"]) * env.num_envs * ranks.count()
        self._on_iteration: Callable[[Progress], None] = lambda progress: None
        self._total = 0
        self._buffers: tuple[deque[float], deque[float]] = (deque(), deque())
        """Returns and lengths of the last episodes."""
        self._resumed = False
        # rsl_rl writes checkpoints in place, and a kill would cut one in half
        self._write = self.runner.save
        self.runner.save = self._save
        self._listen()

    def _normalisers(self, cfg: dict[str, Any]) -> tuple[bool, bool]:
        """Whether actor and critic of this release get a normaliser."""
        if self.release.shape == "flat":
            return cfg["empirical_normalization"], cfg["empirical_normalization"]
        return self.agent.actor.obs_normalization, self.agent.critic.obs_normalization

    def _listen(self) -> None:
        """Be called after every iteration: by the runner up to 3.1.3, by its logger from 3.2.0 on."""
        if self.release.since("3.2.0"):
            log = self.runner.logger.log
            self.runner.logger.log = lambda **values: self._after_log(
                log(**values), values["it"], values["collect_time"] + values["learn_time"], self.runner.logger
            )
            return
        log = self.runner.log
        self.runner.log = lambda names, *args, **kwargs: self._after_log(
            log(names, *args, **kwargs),
            names["it"],
            names["collection_time"] + names["learn_time"],
            _Names(names),
        )

    def learn(self, total: int, on_iteration: Callable[[Progress], None]) -> None:
        """Train until ``total`` iterations are done, those of the run before included."""
        self._total = total
        self._on_iteration = on_iteration
        module = sys.modules[OnPolicyRunner.__module__]
        plain = getattr(module, "deque", None)
        if self._resumed and plain is not None:
            # up to 3.1.3 the buffers are made inside of learn: first the returns, then the lengths
            prepared = iter(self._buffers)
            module.deque = lambda maxlen: next(prepared, None) or plain(maxlen=maxlen)  # type: ignore[attr-defined]
        try:
            self.runner.learn(total - self.done, init_at_random_ep_len=True)
        except ValueError as error:
            if str(error).startswith("Expected parameter loc"):  # what torch says, of releases up to 2.2.2
                raise FloatingPointError(
                    "NaN or infinity in the observations, or in what the policy makes of them"
                ) from error
            raise
        finally:
            if plain is not None:
                module.deque = plain  # type: ignore[attr-defined]

    def _after_log(self, _: None, iteration: int, seconds: float, names: Any) -> None:
        self.done = iteration + 1
        if ranks.rank() > 0:  # some releases log in every process, and only the first has a writer
            return
        writer = self._writer()
        for tag, value in self._episode_log.take().items():
            writer.add_scalar(tag, value, iteration)
        for name, value in self.metrics.last.items():
            writer.add_scalar(f"PPO/{name}", value, iteration)
        self._buffers = names.rewbuffer, names.lenbuffer
        self._open_buffers(names)
        returns, lengths = self._buffers
        self._on_iteration(
            Progress(
                iteration=self.done,
                total=self._total,
                steps_per_second=self._steps / seconds,
                mean_return=statistics.mean(returns) if returns else None,
                mean_length=statistics.mean(lengths) if lengths else None,
            )
        )

    def _writer(self) -> Any:
        return self.runner.logger.writer if self.release.since("3.2.0") else self.runner.writer

    def _save(self, path: str, infos: dict[str, Any] | None = None) -> None:
        """In place of the runner's own: complete or not at all, named by the last finished iteration."""
        if ranks.rank() > 0:  # 3.2.0 and 3.3.0 save in every process
            return
        file = Path(path).with_name(f"model_{self.done - 1}.pt")
        # the step counter drives curricula; mjlab keeps it under the same names
        counter = {"common_step_counter": int(self.env.unwrapped.common_step_counter)}
        returns, lengths = self._buffers
        infos = {
            **(infos or {}),
            "env_state": counter,
            "episodes": {"returns": list(returns), "lengths": list(lengths)},
            "rsl_rl": self.release.version,
        }
        if self.release.contract == "pair" and any(self._normalise):
            infos["normaliser_counts"] = [int(normaliser.count) for normaliser in holes.normalisers(self.runner)]
        start, self.runner.current_learning_iteration = self.runner.current_learning_iteration, self.done - 1
        try:
            with write_whole(file) as stream:
                self._write(stream, infos)
        finally:
            self.runner.current_learning_iteration = start

    def save(self, log_dir: Path) -> Path | None:
        """Save the state after the last finished iteration; None if there is nothing new to save."""
        if self.done == 0:
            return None
        path = log_dir / f"model_{self.done - 1}.pt"
        if not path.exists():
            self._save(str(path))
        return path

    def load(self, path: Path, iteration: int) -> list[str]:
        """Go on from a checkpoint of any release: weights, optimizer, normalisers, counters.

        Args:
            path: the file.
            iteration: its number; what 1.0.2 writes inside is the start of its run.

        Returns:
            What could not be carried over.

        Raises:
            UserError: the file is none, or of another network.
        """
        state = checkpoint.read(path, self.device)
        state.iteration = iteration
        data = checkpoint.translate(state, self.release, self._normalise)
        check_shapes(path, state, data, self._weights())
        stream = io.BytesIO()
        torch.save(data, stream)
        stream.seek(0)
        self.runner.load(stream)
        if self.release.layout == "2.0.0" and any(self._normalise):
            holes.restore_counts(self.runner, data["infos"]["normaliser_counts"])
        self._set_learning_rate()
        self.env.restore_counter(state.infos)
        if self.agent.rnd is None:  # rsl_rl keeps two more buffers with it, and wants all or none filled
            self._restore_episodes(state.infos.get("episodes") or {})
        # rsl_rl would repeat iteration ``iter``, which the file already contains
        self.done = self.runner.current_learning_iteration = iteration + 1
        return state.losses

    def _weights(self) -> dict[str, Any]:
        """State dicts as the release would save them."""
        algorithm = self.runner.alg
        if self.release.since("4.0.0"):
            saved: dict[str, Any] = algorithm.save()
        else:
            saved = {"model_state_dict": holes.network(algorithm, self.release).state_dict()}
        return {key: value for key, value in saved.items() if key.endswith("_state_dict") and "optimizer" not in key}

    def _set_learning_rate(self) -> None:
        """An adaptive rate goes on from the file, a fixed one is the configuration's."""
        algorithm = self.runner.alg
        groups = algorithm.optimizer.param_groups
        if algorithm.schedule == "adaptive":
            algorithm.learning_rate = groups[0]["lr"]
            return
        algorithm.learning_rate = self.agent.algorithm["learning_rate"]
        for group in groups:
            group["lr"] = algorithm.learning_rate

    def _restore_episodes(self, episodes: dict[str, list[float]]) -> None:
        """Let the mean return go on where it was.

        A resumed run starts its environments at random points of their episodes, as any run does. Those first
        episodes are only partly seen; their returns are left out, or the curve would fall to the bottom.
        """
        self._resumed = True
        returns = _Known(episodes.get("returns", ()), maxlen=EPISODES)
        lengths = _Known(episodes.get("lengths", ()), maxlen=EPISODES)
        self._buffers = returns, lengths
        if self.release.since("3.2.0"):
            logger = self.runner.logger
            logger.rewbuffer, logger.lenbuffer = returns, lengths
            logger.cur_reward_sum.fill_(math.nan)
            logger.cur_episode_length.fill_(math.nan)
        else:
            # the sums of old releases cannot be reached before the first iteration is over
            returns.closed = lengths.closed = True

    def _open_buffers(self, names: Any) -> None:
        """After a resumed run's first iteration: from here on count the episodes that were seen from their start."""
        returns, lengths = self._buffers
        if not isinstance(returns, _Known) or not returns.closed or not isinstance(lengths, _Known):
            return
        running = names.cur_episode_length >= self.agent.runner["num_steps_per_env"]
        names.cur_reward_sum[running] = math.nan
        names.cur_episode_length[running] = math.nan
        returns.closed = lengths.closed = False

    def policy(self) -> Callable[[Any], torch.Tensor]:
        """The release's own policy: the mean action for what the adapter gives as observations."""
        policy: Callable[[Any], torch.Tensor] = self.runner.get_inference_policy(device=self.device)
        return policy

    def close(self) -> None:
        """Write out what the logger still holds."""
        writer = self._writer()
        if writer is not None:
            writer.flush()
            writer.close()


class _Names:
    """The local names of ``learn``, which releases up to 3.1.3 hand to ``log``, as attributes."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.__dict__ = names


def check_shapes(path: Path, state: checkpoint.State, have: dict[str, Any], want: dict[str, Any]) -> None:
    """Compare the tensors of a file with those of the network that is to take them.

    Raises:
        UserError: they differ; names the first that does, with both sizes.
    """
    for section, wanted in want.items():
        there = have.get(section, {})
        for key in [*wanted, *(key for key in there if key not in wanted)]:
            if _size(there.get(key)) == _size(wanted.get(key)) or key.endswith("count"):
                continue
            newer = ""
            if state.made_by and Release(state.made_by).unknown:
                newer = f"; it was made by rsl_rl {state.made_by}, newer than {NEWEST}, the newest that is known here"
            raise UserError(
                f"checkpoint '{path}' is of another network or task: '{key}' is {_size(there.get(key))} in the file "
                f"and {_size(wanted.get(key))} in the task{newer}"
            )


def _size(tensor: Any) -> str:
    return "missing" if tensor is None else ("x".join(map(str, tensor.shape)) or "a number")
