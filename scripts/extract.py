"""Unpacks a zip archive on all cores, every byte checked, and nothing of it where it is not safe.

    python3 scripts/extract.py ARCHIVE FOLDER [--workers N]
    python3 scripts/extract.py --size ARCHIVE      prints the bytes that it unpacks to

FOLDER must not exist or be empty. Permissions (but setuid, setgid and sticky), times and symbolic links are kept.
Names and links that lead out of FOLDER are refused before anything is written. What a failure leaves in FOLDER is
the caller's to remove. Ends with 0, 1 (and one line on stderr), 2 (usage), 130 or 143 (interrupted).
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import re
import signal
import stat
import struct
import sys
import time
import zipfile
import zlib
from multiprocessing import get_context
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkProcess

MAX_WORKERS = 6
"""As the default, for each costs some 13 MB of memory, and this process 0.9 MB for 1,000 entries."""
CHUNK = 1 << 20
KEPT = 30 << 20
"""Bytes; glibc looks at none above 32 MB."""
BATCH = 8 << 20
"""Bytes of small files that a worker takes at a time."""
FILE_COST = 32 << 10
"""The bytes that take as long to inflate as a file takes to create."""
LONGEST_TARGET = 4095
LOCAL_HEADER = struct.Struct("<4s22xHH")
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FULL = (errno.ENOSPC, errno.EDQUOT)


class RefusedError(Exception):
    """What the user is told, in one line."""


class Member(NamedTuple):
    """One file or link of the archive, by what its extraction needs."""

    path: str
    offset: int
    packed: int
    size: int
    crc: int
    method: int
    mode: int
    mtime: float


class Tree(NamedTuple):
    """What the archive unpacks to. The entries' ``filename`` is the path below FOLDER."""

    folders: dict[str, zipfile.ZipInfo | None]
    """By path, parents first; None where the archive has no entry for it."""
    files: list[zipfile.ZipInfo]
    links: list[tuple[zipfile.ZipInfo, str]]
    """With their targets."""


class Worker(NamedTuple):
    """A process that extracts files, and the pipe to it."""

    process: ForkProcess
    pipe: Connection


def shown(name: str) -> str:
    """A name from an archive as one line can show it."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)


# --- reading and judging -------------------------------------------------------------------------


def read_entries(archive: str) -> list[zipfile.ZipInfo]:
    """All entries in the order of their data; raises RefusedError for what is not a whole archive."""
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = opened.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
        raise RefusedError(f"'{archive}' is not a whole zip archive ({error}); download it again") from None
    except OSError as error:
        raise RefusedError(f"cannot read '{archive}': {error.strerror}") from None
    # A cut archive can end with an archive that it holds, which zipfile takes for the whole.
    if min((entry.header_offset for entry in entries), default=-1) != 0:
        raise RefusedError(
            f"'{archive}' is not a whole zip archive (it does not begin with an entry); download it again"
        )
    return sorted(entries, key=lambda entry: entry.header_offset)


def judge(entries: Iterable[zipfile.ZipInfo], archive: BinaryIO) -> Tree:
    """Sort entries into folders, files and links; raises RefusedError for the first that is not safe."""
    taken: dict[str, bool] = {}  # the path of each file and link, and whether it is a link
    tree = Tree({}, [], [])
    for entry in entries:
        path = entry.filename = safe_path(entry)
        kind = file_type(entry)
        if kind == stat.S_IFDIR:
            add_folders(tree.folders, path)
            if path:
                tree.folders[path] = entry
            continue
        add_folders(tree.folders, parent(path))
        if path in taken:
            raise RefusedError(f"'{shown(path)}' is twice in the archive")
        taken[path] = kind == stat.S_IFLNK
        if taken[path]:
            tree.links.append((entry, link_target(entry, archive)))
        else:
            tree.files.append(entry)
    for path in tree.folders:
        if path in taken:
            what = "a symbolic link" if taken[path] else "a file"
            raise RefusedError(f"'{shown(path)}' is {what} in the archive, and has entries below it")
    return tree


def parent(path: str) -> str:
    """The folder of a path, empty at the top."""
    return path.rpartition("/")[0]


def safe_path(entry: zipfile.ZipInfo) -> str:
    """The entry's path below FOLDER; raises RefusedError for one that leads elsewhere or cannot be unpacked."""
    name = entry.orig_filename
    # What Unix tools do not mark as UTF-8 mostly is.
    if not entry.flag_bits & 0x800 and not name.isascii():
        name = os.fsdecode(name.encode("cp437"))
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or "\\" in name or "\0" in name or ".." in parts or re.match("[A-Za-z]:", name):
        raise RefusedError(f"'{shown(name)}' in the archive leads out of the folder; it is not unpacked")
    if entry.flag_bits & 0x41:
        raise RefusedError(f"'{shown(name)}' in the archive is encrypted; it is not unpacked")
    if entry.compress_type not in METHODS:
        raise RefusedError(f"'{shown(name)}' in the archive is compressed by method {entry.compress_type}, not 0 or 8")
    if not parts and file_type(entry) != stat.S_IFDIR:
        raise RefusedError(f"'{shown(name)}' in the archive is not the name of a file")
    return "/".join(parts)


def file_type(entry: zipfile.ZipInfo) -> int:
    """``S_IFREG``, ``S_IFDIR`` or ``S_IFLNK``; raises RefusedError for a device or the like."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        raise RefusedError(f"'{shown(entry.orig_filename)}' in the archive is neither file, folder nor link")
    if kind != stat.S_IFLNK and entry.orig_filename.endswith("/"):
        return stat.S_IFDIR
    return kind or stat.S_IFREG


def add_folders(folders: dict[str, zipfile.ZipInfo | None], path: str) -> None:
    """Add a folder after its parents, where it is new."""
    missing = []
    while path and path not in folders:
        missing.append(path)
        path = parent(path)
    folders.update((each, None) for each in reversed(missing))


def link_target(entry: zipfile.ZipInfo, archive: BinaryIO) -> str:
    """Where a link points; raises RefusedError if that is not surely inside FOLDER.

    ``..`` may only stand in front: there it leads up through real folders, behind the name of
    another link it could lead anywhere.
    """
    link = f"the link '{shown(entry.filename)}' in the archive"
    if entry.file_size > LONGEST_TARGET:
        raise RefusedError(f"{link} has a target of {entry.file_size} bytes, the most is {LONGEST_TARGET}")
    target = os.fsdecode(b"".join(blocks(archive, member(entry))))
    parts = [part for part in target.split("/") if part not in ("", ".")]
    up = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
    depth = entry.filename.count("/")
    if not target or target.startswith("/") or "\0" in target or up > depth or ".." in parts[up:]:
        raise RefusedError(f"{link} leads out of the folder, to '{shown(target)}'; it is not unpacked")
    return target


def member(entry: zipfile.ZipInfo, umask: int = 0) -> Member:
    """What a worker needs of an entry."""
    return Member(
        entry.filename,
        entry.header_offset,
        entry.compress_size,
        entry.file_size,
        entry.CRC,
        entry.compress_type,
        permissions(entry, 0o666, umask),
        modified(entry),
    )


def permissions(entry: zipfile.ZipInfo | None, default: int, umask: int) -> int:
    """As the entry has them, without setuid, setgid and sticky; else the default under the umask."""
    mode = entry.external_attr >> 16 if entry else 0
    return mode & 0o777 if mode else default & ~umask


def modified(entry: zipfile.ZipInfo) -> float:
    """Seconds since the epoch, from the extended timestamp where there is one (APPNOTE, 0x5455)."""
    extra = entry.extra
    while len(extra) >= 9:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == 0x5455 and length >= 5 and extra[4] & 1:
            return float(struct.unpack_from("<i", extra, 5)[0])
        extra = extra[4 + length :]
    return time.mktime((*entry.date_time, 0, 0, -1))


# --- files ---------------------------------------------------------------------------------------


def blocks(archive: BinaryIO, member: Member) -> Iterator[bytes]:
    """The member's bytes, a megabyte at a time; raises RefusedError unless they have its size and CRC."""
    size = crc = 0
    try:
        for block in inflated(archive, member) if member.method else stored(archive, member):
            size += len(block)
            crc = zlib.crc32(block, crc)
            if size > member.size:
                break
            yield block
    except (zlib.error, struct.error):
        size = -1
    if (size, crc) != (member.size, member.crc):
        raise RefusedError(f"'{shown(member.path)}' in the archive is damaged; download it again")


def stored(archive: BinaryIO, member: Member) -> Iterator[bytes]:
    """The bytes of a member as they lie in the archive."""
    archive.seek(member.offset)
    signature, name, extra = LOCAL_HEADER.unpack(archive.read(LOCAL_HEADER.size))
    if signature != b"PK\3\4":
        raise struct.error("no local header")
    archive.seek(name + extra, os.SEEK_CUR)
    left = member.packed
    while left:
        block = archive.read(min(left, CHUNK))
        if not block:
            return
        left -= len(block)
        yield block


def inflated(archive: BinaryIO, member: Member) -> Iterator[bytes]:
    """The bytes of a deflated member, in bounded blocks however well they were packed."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    for packed in stored(archive, member):
        block = stream.decompress(packed, CHUNK)
        while block:
            yield block
            block = stream.decompress(stream.unconsumed_tail, CHUNK)
        if stream.eof:
            return


def write_file(archive: BinaryIO, member: Member, folder: str, progress: Callable[[int], None]) -> None:
    """Extract one file to where nothing is yet."""
    path = f"{folder}/{member.path}"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, member.mode)
        try:
            for block in blocks(archive, member):
                write_block(descriptor, block)
                progress(len(block))
            os.utime(descriptor, (member.mtime, member.mtime))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise RefusedError(explain(error, path, folder)) from None


def write_block(descriptor: int, block: bytes) -> None:
    """Write all of it."""
    written = os.write(descriptor, block)
    while written < len(block):
        written += os.write(descriptor, block[written:])


def explain(error: OSError, path: str, folder: str) -> str:
    """An error in reading or writing in one line."""
    if error.errno in FULL:
        return f"the disk of '{folder}' is full; free some space, then run the same command again"
    return f"cannot unpack '{shown(path)}': {error.strerror}"


# --- workers -------------------------------------------------------------------------------------


def start_workers(count: int, archive: str, folder: str) -> list[Worker]:
    """Fork workers, before this process has grown."""
    context = get_context("fork")
    workers: list[Worker] = []
    for _ in range(count):
        ours, theirs = context.Pipe()
        inherited = [*(worker.pipe for worker in workers), ours]
        process = context.Process(target=work, args=(theirs, inherited, archive, folder), daemon=True)
        process.start()
        theirs.close()
        workers.append(Worker(process, ours))
    return workers


def work(pipe: Connection, inherited: list[Connection], archive: str, folder: str) -> None:
    """Extract batches until there are no more.

    Answers with tuples of the bytes written since the last, whether the batch is done, and an error.
    """
    for other in inherited:  # with these closed, the end of the parent ends the pipe
        other.close()
    with contextlib.suppress(EOFError, ConnectionError):
        try:
            with open(archive, "rb", buffering=CHUNK) as opened:
                extract_batches(pipe, opened, folder)
        except OSError as error:
            pipe.send((0, False, f"cannot read '{archive}': {error.strerror}"))
        except RefusedError as error:
            pipe.send((0, False, str(error)))


def extract_batches(pipe: Connection, archive: BinaryIO, folder: str) -> None:
    """Extract what comes through the pipe, until it ends with an EOFError."""
    # From the first big block freed on, glibc keeps blocks up to that size at hand; before, it gives each
    # back to the kernel, which then spends more on memory than on the files.
    bytes(KEPT)
    unsaid = 0

    def progress(count: int) -> None:
        nonlocal unsaid
        unsaid += count
        if unsaid >= BATCH:
            pipe.send((unsaid, False, None))
            unsaid = 0

    while True:
        for each in pipe.recv():
            write_file(archive, each, folder, progress)
        pipe.send((unsaid, True, None))
        unsaid = 0


def end_workers(workers: list[Worker]) -> None:
    """End them wherever they are."""
    for worker in workers:
        worker.process.terminate()
    for worker in workers:
        worker.process.join()


def batches(files: list[zipfile.ZipInfo], umask: int) -> Iterator[list[Member]]:
    """Big files one by one, the biggest first, then the small ones in the order of the archive."""
    big = [entry for entry in files if entry.file_size >= BATCH]
    for entry in sorted(big, key=lambda entry: -entry.file_size):
        yield [member(entry, umask)]
    batch: list[Member] = []
    cost = 0
    for entry in files:
        if entry.file_size < BATCH:
            batch.append(member(entry, umask))
            cost += entry.file_size + FILE_COST
            if cost >= BATCH:
                yield batch
                batch, cost = [], 0
    if batch:
        yield batch


def write_files(workers: list[Worker], todo: Iterator[list[Member]], total: int) -> None:
    """Hand out batches as workers become free, until all are done; raises RefusedError if one fails."""
    done, said = 0, time.monotonic()
    busy = sum(hand(worker, todo) for worker in workers)
    while busy:
        ready = wait([worker.pipe for worker in workers], 1)
        for worker in workers:
            if worker.pipe in ready:
                count, free = answer(worker)
                done += count
                if free and not hand(worker, todo):
                    busy -= 1
        if time.monotonic() - said >= 1:
            said = time.monotonic()
            print(f"Extracting {100 * done // max(total, 1)} % ({done / 1e9:.1f} of {total / 1e9:.1f} GB)", flush=True)


def hand(worker: Worker, todo: Iterator[list[Member]]) -> bool:
    """Give a worker the next batch, if there is one."""
    batch = next(todo, None)
    if batch is None:
        return False
    try:
        worker.pipe.send(batch)
    except ConnectionError:
        raise killed(worker) from None
    return True


def answer(worker: Worker) -> tuple[int, bool]:
    """The bytes that a worker wrote since its last answer, and whether it wants more to do."""
    try:
        count, free, error = worker.pipe.recv()
    except (EOFError, ConnectionError):
        raise killed(worker) from None
    if error:
        raise RefusedError(error)
    return count, free


def killed(worker: Worker) -> RefusedError:
    """How a worker ended that should not have."""
    worker.process.join()
    return RefusedError(f"a worker ended with {worker.process.exitcode}; is memory short? run the same command again")


# --- the whole -----------------------------------------------------------------------------------


def extract(archive: str, folder: str, count: int) -> None:
    """Extract an archive; raises RefusedError with the reason if that cannot be done."""
    check_folder(folder)
    umask = os.umask(0)
    workers = start_workers(count, archive, folder)
    stop_on_signals()
    try:
        with open(archive, "rb") as opened:
            tree = judge(read_entries(archive), opened)
            make_folders(tree, folder, umask)
            write_files(workers, batches(tree.files, umask), sum(entry.file_size for entry in tree.files))
            make_links(tree, folder)
        finish_folders(tree, folder, umask)
    except OSError as error:
        raise RefusedError(explain(error, error.filename or archive, folder)) from None
    finally:
        end_workers(workers)


def check_folder(folder: str) -> None:
    """Raise RefusedError unless a folder is absent or empty."""
    try:
        if any(Path(folder).iterdir()):
            raise RefusedError(f"'{folder}' is not empty; name a folder that is empty or does not exist")
    except FileNotFoundError:
        pass
    except OSError as error:
        raise RefusedError(f"cannot use '{folder}': {error.strerror}") from None


def stop_on_signals() -> None:
    """End this process in good order when it is told to; the workers have the signals' own effect."""

    def stop(number: int, _: object) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        sys.exit(130 if number == signal.SIGINT else 143)

    for each in SIGNALS:
        signal.signal(each, stop)


def make_folders(tree: Tree, folder: str, umask: int) -> None:
    """Make all folders, for now open to this user alone."""
    Path(folder).mkdir(0o777 & ~umask, exist_ok=True)
    for path in tree.folders:
        Path(folder, path).mkdir(0o700)


def make_links(tree: Tree, folder: str) -> None:
    """Make the links when all files are there, so that none is written through one."""
    for entry, target in tree.links:
        path = Path(folder, entry.filename)
        path.symlink_to(target)
        os.utime(path, (modified(entry), modified(entry)), follow_symlinks=False)


def finish_folders(tree: Tree, folder: str, umask: int) -> None:
    """Give the folders their permissions and times, children first."""
    for name, entry in reversed(tree.folders.items()):
        path = Path(folder, name)
        if entry:
            os.utime(path, (modified(entry), modified(entry)))
        path.chmod(permissions(entry, 0o777, umask))


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="extract", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("archive")
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--size", action="store_true", help="print the bytes that it unpacks to")
    parser.add_argument("--workers", type=int, default=min(len(os.sched_getaffinity(0)), MAX_WORKERS))
    args = parser.parse_args()
    if args.size == bool(args.folder):
        parser.error("give a FOLDER or --size")
    if args.workers < 1:
        parser.error(f"--workers '{args.workers}' is not at least 1")
    return args


def main() -> int:
    """See the module's text."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_DFL)
    args = read_arguments()
    try:
        if args.size:
            print(sum(entry.file_size for entry in read_entries(args.archive)))
        else:
            extract(args.archive, args.folder.rstrip("/") or "/", args.workers)
    except RefusedError as error:
        print(f"extract: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
