"""A task's agent configuration -> the dict that the installed rsl_rl wants."""

from __future__ import annotations

import copy
from typing import Any

from runners.errors import UserError
from runners.learners.rsl_rl.release import Release
from runners.plain import to_plain

RECURRENT = ("rnn_type", "rnn_hidden_dim", "rnn_num_layers")


def train_cfg(agent: Any, release: Release, logger: str) -> dict[str, Any]:
    """Return the ``train_cfg`` of ``OnPolicyRunner``; ``agent`` is not changed.

    mjlab's dataclasses are already in the shape of 5.x, except that they carry unset optional fields,
    which the models of rsl_rl would refuse.

    Raises:
        UserError: the configuration names another runner.
    """
    cfg: dict[str, Any] = copy.deepcopy(to_plain(agent))
    if cfg.get("class_name", "OnPolicyRunner") != "OnPolicyRunner":
        raise UserError(f"the task wants the runner '{cfg['class_name']}'; only OnPolicyRunner is supported")
    for model in ("actor", "critic"):
        for optional in ("cnn_cfg", "distribution_cfg"):
            if cfg[model].get(optional) is None:
                cfg[model].pop(optional, None)
        if cfg[model].get("rnn_type") is None:
            for optional in RECURRENT:
                cfg[model].pop(optional, None)
    if logger == "wandb" and release.number >= (5, 4):
        # the plain string is deprecated from 5.4.0 on
        cfg["logger"] = {"class_name": "WandbLogWriter", "project_name": cfg.get("wandb_project", "isaac-workstation")}
    else:
        cfg["logger"] = logger
    return cfg
