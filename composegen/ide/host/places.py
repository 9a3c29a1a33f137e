"""Where a program goes on this machine: for everybody where the caller may, for the caller alone where not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from composegen.errors import ComposegenError
from composegen.ide.host import records
from composegen.ide.host.programs import Program
from composegen.ide.host.records import Record

SUDO = "with sudo it goes to /opt, for everybody"


@dataclass(frozen=True)
class Places:
    """Folders: of programs, of commands on PATH, of desktop entries."""

    opt: Path
    bin: Path
    applications: Path


# /usr/bin and /usr/share are the package manager's, https://refspecs.linuxfoundation.org/FHS_3.0/; desktops look into both.
SYSTEM = Places(Path("/opt"), Path("/usr/local/bin"), Path("/usr/local/share/applications"))


def own(environ: Mapping[str, str] = os.environ) -> Places:
    """The caller's, https://specifications.freedesktop.org/basedir-spec/: a relative XDG_DATA_HOME does not count."""
    local = Path.home() / ".local"
    data = environ.get("XDG_DATA_HOME", "")
    return Places(local / "opt", local / "bin", (Path(data) if data.startswith("/") else local / "share") / "applications")


def candidates() -> tuple[Places, ...]:
    return (SYSTEM, own())


@dataclass(frozen=True)
class Spot:
    """One program's places."""

    home: Path  # its folder: versions and records
    launcher: Path
    entry: Path
    old: Record | None  # what is installed there

    @classmethod
    def chosen(cls, program: Program, candidates: tuple[Places, ...]) -> Spot:
        """Where it is already and is the caller's; else, each for itself, the first of those places that can be written to."""
        homes = [places.opt / program.folder for places in candidates]
        for home in filter(records.is_mine, homes):
            if found := records.records(home):
                old = records.current(home)
                known = old or found[-1]
                return cls(home, Path(known.launcher), Path(known.entry), old)
        return cls(
            home=next((home for home in homes if records.is_mine(home) and _may_write(home)), homes[-1]),
            launcher=_first([places.bin / program.command for places in candidates]),
            entry=_first([places.applications / program.entry for places in candidates]),
            old=None,
        )

    def refuse(self) -> None:
        """Raises ComposegenError: something of somebody else's is there, or it cannot be written."""
        records.refuse_foreign(self.home)
        if os.path.lexists(self.launcher) and not records.links_into(self.launcher, self.home):
            raise ComposegenError(
                f"{self.launcher} is there, and is not composegen's", hint="move it away, or use it: nothing was changed"
            )
        for path in (self.home, self.home / records.UNFINISHED, self.launcher, self.entry):
            if not _may_write(path):
                nearest = _nearest(path)
                why = "may not be written by you, or is mounted read-only" if nearest.is_dir() else "is no folder"
                raise ComposegenError(f"{path} cannot be made: {nearest} {why}", hint=SUDO)

    def refuse_lack_of_space(self, size: int) -> None:
        """Raises ComposegenError: so many bytes do not fit in there."""
        nearest = _nearest(self.home / records.UNFINISHED)
        free = shutil.disk_usage(nearest).free
        if size > free:
            raise ComposegenError(
                f"{nearest} has {free / 1e9:.1f} GB free, and unpacked it takes {size / 1e9:.1f} GB", hint="make space there"
            )


def _first(paths: list[Path]) -> Path:
    return next((path for path in paths if _may_write(path)), paths[-1])


def _may_write(path: Path) -> bool:
    """Whether it could be made or replaced."""
    nearest = _nearest(path)
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def _nearest(path: Path) -> Path:
    """The innermost of its folders that is there."""
    return next(each for each in path.parents if os.path.lexists(each))
