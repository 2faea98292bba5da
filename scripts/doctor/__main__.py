"""Says what is wrong before a run, repairs what is safe to repair, and says why a run failed.

    python3 -I scripts/doctor doctor|fix|explain [--NAME=VALUE ...]    with the variables of make as flags
    python3 -I scripts/doctor guard VERB SIMULATOR [FORCE]             before a run: stops for what would surely fail
    python3 -I scripts/doctor explain-run STATUS LOG                   after a run that has failed

Standard library only, Python 3.8 or later. The status of doctor is 0, 1 where something stops a run, or 2 where
doctor itself failed or a variable is not right.
"""

from __future__ import annotations

import io
import os
import sys
import traceback
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[2]))


def main(argv: list[str]) -> int:
    """Carry out one verb; see the module's text."""
    verb, flags = (argv[0], argv[1:]) if argv else ("", [])
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a path may hold what the terminal's encoding does not
            stream.reconfigure(errors="backslashreplace")
    try:
        if verb == "guard":
            import guard

            return guard.run(*flags)
        if verb == "explain-run":
            import explaining

            return explaining.after_run(*flags)
        return with_options(verb, flags)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception:
        traceback.print_exc()
        print(f"{verb}: itself failed, which is a defect of it; the lines above say where", file=sys.stderr)
        return 2


def with_options(verb: str, flags: list[str]) -> int:
    """Carry out a verb of make."""
    import doctor
    import explaining
    import fix
    from runners import options
    from runners.errors import UserError

    run = {"doctor": doctor.run, "fix": fix.run, "explain": explaining.run}
    try:
        parsed = options.parse(verb, flags)
        if verb not in run:
            raise UserError("not a verb of the doctor; see scripts/doctor/__main__.py")
        return run[verb](parsed)
    except UserError as error:
        print(f"{verb}: {error}", file=sys.stderr)
        # 1 is an answer of explain: the failure is not known
        return 2 if verb == "explain" else error.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
