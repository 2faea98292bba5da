"""What the adapter, the metrics and the learner's listening add to an iteration, against the plainest wrapper.

    nox -s bench_adapter -- [--pairs 5] [--iterations 10] [--device cpu|cuda] [--only cartpole|g1]

Both train in turn in one process, on one environment, with the same network and the same rsl_rl. The time
is that of ``learn``, event files included. Ends with 1 if the median adds more than 1 % on a GPU, or 2 % on
a CPU.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
MOST = {"cpu": 1.02, "cuda": 1.01}
TASKS = {"cartpole": "Mjlab-Cartpole-Balance", "g1": "Mjlab-Velocity-Flat-Unitree-G1"}
NUM_ENVS = {"cpu": {"cartpole": 256, "g1": 16}, "cuda": {"cartpole": 4096, "g1": 4096}}


class Plainest:
    """What rsl_rl 3.0.0 and later need, and not a line more."""

    def __init__(self, env: Any) -> None:
        self.env = env
        self.cfg = env.cfg
        self.num_envs, self.device = env.num_envs, env.device
        self.num_actions = env.action_manager.total_action_dim
        self.max_episode_length = env.max_episode_length
        env.reset()

    @property
    def episode_length_buf(self) -> Any:
        return self.env.episode_length_buf

    @episode_length_buf.setter
    def episode_length_buf(self, value: Any) -> None:
        self.env.episode_length_buf = value

    def get_observations(self) -> Any:
        from tensordict import TensorDict

        return TensorDict(self.env.observation_manager.compute(), batch_size=[self.num_envs])

    def step(self, actions: Any) -> Any:
        from tensordict import TensorDict

        observations, rewards, terminated, truncated, extras = self.env.step(actions)
        extras["time_outs"] = truncated
        return TensorDict(observations, batch_size=[self.num_envs]), rewards, terminated | truncated, extras


def make_env(task: str, num_envs: int, device: str) -> tuple[Any, Any]:
    """The environment of a task, and its agent configuration in the neutral form."""
    from runners import simulators
    from runners.learners.rsl_rl import agent
    from runners.options import Options

    simulator = simulators.load("mujoco")
    simulator.launch(Options())
    configs = simulator.configs(task)
    configs.env.scene.num_envs, configs.env.seed, configs.agent.save_interval = num_envs, 1, 10**6
    return simulator.make_env(configs.env, device), agent.read(configs.agent)


def both(env: Any, agent: Any, device: str, folder: Path) -> dict[str, Callable[[int], None]]:
    """Ours and the plainest, as functions that learn for some iterations more."""
    from rsl_rl.runners import OnPolicyRunner

    from runners.learners.rsl_rl import config, release
    from runners.learners.rsl_rl.learner import Learner
    from runners.learners.rsl_rl.vec_env import make_vec_env

    installed = release.installed()
    if installed.contract != "groups":
        sys.exit(f"bench_adapter: the plainest wrapper is for rsl_rl 3.0.0 and later, and this is {installed}")
    learner = Learner(make_vec_env(env, agent, installed), agent, installed, folder, device)
    cfg, _ = config.write(agent, installed, list(env.observation_manager.active_terms))
    plain = OnPolicyRunner(Plainest(env), cfg, str(folder / "plain"), device)

    def ours(iterations: int) -> None:
        learner.learn(learner.done + iterations, lambda progress: None)
        learner.runner.current_learning_iteration = learner.done

    return {"ours": ours, "plain": lambda iterations: plain.learn(iterations, init_at_random_ep_len=True)}


def measure(learn: Callable[[int], None], iterations: int) -> float:
    """Seconds an iteration."""
    with contextlib.redirect_stdout(io.StringIO()):
        began = time.perf_counter()
        learn(iterations)
        return (time.perf_counter() - began) / iterations


def compare(name: str, device: str, pairs: int, iterations: int) -> float:
    """Print pair by pair, the order changing, and return the median ratio."""
    num_envs = NUM_ENVS[device][name]
    with tempfile.TemporaryDirectory() as text, contextlib.ExitStack() as stack:
        with contextlib.redirect_stdout(io.StringIO()):
            env, agent = make_env(TASKS[name], num_envs, device)
            stack.callback(env.close)
            learners = both(env, agent, device, Path(text))
            for learn in learners.values():
                learn(3)  # compiles kernels
        print(f"{name}: {num_envs} environments, {iterations} iterations a measurement, {device}", flush=True)
        print("  pair   ours ms   plain ms   ratio")
        ratios = []
        for pair in range(pairs):
            order = ("ours", "plain") if pair % 2 else ("plain", "ours")
            times = {who: measure(learners[who], iterations) for who in order}
            ratios.append(times["ours"] / times["plain"])
            print(
                f"  {pair:4}   {times['ours'] * 1e3:7.1f}   {times['plain'] * 1e3:8.1f}   {ratios[-1]:.4f}", flush=True
            )
    return statistics.median(ratios)


def main() -> int:
    """See the module's text."""
    parser = argparse.ArgumentParser(prog="bench_adapter", description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--device", choices=("cpu", "cuda"))
    parser.add_argument("--only", choices=tuple(TASKS))
    args = parser.parse_args()
    os.environ.setdefault("MUJOCO_GL", "disable")
    os.environ.setdefault("WARP_CACHE_PATH", str(ROOT / ".cache" / "warp"))
    if args.device is None:
        import torch

        args.device = "cuda" if torch.cuda.is_available() else "cpu"
    worst = 0.0
    for name in TASKS:
        if args.only in (None, name):
            median = compare(name, args.device, args.pairs, args.iterations)
            print(f"  median {median:.4f} (at most {MOST[args.device]})", flush=True)
            worst = max(worst, median)
    return 0 if worst <= MOST[args.device] else 1


if __name__ == "__main__":
    sys.exit(main())
