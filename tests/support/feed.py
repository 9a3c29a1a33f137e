"""A vendor's download site on this machine: its release feed in the real JSON shape, its archives, and ways to fail.

The paths say what happens: `/ok/NAME` is the file, `/redirect/NAME` leads there, `/slow/NAME` trickles, `/stalled/NAME` falls
silent in the middle, `/broken/NAME` closes the connection there (the first `breaks` times), `/changing/NAME` does so and is another
file at each request, `/weak/NAME` does so without a validator, `/error/NAME` answers 503. Ranges are answered as RFC 9110 says.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

HTML = b"<!doctype html><title>Access denied</title>"


@dataclass
class Site:
    """What it serves, and what it was asked. Change the fields while it runs."""

    files: dict[str, bytes] = field(default_factory=dict)
    feeds: dict[str, Any] = field(default_factory=dict)  # by product code; bytes are sent as they are
    unwell: set[str] = field(default_factory=set)  # names that answer 503
    breaks: int = 1
    pace: float = 0.05  # seconds between the pieces of /slow/
    piece: int = 1024
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)  # path and headers of every request
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def feed(self) -> str:
        return f"{self.url}/products/releases"

    @property
    def environment(self) -> dict[str, str]:
        """What makes composegen ask here, past any proxy."""
        return {"COMPOSEGEN_IDE_FEED": self.feed, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}

    def offer(self, content: bytes, name: str, *, how: str = "ok", checksum: str = "") -> str:
        """Serve a file and its `.sha256`, as JetBrains writes it; the URL of the file. `checksum`: a wrong one."""
        self.files[name] = content
        self.files[f"{name}.sha256"] = f"{checksum or hashlib.sha256(content).hexdigest()} *{name}\n".encode()
        return f"{self.url}/{how}/{name}"

    def release(
        self, code: str, archive: Path, *, version: str, build: str, platform: str = "linux", how: str = "ok", checksum: str = ""
    ) -> None:
        """Put an archive into the feed, as the newest of that product."""
        content = archive.read_bytes()
        url = self.offer(content, archive.name, how=how, checksum=checksum)
        there = {"link": url, "size": len(content), "checksumLink": f"{self.url}/ok/{archive.name}.sha256"}
        releases = self.feeds.setdefault(code, [])
        same = [each for each in releases if each["build"] == build]
        if same:
            same[0]["downloads"][platform] = there
        else:
            releases.insert(0, release(version, build, {platform: there}))

    def requests_of(self, name: str) -> list[dict[str, str]]:
        """The headers of every request for that file."""
        return [headers for path, headers in self.asked if path.endswith(f"/{name}")]


def release(version: str, build: str, downloads: dict[str, Any]) -> dict[str, Any]:
    """One element of the feed, with the fields that the real one has."""
    return {
        "date": "2024-12-09",
        "type": "release",
        "notesLink": "https://example.invalid/notes",
        "licenseRequired": True,
        "version": version,
        "majorVersion": ".".join(version.split(".")[:2]),
        "build": build,
        "whatsnew": "",
        "uninstallFeedbackLinks": {},
        "printableReleaseType": None,
        "downloads": downloads,
        "patches": {},
    }


@contextmanager
def serving() -> Iterator[Site]:
    site = Site()

    class Handler(_Handler):
        served = site

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    served: Site
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.served.asked.append((parts.path, dict(self.headers)))
        with suppress(ConnectionError):
            if parts.path == "/products/releases":
                self._feed(parse_qs(parts.query))
                return
            _, how, name = unquote(parts.path).split("/", 2)
            if how == "redirect":
                self._head(302, {"Location": f"/ok/{name}", "Content-Length": "0"})
            elif how == "ftp":
                self._head(302, {"Location": f"ftp://127.0.0.1/{name}", "Content-Length": "0"})
            elif how == "error" or name in self.served.unwell:
                self._whole(503, HTML)
            elif name in self.served.files:
                self._file(how, self.served.files[name])
            else:
                self._whole(404, HTML)

    def _feed(self, asked: dict[str, list[str]]) -> None:
        code = asked["code"][0]
        found = self.served.feeds.get(code, [])
        if isinstance(found, bytes):
            self._whole(200, found)
            return
        if asked.get("latest") == ["true"]:
            found = found[:1]
        self._whole(200, json.dumps({code: found}).encode())

    def _file(self, how: str, content: bytes) -> None:
        if how == "changing":
            content = bytes(each ^ len(self.served.asked) & 0xFF for each in content)
        validator = {} if how == "weak" else {"ETag": f'"{hashlib.sha256(content).hexdigest()[:16]}"'}
        start, span = 0, re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if span and self.headers.get("If-Range") in (None, validator.get("ETag")):
            start = int(span[1])
            if start >= len(content):
                self._head(416, {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"})
                return
            part = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
            self._head(206, {**validator, **part, "Content-Length": str(len(content) - start)})
        else:
            self._head(200, {**validator, "Accept-Ranges": "bytes", "Content-Length": str(len(content))})
        self._body(how, content[start:])

    def _body(self, how: str, content: bytes) -> None:
        if how == "slow":
            for at in range(0, len(content), self.served.piece):
                self.wfile.write(content[at : at + self.served.piece])
                time.sleep(self.served.pace)
        elif how in ("broken", "changing", "weak") and self.served.breaks > 0:
            self.served.breaks -= 1
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
        elif how == "stalled":
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            time.sleep(30)
            self.close_connection = True
        else:
            self.wfile.write(content)

    def _whole(self, status: int, body: bytes) -> None:
        self._head(status, {"Content-Length": str(len(body))})
        self.wfile.write(body)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
