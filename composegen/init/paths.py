"""The paths that `init` is given: checked, and made absolute or relative to the folder.

Relative means to the current folder, as everywhere in a shell. Any character works but a line break or control character, which
neither `.env` nor a reader would survive. Every function raises UsageError.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

from composegen import dotenv
from composegen.errors import UsageError
from composegen.init.options import UNPRINTABLE
from composegen.model import CODE_TARGET, Mount

# Where the container has something of its own; under them nothing is lost.
TAKEN = (
    CODE_TARGET,
    "/",
    "/dev/shm",
    "/etc",
    "/etc/composegen",
    "/etc/ssh",
    "/etc/ssh/host_keys",
    "/run",
    "/usr",
    "/var",
    "/var/lib/ide",
)


def code(text: str, folder: Path) -> str:
    """The folder to mount, for `CODE_DIR`; made inside `folder`, elsewhere it must exist: a slip must not become a folder."""
    path = _path(text, "--code", folder)
    if not path.startswith("./") and not Path(path).is_dir():
        what = "is not a folder" if Path(path).exists() else "does not exist"
        raise UsageError(f"--code: '{path}' {what}", hint=f"make it first: mkdir -p {shlex.quote(path)}; or name another")
    if path.startswith("./") and (folder / path).exists() and not (folder / path).is_dir():
        raise UsageError(f"--code: '{path}' is not a folder", hint="name a folder")
    return path


def mount(text: str, folder: Path) -> Mount:
    """`SRC:DST` as a mount; the source exists and is absolute, or relative to the folder when it is inside."""
    given = Mount.parse(text)
    _refuse_colon("--mount", given.target)
    source = _path(given.source, "--mount", folder)
    if not (folder / source).exists():
        raise UsageError(
            f"--mount: '{source}' does not exist", hint=f"make it first: mkdir -p {shlex.quote(source)}; or name another"
        )
    target = f"/{os.path.normpath(given.target).lstrip('/')}"
    if target in TAKEN:
        raise UsageError(f"--mount: '{target}' is taken in the container", hint="mount somewhere else, for example /data")
    return Mount(source, target)


def directory(path: Path) -> Path:
    """The folder to write, whose whole path Compose must be able to use."""
    _refuse_unusable("DIR", str(path))
    whole = str(path.resolve())
    _refuse_colon("DIR", whole)
    if "%" in whole:
        # Seen with Compose 2.40: `invalid URL escape`, since it checks the file against a schema whose address is made of the path.
        raise UsageError(f"Compose reads no file under a path with a %: '{whole}'", hint="choose a folder without it")
    return path


def _refuse_unusable(option: str, path: str) -> None:
    if not path or re.search(f"[\\n\\t]|{UNPRINTABLE}", path):
        raise UsageError(
            f"{option}: the path {path!r} is empty or holds a line break or control character", hint="use another path"
        )
    dotenv.refuse_unwritable(path)


def _refuse_colon(option: str, path: str) -> None:
    # Compose hands a bind mount to the engine as SOURCE:TARGET:MODE unless `create_host_path: false` is set.
    if ":" in path:
        raise UsageError(
            f"{option}: '{path}' holds a colon, which separates the parts of a mount", hint="use a path without it, or a link"
        )


def _path(text: str, option: str, folder: Path) -> str:
    """Absolute, or `./…` inside `folder`."""
    _refuse_unusable(option, text)
    _refuse_colon(option, text)
    expanded = Path.home() / text[2:] if text.startswith("~/") else Path.home() if text == "~" else Path(text)
    path = Path(os.path.normpath(Path.cwd() / expanded))
    for root in (Path(os.path.normpath(Path.cwd() / folder)), folder.resolve()):
        if path != root and path.is_relative_to(root):
            return f"./{path.relative_to(root)}"
    return str(path)
