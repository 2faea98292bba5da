"""Weights & Biases for every release of rsl_rl: wandb reads the TensorBoard events as they are written.

rsl_rl's own writers came with 2.0.0 and want, by release, an account's name, a project, a dataclass or
an old wandb; this wants none of it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from runners.plain import to_plain


def start(folder: Path, agent: Any) -> None:
    """Begin a run in wandb. Before a TensorBoard writer is made, which wandb then listens to."""
    import wandb

    wandb.init(
        project=getattr(agent, "wandb_project", None) or "isaac-workstation",
        name=folder.name,
        tags=list(getattr(agent, "wandb_tags", ())),
        dir=os.environ.get("WANDB_DIR") or str(folder),
        config={"agent": to_plain(agent)},
        sync_tensorboard=True,
    )


def stop() -> None:
    """End the run, if there is one."""
    wandb = sys.modules.get("wandb")
    if wandb is not None and wandb.run is not None:
        wandb.finish()
