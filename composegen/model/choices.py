"""What belongs to the project: tracked files, which these values re-create."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from composegen.errors import UsageError
from composegen.model.gpu import GpuMode, mode_of
from composegen.model.services import SERVICES
from composegen.model.stack import Device

Init = Literal["supervisor", "tini"]


@dataclass(frozen=True)
class Mount:
    """A bind mount `source:target`; the target is an absolute path in the container, without a colon."""

    source: str
    target: str

    @classmethod
    def parse(cls, text: str) -> Mount:
        source, colon, target = text.rpartition(":")
        if not (colon and source and target.startswith("/")):
            raise UsageError(f"'{text}' is not a mount", hint="write SRC:DST, where DST is an absolute path: /data:/data")
        for what, path in (("source", source), ("target", target)):
            _refuse_control_characters(f"the mount's {what}", path)
        return cls(source, target)

    def __str__(self) -> str:
        return f"{self.source}:{self.target}"


SHM_SIZE = re.compile(r"(?i)^([1-9][0-9]*)(b|k|kb|m|mb|g|gb)$")
SHM_UNITS = {"b": 1, "k": 2**10, "m": 2**20, "g": 2**30}
MOST_SHM = 2**50  # bytes; more than any machine has, and near what an engine cannot count any more


def parse_shm(text: str) -> str:
    """`host`, `ipc` or a size with a unit, as Compose's `shm_size` reads it.

    Raises UsageError: anything else, zero and more than 1024 TiB included.
    """
    if text in ("host", "ipc"):
        return text
    if size := SHM_SIZE.fullmatch(text):
        if len(size[1]) <= len(str(MOST_SHM)) and int(size[1]) * SHM_UNITS[size[2][0].lower()] <= MOST_SHM:
            return text.lower()
        raise UsageError(f"'{text[:40]}' of /dev/shm is more than any machine has", hint="use host, ipc, or a size such as 8gb")
    raise UsageError(f"'{text}' is not a size of /dev/shm", hint="use host, ipc, or a size with its unit such as 8gb or 512mb")


@dataclass(frozen=True)
class Choices:
    """What `init` was asked for. With a stack this re-creates every tracked file; it is written as `x-composegen`."""

    stack: str
    device: Device
    version: str = ""  # of the framework; empty: the stack's default for the device
    cuda: str = ""
    flavour: str = ""
    base: str = ""  # replaces the variant's image
    gpu_mode: GpuMode = "deploy"  # how the engine hands the device over
    shm: str = ""  # replaces the variant's: host, ipc or a size
    init: Init = "supervisor"
    sudo: bool = False  # the login user may become root; without it root is a login of its own
    mounts: tuple[Mount, ...] = ()
    env: tuple[tuple[str, str | None], ...] = ()  # None: the value comes from .env
    apt: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    wheels: tuple[str, ...] = ()  # file names under wheels/
    services: tuple[str, ...] = ()  # names of SERVICES
    devcontainer: bool = False  # a .devcontainer/ too, which opens the same container

    def __post_init__(self) -> None:
        if self.device not in get_args(Device):
            raise UsageError.unknown("device", self.device, get_args(Device))
        if self.init not in get_args(Init):
            raise UsageError.unknown("init", self.init, get_args(Init))
        mode_of(self.gpu_mode, self.device)
        for service in self.services:
            if service not in SERVICES:
                raise UsageError.unknown("service", service, tuple(SERVICES), more=f"--service takes {', '.join(SERVICES)}")
        if self.services and self.init != "supervisor":
            raise UsageError(
                f"--init {self.init} runs no {' or '.join(self.services)}: supervisor is what keeps services running",
                hint="leave out --service, or take --init supervisor",
            )


def _refuse_control_characters(what: str, text: str) -> None:
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise UsageError(f"{what} holds a line break or control character: {text!r}", hint="rename it, or use another path")
