"""Which files RUN= names for sim2sim and evaluate."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runners import exported
from runners.errors import UserError
from runners.run_dir import RunDir


def test_an_export_of_another_checkpoint_than_run_names(tmp_path: Path) -> None:
    (tmp_path / "model_20.pt").touch()
    policy: Any = SimpleNamespace(metadata={"iteration": "11"})

    def of(named: str | None) -> exported.Exported:
        return exported.Exported("walk", Path("policy.onnx"), Path("policy.yaml"), RunDir(tmp_path, None, named))

    exported.check_named(of("model_11.pt"), policy)
    exported.check_named(of(None), policy)
    assert exported.outdated(of("model_11.pt"), policy) is None and exported.outdated(of(None), policy)
    with pytest.raises(
        UserError, match=r"'policy.onnx' is of iteration 11, not of 'model_20.pt'; make export RUN=.* CHECKPOINT=20"
    ):
        exported.check_named(of("model_20.pt"), policy)
