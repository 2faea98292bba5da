"""policy.yaml: what is read, and what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from runners import deployment
from runners.deployment import KEYS, Deployment
from runners.errors import UserError
from runners.tasks.berkeley_humanoid_lite.robots import BIPED

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
    [(b"a: [1", "is no YAML"), (b"\xff\xfe\x00", "is no YAML"), (b"- 1\n", "is no table"), (b"", "is no table")],
)
def test_other_files(path: Path, content: bytes, says: str) -> None:
    path.write_bytes(content)
    assert says in refusal(path)


def test_no_file(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "none.yaml")
