"""scripts/extract.py: all of an archive, as it was packed, or one line on why not."""

from __future__ import annotations

import contextlib
import os
import random
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "extract.py"
Contents = dict[str, bytes]


def extract(*words: str | Path, **how: object) -> subprocess.CompletedProcess[str]:
    """Run the script."""
    command = [sys.executable, "-I", str(SCRIPT), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **how)  # type: ignore[call-overload, no-any-return]


def entry(name: str, mode: int = 0o100644, method: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    """An entry as Unix tools write it."""
    info = zipfile.ZipInfo(name, (2025, 10, 1, 12, 0, 2))
    info.external_attr, info.compress_type = mode << 16 or 0x20, method  # 0x20: as DOS tools write it
    return info


def pack(path: Path, *entries: tuple[zipfile.ZipInfo | str, bytes]) -> Path:
    """Write an archive."""
    with zipfile.ZipFile(path, "w") as archive:
        for info, content in entries:
            archive.writestr(entry(info) if isinstance(info, str) else info, content)
    return path


def refused(archive: Path, *words: str) -> str:
    """What it says when it refuses an archive, before anything is written."""
    folder = archive.parent / "refused"
    result = extract(archive, folder, *words)
    assert result.returncode == 1, result
    assert result.stdout == ""
    assert not folder.exists()
    [line] = result.stderr.splitlines()
    assert line.startswith("extract: ")
    return line


@pytest.fixture(scope="module")
def contents() -> Contents:
    """Small files, empty ones, and some that no batch holds."""
    rng = random.Random(1)
    files = {f"ext-{n % 7}/söme folder/module {n}.py": b"import this\n" * rng.randint(0, 300) for n in range(300)}
    files["empty"] = b""
    files["zeros"] = bytes(30 << 20)
    files["random.so"] = rng.randbytes(9 << 20)
    return files


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, contents: Contents) -> Path:
    path = tmp_path_factory.mktemp("archive") / "all of it.zip"
    methods = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]
    return pack(path, *((entry(name, method=methods[n % 2]), each) for n, (name, each) in enumerate(contents.items())))


@pytest.mark.parametrize("workers", ["1", "3"])
def test_every_file_comes_out_as_it_was(archive: Path, contents: Contents, tmp_path: Path, workers: str) -> None:
    folder = tmp_path / "mön folder"
    result = extract(archive, folder, "--workers", workers)
    assert (result.returncode, result.stderr) == (0, "")
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == contents
    assert {(folder / name).stat().st_mtime for name in contents} == {time.mktime((2025, 10, 1, 12, 0, 2, 0, 0, -1))}


def test_size(archive: Path, contents: Contents) -> None:
    assert extract("--size", archive).stdout == f"{sum(map(len, contents.values()))}\n"


def test_permissions_links_and_times(tmp_path: Path) -> None:
    stamped = entry("stamped")
    stamped.extra = b"xx\x01\x00zUT\x05\x00\x01" + (1_700_000_001).to_bytes(4, "little")
    archive = pack(
        tmp_path / "a.zip",
        (entry("bin/", 0o40555), b""),
        (entry("./bin//tool", 0o100755), b"#!"),
        (entry("bin/setuid", 0o107777), b""),
        (entry("bin/secret", 0o100400), b""),
        (entry("plain", 0), b""),
        (stamped, b""),
        (entry("lib/libx.so", 0o120777), b"../bin/tool"),
        (entry("lib/dir", 0o120777), b"."),
        (entry("deep/a/b/up", 0o120777), b"../../../plain"),
    )
    folder = tmp_path / "out"
    result = extract(archive, folder, umask=0o027)
    assert (result.returncode, result.stderr) == (0, "")

    def mode(name: str) -> int:
        return stat.S_IMODE((folder / name).lstat().st_mode)

    names = ("bin", "bin/tool", "bin/setuid", "bin/secret", "plain", "deep/a", "")
    assert [oct(mode(name)) for name in names] == [
        oct(each) for each in (0o555, 0o755, 0o777, 0o400, 0o640, 0o750, 0o750)
    ]
    assert (folder / "stamped").stat().st_mtime == 1_700_000_001
    noon = time.mktime((2025, 10, 1, 12, 0, 2, 0, 0, -1))
    assert (folder / "bin").stat().st_mtime == (folder / "lib/libx.so").lstat().st_mtime == noon
    assert (folder / "lib/libx.so").readlink() == Path("../bin/tool")
    assert (folder / "deep/a/b/up").resolve() == folder / "plain"
    assert (folder / "lib/dir").resolve() == folder / "lib"


@pytest.mark.parametrize(
    "name",
    ["../out", "a/../../out", "/etc/out", "a\\..\\out", "C:/out", "c:out", "..", "a/..", "nul\0.py", "line\nbreak/.."],
)
def test_names_that_leave_the_folder(tmp_path: Path, name: str) -> None:
    archive = pack(tmp_path / "a.zip", ("good", b""), ("x" * len(name), b""))
    archive.write_bytes(archive.read_bytes().replace(b"x" * len(name), name.encode()))
    assert "' in the archive leads out of the folder; it is not unpacked" in refused(archive)


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "../x", "a/../../x", "a/b/../../..", "..", "", "a\0b", "d/../x", "x" * 5000]
)
def test_links_that_leave_the_folder(tmp_path: Path, target: str) -> None:
    archive = pack(tmp_path / "a.zip", ("good", b""), (entry("link", 0o120777), target.encode()))
    assert refused(archive).startswith("extract: the link 'link' in the archive ")


def test_a_link_behind_a_link_cannot_leave_the_folder(tmp_path: Path) -> None:
    """By its letters x/y/d/../secret is inside; through d, it is beside the folder."""
    archive = pack(
        tmp_path / "a.zip",
        (entry("x/y/d", 0o120777), b"../.."),
        (entry("e", 0o120777), b"x/y/d/../secret"),
    )
    assert "the link 'e' in the archive leads out of the folder, to 'x/y/d/../secret'" in refused(archive)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (
            [(entry("d", 0o120777), b"."), ("d/x", b"")],
            "'d' is a symbolic link in the archive, and has entries below it",
        ),
        ([("d/e/x", b""), (entry("d", 0o120777), b".")], "'d' is a symbolic link in the archive"),
        ([("d", b""), ("d/e/x", b"")], "'d' is a file in the archive"),
        ([("a/x", b"1"), ("a/./x", b"2")], "'a/x' is twice in the archive"),
        ([("x", b""), (entry("x", 0o120777), b".")], "'x' is twice in the archive"),
        ([(entry("pipe", 0o010644), b"")], "'pipe' in the archive is neither file, folder nor link"),
        (
            [(entry("old", method=zipfile.ZIP_BZIP2), b"")],
            "'old' in the archive is compressed by method 12, not 0 or 8",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_is_refused(tmp_path: Path, entries: list[tuple[zipfile.ZipInfo | str, bytes]], words: str) -> None:
    assert words in refused(pack(tmp_path / "a.zip", *entries))


def test_encrypted(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", ("secret", b"x"))
    data = bytearray(archive.read_bytes())
    for signature, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(signature) + flags] |= 1
    archive.write_bytes(data)
    assert "'secret' in the archive is encrypted" in refused(archive)


def test_what_is_not_a_whole_archive(tmp_path: Path, archive: Path) -> None:
    broken = tmp_path / "broken.zip"
    data = archive.read_bytes()
    for content in (b"", b"<html>", data[: len(data) // 2], data[:-1], data[1000:], b"PK\5\6" + bytes(18)):
        broken.write_bytes(content)
        assert f"'{broken}' is not a whole zip archive" in refused(broken)
    assert "No such file" in refused(tmp_path / "absent.zip")


def test_a_cut_behind_an_archive_inside_is_not_taken_for_the_whole(tmp_path: Path) -> None:
    inner = pack(tmp_path / "inner.zip", ("inside", b"x")).read_bytes()
    stored = entry("inner.zip", method=zipfile.ZIP_STORED)
    outer = pack(tmp_path / "outer.zip", ("first", b"1"), (stored, inner), ("last", b"2"))
    data = outer.read_bytes()
    outer.write_bytes(data[: data.index(inner) + len(inner)])
    assert zipfile.ZipFile(outer).namelist() == ["inside"]
    assert "is not a whole zip archive" in refused(outer)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_one_wrong_bit_is_named(tmp_path: Path, method: int) -> None:
    content = random.Random(2).randbytes(100_000)
    archive = pack(tmp_path / "a.zip", ("good", b"x"), (entry("kit/bad.so", method=method), content))
    data = bytearray(archive.read_bytes())
    data[50_000] ^= 1
    archive.write_bytes(data)
    result = extract(archive, tmp_path / "out")
    assert result.returncode == 1
    assert result.stderr == "extract: 'kit/bad.so' in the archive is damaged; download it again\n"


def test_a_member_that_is_longer_than_it_says_is_stopped(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", ("bomb", bytes(50 << 20)))
    data = archive.read_bytes()
    archive.write_bytes(data.replace((50 << 20).to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    result = extract(archive, tmp_path / "out")
    assert result.stderr == "extract: 'bomb' in the archive is damaged; download it again\n"
    assert (tmp_path / "out/bomb").stat().st_size < 2 << 20


def test_zip64(tmp_path: Path) -> None:
    """Sizes and offsets beyond 4 GiB are written by zip64; here in one that is small."""
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for name in ("a", "b"):
            with opened.open(entry(name), "w", force_zip64=True) as member:
                member.write(name.encode() * 1000)
        opened.filelist[1].header_offset += 1 << 32  # written as zip64, then put right in the file
    data = archive.read_bytes()
    start = opened.filelist[1].header_offset
    assert data.count(start.to_bytes(8, "little")) == 1
    archive.write_bytes(data.replace(start.to_bytes(8, "little"), (start - (1 << 32)).to_bytes(8, "little")))
    assert extract(archive, tmp_path / "out").returncode == 0
    assert (tmp_path / "out/b").read_text() == "b" * 1000


def test_a_folder_that_is_not_empty(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    result = extract(archive, tmp_path)
    assert result.returncode == 1
    assert f"'{tmp_path}' is not empty" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_wrong_arguments(archive: Path, tmp_path: Path) -> None:
    for words in ([archive], ["--size", archive, tmp_path], [archive, tmp_path / "x", "--workers", "0"]):
        assert extract(*words).returncode == 2


def test_a_folder_that_cannot_be_written(archive: Path) -> None:
    result = extract(archive, "/proc/none")
    assert result.returncode == 1
    assert re.fullmatch(r"extract: cannot unpack '/proc/none': .+\n", result.stderr)


def test_a_full_disk(archive: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("cannot mount a small disk here")
    try:
        result = extract(archive, disk / "out", "--workers", "2")
        assert result.returncode == 1
        [line] = result.stderr.splitlines()
        assert line.startswith(f"extract: the disk of '{disk}/out' is full; free some space")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        assert "Read-only file system" in extract(archive, disk / "new").stderr
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


# --- endings -------------------------------------------------------------------------------------


def children(process: int) -> list[int]:
    """The numbers of its children."""
    return [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def lives(process: int) -> bool:
    """Whether it is there and not only waited for."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def long_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Much to unpack and little to pack: zeros."""
    path = tmp_path_factory.mktemp("long") / "long.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as opened:
        for name in ("a", "b"):
            with opened.open(entry(name), "w", force_zip64=True) as member:
                for _ in range(300):
                    member.write(bytes(1 << 20))
    return path


@pytest.fixture
def working(long_archive: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """An extraction in the middle, by two workers."""
    folder = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-I", str(SCRIPT), str(long_archive), str(folder), "--workers", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until = time.monotonic() + 20
    while not all((folder / name).exists() for name in ("a", "b")):
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.005)
    yield process
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    shutil.rmtree(folder)


def end(process: subprocess.Popen[str], number: int, whom: int) -> tuple[int, str]:
    """Send a signal; the status, and what was said, once every process is gone."""
    workers = children(process.pid)
    assert len(workers) == 2
    os.kill(whom if whom else workers[0], number)
    _, err = process.communicate(timeout=20)
    until = time.monotonic() + 10
    while any(map(lives, workers)):
        assert time.monotonic() < until, "a worker is left"
        time.sleep(0.01)
    return process.returncode, err


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_that_is_killed_ends_all(working: subprocess.Popen[str], number: int) -> None:
    status, err = end(working, number, whom=0)
    assert (status, err) == (
        1,
        f"extract: a worker ended with -{number}; is memory short? run the same command again\n",
    )


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 143)])
def test_a_signal_ends_all(working: subprocess.Popen[str], number: int, status: int) -> None:
    assert end(working, number, working.pid) == (status, "")


def test_workers_do_not_outlive_a_kill(working: subprocess.Popen[str]) -> None:
    assert end(working, signal.SIGKILL, working.pid) == (-signal.SIGKILL, "")


def test_memory_stays_small(tmp_path: Path) -> None:
    """60 MB of zeros pack to 60 KB; in one piece they would be more than what a process may have here."""
    archive = pack(tmp_path / "a.zip", *((f"zeros{n}", bytes(60 << 20)) for n in range(2)))

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (50 << 20, 50 << 20))

    result = extract(archive, tmp_path / "out", "--workers", "2", preexec_fn=limit)
    assert (result.returncode, result.stderr) == (0, "")
