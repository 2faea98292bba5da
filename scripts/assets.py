"""Brings NVIDIA's assets that a list names, and all that they refer to, into a folder of the same shape.

    python assets.py ROOT LIST FOLDER

ROOT is a folder, or the address of a server's; LIST has a path below it in each line, # begins a comment. References
of USD files are read with pxr, those of MDL materials are the texts in their texture_2d(...). What is in the folder
already is not brought again. Prints a line for each file. Ends with 1 where a file of the list cannot be brought; what
another file only refers to may be missing, as a texture that NVIDIA does not publish is, and is said.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

TRIES = 3
TIMEOUT_S = 60
USD = (".usd", ".usda", ".usdc")
TEXTURE = re.compile(r'texture_2d\s*\(\s*"([^"]+)"')


class NotThereError(Exception):
    """Why a file cannot be brought."""


def bring(root: str, path: str, folder: Path) -> Path:
    """Copy or download one file; it appears when it is whole.

    Raises:
        NotThereError: it is not there, or the server cannot be reached.
    """
    target = folder / path
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".part")
    try:
        if "://" in root:
            download(f"{root.rstrip('/')}/{urllib.parse.quote(path)}", partial)
        else:
            shutil.copyfile(Path(root) / path, partial)
        partial.replace(target)
    except OSError as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise NotThereError(f"'{path}': {reason}") from None
    finally:
        partial.unlink(missing_ok=True)
    return target


def download(address: str, target: Path) -> None:
    """Download a file, thrice where a connection breaks.

    Raises:
        OSError: the server does not have it, or cannot be reached.
    """
    for left in reversed(range(TRIES)):
        try:
            with urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer, open(target, "wb") as stream:
                shutil.copyfileobj(answer, stream)
            return
        except OSError as error:
            if not left or isinstance(error, urllib.error.HTTPError):
                raise


def references(file: Path) -> list[str]:
    """What a file refers to, as it is written there."""
    if file.suffix.lower() == ".mdl":
        return TEXTURE.findall(file.read_text(encoding="utf-8", errors="replace"))
    if file.suffix.lower() not in USD:
        return []
    from pxr import Sdf, UsdUtils

    layer = Sdf.Layer.FindOrOpen(str(file))
    if layer is None:
        raise NotThereError(f"'{file}' is no USD file")
    found: list[str] = []
    # it takes the layer's own references apart from those of the layers below, which have their turn
    UsdUtils.ModifyAssetPaths(layer, lambda path: found.append(path) or path)
    return found


def below(referrer: str, written: str, root: str) -> str | None:
    """The path below the root that a reference leads to; None for what lies elsewhere, such as Kit's own materials."""
    path = urllib.parse.unquote(written.partition("[")[0])
    if path.startswith(root.rstrip("/") + "/"):
        path = path[len(root.rstrip("/")) + 1 :]
    elif "://" in path or path.startswith("/") or "<" in path:
        return None
    elif "/" not in path and path.endswith(".mdl"):
        return None  # found by Kit in its own folders
    else:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(referrer), path))
    return None if path.startswith("..") or not path else path


def wanted(file: Path) -> Iterator[str]:
    """The paths of the list."""
    for line in file.read_text(encoding="utf-8").splitlines():
        if path := line.partition("#")[0].strip():
            yield path


def main(root: str, names: Path, folder: Path) -> int:
    """Bring all; see the module's text."""
    listed = list(wanted(names))
    todo, seen, missing = list(listed), set(listed), 0
    while todo:
        path = todo.pop(0)
        try:
            file = bring(root, path, folder)
            print(path, flush=True)
            found = [below(path, written, root) for written in references(file)]
        except NotThereError as error:
            if path in listed:
                print(f"assets: cannot bring {error}", file=sys.stderr)
                return 1
            missing += 1
            print(f"note: {error}", flush=True)
            continue
        new = [one for one in dict.fromkeys(found) if one is not None and one not in seen]
        seen.update(new)
        todo += new
    print(f"{len(seen) - missing} files" + (f", {missing} that they refer to are not there" if missing else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
