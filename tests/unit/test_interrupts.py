"""Signals: at once outside training, at a safe place inside, at once the second time."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from runners.interrupts import Interrupted, Interrupts


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    installed = Interrupts()
    installed.install()
    yield installed
    signal.signal(signal.SIGINT, before[0])
    signal.signal(signal.SIGTERM, before[1])


@pytest.mark.parametrize(
    ("signum", "status", "name"), [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")]
)
def test_at_once(interrupts: Interrupts, signum: int, status: int, name: str) -> None:
    with pytest.raises(Interrupted) as caught:
        os.kill(os.getpid(), signum)
    assert (caught.value.status, str(caught.value)) == (status, name)


def test_held_until_checked(interrupts: Interrupts) -> None:
    reached = False
    with pytest.raises(Interrupted), interrupts.held():
        interrupts.check()
        os.kill(os.getpid(), signal.SIGTERM)
        reached = True
        interrupts.check()
    assert reached


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_swallowed_interrupt_is_raised_again(interrupts: Interrupts) -> None:
    class Finalized:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            for _ in range(1000):  # the handler runs between two of these
                pass

    Finalized()
    with pytest.raises(Interrupted):
        interrupts.check()


def test_the_second_signal_does_not_wait(interrupts: Interrupts) -> None:
    with pytest.raises(Interrupted), interrupts.held():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        pytest.fail("the second signal waited too")
