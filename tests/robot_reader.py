"""What the robot's own program asks of a policy's ONNX file. That program is upstream's and not in this repository."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime


def assert_the_robot_runs(onnx: Path, inputs: int, outputs: int) -> None:
    """It feeds zeros of the declared shape to ``obs``, and from then on a row of float32 a time.

    See ``OnnxPolicy`` in ``policy/rl_controller.py`` of HybridRobotics/Berkeley-Humanoid-Lite-Lowlevel.
    """
    session = onnxruntime.InferenceSession(str(onnx), providers=["CPUExecutionProvider"])
    taken = [(value.name, value.shape) for value in session.get_inputs()]
    given = [(value.name, value.shape) for value in session.get_outputs()]
    assert taken == [("obs", [1, inputs])], taken
    assert given == [("actions", [1, outputs])], given
    session.run(None, {"obs": np.zeros(taken[0][1], dtype=np.float32)})
    row = np.random.default_rng(0).standard_normal((1, inputs), np.float32)
    actions = session.run(None, {"obs": row})[0]
    assert actions.shape == (1, outputs) and actions.dtype == np.float32 and np.isfinite(actions).all()
