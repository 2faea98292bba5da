"""scripts/download.sh: the whole archive, no byte twice, or one line on why not."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from archive_server import ArchiveServer
from shell_checkout import SOURCE

TOOLS = ["awk", "bash", "curl", "cat", "df", "grep", "mv", "rm", "sed", "sleep", "tail", "wc", "env"]
PATH = "/sim 5.1.zip"


@dataclass
class Downloads:
    """A copy of the script with short waits, a server, and where the file is to go."""

    root: Path
    server: ArchiveServer

    @property
    def served(self) -> Path:
        return self.server.folder / PATH[1:]

    @property
    def file(self) -> Path:
        return self.root / "mön folder/sim.zip"

    @property
    def part(self) -> Path:
        return self.file.with_name("sim.zip.part")

    @property
    def url(self) -> str:
        return self.server.url(PATH.replace(" ", "%20"))

    def start(self, url: str = "", **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.root / "scripts/download.sh", url or self.url, self.file],
            cwd=self.root,
            env={"HOME": str(self.root / "home"), "PATH": str(self.root / "bin"), "LC_ALL": "C.UTF-8", **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def get(self, url: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        """Download; whatever came of it, no bytes of a page and no helper file are left."""
        with self.start(url, **env) as process:
            try:
                out, err = process.communicate(timeout=30)
            finally:
                process.kill()
        left = {path.name for path in self.file.parent.iterdir()}
        assert left <= ({"sim.zip"} if process.returncode == 0 else {"sim.zip.part", "sim.zip.part.from"})
        return subprocess.CompletedProcess([], process.returncode, out, err)

    def is_whole(self) -> bool:
        """Whether the file is there, made of spans that follow each other."""
        spans = [span for span in self.server.spans[PATH] if span[0] < span[1]]
        edges = [0, *(stop for _, stop in spans)]
        return (
            self.file.read_bytes() == self.served.read_bytes()
            and [start for start, _ in spans] == edges[:-1]
            and edges[-1] == self.served.stat().st_size
        )


def error(result: subprocess.CompletedProcess[str]) -> str:
    """The one line on stderr of a download that failed."""
    assert result.returncode == 1, result
    [line] = result.stderr.splitlines()
    assert line.startswith("download: ")
    return line


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's scripts, with waits that a test can wait for, and only the tools that they may use."""
    root = tmp_path_factory.mktemp("download")
    (root / "env").mkdir()
    shutil.copy(SOURCE / "env/pins.env", root / "env/pins.env")
    (root / "scripts").mkdir()
    shutil.copy(SOURCE / "scripts/lib.sh", root / "scripts/lib.sh")
    text = (SOURCE / "scripts/download.sh").read_text()
    for name, value in (("CONNECT", "2"), ("STALL", "2"), ("LINE", "0.2"), ("WAITS", "(0 0.1)")):
        text, count = re.subn(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
        assert count == 1
    (root / "scripts/download.sh").write_text(text.replace("/ LINE)", "* 5)"))
    (root / "scripts/download.sh").chmod(0o755)
    (root / "bin").mkdir()
    for name in TOOLS:
        tool = shutil.which(name)
        if tool is None:
            pytest.skip(f"this machine has no {name}")
        (root / "bin" / name).symlink_to(tool)
    (root / "home").mkdir()
    (root / "home/.curlrc").write_text("url = file:///etc/passwd\nfail-early\nmax-time = 0.001\n")
    return root


@pytest.fixture
def downloads(script: Path, tmp_path: Path) -> Iterator[Downloads]:
    (tmp_path / "served").mkdir()
    shutil.rmtree(script / "mön folder", ignore_errors=True)
    (script / "mön folder").mkdir()
    with ArchiveServer(tmp_path / "served") as server:
        made = Downloads(script, server)
        write_archive(made.served, 1)
        yield made


def write_archive(path: Path, seed: int) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("some.so", random.Random(seed).randbytes(3_000_000))


# --- what goes well ------------------------------------------------------------------------------


def test_a_whole_file(downloads: Downloads) -> None:
    result = downloads.get()
    assert (result.returncode, result.stdout, result.stderr) == (0, "Downloaded 0.0 GB\n", "")
    assert downloads.is_whole()
    assert downloads.server.requests[PATH] == ["HEAD", "GET"]


def test_cuts_at_any_byte(downloads: Downloads) -> None:
    rng = random.Random(3)
    cuts = [1, 2, 3, 1, *(rng.randrange(1, 600_000) for _ in range(4))]
    downloads.server.behave(PATH, cut_after=list(cuts))
    result = downloads.get()
    assert (result.returncode, result.stderr) == (0, "")
    assert downloads.is_whole()
    assert [stop - start for start, stop in downloads.server.spans[PATH]][:-1] == cuts


def test_a_stall_is_a_cut(downloads: Downloads) -> None:
    downloads.server.behave(PATH, stall_after=[1_000_000])
    result = downloads.get()
    assert result.returncode == 0
    assert "Cut after 0.0 GB (Operation too slow" in result.stdout
    assert downloads.is_whole()


def test_the_next_call_goes_on(downloads: Downloads) -> None:
    downloads.server.behave(PATH, cut_after=[1_000_000, 0, 0])
    line = error(downloads.get())
    assert line.endswith("then run the same command again, which goes on from there")
    assert downloads.part.read_bytes() == downloads.served.read_bytes()[:1_000_000]
    result = downloads.get()
    assert result.returncode == 0
    assert result.stdout.startswith("Going on after 0.0 GB\n")
    assert downloads.is_whole()


def test_a_whole_part_costs_no_byte(downloads: Downloads) -> None:
    downloads.server.behave(PATH, cut_after=[1_000_000, 0, 0])
    error(downloads.get())
    downloads.part.write_bytes(downloads.served.read_bytes())
    assert downloads.get().returncode == 0
    assert downloads.server.sent[PATH] == 1_000_000
    assert downloads.file.exists()


def test_an_address_with_a_secret_is_not_shown_or_kept(downloads: Downloads) -> None:
    downloads.server.behave(f"{PATH}?signature=geheim", cut_after=[1000, 0, 0])
    url = downloads.url.replace("http://", "http://me:geheim@") + "?signature=geheim"
    downloads.served.rename(downloads.served.with_name(downloads.served.name + "?signature=geheim"))
    result = downloads.get(url)
    assert result.returncode == 1
    assert "geheim" not in result.stdout + result.stderr
    assert all(b"geheim" not in path.read_bytes() for path in downloads.file.parent.iterdir())


def test_progress(downloads: Downloads) -> None:
    downloads.server.behave(PATH, bytes_per_second=3_000_000)
    lines = downloads.get().stdout.splitlines()
    assert len(lines) >= 4
    percent = [re.fullmatch(r"Downloading (\d+) % \(0\.0 of 0\.0 GB, \d MB/s\)", line) for line in lines[:-1]]
    numbers = [int(found[1]) for found in percent if found]
    assert len(numbers) == len(percent)
    assert numbers == sorted(numbers)
    assert numbers[-1] > 50


def test_a_file_address(downloads: Downloads) -> None:
    downloads.part.write_bytes(b"PK")
    result = downloads.get(downloads.served.as_uri())
    assert (result.returncode, result.stderr) == (0, "")
    assert downloads.file.read_bytes() == downloads.served.read_bytes()


# --- servers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [405, 403])
def test_without_head(downloads: Downloads, status: int) -> None:
    """The size is known by one byte, the only one that comes twice."""
    downloads.server.behave(PATH, refuse_head=status, cut_after=[1, 1_000_000])
    assert downloads.get().returncode == 0
    assert downloads.server.requests[PATH] == ["HEAD", "GET bytes=0-0", "GET", "GET bytes=1000000-"]
    assert downloads.server.spans[PATH].pop(0) == (0, 1)
    assert downloads.is_whole()


def test_without_head_or_ranges(downloads: Downloads) -> None:
    downloads.server.behave(PATH, refuse_head=405, ignore_range=True, chunked=True)
    assert downloads.get().returncode == 0
    assert downloads.file.read_bytes() == downloads.served.read_bytes()


def test_without_length(downloads: Downloads) -> None:
    downloads.server.behave(PATH, chunked=True, cut_after=[1_000_000])
    assert downloads.get().returncode == 0
    assert downloads.is_whole()


def test_without_ranges_it_starts_over_once(downloads: Downloads) -> None:
    downloads.server.behave(PATH, ignore_range=True, cut_after=[1_000_000])
    result = downloads.get()
    assert result.returncode == 0
    assert "The server cannot go on in the middle of a file, starting anew\n" in result.stdout
    assert downloads.file.read_bytes() == downloads.served.read_bytes()


def test_without_ranges_it_starts_over_only_once(downloads: Downloads) -> None:
    downloads.server.behave(PATH, ignore_range=True, cut_after=1_000_000)
    assert "cannot go on in the middle of a file; try a mirror" in error(downloads.get())


@pytest.mark.parametrize("ignore_if_range", [False, True])
def test_a_file_that_changes_meanwhile(downloads: Downloads, ignore_if_range: bool) -> None:
    other = downloads.served.with_name("other.zip")
    write_archive(other, 2)
    downloads.server.behave(PATH, cut_after=[1_000_000], becomes=other.read_bytes(), ignore_if_range=ignore_if_range)
    result = downloads.get()
    assert result.returncode == 0
    assert "The server's file has changed meanwhile, starting anew\n" in result.stdout
    assert downloads.file.read_bytes() == other.read_bytes()
    starts = [start for start, _ in downloads.server.spans[PATH]]
    assert starts == [0, 1_000_000 if ignore_if_range else 0, 0]


def test_a_file_that_changes_between_two_calls(downloads: Downloads) -> None:
    downloads.server.behave(PATH, cut_after=[1_000_000, 0, 0])
    error(downloads.get())
    write_archive(downloads.served, 2)
    result = downloads.get()
    assert result.stdout.startswith("The part that is there is not of the file that the server has, starting anew\n")
    assert downloads.file.read_bytes() == downloads.served.read_bytes()


def test_without_etag_the_size_tells(downloads: Downloads) -> None:
    downloads.server.behave(PATH, etag="", cut_after=[1_000_000])
    assert downloads.get().returncode == 0
    assert downloads.is_whole()


@pytest.mark.parametrize("said", [{"declare_head": 4_000_000}, {"declare_head": 2_000_000}, {"declare": 4_000_000}])
def test_a_wrong_size(downloads: Downloads, said: dict[str, int]) -> None:
    downloads.server.behave(PATH, **said)
    size = downloads.served.stat().st_size
    [declared] = said.values()
    assert re.search(rf"declared {declared} bytes and (sent|has) {size};", error(downloads.get()))


def test_fewer_bytes_than_the_archive_has(downloads: Downloads) -> None:
    downloads.server.behave(PATH, declare=2_000_000)
    assert "ends before the archive does" in error(downloads.get())
    assert not downloads.part.exists()


def test_not_there(downloads: Downloads) -> None:
    for status in (404, 403):
        downloads.server.behave(PATH, status=status)
        assert re.search(rf"is not there.* \({status}\); check ISAAC_SIM_URL$", error(downloads.get()))
    missing = error(downloads.get(f"{downloads.served.as_uri()}.none"))
    assert "is not there" in missing
    assert not list(downloads.file.parent.iterdir())


@pytest.mark.parametrize("status", [503, 429])
def test_a_server_that_is_busy(downloads: Downloads, status: int) -> None:
    downloads.server.behave(PATH, status=status, times=2)
    result = downloads.get()
    assert result.returncode == 0
    assert result.stdout.count(f"Not yet (the server answers {status}), trying again") == 2
    downloads.file.unlink()
    downloads.server.behave(PATH, status=status)
    assert f"answers {status}; wait a while" in error(downloads.get())
    assert not downloads.part.exists()


@pytest.mark.parametrize("how", [{"portal": True}, {"content_type": "text/html"}, {"portal": True, "refuse_head": 405}])
def test_a_web_page(downloads: Downloads, how: dict[str, object]) -> None:
    downloads.server.behave(PATH, **how)
    assert "a web page answered instead of the archive" in error(downloads.get())
    assert not list(downloads.file.parent.iterdir())


def test_a_web_page_that_says_it_is_an_archive(downloads: Downloads) -> None:
    downloads.served.write_text("<html>")
    assert "a web page answered instead of the archive" in error(downloads.get())
    assert not list(downloads.file.parent.iterdir())


def test_a_web_page_in_the_middle(downloads: Downloads) -> None:
    """The part that is there is still one of the archive."""
    downloads.server.behave(PATH, cut_after=[1_000_000, 0, 0])
    error(downloads.get())
    downloads.server.behave(PATH, portal=True)
    assert "a web page answered" in error(downloads.get())
    assert downloads.part.stat().st_size == 1_000_000
    downloads.server.behave(PATH)
    assert downloads.get().returncode == 0
    assert downloads.is_whole()


# --- machines ------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_no_connection(downloads: Downloads) -> None:
    closed = f"127.0.0.1:{free_port()}"
    assert f"no connection to 'http://{closed}/x.zip' (" in error(downloads.get(f"http://{closed}/x.zip"))
    assert "the host of 'http://nowhere.invalid/x.zip' is not found" in error(
        downloads.get("http://nowhere.invalid/x.zip")
    )
    assert "no safe connection to 'https" in error(downloads.get(downloads.url.replace("http:", "https:")))
    assert "no connection" in error(downloads.get("http://example.invalid/x.zip", http_proxy=f"http://{closed}"))
    assert "the proxy is not found" in error(downloads.get("http://example.invalid/x", http_proxy="http://no.invalid"))
    assert not list(downloads.file.parent.iterdir())


def test_through_a_proxy(downloads: Downloads) -> None:
    """The proxy is asked for the whole address, which this server takes for a path."""
    url = "http://example.invalid/x.zip"
    downloads.server.behave(url, status=407)
    proxy = downloads.server.url("")
    assert "the proxy wants a user and a password (407)" in error(downloads.get(url, http_proxy=proxy))


@pytest.mark.parametrize("url", ["ftp://host/x.zip", "x.zip", "http://", "-o/etc/passwd", "file://x", "https:///x"])
def test_other_addresses(downloads: Downloads, url: str) -> None:
    assert f"'{url}' is not an address of http, https or file; check ISAAC_SIM_URL" in error(downloads.get(url))


def test_a_folder_that_is_not_there(downloads: Downloads) -> None:
    downloads.file.parent.rmdir()
    with downloads.start() as process:
        _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert err == f"download: cannot write '{downloads.part}'; name a folder that can be written to\n"


def test_a_full_disk(downloads: Downloads) -> None:
    folder = downloads.file.parent
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=False).returncode:
        pytest.skip("cannot mount a small disk here")
    try:
        assert f"cannot write '{downloads.part}' (0 MB are free on its disk)" in error(downloads.get())
        assert 0 < downloads.part.stat().st_size <= 1 << 20
        subprocess.run(["mount", "-o", "remount,size=20m", folder], check=True)
        assert downloads.get().returncode == 0
        assert downloads.file.read_bytes() == downloads.served.read_bytes()
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_signal_ends_curl_too(downloads: Downloads, number: int) -> None:
    downloads.server.behave(PATH, bytes_per_second=1_000_000)
    with downloads.start() as process:
        until = time.monotonic() + 20
        while not downloads.part.exists() or downloads.part.stat().st_size < 300_000:
            assert time.monotonic() < until
            time.sleep(0.02)
        os.kill(process.pid, number)
        process.communicate(timeout=20)
    assert process.returncode == {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGKILL: -9}[number]
    # communicate ends when nothing holds the pipes any more, so curl has gone too
    size = downloads.part.stat().st_size
    assert size < 2_500_000
    assert downloads.part.read_bytes() == downloads.served.read_bytes()[:size]
    downloads.server.behave(PATH)
    result = downloads.get()
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("Going on after")
    assert downloads.file.read_bytes() == downloads.served.read_bytes()


def test_a_file_that_is_there_stays(downloads: Downloads) -> None:
    downloads.file.write_text("mine")
    with downloads.start() as process:
        _, err = process.communicate(timeout=30)
    assert f"'{downloads.file}' is there already" in err
    assert downloads.file.read_text() == "mine"
