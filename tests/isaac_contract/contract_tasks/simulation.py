"""What stands in for isaaclab.sim.SimulationContext and isaaclab.scene.InteractiveScene, which live in Kit.

It does what an environment asks of them, and what makes trouble in the real ones: there is one simulation a process,
and while it lives, closing the app renders for ever (SimulationContext._app_control_on_stop_handle_fn of 2.3.2).
"""

from __future__ import annotations

import time
from typing import Any, ClassVar

import omni.kit.app
import omni.timeline
import torch
from isaaclab.sim import SimulationContext
from omni.replicator import core as replicator

from contract_tasks.physics import Physics, setting


class Simulation:
    """The part of SimulationContext that environments use."""

    RenderMode = SimulationContext.RenderMode
    _instance: ClassVar[Simulation | None] = None

    def __init__(self, cfg: Any) -> None:
        if not omni.kit.app.get_app().is_running():
            raise RuntimeError("The stage has not been created. Did you run the simulator?")
        if Simulation._instance is not None:
            raise RuntimeError("Simulation context already exists. Cannot create a new one.")
        cfg.sim.validate()
        Simulation._instance = self
        self.device: str = cfg.sim.device
        self.physics: Physics | None = None
        self._gui = setting("/app/window/enabled")
        offscreen = setting("/isaaclab/render/offscreen")
        self.render_mode = self.RenderMode.NO_GUI_OR_RENDERING
        if self._gui:
            self.render_mode = self.RenderMode.FULL_RENDERING
        elif offscreen:
            self.render_mode = self.RenderMode.PARTIAL_RENDERING
        self._handle = (
            omni.timeline.get_timeline_interface()
            .get_timeline_event_stream()
            .create_subscription_to_pop_by_type(int(omni.timeline.TimelineEventType.STOP), self._on_stop, order=15)
        )

    def start(self, cfg: Any) -> Physics:
        """Build the physics, and play."""
        cameras = self.render_mode.value >= self.RenderMode.PARTIAL_RENDERING.value and not self._gui
        self.physics = Physics(cfg, cameras)
        if cameras:
            replicator.draw = self.physics.draw
        omni.timeline.get_timeline_interface().play()
        return self.physics

    def _on_stop(self, event: Any) -> None:
        while not omni.timeline.get_timeline_interface().is_playing():
            self.render()
            time.sleep(0.01)

    def has_gui(self) -> bool:
        return self._gui

    def has_rtx_sensors(self) -> bool:
        return setting("/isaaclab/render/rtx_sensors")

    def render(self, mode: Any = None) -> None:
        if self.render_mode != self.RenderMode.NO_GUI_OR_RENDERING:
            omni.kit.app.get_app().update()

    def step(self, render: bool = True) -> None:
        assert self.physics is not None
        self.physics.step()
        if render:
            self.render()

    def forward(self) -> None:
        assert self.physics is not None
        self.physics.env.sim.forward()

    def clear_all_callbacks(self) -> None:
        replicator.draw = None

    @classmethod
    def clear_instance(cls) -> None:
        if Simulation._instance is not None:
            Simulation._instance._handle.unsubscribe()
        Simulation._instance = None


class Scene:
    """The part of InteractiveScene that environments use."""

    def __init__(self, physics: Physics) -> None:
        self._physics = physics
        self.num_envs: int = physics.env.num_envs
        self.env_origins: torch.Tensor = physics.env.scene.env_origins

    def reset(self, env_ids: torch.Tensor | None = None) -> None:
        self._physics.reset(env_ids)

    def write_data_to_sim(self) -> None:
        self._physics.env.scene.write_data_to_sim()

    def update(self, dt: float) -> None:
        self._physics.env.scene.update(dt=dt)
