"""An archive that was looked into → files on this machine."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import Any

from composegen.ide.archive import Archive
from composegen.ide.download import Progress

FOR_ALL = 0o755  # to read, and for nobody else to write; root's umask must not hide from others what is for everybody


def unpack(archive: Archive, to: Path, progress: Progress) -> None:
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
