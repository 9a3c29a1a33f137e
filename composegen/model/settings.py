"""What belongs to a person or a machine: `.env`, never tracked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from typing import Any

from composegen.errors import UsageError

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
    forward_agent: str = field(default="no", metadata={"variable": "SSH_FORWARD_AGENT"})  # "yes" or "no"
    code_dir: str = field(default="./code", metadata={"variable": "CODE_DIR"})
    gpus: str = field(default="all", metadata={"variable": "GPUS"})
    gpu_mode: str = field(default="", metadata={"variable": "GPU_MODE"})  # empty: the project's
    render_gid: str = field(default="", metadata={"variable": "RENDER_GID"})
    npu_gid: str = field(default="", metadata={"variable": "NPU_GID"})
    base_image: str = field(default="", metadata={"variable": "BASE_IMAGE"})
    ca_bundle: str = field(default="", metadata={"variable": "CA_BUNDLE"})
    netrc: str = field(default="", metadata={"variable": "NETRC"})
    pip_index_url: str = field(default="", metadata={"variable": "PIP_INDEX_URL"})
    apt_mirror: str = field(default="", metadata={"variable": "APT_MIRROR"})
    framework_index_url: str = field(default="", metadata={"variable": "FRAMEWORK_INDEX_URL"})

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


@dataclass(frozen=True)
class HostGroup:
    """A group that owns devices, by its name on the host. Its number is the host's, so that `.env` holds it."""

    name: str
    setting: str  # the field of Settings
    otherwise: str  # what Compose takes where `.env` has no number

    @property
    def variable(self) -> str:
        return next(str(each.metadata["variable"]) for each in fields(Settings) if each.name == self.setting)


HOST_GROUPS: dict[str, HostGroup] = {  # of a kind of device
    "rocm": HostGroup("render", "render_gid", "render"),  # AMD's images have a group of that name
    "npu": HostGroup("HwHiAiUser", "npu_gid", "1000"),  # images need not; 1000 is what Ascend's own Dockerfiles make it with
}

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
