"""What is expected of a container."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from composegen.host.nvidia import Cards
from composegen.model import Check, Device, Init
from composegen.ssh import Address, HostKeys


class Door(Protocol):
    """The way in past SSH, through the engine. May raise EngineError."""

    def inside(self, command: Sequence[str], *, stdin: str = "") -> str: ...


@dataclass(frozen=True)
class Target:
    """A container and what it was asked to be. Nothing here is found out by looking at it over SSH."""

    address: Address
    key: Path  # a private key that it lets in
    host_keys: HostKeys
    host_key: str = ""  # what the container itself, not the network, says its host key is; empty where that is not known
    password: str = field(default="", repr=False)  # empty: none was set, so none may work
    uid: int = 0  # of the user who logs in, unless that is root
    gid: int = 0
    device: Device = "cpu"
    gpus: str = ""  # "all" or ids separated by commas; empty: none is reserved
    cards: Callable[[], Cards] = Cards  # those of the engine's machine, which takes a while to say; empty where it is another one
    check: Check | None = None
    compute: str = ""  # a computation on one device: see model.Variant
    shm: str = ""  # "host", "ipc", or a size with its unit; empty: whatever it is
    code_dir: Path | None = None  # on this machine; None where the engine is on another one
    local: bool = True  # the engine runs on this machine
    # How to get the nearest image of the same framework whose system has that glibc, as a command; empty: the catalogue knows none.
    newer: Callable[[str], str] = lambda glibc: ""
    init: Init = "supervisor"
    door: Door | None = None  # None where the engine is not to be asked

    @property
    def login_uid(self) -> int:
        """The uid that commands over SSH have, and the files they make."""
        return 0 if self.address.user == "root" else self.uid
