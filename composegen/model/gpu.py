"""Which GPUs a folder asks an engine for, and in which way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from composegen.model.stack import Device

GpuMode = Literal["deploy", "runtime", "cdi"]

ALL = "all"
NO_GPU_FILE = "compose.nogpu.yaml"
CDI_KIND = "nvidia.com/gpu"


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
