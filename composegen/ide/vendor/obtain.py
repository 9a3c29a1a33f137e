"""The archive to install: a file, a URL or the vendor's latest; verified where there is anything to verify it with."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit, urlunsplit

from composegen.errors import ComposegenError, UsageError
from composegen.ide.products import Product
from composegen.ide.vendor import download, feed
from composegen.ide.vendor.download import Progress

KNOWN = "--sha256 gives one that you know"
LARGEST = 64 * 1024  # bytes of a file of checksums
FETCHING, VERIFYING, READING, UNPACKING = "download", "verify", "read", "unpack"
Stages = Callable[[str], Progress]  # what goes on now, by one of these names: where its progress is shown


def silent(stage: str) -> Progress:
    return lambda done, total: None


@dataclass(frozen=True)
class Wanted:
    """What a user asked for. `archive` is a file or a URL; empty: from the feed."""

    archive: str = ""
    build: str = ""
    sha256: str = ""

    def __post_init__(self) -> None:
        if self.archive and self.build:
            raise UsageError("--build chooses from the feed, and --archive is no feed", hint="give one of both")
        if self.sha256 and not re.fullmatch(r"[0-9a-fA-F]{64}", self.sha256):
            raise UsageError("--sha256 is not 64 hexadecimal digits", hint="as `sha256sum FILE` prints it")

    @property
    def is_url(self) -> bool:
        return bool(re.match(r"(?i)https?://", self.archive))


@dataclass(frozen=True)
class Source:
    """A URL and what is known of it, before anything is downloaded."""

    url: str
    checksum_url: str = ""  # empty: nobody says where one is
    size: int | None = None
    version: str = ""
    build: str = ""


@dataclass(frozen=True)
class Obtained:
    path: Path
    sha256: str
    verified_by: str  # what its SHA-256 was compared with; empty: there was nothing


def source(wanted: Wanted, product: Product, architecture: str) -> Source | None:
    """Where it comes from; None: from a file that is here. Raises ComposegenError: the feed has none."""
    if wanted.is_url:
        scheme, _, rest = wanted.archive.partition("://")
        return Source(f"{scheme.lower()}://{rest}")
    if wanted.archive:
        return None
    found = feed.release(product, architecture, build=wanted.build)
    return Source(found.url, found.checksum_url, found.size, found.version, found.build)


def obtain(wanted: Wanted, found: Source | None, stages: Stages = silent) -> Obtained:
    """The archive as a file of this machine. Raises ComposegenError: it cannot be had, or is not what its SHA-256 says."""
    path = local(wanted.archive) if found is None else kept(found.url)
    expected, by = _expected(wanted, found, path)
    if found is not None:
        if expected and path.is_file() and download.sha256_of(path, stages(VERIFYING)) == expected:
            return Obtained(path, expected, by)
        _fetch(found, path, stages)
    actual = download.sha256_of(path, stages(VERIFYING))
    if expected and actual != expected:
        if found is not None:
            path.unlink(missing_ok=True)
        raise ComposegenError(
            f"{path.name} has SHA-256 {actual}, and {by} says {expected}",
            hint="it was changed or damaged on the way: download it again",
        )
    return Obtained(path, actual, by)


def local(archive: str) -> Path:
    """Raises UsageError: there is no such file."""
    path = Path(archive).expanduser()
    if not path.is_file():
        raise UsageError(f"there is no file {archive}", hint="--archive takes a .tar.gz of this machine, or a URL with http(s)://")
    return path


def kept(url: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Where downloads stay, for other folders and for the next try."""
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    if not name or name.startswith(".") or "\0" in name:
        raise UsageError(f"{url} does not end with the name of a file", hint="give the address of the archive itself")
    return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "composegen" / "downloads" / name


def _fetch(found: Source, path: Path, stages: Stages) -> None:
    download.fetch(found.url, path, hint=feed.WITHOUT, progress=stages(FETCHING))
    has = path.stat().st_size
    if found.size not in (None, has):
        path.unlink()
        raise ComposegenError(f"{found.url} has {has} bytes, and the feed says {found.size}", hint="try again later")


def _expected(wanted: Wanted, found: Source | None, path: Path) -> tuple[str, str]:
    """The SHA-256 that it must have, and who says so; two empty texts: nobody does."""
    if wanted.sha256:
        return wanted.sha256.lower(), "--sha256"
    if found is None:
        beside = path.with_name(f"{path.name}.sha256")
        if not beside.is_file():
            return "", ""
        return download.sha256_in(beside.read_text(encoding="utf-8", errors="replace"), path.name, beside.name), beside.name
    if found.checksum_url:
        said = _text(download.read(found.checksum_url, hint=KNOWN, limit=LARGEST))
        return download.sha256_in(said, path.name, found.checksum_url), found.checksum_url
    # JetBrains puts one beside each archive; elsewhere there may be none, or a web page that says so.
    parts = urlsplit(found.url)
    beside_it = urlunsplit(parts._replace(path=f"{parts.path}.sha256"))
    said = _text(download.read_if_there(beside_it, hint=KNOWN, limit=LARGEST) or b"")
    return (download.sha256_in(said, path.name, beside_it), beside_it) if download.checksums(said) else ("", "")


def _text(content: bytes) -> str:
    return content.decode("utf-8", errors="replace")
