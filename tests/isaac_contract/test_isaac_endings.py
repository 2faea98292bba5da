"""How runs on Isaac Lab end: status, manifest and one line, though Isaac Sim's own end is 0 and python.sh's is 1."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from contract_world import HERE, World, ended
from test_isaac_training import FEW, SMALL, last_run, manifest

pytestmark = pytest.mark.network

NAN = "FloatingPointError: NaN or infinity in the observations"
TRAIN = ("TASK=Contract-Cartpole-v0", *SMALL, "ITERATIONS=100000")


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("train: ")]


@pytest.mark.parametrize(
    ("task", "args", "reason"),
    [
        ("Contract-Cartpole-Old-v0", "env.crash_at_step=20", "ValueError: the robot's own bug"),
        ("Contract-Cartpole-v0", "env.nan_at_step=20", NAN),
        ("Contract-Cartpole-v0", "agent.algorithm.learning_rate=-1", "ValueError: Invalid learning rate: -1"),
        ("Contract-Cartpole-v0", "env.build_fails=true", "RuntimeError: Failed to find a prim at path"),
    ],
)
def test_a_failure(world: World, log_root: Path, task: str, args: str, reason: str) -> None:
    """In the task's code, in its numbers, in the learner, while building, which leaves a simulation open."""
    done = world.make("train", f"TASK={task}", *SMALL, "ITERATIONS=9", f"ARGS={FEW} {args}", log_root=log_root)
    assert done.returncode == 2, "make's own, for 1"
    (said,) = lines(done.stderr)
    assert said.startswith(f"train: failed: {reason}") and "full log: " in said
    (explained,) = [line for line in done.stderr.splitlines() if line.startswith("explain: ")]
    assert ("[distribution-loc-nan]" if reason == NAN else "a failure that is not in the catalogue") in explained
    assert "Traceback" not in done.stdout
    run = last_run(log_root)
    found = manifest(run)
    assert found["status"] == "failed" and found["reason"].startswith(reason) and found["process"] is None
    assert "Traceback" in (run / "train.log").read_text()
    assert not world.closed(), "Isaac Sim's own end would be a status 0"


@pytest.mark.parametrize(
    ("signum", "status", "reason"), [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")]
)
def test_a_signal(world: World, log_root: Path, signum: int, status: int, reason: str) -> None:
    """To launch.sh alone, as make or a terminal sends it. Make waits for all, though SIGTERM ends python.sh at once."""
    close_hangs = signum == signal.SIGTERM
    world.station("1.0.2")
    args = f"ARGS={FEW} env.close_hangs={close_hangs}"
    with ended(world.start("train", *TRAIN, args, log_root=log_root)) as process:
        end = time.monotonic() + 100
        while not list(log_root.glob("*/*/model_1.pt")):
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.1)
        children = f"/proc/{process.pid}/task/{process.pid}/children"
        (launch,) = Path(children).read_text().split()
        runner = manifest(last_run(log_root))["process"]["pid"]
        os.kill(int(launch), signum)
        process.wait(20)
        assert not Path(f"/proc/{runner}").exists()
        out, err = process.communicate(timeout=20)
    assert f"Error {status}" in err, err
    run = last_run(log_root)
    found = manifest(run)
    assert (found["status"], found["reason"], found["process"]) == ("interrupted", reason, None)
    done = found["iterations"]["done"]
    assert (run / f"model_{done - 1}.pt").is_file() and f"saved model_{done - 1}.pt after {done} iterations" in out
    assert f"train: stopped by {reason}" in err.splitlines()
    assert world.environments()[-1]["event"] == ("built" if close_hangs else "closed") and not world.closed()
    hang = "train: warning: the environment did not close within 5 s and was ended"
    assert (hang in err.splitlines()) == close_hangs and "ended before the runner did" not in err


@pytest.mark.parametrize(
    ("what", "args", "mood"),
    [("the environment", "env.close_hangs=true", ""), ("the simulator", "", "hang"), ("", "", "hang-gil")],
)
def test_a_hang_at_the_end_is_cut_off(world: World, log_root: Path, what: str, args: str, mood: str) -> None:
    words = ("TASK=Contract-Cartpole-v0", *SMALL, "ITERATIONS=1", f"ARGS={FEW} {args}")
    done = world.make("train", *words, log_root=log_root, OMNI_DOUBLE=mood, RUNNER_CLOSE_LIMIT="1")
    assert done.returncode == 0, done.stderr
    assert manifest(last_run(log_root))["status"] == "finished"
    said = f"{what} did not close within 1 s and was ended; all else is complete and saved"
    if mood == "hang-gil":
        said = "Isaac Sim failed or hung while it was closed; all else was complete before"
    assert lines(done.stderr) == [f"train: warning: {said}"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("TASK=Contract-Cartpole-v0", "TASK_PACKAGE=contract_tasks"),
            "train: DEVICE 'auto' cannot be used: torch sees",
        ),
        (
            ("TASK=Contract-Cartpol-v0", *SMALL),
            "train: unknown TASK 'Contract-Cartpol-v0' (did you mean 'Contract-Cartpole-v0'?); make tasks lists them",
        ),
        (
            ("DEVICE=cpu", "TASK_PACKAGE=old_tasks"),
            "train: tasks of 'old_tasks' cannot be loaded: ModuleNotFoundError: No module named 'omni.isaac.lab'; "
            "it is written for Isaac Lab before 2.0, where isaaclab was called omni.isaac.lab",
        ),
        (
            ("ARGS=--enable_camera",),
            "train: ARGS '--enable_camera' is no flag of Isaac Lab's launcher (did you mean '--enable_cameras'?); it",
        ),
        (("ARGS=--num_envs 8",), "train: ARGS '--num_envs' is NUM_ENVS= here"),
        (("ARGS=--livestream 7",), "train: ARGS: argument --livestream: invalid choice: 7 (choose from"),
        (
            ("ARGS=--device tpu",),
            "train: Isaac Lab's launcher refuses: Invalid value for input keyword argument `device`",
        ),
        (("GPUS=2",), "train: GPUS wants 2 GPUs and rsl_rl 1.0.2 uses one; leave GPUS out, or install a release from"),
    ],
)
def test_what_cannot_be_done_is_one_line(world: World, log_root: Path, words: tuple[str, ...], said: str) -> None:
    done = world.make("train", *words, log_root=log_root)
    assert done.returncode == 2
    (line,) = lines(done.stderr)
    assert line.startswith(said)
    assert "Traceback" not in done.stdout + done.stderr and not log_root.exists()


@pytest.mark.parametrize("mood", ["foreign", "interrupted"])
def test_a_start_that_fails(world: World, log_root: Path, mood: str) -> None:
    """A Python that cannot load Isaac Sim, and Ctrl-C while it starts, which Isaac Sim would end with 0."""
    done = world.make("train", *TRAIN, log_root=log_root, OMNI_DOUBLE=mood)
    (said,) = lines(done.stderr)
    if mood == "foreign":
        assert "cannot load Isaac Sim's own modules (isaacsim.SimulationApp)" in said and "make setup SIM=isaac" in said
        assert "Error 1" in done.stderr
    else:
        assert said == "train: stopped by Ctrl-C" and "Error 130" in done.stderr


@pytest.mark.parametrize("verbose", ["0", "1"])
@pytest.mark.parametrize("registry", ["", "1"])
def test_an_extension_that_is_missing_is_asked_of_the_registry(
    world: World, log_root: Path, registry: str, verbose: str
) -> None:
    """Once, by a second start; the first asks nobody, as all starts of a whole Isaac Sim."""
    world.station(world.last)
    kit = world.lab / "apps/isaacsim_5_1/isaaclab.python.headless.kit"
    text = kit.read_text()
    assert "registryEnabled = false" in text
    wanted = '"isaacsim.asset.importer.urdf" = {version = "9.9.9", exact = true}'
    kit.write_text(text.replace("[dependencies]\n", f"[dependencies]\n{wanted}\n", 1))
    words = (*TRAIN, f"ARGS={FEW}", f"VERBOSE={verbose}")
    try:
        done = world.make("train", *words, "ITERATIONS=1", log_root=log_root, OMNI_DOUBLE_REGISTRY=registry)
    finally:
        kit.write_text(text)
    note, *rest = [line for line in done.stderr.splitlines() if line.startswith("train: ")]
    assert note.startswith("train: note: Isaac Sim lacks an extension that this app wants; starting once more, with")
    started = world.started()
    assert started is not None and "--/app/extensions/registryEnabled=true" in started["argv"]
    assert (done.returncode == 0) == bool(registry) and bool(rest) != bool(registry), done.stderr
    assert not list((world.checkout / ".cache").glob("st*.*"))


@pytest.mark.parametrize(
    ("visible", "device", "gpu"), [("3", "cuda", "3"), ("5,2", "cuda:1", "2"), ("", "cuda:1", None), ("3", "cpu", "3")]
)
def test_graphics_are_on_the_card_that_cuda_sees(
    world: World, log_root: Path, visible: str, device: str, gpu: str | None
) -> None:
    """torch sees no GPU here, so that the run ends when the app has started."""
    env = {"CUDA_VISIBLE_DEVICES": visible} if visible else {}
    words = ("TASK=Contract-Cartpole-v0", "TASK_PACKAGE=contract_tasks", "NUM_ENVS=8", "ITERATIONS=1")
    world.make("train", *words, f"DEVICE={device}", log_root=log_root, **env)
    started = world.started()
    assert started is not None
    found = [word.partition("=")[2] for word in started["argv"] if word.startswith("--/renderer/activeGpu=")]
    assert found == ([gpu] if gpu else [])


def test_a_limit_that_is_none(world: World, log_root: Path) -> None:
    done = world.make("train", log_root=log_root, RUNNER_CLOSE_LIMIT="soon")
    assert done.returncode == 2 and not list((world.checkout / ".cache").glob("status.*"))
    assert lines(done.stderr) == [
        "train: RUNNER_CLOSE_LIMIT 'soon' is no number of seconds; give a whole one, for instance 120"
    ]


def test_tasks_without_starting_anything(world: World) -> None:
    done = world.make("tasks", "SIM=isaac", f"TASK_PACKAGE={HERE / 'contract_tasks'}", "KEYWORD=cartpole-")
    assert done.returncode == 0, done.stderr
    found = [line.split()[0] for line in done.stdout.splitlines()]
    assert {"Contract-Cartpole-Direct-v0", "Isaac-Cartpole-v0", "Isaac-Cartpole-Direct-v0"} <= set(found)
    assert "Isaac-Ant-v0" not in found
