"""One release of rsl_rl through everything that a run goes through, on real cartpole physics.

    python tests/matrix/cell.py FOLDER

Runs in that release's environment, see matrix.py. ``FOLDER`` gets ``result.json``: one entry a column, "ok",
"refused" where this project refuses by design, or what went wrong; and the first iteration's loss.
``FOLDER/../newest.pt`` is what the newest release trained; ``FOLDER/to-newest.pt`` is for it to load.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from warm_server import redirect  # noqa: E402

TASK = "Mjlab-Cartpole-Balance"
ARGS = "agent.save_interval=1 agent.num_steps_per_env=8 env.episode_length_s=2.0"
COLUMNS = (
    "train", "kill", "resume", "load", "policy", "play", "export", "normaliser", "lstm", "gru", "rnd", "symmetry",
    "nan", "from newest",
)  # fmt: skip
TOLERANCE = 1e-6
REFERENCE = "newest.pt"


class Cell:
    """What one release does; each column is a method."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.result: dict[str, Any] = {}

    def run(self) -> None:
        """Go through the columns; one that fails does not keep the others from being tried."""
        for column in COLUMNS:
            method: Callable[[], Any] = getattr(self, column.replace(" ", "_"))
            try:
                self.result[column] = method() or "ok"
            except Exception as error:
                traceback.print_exc()
                lines = str(error).splitlines() or [""]
                self.result[column] = f"{type(error).__name__}: {lines[0]}"
        self.write_reference()
        (self.folder / "result.json").write_text(json.dumps(self.result, indent=2))

    def flags(self, **values: object) -> list[str]:
        return [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]

    def verb(self, name: str, **values: object) -> None:
        """A verb in this process, as make would call it."""
        from importlib import import_module

        from runners import verb

        body = getattr(import_module(f"runners.{name}"), name)
        status = verb.run(name, body, self.flags(log_root=self.logs, **values))
        assert status == 0, f"{name} ended with {status}"

    def run_dir(self) -> Any:
        from runners import run_dir

        return run_dir.find(self.logs, "latest")

    def train(self) -> None:
        """Train in a process of its own until three iterations are saved, and kill it."""
        log = self.folder / "killed.log"
        child = os.fork()
        if child == 0:
            try:
                redirect(log, log)
                self.verb("train", iterations=500, num_envs=8, seed=1, args=ARGS)
            finally:
                os._exit(1)
        end = time.monotonic() + 240
        while not list(self.logs.glob("*/*/model_2.pt")):
            ended = os.waitpid(child, os.WNOHANG)[0] == child
            if ended or time.monotonic() > end:
                if not ended:
                    os.kill(child, signal.SIGKILL)
                    os.waitpid(child, 0)
                raise RuntimeError(log.read_text().splitlines()[-1])
            time.sleep(0.05)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    def kill(self) -> None:
        from runners.curve import scalars

        run = self.run_dir()
        assert run.status() == "dead", run.status()
        losses = {tag: scalars(run.path, tag) for tag in ("Loss/value_function", "Loss/value")}
        tag, values = next((tag, values) for tag, values in losses.items() if values)
        self.result["first loss"] = values[0][1]
        for name in ("approx_kl", "clip_fraction", "value_clip_fraction", "grad_norm", "mean_advantage", "mean_return"):
            assert scalars(run.path, f"PPO/{name}"), f"PPO/{name} is not in TensorBoard"
        assert tag and scalars(run.path, "Episode_Reward/smooth_reward"), "no reward term in TensorBoard"

    def resume(self) -> None:
        parent = self.run_dir()
        checkpoint, _ = parent.last_checkpoint()
        self.verb("train", resume=1, more=2)
        manifest = self.run_dir().manifest()
        assert manifest["iterations"]["start"] == checkpoint.iteration + 1, manifest["iterations"]
        assert manifest["iterations"]["done"] == checkpoint.iteration + 3, manifest["iterations"]
        assert self.run_dir().last_checkpoint()[0].iteration == checkpoint.iteration + 2

    def load(self) -> None:
        """The release's own runner, built anew, takes the file."""
        self.learner = self.build()
        checkpoint = self.run_dir().last_checkpoint()[0]
        assert self.learner.load(checkpoint.path, checkpoint.iteration) == []
        self.check_learning_rate(checkpoint)
        self.check_mean_return(checkpoint)

    def check_learning_rate(self, checkpoint: Any) -> None:
        """An adaptive rate is the file's, a fixed one the configuration's."""
        import torch

        saved = torch.load(checkpoint.path, weights_only=True)["optimizer_state_dict"]["param_groups"][0]["lr"]
        agent = self.agent()
        assert saved != agent.algorithm["learning_rate"], "the adaptive rate has not moved"
        for schedule, expected in (("adaptive", saved), ("fixed", 0.125)):
            changed = replace(agent, algorithm={**agent.algorithm, "schedule": schedule, "learning_rate": 0.125})
            learner = self.build(changed)
            learner.load(checkpoint.path, checkpoint.iteration)
            rates = learner.runner.alg.learning_rate, learner.runner.alg.optimizer.param_groups[0]["lr"]
            assert rates == (expected, expected), f"{schedule}: {rates}"

    def check_mean_return(self, checkpoint: Any) -> None:
        """The buffers go on where they were; episodes that are only partly seen do not count."""
        folder = self.folder / "returns"
        learner = self.build(log_dir=folder)
        learner.load(checkpoint.path, checkpoint.iteration)
        before = list(learner._buffers[0]), list(learner._buffers[1])
        assert before[0], "the checkpoint has no episodes"
        start = learner.done

        def after(progress: Any) -> None:
            if progress.iteration == start + 1:
                assert (list(learner._buffers[0]), list(learner._buffers[1])) == before, "cut episodes count"

        learner.learn(start + 12, after)
        learner.close()
        new = list(learner._buffers[1])[len(before[1]) :]
        assert new and set(new) == {40.0}, f"lengths of whole episodes: {new}"

    def policy(self) -> None:
        """Our rebuilt policy acts as the release's own does."""
        from runners.learners.rsl_rl import checkpoint as files

        state = files.read(self.run_dir().last_checkpoint()[0].path)
        self.compare(self.learner, state)

    def play(self) -> None:
        self.verb("play", viewer="none", episodes=2)

    def export(self) -> None:
        self.verb("export")
        assert {path.name for path in (self.run_dir().path / "exported").iterdir()} == {"policy.pt", "policy.onnx"}

    def normaliser(self) -> None:
        self.variant(obs_normalization=True)

    def lstm(self) -> str | None:
        return self.recurrent("lstm")

    def gru(self) -> str | None:
        return self.recurrent("gru")

    def recurrent(self, kind: str) -> str | None:
        from runners.learners.rsl_rl.agent import Memory

        changes = {"class_name": "RNNModel", "memory": Memory(kind, 16, 1)}
        return self.unless_refused("2.0.0", "a recurrent policy", lambda: self.variant(**changes))

    def rnd(self) -> str | None:
        rnd = {"weight": 0.1, "num_outputs": 4, "predictor_hidden_dims": [8], "target_hidden_dims": [8]}
        groups = {"actor": ["actor"], "critic": ["critic"], "rnd_state": ["critic"]}
        return self.unless_refused("2.2.4", "random network", lambda: self.extension(rnd=rnd, obs_groups=groups))

    def symmetry(self) -> str | None:
        function = {"data_augmentation_func": "mirror:mirror", "mirror_loss_coeff": 0.1}
        own = {"use_data_augmentation": True, "use_mirror_loss": True, **function}
        return self.unless_refused("3.0.1", "symmetry", lambda: self.extension(symmetry=own))

    def unless_refused(self, first: str, words: str, run: Callable[[], None]) -> str | None:
        """Releases before ``first`` must refuse, by name; all others must do it."""
        from runners.errors import UserError
        from runners.learners.rsl_rl.release import installed

        if installed().since(first):
            run()
            return None
        try:
            run()
        except UserError as error:
            assert words in str(error), str(error)
            return "refused"
        raise AssertionError("it was not refused")

    def extension(self, **changes: Any) -> None:
        """Train with an extension of PPO, save, load into a fresh runner, learn on."""
        agent = replace(self.agent(), **changes)
        folder = self.folder / "-".join(changes)
        learner = self.build(agent, folder)
        learner.learn(2, lambda progress: None)
        path = learner.save(folder)
        again = self.build(agent, folder)
        assert path is not None and again.load(path, 1) == []
        again.learn(3, lambda progress: None)
        assert set(again.metrics.last) >= {"approx_kl", "clip_fraction", "value_clip_fraction", "grad_norm"}
        again.close()

    def nan(self) -> None:
        """A NaN from the environment ends the run before it ruins the weights."""
        import torch

        learner = self.build(log_dir=self.folder / "nan")
        learner.env.env = Poisoned(learner.env.env)
        try:
            learner.learn(3, lambda progress: None)
        except (FloatingPointError, ValueError) as error:
            assert "nan" in str(error).lower(), str(error)
        else:
            raise AssertionError("no error")
        from runners.learners.rsl_rl.holes import network

        assert learner.done == 1
        assert all(torch.isfinite(p).all() for p in network(learner.runner.alg, learner.release).parameters())

    def variant(self, **changes: Any) -> None:
        """Train another network, save, load into a fresh runner, learn on; our policy acts as the release's own."""
        from runners.learners.rsl_rl import checkpoint as files

        agent = self.agent()
        agent = replace(agent, actor=replace(agent.actor, **changes), critic=replace(agent.critic, **changes))
        memory = changes.get("memory")
        folder = self.folder / (memory.kind if memory else "normaliser")
        learner = self.build(agent, folder)
        watch_critic_memory(learner)
        learner.learn(2, lambda progress: None)
        path = learner.save(folder)
        assert path is not None
        state = files.read(path)
        fresh = self.build(agent, folder)
        assert fresh.load(path, 1) == []
        self.compare(fresh, state, agent)
        if learner.release.contract == "pair" and agent.actor.obs_normalization:
            check_normalisers_of_2_x(fresh, state)
        again = self.build(agent, folder)
        again.load(path, 1)
        again.learn(3, lambda progress: None)
        again.close()

    def from_newest(self) -> str | None:
        """This release's own load takes what the newest release trained, acts as it did, and learns on."""
        import torch

        from runners.learners.rsl_rl import checkpoint as files

        reference = self.folder.parent / REFERENCE
        if not reference.is_file():
            return None  # this is the newest
        given = torch.load(reference, weights_only=False)
        state = files.parse(given["data"], reference)
        learner = self.build(log_dir=self.folder / "from-newest")
        load_own(learner, files.translate(state, learner.release), self.folder / "from-newest.pt")
        check_actions(learner, given)
        learner.learn(learner.done + 1, lambda progress: None)
        learner.close()
        return None

    def write_reference(self) -> None:
        """Leave what this release has learned, in the newest release's layout, with what it does."""
        import torch

        from runners.learners.rsl_rl import checkpoint as files
        from runners.learners.rsl_rl.release import NEWEST, known

        state = files.read(self.run_dir().last_checkpoint()[0].path)
        observations = self.observations(1)[0]
        given = {
            "data": files.translate(state, known(NEWEST)),
            "observations": observations,
            "actions": own_actions(self.learner, [observations])[0],
        }
        torch.save(given, self.folder / "to-newest.pt")

    def agent(self) -> Any:
        from runners.learners.rsl_rl import agent

        return agent.read(agent.load_yaml(self.run_dir().path / "params" / "agent.yaml"))

    def build(self, agent: Any = None, log_dir: Path | None = None) -> Any:
        return build(agent or self.agent(), log_dir)

    def observations(self, steps: int) -> list[dict[str, Any]]:
        import torch

        generator = torch.Generator().manual_seed(0)
        sizes = {name: dim[0] for name, dim in environment().observation_manager.group_obs_dim.items()}
        return [{name: torch.randn(8, size, generator=generator) for name, size in sizes.items()} for _ in range(steps)]

    def compare(self, learner: Any, state: Any, agent: Any = None) -> None:
        """Actions of the release's own policy and of ours, over five steps with a reset in between."""
        from runners import policy

        network, _ = policy.rebuild(state, agent or self.agent())
        actor = policy.Actor(network, learner.env.groups["actor"])
        batches = self.observations(5)
        ours = [actor(batch) for batch in batches]
        worst = max((a - b).abs().max().item() for a, b in zip(ours, own_actions(learner, batches), strict=True))
        assert worst <= TOLERANCE, f"the policies differ by {worst:g}"
        self.result["difference"] = max(worst, self.result.get("difference", 0.0))


class Poisoned:
    """The environment, whose tenth step gives NaN."""

    def __init__(self, env: Any) -> None:
        self.env = env
        self.steps = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.env, name)

    def step(self, actions: Any) -> Any:
        observations, *rest = self.env.step(actions)
        self.steps += 1
        if self.steps == 10:
            observations = {name: group * float("nan") for name, group in observations.items()}
        return observations, *rest


def watch_critic_memory(learner: Any) -> None:
    """Fail if computing returns moves the memory of a recurrent critic."""
    algorithm = learner.runner.alg
    holder = algorithm.critic.rnn if hasattr(algorithm, "critic") and algorithm.critic.is_recurrent else None
    net = getattr(algorithm, "policy", getattr(algorithm, "actor_critic", None))
    memory = holder or getattr(net, "memory_c", None)
    if memory is None:
        return
    compute = algorithm.compute_returns

    def watched(*args: Any) -> None:
        import torch

        def state() -> Any:
            hidden = getattr(memory, "hidden_state", None)
            hidden = memory.hidden_states if hidden is None else hidden
            return hidden[0] if isinstance(hidden, tuple) else hidden

        before = state().clone()
        compute(*args)
        assert torch.equal(state(), before), "the critic's memory has moved"

    algorithm.compute_returns = watched


def check_normalisers_of_2_x(learner: Any, state: Any) -> None:
    """Their counts are the file's, and ``learn`` gets its first observation normalised."""
    import torch

    from runners.learners.rsl_rl import holes

    actor, critic = holes.normalisers(learner.runner)
    counts = [int(actor.count), int(critic.count)]
    assert counts == [int(state.actor_normaliser["count"]), int(state.critic_normaliser["count"])], counts
    assert counts[0] >= 8 * 8 * 2
    for normaliser in (actor, critic):
        normaliser.eval()
    raw = environment().observation_manager.compute()
    seen, extras = learner.env.get_observations()
    assert torch.allclose(seen, actor(raw["actor"])) and not torch.allclose(seen, raw["actor"])
    assert torch.allclose(extras["observations"]["critic"], critic(raw["critic"]))


_environment: Any = None


def environment() -> Any:
    """The cartpole environment, built once in a process."""
    global _environment  # noqa: PLW0603
    if _environment is None:
        from runners import overrides, simulators
        from runners.options import Options

        simulator = simulators.load("mujoco")
        simulator.launch(Options())
        configs = simulator.configs(TASK)
        configs.env.scene.num_envs, configs.env.seed = 8, 1
        overrides.apply(configs, [word for word in ARGS.split() if word.startswith("env.")])
        _environment = simulator.make_env(configs.env, "cpu")
    return _environment


def build(agent: Any, log_dir: Path | None) -> Any:
    """A learner of the installed release."""
    from runners.learners.rsl_rl import release
    from runners.learners.rsl_rl.learner import Learner
    from runners.learners.rsl_rl.vec_env import make_vec_env

    if log_dir is not None:
        log_dir.mkdir(exist_ok=True)
    installed = release.installed()
    release.check_code(installed)
    return Learner(make_vec_env(environment(), agent, installed), agent, installed, log_dir, "cpu")


def own_actions(learner: Any, batches: list[dict[str, Any]]) -> list[Any]:
    """What the release's own inference policy does."""
    import torch
    from tensordict import TensorDict

    policy = learner.policy()
    actions = []
    with torch.inference_mode():
        for batch in batches:
            if learner.release.contract == "groups":
                observations: Any = TensorDict(batch, batch_size=[8])
            else:
                observations = torch.cat([batch[name] for name in learner.env.groups["actor"]], dim=-1)
            actions.append(policy(observations).clone())
    return actions


def load_own(learner: Any, data: dict[str, Any], path: Path) -> None:
    """``load`` of rsl_rl itself, on a file."""
    import torch

    torch.save(data, path)
    learner.runner.load(str(path))
    learner.done = learner.runner.current_learning_iteration = int(data["iter"]) + 1


def check_actions(learner: Any, given: dict[str, Any]) -> None:
    (actions,) = own_actions(learner, [given["observations"]])
    worst = (actions - given["actions"]).abs().max().item()
    assert worst <= TOLERANCE, f"the actions differ by {worst:g}"


def check_newest(files: list[Path]) -> dict[str, str]:
    """In the newest release: its own load takes what each other release has trained, and learns on."""
    import torch

    from runners.learners.rsl_rl import agent

    results = {}
    for path in files:
        try:
            given = torch.load(path, weights_only=False)
            (yaml,) = sorted(path.parent.glob("logs/*/*/params/agent.yaml"))[-1:]
            learner = build(agent.read(agent.load_yaml(yaml)), path.parent / "newest")
            load_own(learner, given["data"], path.with_name("newest-takes.pt"))
            check_actions(learner, given)
            learner.learn(learner.done + 1, lambda progress: None)
            learner.close()
            results[path.parent.name] = "ok"
        except Exception as error:
            traceback.print_exc()
            results[path.parent.name] = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    return results


def main(arguments: list[str]) -> int:
    os.chdir(ROOT)
    if arguments[0] == "--newest":
        target, *files = map(Path, arguments[1:])
        target.write_text(json.dumps(check_newest(files)))
    else:
        Cell(Path(arguments[0])).run()
    sys.stdout.flush()
    os._exit(0)  # what libraries do when they are torn down is not what is tested


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
