"""TorchScript and ONNX of policies of every layout of checkpoint: they do what the policy does, or are not written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from robot_reader import assert_the_robot_runs
from torch import nn

from runners import export, onnx_export, policy
from runners.errors import UserError
from runners.learners.rsl_rl import agent, checkpoint
from runners.learners.rsl_rl.release import known

OBS, ACTIONS = 5, 2
AGENT = agent.read({"algorithm": {}, "policy": {"activation": "elu"}})


def saved(path: Path, release: str, normaliser: bool, rnn: bool = False) -> Path:
    """A checkpoint as that release writes it."""
    torch.manual_seed(3)
    sections: dict[str, Any] = {}
    for name, outputs in (("actor", ACTIONS), ("critic", 1)):
        mlp = nn.Sequential(nn.Linear(6 if rnn else OBS, 8), nn.ELU(), nn.Linear(8, outputs))
        sections[f"{name}_state_dict"] = section = {f"mlp.{key}": value for key, value in mlp.state_dict().items()}
        if rnn:
            section.update({f"rnn.rnn.{key}": value for key, value in nn.LSTM(OBS, 6).state_dict().items()})
        if normaliser:
            std = torch.rand(1, OBS) + 0.1
            own = {"_mean": torch.randn(1, OBS), "_var": std**2, "_std": std, "count": torch.tensor(77)}
            section.update({f"obs_normalizer.{key}": value for key, value in own.items()})
    sections["actor_state_dict"]["distribution.std_param"] = torch.ones(ACTIONS)
    optimizer = {"state": {}, "param_groups": [{"lr": 0.01}]}
    state = checkpoint.parse({**sections, "optimizer_state_dict": optimizer, "iter": 4, "infos": {}}, path)
    torch.save(checkpoint.translate(state, known(release)), path)
    return path


def written(network: nn.Sequential, folder: Path, inputs: int = OBS) -> tuple[Path, Path]:
    files = folder / "policy.pt", folder / "policy.onnx"
    onnx_export.write(network, inputs, {"task": "T", "iteration": "4"}, *files)
    return files


@pytest.mark.parametrize(
    ("release", "normaliser"),
    [
        ("1.0.2", True),
        ("2.0.0", True),
        ("2.3.0", True),
        ("3.0.0", True),
        ("4.0.0", True),
        ("5.0.0", True),
        ("5.0.0", False),
    ],
)
def test_every_layout_of_checkpoint(release: str, normaliser: bool, tmp_path: Path) -> None:
    """The normaliser is in both files."""
    state = checkpoint.read(saved(tmp_path / "model_4.pt", release, normaliser))
    network, _ = policy.rebuild(state, AGENT)
    seen = torch.randn(9, OBS) * 3
    files = written(network.feed_forward(), tmp_path)
    found = onnx_export.differences(network(seen), seen, *files)
    assert set(found) == {"policy.pt", "policy.onnx"} and max(found.values()) < 2e-6
    reference = checkpoint.read(saved(tmp_path / "again.pt", "5.0.0", normaliser))
    expected = policy.rebuild(reference, AGENT)[0](seen)
    session = onnxruntime.InferenceSession(files[1], providers=["CPUExecutionProvider"])
    actions = [session.run(None, {"obs": row[None]})[0][0] for row in seen.numpy()]
    assert np.allclose(actions, expected.numpy(), atol=1e-5)


def test_what_the_file_says_and_takes(tmp_path: Path) -> None:
    import onnx

    _, graph = written(nn.Sequential(nn.Linear(OBS, ACTIONS)), tmp_path)
    model = onnx.load(graph)
    onnx.checker.check_model(model)
    assert [entry.version for entry in model.opset_import] == [14] and model.ir_version <= 8
    assert {entry.key: entry.value for entry in model.metadata_props} == {"task": "T", "iteration": "4"}


def test_every_file_is_one_that_the_robot_runs(tmp_path: Path) -> None:
    """Whatever stands at the end of the network."""
    _, graph = written(nn.Sequential(nn.Linear(OBS, ACTIONS)), tmp_path)
    assert_the_robot_runs(graph, OBS, ACTIONS)
    for head in (policy.BetaMean(-2.0, 3.0), policy.FirstHalf()):
        _, graph = written(nn.Sequential(nn.Linear(OBS, 4), head).eval(), tmp_path)
        assert_the_robot_runs(graph, OBS, 2)


def test_running_one_leaves_nothing_in_the_home(tmp_path: Path) -> None:
    """onnxruntime's telemetry would keep a database there. In CI it is quiet of itself, hence the bare environment."""
    _, graph = written(nn.Sequential(nn.Linear(OBS, ACTIONS)), tmp_path)
    (home := tmp_path / "home").mkdir()
    code = f"OnnxPolicy(Path(sys.argv[1]))(np.zeros((1, {OBS}), np.float32))"
    code = f"import sys, numpy as np; from pathlib import Path; from runners.exported import OnnxPolicy; {code}"
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code, graph], cwd=root, env={"HOME": str(home)}, check=True)
    assert not [*home.iterdir()]


def test_every_activation_and_head(tmp_path: Path) -> None:
    layers = [layer for kind in policy.ACTIVATIONS.values() for layer in (nn.Linear(OBS, OBS), kind())]
    seen = torch.randn(9, OBS)
    for head in (policy.BetaMean(-2.0, 3.0), policy.FirstHalf()):
        network = nn.Sequential(*layers, nn.Linear(OBS, 4), head).eval().requires_grad_(False)
        onnx_export.differences(network(seen), seen, *written(network, tmp_path))


def test_a_difference_is_an_error_measured_by_the_action(tmp_path: Path) -> None:
    """Actions of hundreds are compared to their size."""
    network = nn.Sequential(nn.Linear(OBS, ACTIONS)).eval().requires_grad_(False)
    files, seen = written(network, tmp_path), torch.randn(9, OBS)
    with pytest.raises(UserError, match=r"policy.pt differs from the policy by 5.0e-05, more than 1e-05; nothing"):
        onnx_export.differences(torch.zeros(9, ACTIONS) + network(torch.zeros(9, OBS)) + 5e-5, 0 * seen, *files)
    large = nn.Sequential(nn.Linear(OBS, ACTIONS)).requires_grad_(False)
    nn.init.constant_(large[0].bias, 400.0)
    files = written(large, tmp_path)
    actions = large(seen)
    onnx_export.differences(actions + 1e-3, seen, *files)
    with pytest.raises(UserError, match="differs"):
        onnx_export.differences(actions + 1e-2, seen, *files)


def test_a_memory_and_half_a_file_are_refused(tmp_path: Path) -> None:
    state = checkpoint.read(saved(tmp_path / "model_4.pt", "3.0.0", True, rnn=True))
    with pytest.raises(UserError, match="a recurrent policy cannot be exported yet"):
        policy.rebuild(state, AGENT)[0].feed_forward()
    path = tmp_path / "model_4.pt"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="damaged or no checkpoint"):
        checkpoint.read(path)


def test_a_kill_leaves_old_or_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is interrupted, each file is that of before or the new one, and the yaml is none of another policy."""
    source, folder = tmp_path / "source", tmp_path / "exported"
    for place, word in ((source, "new"), (folder, "old")):
        place.mkdir()
        for name in ("policy.pt", "policy.onnx"):
            (place / name).write_text(word)
    (folder / "policy.yaml").write_text("old")
    replaced = []

    def killed(fd: int) -> None:
        replaced.append(fd)
        if len(replaced) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        export.put(folder, [source / "policy.pt", source / "policy.onnx"], None)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"policy.pt": "new", "policy.onnx": "old"}


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "exported").write_text("a file")
    with pytest.raises(UserError, match=r"cannot write to '.*exported': "):
        export.put(tmp_path / "exported", [], None)
