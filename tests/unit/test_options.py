"""Options: what is accepted, what is refused and in which words; the Makefile says the same."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from runners import options, simulators
from runners.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]


def test_makefile_and_options_agree_on_names_and_defaults() -> None:
    lines = re.findall(r"^([A-Z_]+) +[:?]= *(.*?) *## ", (ROOT / "Makefile").read_text(), re.M)
    in_makefile = dict(lines)
    in_options = {options.variable(name): f.metadata["default"] for name, f in options.FIELDS.items()}
    assert in_makefile == in_options


def test_makefile_and_options_agree_on_verbs() -> None:
    verbs = re.search(r"^VERBS := (.*)$", (ROOT / "Makefile").read_text(), re.M)
    assert verbs and tuple(verbs[1].split()) == options.VERBS


def test_every_verb_of_an_option_exists() -> None:
    for f in options.FIELDS.values():
        assert f.metadata["verbs"] and set(f.metadata["verbs"]) <= set(options.VERBS)


def test_values_become_types() -> None:
    parsed = options.parse("train", ["--num-envs=8", "--seed=7", "--video=1", "--video-length=20", "--name=a-b"])
    assert (parsed.num_envs, parsed.seed, parsed.video, parsed.video_length, parsed.name) == (8, 7, True, 20, "a-b")
    assert parsed.given == {"num_envs", "seed", "video", "video_length", "name"}


def test_defaults_and_empty_values() -> None:
    assert options.parse("train", ["--num-envs=", "--task="]) == options.parse("train", [])
    assert options.parse("train", []).num_envs is None
    assert options.parse("train", ["--num-envs=auto"]).num_envs is None
    assert options.parse("train", ["--seed=random"]).seed == "random"


@pytest.mark.parametrize(
    ("verb", "flag", "words"),
    [
        ("train", "--num-env=8", ["unknown variable 'NUM_ENV'", "did you mean 'NUM_ENVS'?"]),
        ("train", "--num-envs=abc", ["NUM_ENVS 'abc'", "whole number from 1 to 999999999, or auto"]),
        ("train", "--num-envs=0", ["NUM_ENVS '0'"]),
        ("train", "--num-envs=-3", ["NUM_ENVS '-3'"]),
        ("train", "--num-envs=8.5", ["NUM_ENVS '8.5'"]),
        ("train", "--num-envs=٣", ["NUM_ENVS"]),
        ("train", "--sim=gazebo", ["SIM 'gazebo'", "auto, mujoco or isaac"]),
        ("train", "--iterations=0", ["ITERATIONS '0'"]),
        ("train", "--iterations=99999999999999999999", ["ITERATIONS", "999999999"]),
        ("train", "--seed=-1", ["SEED '-1'", "random"]),
        ("train", "--seed=4294967296", ["SEED"]),
        ("train", "--device=gpu", ["DEVICE 'gpu'", "cuda:N"]),
        ("train", "--video=yes", ["VIDEO 'yes'", "0 or 1"]),
        ("train", "--logger=neptune", ["LOGGER 'neptune'", "tensorboard or wandb"]),
        ("train", "--name=../escape", ["NAME '../escape'"]),
        ("train", "--more=3", ["MORE", "RESUME=1"]),
        ("train", "--run=x", ["RUN", "RESUME=1"]),
        ("train", "--video-length=3", ["VIDEO_LENGTH", "VIDEO=1"]),
        ("play", "--iterations=3", ["ITERATIONS is not for make play", "EPISODES"]),
        ("play", "--viewer=web2", ["VIEWER 'web2'", "native, web or none"]),
        ("tensorboard", "--port=80", ["PORT '80'", "1024 to 65535"]),
        ("test", "--num-envs=3", ["NUM_ENVS is not for make test"]),
        ("sim2sim", "--seconds=0", ["SECONDS '0'", "0.1 to 3600"]),
        ("sim2sim", "--command=0.5,0", ["COMMAND '0.5,0'", "for instance 0.5,0,0"]),
        ("sim2sim", "--command=0.5,0,x", ["COMMAND '0.5,0,x'"]),
        ("sim2sim", "--viewer=web", ["VIEWER 'web'", "auto, native or none"]),
        ("sim2sim", "--config=a.yaml", ["CONFIG", "POLICY=file.onnx"]),
        ("export", "--policy=bhl", ["POLICY is not for make export"]),
        ("trian", "", ["unknown verb 'trian'", "train"]),
    ],
)
def test_refused(verb: str, flag: str, words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        options.parse(verb, [flag] if flag else [])
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["run", "checkpoint"])
def test_a_policy_and_a_run_contradict(name: str) -> None:
    with pytest.raises(UsageError, match=f"POLICY names a file and {name.upper()} a run"):
        options.parse("play", ["--policy=bhl", f"--{name}=3"])


def test_a_command_is_three_speeds() -> None:
    assert options.parse("sim2sim", ["--command=.5,-0.25,+1"]).command == (0.5, -0.25, 1.0)


def test_total_and_more_contradict() -> None:
    with pytest.raises(UsageError, match="ITERATIONS is the total and MORE adds to it"):
        options.parse("train", ["--resume=1", "--iterations=9", "--more=3"])


def test_the_shell_gets_the_simulator_and_the_reason() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "runners.options", "train", "--sim=mujoco"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["sim=mujoco", "why=as asked"]


def test_the_shell_gets_one_line_and_status_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "runners.options", "train", "--num-envs=x"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("train: NUM_ENVS 'x'") and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("flags", "chosen"),
    [([], "mujoco"), (["--run=2026-01-01"], "mujoco"), (["--sim=isaac"], "isaac"), (["--run=none"], "isaac")],
)
def test_a_run_is_played_where_it_was_trained(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    chosen: str,
) -> None:
    monkeypatch.setattr(simulators, "WORKSTATION", tmp_path)
    (tmp_path / "receipt-verify").touch()
    run = tmp_path / "logs/cartpole/2026-01-01_00-00-00"
    run.mkdir(parents=True)
    (run / "run.json").write_text('{"simulator": "mujoco"}')
    assert options.main(["play", f"--log-root={tmp_path}/logs", *flags]) == 0
    assert f"sim={chosen}\n" in capsys.readouterr().out


def test_the_runner_takes_what_its_launcher_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNNER_SIMULATOR", "isaac")
    assert simulators.choose("auto")[0] == "isaac"
    assert simulators.choose("mujoco")[0] == "mujoco"


def test_no_pin_takes_the_name_of_a_variable() -> None:
    """scripts/lib.sh reads the pins, which would overwrite what make passes on."""
    pins = {line.partition("=")[0] for line in (ROOT / "env/pins.env").read_text().splitlines() if "=" in line}
    assert pins.isdisjoint(map(options.variable, options.FIELDS))
