"""make tensorboard: on localhost only, and one line when it cannot start."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

from real_make import ROOT, Make, clean_environment, wait_until


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listeners(port: int) -> set[str]:
    """Local addresses, in hexadecimal, on which something listens at that port."""
    tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
    lines = [line.split() for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
    return {line[1].rpartition(":")[0] for line in lines if line[3] == "0A" and line[1].endswith(f":{port:04X}")}


def test_it_serves_on_localhost_only(copy_of_trained: Path, make: Make) -> None:
    port = free_port()
    child = subprocess.Popen(
        make.command("tensorboard", f"PORT={port}"), cwd=ROOT, env=clean_environment(), start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        wait_until(lambda: bool(listeners(port)) or child.poll() is not None)
        assert listeners(port) <= {"0100007F", "00000000000000000000000001000000"} and listeners(port)
    finally:
        os.killpg(child.pid, signal.SIGINT)
        output, _ = child.communicate(timeout=30)
    assert f"http://localhost:{port}" in output


def test_a_taken_port(copy_of_trained: Path, make: Make) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = make("tensorboard", f"PORT={port}")
    assert done.returncode != 0 and f"PORT '{port}' cannot be used" in done.stderr and "Traceback" not in done.stderr


def test_no_runs(make: Make) -> None:
    done = make("tensorboard")
    assert done.returncode != 0 and "there are no runs" in done.stderr
