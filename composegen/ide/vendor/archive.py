"""What is in a .tar.gz of an IDE, known before anything of it is unpacked.

JetBrains' archives have one folder at the top with product-info.json in it (https://github.com/JetBrains/intellij-community, its
ProductInfoGenerator); the Toolbox App's has none, and tells by its program alone what it runs on.
"""

from __future__ import annotations

import gzip
import json
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from composegen.errors import ComposegenError
from composegen.ide.products import Product, of_code
from composegen.ide.vendor.download import Progress

INFO = "product-info.json"
SERVER = "bin/remote-dev-server.sh"  # what starts a backend; the community editions have none
# `e_machine` of an ELF header (https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html), and `uname -m` there.
MACHINES = {3: "i686", 40: "armv7l", 62: "x86_64", 183: "aarch64", 243: "riscv64"}
ARCHITECTURES = {"amd64": "x86_64", "aarch64": "aarch64"}  # as product-info.json says it
# Programs that run at once; plugins carry programs for machines of all kinds.
PROGRAMS = re.compile(r"[^/]+|bin/[^/]+|jbr/bin/java|jbr/lib/server/libjvm\.so")
NEEDS_GLIBC = re.compile(rb"GLIBC_(\d+)\.(\d+)")
# What it says of itself is shown on a terminal, and becomes the name of a folder.
SHOWN = ("name", "productCode", "version", "buildNumber")
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,60}")
LARGEST_INFO = 4 * 1024 * 1024  # bytes
LARGEST_PROGRAM = 256 * 1024 * 1024  # bytes that are looked at
AGAIN = "download it again, or check it against the vendor's SHA-256 with --sha256"


@dataclass(frozen=True)
class Archive:
    path: Path
    root: str  # its one folder
    size: int  # bytes that it takes once it is unpacked
    files: frozenset[str]  # paths below `root`
    info: Mapping[str, Any]  # product-info.json; empty: there is none
    machines: frozenset[str]  # what its programs run on, as `uname -m` says it
    glibc: tuple[int, int]  # the oldest that its programs start with; (0, 0): they do not say

    @property
    def code(self) -> str:
        return str(self.info.get("productCode", ""))

    @property
    def version(self) -> str:
        return str(self.info.get("version", ""))

    @property
    def build(self) -> str:
        return str(self.info.get("buildNumber", ""))

    @property
    def architectures(self) -> frozenset[str]:
        """Of its programs; where none could be read, those that product-info.json names."""
        launch = self.info.get("launch")
        named = [each.get("arch") for each in launch if isinstance(each, dict)] if isinstance(launch, list) else []
        return self.machines or frozenset(ARCHITECTURES[each] for each in named if each in ARCHITECTURES)


@dataclass
class _Seen:
    """What has been met so far in an archive, from its first member on."""

    roots: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    links: set[PurePosixPath] = field(default_factory=set)
    size: int = 0
    info: bytes = b""
    machines: set[str] = field(default_factory=set)
    glibc: tuple[int, int] = (0, 0)


def look_into(path: Path, progress: Progress = lambda done, total: None) -> Archive:
    """Reads it to its end once, which takes as long as unpacking it.

    Raises ComposegenError: it is no .tar.gz or damaged, something in it would land outside of its folder, it has no one folder, or
    says of itself what cannot be shown.
    """
    seen, total = _Seen(), path.stat().st_size
    with _explained(path), path.open("rb") as raw, gzip.open(raw) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
        for member in archive:
            progress(min(raw.tell(), total), total)
            _take(archive, member, seen)
        while stream.read(1024 * 1024):  # the checksum of gzip is at the very end
            pass
        progress(total, total)
    if len(seen.roots) != 1:
        raise ComposegenError(f"{path.name} is no archive of an IDE: it has no single folder at the top", hint=AGAIN)
    (root,) = seen.roots
    below = frozenset(name.removeprefix(f"{root}/") for name in seen.files)
    info = _parsed(seen.info)
    for key in SHOWN:
        if info.get(key) and not PLAIN.fullmatch(str(info[key])):
            raise ComposegenError(f"{path.name} has {str(info[key])[:60]!r} for its {key} in {INFO}", hint=AGAIN)
    return Archive(path, root, seen.size, below, info, frozenset(seen.machines), seen.glibc)


def refuse_other(archive: Archive, product: Product, architecture: str) -> None:
    """Raises ComposegenError: it is another product's, has no backend where one is meant, or is made for another machine."""
    name = archive.path.name
    other = of_code(archive.code)
    if archive.code not in product.codes if product.codes else other:
        said = other.title if other else archive.info.get("name") or f"something without {INFO}"
        hint = f"`composegen ide install {other.name}` is for that" if other else f"give the .tar.gz of {product.title} for Linux"
        raise ComposegenError(f"{name} is {said}, not {product.title}", hint=hint)
    if product.kind == "backend" and not archive.build:
        raise ComposegenError(f"{name} does not say which build it is in {INFO}", hint=AGAIN)
    if product.kind == "backend" and SERVER not in archive.files:
        raise ComposegenError(
            f"{name} has no remote backend: {SERVER} is missing", hint="community editions have none; take the full edition"
        )
    if archive.architectures and architecture not in archive.architectures:
        made_for = " and ".join(sorted(archive.architectures))
        raise ComposegenError(
            f"{name} is made for {made_for}, and this is {architecture}", hint=f"download {product.title} for Linux {architecture}"
        )


def _take(archive: tarfile.TarFile, member: tarfile.TarInfo, seen: _Seen) -> None:
    where = refuse_escape(member, seen.links, seen.files)
    if where == PurePosixPath():
        return
    seen.roots.add(where.parts[0])
    # A block is what a file takes at least.
    seen.size += 4096 * (member.size // 4096 + 1)
    if member.issym():
        seen.links.add(where)
    if not member.isfile():
        return
    seen.files.add(str(where))
    inside = "/".join(where.parts[1:])
    if inside == INFO and member.size <= LARGEST_INFO:
        seen.info = _content(archive, member)
    elif PROGRAMS.fullmatch(inside):
        content = _content(archive, member)
        if content[:4] == b"\x7fELF":
            seen.machines |= {machine(content)} - {""}
            needed = [(int(major), int(minor)) for major, minor in NEEDS_GLIBC.findall(content)]
            seen.glibc = max([seen.glibc, *needed])


def refuse_escape(member: tarfile.TarInfo, links: set[PurePosixPath], files: set[str]) -> PurePosixPath:
    """Where it lands below the place of unpacking. Raises ComposegenError: it would not, or it is no file, folder or link.

    `links` are the symbolic links before it, `files` the files.
    """
    where = PurePosixPath(member.name)
    if where.is_absolute() or ".." in where.parts or "\0" in member.name:
        raise _escapes(member.name, "leads out of its folder")
    if not links.isdisjoint(where.parents):
        raise _escapes(member.name, "goes through a link")
    if member.issym() and not _stays_inside(where, PurePosixPath(member.linkname)):
        raise _escapes(member.name, f"is a link that leads out of its folder, to {member.linkname[:120]!r}")
    if member.islnk() and str(PurePosixPath(member.linkname)) not in files:
        raise _escapes(member.name, f"is a hard link to {member.linkname[:120]!r}, which is no file of the archive")
    if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
        raise _escapes(member.name, "is a device or a pipe")
    return where


def _stays_inside(where: PurePosixPath, target: PurePosixPath) -> bool:
    """Whether a symbolic link leads into the archive's own folder, whatever other links lie on the way.

    `..` is safe at the beginning alone: behind a name that is a link itself, it means the parent of where that leads.
    """
    up = 0
    while up < len(target.parts) and target.parts[up] == "..":
        up += 1
    return not target.is_absolute() and ".." not in target.parts[up:] and up < len(where.parts) - 1


def _escapes(name: str, why: str) -> ComposegenError:
    return ComposegenError(
        f"this archive is not to be trusted: {name[:120]!r} {why}",
        hint="nothing was unpacked; take it from the vendor, and compare its SHA-256",
    )


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return file.read(LARGEST_PROGRAM) if file else b""


def machine(program: bytes) -> str:
    """What an ELF program runs on, as `uname -m` says it; empty: it is no such program."""
    if program[:4] != b"\x7fELF" or len(program) < 20:
        return ""
    return MACHINES.get(int.from_bytes(program[18:20], "little" if program[5] == 1 else "big"), "unknown")


def _parsed(info: bytes) -> dict[str, Any]:
    with suppress(ValueError):
        found = json.loads(info)
        if isinstance(found, dict):
            return found
    return {}


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error) as error:
        raise ComposegenError(f"{path.name} is cut off or damaged: {error}", hint=AGAIN) from None
    except (tarfile.TarError, gzip.BadGzipFile) as error:
        raise ComposegenError(f"{path.name} is no .tar.gz: {error}", hint="IDEs for Linux come as .tar.gz; " + AGAIN) from None
