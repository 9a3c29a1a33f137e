"""From a URL to a verified file: resumed where it was interrupted, given up where nothing comes.

The standard library does it: proxies come from the environment, certificates from the system (SSL_CERT_FILE names others).
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from composegen.errors import ComposegenError

Progress = Callable[[int, int | None], None]  # bytes done, and of how many where that is known

CHUNK = 256 * 1024
LARGEST_TEXT = 32 * 1024 * 1024  # bytes; a whole feed has a few MB
TRIES = 5
PAUSE = 1.0  # seconds before the second try, doubled for each that follows
WEB = ("http://", "https://")
ABSENT = {403, 404, 410}  # how servers say that there is no such file; object stores that list nothing say 403
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True)
class Patience:
    """How long a transfer may take for what. Without a bound, one that trickles would go on for days."""

    silence: float = 30.0  # seconds without a byte
    window: float = 60.0  # seconds in which at least `least` bytes come
    least: int = 64 * 1024
    pause: float = PAUSE


class _NoWayDown(HTTPRedirectHandler):
    """Follows redirects, and none from https to anything else: the checksum comes by the same way as the file."""

    def redirect_request(self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise URLError(f"it leads from https to {newurl}")
        if not newurl.startswith(WEB):
            raise URLError(f"it leads to {newurl}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Interrupted(Exception):
    """The transfer ended early; what came is kept."""


def read(url: str, *, hint: str, limit: int = LARGEST_TEXT, patience: Patience = Patience()) -> bytes:
    """A small file. Raises ComposegenError with that hint: it cannot be had, or is larger than `limit` bytes."""
    with _explained(url, hint):
        return _read(url, hint, limit, patience)


def read_if_there(url: str, *, hint: str, limit: int = LARGEST_TEXT, patience: Patience = Patience()) -> bytes | None:
    """The same; None where the server says that there is no such file."""
    with _explained(url, hint):
        try:
            return _read(url, hint, limit, patience)
        except HTTPError as error:
            if error.code in ABSENT:
                return None
            raise


def _read(url: str, hint: str, limit: int, patience: Patience) -> bytes:
    with closing(_open(url, {}, patience)) as response:
        content = response.read(limit + 1)
    if len(content) > limit:
        raise ComposegenError(f"{url} has more than {limit} bytes", hint=hint)
    return content


def fetch(url: str, to: Path, *, hint: str, progress: Progress = lambda done, total: None, patience: Patience = Patience()) -> None:
    """Make `to` the file at that URL. What came before an interruption is in `to`.part, and the next call goes on from there.

    A file that is there already is replaced. Raises ComposegenError: it cannot be had, or there is no space for it.
    """
    part = to.with_name(f"{to.name}.part")
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with part.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ComposegenError(f"another composegen downloads {to.name} already", hint="wait for it") from None
        with _explained(url, hint):
            _transfer(url, _Partial(file, part), progress, patience)
        part.replace(to)
    _note(part).unlink(missing_ok=True)


def _transfer(url: str, partial: _Partial, progress: Progress, patience: Patience) -> None:
    for tries_left in reversed(range(TRIES)):
        before = partial.size
        try:
            _try(url, partial, progress, patience)
            return
        except (_Interrupted, OSError, HTTPException) as error:
            # Who is offline wants to hear it at once.
            first, came = tries_left == TRIES - 1, partial.size != before
            if not tries_left or _is_final(error) or (first and not came and not isinstance(error, _Interrupted | HTTPError)):
                raise
        time.sleep(patience.pause * 2 ** (TRIES - 1 - tries_left))


def _is_final(error: Exception) -> bool:
    """Whether it would be the same the next time: the server says no, or the disk is full."""
    if isinstance(error, HTTPError):
        return error.code < 500
    return isinstance(error, OSError) and error.errno in FULL


def _try(url: str, partial: _Partial, progress: Progress, patience: Patience) -> None:
    """Raises _Interrupted, HTTPError, OSError or HTTPException."""
    try:
        response = _open(url, partial.asks_for_the_rest(url), patience)
    except HTTPError as error:
        if error.code != 416:
            raise
        if error.headers.get("Content-Range") == f"bytes */{partial.size}":
            return  # all of it is here
        partial.start_anew()
        response = _open(url, {}, patience)
    with closing(response):
        total = partial.begin(url, response)
        _refuse_lack_of_space(partial.path, total, partial.size)
        for count in _steady(_counted(response, partial), patience):
            progress(count, total)
        if total is not None and partial.size != total:
            raise _Interrupted(f"it ended after {partial.size} of {total} bytes")


class _Partial:
    """The beginning of a file, and a note of which file that is."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self.path = path
        self._file = file
        self.size = path.stat().st_size

    def asks_for_the_rest(self, url: str) -> dict[str, str]:
        """Headers; the server sends the whole file where it is another one by now (RFC 9110, If-Range)."""
        validator = ""
        with suppress(OSError, ValueError, AttributeError):
            noted = json.loads(_note(self.path).read_text(encoding="utf-8"))
            validator = str(noted.get("validator", "")) if noted.get("url") == url else ""
        if not (self.size and validator):
            self.start_anew()
            return {}
        return {"Range": f"bytes={self.size}-", "If-Range": validator}

    def start_anew(self) -> None:
        self._file.truncate(0)
        self.size = 0

    def begin(self, url: str, response: HTTPResponse) -> int | None:
        """Note which file comes; the whole size of it, None where the server does not say."""
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if response.status == 206 and span and int(span[1]) == self.size:
            return int(span[2]) if span[2] != "*" else None
        if response.status == 206:
            raise _Interrupted("it sent another part than was asked for")
        self.start_anew()
        # A weak ETag does not promise the same bytes, so that it is no good for a range.
        etag = response.headers.get("ETag", "")
        validator = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified", "")
        _note(self.path).write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")
        length = response.headers.get("Content-Length", "")
        return int(length) if length.isdigit() else None

    def add(self, chunk: bytes) -> int:
        self._file.write(chunk)
        self._file.flush()
        self.size += len(chunk)
        return self.size


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _counted(response: HTTPResponse, partial: _Partial) -> Iterator[int]:
    while chunk := response.read1(CHUNK):
        yield partial.add(chunk)


def _steady(counts: Iterator[int], patience: Patience) -> Iterator[int]:
    """Raises _Interrupted: it trickles. Silence ends by the socket's own timeout."""
    since, had = time.monotonic(), 0
    for count in counts:
        had = had or count
        yield count
        if (now := time.monotonic()) - since >= patience.window:
            if count - had < patience.least:
                raise _Interrupted(f"{count - had} bytes came within {patience.window:g} s")
            since, had = now, count


def _open(url: str, headers: dict[str, str], patience: Patience) -> HTTPResponse:
    if not url.startswith(WEB):
        raise ValueError("it is no http(s):// address")
    asked = Request(url, headers={"User-Agent": "composegen", "Accept-Encoding": "identity", **headers})
    response: HTTPResponse = build_opener(_NoWayDown).open(asked, timeout=patience.silence)
    return response


@contextmanager
def _explained(url: str, hint: str) -> Iterator[None]:
    try:
        yield
    except HTTPError as error:
        raise ComposegenError(f"{url} answers {error.code} {error.reason}", hint=hint) from None
    except _Interrupted as error:
        raise ComposegenError(
            f"the download of {url} broke off: {error}", hint=f"the same command goes on from there; or {hint}"
        ) from None
    except TimeoutError:
        raise ComposegenError(f"{url} does not answer in time", hint=hint) from None
    except URLError as error:
        reason = getattr(error.reason, "strerror", None) or error.reason
        raise ComposegenError(f"{url} cannot be reached: {reason}", hint=hint) from None
    except (HTTPException, ConnectionError, ValueError) as error:
        raise ComposegenError(f"{url} cannot be read: {error or type(error).__name__}", hint=hint) from None


def _refuse_lack_of_space(part: Path, total: int | None, had: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if total is not None and total - had > free:
        raise ComposegenError(
            f"{part.parent} has {free / 1e9:.1f} GB free, and {(total - had) / 1e9:.1f} GB are to come",
            hint="XDG_CACHE_HOME chooses another place",
        )


# --- Checksums -------------------------------------------------------------------------------------------------------------


def sha256_of(path: Path, progress: Progress = lambda done, total: None) -> str:
    """In hexadecimal."""
    total, digest, done = path.stat().st_size, hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(1024 * 1024):
            digest.update(chunk)
            done += len(chunk)
            progress(done, total)
    return digest.hexdigest()


def checksums(text: str) -> list[tuple[str, str]]:
    """SHA-256 and name of a file, as `sha256sum` writes them; an empty name: it is of any."""
    return re.findall(r"(?im)^\s*([0-9a-f]{64})(?:\s+\*?(\S.*?))?\s*$", text)


def sha256_in(text: str, name: str, source: str) -> str:
    """What a checksum file says of the file `name`; a lone checksum is of any.

    Raises ComposegenError: none is in it.
    """
    found = checksums(text)
    of_name = [digest for digest, file in found if Path(file).name == name] or [digest for digest, _ in found if len(found) == 1]
    if not of_name:
        raise ComposegenError(f"{source} has no SHA-256 of {name}", hint="give the right one by --sha256")
    return str(of_name[0].lower())
