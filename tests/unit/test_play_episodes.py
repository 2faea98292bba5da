"""Episodes: the same number from every environment, so that short ones are not favoured."""

from __future__ import annotations

import pytest
import torch

from runners.play import Episodes, summary


def test_returns_and_lengths() -> None:
    episodes = Episodes(wanted=2, num_envs=2)
    for step in range(1, 4):
        episodes.add(torch.tensor([1.0, 2.0]), torch.tensor([step == 2, step == 3]))
    assert episodes.complete
    assert episodes.returns == [2.0, 6.0]
    assert episodes.lengths == [2, 3]
    assert summary(episodes) == "2 episodes: return 4.00 ± 2.83, length 2.50 ± 0.71 steps"


def test_short_episodes_are_not_favoured() -> None:
    episodes = Episodes(wanted=4, num_envs=2)
    for step in range(1, 21):  # the first environment ends at every step, the second at every tenth
        episodes.add(torch.ones(2), torch.tensor([True, step % 10 == 0]))
    assert episodes.complete
    assert sorted(episodes.lengths) == [1, 1, 10, 10]


@pytest.mark.parametrize(("wanted", "num_envs"), [(1, 8), (3, 2), (8, 8)])
def test_exactly_as_many_as_wanted(wanted: int, num_envs: int) -> None:
    episodes = Episodes(wanted, num_envs)
    for _ in range(10):
        episodes.add(torch.ones(num_envs), torch.ones(num_envs, dtype=torch.bool))
    assert len(episodes.returns) == wanted
