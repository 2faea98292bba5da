"""Drive an rsl_rl 1.0.2, the real one or the double, and write down as JSON all that it does.

Run as ``python transcript_1_0_2.py FOLDER OUTPUT``, FOLDER holding the package; one process for each, since both have
the same name. What the transcript must say is in tests/unit/test_double_1_0_2.py.
"""

from __future__ import annotations

import collections
import contextlib
import copy
import inspect
import io
import itertools
import json
import sys
import tempfile
from abc import ABC
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

sys.path.insert(0, sys.argv[1])

import rsl_rl.algorithms
import rsl_rl.env
import rsl_rl.modules
import rsl_rl.runners
import rsl_rl.storage
import rsl_rl.utils
import torch
from rsl_rl.algorithms import ppo
from rsl_rl.env import VecEnv
from rsl_rl.modules import ActorCritic
from rsl_rl.runners import OnPolicyRunner, on_policy_runner
from rsl_rl.storage import RolloutStorage

STEPS = 4
CFG = {
    "runner": {
        "policy_class_name": "ActorCritic", "algorithm_class_name": "PPO", "num_steps_per_env": STEPS,
        "save_interval": 2, "unknown": 1,
    },
    "algorithm": {"gamma": 0.9, "lam": 0.8, "num_learning_epochs": 2, "num_mini_batches": 2, "schedule": "adaptive"},
    "policy": {"actor_hidden_dims": [8, 6], "critic_hidden_dims": [5], "activation": "elu"},
}  # fmt: skip


class Env:
    """Two robots whose observations begin with the number of the step; the second is cut off at step 2 of 4."""

    learnable = 0.0
    """How much of the reward is for small actions."""

    def __init__(self, privileged: int | None = 4, in_place: bool = False) -> None:
        self.num_envs, self.num_obs, self.num_privileged_obs, self.num_actions = 2, 3, privileged, 2
        self.max_episode_length = 5.5
        self.episode_length_buf = torch.zeros(2, dtype=torch.long)
        self.steps = 0
        self.in_place = in_place
        self.obs = torch.zeros(2, 3)
        self.rewards = self.moved = torch.zeros(2)
        self.inference: list[bool] = []

    def observe(self, width: int | None, target: torch.Tensor | None = None) -> torch.Tensor | None:
        if width is None:
            return None
        new = target if target is not None else torch.zeros(2, width)
        new[:, 0] = self.steps
        new[:, 1:] = 0.1 * self.moved.unsqueeze(1)
        return new

    def get_observations(self) -> Any:
        return self.observe(3, self.obs if self.in_place else None)

    def get_privileged_observations(self) -> Any:
        return self.observe(self.num_privileged_obs)

    def reset(self) -> Any:
        return self.get_observations(), self.get_privileged_observations()

    def step(self, actions: torch.Tensor) -> Any:
        self.inference.append(torch.is_inference_mode_enabled())
        self.steps += 1
        self.moved = actions.sum(1)
        self.rewards = torch.tensor([1.0, 2.0]) - self.learnable * actions.pow(2).sum(1)
        dones = torch.tensor([False, self.steps % STEPS == 2])
        infos = Infos(time_outs=dones.clone(), other=1)
        if self.steps % 2 == 0:
            infos["episode"] = {"a": self.steps, "b/c": torch.tensor(2)}
        return self.get_observations(), self.get_privileged_observations(), self.rewards, dones, infos


class Infos(dict[str, Any]):
    """Remembers the keys that were asked for."""

    asked: set[str] = set()  # noqa: RUF012  one for all steps

    def __contains__(self, key: object) -> bool:
        self.asked.add(str(key))
        return super().__contains__(key)

    def __getitem__(self, key: str) -> Any:
        self.asked.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)


class Groups(dict[str, Any]):
    """As much of a TensorDict as later releases pass about."""

    def to(self, device: str) -> Groups:
        return self


class Recorder:
    """The environment as the runner sees it; every read, call and assignment goes into ``log``."""

    def __init__(self, inner: Any, log: list[str]) -> None:
        object.__setattr__(self, "inner", inner)
        object.__setattr__(self, "log", log)

    def __getattribute__(self, name: str) -> Any:
        inner, log = object.__getattribute__(self, "inner"), object.__getattribute__(self, "log")
        if not callable(getattr(inner, name, None)):
            log.append(f"env.{name}")
            return getattr(inner, name)
        return traced(getattr(inner, name), f"env.{name}", log)

    def __setattr__(self, name: str, value: Any) -> None:
        object.__getattribute__(self, "log").append(f"env.{name} = {type(value).__name__}")
        setattr(object.__getattribute__(self, "inner"), name, value)


def traced(function: Callable[..., Any], name: str, log: list[str]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        log.append(f"{name}({', '.join([str(len(args))] * bool(args) + sorted(kwargs))})")
        return function(*args, **kwargs)

    return call


def trace(thing: Any, name: str, methods: str, log: list[str]) -> None:
    for method in methods.split():
        setattr(thing, method, traced(getattr(thing, method), f"{name}.{method}", log))


def make(env: Any = None, log_dir: Any = None, **changes: dict[str, Any]) -> Any:
    """A runner of CFG with ``changes`` to its sections."""
    cfg = copy.deepcopy(CFG)
    for section, values in changes.items():
        cfg[section].update(values)
    return OnPolicyRunner(Env() if env is None else env, cfg, log_dir)


def trained(folder: Path, iterations: int = 1, env: Any = None, **changes: dict[str, Any]) -> Any:
    runner = make(env, str(folder), **changes)
    runner.learn(iterations)
    runner.writer.flush()  # events are written by a thread, and read back at once
    return runner


def without(env: Env, name: str) -> Env:
    delattr(env, name)
    return env


def replaced(name: str, change: Callable[[Any], Any]) -> Env:
    """An environment one of whose methods gives something else."""
    env = Env()
    method = getattr(env, name)
    setattr(env, name, lambda *args: change(method(*args)))
    return env


def outcome(action: Callable[[], Any]) -> str:
    try:
        action()
    except Exception as error:
        return type(error).__name__
    return "nothing"


def public(thing: Any) -> list[str]:
    names = vars(thing) if isinstance(thing, ModuleType) else dir(thing)
    for_types = {"annotations", "Any", "Callable", "Iterator", "Sequence", "Tuple", "Union"}
    inherited = set(dir(torch.nn.Module())) | set(dir(ABC))
    return sorted(name for name in names if not name.startswith("_") and name not in inherited | for_types)


def parameters(function: Any) -> list[Any]:
    found = inspect.signature(function).parameters.values()
    kinds = {inspect.Parameter.VAR_KEYWORD: "**", inspect.Parameter.VAR_POSITIONAL: "*"}
    return [
        kinds.get(p.kind, "") + p.name if p.default is p.empty else [p.name, p.default]
        for p in found
        if p.name != "self"
    ]


def offered(folder: Path) -> dict[str, Any]:
    runner = trained(folder)
    alg = runner.alg
    modules = "rsl_rl.algorithms.ppo rsl_rl.env.vec_env rsl_rl.modules.actor_critic rsl_rl.runners.on_policy_runner"
    packages = "rsl_rl.algorithms rsl_rl.env rsl_rl.modules rsl_rl.runners rsl_rl.storage rsl_rl.utils"
    names: dict[str, Any] = {name: public(sys.modules[name]) for name in f"{packages} {modules}".split()}
    for thing in (runner, alg, alg.actor_critic, alg.storage, alg.transition, VecEnv):
        names[getattr(thing, "__name__", type(thing).__name__)] = public(thing)
    names["abstract"] = sorted(VecEnv.__abstractmethods__)
    names["patchable"] = [ppo.nn is torch.nn, on_policy_runner.deque is collections.deque]
    return names


def signatures(folder: Path) -> dict[str, Any]:
    classes = (OnPolicyRunner, ppo.PPO, ActorCritic, RolloutStorage, RolloutStorage.Transition)
    return {
        f"{cls.__name__}.{name}": parameters(function)
        for cls in classes
        for name, function in vars(cls).items()
        if inspect.isfunction(function) and (name == "__init__" or not name.startswith("_"))
    }


def env_access(folder: Path) -> dict[str, Any]:
    def seen(log: list[str]) -> list[str]:
        short = [line for i, line in enumerate(log) if i == 0 or line != log[i - 1]]
        log.clear()
        return short

    env, log = Env(), []
    runner = make(Recorder(env, log), str(folder))
    built = seen(log)
    plain = Env(None)
    make(Recorder(plain, log))
    built_plain = seen(log)
    runner.learn(1, init_at_random_ep_len=True)
    random = seen(log)
    lengths = [env.episode_length_buf.dtype == torch.long, bool((env.episode_length_buf < 5).all())]
    runner.learn(num_learning_iterations=1)
    return {
        "constructor": [sorted(set(built[:-1])), built[-1]],
        "constructor, no privileged": [sorted(set(built_plain[:-1])), built_plain[-1]],
        "learn, random lengths": random,
        "learn": seen(log),
        "lengths": lengths,
        "step in inference mode": sorted(set(env.inference)),
        "infos": sorted(Infos.asked),
    }


def calls(folder: Path) -> dict[str, Any]:
    """The order of calls in one iteration of two steps, each looked up where an adapter may have patched it."""
    log: list[str] = []
    runner = make(
        Recorder(Env(), log), str(folder), runner={"num_steps_per_env": 2}, algorithm=dict.fromkeys(
            ("num_learning_epochs", "num_mini_batches"), 1)
    )  # fmt: skip
    alg = runner.alg
    trace(runner, "runner", "log save", log)
    trace(alg, "alg", "act process_env_step compute_returns update", log)
    trace(alg.storage, "storage", "add_transitions compute_returns mini_batch_generator clear", log)
    trace(alg.transition, "transition", "clear", log)
    trace(alg.optimizer, "optimizer", "zero_grad step", log)
    methods = "train act act_inference update_distribution evaluate get_actions_log_prob reset"
    trace(alg.actor_critic, "policy", methods, log)
    clip = torch.nn.utils.clip_grad_norm_
    utils = SimpleNamespace(clip_grad_norm_=traced(clip, "ppo.nn.utils.clip_grad_norm_", log))
    real_writer, real_deque, patched = on_policy_runner.SummaryWriter, collections.deque, []

    class Deque(collections.deque[Any]):
        def extend(self, values: Any) -> None:
            patched.append(["extend", list(values)])
            super().extend(values)

    def new_deque(*args: Any, **kwargs: Any) -> Any:
        patched.append(["deque", list(args), kwargs])
        return Deque(*args, **kwargs)

    def new_writer(*args: Any, **kwargs: Any) -> Any:
        patched.append(["SummaryWriter", list(args), {**kwargs, "log_dir": kwargs["log_dir"] == str(folder)}])
        return real_writer(*args, **kwargs)

    ppo.nn, on_policy_runner.deque, on_policy_runner.SummaryWriter = SimpleNamespace(utils=utils), new_deque, new_writer
    log.clear()
    runner.learn(1)
    runner.learn(0)
    ppo.nn, on_policy_runner.deque, on_policy_runner.SummaryWriter = torch.nn, real_deque, real_writer
    return {"order": [line for line in log if "(" in line], "patched": patched}


def log_locals(folder: Path) -> dict[str, Any]:
    runner = make(None, str(folder))
    seen: list[dict[str, Any]] = []
    runner.log = lambda locs: seen.append({**locs, "ep_infos": list(locs["ep_infos"])})
    updates: list[Any] = []
    update = runner.alg.update
    runner.alg.update = lambda: updates.append((update(), torch.is_inference_mode_enabled())) or updates[-1][0]
    runner.learn(3)
    last = seen[-1]
    plain = {name: last[name] for name in ("it", "tot_iter", "num_learning_iterations", "init_at_random_ep_len", "i")}
    return {
        "names": sorted(last),
        "plain": plain,
        "types": {name: type(last[name]).__name__ for name in ("rewbuffer", "collection_time", "mean_value_loss")},
        "buffers": [list(last["rewbuffer"]), list(last["lenbuffer"]), last["rewbuffer"].maxlen],
        "current sums": [last["cur_reward_sum"].tolist(), last["cur_episode_length"].tolist()],
        "ep_infos of an iteration": len(last["ep_infos"]),
        "update gives": [type(updates[0][0]).__name__, [type(x).__name__ for x in updates[0][0]], updates[0][1]],
        "times add up": last["start"] <= last["stop"] and last["learn_time"] == last["stop"] - last["start"],
        "self": last["self"] is runner,
    }


def files(folder: Path) -> dict[str, Any]:
    def iterations() -> dict[str, int]:
        return {path.name: torch.load(path)["iter"] for path in sorted(folder.glob("model_*.pt"))}

    runner = make(None, str(folder))
    during: list[int] = []
    log = runner.log
    runner.log = lambda locs: (during.append(runner.current_learning_iteration), log(locs))
    runner.learn(3)
    first = iterations()
    runner.learn(2)
    return {
        "learn(3)": first,
        "then learn(2)": iterations(),
        "counter": during,
        "event files": len(list(folder.glob("events.*"))),
        "totals": [runner.tot_timesteps, runner.tot_time > 0],
    }


def checkpoint(folder: Path) -> dict[str, Any]:
    runner = trained(folder, 3)
    runner.alg.optimizer.param_groups[0]["lr"] = 0.0123
    path = folder / "with_infos.pt"
    runner.save(str(path), {"note": 1})
    data = torch.load(path)
    optimizer = data["optimizer_state_dict"]
    loads: list[Any] = []
    real_load = torch.load
    torch.load = lambda *args, **kwargs: loads.append([args == (str(path),), kwargs]) or real_load(*args, **kwargs)
    resumed, weights = make(None, str(folder)), make()
    result = [resumed.load(str(path)), weights.load(str(path), load_optimizer=False)]
    torch.load = real_load
    resumed_optimizer = resumed.alg.optimizer.state_dict()
    nets = [loaded.alg.actor_critic.state_dict() for loaded in (resumed, weights)]
    same = [all(torch.equal(net[name], value) for name, value in data["model_state_dict"].items()) for net in nets]
    counters = [resumed.current_learning_iteration, weights.current_learning_iteration]
    rates = [resumed.alg.learning_rate, resumed_optimizer["param_groups"][0]["lr"]]
    moments = torch.equal(resumed_optimizer["state"][1]["exp_avg"], optimizer["state"][1]["exp_avg"])
    resumed.learn(1)
    return {
        "keys": sorted(data),
        "iter, infos": [data["iter"], data["infos"]],
        "model": [[name, list(value.shape)] for name, value in data["model_state_dict"].items()],
        "optimizer": sorted(optimizer),
        "groups": [group["params"] for group in optimizer["param_groups"]],
        "moments": [[number, list(state["exp_avg"].shape)] for number, state in optimizer["state"].items()],
        "of a parameter": sorted(optimizer["state"][0]),
        "steps": int(optimizer["state"][0]["step"]),
        "calls of torch.load": loads,
        "load gives": result,
        "same weights": same,
        "same moments": moments,
        "no optimizer": len(weights.alg.optimizer.state_dict()["state"]),
        "counters": counters,
        "rates": rates,
        "resumed": sorted(path.name for path in folder.glob("model_*.pt")),
    }


def tensorboard(folder: Path) -> dict[str, Any]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def scalars(where: Path) -> dict[str, Any]:
        events = EventAccumulator(str(where)).Reload()
        return {tag: events.Scalars(tag) for tag in events.Tags()["scalars"]}

    infos: list[Any] = []
    env = replaced("step", lambda result: infos.append(result[4].get("episode")) or result)
    trained(folder / "a", 2, env)
    trained(folder / "b", 2, replaced("step", lambda result: (*result[:4], {})), runner={"num_steps_per_env": 1})
    full = scalars(folder / "a")
    return {
        "tags": {tag: [e.step for e in events] for tag, events in full.items() if not tag.endswith("/time")},
        "by time": [len(events) for tag, events in full.items() if tag.endswith("/time")],
        "values": {tag: [round(e.value, 4) for e in full[tag]] for tag in full if tag.startswith(("Episode", "Train"))},
        "unfinished": sorted(tag for tag in scalars(folder / "b")),
        "infos in place": [infos[1]["a"].tolist(), infos[1]["b/c"].tolist()],
    }


def numbers(folder: Path) -> dict[str, Any]:
    """One rollout with a critic that says 2 more than the number of the step."""

    def rollout(env: Env) -> Any:
        runner = make(env, str(folder), policy={"critic_hidden_dims": [1], "activation": "relu"})
        with torch.no_grad():
            first, _, last = runner.alg.actor_critic.critic
            first.weight[:], first.bias[:], last.weight[:], last.bias[:] = 0.0, 0.0, 1.0, 2.0
            first.weight[0, 0] = 1.0
        runner.learn(1)
        return runner.alg.storage

    def column(tensor: torch.Tensor) -> list[Any]:
        return [[round(float(x), 4) for x in row] for row in tensor[:, :, 0]]

    env = Env()
    storage = rollout(env)
    shapes = {
        name: [list(value.shape), str(value.dtype)] for name, value in vars(storage).items() if torch.is_tensor(value)
    }
    log_prob = torch.distributions.Normal(storage.mu, storage.sigma).log_prob(storage.actions).sum(-1, keepdim=True)
    raw = storage.returns - storage.values
    return {
        "storage": shapes,
        "shapes": [storage.obs_shape, storage.privileged_obs_shape, storage.actions_shape],
        "no privileged": rollout(Env(None)).privileged_observations is None,
        "fresh": storage.observations[:, 0, 0].tolist(),
        "fresh privileged": storage.privileged_observations[:, 0, 0].tolist(),
        "in place": rollout(Env(in_place=True)).observations[:, 0, 0].tolist(),
        "rewards": column(storage.rewards),
        "the environment's rewards": env.rewards.tolist(),
        "dones": storage.dones[:, :, 0].tolist(),
        "values": column(storage.values),
        "returns": column(storage.returns),
        "normalised": torch.allclose(storage.advantages, (raw - raw.mean()) / (raw.std() + 1e-8)),
        "log_prob of the actions": torch.allclose(storage.actions_log_prob, log_prob, atol=1e-6),
        "emptied": storage.step,
    }


def batches(folder: Path) -> dict[str, Any]:
    fields = [
        "observations", "privileged_observations", "actions", "values", "advantages", "returns", "actions_log_prob",
        "mu", "sigma",
    ]  # fmt: skip
    storage = RolloutStorage(3, 3, [3], [4], [2])
    for number, name in enumerate(fields):
        getattr(storage, name).fill_(number)
    (batch,) = storage.mini_batch_generator(1, 1)
    plain = RolloutStorage(3, 3, [3], [None], [2])
    plain.observations[:] = torch.arange(9.0).view(3, 3, 1)
    made = list(plain.mini_batch_generator(2))
    rows = [item[0][:, 0].tolist() for item in made]
    return {
        "order": [fields[int(item.flatten()[0])] if torch.is_tensor(item) else item for item in batch],
        "shapes": [list(item.shape) for item in batch[:9]],
        "default epochs": len(made),
        "sizes": [len(row) for row in rows[:2]],
        "same order in all epochs": rows[0::2] == rows[:1] * 8,
        "drawn once each": len(set(rows[0] + rows[1])),
        "critic sees the observation": all(torch.equal(item[0], item[1]) for item in made),
    }


def policy(folder: Path) -> dict[str, Any]:
    def layers(name: str) -> list[str]:
        return [type(layer).__name__ for layer in ActorCritic(3, 3, 2, [4], [4], name).actor]

    names = ("elu", "selu", "relu", "crelu", "lrelu", "tanh", "sigmoid", "gelu")
    runner = make()
    net = runner.alg.actor_critic
    found = runner.get_inference_policy()
    obs = torch.randn(5, 3)
    before = [net.distribution, found.__self__ is net, found.__func__ is type(net).act_inference, net.training]
    mean = found(obs)
    torch.manual_seed(3)
    actions = net.act(obs, masks=None, hidden_states=None, anything=1)
    normal = torch.distributions.Normal(net.action_mean, net.action_std)
    torch.manual_seed(3)
    sampled = torch.equal(actions, normal.sample())
    with contextlib.redirect_stdout(io.StringIO()) as said:
        ActorCritic(3, 3, 2, misspelt=1)
        make(policy={"class_name": "ActorCritic", "noise_std_type": "log"})
    return {
        "before": before,
        "is_recurrent": net.is_recurrent,
        "deterministic, with gradient": [torch.equal(mean, net.action_mean), mean.requires_grad],
        "sampled": sampled,
        "log_prob": torch.equal(net.get_actions_log_prob(actions), normal.log_prob(actions).sum(-1)),
        "entropy": torch.equal(net.entropy, normal.entropy().sum(-1)),
        "std": [net.std.tolist(), ActorCritic(3, 3, 2, init_noise_std=0.5).std.tolist(), list(net.action_std.shape)],
        "evaluate": list(net.evaluate(torch.zeros(5, 4)).shape),
        "reset": [net.reset(), net.reset(torch.zeros(5))],
        "said of unknown keys": [word in said.getvalue() for word in ("misspelt", "class_name", "noise_std_type")],
        "device": str(next(runner.get_inference_policy("meta").__self__.parameters()).device),
        "default sizes": [list(p.shape) for p in ActorCritic(3, 4, 2).parameters()],
        "activations": {name: layers(name)[1] for name in names},
        "layers": layers("elu"),
    }


Cases = dict[str, Callable[[], Any]]


def numbered(folder: Path) -> Callable[[], Path]:
    """A function that gives another folder below ``folder`` each time."""
    numbers = itertools.count()
    return lambda: folder / str(next(numbers))


def errors(folder: Path) -> dict[str, dict[str, str]]:
    stages = {
        "constructor": wrong_in_the_constructor(), "learn": wrong_in_learn(folder / "learn"),
        "rest": wrong_elsewhere(folder / "rest"),
    }  # fmt: skip
    found = {stage: {name: outcome(action) for name, action in cases.items()} for stage, cases in stages.items()}
    found["learn"]["updates without log_dir"] = updates_without_log_dir()
    return found


def updates_without_log_dir() -> str:
    """How often the optimizer has stepped when ``learn`` fails at its first save."""
    runner = make()
    outcome(lambda: runner.learn(5))
    return str(int(runner.alg.optimizer.state_dict()["state"][0]["step"]))


def wrong_in_the_constructor() -> Cases:
    def cfg_without(section: str, key: str = "") -> Any:
        cfg = copy.deepcopy(CFG)
        (cfg[section] if key else cfg).pop(key or section)
        return OnPolicyRunner(Env(), cfg)

    flat = {**CFG["runner"], "algorithm": {"class_name": "PPO"}, "policy": {"class_name": "ActorCritic"}}
    return {
        **{f"no {section}": lambda s=section: cfg_without(s) for section in CFG},
        **{f"no runner.{key}": lambda k=key: cfg_without("runner", k) for key in CFG["runner"]},
        "flat configuration": lambda: OnPolicyRunner(Env(), flat),
        "class of no name": lambda: make(runner={"policy_class_name": "Nothing"}),
        "algorithm of no name": lambda: make(runner={"algorithm_class_name": "Nothing"}),
        "class by its path": lambda: make(runner={"policy_class_name": "rsl_rl.modules.ActorCritic"}),
        "class as module:name": lambda: make(runner={"policy_class_name": "rsl_rl.modules:ActorCritic"}),
        "class itself": lambda: make(runner={"policy_class_name": ActorCritic}),
        "class of nothing": lambda: make(runner={"algorithm_class_name": None}),
        **{
            f"algorithm.{key}": lambda k=key: make(algorithm={k: None})
            for key in ("rnd_cfg", "symmetry_cfg", "class_name", "normalize_advantage_per_mini_batch", "device")
        },
        "unknown policy key": lambda: make(policy={"class_name": "ActorCritic"}),
        "no hidden layer": lambda: make(policy={"actor_hidden_dims": []}),
        "hidden size alone": lambda: make(policy={"critic_hidden_dims": 8}),
        "wrong activation": lambda: make(policy={"activation": "gelu"}),
        "a fifth argument": lambda: OnPolicyRunner(Env(), CFG, None, "cpu", None),
        **{
            f"env without {name}": lambda n=name: make(without(Env(), n))
            for name in ("num_envs", "num_obs", "num_privileged_obs", "num_actions", "episode_length_buf")
        },
        "reset gives nothing": lambda: make(replaced("reset", lambda result: None)),
        "reset gives three": lambda: make(replaced("reset", lambda result: (*result, {}))),
        "recurrent": lambda: make(runner={"policy_class_name": "ActorCriticRecurrent"}),
        "part of VecEnv": type("Part", (VecEnv,), {"step": None, "reset": None, "get_observations": None}),
    }


def wrong_in_learn(folder: Path) -> Cases:
    new = numbered(folder)

    def of_step(change: Callable[..., Any], **changes: dict[str, Any]) -> Any:
        return trained(new(), 2, replaced("step", lambda result: change(*result)), **changes)

    def interrupted() -> None:
        env = Env()
        runner, step = make(env, str(new())), env.step
        env.step = lambda actions: step(actions) if env.steps < 2 else 1 / 0
        with contextlib.suppress(ZeroDivisionError):
            runner.learn(1)
        env.step = step
        runner.learn(1)

    def cut_off(value: torch.Tensor) -> Any:
        return of_step(lambda *result: (*result[:4], {"time_outs": value}))

    def alternating(*episodes: dict[str, Any]) -> Any:
        dicts = itertools.cycle(episodes)
        return of_step(lambda *result: (*result[:4], {"episode": dict(next(dicts))}))

    infinite, not_a_number = torch.full((2, 3), torch.inf), torch.full((2, 3), torch.nan)
    zero = torch.zeros(2, dtype=torch.long)
    return {
        "no log_dir": lambda: make().learn(5),
        "wrong activation": lambda: trained(new(), policy={"activation": "gelu"}),
        "pair": lambda: trained(new(), 1, replaced("get_observations", lambda obs: (obs, {}))),
        "groups": lambda: trained(new(), 1, replaced("get_observations", lambda obs: Groups(policy=obs))),
        "privileged pair": lambda: trained(new(), 1, replaced("get_privileged_observations", lambda obs: (obs, {}))),
        "step of four": lambda: of_step(lambda obs, priv, rew, dones, infos: (obs, rew, dones, infos)),
        "no privileged from step": lambda: of_step(lambda obs, priv, *rest: (obs, None, *rest)),
        "no infos": lambda: of_step(lambda *result: (*result[:4], None)),
        "random lengths without a buffer": lambda: make(without(Env(), "episode_length_buf")).learn(1, True),
        "random lengths without a limit": lambda: make(without(Env(), "max_episode_length")).learn(1, True),
        "neither buffer nor limit": lambda: trained(
            new(), 1, without(without(Env(), "max_episode_length"), "episode_length_buf")
        ),
        "NaN": lambda: trained(new(), 1, replaced("get_observations", lambda obs: not_a_number)),
        "infinite": lambda: trained(new(), 1, replaced("get_observations", lambda obs: infinite)),
        "float64": lambda: trained(new(), 1, replaced("get_observations", lambda obs: obs.double())),
        "float dones": lambda: of_step(lambda a, b, c, dones, infos: (a, b, c, dones.float(), infos)),
        "whole rewards": lambda: of_step(lambda a, b, rew, c, d: (a, b, rew.long(), c, d)),
        "rewards as a column": lambda: of_step(lambda a, b, rew, c, d: (a, b, rew.unsqueeze(1), c, d)),
        "whole time_outs": lambda: cut_off(zero),
        "float time_outs": lambda: cut_off(zero.float()),
        "time_outs as a column": lambda: cut_off(zero.unsqueeze(1)),
        "episode lacks a key": lambda: alternating({"x": 1.0, "y": True}, {"x": 2}),
        "episode has another key": lambda: alternating({"x": 1.0}, {"x": 2, "y": 1}),
        "after an interrupted rollout": interrupted,
        "save_interval 0": lambda: trained(new(), 1, runner={"save_interval": 0}),
        "max_iterations": lambda: make(None, str(new())).learn(max_iterations=1),
    }  # fmt: skip


def wrong_elsewhere(folder: Path) -> Cases:
    def infinite_mean() -> None:
        net = make().alg.actor_critic
        torch.nn.init.constant_(net.actor[-1].bias, torch.inf)
        net.act(torch.zeros(2, 3))

    other, foreign = folder / "other", folder / "foreign"
    trained(other, 1, policy={"actor_hidden_dims": [7]})
    foreign.mkdir(parents=True)
    torch.save({"actor_state_dict": {}, "iter": 1, "infos": None}, foreign / "model.pt")
    return {
        "file of another network": lambda: make().load(str(other / "model_0.pt")),
        "file of a later release": lambda: make().load(str(foreign / "model.pt")),
        "no file": lambda: make().load(str(folder / "none.pt")),
        "map_location": lambda: make().load(str(other / "model_0.pt"), map_location="cpu"),
        "load_cfg": lambda: make().load(str(other / "model_0.pt"), load_cfg={}),
        "save before learn": lambda: make().save(str(folder / "early.pt")),
        "logger": lambda: make().logger,
        "logger_type": lambda: make().logger_type,
        "add_git_repo_to_log": lambda: make().add_git_repo_to_log(""),
        "export_policy_to_jit": lambda: make().export_policy_to_jit(""),
        "obs_normalizer": lambda: make().obs_normalizer,
        "alg.policy": lambda: make().alg.policy,
        "alg.rnd": lambda: make().alg.rnd,
        "forward": lambda: make().alg.actor_critic(torch.zeros(2, 3)),
        "act_inference with masks": lambda: make().alg.actor_critic.act_inference(torch.zeros(2, 3), masks=None),
        "act on groups": lambda: make().get_inference_policy()(Groups(policy=torch.zeros(2, 3))),
        "infinite mean": infinite_mean,
        "mean before act": lambda: make().alg.actor_critic.action_mean,
    }


def building(folder: Path) -> dict[str, Any]:
    cfg = copy.deepcopy(CFG)
    with contextlib.redirect_stdout(io.StringIO()) as built:
        runner = OnPolicyRunner(env=Env(), train_cfg=cfg, log_dir=str(folder), device="cpu")
    sections = [runner.cfg is cfg["runner"], runner.alg_cfg is cfg["algorithm"], runner.policy_cfg is cfg["policy"]]
    on_policy_runner.Own = type("Own", (ActorCritic,), {})
    own = make(runner={"policy_class_name": "Own"}).alg.actor_critic
    before = [folder.exists(), runner.writer, runner.log_dir == str(folder)]
    with contextlib.redirect_stdout(io.StringIO()) as learned:
        runner.learn(1)
    return {
        "configuration kept": cfg == CFG,
        "printed": [bool(built.getvalue()), bool(learned.getvalue())],
        "sections by reference": sections,
        "log_dir until learn": before,
        "class put into the module": type(own).__name__,
    }


def rates(folder: Path) -> dict[str, Any]:
    """Learning rates of the algorithm and of the optimizer after one and three iterations of four updates each."""

    def run(**algorithm: Any) -> list[list[float]]:
        runner = make(None, str(folder), algorithm=algorithm)
        found = []
        for iterations in (1, 2):
            runner.learn(iterations)
            found.append([round(runner.alg.learning_rate, 9), round(runner.alg.optimizer.param_groups[0]["lr"], 9)])
        return found

    return {
        "far": run(desired_kl=1e3),
        "near": run(desired_kl=1e-9, learning_rate=2e-5),
        "no target": run(desired_kl=None),
        "fixed": run(schedule="fixed", desired_kl=1e3),
    }


def losses(folder: Path) -> dict[str, Any]:
    """Iterations from one seed: [value loss, surrogate loss, learning rate], to be compared between the two."""

    def run(env: Env, iterations: int, **algorithm: Any) -> list[list[float]]:
        torch.manual_seed(1)
        runner = make(env, str(folder), algorithm=algorithm)
        rows: list[list[float]] = []
        runner.log = lambda locs: rows.append(
            [locs["mean_value_loss"], locs["mean_surrogate_loss"], runner.alg.learning_rate]
        )
        env.learnable = 0.01
        runner.learn(iterations, init_at_random_ep_len=True)
        return [*rows, [float(p.detach().abs().sum()) for p in runner.alg.actor_critic.parameters()]]

    fixed = {"schedule": "fixed", "use_clipped_value_loss": False, "max_grad_norm": 0.1, "num_mini_batches": 3}
    return {
        "adaptive": run(Env(), 6, entropy_coef=0.01, learning_rate=5e-3),
        "fixed": run(Env(None), 6, **fixed),
        "no target": run(Env(), 3, desired_kl=None, value_loss_coef=0.5, clip_param=0.05),
    }


def learning(folder: Path) -> dict[str, Any]:
    """Whether small actions, which are rewarded, come of training."""
    env = Env()
    env.learnable = 1.0
    torch.manual_seed(1)
    runner = make(
        env, str(folder), algorithm={"learning_rate": 1e-2, "schedule": "fixed"}, runner={"save_interval": 99}
    )
    runner.alg.actor_critic.actor[-1].bias.data.fill_(2.0)
    before = runner.alg.actor_critic.std.mean().item()
    means = []
    runner.log = lambda locs: means.append(runner.alg.storage.mu.abs().mean().item())
    runner.learn(60)
    return {"closer": means[-1] < 0.5 * means[0], "quieter": runner.alg.actor_critic.std.mean().item() < before}


def main() -> None:
    torch.set_num_threads(1)
    sections = (
        offered, signatures, env_access, calls, log_locals, files, checkpoint, tensorboard, numbers, batches, policy,
        errors, building, rates, losses, learning,
    )  # fmt: skip
    transcript: dict[str, Any] = {"package": rsl_rl.__file__}
    with tempfile.TemporaryDirectory() as folder:
        for section in sections:
            torch.manual_seed(0)
            transcript[section.__name__] = section(Path(folder) / section.__name__)
    Path(sys.argv[2]).write_text(json.dumps(transcript, indent=1))


main()
