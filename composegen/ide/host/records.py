"""What composegen put on this machine for a program, written down beside it, so that exactly that can be taken away again.

A program has one folder, say /opt/jetbrains-gateway, and in it a folder and a record for every version: one, and two for the moment
in which a new one takes over. The record is written first and removed last: whatever was interrupted, the next run knows it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from composegen import host
from composegen.errors import ComposegenError

SUFFIX = ".json"
UNFINISHED = ".new-"  # what begins so in a program's folder is of a run that is under way, or was interrupted


@dataclass(frozen=True)
class Record:
    version: str
    build: str
    sha256: str  # of the archive
    folder: str  # its name in the program's folder
    start: str  # path of the program in `folder`
    launcher: str  # absolute path of a link
    entry: str  # absolute path of the desktop entry
    entry_text: str
    files: tuple[str, ...]  # everything in `folder` that is no folder
    made: tuple[str, ...]  # folders that were not there before, outermost first


def records(home: Path) -> list[Record]:
    """Those in a program's folder; what is no record is none of composegen's."""
    found = []
    for path in sorted(home.glob(f"*{SUFFIX}")):
        with suppress(OSError, ValueError, TypeError):
            found.append(_checked(json.loads(path.read_text(encoding="utf-8")), path))
    return found


def current(home: Path) -> Record | None:
    """The version that its link on PATH starts; None: nothing is installed, or somebody took the link away."""
    return next((each for each in records(home) if links_into(Path(each.launcher), home / each.folder)), None)


def links_into(launcher: Path, folder: Path) -> bool:
    with suppress(OSError):
        return launcher.readlink().is_relative_to(folder)
    return False


def write(home: Path, record: Record) -> None:
    path = home / f"{record.folder}{SUFFIX}"
    unfinished = home / f"{UNFINISHED}{path.name}"
    unfinished.write_text(json.dumps(asdict(record)), encoding="utf-8")
    unfinished.chmod(0o644)
    unfinished.replace(path)


def is_mine(home: Path) -> bool:
    """Whether it is the caller's, or not there yet: what another user wrote into a record is not acted upon."""
    return not os.path.lexists(home) or home.lstat().st_uid == os.geteuid()


def refuse_foreign(home: Path) -> None:
    """Raises ComposegenError: somebody else's files are there."""
    if home.is_symlink() or (home.exists() and not home.is_dir()):
        raise ComposegenError(f"{home} is there, and is no folder of composegen's", hint="move it away")
    if not is_mine(home):
        whose = host.user_name(home.stat().st_uid)
        raise ComposegenError(f"{home} belongs to {whose}", hint=f"{whose} can change it, in the same way")
    if home.is_dir() and not records(home) and any(not each.name.startswith(UNFINISHED) for each in home.iterdir()):
        raise ComposegenError(f"{home} is there, and composegen did not make it", hint="move it away; nothing in it was touched")


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Raises ComposegenError: another run changes it."""
    descriptor = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise ComposegenError(f"another composegen is at work in {home}", hint="wait for it") from None
    finally:
        os.close(descriptor)


# --- Taking away -----------------------------------------------------------------------------------------------------------


def remove_version(home: Path, record: Record) -> list[str]:
    """Remove the version's files and its record; what it leaves in its folder, because it came from elsewhere."""
    folder = home / record.folder
    left = _remove_files(folder, set(record.files))
    (home / f"{record.folder}{SUFFIX}").unlink(missing_ok=True)
    return [f"{folder} stays: {len(left)} files in it are not composegen's, such as {left[0]}"] if left else []


def _remove_files(folder: Path, files: set[str]) -> list[str]:
    left = []
    for path in contents(folder):
        if (inside := str(path.relative_to(folder))) in files:
            path.unlink()
        else:
            left.append(inside)
    for path in sorted((folder, *folder.rglob("*")), reverse=True):
        with suppress(OSError):  # a file, or not empty
            path.rmdir()
    return left


def contents(folder: Path) -> list[Path]:
    """Everything below it that is no folder; a link to one is none."""
    return sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def remove_launcher(home: Path, record: Record) -> list[str]:
    launcher = Path(record.launcher)
    if links_into(launcher, home):
        launcher.unlink()
    elif os.path.lexists(launcher):
        return [f"{launcher} stays: it is not composegen's link any more"]
    return []


def remove_entry(record: Record) -> list[str]:
    entry = Path(record.entry)
    if holds(entry, record.entry_text):
        entry.unlink()
    elif os.path.lexists(entry):
        return [f"{entry} stays: it is not what composegen wrote"]
    return []


def holds(path: Path, text: str) -> bool:
    with suppress(OSError, ValueError):
        return path.read_text(encoding="utf-8") == text
    return False


def _checked(found: object, path: Path) -> Record:
    """Raises ValueError or TypeError: it is none."""
    if not isinstance(found, dict):
        raise TypeError(path)
    lists = [name for name in ("files", "made") if isinstance(found.get(name), list)]
    values: dict[str, Any] = {name: tuple(map(str, value)) if name in lists else str(value) for name, value in found.items()}
    record = Record(**values)
    if f"{record.folder}{SUFFIX}" != path.name or len(lists) != 2:
        raise ValueError(path)
    return record
