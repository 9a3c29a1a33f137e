"""In which ways an engine can hand over NVIDIA's GPUs, as far as it can be told without starting a container."""

from __future__ import annotations

from composegen.engine import Info
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
