"""The learning curve, from TensorBoard's event files of a run and of the runs it goes on with."""

from __future__ import annotations

from pathlib import Path

from runners.run_dir import RunDir, write_whole

RETURN, LENGTH = "Train/mean_reward", "Train/mean_episode_length"
Points = dict[int, float]


def history(run: RunDir, before: int | None = None) -> tuple[Points, Points]:
    """Mean return and mean episode length by iteration, those of the parent runs included.

    Iteration ``before`` and later ones, which a resumed run has done again, are left out.
    """
    parent = run.manifest().get("parent")
    returns: Points = {}
    lengths: Points = {}
    if parent and (path := run.path.parent / parent["run"]).is_dir():
        returns, lengths = history(RunDir(path), before=int(parent["iteration"]))
    for points, tag in ((returns, RETURN), (lengths, LENGTH)):
        points.update({step: value for step, value in scalars(run.path, tag) if before is None or step < before})
    return returns, lengths


def scalars(folder: Path, tag: str) -> list[tuple[int, float]]:
    """All (iteration, value) pairs of a tag."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    if tag not in events.Tags()["scalars"]:
        return []
    return [(event.step, event.value) for event in events.Scalars(tag)]


def draw(run: RunDir, title: str) -> Path | None:
    """Write ``learning_curve.png``; None if no episode has ended yet."""
    from matplotlib.figure import Figure  # not pyplot: it looks for a display and for IPython

    returns, lengths = history(run)
    if not returns:
        return None
    figure = Figure(figsize=(7, 5.5), layout="tight")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    upper.plot([it + 1 for it in sorted(returns)], [returns[it] for it in sorted(returns)], color="tab:blue")
    upper.set_ylabel("mean return")
    upper.set_title(title, fontsize=10)
    lower.plot([it + 1 for it in sorted(lengths)], [lengths[it] for it in sorted(lengths)], color="tab:gray")
    lower.set_ylabel("episode length [steps]")
    lower.set_xlabel("iteration")
    for axes in (upper, lower):
        axes.grid(alpha=0.3)
    if start := (run.manifest().get("parent") or {}).get("iteration"):
        for axes in (upper, lower):
            axes.axvline(start, color="tab:orange", linestyle=":", linewidth=1)
        upper.annotate("resumed", (start, upper.get_ylim()[0]), xytext=(4, 6), textcoords="offset points", fontsize=8)
    path = run.path / "learning_curve.png"
    with write_whole(path) as stream:
        figure.savefig(stream, dpi=120, format="png")
    return path
