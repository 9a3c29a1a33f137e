"""The user's `~/.ssh/config`: one line of ours at its very top, and every other byte as it was.

ssh_config(5) takes the first value it finds: only in front of every `Host *` and `Match` can none of them capture the alias, and
inside of such a block an Include would count for that block alone. A file of somebody else, or one that others may write, ssh
refuses for every host, not for the alias alone: so owner and mode are kept, and what is not the caller's own is left alone.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from composegen.errors import SshError

MARK = b"# composegen: `ssh composegen-NAME` for its containers. In front of all else, for ssh takes the first value it finds."
MADE = MARK + b" composegen made this file."
WORD = re.compile(rb'"([^"]*)"|([^\s"]+)')
BLOCK = re.compile(rb'(?i)"?(?:host|match)"?(?:[\s=]|$)')
INCLUDE = re.compile(rb'(?i)"?include"?(?:\s*=\s*|\s+)(.*)')


@dataclass(frozen=True)
class Change:
    """What a file holds and will hold; None: there is none. `path` is no link."""

    path: Path
    before: bytes | None
    after: bytes | None
    mode: int | None = None  # that of the old file by default, and 0600 for a new one


@dataclass(frozen=True)
class UserConfig:
    """`HOME/.ssh/config`, and the file of ours that it should include."""

    home: Path
    own: Path

    @property
    def path(self) -> Path:
        return self.home / ".ssh" / "config"

    @property
    def line(self) -> str:
        """`Include "…"`. Raises SshError: ssh_config has no way to write the path."""
        return f'Include "{_pattern(self.own)}"'

    @property
    def included(self) -> bool:
        """Whether ssh reads our file for every host, whoever wrote the line. What cannot be read includes nothing."""
        try:
            text = self.path.read_bytes() if self.path.is_file() else b""  # a named pipe would be waited for for ever
        except OSError:
            return False
        for line in text.split(b"\n"):
            if BLOCK.match(line.strip()):
                return False
            if (found := INCLUDE.match(line.strip())) and self._names_own(found[1]):
                return True
        return False

    @property
    def marked(self) -> bool:
        """Whether our own line is anywhere in it."""
        with suppress(OSError, SshError):
            return self.path.is_file() and bool(self._ours().search(self.path.read_bytes()))
        return False

    def including(self) -> Change:
        """Our line at the top; one of ours further down goes. Raises SshError: the file is not to be changed, as the hint says."""
        with self._explained():
            target, before = self._located()
            rest = before or b""
            end = b"\r\n" if rest.partition(b"\n")[0].endswith(b"\r") and b"\n" in rest else b"\n"
            lines = [MADE if before is None else MARK, os.fsencode(self.line), b""]
            return Change(target, before, end.join(lines) + self._ours().sub(b"", rest))

    def excluding(self) -> Change:
        """The bytes without our line, and no file where they are none and we made it. Raises SshError like `including`."""
        with self._explained():
            target, before = self._located()
            rest = self._ours().sub(b"", before or b"")
            made = (before or b"").startswith(MADE)
            return Change(target, before, None if made and not rest else rest)

    def _ours(self) -> re.Pattern[bytes]:
        """The comment and the line just below it. A line alone is the user's, who may have pasted it."""
        lines = (rb"(?:%s|%s)" % (re.escape(MADE), re.escape(MARK)), re.escape(os.fsencode(self.line)))
        return re.compile(rb"(?m)^%s\r?\n%s(?:\r?\n|\Z)" % lines)

    def _names_own(self, words: bytes) -> bool:
        for quoted, plain in WORD.findall(words):
            word = os.fsdecode(quoted or plain)
            pattern = self.home / word[2:] if word.startswith("~/") else self.path.parent / word
            if _matches(self.own, pattern):
                return True
        return False

    def _located(self) -> tuple[Path, bytes | None]:
        """Where the bytes are, behind links, and what they are. Raises SshError or OSError: they are not to be changed."""
        folder = self.path.parent
        if not os.path.lexists(folder):
            self._refuse_others(self.home)
            self._refuse_unwritable(self.home)
            return self.path, None
        place = Path(os.path.realpath(folder, strict=True))
        if not place.is_dir():
            raise self._refused(f"{folder} is not a folder")
        self._refuse_others(place)
        if not os.path.lexists(self.path):
            self._refuse_unwritable(place)
            return place / self.path.name, None
        target = Path(os.path.realpath(self.path, strict=True))
        found = target.stat()
        if not stat.S_ISREG(found.st_mode):
            raise self._refused(f"{self.path} is {'a folder' if stat.S_ISDIR(found.st_mode) else 'not a file'}")
        if found.st_nlink > 1:
            raise self._refused(f"{target} is one file under several names (hard links), which replacing it would part")
        if not found.st_mode & stat.S_IWUSR:
            raise self._refused(f"{target} is read-only")
        self._refuse_others(target)
        self._refuse_unwritable(target.parent)
        return target, target.read_bytes()

    def _refuse_unwritable(self, folder: Path) -> None:
        if not folder.stat().st_mode & stat.S_IWUSR or not os.access(folder, os.W_OK | os.X_OK):
            raise self._refused(f"{folder} is read-only")

    def _refuse_others(self, path: Path) -> None:
        if path.stat().st_uid != os.geteuid():
            raise self._refused(f"{path} is owned by user {path.stat().st_uid}, not by you")

    def _refused(self, fact: str) -> SshError:
        return SshError(f"{fact}, so {self.path} stays as it is", hint=f"put this line at its top yourself: {self.line}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            where = error.filename or self.path
            raise self._refused(f"{os.fsdecode(where)}: {error.strerror or error}") from error


def quoted(path: Path) -> str:
    """A path as ssh_config(5) reads it: spaces need quotes, and % would start a token. Raises SshError: it cannot be written so."""
    return '"' + _plain(path).replace("%", "%%") + '"'


def _pattern(path: Path) -> str:
    """A path as Include reads it: a pattern of glob(7). Newer clients also expand % tokens there; ? is that character to all."""
    return re.sub(r"[*?[]", r"[\g<0>]", _plain(path)).replace("%", "?")


def _plain(path: Path) -> str:
    """Older clients know no way to escape these characters, and newer ones none for `${`."""
    text = str(path)
    if re.search(r'["\\\x00-\x1f\x7f]|\$\{', text):
        raise SshError(
            f"{text!r} cannot be written in an ssh_config",
            hint="XDG_CONFIG_HOME chooses another directory: without quotes, backslashes, ${ and control characters",
        )
    return text


def _matches(path: Path, pattern: Path) -> bool:
    """As glob(7) does: a * stops at /, and does not stand for a leading dot."""
    parts, patterns = path.parts, Path(os.path.normpath(pattern)).parts
    return len(parts) == len(patterns) and all(
        fnmatchcase(part, each) and part.startswith(".") == each.startswith(".") for part, each in zip(parts, patterns, strict=True)
    )


def apply(*changes: Change) -> None:
    """All of them in this order, or none. Raises OSError, and SshError: somebody changed a file meanwhile."""
    folders: list[Path] = []
    drafts: list[Path | None] = []
    done: list[Change] = []
    try:
        for change in changes:
            drafts.append(_draft(change, folders))  # noqa: PERF401 - one that fails must not hide those before it
        for change in changes:
            if content(change.path) != change.before:
                raise SshError(f"{change.path} was changed meanwhile, by another program", hint="run the command again")
        for change, draft in zip(changes, drafts, strict=True):
            done.append(change)
            _put(draft, change.path)
    except BaseException:
        _undo(done, [draft for draft in drafts if draft], folders)
        raise


def _undo(done: list[Change], drafts: list[Path], folders: list[Path]) -> None:
    for change in reversed(done):
        with suppress(OSError):
            if content(change.path) != change.before:
                _put(_draft(Change(change.path, None, change.before), []), change.path)
    for draft in drafts:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    for folder in reversed(folders):
        with suppress(OSError):
            folder.rmdir()


def content(path: Path) -> bytes | None:
    """The bytes of a file; None where there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _draft(change: Change, folders: list[Path]) -> Path | None:
    """A file beside the target with its new content, group and mode: a full or read-only disk shows itself here."""
    if change.after is None:
        return None
    if not change.path.parent.exists():
        change.path.parent.mkdir(mode=0o700)
        folders.append(change.path.parent)
    old = change.path.stat() if change.path.exists() else None
    handle, name = tempfile.mkstemp(dir=change.path.parent, prefix=f".{change.path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            if old and os.fstat(handle).st_gid != old.st_gid:
                os.fchown(handle, -1, old.st_gid)
            os.fchmod(handle, change.mode or (stat.S_IMODE(old.st_mode) if old else 0o600))
            file.write(change.after)
            file.flush()
            os.fsync(handle)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def _put(draft: Path | None, target: Path) -> None:
    if draft is None:
        target.unlink(missing_ok=True)
    else:
        draft.replace(target)
