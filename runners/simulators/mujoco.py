"""The embedded simulator: MuJoCo Warp through mjlab, on a GPU or a CPU."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners.errors import UsageError, UserError
from runners.simulators import Actuation, faulty, play_variant, registrations, task_packages

if TYPE_CHECKING:
    from runners.options import Options

RENDERERS = ("egl", "osmesa")
OWN_TASKS = "runners.tasks"
MJLABS_SIZE = 240, 320
VIDEO_SIZE = 480, 640
WEB_PORT = 8080
VIEWER_KEYS = "keys: space pauses, right arrow steps, enter resets, - and = change the speed, , and . the robot"


@dataclass
class Configs:
    """mjlab's configuration objects of one task."""

    env: Any
    agent: Any


class MujocoSimulator:
    """See :class:`runners.simulators.Simulator`."""

    name = "mujoco"
    default_task = "Mjlab-Cartpole-Balance"
    renderer_packages = "'libegl1 libgl1-mesa-dri' (EGL) or 'libosmesa6' (OSMesa)"

    def __init__(self) -> None:
        self._packages: dict[str, str] = {}
        self.warnings: list[str] = []

    def launch(self, options: Options, flags: Sequence[str] = ()) -> None:
        """Import mjlab; MUJOCO_GL is read by mujoco's first import, so the renderer is chosen before.

        Raises:
            UsageError: flags, which are Isaac Sim's.
        """
        if flags:
            raise UsageError(
                f"ARGS '{flags[0]}' is a flag, and SIM=mujoco has none; give env.field=value or agent.field=value"
            )
        self._packages = task_packages.named(options.task_package)
        if "MUJOCO_GL" not in os.environ:
            os.environ["MUJOCO_GL"] = (find_renderer() or "disable") if options.video else "disable"
        importlib.import_module("mjlab.tasks")

    def can_render(self) -> bool:
        """Whether frames can be drawn off screen."""
        return os.environ.get("MUJOCO_GL", "disable") != "disable"

    def versions(self) -> dict[str, str | None]:
        """Versions of the distributions that decide what a run does."""
        from runners import manifest

        return manifest.versions(
            ["mjlab", "mujoco", "mujoco-warp", "warp-lang", "torch", "numpy", "tensordict", "tensorboard"]
        )

    def close(self) -> None:
        """There is nothing but environments."""

    def tasks(self, packages: Sequence[str] = ()) -> dict[str, str]:
        """Read the registrations in the sources of mjlab and of all other packages with tasks."""
        found: dict[str, str] = {}
        roots = {"mjlab.tasks", OWN_TASKS, *packages, *task_packages.installed(), *task_packages.announced(self.name)}
        for module in sorted(roots):
            files = registrations.files_below(registrations.source_of(module, self.name))
            found.update(dict.fromkeys(registrations.ids(files, "register_mjlab_task", "task_id"), module))
        return found

    def configs(self, task: str, play: bool = False, agent: str | None = None) -> Configs:
        """Fresh copies of a task's configurations, in mjlab's play variant if asked.

        Raises:
            UserError: the task is not registered, cannot be loaded, or another agent is asked for.
        """
        from mjlab.tasks.registry import list_tasks, load_env_cfg, load_rl_cfg

        if agent:
            raise UserError(f"AGENT '{agent}' is no file, and tasks of SIM=mujoco have one agent; give AGENT=file.yaml")
        own = f"{OWN_TASKS}.berkeley_humanoid_lite.register"
        task_packages.load({own: own, **self._packages}, self.name)
        others = dict.fromkeys([*task_packages.installed(), *task_packages.announced(self.name)])
        self.warnings = task_packages.load_others(others, self.name)
        if task not in list_tasks():
            raise UserError(task_packages.unknown(task, list_tasks(), self.warnings))
        with faulty.in_one_line(task, "the configuration", "", self.name, self._packages):
            return Configs(env=load_env_cfg(task, play=play), agent=load_rl_cfg(task))

    def check(self, task: str, configs: Configs) -> None:
        """Refuse what would only fail after the simulation has been built.

        Raises:
            UserError: a motion tracking task without its motion.
        """
        if configs.env.sim.mujoco.timestep <= 0:
            raise UserError(f"ARGS 'env.sim.mujoco.timestep={configs.env.sim.mujoco.timestep}' must be above 0")
        motion = configs.env.commands.get("motion")
        if motion is None or not hasattr(motion, "motion_file"):
            return
        if not motion.motion_file or not Path(motion.motion_file).is_file():
            raise UserError(
                f"task '{task}' tracks a motion and has no file '{motion.motion_file}'; "
                'name one with ARGS="env.commands.motion.motion_file=/path/to/motion.npz"'
            )

    def device(self, wanted: str) -> str:
        """See the protocol.

        Raises:
            UserError: a GPU is asked for and there is none, or not that many.
        """
        import torch

        from runners import hardware

        if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
            return "cpu"
        why = "this torch is built for the CPU" if torch.version.cuda is None else "torch sees no NVIDIA GPU"
        return hardware.cuda_device(wanted, f"{why}; leave DEVICE out, or after adding a GPU: make setup")

    def prepare_play(self, cfg: Any, flat: bool) -> list[str]:
        """See the protocol."""
        play_variant.hold_commands(cfg)
        return play_variant.flatten(cfg) if flat else []

    def prepare_view(self, cfg: Any, task: str) -> None:
        """Make an environment's pictures larger than mjlab's 320 x 240, and affordable without a GPU."""
        if (cfg.viewer.height, cfg.viewer.width) == MJLABS_SIZE:
            cfg.viewer.height, cfg.viewer.width = VIDEO_SIZE
        if task.startswith("Mjlab-Cartpole") and cfg.viewer.azimuth == 0:
            cfg.viewer.azimuth = 90.0  # mjlab looks along the rail, where a swinging pole is hardly seen
        wanted = cfg.scene.spec_fn

        def spec_fn(spec: Any) -> None:
            if wanted is not None:
                wanted(spec)
            _simplify_light(spec)

        cfg.scene.spec_fn = spec_fn

    def make_env(self, cfg: Any, device: str, render: bool = False) -> Any:
        """Build ``mjlab.envs.ManagerBasedRlEnv``."""
        from mjlab.envs import ManagerBasedRlEnv
        from mjlab.utils.torch import configure_torch_backends

        configure_torch_backends()
        env = ManagerBasedRlEnv(cfg=cfg, device=device, render_mode="rgb_array" if render else None)
        if env.sim.wp_device.is_cpu:
            # mjlab has graphs on a GPU only; on a CPU Warp replays them too, to the same bits, and saves some thousand
            # launches from Python a step: https://nvidia.github.io/warp/stable/api_reference/_generated/warp.ScopedCapture.html
            env.sim.use_cuda_graph = True
            env.sim.create_graph()
        return env

    def actuation(self, joint_action: Any) -> Actuation:
        """See the protocol. The gains of actuators that the robot's own XML defines are not among them."""
        entity = joint_action._entity
        gains = {
            name: (actuator.cfg.stiffness, actuator.cfg.damping, actuator.cfg.effort_limit)
            for actuator in entity.actuators
            if hasattr(actuator.cfg, "stiffness")
            for name in actuator.target_names
        }
        initial = entity.cfg.init_state
        return Actuation(
            list(joint_action.target_names), list(entity.joint_names), gains, initial.pos, initial.joint_pos or {}
        )

    def view_hint(self, kind: str, port: int | None) -> str:
        """See the protocol."""
        return VIEWER_KEYS if kind == "native" else f"open http://localhost:{port or WEB_PORT}; Ctrl-C ends"

    def view(self, env: Any, policy: Any, kind: str, port: int | None) -> None:
        """Open mjlab's window (native) or its page on localhost (web)."""
        if kind == "native":
            from mjlab.viewer import NativeMujocoViewer

            NativeMujocoViewer(env, policy).run()
            return
        import viser
        from mjlab.viewer import ViserPlayViewer

        server = viser.ViserServer(host="127.0.0.1", port=port or WEB_PORT, label="isaac-workstation")
        ViserPlayViewer(env, policy, viser_server=server).run()


def _simplify_light(spec: Any) -> None:
    """Take the shadows out of mjlab's scene and give it a sky.

    MuJoCo draws shadows near a light's place only and speckles the floor beyond; mjlab's sun stays behind when a robot
    walks off. Without a GPU they are also what takes longest to draw.
    """
    import mujoco

    for light in spec.lights:
        light.castshadow = False
    sky = mujoco.mjtTexture.mjTEXTURE_SKYBOX
    if all(texture.type != sky for texture in spec.textures):
        spec.add_texture(
            name="sky", type=sky, builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT, width=256, height=1536,
            rgb1=(0.45, 0.58, 0.75), rgb2=(0.15, 0.25, 0.35),
        )  # fmt: skip


def find_renderer() -> str | None:
    """Return the first off-screen OpenGL that really draws, tried in a process of its own, or None."""
    probe = "import mujoco; m = mujoco.MjModel.from_xml_string('<mujoco/>'); mujoco.Renderer(m, 16, 16).render()"
    for name in RENDERERS:
        env = {**os.environ, "MUJOCO_GL": name}
        if subprocess.run([sys.executable, "-c", probe], env=env, capture_output=True, check=False).returncode == 0:
            return name
    return None


SIMULATOR = MujocoSimulator()
