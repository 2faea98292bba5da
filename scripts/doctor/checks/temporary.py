"""The folder for temporary files, which Python, pip and Isaac Sim all want."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Iterator

from finding import Finding, Place

VARIABLES = ("TMPDIR", "TEMP", "TMP")
FOLDERS = ("tmp", "var/tmp", "usr/tmp")


def check(place: Place) -> Iterator[Finding]:
    """Whether any of the folders that are tried can really be written."""
    tried = [place.env[name] for name in VARIABLES if place.env.get(name)]
    tried += [str(place.system / name) for name in FOLDERS]
    reasons = []
    for folder in tried:
        try:
            with tempfile.TemporaryFile(dir=str(Path(folder))) as stream:
                stream.write(b"x")
                return
        except OSError as error:
            reasons.append(f"'{folder}' ({error.strerror})")
    yield Finding("no-temporary-folder", ", ".join(reasons))
