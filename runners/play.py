"""make play: show what a run has learned, in a window, a browser or a video, and measure it."""

from __future__ import annotations

import dataclasses
import os
import secrets
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners import overrides, run_dir, simulators, verb
from runners.closing import Closing
from runners.console import Console
from runners.errors import UserError
from runners.interrupts import Interrupts
from runners.options import Options
from runners.plan import as_recorded, read_configs, restore
from runners.run_dir import Checkpoint, RunDir

if TYPE_CHECKING:
    import torch

ENDLESS_S = 1e6


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
    """Find run and checkpoint, build the play environment, show it."""
    run = run_dir.find(Path(options.log_root), options.run)
    checkpoint, remarks = run.checkpoint(options.checkpoint)
    for remark in remarks:
        console.warn(remark)
    recorded = run.manifest()
    task = run.task(options.task)
    viewer = choose_viewer(options)
    video = options.video or viewer == "video"
    options = as_recorded(options, recorded)
    options = dataclasses.replace(options, video=video, viewer="none" if viewer == "video" else viewer)
    simulator = simulators.load(recorded.get("simulator", options.sim) if options.sim == "auto" else options.sim)
    console.say(f"run {run.name}, {checkpoint.path.name}, task {task}")
    simulator.launch(options, overrides.split(options.args).flags)
    closing.simulator = simulator.close
    if options.video and not simulator.can_render():
        without = f"no off-screen OpenGL for a video; install one of {simulator.renderer_packages}"
        if "video" in options.given:
            raise UserError(f"{without}, or leave VIDEO out")
        console.warn(without)
        options = dataclasses.replace(options, video=False)
    Show(options, console, interrupts, closing, simulator, run, checkpoint, task, recorded, viewer).run()


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
    run_dir: RunDir
    checkpoint: Checkpoint
    task: str
    recorded: dict[str, Any]
    viewer: str

    def run(self) -> None:
        """Build everything, then open the viewer or measure."""
        from runners import hardware
        from runners.learners.rsl_rl import agent as agents
        from runners.learners.rsl_rl.vec_env import make_vec_env

        device = self.simulator.device(self.options.device)
        configs = self._configs()
        if self.viewer in ("native", "web"):
            self.console.say(self.simulator.view_hint(self.viewer, self.options.port))
        if device == "cpu":
            hardware.limit_memory()
        try:
            env = self.simulator.make_env(configs.env, device, render=self.options.video)
        except Exception as error:
            if reason := hardware.out_of_memory(error, configs.env.scene.num_envs, device):
                raise UserError(reason) from None
            raise
        self.closing.environment.callback(env.close)
        recorder = self._recorder(env) if self.options.video else None
        agent = agents.read(configs.agent, f"the agent configuration of run '{self.run_dir.name}'")
        vec_env = make_vec_env(recorder or env, agent, before_step=self.interrupts.check)
        policy = self._policy(vec_env, agent, device)
        if self.viewer in ("native", "web"):
            self._view(vec_env, policy)
        else:
            self._measure(vec_env, policy, recorder)

    def _policy(self, vec_env: Any, agent: Any, device: str) -> Any:
        """The actor, rebuilt from its weights; the installed rsl_rl builds those that are no MLP."""
        from runners import policy
        from runners.learners.rsl_rl import checkpoint

        state = checkpoint.read(self.checkpoint.path, device)
        if state.portable:
            network, _ = policy.rebuild(state, agent)
            actor = policy.Actor(network, vec_env.groups["actor"])
            policy.check_fits(actor, vec_env, self.checkpoint.path, self.task)
            vec_env.restore_counter(state.infos)
            return actor
        from runners.learners.rsl_rl import release
        from runners.learners.rsl_rl.learner import Learner

        installed = release.installed()
        if not installed.since("4.0.0"):
            raise UserError(f"'{self.checkpoint.path}' needs rsl_rl 4.0.0 or later to play, and this is {installed}")
        learner = Learner(vec_env, agent, installed, None, device)
        learner.load(self.checkpoint.path, self.checkpoint.iteration)
        return learner.policy()

    def _configs(self) -> Any:
        """The task's play variant with the run's own overrides, episodes of the training's length."""
        configs = read_configs(self.simulator, self.task, self.options.agent, self.run_dir, play=True)
        training = self.simulator.configs(self.task, agent="")
        if configs.env.episode_length_s > ENDLESS_S:
            configs.env.episode_length_s = training.env.episode_length_s
        agent_file = self.run_dir.path / "params" / "agent.yaml"
        if agent_file.is_file():
            restore(configs.agent, agent_file, "agent", self.run_dir.name, self.console)
        for note in self.simulator.prepare_play(configs.env, self.options.terrain == "plane"):
            self.console.say(note)
        overrides.apply(configs, [word for word in self.recorded.get("overrides", []) if word.startswith("env.")])
        configs.env.scene.num_envs = self.options.num_envs or min(self.options.episodes, 8)
        wanted = self.recorded.get("seed", 42) if self.options.seed is None else self.options.seed
        configs.env.seed = secrets.randbelow(2**31) if wanted == "random" else int(wanted)
        if self.viewer != "none":
            self.simulator.prepare_view(configs.env, self.task)
        overrides.apply(configs, overrides.split(self.options.args).fields)
        self.simulator.check(self.task, configs)
        return configs

    def _recorder(self, env: Any) -> Any:
        from runners.video import VideoRecorder

        folder = self.run_dir.path / "videos" / "play"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot write to '{folder}': {error.strerror}") from None
        recorder = VideoRecorder(env, folder, self.options.video_length, None, name=self.checkpoint.path.stem)
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
        steps = 0
        with torch.inference_mode():
            observations = vec_env.get_observations()
            while not episodes.complete or (recorder is not None and recorder.recording):
                observations, rewards, dones, _ = vec_env.step(policy(observations))
                policy.reset(dones)
                episodes.add(rewards, dones)
                steps += 1
                self.console.progress(f"step {steps} · {len(episodes.returns)} of {episodes.wanted} episodes ended")
        self.console.end_progress()
        self.console.say(summary(episodes))
        if recorder is not None:
            self._save_sheet(recorder, vec_env.unwrapped.step_dt)

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
