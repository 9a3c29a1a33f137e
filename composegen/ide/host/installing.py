"""Gateway or Toolbox on this machine: the vendor's archive → a program on PATH and in the menu, and away again."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from composegen import host
from composegen.errors import ComposegenError
from composegen.ide.host import placing, records
from composegen.ide.host.places import Places, Spot, candidates
from composegen.ide.host.programs import program
from composegen.ide.host.records import Record
from composegen.ide.products import Product
from composegen.ide.vendor.archive import Archive, look_into, refuse_other
from composegen.ide.vendor.obtain import READING, UNPACKING, Source, Stages, Wanted, obtain, silent, source

INSTALLED, THERE, WOULD, REMOVED, WOULD_REMOVE = "installed", "already there", "not installed", "removed", "not removed"


@dataclass(frozen=True)
class Outcome:
    """What became of it."""

    product: Product
    state: str  # INSTALLED, THERE, WOULD, REMOVED or WOULD_REMOVE
    spot: Spot
    record: Record  # what is there or was; of an archive that is not here yet, what the feed says
    source: str = ""  # a URL, or a file of this machine
    size: int | None = None  # bytes to download
    verified_by: str = ""  # what its SHA-256 was compared with; empty: nothing, or it was not looked at
    notes: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return str(self.spot.home / self.record.folder)

    @property
    def replaced(self) -> str:
        """The version that was there before; empty: none was."""
        return self.spot.old.version if self.spot.old and self.state in (INSTALLED, WOULD) else ""

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.product.name,
            "title": self.product.title,
            "state": self.state,
            "version": self.record.version,
            "build": self.record.build,
            "replaced": self.replaced,
            "path": self.path,
            "launcher": str(self.spot.launcher),
            "entry": str(self.spot.entry),
            "source": self.source,
            "size": self.size,
            "verified_by": self.verified_by,
            "notes": list(self.notes),
        }


def install(
    product: Product,
    wanted: Wanted,
    stages: Stages = silent,
    *,
    dry_run: bool = False,
    places: tuple[Places, ...] | None = None,
    architecture: str = "",
    environ: Mapping[str, str] = os.environ,
) -> Outcome:
    """Put it here, or the newer one in the place of the older.

    Raises ComposegenError: the archive cannot be had or is not to be used, or there is no place for it here; nothing was changed.
    """
    machine = architecture or platform.machine()
    of_it = program(product)
    spot = Spot.chosen(of_it, places or candidates())
    spot.refuse()
    found = source(wanted, product, machine)
    link = found.url if found else wanted.archive
    notes = (of_it.note, *_about_this_machine(of_it.winget, environ))
    if found and spot.old and found.build and spot.old.build == found.build and _whole(spot, spot.old):
        return Outcome(product, THERE, spot, spot.old, link, notes=notes)
    if dry_run and found:
        return Outcome(product, WOULD, spot, _record(found.version, found.build), link, found.size, notes=notes)
    obtained = obtain(wanted, found, stages)
    archive = look_into(obtained.path, stages(READING))
    refuse_other(archive, product, machine)
    of_it.start(archive.files, archive.path.name)
    if spot.old and spot.old.sha256 == obtained.sha256 and _whole(spot, spot.old):
        return Outcome(product, THERE, spot, spot.old, link, verified_by=obtained.verified_by, notes=notes)
    spot.refuse_lack_of_space(archive.size)
    record = _of_archive(archive, found, obtained.sha256)
    if dry_run:
        return Outcome(product, WOULD, spot, record, link, verified_by=obtained.verified_by, notes=notes)
    record, said = placing.put(product, of_it, archive, record, spot, stages(UNPACKING))
    notes = (*said, *_about_path(spot.launcher, environ), *notes)
    return Outcome(product, INSTALLED, spot, record, link, verified_by=obtained.verified_by, notes=notes)


def remove(product: Product, *, dry_run: bool = False, places: tuple[Places, ...] | None = None) -> Outcome:
    """Take away what `install` put here, and nothing else. Raises ComposegenError: that is nothing, or it may not be removed."""
    of_it, where = program(product), places or candidates()
    spot = Spot.chosen(of_it, where)
    found = records.records(spot.home) if records.is_mine(spot.home) else []
    if not found:
        for home in (each.opt / of_it.folder for each in where):
            if records.records(home):
                records.refuse_foreign(home)
        raise ComposegenError(f"composegen has not installed {product.title} here", hint="what others installed is left alone")
    record = spot.old or found[-1]
    if dry_run:
        return Outcome(product, WOULD_REMOVE, spot, record)
    return Outcome(product, REMOVED, spot, record, notes=tuple(placing.take_away(spot)))


def _whole(spot: Spot, record: Record) -> bool:
    """Whether all that was put here is still here."""
    folder = spot.home / record.folder
    return os.path.lexists(spot.entry) and all(os.path.lexists(folder / each) for each in record.files)


def _of_archive(archive: Archive, found: Source | None, sha256: str) -> Record:
    # The Toolbox App's archive says its version by the name of its folder alone.
    said = re.search(r"\d[\w.]*$", archive.root)
    build = archive.build or (found.build if found else "") or (said[0] if said else "")
    return _record(archive.version or (found.version if found else "") or build, build, sha256)


def _record(version: str, build: str, sha256: str = "") -> Record:
    return Record(version, build, sha256, folder="", start="", launcher="", entry="", entry_text="", files=(), made=())


def _about_path(launcher: Path, environ: Mapping[str, str]) -> list[str]:
    """What the caller's shell needs to find it."""
    path = environ.get("PATH", "")
    if str(launcher.parent) in path.split(os.pathsep):
        first = shutil.which(launcher.name, path=path)
        return [f"{first} comes before {launcher} on PATH"] if first and not launcher.samefile(first) else []
    folder = str(launcher.parent).replace(str(Path.home()), "$HOME", 1)
    if Path(environ.get("SHELL", "")).name == "fish":
        return [f"{launcher.parent} is not on PATH; once: fish_add_path {folder}"]
    return [f'{launcher.parent} is not on PATH; add this line to ~/.profile, and log in again: export PATH="{folder}:$PATH"']


def _about_this_machine(winget: str, environ: Mapping[str, str]) -> list[str]:
    if "wsl" in host.systems():
        return [f"this is Linux inside of Windows; on Windows itself: winget install -e --id {winget}"]
    if environ.get("SSH_CONNECTION"):
        return ["you came over SSH: this program belongs on the machine in front of you, unless its screen is shown there"]
    return []
