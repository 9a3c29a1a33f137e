"""The paths that `init` is given: checked, and made absolute or relative to the folder.

Relative means to the current folder, as everywhere in a shell. Any character works but a line break or control character, which
neither `.env` nor a reader would survive. Every function raises UsageError.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from composegen import dotenv
from composegen.errors import UsageError
from composegen.folder import COMPOSE, UNBUILDABLE
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

# Without its own files there the container does not even start; a mount hides them.
SYSTEM = (
    "/bin",
    "/boot",
    "/dev",
    "/etc/composegen",
    "/etc/ssh",
    "/lib",
    "/lib64",
    "/proc",
    "/run/composegen",
    "/run/sshd",
    "/sbin",
    "/sys",
)
SYSTEM_ROOTS = ("/usr/bin", "/usr/lib", "/usr/sbin", "/usr/share", "/var/lib", "/var/run")

# What no folder's path may hold.
UNUSABLE = {"%": "Compose takes the path for a part of a web address", **UNBUILDABLE}


def code(text: str, folder: Path) -> str:
    """The folder to mount, for `CODE_DIR`; made inside `folder`, elsewhere it must exist: a slip must not become a folder."""
    with _looked_at("--code", text):
        path = _path(text, "--code", folder)
        if not path.startswith("./") and not Path(path).is_dir():
            if Path(path).exists():
                raise UsageError(f"--code: '{path}' is not a folder", hint="name a folder")
            raise UsageError(
                f"--code: '{path}' does not exist", hint=f"make it first: mkdir -p {shlex.quote(path)}; or name another"
            )
        if path.startswith("./") and (folder / path).exists() and not (folder / path).is_dir():
            raise UsageError(f"--code: '{path}' is not a folder", hint="name a folder")
        return path


def mount(text: str, folder: Path) -> Mount:
    """`SRC:DST` as a mount; the source exists and is absolute, or relative to the folder when it is inside."""
    given = Mount.parse(text)
    _refuse_colon("--mount", given.target)
    with _looked_at("--mount", given.source):
        source = _path(given.source, "--mount", folder)
        if not (folder / source).exists():
            raise UsageError(
                f"--mount: '{source}' does not exist", hint=f"make it first: mkdir -p {shlex.quote(source)}; or name another"
            )
    target = f"/{os.path.normpath(given.target).lstrip('/')}"
    if target in (*TAKEN, *SYSTEM_ROOTS) or any(target == each or target.startswith(f"{each}/") for each in SYSTEM):
        raise UsageError(f"--mount: '{target}' is taken in the container", hint="mount somewhere else, for example /data")
    return Mount(source, target)


def directory(path: Path) -> Path:
    """The folder to write, whose whole path Compose must be able to use."""
    _refuse_unusable("DIR", str(path))
    with _looked_at("DIR", str(path)):
        whole = str(path.resolve())
        for each in (path, *path.parents):
            if each.is_symlink() and not each.exists():
                raise UsageError(f"DIR: '{each}' is a link that leads nowhere", hint="mend or remove it, or choose another folder")
        (path / COMPOSE).exists()  # a folder that may not be entered says so here
        if (file := next((each for each in path.absolute().parents if each.exists() and not each.is_dir()), None)) is not None:
            raise UsageError(f"DIR: '{file}' is not a folder", hint="choose another folder")
    _refuse_colon("DIR", whole)
    for sign, reason in UNUSABLE.items():
        if sign in whole:
            raise UsageError(f"DIR: '{whole}' holds '{sign}': {reason}", hint="choose a folder without it")
    return path


@contextmanager
def _looked_at(option: str, path: str) -> Iterator[None]:
    """What the system says of a path that cannot be looked at: one may not enter a folder, links go round, a name is too long."""
    try:
        yield
    except RuntimeError:  # a loop of symbolic links, before Python 3.13
        raise UsageError(f"{option}: '{path}' is a loop of symbolic links", hint="use another path") from None
    except OSError as error:
        raise UsageError(f"{option}: '{path[:80]}' cannot be used: {error.strerror}", hint="use another path") from None


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
