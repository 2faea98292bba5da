"""The grid of an evaluation, the draws of an episode, and statistics of motions made by hand."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

import numpy as np
import pytest

from runners import robustness, robustness_picture, robustness_report
from runners.plain_mujoco import Motion
from runners.robustness import Case, Figures, Outcome, Result
from runners.robustness_report import About

CASES = robustness.grid((1.0, 0.5, 1.5))
CALM = Case("half forward", (0.5, 0.0, 0.0), 0.8, 0.0, 0.0, 0.0)
ABOUT = About("bhl", "biped", "bhl.onnx", "bhl.yaml", 0, 0.002, 12.5)


def motion(velocity: tuple[float, float, float], command: tuple[float, float, float], **values: Any) -> Motion:
    """Ten seconds at 25 Hz: something wild in the first, then a steady velocity."""
    time = (np.arange(250) + 1) * 0.04
    velocities = np.where(time[:, None] > 1.0, velocity, 99.0)
    fell_at = values.get("fell_at")
    if fell_at is not None:
        time, velocities = time[time <= fell_at + 0.2], velocities[: np.sum(time <= fell_at + 0.2)]
        velocities[time > fell_at] = -99.0
    count = len(time)
    none = np.zeros((count, 1))
    return Motion(
        time=time, command=np.tile(command, (count, 1)), velocity=velocities, position=none, qpos=none,
        tilt=none[:, 0], saturation=none, energy=none[:, 0], joints=("a",), mass=1.0, fell_at=fell_at,
    )  # fmt: skip


def test_every_combination_is_a_cell_once() -> None:
    assert len(CASES) == len(set(CASES)) == 7 * 3**4
    assert {case.name: case.command for case in CASES} == {
        "stand": (0, 0, 0), "half forward": (0.5, 0, 0), "full forward": (1, 0, 0), "full backward": (-1, 0, 0),
        "full left": (0, 0.5, 0), "full turn left": (0, 0, 1.5), "half of all": (0.5, 0.25, 0.75),
    }  # fmt: skip
    assert sum(map(robustness.undisturbed, CASES)) == 7


def test_any_command_is_of_the_whole_range_and_nothing_else_happens() -> None:
    drawn = robustness.anywhere((1.0, 0.5, 1.5), 0)
    assert drawn == robustness.anywhere((1.0, 0.5, 1.5), 0) != robustness.anywhere((1.0, 0.5, 1.5), 1)
    assert len(drawn) == 100 and all(robustness.undisturbed(case) and case.seconds == 20.0 for case in drawn)
    shares = np.array([case.command for case in drawn]) / [1.0, 0.5, 1.5]
    assert (np.abs(shares) <= 1).all() and (shares.min(axis=0) < -0.9).all() and (shares.max(axis=0) > 0.9).all()
    assert np.abs(np.corrcoef(shares.T) - np.eye(3)).max() < 0.3


def test_draws_repeat_and_differ_between_cells_episodes_and_seeds() -> None:
    case = next(case for case in CASES if case.push == 0.5)
    numbers = [(0, 3, 0), (0, 3, 1), (0, 4, 0), (1, 3, 0), (0, 33, 0)]
    drawn = [robustness.conditions(case, *three) for three in numbers]
    assert drawn == [robustness.conditions(case, *three) for three in numbers]
    assert len({one.seed for one in drawn}) == len({one.yaw for one in drawn}) == len(drawn)
    assert len({push for one in drawn for push in one.pushes}) == 2 * len(drawn)


def test_pushes_have_the_cells_speed_and_leave_time_to_fall() -> None:
    case = next(case for case in CASES if case.push == 1.0)
    for episode in range(50):
        first, second = robustness.conditions(case, 0, 0, episode).pushes
        assert 3.5 <= first.at <= 4.5 and 7.5 <= second.at <= 8.5
        assert math.hypot(*first.velocity) == pytest.approx(1.0) == pytest.approx(math.hypot(*second.velocity))


def test_a_case_is_an_episodes_conditions() -> None:
    made = robustness.conditions(Case("stand", (0, 0, 0), 0.4, 0.0, 2.0, 0.04), 0, 0, 0)
    assert (made.friction, made.added_mass, made.delay, made.pushes) == (0.4, 2.0, 0.04, ())
    assert made.noise == 1.0


def test_the_command_grows_for_a_second() -> None:
    command = robustness.command(Case("half of all", (0.5, 0.25, -1.0), 1, 0, 0, 0))
    assert command(0.0) == (0, 0, 0)
    assert command(0.5) == (0.25, 0.125, -0.5)
    assert command(1.0) == command(9.0) == (0.5, 0.25, -1.0)


def test_errors_are_those_of_the_mean_without_the_first_second() -> None:
    one = robustness.outcome(motion((0.47, 0.04, 0.1), (0.5, 0.0, 0.0)))
    assert (one.survived, one.upright) == (True, 10.0)
    assert one.speed_error == pytest.approx(0.05) and one.yaw_error == pytest.approx(0.1)
    assert one.forward_error == pytest.approx(0.03)


def test_what_comes_after_the_fall_is_no_tracking() -> None:
    one = robustness.outcome(motion((0.47, 0.04, -0.1), (0.5, 0.0, 0.0), fell_at=4.0))
    assert (one.survived, one.upright) == (False, 4.0)
    assert one.speed_error == pytest.approx(0.05) and one.yaw_error == pytest.approx(0.1)


def test_an_early_fall_has_no_tracking() -> None:
    assert robustness.outcome(motion((0.5, 0, 0), (0.5, 0, 0), fell_at=1.96)) == Outcome(False, 1.96, None, None)
    assert robustness.outcome(motion((0.5, 0, 0), (0.5, 0, 0), fell_at=2.0)).speed_error == pytest.approx(0.0)


def test_figures_are_means_over_the_episodes_that_have_them() -> None:
    outcomes = [
        Outcome(True, 10.0, 0.1, 0.3, 0.06),
        Outcome(False, 4.0, 0.3, 0.5, 0.1),
        Outcome(False, 1.0, None, None),
    ]
    assert robustness.figures(outcomes) == Figures(3, pytest.approx(1 / 3), 5.0, 0.2, 0.4, pytest.approx(0.08))
    assert robustness.figures(outcomes[2:]).speed_error is None


@pytest.fixture(scope="module")
def result() -> Result:
    """Two episodes a cell; they fall at the higher friction, and at once at the largest push."""

    def one(case: Case) -> Outcome:
        if case.push == 1.0:
            return Outcome(False, 0.5, None, None)
        return Outcome(case.friction < 1.0, 10.0 if case.friction < 1.0 else 3.0, case.delay * 10, case.push)

    return Result(CASES, [[one(case), one(case)] for case in CASES])


def test_marginals(result: Result) -> None:
    marginals = result.marginals()
    assert list(marginals["added mass [kg]"]) == ["-1", "0", "+2"]
    assert list(marginals["delay [ms]"]) == ["0", "20", "40"]
    assert all(sum(one.episodes for one in values.values()) == 2 * 567 for values in marginals.values())
    assert marginals["push [m/s]"]["1"] == Figures(378, 0.0, 0.5, None, None)
    assert marginals["friction"]["1.2"].survival == 0.0
    assert marginals["friction"]["0.4"].survival == pytest.approx(2 / 3)
    assert marginals["delay [ms]"]["40"].speed_error == pytest.approx(0.4)
    assert result.of(robustness.undisturbed) == Figures(14, 1.0, 10.0, 0.0, 0.0)


def test_the_worst_cells_fell_first(result: Result) -> None:
    worst = result.worst(200)
    assert all(case.push == 1.0 for case, _ in worst[:189])
    assert [(case.friction, case.delay) for case, _ in worst[189:]] == [(1.2, 0.04)] * 11


def test_a_panel_has_commands_down_and_friction_for_each_push_across(result: Result) -> None:
    cells = dict(result.cells())
    survival = robustness_picture.panel(cells, 0.0, 0.04, "survival")
    np.testing.assert_array_equal(survival, [[1, 1, 0, 1, 1, 0, 0, 0, 0]] * 7)
    error = robustness_picture.panel(cells, 0.0, 0.04, "speed_error")
    np.testing.assert_allclose(error, [[0.4] * 6 + [np.nan] * 3] * 7)


def test_the_tables(result: Result) -> None:
    cases = [Case("any", (0.3, 0.1, -0.2), 0.8, 0.0, 0.0, 0.0, seconds=20.0)] * 2
    anywhere = Result(cases, [[Outcome(True, 20.0, 0.05, 0.1, 0.04)], [Outcome(False, 9.0, 0.09, 0.2, 0.05)]])
    table = list(csv.DictReader(io.StringIO(robustness_report.table_of_cells([*result.cells(), *anywhere.cells()]))))
    assert len(table) == 569 and table[-1]["forward_error_m_s"] == "0.05"
    assert table[0] == {
        "command": "stand", "vx_m_s": "0.0", "vy_m_s": "0.0", "yaw_rad_s": "0.0", "friction": "0.4", "push_m_s": "0.0",
        "added_mass_kg": "-1.0", "delay_s": "0.0", "episodes": "2", "survival": "1", "upright_s": "10",
        "speed_error_m_s": "0", "yaw_error_rad_s": "0", "forward_error_m_s": "",
    }  # fmt: skip
    assert [row["speed_error_m_s"] for row in table if row["push_m_s"] == "1.0"] == [""] * 189
    text = robustness_report.markdown(result, anywhere, ABOUT)
    assert "| friction | 0.4 | 67 | 6.8 | 0.20 | 0.25 |\n|  | 0.8 | 67 |" in text
    assert "| any command |  | 50 | 14.5 | 0.07 | 0.15 |\n| all cells |" in text
    assert "whole range; forward speed at any command: mean error 0.045 m/s." in text
    lines = robustness_report.terminal(result, anywhere)
    assert all(len(line) <= 82 for line in lines) and "forward speed at any command: mean error 0.045 m/s" in lines
    summary = json.loads(json.dumps(robustness_report.summary(result, anywhere, ABOUT), allow_nan=False))
    assert summary["marginals"]["friction"]["1.2"]["upright"] == pytest.approx(6.5 / 3)
    assert summary["any_command"]["episode_s"] == 20.0 and summary["any_command"]["survival"] == 0.5
    assert summary["worst"][0]["push"] == 1.0 and summary["worst"][0]["speed_error"] is None
