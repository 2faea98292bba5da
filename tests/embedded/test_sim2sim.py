"""make sim2sim: how a robot in plain MuJoCo is fed, driven and measured, and every policy that does not fit."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from real_make import ROOT, clean_environment, read_video
from robot_reader import assert_the_robot_runs

from runners import exported, motion_figures, motion_plot, plain_scene, sim2sim
from runners.closing import Closing
from runners.console import Console
from runners.deployment import Deployment, read, why_not_upstream
from runners.errors import UserError
from runners.exported import OnnxPolicy
from runners.interrupts import Interrupts
from runners.options import Options
from runners.plain_mujoco import Conditions, Motion, Push, Simulation, gravity_in
from runners.sim2sim_window import DOWN, ENTER, HOME, LEFT, RIGHT, SPACE, UP, Keys, check_display
from runners.simulators.mujoco import find_renderer
from runners.tasks.berkeley_humanoid_lite.robots import BIPED, HUMANOID, Robot


def described(robot: Robot, **values: Any) -> Deployment:
    """As upstream describes the robot, with a coarser physics step."""
    count = len(robot.joints)
    given = {
        "policy_checkpoint_path": "policy.onnx", "ip_robot_addr": "127.0.0.1", "ip_policy_obs_port": 10000,
        "ip_host_addr": "127.0.0.1", "ip_policy_acs_port": 10001, "control_dt": 0.004, "policy_dt": 0.04,
        "physics_dt": 0.002, "cutoff_freq": 1000.0, "num_joints": count, "joints": robot.joints,
        "joint_kp": robot.stiffness, "joint_kd": robot.damping, "effort_limits": robot.effort_limit,
        "default_base_position": (0.0, 0.0, 0.0), "default_joint_positions": robot.default_joint_pos,
        "num_observations": 9 + 3 * count, "history_length": 0, "command_velocity": (0.0, 0.0, 0.0),
        "num_actions": count, "action_scale": 0.25, "action_indices": tuple(range(count)),
        "action_limit_lower": -10000.0, "action_limit_upper": 10000.0,
    }  # fmt: skip
    return Deployment(**{**given, **values})


def network(path: Path, weights: np.ndarray, bias: np.ndarray | None = None, name: str = "obs") -> Path:
    """Write observation @ weights + bias as ONNX, with a batch of one as upstream's. weights: (inputs, outputs)."""
    inputs, outputs = weights.shape
    bias = np.zeros(outputs) if bias is None else bias
    graph = helper.make_graph(
        [helper.make_node("Gemm", [name, "w", "b"], ["actions"])],
        "policy",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, inputs])],
        [helper.make_tensor_value_info("actions", TensorProto.FLOAT, [1, outputs])],
        [
            numpy_helper.from_array(weights.astype(np.float32), "w"),
            numpy_helper.from_array(bias.astype(np.float32), "b"),
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


class Constant:
    """A policy without a network."""

    def __init__(self, *action: float) -> None:
        self.action = np.array(action, np.float32)
        self.seen: list[np.ndarray] = []

    def reset(self) -> None:
        self.seen.clear()

    def __call__(self, observations: np.ndarray, /) -> np.ndarray:
        self.seen.append(observations)
        return self.action


LEGS = described(HUMANOID, num_actions=12, action_indices=tuple(range(10, 22)), num_observations=45)
STILL = Constant(*[0.0] * 12)


@pytest.fixture(scope="module")
def biped() -> Simulation:
    return Simulation(described(BIPED))


def forward(_: float) -> tuple[float, float, float]:
    return 0.5, 0.0, 0.0


def refusal(*call: Any, **named: Any) -> str:
    function, *arguments = call
    with pytest.raises(UserError) as caught:
        function(*arguments, **named)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# how the policy is fed


def test_the_observation_is_the_trainings(biped: Simulation) -> None:
    biped.reset()
    angles = np.array(BIPED.default_joint_pos) + np.linspace(-0.1, 0.1, 12)
    rates = np.linspace(-1, 1, 12)
    half = math.radians(20) / 2
    biped.data.qpos[3:7] = math.cos(half), 0, math.sin(half), 0  # leaning forward
    biped.data.qpos[7:] = angles
    biped.data.qvel[3:6] = 0.1, 0.2, 0.3
    biped.data.qvel[6:] = rates
    mujoco.mj_forward(biped.model, biped.data)
    biped.action = np.arange(12, dtype=np.float32)
    lean = math.radians(20)
    wanted = [0.5, -0.1, 0.2, 0.1, 0.2, 0.3, math.sin(lean), 0, -math.cos(lean), *np.linspace(-0.1, 0.1, 12), *rates]
    observation = biped.observe((0.5, -0.1, 0.2))
    assert observation.dtype == np.float32 and observation.shape == (45,)
    np.testing.assert_allclose(observation, [*wanted, *range(12)], atol=1e-6)


def test_the_first_observation_is_of_a_robot_at_rest(biped: Simulation) -> None:
    biped.reset(Conditions(yaw=1.0))
    np.testing.assert_allclose(biped.observe((0, 0, 0)), [0] * 6 + [0, 0, -1] + [0] * 36, atol=1e-6)


def test_actions_are_clipped_before_they_are_remembered() -> None:
    simulation = Simulation(described(BIPED, action_limit_lower=-0.5, action_limit_upper=0.5))
    simulation.step(np.full(12, 2.0, np.float32))
    np.testing.assert_array_equal(simulation.observe((0, 0, 0))[33:], [0.5] * 12)
    np.testing.assert_allclose(simulation.data.ctrl, np.array(BIPED.default_joint_pos) + 0.125, atol=1e-7)


def test_history_comes_before_the_present_oldest_first() -> None:
    simulation = Simulation(described(BIPED, history_length=2))
    policy = Constant(*[0.0] * 12)
    simulation.rollout(policy, lambda t: (t, 0.0, 0.0), 0.16)
    slots = np.array(policy.seen).reshape(4, 3, 45)
    np.testing.assert_allclose(
        slots[:, :, 0], [[0, 0, 0], [0, 0, 0.04], [0, 0.04, 0.08], [0.04, 0.08, 0.12]], atol=1e-6
    )
    np.testing.assert_array_equal(slots[3, 0], slots[1, 2])


def test_noise_is_the_trainings_and_repeats(biped: Simulation) -> None:
    def observed(noise: float, seed: int) -> np.ndarray:
        biped.reset(Conditions(noise=noise, seed=seed))
        return biped.observe((0.5, 0, 0)) - [0.5, *[0] * 7, -1, *[0] * 36]

    once = observed(1.0, 1)
    np.testing.assert_array_equal(once, observed(1.0, 1))
    assert (once != observed(1.0, 2)).any()
    assert not once[:3].any() and not once[33:].any()
    for part, width in ((once[3:6], 0.3), (once[6:9], 0.05), (once[9:21], 0.05), (once[21:33], 2.0)):
        assert part.any() and np.abs(part).max() <= width + 1e-6


# how the motors are driven


@pytest.mark.parametrize("deployment", [described(BIPED), LEGS], ids=["biped", "legs of the humanoid"])
def test_the_motors_are_upstreams_clipped_pd(deployment: Deployment) -> None:
    """Against a loop in Python that computes the torques of plain motors at every physics step."""
    robot = BIPED if deployment.num_joints == 12 else HUMANOID
    simulation = Simulation(deployment)
    spec = plain_scene.spec(deployment, robot.model)
    for motor in spec.actuators:
        motor.gainprm[0], motor.biastype = 1, mujoco.mjtBias.mjBIAS_NONE
    model = spec.compile()
    model.opt.timestep = deployment.physics_dt
    data = mujoco.MjData(model)
    data.qpos[7:] = robot.default_joint_pos
    random = np.random.default_rng(0)
    limit, driven = np.array(robot.effort_limit), list(deployment.action_indices)
    clipped = 0
    for _ in range(8):
        action = random.normal(size=12).astype(np.float32)
        simulation.step(action)
        target = np.zeros(len(robot.joints))
        target[driven] = np.array(robot.default_joint_pos)[driven] + 0.25 * action
        for _ in range(deployment.substeps):
            torque = np.array(robot.stiffness) * (target - data.qpos[7:]) - np.array(robot.damping) * data.qvel[6:]
            clipped += int((np.abs(torque) > limit).sum())
            data.ctrl[:] = np.clip(torque, -limit, limit)
            mujoco.mj_step(model, data)
    assert clipped > 20
    np.testing.assert_allclose(simulation.data.qpos, data.qpos, atol=1e-9)


def test_joints_may_be_listed_in_another_order() -> None:
    def reordered(values: tuple[Any, ...]) -> tuple[Any, ...]:
        return values[6:] + values[:6]

    keys = ("joints", "joint_kp", "joint_kd", "effort_limits", "default_joint_positions")
    usual = described(BIPED)
    other = dataclasses.replace(usual, **{key: reordered(getattr(usual, key)) for key in keys})
    left, right = Simulation(usual), Simulation(other)
    action = np.linspace(-1, 1, 12).astype(np.float32)
    left.step(action)
    right.step(np.roll(action, -6))
    np.testing.assert_array_equal(left.data.qpos, right.data.qpos)
    np.testing.assert_array_equal(np.roll(left.observe((0, 0, 0))[9:21], -6), right.observe((0, 0, 0))[9:21])


def test_delay(biped: Simulation) -> None:
    biped.reset(Conditions(delay=0.02))
    started = biped.data.ctrl.copy()
    biped.step(np.ones(12, np.float32))
    np.testing.assert_allclose(biped.data.ctrl, started + 0.25)  # within the step
    biped.reset(Conditions(delay=0.05))
    biped.step(np.ones(12, np.float32))
    np.testing.assert_allclose(biped.data.ctrl, started)
    biped.step(np.zeros(12, np.float32))
    np.testing.assert_allclose(biped.data.ctrl, started + 0.25)


# what differs between episodes


def test_push_goes_along_the_heading(biped: Simulation) -> None:
    pushed = []
    for yaw in (0.0, math.pi / 2):
        motion = biped.rollout(STILL, forward, 0.12, Conditions(yaw=yaw, pushes=(Push(0.04, (1.0, 0.3)),)))
        assert abs(motion.velocity[0, 0]) < 0.1
        pushed.append(motion.velocity)
    assert pushed[0][1, 0] > 0.7 and pushed[0][1, 1] > 0.15
    np.testing.assert_allclose(pushed[0], pushed[1], atol=1e-6)


def test_mass_and_friction_are_of_one_episode_only(biped: Simulation) -> None:
    plain = biped.rollout(STILL, forward, 0.2)
    other = biped.rollout(STILL, forward, 0.2, Conditions(added_mass=2.0, friction=0.1))
    assert biped.model.geom("floor").friction[0] == 0.1 and other.mass == pytest.approx(plain.mass + 2.0)
    assert (plain.qpos != other.qpos).any()
    np.testing.assert_array_equal(biped.rollout(STILL, forward, 0.2).qpos, plain.qpos)
    assert biped.model.geom("floor").friction[0] == 1.0


def test_a_fall_ends_the_episode(biped: Simulation) -> None:
    push = Conditions(pushes=(Push(0.2, (2.5, 0.0)),))
    motion = biped.rollout(STILL, forward, 5.0, push, after_fall=0.2)
    assert motion.fell_at is not None and 0.3 < motion.fell_at < 1.5
    assert motion.time[-1] == pytest.approx(motion.fell_at + 0.2)
    first = int(np.argmax(motion.tilt >= 0.78))
    assert motion.time[first] == pytest.approx(motion.fell_at) and (motion.tilt[:first] < 0.78).all()
    np.testing.assert_allclose(motion.tilt, [math.acos(-gravity_in(q[3:7])[2]) for q in motion.qpos])


def test_a_simulation_that_diverges_is_an_error_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    wild = described(BIPED, joint_kd=(1e6,) * 12, effort_limits=(1e9,) * 12)
    said = refusal(Simulation(wild).rollout, STILL, forward, 1.0)
    assert "diverged" in said and "physics_dt" in said
    assert not list(tmp_path.iterdir())


# the policy's files


@pytest.fixture
def fitting(tmp_path: Path) -> Path:
    """A network that leaves the biped in its default pose, and its yaml."""
    described(BIPED).write(tmp_path / "still.yaml")
    return network(tmp_path / "still.onnx", np.zeros((45, 12)))


def find(policy: Path | str | None, config: Path | None = None, **named: Any) -> exported.Exported:
    return exported.find(
        policy and str(policy), config and str(config), named.get("run", "latest"), named.get("root", Path())
    )


def test_a_file_with_its_yaml(fitting: Path) -> None:
    found = find(fitting)
    assert (found.name, found.config) == ("still", fitting.with_suffix(".yaml"))
    assert found.results("sim2sim") == Path("logs/sim2sim/still")
    fitting.with_suffix(".yaml").rename(fitting.with_name("policy.yaml"))
    assert find(fitting).config.name == "policy.yaml"
    assert find(fitting, config=find(fitting).config).config.name == "policy.yaml"


def test_upstreams_folders(fitting: Path, tmp_path: Path) -> None:
    for name in ("checkpoints", "configs"):
        (tmp_path / name).mkdir()
    policy = fitting.rename(tmp_path / "checkpoints" / "policy_x.onnx")
    config = (tmp_path / "still.yaml").rename(tmp_path / "configs" / "policy_x.yaml")
    assert find(policy).config == config


def test_files_that_are_not_there(fitting: Path, tmp_path: Path) -> None:
    assert "POLICY '/none/x.onnx' is no file" in refusal(find, "/none/x.onnx")
    assert "unknown POLICY 'nonsense'" in refusal(find, "nonsense")
    assert "is no file; name a policy.yaml" in refusal(find, fitting, config=tmp_path / "none.yaml")
    fitting.with_suffix(".yaml").unlink()
    assert "there is no 'still.yaml' beside" in refusal(find, fitting)


def test_the_nearest_of_the_shipped_names(fitting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exported, "SHIPPED", fitting.parent)
    assert find("still").onnx == fitting
    assert "(did you mean 'still'?); the names are still" in refusal(find, "stil")


def test_a_run_must_be_exported_and_may_be_newer(fitting: Path, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "biped" / "first"
    (run / "params").mkdir(parents=True)
    (run / "model_300.pt").touch()
    assert "run 'first' is not exported; make export RUN=first" in refusal(find, None, root=tmp_path / "runs")
    (run / "exported").mkdir()
    onnx_file = fitting.rename(run / "exported" / "policy.onnx")
    assert "has no policy.yaml; make export RUN=first says why" in refusal(find, None, root=tmp_path / "runs")
    (tmp_path / "still.yaml").rename(run / "exported" / "policy.yaml")
    found = find(None, root=tmp_path / "runs")
    assert found.name == "first" and found.results("sim2sim") == run / "sim2sim"
    policy = OnnxPolicy(onnx_file)
    assert exported.outdated(found, policy) is None
    policy.metadata["iteration"] = "200"
    assert "make export RUN=first" in str(exported.outdated(found, policy))
    policy.metadata["iteration"] = "300"
    assert exported.outdated(found, policy) is None


def test_a_network_acts(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).normal(size=(5, 3))
    policy = OnnxPolicy(network(tmp_path / "p.onnx", weights, np.ones(3), name="onnx::Gemm_0"))
    assert (policy.num_observations, policy.num_actions) == (5, 3)
    rows = np.random.default_rng(1).normal(size=(4, 5)).astype(np.float32)
    np.testing.assert_allclose(policy(rows), rows @ weights + 1, atol=1e-5)
    np.testing.assert_allclose(policy(rows[2]), rows[2] @ weights + 1, atol=1e-5)


def test_rows_of_a_file_made_for_one_come_at_once(tmp_path: Path) -> None:
    """Which is several times as fast, as play with many environments needs it."""
    weights = np.random.default_rng(0).normal(size=(75, 22))
    policy = OnnxPolicy(network(tmp_path / "p.onnx", weights))
    rows = np.random.default_rng(1).normal(size=(6, 75)).astype(np.float32)
    np.testing.assert_allclose(policy(rows), [policy(row) for row in rows], atol=1e-6)
    assert policy._free is not None and policy._free.get_inputs()[0].shape == ["batch", 75]


def test_a_graph_that_has_one_row_in_its_middle_too_takes_them_one_by_one(tmp_path: Path) -> None:
    """One would fail with more, the other would give wrong numbers."""
    shape = numpy_helper.from_array(np.array([1, 5]), "shape")
    value = helper.make_tensor_value_info
    nodes = (
        helper.make_node("Reshape", ["obs", "shape"], ["actions"]),
        helper.make_node("ReduceMax", ["obs"], ["actions"], axes=[0], keepdims=1),
    )
    for node in nodes:
        graph = helper.make_graph(
            [node], "policy", [value("obs", TensorProto.FLOAT, [1, 5])],
            [value("actions", TensorProto.FLOAT, [1, 5])], [shape] if node.op_type == "Reshape" else [],
        )  # fmt: skip
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        onnx.save(model, tmp_path / "p.onnx")
        rows = np.random.default_rng(1).normal(size=(4, 5)).astype(np.float32)
        policy = OnnxPolicy(tmp_path / "p.onnx")
        np.testing.assert_array_equal(policy(rows), rows)
        assert policy._free is None


def test_a_file_made_for_four_rows_is_refused(tmp_path: Path) -> None:
    path = network(tmp_path / "p.onnx", np.zeros((5, 3)))
    model = onnx.load(path)
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_value = 4
    onnx.save(model, path)
    assert "'obs' is tensor(float) of shape [4, 5]; float of [1, n] is run" in refusal(OnnxPolicy, path)


def test_no_number_is_found_where_it_appears(tmp_path: Path, biped: Simulation) -> None:
    weights = np.zeros((45, 12))
    weights[0, 7] = 1e38  # overflows as soon as the command is large
    policy = OnnxPolicy(network(tmp_path / "p.onnx", weights))
    said = refusal(biped.rollout, policy, lambda t: (100.0 if t > 0.1 else 0.0, 0.0, 0.0), 1.0)
    assert "inf for action 7 at step 3" in said


def test_files_that_are_no_policies(fitting: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(fitting.read_bytes()[:600])
    assert "(600 bytes) is truncated or no ONNX network" in refusal(OnnxPolicy, broken)
    broken.write_bytes(b"")
    assert "(0 bytes) is truncated or no ONNX network" in refusal(OnnxPolicy, broken)
    two = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["c"])], "two",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in "ab"],
        [helper.make_tensor_value_info("c", TensorProto.FLOAT, [1, 4])],
    )  # fmt: skip
    onnx.save(helper.make_model(two, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), broken)
    assert "has 2 inputs and 1 outputs ('a', 'b', 'c')" in refusal(OnnxPolicy, broken)


def test_networks_of_other_robots(fitting: Path, tmp_path: Path) -> None:
    network(fitting, np.zeros((98, 12)))
    assert "takes 98 observations, and its yaml makes 45" in refusal(exported.load, find(fitting))
    network(fitting, np.zeros((45, 29)))
    assert "gives 29 actions, and its yaml drives 12 joints" in refusal(exported.load, find(fitting))


def test_yamls_of_other_robots() -> None:
    other = described(BIPED, joints=("knee", *BIPED.joints[1:]))
    said = refusal(Simulation, other)
    assert "biped has no 'knee' and it lacks 'leg_left_hip_roll_joint'" in said
    assert "3, gravity 3" in refusal(Simulation, described(BIPED, num_observations=48))
    assert "and it lacks 'arm_" not in said
    assert "it lacks 'arm_left_elbow_pitch_joint'" in refusal(Simulation, described(BIPED), HUMANOID.model)


# what is measured and written


def made_up(**values: Any) -> Motion:
    """Four seconds at 0.5 m/s forward, a command of 0.4, 10 W."""
    time = np.arange(1, 101) * 0.04
    given = {
        "time": time, "command": np.tile([0.4, 0, 0], (100, 1)), "velocity": np.tile([0.5, 0, 0], (100, 1)),
        "position": np.tile([0, 0, 0.65], (100, 1)), "qpos": np.zeros((100, 9)), "tilt": np.full(100, 0.05),
        "saturation": np.tile([0.0, 0.5], (100, 1)), "energy": np.full(100, 0.4), "joints": ("a_joint", "b_joint"),
        "mass": 10.0, "fell_at": None,
    }  # fmt: skip
    return Motion(**{**given, **values})


def test_figures() -> None:
    found = motion_figures.figures(made_up())
    assert found["distance_m"] == pytest.approx(2.0) and found["energy_j"] == pytest.approx(40.0)
    assert found["power_w"] == pytest.approx(10.0) and found["mean"]["forward"] == pytest.approx(0.5)
    assert found["cost_of_transport"] == pytest.approx(40 / (10 * 9.81 * 2))
    assert found["torque_at_limit"] == {"a_joint": 0.0, "b_joint": 0.5}
    lines = sim2sim.table({**found, "times_real_time": 5.0})
    assert "  forward [m/s]            0.40    0.50     0.00" in lines and "b 50%" in "\n".join(lines)


def test_figures_leave_out_the_start_and_the_fall() -> None:
    motion = made_up(fell_at=2.0)
    motion.velocity[:25] = 9.0
    motion.velocity[50:] = -9.0
    motion.saturation[50:] = 1.0
    found = motion_figures.figures(motion)
    assert found["mean"]["forward"] == pytest.approx(0.5) and found["upright_s"] == 2.0
    assert found["torque_at_limit"] == {"a_joint": 0.0, "b_joint": 0.5}
    assert motion_figures.figures(made_up(fell_at=0.4))["mean"]["forward"] == pytest.approx(0.5)
    still = made_up(velocity=np.zeros((100, 3)))
    assert motion_figures.figures(still)["cost_of_transport"] is None


def test_the_mean_of_a_stride_is_flat() -> None:
    stride = np.sin(np.arange(200) * 2 * math.pi / 25)
    smooth = motion_plot.moving_mean(stride, 0.04)
    assert np.abs(smooth[25:-25]).max() < 0.05 and smooth.shape == stride.shape
    np.testing.assert_allclose(motion_plot.moving_mean(np.ones(3), 0.04), 1.0)


def test_keys() -> None:
    keys = Keys((0.5, 0.0, 0.0))
    for key in (UP, UP, DOWN, HOME, LEFT, LEFT, RIGHT, ord("A")):
        keys(key)
    assert keys.command == (0.6, 0.1, 0.1) and not keys.anew
    keys(SPACE)
    keys(ENTER)
    assert keys.command == (0.0, 0.0, 0.0) and keys.anew


def test_a_display_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":4999")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert "no window opens on display ':4999'; give VIEWER=none" in refusal(check_display)


def run(policy: Path, console: Console, **values: Any) -> None:
    given = {"viewer": "none", "policy": str(policy), **values}
    sim2sim.sim2sim(Options(**given, given=frozenset(given)), console, Interrupts(), Closing())


def test_a_fall_is_written_and_is_a_failure(
    fitting: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUJOCO_GL", "disable")
    network(fitting, np.zeros((45, 12)), np.array([0, 0, -4, 0, 0, 0, 0, 0, -4, 0, 0, 0]))  # throws both legs up
    said = refusal(run, fitting, Console("sim2sim"), seconds=5.0, command=(0.2, 0.0, 0.1))
    assert said.startswith("the robot fell at ") and said.endswith(
        "at 0.2 m/s forward, 0 m/s to the left, 0.1 rad/s turning"
    )
    (folder,) = (tmp_path / "logs" / "sim2sim" / "still").iterdir()
    assert {path.name for path in folder.iterdir()} == {"summary.json", "motion.png"}
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["fell_at_s"] == summary["upright_s"] < 3 and summary["command"]["turning left"] == pytest.approx(0.1)
    assert "then it fell" in capsys.readouterr().out


def test_a_run_gets_figures_a_plot_and_a_video(fitting: Path, tmp_path: Path) -> None:
    assert find_renderer(), "no off-screen OpenGL: .ci/run installs it"
    run = tmp_path / "runs" / "biped" / "first"
    (run / "exported").mkdir(parents=True)
    (run / "params").mkdir()
    fitting.rename(run / "exported" / "policy.onnx")
    fitting.with_suffix(".yaml").rename(run / "exported" / "policy.yaml")
    given = ("--run=first", "--command=0,0,0", "--seconds=0.4", f"--log-root={tmp_path / 'runs'}")
    env = {**clean_environment(), "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    done = subprocess.run(
        [sys.executable, "-m", "runners.sim2sim", *given],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "  upright               0.40 s\n" in done.stdout and "sim2sim: video: " in done.stdout
    (folder,) = (run / "sim2sim").iterdir()
    assert {path.name for path in folder.iterdir()} == {"summary.json", "motion.png", "sim2sim.mp4", "sim2sim.png"}
    frames = read_video(folder / "sim2sim.mp4")
    assert frames.shape == (10, 480, 640, 3) and frames.std() > 10


def test_two_policies_are_shipped_and_are_small() -> None:
    assert exported.shipped() == ["bhl", "bhl-biped"]
    for name in exported.shipped():
        files = exported.SHIPPED / f"{name}.onnx", exported.SHIPPED / f"{name}.yaml"
        assert all(file.stat().st_size < 1_000_000 for file in files)
        # no machine's path; as upstream's own configurations have it
        assert files[1].read_text().startswith(f"policy_checkpoint_path: checkpoints/{name}.onnx\n")
        says = read(files[1])
        assert_the_robot_runs(files[0], says.inputs, says.num_actions)
        assert why_not_upstream(says) is None


@pytest.mark.parametrize("name", exported.shipped())
def test_the_shipped_policies_walk(name: str) -> None:
    deployment, policy = exported.load(find(name))
    motion = Simulation(deployment).rollout(policy, forward, 5.0)
    assert motion.fell_at is None
    assert motion_figures.figures(motion)["mean"]["forward"] == pytest.approx(0.5, abs=0.15)
