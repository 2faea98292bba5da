"""Reads a policy.yaml by the robot's own program and lets it act; prints one line of JSON for test_real_reader.py.

    upstream_reader.py POLICY.yaml        in the folder from which upstream would be started

The robot's package is on PYTHONPATH, as it is.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from berkeley_humanoid_lite_lowlevel.policy.rl_controller import RlController
from omegaconf import OmegaConf

STEPS = 5


def main(config: str) -> None:
    cfg = OmegaConf.load(config)
    controller = RlController(cfg)
    controller.load_policy()
    joints = cfg.num_actions
    pose = np.array(cfg.default_joint_positions, dtype=np.float32)[list(cfg.action_indices)]
    # orientation, angular velocity, positions, velocities, mode, command: as the robot sends them
    robot = np.concatenate([[1, 0, 0, 0], np.zeros(3), pose, np.zeros(joints), [3], [0.5, 0, 0]]).astype(np.float32)
    targets = [controller.update(robot) for _ in range(STEPS)]
    told = {
        "input": controller.policy.key, "shape": list(controller.policy.model.get_inputs()[0].shape),
        "targets": list(np.shape(targets)), "finite": bool(np.isfinite(targets).all()),
        "moves": float(np.abs(targets[-1] - pose).max()), "joints": joints,
    }  # fmt: skip
    print(json.dumps(told))


main(*sys.argv[1:])
