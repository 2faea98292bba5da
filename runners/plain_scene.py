"""The scene of plain MuJoCo: a robot here that fits a ``policy.yaml``, with servos for motors, on a floor."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from runners.deployment import Deployment
from runners.errors import UserError

FLOOR = "floor"


def model_of(deployment: Deployment) -> Path:
    """The MJCF of the robot that has a configuration's joints.

    Raises:
        UserError: no robot here has them; the line lists the difference to the nearest.
    """
    from runners.tasks.berkeley_humanoid_lite.robots import BIPED, HUMANOID

    wanted = set(deployment.joints)
    for robot in (HUMANOID, BIPED):
        if set(robot.joints) == wanted:
            return robot.model
    near = min((HUMANOID, BIPED), key=lambda robot: len(wanted ^ set(robot.joints)))
    raise UserError(
        f"the policy's yaml is of another robot: {_difference(deployment.joints, near.joints, near.name)}; "
        "the robots here are humanoid and biped"
    )


def _difference(have: Iterable[str], known: Iterable[str], robot: str) -> str:
    have, known = set(have), set(known)
    parts = []
    for names, text in ((have - known, f"{robot} has no"), (known - have, "it lacks")):
        if names:
            listed = ", ".join(f"'{name}'" for name in sorted(names)[:4])
            parts.append(f"{text} {listed}{f' and {len(names) - 4} more' if len(names) > 4 else ''}")
    return " and ".join(parts)


def spec(deployment: Deployment, path: Path) -> Any:
    """The robot with its motors made position servos, a floor, a sky and a light."""
    import mujoco

    made = mujoco.MjSpec.from_file(str(path))
    motors = {motor.target: motor for motor in made.actuators}
    if set(motors) != set(deployment.joints):
        raise UserError(f"'{path}' is of another robot: {_difference(deployment.joints, motors, path.stem)}")
    gains = (deployment.joint_kp, deployment.joint_kd, deployment.effort_limits)
    for name, kp, kd, limit in zip(deployment.joints, *gains, strict=True):
        motor = motors[name]
        motor.name = name
        motor.gainprm[0] = kp
        motor.biastype = mujoco.mjtBias.mjBIAS_AFFINE
        motor.biasprm[:3] = 0, -kp, -kd
        motor.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
        motor.forcerange = -limit, limit
    _furnish(made)
    return made


def _furnish(spec: Any) -> None:
    import mujoco

    texture, colour = mujoco.mjtTexture, mujoco.mjtBuiltin
    # a frame of 640 x 480 takes 0.1 s where OpenGL runs on a CPU core; with MuJoCo's own figures, 0.3 s
    spec.visual.quality.shadowsize, spec.visual.quality.offsamples = 1024, 0
    spec.visual.headlight.ambient = 0.35, 0.35, 0.35
    spec.visual.headlight.diffuse = 0.45, 0.45, 0.45
    spec.visual.headlight.specular = 0, 0, 0
    spec.visual.rgba.haze = 0.82, 0.86, 0.9, 1
    spec.visual.global_.offwidth, spec.visual.global_.offheight = 1280, 960
    spec.stat.extent, spec.stat.center = 1.5, (0, 0, 0.4)
    spec.add_texture(
        name="sky", type=texture.mjTEXTURE_SKYBOX, builtin=colour.mjBUILTIN_GRADIENT, width=256, height=1536,
        rgb1=(0.55, 0.68, 0.82), rgb2=(0.93, 0.95, 0.97),
    )  # fmt: skip
    spec.add_texture(
        name=FLOOR, type=texture.mjTEXTURE_2D, builtin=colour.mjBUILTIN_CHECKER, width=256, height=256,
        mark=mujoco.mjtMark.mjMARK_EDGE, rgb1=(0.74, 0.77, 0.8), rgb2=(0.68, 0.71, 0.75), markrgb=(0.9, 0.92, 0.94),
    )  # fmt: skip
    roles = [""] * int(mujoco.mjtTextureRole.mjNTEXROLE)
    roles[mujoco.mjtTextureRole.mjTEXROLE_RGB] = FLOOR
    # two squares of the checker a metre, so that a video shows distances
    spec.add_material(name=FLOOR, textures=roles, texuniform=True, texrepeat=(1, 1))
    # of two geoms in contact the one of higher priority gives the friction
    spec.worldbody.add_geom(name=FLOOR, type=mujoco.mjtGeom.mjGEOM_PLANE, size=(0, 0, 0.05), material=FLOOR, priority=1)
    # The one with a shadow goes along with the robot, as shadows are drawn only near the light, and shines straight
    # down, as MuJoCo speckles a floor that is lit at a slant.
    directional = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
    spec.worldbody.first_body().add_light(
        mode=mujoco.mjtCamLight.mjCAMLIGHT_TRACKCOM, type=directional, pos=(0, 0, 3), dir=(0, 0, -1),
        diffuse=(0.4, 0.4, 0.4), specular=(0, 0, 0), castshadow=True,
    )  # fmt: skip
    spec.worldbody.add_light(
        type=directional, pos=(0, 0, 4), dir=(-0.5, -0.6, -0.6), diffuse=(0.4, 0.4, 0.4),
        specular=(0.15, 0.15, 0.15), castshadow=False,
    )  # fmt: skip
