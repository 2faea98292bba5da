"""Learning curves: from real event files, a resumed run's with its parent's before it."""

from __future__ import annotations

from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from runners import curve
from runners.run_dir import RunDir


def make_run(path: Path, start: int, stop: int, value: float, parent: dict[str, object] | None = None) -> RunDir:
    path.mkdir(parents=True)
    run = RunDir(path)
    run.write_manifest({"parent": parent})
    writer = SummaryWriter(str(path))
    for it in range(start, stop):
        writer.add_scalar(curve.RETURN, value + it, it)
        writer.add_scalar(curve.LENGTH, 100.0, it)
    writer.close()
    return run


def test_a_resumed_run_goes_on_where_the_checkpoint_was(tmp_path: Path) -> None:
    make_run(tmp_path / "a", 0, 10, 0.0)
    child = make_run(tmp_path / "b", 6, 12, 1000.0, {"run": "a", "iteration": 6})
    returns, lengths = curve.history(child)
    assert sorted(returns) == sorted(lengths) == list(range(12))
    assert [returns[5], returns[6], returns[11]] == [5.0, 1006.0, 1011.0]


def test_what_the_parent_did_after_the_checkpoint_is_left_out(tmp_path: Path) -> None:
    make_run(tmp_path / "a", 0, 10, 0.0)
    child = make_run(tmp_path / "b", 6, 8, 1000.0, {"run": "a", "iteration": 6})
    assert sorted(curve.history(child)[0]) == list(range(8))


def test_a_deleted_parent_does_no_harm(tmp_path: Path) -> None:
    child = make_run(tmp_path / "b", 6, 12, 0.0, {"run": "gone", "iteration": 6})
    assert sorted(curve.history(child)[0]) == list(range(6, 12))


def test_the_picture_shows_something(tmp_path: Path) -> None:
    from PIL import Image

    path = curve.draw(make_run(tmp_path / "a", 0, 10, 0.0), "title")
    assert path is not None
    with Image.open(path) as image:
        assert len(image.convert("RGB").getcolors(1 << 20) or []) > 10
    assert [p.name for p in (tmp_path / "a").glob("*.partial*")] == []


def test_no_episode_no_picture(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    run = RunDir(tmp_path / "a")
    run.write_manifest({})
    SummaryWriter(str(run.path)).close()
    assert curve.draw(run, "title") is None
