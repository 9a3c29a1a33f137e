"""Which GPUs a folder asks an engine for, and in which way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from composegen.errors import UsageError
from composegen.model.stack import Device

if TYPE_CHECKING:
    from composegen.model.choices import Choices
    from composegen.model.settings import Settings

GpuMode = Literal["deploy", "runtime", "cdi"]

ALL = "all"
BASE_FILE = "compose.yaml"
NO_GPU_FILE = "compose.nogpu.yaml"
OWN_FILE = "compose.gpus.yaml"  # a machine's own, where it hands GPUs over otherwise than the project says
CDI_KIND = "nvidia.com/gpu"

# What GPUS may say: ids as NVIDIA, CDI and Ascend know them, ranges such as 0-3 included. To NVIDIA `none` is a driver without GPU.
IDS = r"(?!(?:none|void)$)[A-Za-z0-9][A-Za-z0-9:._/-]*(?:,[A-Za-z0-9][A-Za-z0-9:._/-]*)*"

# What each kind of device can be handed over by, the usual way first. `deploy` of rocm and npu is a list of devices.
MODES: dict[Device, tuple[GpuMode, ...]] = {
    "gpu": ("deploy", "runtime", "cdi"),
    "rocm": ("deploy",),
    "npu": ("deploy", "runtime"),
    "cpu": ("deploy",),
}
RUNTIMES: dict[Device, str] = {"gpu": "nvidia", "npu": "ascend"}  # of the mode `runtime`, as an engine knows them
ONLY_WAY: dict[Device, str] = {
    "rocm": "/dev/kfd and /dev/dri are handed over as they are",
    "npu": "--gpu-mode runtime takes Ascend's runtime, deploy hands over devices and the driver's files",
    "cpu": "--device gpu needs one",
}


@dataclass(frozen=True)
class Wanted:
    """What a container will be handed. `ids`: `all`, or indices, UUIDs and MIG ids; empty: no device at all."""

    device: Device
    mode: GpuMode = "deploy"
    ids: tuple[str, ...] = ()

    @property
    def nvidia(self) -> bool:
        """Whether NVIDIA's parts of host and engine are needed."""
        return self.device == "gpu" and bool(self.ids)

    @property
    def cdi_devices(self) -> tuple[str, ...]:
        """The ids as CDI names them: `nvidia.com/gpu=0`."""
        return tuple(f"{CDI_KIND}={each}" for each in self.ids)

    def needs_own_file(self, mode: GpuMode) -> bool:
        """Whether a compose.yaml of that mode does not say this: another mode, or ids that one variable cannot name to CDI."""
        return self.nvidia and (self.mode != mode or (self.mode == "cdi" and len(self.ids) > 1))


def wanted(choices: Choices, settings: Settings) -> Wanted:
    """What the container of a folder gets on this machine."""
    mode = machine_mode(choices, settings)
    if choices.device == "cpu" or NO_GPU_FILE in files(settings.compose_file):
        return Wanted(choices.device, mode)
    which = choices.device == "gpu" or mode == "runtime"
    return Wanted(choices.device, mode, tuple(settings.gpus.split(",")) if which else (ALL,))


def machine_mode(choices: Choices, settings: Settings) -> GpuMode:
    """This machine's mode, else the project's; the project's alone where its device cannot be handed over that way."""
    return next((mode for mode in MODES[choices.device] if mode == settings.gpu_mode), choices.gpu_mode)


def mode_of(text: str, device: Device, *, option: str = "--gpu-mode") -> GpuMode:
    """Raises UsageError: there is no such mode, or it is none for that kind of device."""
    if text not in get_args(GpuMode):
        raise UsageError.unknown("GPU mode", text, get_args(GpuMode))
    for mode in MODES[device]:
        if mode == text:
            return mode
    raise UsageError(f"{option} {text} does not go with device '{device}'", hint=ONLY_WAY[device])


def files(compose_file: str) -> tuple[str, ...]:
    """The files that COMPOSE_FILE names."""
    return tuple(filter(None, compose_file.split(":")))


def with_file(compose_file: str, file: str, usual: tuple[str, ...] = (BASE_FILE,)) -> str:
    """COMPOSE_FILE with `file` as the only one of composegen's own, behind the first, so that a person's files have the last word.

    `file` is empty where none is needed. `usual` are the files that Compose reads where COMPOSE_FILE says nothing.
    """
    there = [each for each in files(compose_file) or usual if each not in (NO_GPU_FILE, OWN_FILE)] or [*usual]
    if file:
        there.insert(1, file)
    return "" if tuple(there) == usual else ":".join(there)
