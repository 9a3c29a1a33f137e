"""Name, memory and load of NVIDIA's devices as nvidia-smi says them, wherever it runs: on this host or in a container."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

# https://docs.nvidia.com/deploy/nvidia-smi/: the fields of --query-gpu
FIELDS = "index,name,memory.total,memory.free,utilization.gpu"
QUERY = ("nvidia-smi", f"--query-gpu={FIELDS}", "--format=csv,noheader,nounits")
GIBIBYTE = 1024  # MiB


@dataclass(frozen=True)
class Device:
    """One card as a container or host sees it. None where the driver does not tell, as of a card that is cut into MIG slices."""

    index: str
    name: str
    total: int | None = None  # MiB
    free: int | None = None  # MiB
    load: int | None = None  # per cent of the last moments in which it computed anything

    @property
    def memory(self) -> str:
        """`70.9 of 80.0 GiB free`."""
        if self.total is None or self.free is None:
            return "the driver does not tell its memory"
        return f"{self.free / GIBIBYTE:.1f} of {self.total / GIBIBYTE:.1f} GiB free"

    def in_words(self) -> str:
        """`NVIDIA H100 80GB HBM3, 70.9 of 80.0 GiB free, load 12 %`."""
        return f"{self.name}, {self.memory}" + ("" if self.load is None else f", load {self.load} %")


def devices(said: str) -> tuple[Device, ...]:
    """Those that the answer to QUERY lists; lines of any other form are passed over."""
    return tuple(_devices(said))


def _devices(said: str) -> Iterator[Device]:
    for line in said.splitlines():
        fields = [field.strip() for field in line.split(",")]
        if len(fields) == len(FIELDS.split(",")) and fields[0].isdecimal():
            index, name, total, free, load = fields
            yield Device(index, name, _number(total), _number(free), _number(load))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None  # else `[N/A]`, `[Insufficient Permissions]`
