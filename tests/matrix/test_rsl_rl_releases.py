"""One release of each generation, and the double of 1.0.2, through all that a run goes through.

`nox -s rsl_rl_matrix` does the same for every release; tests/matrix/ has what both are made of.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cell import COLUMNS
from matrix import ROOT, Row, environment, run_cell, run_matrix, unequal_losses
from warm_server import Server

DOUBLE = ROOT / "tests" / "doubles" / "rsl_rl_1_0_2"
VERSIONS = ("2.3.3", "3.1.3", "4.0.1", "5.5.1")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server(environment())
    yield server
    server.close()


@pytest.fixture(scope="module")
def rows(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    try:
        done = run_matrix([server], list(VERSIONS), tmp_path_factory.mktemp("matrix"))
    except subprocess.CalledProcessError as error:
        text = (error.stderr or b"").decode()
        if "No matching distribution" in text or "Retrying" in text:
            pytest.skip("pip reaches no package index with these releases")
        raise
    assert unequal_losses(done) == []
    return {row.version: row for row in done}


@pytest.mark.network
@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", VERSIONS)
def test_matrix(rows: dict[str, Any], version: str) -> None:
    assert rows[version].problems((*COLUMNS, "to newest")) == []
    assert rows[version].result["difference"] <= 1e-6


@pytest.mark.network
def test_what_a_release_lacks_is_refused_by_name(rows: dict[str, Any]) -> None:
    refused = {v: [c for c in COLUMNS if row.result[c] == "refused"] for v, row in rows.items()}
    assert refused == {"2.3.3": ["symmetry"], "3.1.3": [], "4.0.1": [], "5.5.1": []}


@pytest.mark.timeout(600)
def test_the_contract_of_1_0_2(server: Server, tmp_path: Path) -> None:
    """Against a double that fails where 1.0.2 fails; test_double_1_0_2.py holds it to the real one."""
    row = Row("1.0.2", DOUBLE)
    run_cell(server, row, tmp_path / "cell")
    assert row.problems(COLUMNS) == []
    assert [column for column in COLUMNS if row.result[column] == "refused"] == ["lstm", "gru", "rnd", "symmetry"]
