"""make export, and make play POLICY=: files that do what the policy does, on real environments."""

from __future__ import annotations

import json
from pathlib import Path

import onnxruntime
import pytest
import torch
import yaml
from robot_reader import assert_the_robot_runs
from warm import Warm

from runners import deployment
from runners.tasks.berkeley_humanoid_lite.robots import BIPED

BHL = "Velocity-Berkeley-Humanoid-Lite-Biped-v0"
SHORT = ("VIEWER=none", "NUM_ENVS=2", "EPISODES=2", "ARGS=env.episode_length_s=1.0")
FILES = {"policy.pt", "policy.onnx"}


def save(path: Path, num_obs: int, num_actions: int, **more: torch.Tensor) -> None:
    """A checkpoint of rsl_rl 5, with a normaliser."""
    torch.manual_seed(1)
    std = torch.rand(1, num_obs) + 0.1
    actor = {
        "distribution.std_param": torch.ones(num_actions),
        "obs_normalizer._mean": torch.randn(1, num_obs), "obs_normalizer._std": std, "obs_normalizer._var": std**2,
        "obs_normalizer.count": torch.tensor(9),
        "mlp.0.weight": torch.randn(16, num_obs) / 10, "mlp.0.bias": torch.randn(16),
        "mlp.2.weight": torch.randn(num_actions, 16) / 10, "mlp.2.bias": torch.randn(num_actions),
    }  # fmt: skip
    optimizer = {"state": {}, "param_groups": [{"lr": 0.1}]}
    critic = {"mlp.0.weight": torch.zeros(1, num_obs), "mlp.0.bias": torch.zeros(1)}
    data = {"actor_state_dict": {**actor, **more}, "critic_state_dict": critic}
    torch.save({**data, "optimizer_state_dict": optimizer, "iter": 4, "infos": {}}, path)


def make_run(log_root: Path, task: str) -> Path:
    """A run that has recorded next to nothing."""
    run = log_root / "experiment" / "2026-01-01_00-00-00_x"
    (run / "params").mkdir(parents=True)
    (run / "run.json").write_text(json.dumps({"task": task, "simulator": "mujoco", "status": "finished"}))
    return run


def test_the_biped_with_all_that_its_computer_needs(warm: Warm, tmp_path: Path) -> None:
    run = make_run(warm.log_root, BHL)
    save(run / "model_4.pt", 45, 12)
    done = warm("export")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr
    assert "policy.pt differs from the policy by at most" in done.stdout
    assert "policy.onnx differs from the policy by at most" in done.stdout
    assert f"try it: make sim2sim RUN={run.name} LOG_ROOT=" in done.stdout
    folder = run / "exported"
    assert {path.name for path in folder.iterdir()} == {*FILES, "policy.yaml"}
    written = deployment.read(folder / "policy.yaml")
    assert written.joints == BIPED.joints and written.action_indices == tuple(range(12))
    assert (written.joint_kp, written.joint_kd) == (BIPED.stiffness, BIPED.damping)
    assert (written.effort_limits, written.default_joint_positions) == (BIPED.effort_limit, BIPED.default_joint_pos)
    assert (written.policy_dt, written.num_observations, written.num_actions) == (0.04, 45, 12)
    assert (written.action_scale, written.default_base_position) == (0.25, (0.0, 0.0, 0.0))
    assert tuple(yaml.safe_load((folder / "policy.yaml").read_text())) == deployment.KEYS
    session = onnxruntime.InferenceSession(folder / "policy.onnx", providers=["CPUExecutionProvider"])
    said = session.get_modelmeta().custom_metadata_map
    assert (said["task"], said["run"], said["iteration"], said["simulator"]) == (BHL, run.name, "4", "mujoco")
    assert (said["policy_dt"], said["physics_dt"], said["action_scale"]) == ("0.04", "0.005", "0.25")
    assert said["joint_names"] == ",".join(BIPED.joints) and said["observation_sizes"] == "3,3,3,12,12,12"
    assert said["default_joint_pos"] == ",".join(map(str, BIPED.default_joint_pos))
    assert_the_robot_runs(folder / "policy.onnx", 45, 12)
    seen = torch.randn(1, 45)
    (actions,) = session.run(["actions"], {"obs": seen.numpy()})
    assert torch.allclose(torch.from_numpy(actions), torch.jit.load(folder / "policy.pt")(seen), atol=1e-5)
    # upstream's programs open it from the folder that they are in
    assert written.policy_checkpoint_path == str(folder / "policy.onnx")


def test_a_path_that_the_robots_program_takes_for_torchscript(warm: Warm) -> None:
    run = make_run(warm.log_root, BHL)
    run = run.rename(run.with_name(f"{run.name}.pt2"))
    save(run / "model_4.pt", 45, 12)
    done = warm("export")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == (
        "export: warning: upstream's own programs cannot open a path with '.pt' or '${' in it; "
        "copy policy.onnx to 'checkpoints/policy.onnx' in their folder, as policy.yaml says\n"
    )
    assert deployment.read(run / "exported" / "policy.yaml").policy_checkpoint_path == "checkpoints/policy.onnx"


def test_a_task_without_joint_positions_is_exported_and_played(copy_of_trained: Path, warm: Warm) -> None:
    """And what was there before is replaced; the ONNX file plays as the checkpoint does."""
    folder = copy_of_trained / "exported"
    folder.mkdir()
    for name in (*FILES, "policy.yaml"):
        (folder / name).write_text("old")
    done = warm("export", "DEVICE=cpu")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no policy.yaml: action term 'effort' is no joint position action" in done.stdout
    assert f"try it: make play POLICY={folder / 'policy.onnx'}" in done.stdout
    assert {path.name for path in folder.iterdir()} == FILES
    played = warm("play", f"POLICY={folder / 'policy.onnx'}", *SHORT, "SEED=7")
    assert played.returncode == 0, played.stdout + played.stderr
    assert f"task Mjlab-Cartpole-Balance, iteration 2 of run {copy_of_trained.name}" in played.stdout
    assert played.stdout.splitlines()[-1] == warm("play", *SHORT, "SEED=7").stdout.splitlines()[-1]


def test_what_cannot_be_exported_changes_nothing(copy_of_trained: Path, warm: Warm) -> None:
    folder = copy_of_trained / "exported"
    folder.mkdir()
    (folder / "policy.onnx").write_text("old")
    save(copy_of_trained / "model_4.pt", 5, 1, **{"mlp.2.bias": torch.tensor([torch.nan])})
    done = warm("export")
    assert done.returncode == 1 and "model_4.pt' gives actions that are no numbers; name another" in done.stderr
    rnn = torch.nn.LSTM(5, 6).state_dict()
    more = {f"rnn.rnn.{name}": tensor for name, tensor in rnn.items()}
    save(copy_of_trained / "model_4.pt", 5, 1, **more, **{"mlp.0.weight": torch.zeros(16, 6)})
    done = warm("export")
    assert done.returncode == 1 and done.stderr == (
        "export: a recurrent policy cannot be exported yet; feed-forward ones can\n"
    )
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("policy.onnx", "old")]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("half.onnx", b"\x08\x07\x12", "half.onnx' (3 bytes) is truncated or no ONNX network"),
        ("nothing.onnx", None, "is no file"),
        ("nobody", None, "unknown POLICY 'nobody'"),
    ],
)
def test_a_policy_that_is_none(warm: Warm, tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    done = warm("play", f"POLICY={path if path.suffix else name}", *SHORT)
    assert done.returncode == 1 and words in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def test_a_policy_of_another_robot(warm: Warm, copy_of_trained: Path) -> None:
    path = copy_of_trained / "other.onnx"
    layer = torch.nn.Linear(45, 12)
    from runners import onnx_export

    onnx_export.write(torch.nn.Sequential(layer), 45, {}, path.with_suffix(".pt"), path)
    done = warm("play", f"POLICY={path}", *SHORT)
    assert done.returncode == 1 and "does not say its task; name it with TASK=" in done.stderr
    done = warm("play", f"POLICY={path}", "TASK=Mjlab-Cartpole-Balance", *SHORT)
    assert "is of another robot or task: its actor takes 45 observations and gives 12 actions, and" in done.stderr
