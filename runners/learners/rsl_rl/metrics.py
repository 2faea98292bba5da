"""What a PPO update is judged by and rsl_rl does not log: approximate KL, clip fractions, gradient norm.

Taken from what the update computes anyway, by listening at its calls: no second forward pass, and one
transfer from the GPU an iteration.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from runners.learners.rsl_rl.holes import network
from runners.learners.rsl_rl.release import Release

GENERATORS = ("mini_batch_generator", "recurrent_mini_batch_generator", "reccurent_mini_batch_generator")
"""Of rsl_rl's storage. The third is the second's name in 1.0.2."""


class UpdateMetrics:
    """Listens to ``alg.update`` of any release.

    ``last`` has the means over all samples of the last update:

    - ``approx_kl``: (ratio - 1) - log ratio, http://joschu.net/blog/kl-approx.html
    - ``clip_fraction``: samples whose ratio left 1 ± clip_param
    - ``value_clip_fraction``: samples whose value moved by more than clip_param, where that is clipped
    - ``grad_norm``: of actor and critic together, before clipping
    - ``mean_advantage``: before normalisation, and ``mean_return``: of the rollout
    """

    def __init__(self, algorithm: Any, release: Release, check_for_nan: bool) -> None:
        self.last: dict[str, float] = {}
        self._algorithm = algorithm
        self._check = check_for_nan and not release.since("5.0.0")
        self._columns = (2, 5) if release.since("3.0.0") else (3, 6)
        self._named = release.since("5.0.0")
        self._batch: Any = None
        self._log_ratios: list[torch.Tensor] = []
        self._moves: list[torch.Tensor] = []
        self._norms: list[torch.Tensor] = []
        self._update = algorithm.update
        algorithm.update = self.update
        for name in GENERATORS:
            if hasattr(algorithm.storage, name):
                setattr(algorithm.storage, name, self._listening(getattr(algorithm.storage, name)))
        self._listen_to_networks(network(algorithm, release), release)

    def update(self) -> Any:
        """``alg.update``, listened to.

        Raises:
            FloatingPointError: the rollout has NaN; releases before 5.0.0 would learn from it.
        """
        storage = self._algorithm.storage
        rollout = {
            "mean_return": storage.returns.mean(),
            "mean_advantage": (storage.returns - storage.values).mean(),
        }
        if self._check and not torch.isfinite(rollout["mean_return"] + storage.actions_log_prob.sum()):
            raise FloatingPointError("NaN or infinity in the observations, rewards or actions of the rollout")
        self._log_ratios, self._moves, self._norms = [], [], []
        clip = torch.nn.utils.clip_grad_norm_

        def listened(*args: Any, **kwargs: Any) -> torch.Tensor:
            norm = clip(*args, **kwargs)
            self._norms.append(norm.detach())
            return norm

        # rsl_rl looks the function up in its module on every call
        torch.nn.utils.clip_grad_norm_ = listened
        try:
            result = self._update()
        finally:
            torch.nn.utils.clip_grad_norm_ = clip
            self._batch = None
        self.last = self._means(rollout)
        return result

    def _listening(self, generator: Any) -> Any:
        def batches(*args: Any, **kwargs: Any) -> Iterator[Any]:
            for batch in generator(*args, **kwargs):
                self._batch = batch
                yield batch

        return batches

    def _listen_to_networks(self, net: Any, release: Release) -> None:
        name = "get_output_log_prob" if release.since("4.0.0") else "get_actions_log_prob"
        log_prob = getattr(net, name)

        def listened(actions: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = log_prob(actions)
            if self._batch is not None:
                self._add_ratio(result.detach())
            return result

        setattr(net, name, listened)
        if not getattr(self._algorithm, "use_clipped_value_loss", False):
            return
        if release.since("4.0.0"):
            self._algorithm.critic.register_forward_hook(lambda module, args, values: self._add_values(values))
            return
        evaluate = net.evaluate

        def evaluated(*args: Any, **kwargs: Any) -> torch.Tensor:
            values: torch.Tensor = evaluate(*args, **kwargs)
            self._add_values(values)
            return values

        net.evaluate = evaluated

    def _old(self, column: int) -> torch.Tensor:
        """Values (0) or log probabilities (1) of the rollout, of the mini-batch that is being learned from."""
        if self._named:
            batch = self._batch
            old: torch.Tensor = batch.old_actions_log_prob if column else batch.values
        else:
            old = self._batch[self._columns[column]]
        return old

    def _add_ratio(self, log_prob: torch.Tensor) -> None:
        old = self._old(1).squeeze(-1)
        self._log_ratios.append((log_prob[: len(old)] - old).flatten())  # symmetry appends mirrored samples

    def _add_values(self, values: torch.Tensor) -> None:
        if self._batch is not None:
            old = self._old(0)
            self._moves.append((values.detach()[: len(old)] - old).flatten())

    def _means(self, rollout: dict[str, torch.Tensor]) -> dict[str, float]:
        means = {}
        if batches := len(self._log_ratios):
            clip = self._algorithm.clip_param
            log_ratio = torch.cat(self._log_ratios)
            change = log_ratio.exp() - 1.0
            means["approx_kl"] = (change - log_ratio).mean()
            means["clip_fraction"] = (change.abs() > clip).float().mean()
            if self._moves:
                means["value_clip_fraction"] = (torch.cat(self._moves).abs() > clip).float().mean()
            # 4.0.0 and later clip actor and critic apart: two norms a mini-batch
            if self._norms and len(self._norms) % batches == 0:
                means["grad_norm"] = torch.stack(self._norms).reshape(batches, -1).square().sum(dim=1).sqrt().mean()
        means.update(rollout)
        return dict(zip(means, torch.stack(list(means.values())).tolist(), strict=True))
