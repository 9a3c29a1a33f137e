"""What was asked of `init`, as typed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Request:
    """The options of `init`. None or empty: not asked, so the default holds, or in an existing folder what is there."""

    stack: str
    directory: Path
    # The project's: tracked files.
    device: str | None = None
    base: str | None = None
    init: str | None = None
    shm: str | None = None
    mounts: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    apt: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    wheels: tuple[Path, ...] = ()
    # This person's and machine's: .env.
    name: str | None = None
    bind: str | None = None
    port: str | None = None
    code: str | None = None
    gpus: str | None = None
    user: str | None = None
    keys: tuple[Path, ...] = ()
    password: str | None = None
