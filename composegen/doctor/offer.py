"""In which ways an engine can hand over NVIDIA's GPUs, as far as it can be told without starting a container."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from composegen.engine import Info
from composegen.host.nvidia import Driver
from composegen.model.gpu import CDI_KIND, GpuMode

RUNTIME = "nvidia"


def offered_modes(info: Info, hook_on_path: bool | None) -> tuple[GpuMode, ...]:
    """The modes that will start, the most lasting first; empty where the engine has no way to a GPU.

    `hook_on_path`: whether NVIDIA's hook is where the engine looks for programs, as host.nvidia.hook_on_path() says of a local
    one; None where that cannot be told. `docker info` does not mention the hook, but it comes with the runtime, which it does.
    An engine before 28.2 does not list its CDI devices, so that CDI is not counted as offered there.
    """
    runtime = RUNTIME in info.runtimes
    offered: dict[GpuMode, bool] = {
        "deploy": runtime if hook_on_path is None else hook_on_path,
        "cdi": any(device.startswith(f"{CDI_KIND}=") for device in info.cdi_devices),
        "runtime": runtime,
    }
    return tuple(mode for mode, there in offered.items() if there)


@dataclass(frozen=True)
class Pick:
    """A mode that will hand over every GPU, or None where there is none to hand over; and why, in one line."""

    mode: GpuMode | None
    why: str


WHY: dict[GpuMode, str] = {
    "deploy": "the engine has NVIDIA's container toolkit",
    "cdi": "the engine knows NVIDIA's GPUs as CDI devices",
    "runtime": "the engine has the runtime 'nvidia'",
}


def pick(info: Info, *, hook_on_path: bool | None, driver: Driver | None, modes: Sequence[GpuMode]) -> Pick:
    """The first of `modes`, the project's own in front, that the engine offers. `driver` is None where that is another machine's.

    A CDI specification names the cards itself; hook and runtime are there without any.
    """
    offered = offered_modes(info, hook_on_path)
    if driver and driver.mismatched:
        return Pick(None, f"the driver's module is {driver.module} and its library {driver.library} until the next reboot")
    if not offered:
        driven = "" if driver is None else ", and this host no NVIDIA driver" if not driver.there else ", though there is a driver"
        return Pick(None, f"the engine has no way to a GPU{driven}")
    possible = [mode for mode in modes if mode in offered and (mode == "cdi" or driver is None or driver.there)]
    if not possible:
        return Pick(None, "this host has no NVIDIA driver")
    return Pick(possible[0], WHY[possible[0]])
