"""The values everything else passes around. All frozen; each keeps its own invariants and knows nothing of files or engines."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args

from composegen.errors import UsageError

Device = Literal["gpu", "cpu", "rocm", "npu"]
Init = Literal["supervisor", "tini"]

SERVICE = "dev"  # the one service of a produced folder
CODE_TARGET = "/home/code"  # where the code volume is in the container, as in the article
SSH_TARGET_PORT = 22


# --- What the catalogue says -------------------------------------------------------------------------------------------


# pydantic reads this when the catalogue is validated; naming it costs nothing where the catalogue is not read.
_STRICT = {"extra": "forbid"}


@dataclass(frozen=True)
class Check:
    """A framework's own proof that it works: `code` is Python for the container's interpreter, `expect` must be in its output."""

    __pydantic_config__ = _STRICT

    code: str
    expect: str


@dataclass(frozen=True)
class Variant:
    """One image of a stack on one kind of device."""

    __pydantic_config__ = _STRICT

    device: Device
    image: str
    version: str = ""
    default: bool = False
    os: str = ""
    cuda: str = ""
    minimum_driver: str = ""
    interpreter: str = ""
    shm: str = "1gb"
    apt: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    framework: tuple[str, ...] = ()  # distribution names that a user's requirements must not replace
    check: Check | None = None
    notes: tuple[str, ...] = ()
    confidence: Literal["high", "medium", "low"] = "medium"
    source: str = ""

    @property
    def needs_gpu(self) -> bool:
        return self.device == "gpu"


@dataclass(frozen=True)
class Stack:
    __pydantic_config__ = _STRICT

    name: str
    title: str
    variants: tuple[Variant, ...]

    @property
    def devices(self) -> tuple[Device, ...]:
        return tuple(dict.fromkeys(variant.device for variant in self.variants))

    def variant(self, device: str | None = None) -> Variant:
        """The variant for `device`, or the stack's default one.

        Raises UsageError: the stack has no variant for that device.
        """
        if device is None:
            return next((v for v in self.variants if v.default), self.variants[0])
        if device not in self.devices:
            raise UsageError(f"stack '{self.name}' has no variant for device '{device}'", hint=f"it has: {', '.join(self.devices)}")
        matching = [variant for variant in self.variants if variant.device == device]
        return next((v for v in matching if v.default), matching[0])


# --- What belongs to the project: tracked, re-creates the folder -------------------------------------------------------


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
    base: str = ""  # replaces the variant's image
    shm: str = ""  # replaces the variant's: host, ipc or a size
    init: Init = "supervisor"
    mounts: tuple[Mount, ...] = ()
    env: tuple[tuple[str, str | None], ...] = ()  # None: the value comes from .env
    apt: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    wheels: tuple[str, ...] = ()  # file names under wheels/

    def __post_init__(self) -> None:
        if self.device not in get_args(Device):
            raise UsageError.unknown("device", self.device, get_args(Device))
        if self.init not in get_args(Init):
            raise UsageError.unknown("init", self.init, get_args(Init))


# --- What belongs to a person or a machine: .env, never tracked --------------------------------------------------------

RANGES = {"port": (1, 65535), "uid": (0, 2**32 - 2), "gid": (0, 2**32 - 2)}  # Linux keeps the highest id to itself


class WrongSetting(UsageError):
    """A variable of `.env` that cannot be meant. `proposal` continues a hint with what could be written instead."""

    def __init__(self, variable: str, text: str, problem: str, *, example: object) -> None:
        self.variable = variable
        self.proposal = f": for example {example}"
        super().__init__(f"{variable} is '{text[:80]}', {problem}", hint=f"mend it in .env{self.proposal}")


@dataclass(frozen=True)
class Settings:
    """The content of `.env`. Field order is file order; `variable` is the name there, the same everywhere."""

    project_name: str = field(default="", metadata={"variable": "COMPOSE_PROJECT_NAME"})
    compose_file: str = field(default="", metadata={"variable": "COMPOSE_FILE"})
    bind: str = field(default="127.0.0.1", metadata={"variable": "SSH_BIND"})
    port: int = field(default=2222, metadata={"variable": "SSH_PORT"})
    authorized_keys: tuple[str, ...] = field(default=(), metadata={"variable": "SSH_AUTHORIZED_KEYS"})
    password: str = field(default="", metadata={"variable": "SSH_PASSWORD"}, repr=False)
    user: str = field(default="root", metadata={"variable": "SSH_USER"})
    uid: int = field(default=0, metadata={"variable": "USER_UID"})
    gid: int = field(default=0, metadata={"variable": "USER_GID"})
    code_dir: str = field(default="./code", metadata={"variable": "CODE_DIR"})
    gpus: str = field(default="all", metadata={"variable": "GPUS"})
    base_image: str = field(default="", metadata={"variable": "BASE_IMAGE"})
    ca_bundle: str = field(default="", metadata={"variable": "CA_BUNDLE"})
    pip_index_url: str = field(default="", metadata={"variable": "PIP_INDEX_URL"})
    apt_mirror: str = field(default="", metadata={"variable": "APT_MIRROR"})

    @classmethod
    def from_variables(cls, variables: dict[str, str]) -> Settings:
        """Read what a `.env` says; a variable that is absent or empty keeps its default.

        Raises WrongSetting: SSH_PORT, USER_UID or USER_GID is not a number, or one that cannot be.
        """
        given: dict[str, Any] = {}
        for setting in fields(cls):
            text = variables.get(setting.metadata["variable"], "")
            if not text:
                continue
            if setting.name in RANGES:
                least, most = RANGES[setting.name]
                if not re.fullmatch("[0-9]{1,10}", text) or not least <= int(text) <= most:
                    problem = f"not a number from {least} to {most}"
                    raise WrongSetting(setting.metadata["variable"], text, problem, example=setting.default)
                given[setting.name] = int(text)
            elif setting.name == "authorized_keys":
                given[setting.name] = tuple(line for line in text.splitlines() if line.strip())
            else:
                given[setting.name] = text
        return cls(**given)

    def to_variables(self) -> dict[str, str]:
        """Every variable with its value as text, in file order."""
        return {
            setting.metadata["variable"]: "\n".join(value)
            if isinstance(value := getattr(self, setting.name), tuple)
            else str(value)
            for setting in fields(self)
        }

    def with_(self, **changes: Any) -> Settings:
        return replace(self, **changes)


PROJECT_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]*$")  # Compose's own rule, https://docs.docker.com/compose/how-tos/project-name/


def project_name(text: str) -> str:
    """`text` if Compose takes it as a project name. Raises UsageError otherwise, proposing the nearest name."""
    if PROJECT_NAME.fullmatch(text):
        return text
    proposal = project_name_from(text)
    raise UsageError(
        f"'{text}' is not a name Compose accepts",
        hint=f"lower-case letters, digits, - and _, starting with a letter or digit; for example '{proposal}'",
    )


def project_name_from(text: str) -> str:
    """The nearest project name to any text; `dev` when nothing of it can be kept."""
    kept = re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-_")
    return kept or "dev"


def _refuse_control_characters(what: str, text: str) -> None:
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise UsageError(f"{what} holds a line break or control character: {text!r}", hint="rename it, or use another path")


# --- What operations find -----------------------------------------------------------------------------------------------

Outcome = Literal["ok", "fail", "skip"]


@dataclass(frozen=True)
class Finding:
    """What one probe found. `seconds` is wall time; `hint` says what to do when it is not ok."""

    name: str
    outcome: Outcome
    seconds: float
    detail: str = ""
    hint: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """All findings of one run, in order. A skipped probe does not make a report fail, and says why it was skipped."""

    findings: tuple[Finding, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        return all(finding.outcome != "fail" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """DESIGN's shape for `composegen test --json`; `status` tells a skip from a pass."""
        return {
            "ok": self.ok,
            "seconds": round(self.seconds, 3),
            "checks": [
                {
                    "name": finding.name,
                    "ok": finding.outcome != "fail",
                    "status": finding.outcome,
                    "seconds": round(finding.seconds, 3),
                    "detail": finding.detail,
                    "hint": finding.hint,
                    **({"data": finding.data} if finding.data else {}),
                }
                for finding in self.findings
            ],
        }
