"""What a run's training was told with ARGS, on its way to the play variant of the task."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from runners import console, play_env


def configs() -> SimpleNamespace:
    """As a task has it to play: without the training's pushes."""
    return SimpleNamespace(env=SimpleNamespace(events={"reset": {"height": 1.0}}), agent=SimpleNamespace(seed=1))


def test_what_the_play_variant_has_is_set_and_the_rest_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    config = configs()

    play_env.apply_recorded(
        config, ["env.events.push.speed=0.5", "env.events.reset.height=2.0", "agent.seed=7"], console.Console("play")
    )

    assert config.env.events == {"reset": {"height": 2.0}}
    assert config.agent.seed == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "play: warning: the run's ARGS 'env.events.push': 'env.events' has no field 'push'; it has reset; "
        "passed over, as the task is not the same to play"
    ]
