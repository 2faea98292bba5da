"""A feed-forward policy -> TorchScript and ONNX, and how far they are from the policy itself."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnx
import torch
from torch import nn

from runners.errors import UserError
from runners.exported import OnnxPolicy

OPSET = 14
"""The highest that Berkeley Humanoid Lite's own policies have; onnxruntime reads it since 1.6."""
TOLERANCE = 1e-5


def write(policy: nn.Sequential, num_inputs: int, metadata: dict[str, str], script: Path, graph: Path) -> None:
    """Write both files: observations of shape (1, num_inputs) -> actions of shape (1, num_actions), float32.

    The robot's program makes zeros of the shape that the ONNX file declares, so this has numbers only
    (``OnnxPolicy`` in Berkeley-Humanoid-Lite-Lowlevel's ``policy/rl_controller.py``).

    Args:
        policy: on the CPU.
        num_inputs: size of an observation.
        metadata: what the ONNX file says of itself.
        script: TorchScript, which torch loads without this project; it takes any number of rows.
        graph: ONNX; its input is ``obs``, its output ``actions``.
    """
    example = torch.zeros(1, num_inputs)
    with warnings.catch_warnings():
        # torch would rather have other formats, which the robot's programs do not read
        warnings.simplefilter("ignore")
        torch.jit.trace(policy, example).save(str(script))
        torch.onnx.export(
            policy, (example,), str(graph), input_names=["obs"], output_names=["actions"], opset_version=OPSET,
            dynamo=False,
        )  # fmt: skip
    model = onnx.load(str(graph))
    # torch does not know the width of a half that a head takes
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = policy(example).shape[1]
    onnx.helper.set_model_props(model, metadata)
    onnx.save(model, str(graph))


def differences(actions: torch.Tensor, observations: torch.Tensor, script: Path, graph: Path) -> dict[str, float]:
    """By how much the two files differ from the policy, at most: |a - b| / max(1, |b|) over all numbers.

    A policy may learn actions of several hundred, which float32 itself has no nearer than 1e-5; hence the division.

    Args:
        actions: those of the policy, shape (n, num_actions).
        observations: of which it made them, shape (n, num_inputs).
        script: the TorchScript file.
        graph: the ONNX file.

    Raises:
        UserError: one is above TOLERANCE.
    """
    network = OnnxPolicy(graph)
    made = {
        "policy.pt": torch.jit.load(str(script))(observations),
        # row by row, as the file itself takes them
        "policy.onnx": torch.stack([torch.from_numpy(network(row)) for row in observations.numpy()]),
    }
    found = {}
    for name, other in made.items():
        found[name] = float(((other - actions).abs() / actions.abs().clamp(min=1.0)).max())
        if not found[name] <= TOLERANCE:
            raise UserError(
                f"{name} differs from the policy by {found[name]:.1e}, more than {TOLERANCE:.0e}; nothing is exported"
            )
    return found
