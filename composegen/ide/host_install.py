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
from composegen.ide import placing, records
from composegen.ide.archive import Archive, look_into, refuse_other
from composegen.ide.obtain import READING, Source, Stages, Wanted, obtain, silent, source
from composegen.ide.places import Places, Spot, candidates
from composegen.ide.products import Product
from composegen.ide.programs import program
from composegen.ide.records import Record

UNPACKING = "unpack"  # a stage, as those of `obtain`


@dataclass(frozen=True)
class Installed:
    """What was done, or would be. `action`: install, upgrade, none (it is there already) or uninstall."""

    product: Product
    action: str
    spot: Spot
    record: Record | None  # None: not known before the archive is here
    url: str = ""
    size: int | None = None  # bytes to download
    verified_by: str = ""  # what the archive's SHA-256 was compared with; empty: there was nothing
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        record = self.record
        return {
            "product": self.product.name,
            "action": self.action,
            "version": record.version if record else "",
            "build": record.build if record else "",
            "sha256": record.sha256 if record else "",
            "verified_by": self.verified_by,
            "url": self.url,
            "folder": str(self.spot.home / record.folder if record and record.folder else self.spot.home),
            "launcher": str(self.spot.launcher),
            "entry": str(self.spot.entry),
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
) -> Installed:
    """Put it here, or the newer one in the place of the older.

    Raises ComposegenError: the archive cannot be had or is not to be used, or there is no place for it here; nothing was changed.
    """
    machine = architecture or platform.machine()
    of_it = program(product)
    spot = Spot.chosen(of_it, places or candidates())
    spot.refuse()
    found = source(wanted, product, machine)
    notes = (of_it.note, *_about_this_machine(of_it.winget, environ))
    if found and spot.old and found.build and spot.old.build == found.build and _whole(spot, spot.old):
        return Installed(product, "none", spot, spot.old, found.url, notes=notes)
    action = "upgrade" if spot.old else "install"
    if dry_run and found:
        named = _record(found.version, found.build)
        return Installed(product, action, spot, named, found.url, found.size, notes=notes)
    obtained = obtain(wanted, found, stages)
    archive = look_into(obtained.path, stages(READING))
    refuse_other(archive, product, machine)
    of_it.start(archive.files, archive.path.name)
    if spot.old and spot.old.sha256 == obtained.sha256 and _whole(spot, spot.old):
        return Installed(product, "none", spot, spot.old, verified_by=obtained.verified_by, notes=notes)
    spot.refuse_lack_of_space(archive.size)
    record = _of_archive(archive, found, obtained.sha256)
    said: list[str] = []
    if not dry_run:
        record, said = placing.put(product, of_it, archive, record, spot, stages(UNPACKING))
    at_last = (*said, *_about_path(spot.launcher, environ), *notes)
    return Installed(product, action, spot, record, found.url if found else "", None, obtained.verified_by, at_last)


def uninstall(product: Product, *, dry_run: bool = False, places: tuple[Places, ...] | None = None) -> Installed:
    """Remove what `install` put here, and nothing else. Raises ComposegenError: it put nothing here, or it may not be removed."""
    of_it, where = program(product), places or candidates()
    spot = Spot.chosen(of_it, where)
    if not (found := records.records(spot.home)):
        for home in (each.opt / of_it.folder for each in where):
            if records.records(home):
                whose = host.user_name(home.stat().st_uid)
                raise ComposegenError(
                    f"{product.title} in {home} belongs to {whose}", hint=f"{whose} can remove it, in the same way"
                )
        raise ComposegenError(f"composegen has not installed {product.title} here", hint="what others installed is left alone")
    notes = () if dry_run else tuple(placing.take_away(spot))
    return Installed(product, "uninstall", spot, spot.old or found[-1], notes=notes)


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
