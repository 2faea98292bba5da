"""make tensorboard: the curves of all runs, on localhost only."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from runners import options, verb
from runners.errors import UserError

DEFAULT_PORT = 6006


def main(argv: Sequence[str]) -> int:
    """Check folder and port, then become TensorBoard."""
    try:
        parsed = options.parse("tensorboard", argv)
        port = parsed.port or DEFAULT_PORT
        check(Path(parsed.log_root), port)
    except UserError as error:
        print(f"tensorboard: {error}", file=sys.stderr)
        return error.status
    print(f"tensorboard: http://localhost:{port} shows the runs in '{parsed.log_root}'; Ctrl-C ends", flush=True)
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", parsed.log_root]
    os.execv(sys.executable, [*command, "--host", "localhost", "--port", str(port)])


def check(log_root: Path, port: int) -> None:
    """Refuse an empty folder and a taken port, which TensorBoard reports as a page or a traceback.

    Raises:
        UserError: one of the two.
    """
    if not log_root.is_dir():
        raise UserError(f"there are no runs in '{log_root}'; start one with: make train")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UserError(
                f"PORT '{port}' cannot be used ({error.strerror}); name another: make tensorboard PORT={port + 1}"
            ) from None


if __name__ == "__main__":
    verb.end(main(sys.argv[1:]))
