"""make VERB: its variables reach the program, its environment does not."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from shell_checkout import Checkout, copy_checkout, errors

SHOW = r"""exec "{python}" -I -c '
import json, os, sys
print(json.dumps([sys.argv[1:], dict(os.environ)]))
' "$@"
"""


@pytest.fixture
def ready(checkout: Checkout) -> Checkout:
    """A checkout whose .venv shows the arguments and the environment of what is run in it."""
    checkout.stub_venv(SHOW.replace("{python}", str(checkout.bin / "python3")))
    return checkout


def shown(result: subprocess.CompletedProcess[str]) -> tuple[list[str], dict[str, str]]:
    assert result.returncode == 0, result.stderr
    [line] = [line for line in result.stdout.splitlines() if line.startswith("[")]
    words, environment = json.loads(line)
    return words, environment


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "NUM_ENV=8"], ["NUM_ENV", "NUM_ENVS"]),
        (["train", "num-envs=8"], ["'num-envs'", "capital letters, make help"]),
        (["train", "num_envs=8"], ["'num_envs'", "capital letters, make help"]),
        (["train", "NUM_ENVS=abc"], ["NUM_ENVS", "abc"]),
        (["train", "NUM_ENVS=0"], ["NUM_ENVS", "0"]),
        (["play", "SIM=gazebo"], ["SIM", "gazebo"]),
        (["runs", "SEED=1"], ["SEED"]),
        (["train", "LANG=C"], ["LANG"]),
    ],
)
def test_a_wrong_variable_is_refused_before_anything_is_installed(
    checkout: Checkout, words: list[str], said: list[str]
) -> None:
    result = checkout.make(*words)
    [line] = errors(result)
    assert line.startswith(f"{words[0]}: ")
    assert all(word in line for word in said)
    assert "Error 2" in result.stderr
    assert not (checkout.path / ".venv").exists()
    assert not (checkout.path / ".cache").exists()


@pytest.mark.parametrize(
    "value",
    [
        "a b  c",
        "it's",
        'say "hi"',
        "$HOME and $(HOME) and ${HOME} and $$",
        "$(shell touch made)",
        "$(unfinished",
        "`touch made`; touch made & | > made",
        "back\\slash \\n * ? [a]",
        "a=b,c=d # e",
        "ö ü 漢",
        "--flag",
        "",
    ],
)
def test_a_value_arrives_as_it_was_typed(ready: Checkout, value: str) -> None:
    words, _ = shown(ready.make("train", f"ARGS={value}", "TASK=My-Task"))
    assert sorted(words[2:]) == [f"--args={value}", "--task=My-Task"]
    assert not (ready.path / "made").exists()


def test_the_environment_gives_no_value(ready: Checkout) -> None:
    words, _ = shown(ready.make("train", NAME="laptop", DEVICE="x", SEED="y", GIVEN="TASK", TASK="z", MAKEFLAGS="s"))
    assert words == ["-m", "runners.train"]


def test_what_a_program_gets_of_the_environment(ready: Checkout) -> None:
    gone = {
        "PYTHONPATH": "/x",
        "PYTHONHOME": "/x",
        "PYTHONSTARTUP": "/x",
        "PYTHONSAFEPATH": "1",
        "PYTHONEXECUTABLE": "/x",
        "VIRTUAL_ENV": "/x",
        "CONDA_PREFIX": "/x",
        "CONDA_DEFAULT_ENV": "base",
        "WORLD_SIZE": "2",
        "RANK": "1",
        "LOCAL_RANK": "1",
        "MAKEFLAGS": "",
        "MAKELEVEL": "3",
        "MAKEOVERRIDES": "x",
        "MFLAGS": "",
    }
    kept = {
        "MUJOCO_GL": "osmesa",
        "CUDA_VISIBLE_DEVICES": "1",
        "DISPLAY": ":7",
        "WANDB_MODE": "offline",
        "CI": "true",
    }
    _, environment = shown(ready.make("train", "NAME=abc", "SEED=3", "PORT=", **gone, **kept))
    assert not gone.keys() & environment.keys()
    assert not {"NAME", "SEED", "GIVEN", "PORT"} & environment.keys()
    assert kept.items() <= environment.items()
    cache = ready.path / ".cache"
    assert environment["PYTHONNOUSERSITE"] == environment["PYTHONUNBUFFERED"] == "1"
    assert environment["XDG_CACHE_HOME"] == str(cache)
    assert environment["WARP_CACHE_PATH"] == str(cache / "warp")
    assert environment["MPLCONFIGDIR"] == str(cache / "matplotlib")


def test_what_was_dropped_is_said_only_when_asked(ready: Checkout) -> None:
    env = {"PYTHONPATH": "/x", "CONDA_PREFIX": "/y", "CONDA_SHLVL": "1"}
    assert errors(ready.make("train", **env)) == []
    assert errors(ready.make("train", "VERBOSE=1", **env)) == [
        "note: not passed on from the environment: PYTHONPATH CONDA_PREFIX"
    ]
    assert errors(ready.make("train", "VERBOSE=1")) == []


def test_the_first_line_names_the_simulator(ready: Checkout) -> None:
    for verb in ("train", "play"):
        for words in ([], ["SIM=auto"]):
            first = ready.make(verb, *words).stdout.splitlines()[0]
            assert first == f"{verb}: SIM=mujoco (no Isaac Sim workstation is installed here)"
        assert ready.make(verb, "SIM=mujoco").stdout.splitlines()[0] == f"{verb}: SIM=mujoco"
    assert len(ready.make("tasks").stdout.splitlines()) == 1


def test_the_program_takes_the_launchers_place(checkout: Checkout) -> None:
    """So a signal reaches it directly, and its exit status is the launcher's."""
    checkout.stub_venv("echo $$\nexit 7\n")
    process = subprocess.Popen(
        ["scripts/launch.sh", "tensorboard"],
        cwd=checkout.path,
        env=checkout.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    out, _ = process.communicate(timeout=30)
    assert (int(out), process.returncode) == (process.pid, 7)


def test_runs_needs_no_set_up(checkout: Checkout) -> None:
    assert checkout.make("runs").returncode == 0
    assert not (checkout.path / ".venv").exists()


def test_a_read_only_checkout(checkout: Checkout, small_disk: Path) -> None:
    checkout.path = small_disk / "checkout"
    copy_checkout(checkout.path)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for verb in ("setup", "train", "test"):
        result = checkout.make(verb)
        assert result.returncode != 0
        assert result.stdout == ""
        assert errors(result) == [
            f"{verb}: cannot write in '{checkout.path}'; use a checkout on a writable file system"
        ]
    assert checkout.make("runs").returncode == 0
