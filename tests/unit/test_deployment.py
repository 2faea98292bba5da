"""policy.yaml: what is read, and what is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from runners import deployment
from runners.deployment import KEYS, Deployment, checkpoint_path, why_not_upstream
from runners.errors import UserError
from runners.tasks.berkeley_humanoid_lite.robots import BIPED, HUMANOID

BIPED_YAML = Deployment(
    policy_checkpoint_path="policy.onnx",
    ip_robot_addr="127.0.0.1",
    ip_policy_obs_port=10000,
    ip_host_addr="127.0.0.1",
    ip_policy_acs_port=10001,
    control_dt=0.004,
    policy_dt=0.04,
    physics_dt=0.0005,
    cutoff_freq=1000.0,
    num_joints=12,
    joints=BIPED.joints,
    joint_kp=BIPED.stiffness,
    joint_kd=BIPED.damping,
    effort_limits=BIPED.effort_limit,
    default_base_position=(0.0, 0.0, 0.0),
    default_joint_positions=BIPED.default_joint_pos,
    num_observations=45,
    history_length=0,
    command_velocity=(0.0, 0.0, 0.0),
    num_actions=12,
    action_scale=0.25,
    action_indices=tuple(range(12)),
    action_limit_lower=-10000.0,
    action_limit_upper=10000.0,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    BIPED_YAML.write(path)
    return path


def change(path: Path, without: tuple[str, ...] = (), **values: Any) -> None:
    table = yaml.safe_load(path.read_text()) | values
    path.write_text(yaml.safe_dump({key: value for key, value in table.items() if key not in without}))


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        deployment.read(path)
    message = str(caught.value)
    assert f"'{path}'" in message and "\n" not in message
    return message


def test_what_is_written_is_read_again(path: Path) -> None:
    assert deployment.read(path) == BIPED_YAML
    table = yaml.safe_load(path.read_text())
    assert tuple(table) == KEYS and len(KEYS) == 24
    assert table["joints"][0] == "leg_left_hip_roll_joint" and table["default_joint_positions"][2:5] == [
        -0.2,
        0.4,
        -0.3,
    ]


def test_rates() -> None:
    assert (BIPED_YAML.substeps, BIPED_YAML.control_substeps, BIPED_YAML.inputs) == (80, 8, 45)
    coarse = dataclasses.replace(BIPED_YAML, physics_dt=0.005, history_length=2)
    assert (coarse.substeps, coarse.control_substeps, coarse.inputs) == (8, 1, 135)


def test_one_number_for_all_joints_and_no_joints(path: Path) -> None:
    change(path, without=("joints",), joint_kp=20, joint_kd=2, effort_limits=7.5)
    assert deployment.read(path) == dataclasses.replace(BIPED_YAML, effort_limits=(7.5,) * 12)


def test_yaml_takes_an_exponent_without_a_point_for_a_text(path: Path) -> None:
    path.write_text(path.read_text().replace("physics_dt: 0.0005", "physics_dt: 5e-4"))
    assert deployment.read(path) == BIPED_YAML


def test_all_missing_keys_at_once(path: Path) -> None:
    change(path, without=("policy_dt", "joint_kp", "action_scale"))
    assert "lacks policy_dt, joint_kp, action_scale; make export" in refusal(path)


def test_unknown_robot_without_joints(path: Path) -> None:
    change(path, without=("joints",), num_joints=7)
    assert "lacks joints;" in refusal(path)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"joint_kp": [20.0] * 11}, "joint_kp has 11 values, and num_joints 12"),
        ({"joint_kd": "two"}, "joint_kd 'two' is not a list"),
        ({"joints": ["a"] * 12}, "joints has 'a' twice"),
        ({"joints": [1.0] * 12}, "joints '1.0' is not a text"),
        ({"effort_limits": [6.0] * 11 + [float("nan")]}, "effort_limits 'nan' is not a finite number"),
        ({"effort_limits": 0}, "effort_limits '0' must be above 0"),
        ({"action_scale": float("inf")}, "action_scale 'inf' is not a finite number"),
        ({"action_scale": [0.25]}, "action_scale '[0.25]' is not a finite number"),
        ({"num_actions": 12.5}, "num_actions '12.5' is not a whole number"),
        ({"num_actions": True}, "num_actions 'True' is not a whole number"),
        ({"num_joints": "many"}, "num_joints 'many' is not a whole number"),
        ({"num_joints": 22}, "joints has 12 values, and num_joints 22"),
        ({"num_actions": 10}, "action_indices has 12 values, and num_actions 10"),
        ({"action_indices": [*range(11), 12]}, "action_indices '12' is none of 12 joints"),
        ({"action_indices": [*range(11), 0]}, "action_indices has '0' twice"),
        ({"command_velocity": [0.0]}, "command_velocity has 1 values"),
        ({"history_length": -1}, "history_length '-1' must be 0 or more"),
        ({"policy_dt": 0}, "policy_dt '0' must be above 0"),
        ({"policy_dt": 0.0401}, "policy_dt '0.0401' is not a multiple of physics_dt '0.0005'"),
        ({"physics_dt": 0.1}, "policy_dt '0.04' is not a multiple of physics_dt '0.1'"),
        ({"action_limit_upper": -10000}, "action_limit_lower '-10000.0' is not below action_limit_upper"),
    ],
)
def test_bad_values(path: Path, values: dict[str, Any], says: str) -> None:
    change(path, **values)
    assert says in refusal(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"a: [1", "cannot read"), (b"\xff\xfe\x00", "is no text"), (b"- 1\n", "is no table"), (b"", "is no table")],
)
def test_other_files(path: Path, content: bytes, says: str) -> None:
    path.write_bytes(content)
    assert says in refusal(path)


def test_no_file(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "none.yaml")


def test_upstreams_programs_find_the_policy_from_their_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert checkpoint_path(Path("run/exported/policy.onnx")) == str(tmp_path / "run/exported/policy.onnx")
    assert checkpoint_path(tmp_path / "policy.onnx") == str(tmp_path / "policy.onnx")


@pytest.mark.parametrize("folder", ["my.pt", "v1.ptq/run", "${oc.env:HOME}"])
def test_a_path_that_upstreams_programs_take_for_something_else(folder: str, tmp_path: Path) -> None:
    """TorchScript, or a word of OmegaConf's."""
    assert checkpoint_path(tmp_path / folder / "policy.onnx") == "checkpoints/policy.onnx"


def test_a_path_is_on_one_line_whatever_is_in_it(tmp_path: Path) -> None:
    """The README's sed replaces a line."""
    path = f"/home/möller/my  runs {'and other folders ' * 9}/policy.onnx"
    dataclasses.replace(BIPED_YAML, policy_checkpoint_path=path).write(tmp_path / "policy.yaml")
    lines = (tmp_path / "policy.yaml").read_text().splitlines()
    assert lines[1] == "ip_robot_addr: 127.0.0.1" and yaml.safe_load(lines[0]) == {"policy_checkpoint_path": path}


def of_humanoid(driven: Sequence[int], joints: Sequence[str] = HUMANOID.joints) -> Deployment:
    return dataclasses.replace(
        BIPED_YAML, num_joints=22, joints=tuple(joints), num_actions=len(driven), action_indices=tuple(driven)
    )


def test_what_upstreams_programs_would_drive_wrongly() -> None:
    """They do not read the joints' names."""
    assert why_not_upstream(BIPED_YAML) is None
    assert why_not_upstream(of_humanoid(range(22))) is None
    assert why_not_upstream(of_humanoid(range(10, 22))) is None
    assert why_not_upstream(of_humanoid([1], [*HUMANOID.joints[:-1], "tail"])) is None, "not their robot"
    order = "its joints are in another order than theirs (arm_left_shoulder_pitch_joint, arm_left_shoulder_roll_joint, "
    assert str(why_not_upstream(of_humanoid(range(22), HUMANOID.joints[::-1]))).startswith(order)
    for driven in (range(10), range(12, 22), range(21, 9, -1)):
        assert "neither those of all joints nor those of the legs" in str(why_not_upstream(of_humanoid(driven)))
