"""What was asked of `init`, as typed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

OPTIONS = {
    "stack": "STACK",
    "mounts": "--mount",
    "wheels": "--wheel",
    "services": "--service",
    "keys": "--key",
    "catalogues": "--catalogue",
    "gpu_mode": "--gpu-mode",
}  # where the field is named otherwise


@dataclass(frozen=True)
class Request:
    """The options of `init`. None or empty: not asked, so the default holds, or in an existing folder what is there."""

    stack: str
    directory: Path
    # The project's: tracked files.
    device: str | None = None
    version: str | None = None
    cuda: str | None = None
    flavour: str | None = None
    base: str | None = None
    gpu_mode: str | None = None
    init: str | None = None
    sudo: bool | None = None
    shm: str | None = None
    mounts: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    apt: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    wheels: tuple[Path, ...] = ()
    services: tuple[str, ...] = ()
    devcontainer: bool | None = None
    # This person's and machine's: .env.
    name: str | None = None
    bind: str | None = None
    port: str | None = None
    code: str | None = None
    gpus: str | None = None
    user: str | None = None
    forward_agent: bool | None = None
    keys: tuple[Path, ...] = ()
    password: str | None = None
    mirror: str | None = None
    # Where stacks are looked up besides composegen's own.
    catalogues: tuple[Path, ...] = ()

    def texts(self) -> Iterator[tuple[str, str]]:
        """Every option that is one line of text, with its name; a variable's value and the password have rules of their own."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("env", "password", "directory") or value is None:
                continue
            for each in value if isinstance(value, tuple) else (value,):
                yield OPTIONS.get(field.name, f"--{field.name}"), str(each)
