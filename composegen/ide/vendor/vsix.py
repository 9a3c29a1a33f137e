"""An extension of VS Code as a .vsix file: what it is, and its files as an archive that a container can unpack.

A .vsix is a zip with the extension in `extension/` and a manifest in `extension.vsixmanifest`, in which one for a single platform
says so (https://github.com/microsoft/vscode-vsce, src/package.ts).
"""

from __future__ import annotations

import json
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from composegen.errors import ComposegenError
from composegen.ide.vendor.download import Progress

CONTENT = "extension/"
PACKAGE = f"{CONTENT}package.json"
MANIFEST = "extension.vsixmanifest"
PLATFORM = re.compile(rb"<Identity\b[^>]*?\bTargetPlatform=[\"']([\w-]+)[\"']")
MACHINES = {"linux-x64": "x86_64", "linux-arm64": "aarch64", "linux-armhf": "armv7l"}  # platform: `uname -m` there
ANYWHERE = ("", "universal", "undefined")
PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # of what becomes the name of a folder
CHUNK = 256 * 1024
LARGEST_TEXT = 4 * 1024 * 1024  # bytes; what has more is cut off, and no manifest
AGAIN = "download it again, for Linux"


@dataclass(frozen=True)
class Vsix:
    path: Path
    id: str  # publisher.name, in small letters
    version: str
    platform: str  # empty: any
    needs: tuple[str, ...]  # ids of other extensions, in small letters
    size: int  # bytes unpacked

    @property
    def folder(self) -> str:
        """As VS Code names it."""
        return f"{self.id}-{self.version}"


def look_into(path: Path) -> Vsix:
    """Raises ComposegenError: it is no .vsix, damaged, or something in it would land outside of its folder."""
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                _refuse_escape(member)
                _refuse_damage(archive, member)
            package = _package(archive, path)
            platform = PLATFORM.search(_text(archive, MANIFEST)) if MANIFEST in archive.namelist() else None
            size = sum(4096 * (member.file_size // 4096 + 1) for member in archive.infolist())
    except OSError as error:
        raise ComposegenError(f"{path} cannot be read: {error.strerror or error}", hint="name a .vsix file") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ComposegenError(f"{path.name} is no .vsix, or is damaged: {error}", hint=AGAIN) from None
    named = {key: str(package.get(key, "")) for key in ("publisher", "name", "version")}
    for key, value in named.items():
        if not PART.fullmatch(value):
            raise ComposegenError(f"{path.name} has {value[:60]!r} for its {key}", hint=AGAIN)
    needs = package.get("extensionDependencies")
    return Vsix(
        path=path,
        id=f"{named['publisher']}.{named['name']}".lower(),
        version=named["version"],
        platform=platform[1].decode().lower() if platform else "",
        needs=tuple(each.lower() for each in map(str, needs) if PART.fullmatch(each)) if isinstance(needs, list) else (),
        size=size,
    )


def refuse_other_machine(vsix: Vsix, machine: str) -> None:
    """Raises ComposegenError: it has programs for another one. `machine` as `uname -m` says it."""
    if vsix.platform not in ANYWHERE and MACHINES.get(vsix.platform) != machine:
        fits = [platform for platform, each in MACHINES.items() if each == machine]
        raise ComposegenError(
            f"{vsix.path.name} is made for {vsix.platform}, and the container is Linux on {machine}",
            hint=f"download it for {fits[0]}" if fits else "VS Code has none for that machine",
        )


def as_tar(vsix: Vsix, progress: Progress) -> Iterator[bytes]:
    """Its folder as VS Code lays it out: what is in `extension/`, and the manifest beside it."""
    done = 0
    with zipfile.ZipFile(vsix.path) as archive:
        for member in archive.infolist():
            name = ".vsixmanifest" if member.filename == MANIFEST else member.filename.removeprefix(CONTENT)
            if member.is_dir() or not (member.filename == MANIFEST or member.filename.startswith(CONTENT)):
                continue
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = member.file_size, 0o755 if member.external_attr >> 16 & 0o100 else 0o644
            yield entry.tobuf(tarfile.GNU_FORMAT)
            with archive.open(member) as file:
                while chunk := file.read(CHUNK):
                    yield chunk
                    done += len(chunk)
                    progress(done, vsix.size)
            yield bytes(-member.file_size % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _refuse_escape(member: zipfile.ZipInfo) -> None:
    # zipfile has made `/` of this system's separator only.
    where = PurePosixPath(member.filename.replace("\\", "/"))
    kind = stat.S_IFMT(member.external_attr >> 16)
    if where.is_absolute() or ".." in where.parts or re.match(r"[A-Za-z]:", member.filename):
        why = "leads out of its folder"
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        why = "is no file"
    else:
        return
    raise ComposegenError(
        f"this extension is not to be trusted: {member.filename[:120]!r} {why}",
        hint="nothing was unpacked; take it from the marketplace",
    )


def _refuse_damage(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Reading it compares its checksum; a size that is not true would let its neighbours' bytes be taken for headers by tar."""
    with archive.open(member) as file:
        size = sum(map(len, iter(lambda: file.read(CHUNK), b"")))
    if size != member.file_size:
        raise zipfile.BadZipFile(f"{member.filename[:120]!r} has {size} bytes, and not {member.file_size}")


def _text(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        return file.read(LARGEST_TEXT)


def _package(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(_text(archive, PACKAGE))
    except (KeyError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise ComposegenError(
            f"{path.name} is no extension of VS Code: it has no {PACKAGE}", hint="name a .vsix file of the marketplace"
        )
    return found
