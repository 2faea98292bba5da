"""A small http server for the tests of downloads: files of a folder, and all that can go wrong with them.

    with ArchiveServer(folder) as server:
        server.behave("/sim.zip", cut_after=[1000, 5])
        ...                            # something that downloads server.url("/sim.zip")
        server.sent["/sim.zip"]        # bytes of the file that were sent, whatever was asked how often
        server.spans["/sim.zip"]       # [(0, 1000), (1000, 1005), (1005, 9000)], answer by answer
        server.requests["/sim.zip"]    # ["HEAD", "GET", "GET bytes=1000-", ...]

It has Range, If-Range, ETag, Last-Modified and HEAD. The ETag changes with the file's time and size.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote

PORTAL = b"<!DOCTYPE html><html><body>Please accept the terms of this network.</body></html>\n"
BLOCK = 1 << 20


@dataclass
class Behaviour:
    """How a path is served."""

    times: int | None = None
    """The number of requests that it applies to, after which all is well; None for all. HEAD counts."""
    status: int = 200
    """An error to answer instead: 403, 404, 429, 503, ..."""
    portal: bool = False
    """Answer a web page, with 200."""
    content_type: str = ""
    """In place of the right one."""
    refuse_head: int = 0
    """The error for HEAD only: 405, 403."""
    ignore_range: bool = False
    """Answer 200 and the whole file always."""
    ignore_if_range: bool = False
    """Answer a range of the file even if it has changed."""
    etag: str | None = None
    """In place of the file's own; an empty one sends neither ETag nor Last-Modified."""
    declare: int | None = None
    """The size that is said in place of the true one."""
    declare_head: int | None = None
    """The same for HEAD only."""
    chunked: bool = False
    """Send without a length."""
    cut_after: int | list[int] = field(default_factory=list)
    """Close the connection after so many bytes of each answer; in a list: of the next answers, one each."""
    stall_after: int | list[int] = field(default_factory=list)
    """Send no more after so many bytes, until the client goes; a list as above."""
    becomes: bytes | None = None
    """The file has this content once the next answer to a GET is over."""
    bytes_per_second: int = 0
    """Slower than the machine can; 0 for no limit."""


class ArchiveServer:
    """The server, as a context manager. What it counts may be read at any time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sent: dict[str, int] = defaultdict(int)
        self.spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self.requests: dict[str, list[str]] = defaultdict(list)
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self._behaviours: dict[str, Behaviour] = {}
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._http.daemon_threads = True
        self._http.archive_server = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> ArchiveServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()

    def url(self, path: str) -> str:
        """The address of a path, which begins with a slash."""
        return f"http://127.0.0.1:{self._http.server_address[1]}{path}"

    def behave(self, path: str, **how: object) -> None:
        """Serve a path so from now on, by the fields of Behaviour; without any, well."""
        with self.lock:
            self._behaviours[path] = replace(Behaviour(), **how)  # type: ignore[arg-type]

    def forget(self) -> None:
        """Set all counts to nothing, and serve all well."""
        with self.lock:
            for each in (self.sent, self.spans, self.requests, self._behaviours):
                each.clear()  # type: ignore[attr-defined]

    def behaviour(self, path: str) -> Behaviour:
        """The one for the request that is being answered."""
        with self.lock:
            found = self._behaviours.get(path, Behaviour())
            if found.times is not None:
                if found.times == 0:
                    return Behaviour()
                found.times -= 1
            return found

    def limit(self, value: int | list[int]) -> int | None:
        """The number of bytes for this answer, of a field with one number or a list."""
        if isinstance(value, int):
            return value
        with self.lock:
            return value.pop(0) if value else None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    @property
    def owner(self) -> ArchiveServer:
        return self.server.archive_server  # type: ignore[attr-defined, no-any-return]

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        path = unquote(self.path)
        asked = self.headers.get("Range")
        self.owner.requests[path].append(f"{self.command} {asked}" if asked else self.command)
        how = self.owner.behaviour(path)
        file = self.owner.folder / path.lstrip("/")
        if self.command == "HEAD" and how.refuse_head:
            self.brief(how.refuse_head)
        elif how.status != 200:
            self.brief(how.status)
        elif how.portal:
            self.brief(200, PORTAL, "text/html; charset=utf-8")
        elif not file.is_file():
            self.brief(404)
        else:
            self.send_file(path, file, how)

    def brief(self, status: int, body: bytes = b"no\n", content_type: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def send_file(self, path: str, file: Path, how: Behaviour) -> None:
        with file.open("rb") as opened:
            info = os.fstat(opened.fileno())
            etag = f'"{info.st_mtime_ns:x}-{info.st_size:x}"' if how.etag is None else how.etag
            modified = formatdate(info.st_mtime, usegmt=True)
            start, stop, status = self.span(info.st_size, (etag, modified), how)
            said = info.st_size if how.declare is None else how.declare
            if self.command == "HEAD" and how.declare_head is not None:
                said = how.declare_head
            self.send_response(status)
            self.send_header("Content-Type", how.content_type or "application/zip")
            if etag:
                self.send_header("ETag", etag)
                self.send_header("Last-Modified", modified)
            if not how.ignore_range:
                self.send_header("Accept-Ranges", "bytes")
            if status == 206:
                self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{said}")
            if status == 416:
                self.send_header("Content-Range", f"bytes */{info.st_size}")
            if how.chunked:
                self.send_header("Transfer-Encoding", "chunked")
            else:
                self.send_header("Content-Length", str(stop - start + said - info.st_size if stop > start else 0))
            self.end_headers()
            if self.command == "GET" and status != 416:
                self.send_body(path, opened.fileno(), start, stop, how)
        if self.command == "GET" and how.becomes is not None:
            file.write_bytes(how.becomes)
            how.becomes = None

    def span(self, size: int, versions: tuple[str, str], how: Behaviour) -> tuple[int, int, int]:
        """First byte, the byte behind the last, and the status."""
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        if not asked or how.ignore_range or (condition and condition not in versions and not how.ignore_if_range):
            return 0, size, 200
        start = int(asked[1])
        if start >= size:
            return 0, 0, 416
        return start, min(size, int(asked[2]) + 1) if asked[2] else size, 206

    def send_body(self, path: str, descriptor: int, start: int, stop: int, how: Behaviour) -> None:
        cut, stall = self.owner.limit(how.cut_after), self.owner.limit(how.stall_after)
        limits = [start + each for each in (cut, stall) if each is not None]
        end = min([stop, *limits])
        position = start
        with contextlib.suppress(ConnectionError):
            for block in self.pieces(start, end, how.bytes_per_second):
                position += self.send_block(descriptor, position, block, how.chunked)
            if how.chunked and not limits:
                self.wfile.write(b"0\r\n\r\n")
        with self.owner.lock:
            self.owner.sent[path] += position - start
            self.owner.spans[path].append((start, position))
        if stall is not None and position == end:
            self.wait_for_client()
        # A wrong length would leave the client waiting for the rest.
        self.close_connection = self.close_connection or bool(limits) or how.declare is not None or position < end

    def pieces(self, start: int, end: int, bytes_per_second: int) -> Iterator[int]:
        size = min(BLOCK, max(1, bytes_per_second // 20)) if bytes_per_second else BLOCK
        while start < end:
            yield min(size, end - start)
            start += size
            if bytes_per_second:
                time.sleep(size / bytes_per_second)

    def send_block(self, descriptor: int, position: int, size: int, chunked: bool) -> int:
        if chunked:
            block = os.pread(descriptor, size, position)
            self.wfile.write(b"%x\r\n%b\r\n" % (len(block), block))
            return size
        self.wfile.flush()
        left = size
        while left:
            left -= os.sendfile(self.connection.fileno(), descriptor, position + size - left, left)
        return size

    def wait_for_client(self) -> None:
        self.connection.settimeout(0.1)
        while not self.owner.closing.is_set():
            try:
                if not self.connection.recv(1):
                    return
            except TimeoutError:
                continue
            except OSError:
                return
