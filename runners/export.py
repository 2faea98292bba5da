"""make export: a run's policy as files that a robot's computer reads, compared with the policy itself."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners import deployment, exported, play_env, verb
from runners.closing import Closing
from runners.console import Console
from runners.errors import UserError
from runners.interrupts import Interrupts
from runners.options import Options
from runners.plan import as_recorded
from runners.play_env import Trained
from runners.run_dir import write_whole
from runners.train import log_root_word

if TYPE_CHECKING:
    import torch

    from runners.deployment import Deployment
    from runners.env_figures import Drive

NUM_ENVS, STEPS = 4, 25
"""Of which the observations are taken that the files are compared on."""


def export(options: Options, console: Console, interrupts: Interrupts, closing: Closing) -> None:
    """Build the run's play environment, record what its policy sees and does there, write and compare the files."""
    subject = play_env.find_run(options, console)
    for package in ("onnx", "onnxruntime"):
        if importlib.util.find_spec(package) is None:
            raise UserError(f"package '{package}' is not installed, which export needs; run: make setup")
    options = dataclasses.replace(as_recorded(options, subject.recorded), num_envs=NUM_ENVS)
    simulator = play_env.launch(options, subject, console, closing)
    Export(options, console, interrupts, closing, simulator, subject).run()


@dataclasses.dataclass
class Export:
    """One policy and its files."""

    options: Options
    console: Console
    interrupts: Interrupts
    closing: Closing
    simulator: Any
    subject: Trained

    def run(self) -> None:
        """Do it. The network is on the CPU, as it will be on the robot: GPUs round products of matrices to 1e-3."""
        from runners import onnx_export, policy
        from runners.learners.rsl_rl import agent as agents
        from runners.learners.rsl_rl import checkpoint
        from runners.learners.rsl_rl.vec_env import make_vec_env

        subject, options = self.subject, self.options
        device = self.simulator.device(options.device)
        configs = play_env.configure(options, subject, self.simulator, self.console, seen=False)
        agent = agents.read(configs.agent, subject.where)
        state = checkpoint.read(subject.checkpoint.path)
        network, _ = policy.rebuild(state, agent)
        plain = network.feed_forward()
        env = play_env.build(configs, self.simulator, device, False, self.closing.environment.callback)
        vec_env = make_vec_env(env, agent, before_step=self.interrupts.check)
        subject.check_fits(network, vec_env)
        vec_env.restore_counter(state.infos)
        observations, actions = record(vec_env, network)
        if not actions.isfinite().all():
            where = f"'{subject.checkpoint.path}'"
            raise UserError(f"the policy of {where} gives actions that are no numbers; name another with CHECKPOINT=")
        folder = subject.run.path / exported.FOLDER
        drive, written, why_not = self._figures(vec_env, folder / "policy.onnx")
        metadata = describe(subject, self.simulator, vec_env, drive)
        self.console.say(f"{network.num_inputs} observations, {network.num_actions} actions, opset {onnx_export.OPSET}")
        with tempfile.TemporaryDirectory() as scratch:
            script, graph = Path(scratch) / "policy.pt", Path(scratch) / "policy.onnx"
            onnx_export.write(plain, network.num_inputs, metadata, script, graph)
            for name, worst in onnx_export.differences(actions, observations, script, graph).items():
                self.console.say(
                    f"{name} differs from the policy by at most {worst:.1e} on {len(actions)} observations"
                )
            put(folder, [script, graph], written)
        self._say_what_next(folder, why_not)
        if written is not None:
            self._warn_of_upstream(written)

    def _figures(self, vec_env: Any, onnx: Path) -> tuple[Drive | None, Deployment | None, str]:
        """What is read from the environment, and why there is no ``policy.yaml``."""
        from runners import env_figures

        drive = None
        try:
            drive = env_figures.drive(vec_env, self.simulator)
            return drive, env_figures.deployment(vec_env, drive, deployment.checkpoint_path(onnx)), ""
        except env_figures.NotDeployableError as reason:
            return drive, None, str(reason)

    def _say_what_next(self, folder: Path, why_not: str) -> None:
        files = ["policy.pt", "policy.onnx"] + ["policy.yaml"] * (not why_not)
        if why_not:
            self.console.say(f"no policy.yaml: {why_not}")
        for name in files:
            self.console.say(f"wrote {verb.shown(folder / name)} ({(folder / name).stat().st_size:,} bytes)")
        run = f"RUN={self.subject.run.word}{log_root_word(self.options)}"
        words = f"play POLICY={verb.shown(folder / 'policy.onnx')}" if why_not else f"sim2sim {run}"
        self.console.say(f"try it: make {words}")

    def _warn_of_upstream(self, written: Deployment) -> None:
        """Say what upstream's own programs would not do with the files as they are."""
        why_not = deployment.why_not_upstream(written)
        if why_not:
            self.console.warn(f"upstream's own programs cannot take policy.yaml: {why_not}; make sim2sim can")
        elif not Path(written.policy_checkpoint_path).is_absolute():
            self.console.warn(
                "upstream's own programs cannot open a path with '.pt' or '${' in it; "
                f"copy policy.onnx to '{written.policy_checkpoint_path}' in their folder, as policy.yaml says"
            )


def record(vec_env: Any, network: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """What the policy sees and does in its first steps. Shapes: (n, observations), (n, actions), on the CPU."""
    import torch

    seen, done = [], []
    with torch.inference_mode():
        observations = vec_env.get_observations()
        for _ in range(STEPS):
            seen.append(torch.cat([observations[name] for name in vec_env.groups["actor"]], dim=-1).float().cpu())
            done.append(network(seen[-1]))
            observations, *_ = vec_env.step(done[-1].to(vec_env.device))
    return torch.cat(seen), torch.cat(done)


def describe(subject: Trained, simulator: Any, vec_env: Any, drive: Drive | None) -> dict[str, str]:
    """The metadata of the ONNX file. It holds strings: lists are joined by commas, as mjlab does, versions are JSON."""
    from runners import env_figures

    terms = env_figures.observation_terms(vec_env)
    step_dt = vec_env.unwrapped.step_dt
    found: dict[str, Any] = {
        "task": subject.task,
        "simulator": simulator.name,
        "run": subject.run.name,
        "iteration": subject.checkpoint.iteration,
        "policy_dt": env_figures.tidy(step_dt),
        "physics_dt": env_figures.tidy(step_dt / vec_env.cfg.decimation),
        "observation_names": ",".join(seen.name for seen in terms),
        "observation_sizes": ",".join(str(seen.size) for seen in terms),
        "versions": json.dumps(subject.recorded.get("versions", {})),
    }
    if drive is not None:
        found["joint_names"] = ",".join(drive.actuation.driven)
        found["action_scale"] = env_figures.tidy(drive.scale)
        found["default_joint_pos"] = ",".join(str(env_figures.tidy(value)) for value in drive.offset)
    return {key: str(value) for key, value in found.items()}


def put(folder: Path, files: list[Path], written: Deployment | None) -> None:
    """Put files into the folder, each of them whole or not at all, and remove a ``policy.yaml`` of before.

    Raises:
        UserError: it cannot be written.
    """
    try:
        folder.mkdir(exist_ok=True)
        (folder / "policy.yaml").unlink(missing_ok=True)
        for file in files:
            with write_whole(folder / file.name) as stream:
                stream.write(file.read_bytes())
        if written is not None:
            written.write(folder / "policy.yaml")
    except OSError as error:
        raise UserError(f"cannot write to '{folder}': {error.strerror}") from None


if __name__ == "__main__":
    verb.end(verb.run("export", export, sys.argv[1:]))
