"""Putting a program on this machine so that there is the old one or the new one at any time, and taking it away again."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from composegen.errors import ComposegenError
from composegen.ide.host import desktop, records
from composegen.ide.host.places import SUDO, Spot
from composegen.ide.host.programs import ANY_ICON, Program
from composegen.ide.host.records import Record
from composegen.ide.products import Product
from composegen.ide.vendor.archive import Archive
from composegen.ide.vendor.download import Progress

FOR_ALL = 0o755  # to read, and for nobody else to write; root's umask must not hide from others what is for everybody


def put(
    product: Product, program: Program, archive: Archive, record: Record, spot: Spot, progress: Progress
) -> tuple[Record, list[str]]:
    """Unpack it, let link and menu start it, and only then remove what was there; the record, and what else is to be said.

    `record` says of it what is known already. Raises ComposegenError: there is no space, or it cannot be written; all is as it was.
    """
    start = program.start(archive.files, archive.path.name)
    needed = [spot.home, spot.launcher.parent, spot.entry.parent]
    with _explained(spot.home, f"{SUDO}; what was there is as it was"), _folders(needed) as made, records.locked(spot.home):
        _remove_unfinished(spot.home)
        folder = _free_name(spot.home, archive.root)
        record = replace(
            record,
            folder=folder,
            start=start,
            launcher=str(spot.launcher),
            entry=str(spot.entry),
            entry_text=_entry(product, program, archive, spot, folder),
            made=(*(path for each in records.records(spot.home) for path in each.made), *map(str, made)),
        )
        try:
            record = _unpacked(archive, record, spot.home, progress)
            notes = _switched(record, spot)
        except BaseException:
            records.remove_version(spot.home, record)
            raise
        return record, [*notes, *_remove_others(spot.home, folder)]


def take_away(spot: Spot) -> list[str]:
    """Remove everything that the records say; what stays, and why. Raises ComposegenError: it may not be removed."""
    notes: list[str] = []
    with _explained(spot.home, "mend that, and say it again: it goes on from there"), records.locked(spot.home):
        found = records.records(spot.home)
        for record in found:
            # The version last: until then its record says what there is still to remove.
            notes += records.remove_launcher(spot.home, record)
            notes += records.remove_entry(record)
            _tell_the_desktop(Path(record.entry).parent)
            notes += records.remove_version(spot.home, record)
        _remove_unfinished(spot.home)
        for folder in (*reversed([Path(path) for record in found for path in record.made]), spot.home):
            with suppress(OSError):  # it is not empty, or gone
                folder.rmdir()
    return list(dict.fromkeys(notes))


def _entry(product: Product, program: Program, archive: Archive, spot: Spot, folder: str) -> str:
    icon = program.icon(archive.files)
    return desktop.entry(
        title=product.title,
        comment=program.comment,
        command=str(spot.launcher),
        icon=str(spot.home / folder / icon) if icon else ANY_ICON,
        window=program.folder,
        scheme=program.scheme,
    )


def _unpacked(archive: Archive, record: Record, home: Path, progress: Progress) -> Record:
    """The same record with what is in its folder now; it is written down before anything has that name."""
    with tempfile.TemporaryDirectory(prefix=records.UNFINISHED, dir=home) as unfinished:
        _extract(archive, Path(unfinished), progress)
        root = Path(unfinished, archive.root)
        if not os.access(root / record.start, os.X_OK):
            raise ComposegenError(f"{record.start} of {archive.path.name} is no program", hint="download the archive again")
        record = replace(record, files=tuple(str(path.relative_to(root)) for path in records.contents(root)))
        records.write(home, record)
        root.rename(home / record.folder)
    return record


def _extract(archive: Archive, to: Path, progress: Progress) -> None:
    """Put its folder into `to`, as the caller's. Raises OSError: the disk said no; TarError: it is another archive by now."""
    done = 0
    # Python 3.12 wants a filter, before 3.10.12 there is none: https://docs.python.org/3/library/tarfile.html#extraction-filters
    filtered: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    with tarfile.open(archive.path, "r:gz") as stream:
        for member in stream:
            member.uid, member.gid, member.uname, member.gname = os.geteuid(), os.getegid(), "", ""
            member.mode = FOR_ALL if member.isdir() or member.mode & 0o111 else 0o644
            stream.extract(member, to, **filtered)
            done += member.size
            progress(min(done, archive.size), archive.size)
    root = to / archive.root
    for path in (root, *root.rglob("*")):
        if path.is_dir() and not path.is_symlink():  # the filter leaves folders to the umask
            path.chmod(FOR_ALL)


def _remove_others(home: Path, folder: str) -> list[str]:
    """What stays of them, and why: it does not keep anybody from the new one, and the next run tries again."""
    notes = []
    for each in records.records(home):
        if each.folder != folder:
            try:
                notes += records.remove_version(home, each)
            except OSError as error:
                notes.append(f"{home / each.folder} stays for now: {error.filename}: {error.strerror}")
    return notes


def _switched(record: Record, spot: Spot) -> list[str]:
    """Let the link and the menu's entry start this version; whatever goes wrong, they are as they were."""
    before = spot.launcher.readlink() if spot.launcher.is_symlink() else None
    _replace_link(spot.launcher, spot.home / record.folder / record.start)
    try:
        notes = _write_entry(record, spot)
    except BaseException:
        if before is None:
            spot.launcher.unlink()
        else:
            _replace_link(spot.launcher, before)
        raise
    _tell_the_desktop(spot.entry.parent)
    return notes


def _write_entry(record: Record, spot: Spot) -> list[str]:
    ours = [each.entry_text for each in records.records(spot.home)]
    if os.path.lexists(spot.entry) and not any(records.holds(spot.entry, text) for text in ours):
        return [f"{spot.entry} stays as it is: composegen did not write it, or it was edited"]
    beside = _beside(spot.entry)
    try:
        beside.write_text(record.entry_text, encoding="utf-8")
        beside.chmod(0o644)
        beside.replace(spot.entry)
    finally:
        beside.unlink(missing_ok=True)
    return []


def _replace_link(link: Path, target: Path) -> None:
    beside = _beside(link)
    beside.unlink(missing_ok=True)
    beside.symlink_to(target)
    beside.replace(link)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.composegen")


def _tell_the_desktop(applications: Path) -> None:
    """Who opens which link is looked up in a cache, https://specifications.freedesktop.org/mime-apps-spec/, where there is one."""
    if not (shutil.which("update-desktop-database") and applications.is_dir()):
        return
    argv = ["update-desktop-database", "-q", str(applications)]
    subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, umask=0o022)
    cache = applications / "mimeinfo.cache"
    if records.holds(cache, "[MIME Cache]\n"):
        cache.unlink()


def _free_name(home: Path, root: str) -> str:
    """The archive's own name for its folder, or, where one is there already, the same with a number."""
    taken = {each.name.removesuffix(records.SUFFIX) for each in home.iterdir()}
    name, number = root, 1
    while name in taken:
        number += 1
        name = f"{root}.{number}"
    return name


def _remove_unfinished(home: Path) -> None:
    for path in home.glob(f"{records.UNFINISHED}*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


@contextmanager
def _folders(needed: list[Path]) -> Iterator[list[Path]]:
    """Make those that are missing, and take them away again where that comes to nothing; which they were, outermost first."""
    made: list[Path] = []
    try:
        for folder in needed:
            for each in reversed([each for each in (folder, *folder.parents) if not each.exists()]):
                each.mkdir()
                made.append(each)
                each.chmod(FOR_ALL)
        yield made
    except BaseException:
        for folder in reversed(made):
            with suppress(OSError):
                folder.rmdir()
        raise


@contextmanager
def _explained(home: Path, hint: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise ComposegenError(
            f"{error.filename or home}: {error.strerror or error}", hint="make space there" if full else hint
        ) from None
    except tarfile.TarError as error:
        raise ComposegenError(f"cannot unpack into {home}: {error}", hint="download the archive again") from None
