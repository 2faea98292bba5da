"""The model of Berkeley Humanoid Lite against figures extracted from its project's own description."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mujoco
import numpy as np
import pytest

from runners.tasks.berkeley_humanoid_lite.robots import BIPED, HUMANOID, ROBOTS, Robot, by_joints

FIGURES: dict[str, Any] = json.loads(Path(__file__).with_name("bhl_figures.json").read_text("utf-8"))["robots"]
EXACT = {"rtol": 1e-6, "atol": 1e-8}
TO_10_MICROMETRES = {"rtol": 0, "atol": 1e-5}


@pytest.fixture(scope="module", params=ROBOTS, ids=lambda robot: robot.name)
def bhl(request: pytest.FixtureRequest) -> SimpleNamespace:
    robot: Robot = request.param
    return SimpleNamespace(
        robot=robot, figures=FIGURES[robot.name], model=mujoco.MjModel.from_xml_path(str(robot.model))
    )


def posed(bhl: SimpleNamespace, posture: str) -> mujoco.MjData:
    data = mujoco.MjData(bhl.model)
    if posture == "default":
        data.qpos[7:] = bhl.robot.default_joint_pos
    mujoco.mj_forward(bhl.model, data)
    return data


def names(count: int, accessor: Any) -> list[str]:
    return [accessor(i).name for i in range(count)]


def geoms(model: mujoco.MjModel, kind: str) -> list[Any]:
    return [g for g in map(model.geom, range(model.ngeom)) if f"_{kind}" in g.name]


def same_rotation(a: Any, b: Any) -> bool:
    """Whether two quaternions agree to their eight digits, in either sign."""
    return bool(min(np.abs(np.subtract(a, b)).max(), np.abs(np.add(a, b)).max()) < 1e-8)


def inertia_in_body_axes(body: Any) -> np.ndarray:
    rotation = np.empty(9)
    mujoco.mju_quat2Mat(rotation, body.iquat)
    rotation = rotation.reshape(3, 3)
    return rotation @ np.diag(body.inertia) @ rotation.T


def test_bodies_are_where_and_as_heavy_as_they_should_be(bhl: SimpleNamespace) -> None:
    figures = bhl.figures["bodies"]
    assert names(bhl.model.nbody, bhl.model.body)[1:] == [body["name"] for body in figures]
    for figure in figures:
        body = bhl.model.body(figure["name"])
        assert bhl.model.body(body.parentid[0]).name == figure["parent"]
        np.testing.assert_allclose(body.pos, figure["pos"], **EXACT)
        assert same_rotation(body.quat, figure["quat"]), body.name
        np.testing.assert_allclose(body.mass[0], figure["mass"], **EXACT)
        np.testing.assert_allclose(body.ipos, figure["com"], **EXACT)
        xx, yy, zz, xy, xz, yz = figure["inertia"]
        expected = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        np.testing.assert_allclose(inertia_in_body_axes(body), expected, rtol=0, atol=1e-6 * expected.max())
    np.testing.assert_allclose(bhl.model.body_mass.sum(), bhl.figures["total_mass"], **EXACT)


def test_joints_and_motors(bhl: SimpleNamespace) -> None:
    model, figures = bhl.model, bhl.figures["joints"]
    order = [joint["name"] for joint in figures]
    assert names(model.njnt, model.joint) == ["base_freejoint", *order]
    assert names(model.nu, model.actuator) == order
    data = posed(bhl, "zero")
    for figure in figures:
        joint, motor = model.joint(figure["name"]), model.actuator(figure["name"])
        assert model.body(joint.bodyid[0]).name == figure["body"]
        np.testing.assert_allclose(joint.axis, figure["axis"], **EXACT)
        np.testing.assert_allclose(data.joint(joint.name).xaxis, figure["axis_in_base"], **TO_10_MICROMETRES)
        np.testing.assert_allclose(data.joint(joint.name).xanchor, figure["anchor_in_base"], **TO_10_MICROMETRES)
        assert joint.limited[0]
        np.testing.assert_allclose(joint.range, figure["range"], **EXACT)
        assert (joint.armature[0], joint.frictionloss[0], joint.damping[0]) == (0.005, 0.1, 0)
        assert model.joint(motor.trnid[0]).name == joint.name
        assert (motor.gear[0], motor.gainprm[0], motor.biasprm.any()) == (1, 1, False)
        assert (*motor.forcerange, motor.forcelimited[0], motor.ctrllimited[0]) == (-20, 20, True, False)


def test_collision_shapes(bhl: SimpleNamespace) -> None:
    figures = bhl.figures["collision"]
    found = geoms(bhl.model, "collision")
    assert [g.name for g in found] == [f"{figure['body']}_collision" for figure in figures]
    for figure, geom in zip(figures, found, strict=True):
        assert bhl.model.body(geom.bodyid[0]).name == figure["body"]
        assert geom.type[0] == getattr(mujoco.mjtGeom, f"mjGEOM_{figure['type'].upper()}")
        np.testing.assert_allclose(geom.size[: len(figure["size"])], figure["size"], **EXACT)
        np.testing.assert_allclose(geom.pos, figure["pos"], **EXACT)
        assert same_rotation(geom.quat, figure["quat"]), geom.name
        assert (geom.group[0], geom.contype[0], geom.conaffinity[0], geom.condim[0]) == (3, 1, 1, 3)
        np.testing.assert_allclose(geom.friction, [1, 0.005, 0.0001])


def test_what_is_seen_weighs_nothing_and_touches_nothing(bhl: SimpleNamespace) -> None:
    model, seen = bhl.model, geoms(bhl.model, "visual")
    assert len(seen) + len(bhl.figures["collision"]) == model.ngeom
    assert model.nmesh == 0
    for geom in seen:
        assert geom.name.partition("_visual")[0] == model.body(geom.bodyid[0]).name
        assert (geom.group[0], geom.contype[0], geom.conaffinity[0]) == (2, 0, 0)
    spec = mujoco.MjSpec.from_file(str(bhl.robot.model))
    assert {geom.mass for geom in spec.geoms if "_visual" in geom.name} == {0}


def test_sensors_are_at_their_places(bhl: SimpleNamespace) -> None:
    model = bhl.model
    kinds = [getattr(mujoco.mjtSensor, f"mjSENS_{kind.upper()}") for _, kind, _, _ in bhl.figures["sensors"]]
    found = [model.sensor(i) for i in range(model.nsensor)]
    assert [(s.name, s.dim[0], s.adr[0]) for s in found] == [(n, d, a) for n, _, d, a in bhl.figures["sensors"]]
    assert [s.type[0] for s in found] == kinds


def test_sensors_read_what_they_are_named_after(bhl: SimpleNamespace) -> None:
    data = posed(bhl, "zero")
    n = len(bhl.robot.joints)
    data.qpos[7:], data.qvel[6:], data.ctrl[:] = np.arange(n) / 100, np.arange(n) / 10, np.arange(n) / 2
    mujoco.mj_forward(bhl.model, data)
    np.testing.assert_allclose(data.sensordata[: 3 * n].reshape(3, n), [data.qpos[7:], data.qvel[6:], data.ctrl])
    np.testing.assert_allclose(data.sensor("imu_quat").data, [1, 0, 0, 0], atol=1e-9)
    np.testing.assert_allclose(data.sensor("frame_pos").data, data.site("imu").xpos)


def test_sites(bhl: SimpleNamespace) -> None:
    for figure in bhl.figures["sites"]:
        site = bhl.model.site(figure["name"])
        assert bhl.model.body(site.bodyid[0]).name == figure["body"]
        np.testing.assert_allclose(site.pos, figure["pos"], **EXACT)
        assert same_rotation(site.quat, figure["quat"])
    data = posed(bhl, "zero")
    for side in ("left", "right"):
        low, high = map(np.array, bhl.figures["posture"]["zero"]["feet"][f"leg_{side}_ankle_roll"])
        centre = [*(low + high)[:2] / 2, low[2]]
        np.testing.assert_allclose(data.site(f"{side}_foot").xpos, centre, **TO_10_MICROMETRES)
        np.testing.assert_allclose(data.site(f"{side}_foot").xmat.reshape(3, 3), np.eye(3), **TO_10_MICROMETRES)


@pytest.mark.parametrize("posture", ["zero", "default"])
def test_postures(bhl: SimpleNamespace, posture: str) -> None:
    data, figures = posed(bhl, posture), bhl.figures["posture"][posture]
    assert data.ncon == 0
    np.testing.assert_allclose(data.subtree_com[0], figures["whole_body_com"], **TO_10_MICROMETRES)
    for body, box in figures["feet"].items():
        geom = bhl.model.geom(f"{body}_collision")
        reach = np.abs(data.geom(geom.id).xmat.reshape(3, 3)) @ geom.size
        centre = data.geom(geom.id).xpos
        np.testing.assert_allclose([centre - reach, centre + reach], box, **TO_10_MICROMETRES)


def test_configuration_of_the_joints(bhl: SimpleNamespace) -> None:
    robot, figures = bhl.robot, bhl.figures["joints"]
    assert robot.joints == tuple(joint["name"] for joint in figures)
    for key in ("default_joint_pos", "stiffness", "damping", "effort_limit", "armature"):
        assert getattr(robot, key) == tuple(joint[key] for joint in figures), key


def test_a_robot_is_found_by_its_joints() -> None:
    assert by_joints(list(HUMANOID.joints)) is HUMANOID
    assert by_joints(BIPED.joints) is BIPED
    assert by_joints(BIPED.joints[::-1]) is None
    assert by_joints([]) is None
