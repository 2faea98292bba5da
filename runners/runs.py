"""make runs: a table of all runs. Standard library only, so it works before any setup."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from runners import options, run_dir
from runners.errors import UserError
from runners.run_dir import RunDir

HEADER = ("run", "task", "sim", "iterations", "last return", "best", "status", "size")
LEFT = 3
"""Columns that are text and stand to the left."""


def main(argv: Sequence[str]) -> int:
    """Print the table; see ``make help``."""
    try:
        parsed = options.parse("runs", argv)
        found = run_dir.all_runs(Path(parsed.log_root))
    except UserError as error:
        print(f"runs: {error}", file=sys.stderr)
        return error.status
    if not found:
        print(f"runs: there are no runs in '{parsed.log_root}'; start one with: make train")
        return 0
    names = Counter(run.name for run in found)
    print(table([HEADER, *(row(run, run.label if names[run.name] > 1 else run.name) for run in found)]))
    return 0


def row(run: RunDir, name: str) -> tuple[str, ...]:
    """One run's cells. Of a run that another program made, most are not known."""
    try:
        data, status = run.manifest(), run.status()
    except UserError:
        data, status = {}, "unreadable"
    returns, iterations = run_dir.table(data, "returns"), run_dir.table(data, "iterations")
    return (
        name,
        str(data.get("task", "-")),
        str(data.get("simulator", "-")),
        f"{iterations['done']}/{iterations['total']}" if {"done", "total"} <= set(iterations) else "-",
        number(returns.get("last")),
        number(returns.get("best")),
        status,
        size(run.size()),
    )


def number(value: float | None) -> str:
    """Two decimals, or a dash."""
    return "-" if value is None else f"{value:.2f}"


def size(count: int) -> str:
    """Bytes for people."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as aligned columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for cells in rows:
        padded = [
            cell.ljust(width) if column < LEFT or column == HEADER.index("status") else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
