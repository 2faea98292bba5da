"""Every option of every verb, once.

A field of :class:`Options` is a make variable (``NUM_ENVS``) and a flag (``--num-envs``). The Makefile
repeats name and default for ``make help``; a test keeps the two equal. Standard library only: the
options are checked before anything is installed.

    python -m runners.options VERB [--flag=value ...]

prints nothing but what the shell needs to know (the simulator) and ends with 2 on bad options.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from runners import run_dir, simulators
from runners.errors import UsageError, UserError, nearest

if TYPE_CHECKING:
    Parse = Callable[[str], Any]
SEED_MAX = 2**32 - 1  # numpy's limit


def positive(text: str) -> int:
    """A whole number from 1."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) == 0:
        raise ValueError("a whole number from 1 to 999999999")
    return int(text)


def positive_or_auto(text: str) -> int | None:
    """A whole number from 1, or ``auto`` (None)."""
    if text == "auto":
        return None
    try:
        return positive(text)
    except ValueError:
        raise ValueError("a whole number from 1 to 999999999, or auto") from None


def seed(text: str) -> int | str:
    """A seed, or ``random``."""
    if text == "random":
        return text
    if not re.fullmatch(r"[0-9]+", text) or int(text) > SEED_MAX:
        raise ValueError(f"a whole number from 0 to {SEED_MAX}, or random")
    return int(text)


def switch(text: str) -> bool:
    """0 or 1."""
    if text not in ("0", "1"):
        raise ValueError("0 or 1")
    return text == "1"


def device(text: str) -> str:
    """auto, cpu, cuda or cuda:N."""
    if not re.fullmatch(r"auto|cpu|cuda(:[0-9]+)?", text):
        raise ValueError("auto, cpu, cuda or cuda:N")
    return text


def port(text: str) -> int:
    """A TCP port that needs no privileges."""
    if not re.fullmatch(r"[0-9]+", text) or not 1024 <= int(text) <= 65535:
        raise ValueError("a port from 1024 to 65535")
    return int(text)


def file_name(text: str) -> str:
    """A part of a folder's name."""
    if not re.fullmatch(r"[\w.+-]{1,64}", text) or text.startswith("."):
        raise ValueError("letters, digits, '_', '-', '+' and '.', at most 64 of them")
    return text


def version(text: str) -> str:
    """A release's number."""
    if not re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", text):
        raise ValueError("a release's number, for instance 5.4.2")
    return text


def yes(text: str) -> bool:
    """Consent, as NVIDIA's containers spell it."""
    if text not in ("Y", "YES", "1"):
        raise ValueError("Y, which says that you have read and accept NVIDIA's licence")
    return True


def web_address(text: str) -> str:
    """An address that curl downloads from."""
    if not re.match(r"(https?://[^/\s]+/|file:///)\S+$", text):
        raise ValueError("an address that begins with https://, http:// or file:///")
    return text


def index_address(text: str) -> str:
    """The address of a package index."""
    if not re.match(r"(https?|file)://\S+$", text):
        raise ValueError("the address of a package index, which begins with https://, http:// or file://")
    return text


def git_address(text: str) -> str:
    """The address below which git repositories are as owner/name."""
    if not re.match(r"(https?|git|ssh|file)://\S+$", text):
        raise ValueError("an address that begins with https://, http://, git://, ssh:// or file://, as git://host:port")
    return text


def force(text: str) -> str:
    """What to go on past: names joined by commas, 1 for all, 0 for nothing."""
    if not re.fullmatch(r"[01]|[a-z][a-z0-9-]*(,[a-z][a-z0-9-]*)*", text):
        raise ValueError("1 for all that stands against it, or the names that are said of it, joined by commas")
    return "" if text == "0" else text


def gpus(text: str) -> tuple[int, ...]:
    """``2``, the first two GPUs, or ``0,2``, these two."""
    if re.fullmatch(r"[1-9][0-9]?", text):
        return tuple(range(int(text)))
    listed = tuple(int(word) for word in text.split(",")) if re.fullmatch(r"[0-9]{1,2}(,[0-9]{1,2})+", text) else ()
    if not listed or len(set(listed)) < len(listed):
        raise ValueError("how many GPUs, for instance 2, or which, for instance 0,2")
    return listed


def command(text: str) -> tuple[float, float, float]:
    """``vx,vy,yaw``: forward and sideways in m/s, turning in rad/s."""
    words = text.split(",")
    if len(words) != 3 or not all(re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)", word.strip()) for word in words):
        raise ValueError("forward and sideways in m/s and turning in rad/s, for instance 0.5,0,0")
    forward, sideways, turning = map(float, words)
    return forward, sideways, turning


def seconds(text: str) -> float:
    """A length of time up to an hour."""
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text) or not 0.1 <= float(text) <= 3600:
        raise ValueError("a number of seconds from 0.1 to 3600")
    return float(text)


def one_of(*choices: str) -> Parse:
    """One of the given words."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"{', '.join(choices[:-1])} or {choices[-1]}")
        return text

    return parse


def robot(text: str) -> str:
    """The robot project: its name, none, or the path of a checkout of it."""
    if text not in ("berkeley-humanoid-lite", "none") and not re.match(r"\.\.?$|.*/", text):
        raise ValueError("berkeley-humanoid-lite, none, or the path of a checkout or fork of it, with a '/' in it")
    return text


def option(default: str, verbs: str, parse: Parse = str) -> Any:
    """Declare one option: its default as the Makefile shows it, its verbs, its parser."""
    value = parse(default) if default else None
    return field(default=value, metadata={"default": default, "verbs": verbs.split(), "parse": parse})


@dataclass(frozen=True)
class Options:
    """The options of one call. A field that the verb does not take keeps its default."""

    sim: str = option(
        "auto", "setup train play export tasks doctor fix check-config uninstall", one_of("auto", *simulators.NAMES)
    )
    task: str | None = option("", "train play export check-config")
    num_envs: int | None = option("auto", "train play", positive_or_auto)
    iterations: int | None = option("", "train", positive)
    seed: int | str | None = option("", "train play evaluate", seed)
    name: str | None = option("", "train", file_name)
    task_package: str | None = option("", "setup train play export tasks doctor check-config")
    agent: str | None = option("", "train check-config")
    device: str = option("auto", "train play export", device)
    gpus: tuple[int, ...] | None = option("", "train", gpus)
    logger: str = option("tensorboard", "train", one_of("tensorboard", "wandb"))
    video: bool = option("0", "train play sim2sim", switch)
    video_length: int = option("200", "train play", positive)
    video_interval: int = option("2000", "train", positive)
    resume: bool = option("0", "train", switch)
    run: str = option("latest", "train play export sim2sim evaluate explain convert")
    policy: str | None = option("", "play sim2sim evaluate")
    config: str | None = option("", "sim2sim evaluate")
    command: tuple[float, float, float] | None = option("", "sim2sim", command)
    seconds: float = option("20", "sim2sim", seconds)
    more: int | None = option("", "train", positive)
    checkpoint: str | None = option("", "train play export convert")
    episodes: int = option("8", "play evaluate", positive)
    terrain: str = option("plane", "play", one_of("plane", "task"))
    viewer: str = option("auto", "play sim2sim", one_of("auto", "native", "web", "none"))
    port: int | None = option("", "play tensorboard", port)
    keyword: str | None = option("", "tasks")
    rsl_rl: str | None = option("", "setup check-config")
    file: str | None = option("", "check-config")
    to: str | None = option("", "convert", version)
    log_root: str = option("logs/rsl_rl", "train play export sim2sim evaluate runs tensorboard doctor explain convert")
    args: str | None = option("", "train play export check-config")
    verbose: bool = option("0", "setup train play export sim2sim evaluate", switch)
    python: str | None = option(
        "", "setup train play export sim2sim evaluate tasks tensorboard check-config convert bundle test lint"
    )
    install: str | None = option("", "setup")
    robot: str | None = option("", "setup", robot)
    isaac_sim_zip: str | None = option("", "setup bundle")
    isaac_sim_url: str | None = option("", "setup bundle", web_address)
    isaacsim_path: str | None = option("", "setup")
    isaaclab_path: str | None = option("", "setup")
    pip_index_url: str | None = option("", "setup bundle", index_address)
    git_host: str | None = option("", "setup bundle", git_address)
    assets: str | None = option("", "setup bundle")
    offline: str | None = option("", "setup")
    out: str | None = option("", "bundle")
    accept_eula: bool = option("", "setup", yes)
    keep_zip: bool = option("1", "setup", switch)
    force: str = option("0", "setup train play export", force)
    yes: bool = option("0", "fix clean-caches uninstall", switch)
    log: str | None = option("", "explain")
    json: bool = option("0", "doctor", switch)
    report: bool = option("0", "doctor", switch)
    given: frozenset[str] = frozenset()
    """Names of the fields that the user set."""


VERBS = (
    *("setup", "train", "play", "export", "sim2sim", "evaluate"),
    *("runs", "tasks", "tensorboard", "doctor", "fix", "explain"),
    *("check-config", "convert", "bundle", "clean-caches", "uninstall", "test", "lint"),
)
FOR_ISAAC = (
    *("install", "robot", "isaac_sim_zip", "isaac_sim_url", "isaacsim_path", "isaaclab_path", "assets"),
    "offline",
)
"""What only the set-up of the workstation takes."""
FIELDS = {f.name: f for f in dataclasses.fields(Options) if f.metadata}


def variable(name: str) -> str:
    """The make variable of a field: ``num_envs`` -> ``NUM_ENVS``."""
    return name.upper()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def parse(verb: str, argv: Sequence[str]) -> Options:
    """Read the flags of ``verb``.

    Raises:
        UsageError: an unknown verb or option, one that the verb does not take, or a bad value.
    """
    if verb not in VERBS:
        raise UsageError(f"unknown verb '{verb}'{nearest(verb, VERBS)}; make help lists them")
    parser = _Parser(prog=f"runners.{verb}", allow_abbrev=False)
    for name in FIELDS:
        parser.add_argument("--" + name.replace("_", "-"), dest=name)
    known, rest = parser.parse_known_args(list(argv))
    for text in rest:
        name = re.split(r"=", text.lstrip("-"), maxsplit=1)[0].replace("-", "_").upper()
        raise UsageError(f"unknown variable '{name}'{nearest(name, map(variable, FIELDS))}; make help lists them")
    values = {name: text for name, text in vars(known).items() if text}
    for name in values:
        if verb not in FIELDS[name].metadata["verbs"]:
            raise UsageError(f"{variable(name)} is not for make {verb}, which takes {_taken(verb)}")
    parsed = {name: _value(name, text) for name, text in values.items()}
    options = Options(**parsed, given=frozenset(parsed))
    _check_together(verb, options)
    return options


def _taken(verb: str) -> str:
    names = [variable(name) for name, f in FIELDS.items() if verb in f.metadata["verbs"]]
    return ", ".join(names) or "no variables"


def _value(name: str, text: str) -> Any:
    try:
        return FIELDS[name].metadata["parse"](text)
    except ValueError as error:
        raise UsageError(f"{variable(name)} '{text}' is not valid; it is {error}") from None


def _check_together(verb: str, options: Options) -> None:
    if verb == "setup":
        _check_setup(options)
    if verb == "bundle" and options.out is None:
        raise UsageError("OUT is missing; name a folder: make bundle OUT=/path/to/folder")
    if options.json and options.report:
        raise UsageError("JSON=1 is for programs and REPORT=1 for people: give one of them")
    _check_policy(verb, options)
    if verb == "train":
        _check_train(options)


def _check_policy(verb: str, options: Options) -> None:
    given = options.given
    if "policy" in given:
        for name in sorted(given & {"run", "checkpoint"}):
            raise UsageError(f"POLICY names a file and {variable(name)} a run: give one of them")
    if "config" in given and "policy" not in given:
        raise UsageError("CONFIG is the policy.yaml of POLICY=file.onnx; add it, or leave CONFIG out")
    if verb == "sim2sim" and options.viewer == "web":
        raise UsageError("VIEWER 'web' is not for make sim2sim, which takes auto, native or none")


def _check_train(options: Options) -> None:
    given = options.given
    if options.resume and "agent" in given:
        raise UsageError("AGENT is that of the run that is gone on with; leave it out, ARGS changes single fields")
    if not options.resume:
        for name in sorted(given & {"run", "more", "checkpoint"}):
            raise UsageError(f"{variable(name)} goes with RESUME=1; add it, or leave {variable(name)} out")
    if {"gpus", "device"} <= given:
        raise UsageError("GPUS names the GPUs and DEVICE one device: give one of them")
    if {"more", "iterations"} <= given:
        raise UsageError("ITERATIONS is the total and MORE adds to it: give one of them")
    if not options.video:
        for name in sorted(given & {"video_length", "video_interval"}):
            raise UsageError(f"{variable(name)} goes with VIDEO=1; add it, or leave {variable(name)} out")


def _check_setup(options: Options) -> None:
    given = options.given
    for name in FOR_ISAAC:
        if name in given and options.sim == "mujoco":
            raise UsageError(f"{variable(name)} is not for SIM=mujoco; leave one of them out")
    for name in ("isaac_sim_zip", "isaac_sim_url", "offline"):
        if {name, "isaacsim_path"} <= given and options.isaacsim_path != "none":
            raise UsageError(f"ISAACSIM_PATH names an Isaac Sim that is there: leave {variable(name)} out")
    if {"isaac_sim_zip", "isaac_sim_url"} <= given:
        raise UsageError("ISAAC_SIM_ZIP is a file and ISAAC_SIM_URL an address: give one of them")
    paths = ("install", "robot", "task_package", "isaac_sim_zip", "isaacsim_path", "isaaclab_path", "assets", "offline")
    for name in paths:
        if "\n" in (getattr(options, name) or ""):
            raise UsageError(f"{variable(name)} has a line break; name another path")


def _simulator(verb: str, options: Options) -> tuple[str, str]:
    """Return the simulator and the reason: what a run was trained with, where one is named."""
    if options.sim == "auto" and options.policy is not None:
        return "mujoco", "where exported policies are played"
    if options.sim == "auto" and (verb in ("play", "export") or options.resume):
        try:
            recorded = run_dir.find(Path(options.log_root), options.run).manifest().get("simulator")
        except UserError:
            recorded = None  # the verb itself says what is wrong with it
        if recorded in simulators.NAMES:
            return recorded, "as the run"
    return simulators.choose(options.sim)


def main(argv: Sequence[str]) -> int:
    """Check the options of a verb for the shell; see the module's text."""
    verb, flags = (argv[0], argv[1:]) if argv else ("", [])
    try:
        options = parse(verb, flags)
        if verb in ("setup", "uninstall"):
            print(f"sim={options.sim}")
        elif verb in FIELDS["sim"].metadata["verbs"]:
            name, why = _simulator(verb, options)
            print(f"sim={name}")
            print(f"why={why}")
    except UserError as error:
        print(f"{verb or 'options'}: {error}", file=sys.stderr)
        return error.status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
