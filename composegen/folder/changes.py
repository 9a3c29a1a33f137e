"""What writing some texts into a folder would change, found out without touching anything.

Every file is compared three ways. The base is `.composegen/generated.json`, the texts of the last write: a file that still equals
its base follows the new text; one that was edited stays; one that was edited *and* has a new text is a conflict.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from composegen import dotenv
from composegen.errors import FolderError

Kind = Literal["create", "identical", "update", "keep", "conflict", "remove"]

COMPOSE = "compose.yaml"
ENV = ".env"
GENERATED = ".composegen/generated.json"
GENERATED_VERSION = 1


@dataclass(frozen=True)
class Change:
    """One file: what would happen to it, and the unified diff of it (secrets masked; empty where nothing changes)."""

    path: str  # relative to the folder, with slashes
    kind: Kind
    diff: str = ""
    text: str = ""
    source: Path | None = None  # a file that is copied instead of a text


@dataclass(frozen=True)
class Plan:
    directory: Path
    changes: tuple[Change, ...]
    directories: tuple[str, ...] = ()  # made where missing

    @property
    def conflicts(self) -> tuple[str, ...]:
        return tuple(change.path for change in self.changes if change.kind == "conflict")

    @property
    def pending(self) -> tuple[Change, ...]:
        """What `write` will do."""
        return tuple(change for change in self.changes if change.kind in ("create", "update", "remove"))

    def refuse_conflicts(self) -> None:
        if self.conflicts:
            raise FolderError(
                f"edited by hand, and changed by this as well: {', '.join(self.conflicts)}",
                hint="nothing was written; take your edits out of the way, or leave out the option that changes these files",
            )

    @property
    def diff(self) -> str:
        """Every change as one unified diff, without composegen's own record."""
        return "".join(change.diff for change in self.changes if change.path != GENERATED)


def plan(
    directory: Path, texts: Mapping[str, str], *, copies: Mapping[str, Path] | None = None, directories: Sequence[str] = ()
) -> Plan:
    """Compare `texts` (`{relative path: text}`) with what is there; left-over files of an earlier plan are removed unless edited.

    `copies` are files to copy, `directories` are made where missing. Raises FolderError: the folder is not composegen's, or
    something in it is not a file, leads out of the folder through a symbolic link, or cannot be read.
    """
    refuse_foreign(directory)
    base = _generated(directory)
    changes = [_compare(directory, path, text, base.get(path)) for path, text in texts.items()]
    changes += [_compare_copy(directory, path, source) for path, source in (copies or {}).items()]
    changes += _left_over(directory, base, texts)
    changes.append(_compare(directory, GENERATED, _record(texts), read_text(directory / GENERATED)))
    found = Plan(directory, tuple(changes), tuple(directories))
    for change in found.pending:
        _refuse_leading_out(directory, change.path)
    return found


def plan_env(directory: Path, text: str) -> Change:
    """The change that makes `text` the folder's `.env`, which is the person's own: it has no base, and its diff shows no secret."""
    change = _compare(directory, ENV, text, base=_text_there(directory, ENV))
    if change.kind != "identical":
        _refuse_leading_out(directory, ENV)
    return change


def _compare(directory: Path, path: str, text: str, base: str | None) -> Change:
    there = _text_there(directory, path)
    if there is None:
        return Change(path, "create", _diff(path, "", text), text)
    if _plain(there) == _plain(text):
        return Change(path, "identical")
    if base is not None and _plain(there) == _plain(base):
        return Change(path, "update", _diff(path, there, text), text)
    if base is not None and _plain(base) == _plain(text):
        return Change(path, "keep")
    return Change(path, "conflict", _diff(path, there, text), text)


def _compare_copy(directory: Path, path: str, source: Path) -> Change:
    from filecmp import cmp

    target = directory / path
    if not os.path.lexists(target):
        return Change(path, "create", f"+++ {path} (a copy of {source})\n", source=source)
    try:
        same = cmp(source, target, shallow=False)
    except OSError as error:
        raise FolderError(f"cannot read '{error.filename}': {error.strerror}") from None
    return Change(path, "identical" if same else "conflict", source=source)


def _left_over(directory: Path, base: Mapping[str, str], texts: Mapping[str, str]) -> Iterator[Change]:
    """What composegen wrote earlier and these choices have no use for: removed while nobody edited it, else kept."""
    for path, text in base.items():
        if path in texts or (there := _text_there(directory, path)) is None:
            continue
        edited = _plain(there) != _plain(text)
        yield Change(path, "keep") if edited else Change(path, "remove", _diff(path, there, ""))


def _text_there(directory: Path, path: str) -> str | None:
    if (directory / path).is_dir():
        raise FolderError(f"'{directory / path}' is a folder where composegen writes a file", hint="move it away")
    return read_text(directory / path)


def _plain(text: str) -> str:
    """What counts in a comparison: a checkout with CRLF line ends or a BOM is not an edit."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def _diff(path: str, old: str, new: str) -> str:
    from difflib import unified_diff

    if path == ENV:
        old, new = dotenv.masked(old), dotenv.masked(new)
    lines = unified_diff(
        _plain(old).splitlines(keepends=True),
        _plain(new).splitlines(keepends=True),
        f"a/{path}" if old else "/dev/null",
        f"b/{path}" if new else "/dev/null",
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _generated(directory: Path) -> dict[str, str]:
    text = read_text(directory / GENERATED)
    if text is None:
        return {}
    try:
        loaded = json.loads(text)
        if loaded["version"] != GENERATED_VERSION:
            raise FolderError(f"'{directory / GENERATED}' is of version {loaded['version']!r}", hint="upgrade composegen")
        return {str(path): "\n".join(lines) for path, lines in loaded["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise FolderError(f"'{directory / GENERATED}' is damaged", hint="restore it from version control") from None


def _record(texts: Mapping[str, str]) -> str:
    files = {path: texts[path].split("\n") for path in sorted(texts)}
    return json.dumps({"version": GENERATED_VERSION, "files": files}, indent=1, ensure_ascii=False) + "\n"


def refuse_foreign(directory: Path) -> None:
    """A folder that holds other things is never filled; an empty one, or an empty git repository, may be."""
    try:
        entries = [] if not directory.exists() else [entry.name for entry in directory.iterdir()]
    except NotADirectoryError:
        raise FolderError(f"'{directory}' is a file", hint="name another folder: `composegen init STACK DIR`") from None
    except OSError as error:
        raise FolderError(f"cannot read '{directory}': {error.strerror}", hint="look at its owner and mode") from None
    if set(entries) <= {".git"} or is_ours(directory) or (directory / GENERATED).exists():
        return
    raise FolderError(
        f"'{directory}' exists and composegen did not write it", hint="name another folder: `composegen init STACK DIR`"
    )


def _refuse_leading_out(directory: Path, path: str) -> None:
    root = os.path.realpath(directory)
    target = os.path.realpath(directory / path)
    if os.path.commonpath((root, target)) != root:
        raise FolderError(f"'{directory / path}' leads to '{target}', outside the folder", hint="replace the link by a file")


def is_ours(directory: Path) -> bool:
    """Whether composegen wrote the compose.yaml there; quick, and says nothing about whether it is still sound."""
    text = read_text(directory / COMPOSE) or ""
    return any(line.startswith("x-composegen:") for line in text.splitlines())


def read_text(path: Path) -> str | None:
    """The file's text without BOM, or None where there is none. Raises FolderError: it is there and cannot be read as text."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError:
        raise FolderError(f"'{path}' is not UTF-8 text", hint="save it as UTF-8, or restore it from version control") from None
    except OSError as error:
        raise FolderError(f"cannot read '{path}': {error.strerror}", hint="look at its owner and mode") from None
