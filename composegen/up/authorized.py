"""Who may log in, changed while everything runs on: SSH_AUTHORIZED_KEYS of `.env`, and the running container's own list.

    listed(folder, engine)   every key that lets somebody in, and where it stands
    adding / removing        the change that was asked for; nothing is touched
    make_so(change, engine)  writes `.env` and tells the container; sessions and jobs go on

Nobody is locked out unasked: the last key of a person goes only where that was agreed to, composegen's own only when it is named.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from composegen import dotenv, folder
from composegen.engine import Engine
from composegen.errors import EngineError, UsageError
from composegen.folder import ENV, Folder, Plan
from composegen.ssh import keys
from composegen.ssh.keys import PublicKey
from composegen.ssh.public_key import says_something, with_options

Identity = tuple[str, str]
VARIABLE = "SSH_AUTHORIZED_KEYS"
FOR_ALL = "/etc/ssh/authorized_keys"  # in the container; the others are in homes


@dataclass(frozen=True)
class Entry:
    """A line that lets somebody in. `key` is None where sshd cannot read it."""

    number: int
    line: str
    key: PublicKey | None
    options: str = ""
    in_env: bool = False
    in_container: bool | None = None  # None: it does not run, and cannot be asked
    homes: tuple[str, ...] = ()  # files in homes of the container that have it as well
    own: bool = False  # composegen's

    @property
    def name(self) -> str:
        return f"{self.key.fingerprint} {self.key.comment}".rstrip() if self.key else f"{self.line[:60]}…"

    def to_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "type": self.key.type if self.key else None,
            "bits": self.key.bits if self.key else None,
            "fingerprint": self.key.fingerprint if self.key else None,
            "comment": self.key.comment if self.key else self.line,
            "options": self.options,
            "in_env": self.in_env,
            "in_container": self.in_container,
            "in_homes": list(self.homes),
            "own": self.own,
        }


@dataclass(frozen=True)
class Change:
    """What `.env` and the container will hold, and which keys that is about."""

    plan: Plan
    pushed: tuple[str, ...]
    added: tuple[Entry, ...] = ()
    removed: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """`told`: a container runs and knows. `still_in`: removed keys, and the files in it that let them in all the same."""

    told: bool
    still_in: tuple[tuple[Entry, tuple[str, ...]], ...] = ()


def listed(opened: Folder, engine: Engine) -> tuple[Entry, ...]:
    """The lines of `.env` in their order, then those that only the container has.

    Raises EngineError: the engine does not answer. ComposegenError: .env is not valid.
    """
    container = engine.container()
    there = engine.authorized_keys() if container is not None and container.running else None
    own = _identity(keys.own_public_key())
    found: dict[Identity, Entry] = {}
    for line in filter(says_something, _lines(opened)):
        found.setdefault(_identity(line), _entry(line, own, in_env=True, in_container=None if there is None else False))
    for file, lines in (there or {}).items():
        for line in filter(says_something, lines):
            identity = _identity(line)
            known = found.get(identity) or _entry(line, own, in_env=False, in_container=False)
            found[identity] = replace(known, in_container=True) if file == FOR_ALL else replace(known, homes=(*known.homes, file))
    return tuple(replace(entry, number=number) for number, entry in enumerate(found.values(), 1))


def adding(opened: Folder, entries: Sequence[Entry], new: Sequence[PublicKey]) -> Change:
    """`.env` with these keys besides; one that is there already keeps its line. Raises FolderError: .env cannot be read."""
    known = {_identity(entry.line) for entry in entries if entry.in_env}
    fresh = [key for key in new if (key.type, key.blob) not in known]
    added = tuple(Entry(0, str(key), key) for key in fresh)
    return _change(opened, entries, (*_lines(opened), *map(str, fresh)), added=added)


def removing(opened: Folder, entries: Sequence[Entry], gone: Sequence[Entry]) -> Change:
    """`.env` without these. Raises FolderError: .env cannot be read."""
    lost = {_identity(entry.line) for entry in gone}
    lines = tuple(line for line in _lines(opened) if _identity(line) not in lost)
    return _change(opened, entries, lines, removed=tuple(gone))


def chosen(entries: Sequence[Entry], word: str) -> Entry:
    """The key that is meant: a fingerprint, a comment, a number of the list, or the key itself.

    Raises UsageError: none, or more than one.
    """
    meant = _identity(word)
    found = [entry for entry in entries if word in _names(entry)] or [entry for entry in entries if _identity(entry.line) == meant]
    if not found:
        known = [name for entry in entries for name in _names(entry)]
        raise UsageError.unknown("key", word[:80], known[:30], more="`composegen ssh-keys list` shows them all")
    if len(found) > 1:
        numbers = ", ".join(str(entry.number) for entry in found)
        raise UsageError(f"{len(found)} keys are called '{word[:80]}'", hint=f"say which by number or fingerprint: {numbers}")
    return found[0]


def locks_out(opened: Folder, entries: Sequence[Entry], gone: Sequence[Entry]) -> bool:
    """Whether nobody but composegen could log in any more."""
    left = [entry for entry in entries if entry.key and entry.in_env and not entry.own and entry not in gone]
    return any(not entry.own for entry in gone) and not left and not opened.settings.password


def make_so(change: Change, engine: Engine) -> Outcome:
    """Write `.env`, then tell the container, if one runs.

    Raises FolderError: .env cannot be written, and all is as it was. EngineError: the container cannot be told; `up` tells it.
    """
    folder.write(change.plan)
    container = engine.container()
    if container is None or not container.running:
        return Outcome(told=False)
    try:
        engine.push_keys(change.pushed)
        there = engine.authorized_keys() if change.removed else {}
    except EngineError as error:
        raise EngineError(f".env is changed, the container is not: {error.message}", hint="`composegen up` tells it") from error
    holders: dict[Identity, tuple[str, ...]] = {}
    for file, lines in there.items():
        for identity in map(_identity, lines):
            holders[identity] = (*holders.get(identity, ()), file)
    gone = ((entry, holders.get(_identity(entry.line), ())) for entry in change.removed)
    return Outcome(told=True, still_in=tuple((entry, files) for entry, files in gone if files))


@contextmanager
def alone(opened: Folder) -> Iterator[None]:
    """Two runs at once take turns, so that neither loses what the other wrote."""
    descriptor = os.open(opened.path, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def refuse_shadowed(opened: Folder) -> None:
    """Raises UsageError: an exported variable beats .env, so that a change there would reach nobody."""
    if VARIABLE in opened.shadowed:
        raise UsageError(
            f"the exported {VARIABLE} beats .env, so that a change of .env would reach nobody",
            hint=f"unset {VARIABLE} and come back, or change it where it is exported",
        )


def _change(opened: Folder, entries: Sequence[Entry], lines: tuple[str, ...], **about: tuple[Entry, ...]) -> Change:
    text = dotenv.assign(folder.read_text(opened.path / ENV) or "", {VARIABLE: "\n".join(lines)})
    # What somebody else told the container is theirs, and stays until `up` finds .env changed.
    others = [entry.line for entry in entries if entry.in_container and not entry.in_env and entry not in about.get("removed", ())]
    return Change(Plan(opened.path, (folder.plan_env(opened.path, text),)), (*lines, *others), **about)


def _lines(opened: Folder) -> tuple[str, ...]:
    """Those of `.env` itself, whatever is exported."""
    return tuple(dotenv.parse(folder.read_text(opened.path / ENV) or "").get(VARIABLE, "").splitlines())


def _entry(line: str, own: Identity, *, in_env: bool, in_container: bool | None) -> Entry:
    try:
        options, key = with_options(line, source="")
    except UsageError:
        return Entry(0, line, None, in_env=in_env, in_container=in_container)
    return Entry(0, line, key, options, in_env, in_container, own=(key.type, key.blob) == own)


def _identity(line: str) -> Identity:
    """Two lines of one key are one, whatever comment or options they have."""
    try:
        _, key = with_options(line, source="")
    except UsageError:
        return "", line.strip()
    return key.type, key.blob


def _names(entry: Entry) -> tuple[str, ...]:
    return (str(entry.number), *((entry.key.fingerprint, entry.key.comment) if entry.key else (entry.line.strip(),)))
