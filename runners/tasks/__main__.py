"""make tasks: the tasks that TASK= takes, read from their registrations without starting a simulator."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from runners import options, simulators, verb
from runners.errors import UserError
from runners.simulators import task_packages


def main(argv: Sequence[str]) -> int:
    """Print one task a line; the default is marked."""
    try:
        parsed = options.parse("tasks", argv)
        simulator = simulators.load(parsed.sim)
        found = simulator.tasks(task_packages.resolve(parsed.task_package))
    except UserError as error:
        print(f"tasks: {error}", file=sys.stderr)
        return error.status
    shown = [task for task in sorted(found) if (parsed.keyword or "").lower() in task.lower()]
    if not shown:
        print(f"tasks: no task contains KEYWORD '{parsed.keyword}'; make tasks lists all {len(found)}", file=sys.stderr)
        return 1
    for task in shown:
        print(task + ("  (default)" if task == simulator.default_task else ""))
    return 0


if __name__ == "__main__":
    verb.end(main(sys.argv[1:]))
