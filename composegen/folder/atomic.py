"""Several files on disk changed together: all of them, or none.

New contents are first written beside their targets, where a full or read-only disk shows itself; only then is anything replaced, by
renames that need no space. Whatever goes wrong, Ctrl-C included, everything is put back and what this run made is taken away again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

Owner = tuple[int, int]  # uid and gid
PRIVATE = 0o600


@contextmanager
def all_or_nothing(owner: Owner | None = None) -> Iterator[Staging]:
    """Stage changes inside the block; they happen together when it ends. What is newly made belongs to `owner`, if given.

    Raises OSError: the disk said no, and everything is as it was.
    """
    staging = Staging(owner)
    try:
        yield staging
        staging.commit()
    except BaseException:
        staging.undo()
        raise


class Staging:
    """What `all_or_nothing` hands out; `commit` and `undo` are its own business."""

    def __init__(self, owner: Owner | None) -> None:
        self._owner = owner
        self._made: list[Path] = []  # folders of this run
        self._beside: list[Path] = []  # files that are only there until the end
        self._staged: list[tuple[Path, Path | None]] = []  # a target and its new content, or None for a removal
        self._changed: list[tuple[Path, Path | None]] = []  # a target and its old content, or None where there was none

    def directory(self, path: Path) -> None:
        """`path` and its missing parents are made."""
        missing = [each for each in (path, *path.parents) if not each.exists()]
        for each in reversed(missing):
            each.mkdir()
            self._made.append(each)
            _give(each, self._owner)

    def text(self, path: Path, text: str, *, private: bool = False) -> None:
        """`path` will hold `text`; `private`: only its owner may read it."""
        new = self._new_file(path, PRIVATE if private else None)
        new.write_text(text, encoding="utf-8", newline="")

    def copy(self, source: Path, path: Path) -> None:
        """`path` will be a copy of `source`."""
        import shutil

        shutil.copyfile(source, self._new_file(path, None))

    def removal(self, path: Path) -> None:
        """`path` will be gone; a folder that this leaves empty stays."""
        self._staged.append((path, None))

    def _new_file(self, path: Path, mode: int | None) -> Path:
        """An empty file beside `path` with the owner and mode that `path` will have."""
        target = Path(os.path.realpath(path))  # a link inside the folder keeps being one: what it points to is replaced
        self.directory(target.parent)
        new = target.with_name(f".{target.name}.{os.getpid()}.composegen")
        new.unlink(missing_ok=True)
        os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else mode))
        self._beside.append(new)
        old = target.stat() if target.exists() else None
        if mode is None and old:
            new.chmod(old.st_mode & 0o777)
        _give(new, (old.st_uid, old.st_gid) if old else self._owner)
        self._staged.append((target, new))
        return new

    def commit(self) -> None:
        for target, new in self._staged:
            self._changed.append((target, self._set_aside(target)))
            if new is None:
                target.unlink()
            else:
                new.replace(target)
        self._clear()

    def _set_aside(self, target: Path) -> Path | None:
        if not target.exists():
            return None
        old = target.with_name(f".{target.name}.{os.getpid()}.composegen-old")
        old.unlink(missing_ok=True)
        self._beside.append(old)
        try:
            os.link(target, old)
        except OSError:  # a file system without hard links
            import shutil

            shutil.copy2(target, old)
        return old

    def undo(self) -> None:
        for target, old in reversed(self._changed):
            with suppress(OSError):
                if old is None:
                    target.unlink(missing_ok=True)
                else:
                    old.replace(target)
        self._clear()
        for directory in reversed(self._made):
            with suppress(OSError):
                directory.rmdir()

    def _clear(self) -> None:
        for path in self._beside:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _give(path: Path, owner: Owner | None) -> None:
    """Where the process may not give files away it keeps them."""
    if owner is not None:
        with suppress(PermissionError):
            os.chown(path, *owner)
