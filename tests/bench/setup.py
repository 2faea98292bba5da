"""Download and extraction of a made-up archive against wget and unzip, in turn in one run.

    nox -s bench_setup -- [--pairs 3] [--size 2.0] [--folder DIR]

The archive has the file sizes of Isaac Sim's: thousands of small texts, thousands of assets of 100 KB to 1 MB, some
libraries of 10 to 200 MB; a part of it does not pack at all. It is the same in each run. Both sides work on the same
disk, in alternating order, and all is written out to it before the next begins; the ratios are of the commands' own
times, those with the writing out included stand beside them. Ends with 1 if the median extraction is less than 1.6
times as fast as unzip's, if its processes together take more than 300 MB, or if a byte is sent twice after cuts.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "shell"))
from archive_server import ArchiveServer  # noqa: E402

LEAST = 1.6
MOST_MEMORY = 300e6
CUTS = 5
POOL = 8 << 20
TEXTS, ASSETS, LIBRARIES = 0.05, 0.50, 0.45
"""Their shares of the bytes."""
LIBRARY_MB = (200, 120, 90, 70, 60, 50, 40, 30, 20, 15, 10)


@dataclass(frozen=True)
class Measured:
    """What one command came to."""

    seconds: float
    written_out: float
    """Seconds until the disk had it."""
    memory: int
    """Bytes: the peaks of all its processes, added."""


# --- the archive ---------------------------------------------------------------------------------


def text_pool(rng: random.Random) -> bytes:
    """Words as source code has them, some far more often than others; packs to a quarter or so."""
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz_", k=rng.randint(2, 12))) for _ in range(4000)]
    weights = [1 / (rank + 3) for rank in range(len(words))]
    marks = [" ", " ", " ", "\n    ", "(", "):\n        ", " = ", ".", ", ", "\n\n"]
    drawn = rng.choices(words, weights, k=POOL // 8)
    return "".join(word + mark for word, mark in zip(drawn, rng.choices(marks, k=len(drawn)), strict=True)).encode()


def code_pool(rng: random.Random) -> bytes:
    """Machine code's likeness: a few thousand short patterns and random operands; packs to a half or so."""
    patterns = [rng.randbytes(rng.randint(2, 7)) for _ in range(3000)]
    weights = [1 / (rank + 5) for rank in range(len(patterns))]
    drawn = rng.choices(patterns, weights, k=POOL // 6)
    return b"".join(pattern + rng.randbytes(rng.choice((0, 0, 0, 0, 1, 2))) for pattern in drawn)


def piece_together(rng: random.Random, pool: bytes, size: int) -> bytes:
    """Bytes from random places of a pool."""
    pieces, length = [], 0
    while length < size:
        start = rng.randrange(len(pool))
        piece = pool[start : start + min(size - length, rng.randint(500, 60_000))]
        pieces.append(piece)
        length += len(piece)
    return b"".join(pieces)


def members(rng: random.Random, total: int) -> Iterator[tuple[str, bytes]]:
    """Names and contents."""
    text, code = text_pool(rng), code_pool(rng)
    done, number = 0, 0
    while done < TEXTS * total:
        size = int(rng.lognormvariate(8.2, 1.1))
        ending = rng.choice(["py", "py", "py", "json", "txt", "toml", "h"])
        yield (
            f"exts/omni.ext-{number % 400}/module_{number % 37}/file_{number}.{ending}",
            piece_together(rng, text, size),
        )
        done, number = done + size, number + 1
    done = 0
    while done < ASSETS * total:
        size = rng.randint(100_000, 1_000_000)
        kind = rng.choice(["png", "usd", "usd", "so", "json", "json"])
        pool = text if kind == "json" else code
        content = rng.randbytes(size) if kind == "png" else piece_together(rng, pool, size)
        yield f"extscache/omni.cache-{number % 300}/data/asset_{number}.{kind}", content
        done, number = done + size, number + 1
    done = 0
    while done < LIBRARIES * total:
        size = LIBRARY_MB[number % len(LIBRARY_MB)] * 1_000_000
        size = int(min(size, max(total * 0.1, 1e6), LIBRARIES * total - done + 1))
        yield f"kit/plugins/lib{number}.so", piece_together(rng, code, size)
        done, number = done + size, number + 1


def make_archive(path: Path, total: int) -> None:
    """Write it; its bytes depend on the size alone."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members(random.Random(5), total):
            info = zipfile.ZipInfo(name, (2025, 10, 1, 12, 0, 0))
            info.external_attr = (0o100755 if name.endswith(".so") else 0o100644) << 16
            archive.writestr(info, content, None if name.endswith(".png") else zipfile.ZIP_DEFLATED)


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            sha256.update(block)
    return sha256.hexdigest()


# --- measuring -----------------------------------------------------------------------------------


def peaks(process: int) -> dict[int, int]:
    """The peak resident bytes of a process and of all below it, by number."""
    with contextlib.suppress(OSError, IndexError):
        own = Path(f"/proc/{process}/status").read_text().partition("VmHWM:")[2].split()[0]
        found = {process: int(own) * 1024}
        for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
            found.update(peaks(int(child)))
        return found
    return {}


def run(command: list[str], watch_memory: bool = False) -> Measured:
    """Run a command from a clean disk until the disk is clean again."""
    os.sync()
    highest: dict[int, int] = {}
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    while watch_memory and process.poll() is None:
        highest.update(peaks(process.pid))
        time.sleep(0.05)
    status = process.wait()
    seconds = time.perf_counter() - began
    os.sync()
    if status:
        sys.exit(f"bench: '{' '.join(command)}' ended with {status}")
    return Measured(seconds, time.perf_counter() - began, sum(highest.values()))


def compare(name: str, ours: Callable[[], Measured], theirs: Callable[[], Measured], pairs: int) -> tuple[float, int]:
    """Measure pairs, the order changing from pair to pair; the median ratio, and the most memory that ours took."""
    print(
        f"{name}, seconds    command: ours   theirs   ratio    written out: ours   theirs   ratio    memory", flush=True
    )
    ratios, most = [], 0
    for pair in range(1, pairs + 1):
        if pair % 2:
            mine, other = ours(), theirs()
        else:
            other, mine = theirs(), ours()
        ratios.append(other.seconds / mine.seconds)
        most = max(most, mine.memory)
        print(
            f"  pair {pair}  {mine.seconds:22.2f} {other.seconds:8.2f} {ratios[-1]:7.2f}"
            f" {mine.written_out:20.2f} {other.written_out:8.2f} {other.written_out / mine.written_out:7.2f}"
            f" {mine.memory / 1e6:6.0f} MB",
            flush=True,
        )
    return statistics.median(ratios), most


def compare_downloads(server: ArchiveServer, archive: Path, folder: Path, pairs: int) -> float:
    """The median of wget's time to ours."""
    target, url = folder / "downloaded.zip", server.url(f"/{archive.name}")

    def measured(*command: str) -> Measured:
        target.unlink(missing_ok=True)
        return run([*command])

    median, _ = compare(
        "download.sh / wget",
        lambda: measured(str(ROOT / "scripts/download.sh"), url, str(target)),
        lambda: measured("wget", "--quiet", "--output-document", str(target), url),
        pairs,
    )
    target.unlink()
    return median


def compare_extractions(archive: Path, folder: Path, pairs: int) -> tuple[float, int]:
    """The median of unzip's time to ours, and our peak memory in bytes."""
    target = folder / "unpacked"

    def measured(*command: str, watch_memory: bool = False) -> Measured:
        try:
            return run([*command], watch_memory)
        finally:
            shutil.rmtree(target, ignore_errors=True)

    return compare(
        "extract.py / unzip",
        lambda: measured(
            sys.executable, str(ROOT / "scripts/extract.py"), str(archive), str(target), watch_memory=True
        ),
        lambda: measured("unzip", "-q", str(archive), "-d", str(target)),
        pairs,
    )


def cut_download(server: ArchiveServer, archive: Path, folder: Path, rng: random.Random) -> str:
    """Download through random cuts; what is wrong with it, if anything."""
    path, size, target = f"/{archive.name}", archive.stat().st_size, folder / "cut.zip"
    cuts = [rng.randrange(1, size // CUTS) for _ in range(CUTS)]
    server.forget()
    server.behave(path, cut_after=cuts)
    run([str(ROOT / "scripts/download.sh"), server.url(path), str(target)])
    spans = server.spans[path]
    print(f"cut {len(spans) - 1} times, after {', '.join(f'{stop:,}' for _, stop in spans[:-1])} bytes of {size:,};")
    print(f"  {server.sent[path]:,} bytes sent", flush=True)
    edges = [0, *(stop for _, stop in spans)]
    if [start for start, _ in spans] != edges[:-1] or edges[-1] != size or len(spans) != CUTS + 1:
        return "bytes were sent twice or never"
    same = digest(target) == digest(archive)
    target.unlink()
    return "" if same else "the SHA-256 differs"


def main() -> int:
    """See the module's text."""
    parser = argparse.ArgumentParser(prog="bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--size", type=float, default=2.0, help="GB, unpacked")
    parser.add_argument("--folder", type=Path, help="on the disk to measure; else the temporary one")
    args = parser.parse_args()
    failures = []
    with tempfile.TemporaryDirectory(dir=args.folder) as text:
        folder = Path(text)
        archive = folder / "served" / "archive.zip"
        archive.parent.mkdir()
        make_archive(archive, int(args.size * 1e9))
        entries = zipfile.ZipFile(archive).infolist()
        unpacked = sum(entry.file_size for entry in entries)
        print(
            f"{len(entries):,} files, {unpacked / 1e9:.2f} GB, packed {archive.stat().st_size / 1e9:.2f} GB, ", end=""
        )
        print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}", flush=True)
        with ArchiveServer(archive.parent) as server:
            failures.append(cut_download(server, archive, folder, random.Random()))
            server.forget()
            print(f"  median {compare_downloads(server, archive, folder, args.pairs):.2f} times as fast as wget")
        ratio, memory = compare_extractions(archive, folder, args.pairs)
        print(f"  median {ratio:.2f} times as fast as unzip (at least {LEAST}), {memory / 1e6:.0f} MB at most")
    failures.append("" if ratio >= LEAST else f"extraction is {ratio:.2f} times as fast, not {LEAST}")
    failures.append("" if 0 < memory < MOST_MEMORY else f"extraction took {memory / 1e6:.0f} MB")
    for failure in filter(None, failures):
        print(f"bench: {failure}", file=sys.stderr)
    return 1 if any(failures) else 0


if __name__ == "__main__":
    sys.exit(main())
