"""make play: show what a run has learned, in a window, a browser or a video, and measure it."""

from __future__ import annotations

import dataclasses
import os
import statistics
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runners import play_env, verb
from runners.closing import Closing
from runners.console import BUILDING, Console
from runners.errors import UserError
from runners.interrupts import Interrupts
from runners.options import Options
from runners.plan import as_recorded
from runners.play_env import Subject

if TYPE_CHECKING:
    import torch


@dataclass
class Episodes:
    """Returns and lengths of finished episodes: the same number from every environment.

    Taking the first that end, whichever environment they come from, would favour short ones.
    """

    wanted: int
    num_envs: int
    returns: list[float] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.quota = -(-self.wanted // self.num_envs)
        self._counts = [0] * self.num_envs
        self._return: Any = None
        self._length: Any = None

    def add(self, rewards: torch.Tensor, dones: torch.Tensor) -> None:
        """Take in one step. rewards, dones: shape (num_envs,)."""
        import torch

        if self._return is None:
            self._return = torch.zeros_like(rewards)
            self._length = torch.zeros_like(rewards)
        self._return += rewards
        self._length += 1
        for index in dones.nonzero().flatten().tolist():
            if self._counts[index] < self.quota and len(self.returns) < self.wanted:
                self._counts[index] += 1
                self.returns.append(float(self._return[index]))
                self.lengths.append(int(self._length[index]))
            self._return[index] = 0
            self._length[index] = 0

    @property
    def complete(self) -> bool:
        """Whether all wanted episodes have ended."""
        return len(self.returns) >= self.wanted


def play(options: Options, console: Console, interrupts: Interrupts, closing: Closing) -> None:
    """Find what is to be played, build its play environment, show it."""
    subject = play_env.find(options, console)
    viewer = choose_viewer(options)
    video = options.video or viewer == "video"
    options = as_recorded(options, subject.recorded)
    options = dataclasses.replace(options, video=video, viewer="none" if viewer == "video" else viewer)
    simulator = play_env.launch(options, subject, console, closing)
    if options.video and not simulator.can_render():
        without = f"no off-screen OpenGL for a video; install one of {simulator.renderer_packages}"
        if "video" in options.given:
            raise UserError(f"{without}, or leave VIDEO out")
        console.warn(without)
        options = dataclasses.replace(options, video=False)
    Show(options, console, interrupts, closing, simulator, subject, viewer).run()


def choose_viewer(options: Options) -> str:
    """native, web, none or video: what VIEWER=auto means here, and VIDEO=1 for itself."""
    if options.viewer != "auto":
        if options.video and options.viewer != "none":
            raise UserError(f"VIDEO=1 and VIEWER={options.viewer} exclude each other; give one of them")
        if options.viewer == "native" and not has_display():
            raise UserError("VIEWER 'native' needs a display and there is none; try VIEWER=web, or VIDEO=1")
        return options.viewer
    return "native" if has_display() and not options.video else "video"


def has_display() -> bool:
    """Whether a window can open."""
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@dataclass
class Show:
    """One policy in its play environment."""

    options: Options
    console: Console
    interrupts: Interrupts
    closing: Closing
    simulator: Any
    subject: Subject
    viewer: str

    def run(self) -> None:
        """Build everything, then open the viewer or measure."""
        from runners.learners.rsl_rl import agent as agents
        from runners.learners.rsl_rl.vec_env import make_vec_env

        options, subject = self.options, self.subject
        device = self.simulator.device(options.device)
        configs = play_env.configure(options, subject, self.simulator, self.console, seen=self.viewer != "none")
        if self.viewer in ("native", "web"):
            self.console.say(self.simulator.view_hint(self.viewer, options.port))
        self.console.say(BUILDING)
        env = play_env.build(configs, self.simulator, device, options.video, self.closing.environment.callback)
        recorder = self._recorder(env) if options.video else None
        agent = agents.read(configs.agent, subject.where)
        vec_env = make_vec_env(recorder or env, agent, before_step=self.interrupts.check)
        policy = subject.policy(vec_env, agent, device)
        if self.viewer in ("native", "web"):
            self._view(vec_env, policy)
        else:
            self._measure(vec_env, policy, recorder)

    def _recorder(self, env: Any) -> Any:
        from runners.video import VideoRecorder

        folder, name = self.subject.video.parent, self.subject.video.name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot write to '{folder}': {error.strerror}") from None
        recorder = VideoRecorder(env, folder, self.options.video_length, None, name=name)
        self.closing.environment.callback(recorder.finish)  # a video that is cut short is completed
        return recorder

    def _view(self, vec_env: Any, policy: Any) -> None:
        episodes = Episodes(self.options.episodes, vec_env.num_envs)
        step = vec_env.step

        def counted_step(actions: Any) -> Any:
            result = step(actions)
            policy.reset(result[2])
            episodes.add(result[1], result[2])
            return result

        vec_env.step = counted_step
        self.simulator.view(vec_env, policy, self.viewer, self.options.port)
        self.console.say(summary(episodes))

    def _measure(self, vec_env: Any, policy: Any, recorder: Any) -> None:
        import torch

        episodes = Episodes(self.options.episodes, vec_env.num_envs)
        filming = recorder
        steps = 0
        with torch.inference_mode():
            observations = vec_env.get_observations()
            while not episodes.complete or filming:
                observations, rewards, dones, _ = vec_env.step(policy(observations))
                policy.reset(dones)
                episodes.add(rewards, dones)
                steps += 1
                self.console.progress(f"step {steps} · {len(episodes.returns)} of {episodes.wanted} episodes ended")
                if filming and not filming.recording:  # shown before the episodes end: it is what one waits for
                    self.console.end_progress()
                    self._save_sheet(filming, vec_env.unwrapped.step_dt)
                    filming = None
        self.console.end_progress()
        self.console.say(summary(episodes))

    def _save_sheet(self, recorder: Any, step_dt: float) -> None:
        from runners.video import contact_sheet

        video = recorder.files[-1]
        sheet = video.with_suffix(".png")
        contact_sheet(recorder.sheet_frames, step_dt, sheet)
        self.console.say(f"video: {verb.shown(video)}")
        self.console.say(f"frames: {verb.shown(sheet)}")


def summary(episodes: Episodes) -> str:
    """Mean and spread (standard deviation) of return and length."""
    count = len(episodes.returns)
    if not count:
        return "no episode has ended"

    def spread(values: Any) -> str:
        return f"{statistics.mean(values):.2f} ± {statistics.stdev(values) if count > 1 else 0:.2f}"

    plural = "s" if count > 1 else ""
    return f"{count} episode{plural}: return {spread(episodes.returns)}, length {spread(episodes.lengths)} steps"


if __name__ == "__main__":
    verb.end(verb.run("play", play, sys.argv[1:]))
