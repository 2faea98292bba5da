"""make evaluate: each condition has its effect, processes do not matter, and files, failures and interruptions."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import mujoco
import numpy as np
import pytest
from real_make import ROOT
from test_sim2sim import described, network

from runners import evaluate, robustness
from runners.closing import Closing
from runners.console import Console
from runners.deployment import Deployment
from runners.errors import UserError
from runners.evaluate import Job
from runners.interrupts import Interrupted, Interrupts
from runners.options import Options
from runners.plain_mujoco import Simulation
from runners.robustness import Case, Result
from runners.tasks.berkeley_humanoid_lite.robots import BIPED

GRID = robustness.grid(BIPED.largest_command)
CASES = [case for case in GRID if (case.name, case.friction, case.push) == ("half forward", 0.8, 0.5)]


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return Simulation(robustness.coarse(described(BIPED)))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy that leans on its noisy sensors, and falls."""
    folder = tmp_path_factory.mktemp("policies")
    described(BIPED, physics_dt=0.0005).write(folder / "falls.yaml")
    return network(folder / "falls.onnx", np.eye(45, 12, -21) * 0.5)


@pytest.fixture(scope="module")
def job(files: Path) -> Job:
    return Job(files, robustness.coarse(described(BIPED)), seed=3)


def no_progress(done: int) -> None:
    pass


def begin(
    simulation: Simulation, friction: float = 1.0, push: float = 0.0, mass: float = 0.0, delay: float = 0.0
) -> None:
    case = Case("stand", (0.0, 0.0, 0.0), friction, push, mass, delay)
    simulation.reset(robustness.conditions(case, 0, 0, 0))


STILL = np.zeros(12, np.float32)


def test_the_physics_step_divides_the_policys() -> None:
    def coarse(**values: float) -> Deployment:
        return robustness.coarse(described(BIPED, **values))

    assert coarse().physics_dt == 0.002 == coarse(physics_dt=0.005).physics_dt
    assert coarse(policy_dt=0.025, physics_dt=0.005).physics_dt == pytest.approx(0.025 / 13)


def test_every_contact_has_the_friction_of_the_cell(simulation: Simulation) -> None:
    for friction in (0.05, 0.8):
        begin(simulation, friction=friction)
        for _ in range(10):
            simulation.step(STILL)
        contacts = simulation.data.contact
        assert simulation.data.ncon >= 4
        np.testing.assert_allclose(contacts.friction[:, :2], friction)


def test_a_robot_slides_on_ice(simulation: Simulation) -> None:
    slid = []
    for friction in (0.05, 1.2):
        begin(simulation, friction=friction)
        for _ in range(5):
            simulation.step(STILL)
        simulation.data.qvel[0] += 0.3
        for _ in range(5):
            simulation.step(STILL)
        slid.append(np.linalg.norm(simulation.data.site("left_foot").xpos[:2]))
    begin(simulation)
    start = np.linalg.norm(simulation.data.site("left_foot").xpos[:2])
    assert abs(slid[0] - start) > 3 * abs(slid[1] - start)


def test_mass_and_inertia_grow_alike(simulation: Simulation) -> None:
    base = simulation.model.body("base").id
    begin(simulation)
    mass, inertia = float(simulation.model.body_mass[base]), simulation.model.body_inertia[base].copy()
    weight = float(mujoco.mj_getTotalmass(simulation.model))
    for added in (-1.0, 2.0):
        begin(simulation, mass=added)
        assert simulation.model.body_mass[base] == pytest.approx(mass + added)
        assert mujoco.mj_getTotalmass(simulation.model) == pytest.approx(weight + added)
        np.testing.assert_allclose(simulation.model.body_inertia[base], inertia * (mass + added) / mass)


@pytest.mark.parametrize("delay", robustness.DELAY)
def test_delay_shifts_the_target_by_exactly_that(simulation: Simulation, delay: float) -> None:
    begin(simulation, delay=delay)
    seen = []

    def record(model: object, data: mujoco.MjData) -> None:
        seen.append((float(data.time), float(data.ctrl[0])))

    mujoco.set_mjcb_control(record)
    try:
        simulation.step(np.full(12, 0.4, np.float32))
        simulation.step(STILL)
        simulation.step(STILL)
    finally:
        mujoco.set_mjcb_control(None)
    target = BIPED.default_joint_pos[0] + 0.25 * 0.4
    first = next(time for time, value in seen if value == pytest.approx(target))
    last = next(time for time, value in reversed(seen) if value == pytest.approx(target))
    assert first == pytest.approx(delay, abs=1e-9)
    assert last == pytest.approx(delay + 0.04 - 0.002, abs=1e-9)


def test_a_push_changes_the_velocity_by_its_speed(simulation: Simulation) -> None:
    begin(simulation, push=0.5)
    push = simulation.conditions.pushes[0]
    simulation.data.time = push.at
    before = simulation.data.qvel.copy()
    simulation._due()
    change = simulation.data.qvel - before
    assert np.linalg.norm(change[:2]) == pytest.approx(0.5) and not change[2:].any()
    yaw = simulation.conditions.yaw + np.arctan2(push.velocity[1], push.velocity[0])
    np.testing.assert_allclose(change[:2], 0.5 * np.array([np.cos(yaw), np.sin(yaw)]), atol=1e-9)


def test_two_processes_agree_with_one_and_all_files_are_there(
    files: Path, job: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(evaluate, "cores", lambda: 2)
    monkeypatch.setattr(robustness, "grid", lambda largest: CASES)
    monkeypatch.setattr(robustness, "undisturbed", lambda case: case is CASES[0])
    monkeypatch.setattr(robustness, "ANYWHERE", 3)
    options = Options(policy=str(files), episodes=2, seed=3, given=frozenset({"policy", "episodes", "seed"}))
    evaluate.evaluate(options, Console("evaluate"), Interrupts(), Closing())
    (folder,) = (tmp_path / "logs" / "evaluate" / "falls").iterdir()
    assert {path.name for path in folder.iterdir()} == {
        "robustness.png", "robustness.md", "cells.csv", "summary.json"
    }  # fmt: skip
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["physics_dt"] == 0.002
    alone = Result(CASES, [[evaluate.run_episode(job, case, at, n) for n in (0, 1)] for at, case in enumerate(CASES)])
    assert summary["all"] == pytest.approx(vars(alone.of()), abs=0)
    assert [one["upright"] for one in summary["worst"]] == [cell.upright for _, cell in alone.worst(8)]
    assert len({one.upright for outcomes in alone.outcomes for one in outcomes}) > len(CASES)  # noise makes them differ
    output = capsys.readouterr().out
    assert output.startswith(
        "evaluate: 'falls' (biped), seed 3: 9 cells x 2 episodes of 10 s and 3 at any command of 20 s, "
        "on 2 idle cores about "
    )
    anywhere = robustness.anywhere(BIPED.largest_command, 3)
    alone = Result(anywhere, [[evaluate.run_episode(job, case, at, 0)] for at, case in enumerate(anywhere)])
    assert summary["any_command"] == pytest.approx({"episode_s": 20.0, **vars(alone.of())}, abs=0)
    assert "episode 21 of 21" in output and output.endswith(f"results: {folder.relative_to(tmp_path)}\n")


def test_a_network_that_gives_no_number_is_one_line(job: Job, tmp_path: Path) -> None:
    broken = network(tmp_path / "nan.onnx", np.zeros((45, 12)), np.full(12, np.nan))
    with pytest.raises(UserError, match="gives nan for action 0 at step 0") as caught:
        evaluate.run(Job(broken, job.deployment, 0), CASES, 1, 2, no_progress)
    assert "\n" not in str(caught.value) and caught.value.__cause__ is None
    assert not multiprocessing.active_children()


def test_an_interruption_ends_every_process(job: Job) -> None:
    def interrupted(done: int) -> None:
        raise Interrupted(signal.SIGINT)

    with pytest.raises(Interrupted):
        evaluate.run(job, CASES * 30, 1, 2, interrupted)
    assert not multiprocessing.active_children()


def test_a_killed_process_is_one_line(job: Job) -> None:
    def kill(done: int) -> None:
        if done == 1:
            os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)

    with pytest.raises(UserError, match="was killed"):
        evaluate.run(job, CASES * 30, 1, 1, kill)


def test_the_log_ends_with_the_verb() -> None:
    """With VERBOSE=1 the log is a pipe, whose end is waited for; Python's own helper would hold it open."""
    code = (
        "import os; from multiprocessing.resource_tracker import _resource_tracker as tracker; "
        "from runners import evaluate; evaluate._start_tracker(); "
        "print([os.readlink(f'/proc/{tracker._pid}/fd/{fd}') for fd in (1, 2)])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "['/dev/null', '/dev/null']\n"


def test_nothing_is_left_of_a_failure(tmp_path: Path) -> None:
    with pytest.raises(Interrupted), evaluate.new_folder(tmp_path / "run" / "evaluate"):
        raise Interrupted(signal.SIGINT)
    assert not list((tmp_path / "run" / "evaluate").iterdir())
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write to"), evaluate.new_folder(tmp_path / "file"):
        pass
