"""A robot in MuJoCo's own C engine, fed by a policy as the deployment code feeds the real one.

Nothing of mjlab is used. What is taken from upstream's ``environments/mujoco.py`` and its low-level
repository's ``policy/rl_controller.py``: the observation, the clipped PD law, and that joints the policy
does not drive are held at 0. Upstream computes the torques in Python; here an actuator with an affine bias,
``clip(kp (target - q) - kd dq)``, does so within ``mj_step``, where the angles are not one physics step old.
"""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from runners.deployment import Deployment
from runners.errors import UserError
from runners.plain_scene import FLOOR, model_of, spec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]
    Floats: TypeAlias = NDArray[np.float32]

FALL_TILT = 0.78
"""rad; the tasks end an episode there too."""
NOISE = (0.3, 0.05, 0.05, 2.0)
"""Training's uniform noise, +-: base rates (rad/s), gravity, joint angles (rad), joint rates (rad/s)."""

Command = Callable[[float], "tuple[float, float, float]"]
"""Seconds -> vx and vy in m/s, yaw rate in rad/s."""


class Policy(Protocol):
    """What drives a robot; :class:`runners.exported.OnnxPolicy` is one."""

    def reset(self) -> None:
        """Begin an episode."""

    def __call__(self, observations: Floats, /) -> Floats:
        """Shape: (inputs,) -> (actions,)."""


@dataclass(frozen=True)
class Push:
    """A sudden change of the whole robot's velocity, in the frame of its heading."""

    at: float
    """Seconds."""
    velocity: tuple[float, float]
    """Forward and to the left, m/s."""


@dataclass(frozen=True)
class Conditions:
    """What differs between episodes. The default is upstream's: as the model has it, and nothing happens."""

    friction: float = 1.0
    """Of the floor; it holds for every contact with it."""
    added_mass: float = 0.0
    """kg on the base link, whose inertia grows along."""
    delay: float = 0.0
    """Seconds from an observation to the motors, in steps of ``control_dt``."""
    noise: float = 0.0
    """Share of the training's observation noise."""
    yaw: float = 0.0
    """Heading at the start, rad."""
    pushes: tuple[Push, ...] = ()
    seed: int = 0
    """Of the noise."""


@dataclass(frozen=True)
class Moment:
    """What is measured in one step of the policy, at its end."""

    position: Array
    """Of the base link's centre of mass, m; shape (3,)."""
    qpos: Array
    """All of MuJoCo's coordinates; 3 to 6 are the base's quaternion w x y z. Shape (nq,)."""
    velocity: Array
    """Of that centre, forward and to the left in the frame of the heading, m/s, and yaw rate, rad/s; shape (3,)."""
    tilt: float
    """Angle between the base's z and the vertical, rad."""
    saturation: Array
    """Share of the step that a motor was at its limit; shape (joints,)."""
    energy: float
    """J: the sum of |torque x rate| over joints and time."""


@dataclass(frozen=True)
class Motion:
    """An episode, one row a step of the policy. N steps."""

    time: Array
    """Seconds at the end of each step; shape (N,)."""
    command: Array
    """vx, vy, yaw rate; shape (N, 3)."""
    velocity: Array
    """Shape (N, 3), as :attr:`Moment.velocity`."""
    position: Array
    """Shape (N, 3)."""
    qpos: Array
    """Shape (N, nq)."""
    tilt: Array
    """Shape (N,)."""
    saturation: Array
    """Shape (N, joints)."""
    energy: Array
    """J in each step; shape (N,)."""
    joints: tuple[str, ...]
    mass: float
    """kg."""
    fell_at: float | None
    """Seconds at which the tilt first was :data:`FALL_TILT`."""

    @property
    def upright(self) -> float:
        """Seconds before the fall, or all."""
        return float(self.time[-1]) if self.fell_at is None else self.fell_at


class Simulation:
    """One robot on a floor.

    Args:
        deployment: gains, limits, default pose, rates, and what the policy drives.
        model: an MJCF without a floor, in place of that of the robot with these joints.

    Raises:
        UserError: no robot here has these joints, or the policy's observation is not the one made here.
    """

    def __init__(self, deployment: Deployment, model: Path | None = None) -> None:
        import mujoco
        import numpy as np

        self.deployment = deployment
        _check_observation(deployment)
        self.model = spec(deployment, model or model_of(deployment)).compile()
        self.model.opt.timestep = deployment.physics_dt
        self.data = mujoco.MjData(self.model)
        self.mass = float(self.model.body_mass.sum())
        self.driven = np.array(deployment.action_indices)
        joints = [self.model.joint(name) for name in deployment.joints]
        self._q = np.array([joint.qposadr[0] for joint in joints])
        self._sensor_q = self._sensors(mujoco.mjtSensor.mjSENS_JOINTPOS, joints)
        self._sensor_dq = self._sensors(mujoco.mjtSensor.mjSENS_JOINTVEL, joints)
        self._motors = np.array([self.model.actuator(name).id for name in deployment.joints])
        self._default = np.array(deployment.default_joint_positions)
        self._limits = np.array(deployment.effort_limits)
        self._base = int(self.model.jnt_bodyid[self.model.jnt_type == mujoco.mjtJoint.mjJNT_FREE][0])
        self._floor = self.model.geom(FLOOR).id
        self._nominal = self.model.body_mass[self._base].copy(), self.model.body_inertia[self._base].copy()
        self.reset()

    def _sensors(self, kind: int, joints: list[Any]) -> Array:
        import numpy as np

        found = self.model.sensor_type == kind
        address = dict(zip(self.model.sensor_objid[found], self.model.sensor_adr[found], strict=True))
        return np.array([address[joint.id] for joint in joints])

    def reset(self, conditions: Conditions | None = None) -> None:
        """Put the robot at its start, upright and at rest, in its default pose."""
        import mujoco
        import numpy as np

        self.conditions = conditions or Conditions()
        mass, inertia = self._nominal
        self.model.geom_friction[self._floor, 0] = self.conditions.friction
        self.model.body_mass[self._base] = mass + self.conditions.added_mass
        self.model.body_inertia[self._base] = inertia * (1 + self.conditions.added_mass / mass)
        mujoco.mj_setConst(self.model, self.data)
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:3] = self.deployment.default_base_position
        self.data.qpos[3:7] = math.cos(self.conditions.yaw / 2), 0, 0, math.sin(self.conditions.yaw / 2)
        self.data.qpos[self._q] = self._default
        self._target = np.zeros(len(self._q))
        self._target[self.driven] = self._default[self.driven]
        self.data.ctrl[self._motors] = self._target
        mujoco.mj_forward(self.model, self.data)
        self.steps = 0
        self.action: Floats = np.zeros(len(self.driven), np.float32)
        self._history: Floats = np.zeros(self.deployment.inputs, np.float32)
        self._random = np.random.default_rng(self.conditions.seed)
        self._waiting: deque[tuple[float, Array]] = deque()
        self._pushes = deque(sorted(self.conditions.pushes, key=lambda push: push.at))

    def observe(self, command: tuple[float, float, float]) -> Floats:
        """Read the sensors, once a step: command, base rates, gravity, joint angles and rates, previous action.

        Earlier observations, as many as the history has, come before it, oldest first. Shape: (inputs,).
        """
        import numpy as np

        sensors = self.data.sensordata
        rates = self.data.sensor("imu_gyro").data
        gravity = gravity_in(self.data.sensor("imu_quat").data)
        positions = sensors[self._sensor_q[self.driven]] - self._default[self.driven]
        velocities = sensors[self._sensor_dq[self.driven]]
        measured = [rates, gravity, positions, velocities]
        if self.conditions.noise:
            measured = [
                values + self.conditions.noise * self._random.uniform(-width, width, len(values))
                for values, width in zip(measured, NOISE, strict=True)
            ]
        present = np.concatenate([command, *measured, self.action]).astype(np.float32)
        self._history = np.concatenate([self._history[len(present) :], present])
        return self._history

    def step(self, action: Floats) -> Moment:
        """Drive the motors towards an action for one step of the policy. action: shape (actions,).

        Saturation and energy are sampled once a ``control_dt``.

        Raises:
            UserError: the simulation diverges.
        """
        import mujoco
        import numpy as np

        deployment = self.deployment
        self.action = np.clip(action, deployment.action_limit_lower, deployment.action_limit_upper).astype(np.float32)
        target = np.zeros(len(self._q))
        target[self.driven] = self._default[self.driven] + deployment.action_scale * self.action
        self._waiting.append((self.data.time + self.conditions.delay, target))
        saturated, energy, samples = np.zeros(len(self._q)), 0.0, 0
        left = deployment.substeps
        with _divergence_raises(self.data):
            while left:
                count = min(left, deployment.control_substeps)
                self._due()
                self.data.ctrl[self._motors] = self._target
                mujoco.mj_step(self.model, self.data, count)
                left -= count
                force = self.data.actuator_force[self._motors]
                rate = self.data.actuator_velocity[self._motors]
                saturated += np.abs(force) >= self._limits * (1 - 1e-6)
                energy += float(np.abs(force * rate).sum()) * count * deployment.physics_dt
                samples += 1
        self.steps += 1
        return self._moment(saturated / samples, energy)

    def _due(self) -> None:
        """Take over the targets whose delay is over, and push."""
        now = self.data.time + self.deployment.physics_dt / 2
        while self._waiting and self._waiting[0][0] <= now:
            self._target = self._waiting.popleft()[1]
        while self._pushes and self._pushes[0].at <= now:
            forward, left = self._pushes.popleft().velocity
            cos, sin = self._heading()
            self.data.qvel[:2] += cos * forward - sin * left, sin * forward + cos * left

    def _heading(self) -> tuple[float, float]:
        w, x, y, z = self.data.qpos[3:7]
        yaw = math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
        return math.cos(yaw), math.sin(yaw)

    def _moment(self, saturation: Array, energy: float) -> Moment:
        import mujoco
        import numpy as np

        # of the body, not of its origin: that lies on the floor, and swings
        velocity = np.zeros(6)
        mujoco.mj_objectVelocity(self.model, self.data, mujoco.mjtObj.mjOBJ_BODY, self._base, velocity, 0)
        cos, sin = self._heading()
        vx, vy = velocity[3:5]
        return Moment(
            position=self.data.xipos[self._base].copy(),
            qpos=self.data.qpos.copy(),
            velocity=np.array([cos * vx + sin * vy, cos * vy - sin * vx, velocity[2]]),
            tilt=math.acos(max(-1.0, min(1.0, -gravity_in(self.data.qpos[3:7])[2]))),
            saturation=saturation,
            energy=energy,
        )

    def rollout(
        self,
        policy: Policy,
        command: Command,
        seconds: float,
        conditions: Conditions | None = None,
        *,
        after_fall: float = 0.0,
        each: Callable[[Moment], None] | None = None,
    ) -> Motion:
        """Run an episode from the start; it ends ``after_fall`` seconds after a fall.

        Args:
            policy: what drives it.
            command: what is asked for at a time.
            seconds: of simulated time, rounded to whole steps of the policy; at least one.
            conditions: the episode's.
            after_fall: seconds to go on after a fall.
            each: called after every step.
        """
        self.reset(conditions)
        policy.reset()
        commands, moments = [], []
        fell_at = None
        for step in range(max(1, round(seconds / self.deployment.policy_dt))):
            wanted = command(step * self.deployment.policy_dt)
            moments.append(self.step(policy(self.observe(wanted))))
            commands.append(wanted)
            now = self.steps * self.deployment.policy_dt
            if fell_at is None and moments[-1].tilt >= FALL_TILT:
                fell_at = now
            if each is not None:
                each(moments[-1])
            if fell_at is not None and now >= fell_at + after_fall - 1e-9:
                break
        return self._motion(commands, moments, fell_at)

    def _motion(self, commands: list[Any], moments: list[Moment], fell_at: float | None) -> Motion:
        import numpy as np

        return Motion(
            time=(np.arange(len(moments)) + 1) * self.deployment.policy_dt,
            command=np.array(commands, dtype=float),
            **{
                name: np.array([getattr(moment, name) for moment in moments])
                for name in ("velocity", "position", "qpos", "tilt", "saturation", "energy")
            },
            joints=self.deployment.joints,
            mass=self.mass + self.conditions.added_mass,
            fell_at=fell_at,
        )


def gravity_in(quaternion: Array) -> Array:
    """(0, 0, -1) in the frame of a unit quaternion w x y z. Shape: (4,) -> (3,)."""
    import numpy as np

    w, x, y, z = quaternion
    return np.array([2 * (w * y - x * z), -2 * (w * x + y * z), 2 * (x * x + y * y) - 1])


def _check_observation(deployment: Deployment) -> None:
    made = 9 + 3 * deployment.num_actions
    if deployment.num_observations != made:
        raise UserError(
            f"the policy's yaml has {deployment.num_observations} observations, and {deployment.num_actions} actions "
            f"make {made}: command 3, base rates 3, gravity 3, and angle, rate and action of each joint"
        )


@contextlib.contextmanager
def _divergence_raises(data: Any) -> Iterator[None]:
    """MuJoCo writes a warning to a file in the current folder and starts the robot anew; the user gets a line."""
    import mujoco

    mujoco.set_mju_user_warning(_ignore)
    try:
        began = data.time
        yield
    finally:
        mujoco.set_mju_user_warning(None)
    bad = (mujoco.mjtWarning.mjWARN_BADQPOS, mujoco.mjtWarning.mjWARN_BADQVEL, mujoco.mjtWarning.mjWARN_BADQACC)
    if any(data.warning[kind].number for kind in bad):
        raise UserError(
            f"the simulation diverged after {began:.2f} s: "
            "joint_kp, joint_kd or effort_limits are too large for physics_dt"
        )


def _ignore(message: str) -> None:
    pass
