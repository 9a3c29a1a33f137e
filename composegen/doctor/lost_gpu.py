"""Day 30: why a container that had a GPU has none any more, or never started again, and what brings it back.

Whether the driver changed since a container's start is told by versions. NVIDIA's hook and CDI both mount the driver's libraries,
version in the name, when a container starts, and it keeps those whatever happens on the host. The loaded kernel module has the
version of now. Times would not do: no file says when a module was loaded. Source: libnvidia-container src/nvc_mount.c.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from composegen import host
from composegen.doctor.explaining import root_cause
from composegen.engine import Container
from composegen.host.nvidia import Driver
from composegen.host.smi import QUERY, devices

Mending = Literal["", "start", "recreate"]

WITHOUT_DRIVER = ("driver-not-loaded", "driver-missing", "driver-library-mismatch")  # causes that a loaded driver ends
MISMATCH, LOST = "driver-library-mismatch", "gpu-lost"
ANEW = "`composegen start` creates it anew, after asking, and it has the driver of now"

# One question to a running container. Empty files are left over from libraries of an earlier start. The inner deadline ends a slow
# nvidia-smi; one that hangs in the kernel can be ended by nobody, and is left alone by whoever asks.
LIBRARIES = "find /usr/lib /usr/lib64 -maxdepth 2 -name 'libnvidia-ml.so.*.*' -size +0 2>/dev/null"
ASK = ("sh", "-c", f"{LIBRARIES}; timeout -k 1 5 {' '.join(QUERY)} 2>&1 || echo ended with status $?")


@dataclass(frozen=True)
class Inside:
    """What a running container has of the driver."""

    library: str = ""  # version of the library that it was given at its start; empty where that cannot be told, as under WSL2
    trouble: str = ""  # nvidia-smi's words, where it lists no card


@dataclass(frozen=True)
class Lost:
    """What is wrong. `mend`: what brings the GPU back now; empty: something has to be done on the host before."""

    title: str
    fix: tuple[str, ...] = ()
    mend: Mending = ""


def inside(said: str) -> Inside:
    """Read the answer to ASK."""
    found = re.findall(r"libnvidia-ml\.so\.(\d+\.\d+(?:\.\d+)?)$", said, re.MULTILINE)
    words = [line for line in said.splitlines() if "libnvidia-ml.so." not in line or not line.startswith("/")]
    return Inside(found[-1] if found else "", "" if devices(said) else " ".join(" ".join(words).split())[:300] or "nothing")


def lost(container: Container, driver: Driver, inside: Inside | None = None) -> Lost | None:
    """None where nothing is known to be wrong. `driver` is that of the engine's machine, empty where this is another one.

    `inside` is None where the container was not asked: it does not run, or asks for no GPU.
    """
    if not container.alive:
        return _not_started(container.error, driver) if container.error else None
    return _running(inside, driver) if inside else None


def _not_started(error: str, driver: Driver) -> Lost | None:
    cause = root_cause(error)
    if cause is None:
        return None
    if cause.id in WITHOUT_DRIVER and driver.there and not driver.mismatched:
        fix = f"`composegen start`: driver {driver.module or driver.library} is loaded by now"
        return Lost("it was to start before the NVIDIA driver was ready, as after a reboot", (fix,), "start")
    return Lost(cause.title, (*cause.steps(host.systems()), "then `composegen start`"))


def _running(inside: Inside, driver: Driver) -> Lost | None:
    cause = root_cause(inside.trouble)
    if (cause and cause.id == MISMATCH) or (inside.library and driver.module and inside.library != driver.module):
        return _other_driver(inside, driver)
    if cause:
        steps = cause.steps(host.systems())
        return Lost(cause.title, (ANEW, *steps[1:]), "recreate") if cause.id == LOST else Lost(cause.title, steps)
    if inside.trouble:
        return Lost(f"nvidia-smi lists no GPU in it, and says: {inside.trouble}")
    return _upgrade_waiting(driver) if driver.mismatched else None


def _other_driver(inside: Inside, driver: Driver) -> Lost:
    """The container's libraries do not go with the kernel's module."""
    if driver.mismatched:
        return _upgrade_waiting(driver)
    versions = f": {inside.library} in it, {driver.module} in the kernel" if inside.library and driver.module else ""
    return Lost(f"the NVIDIA driver was changed since the container's start{versions}", (ANEW,), "recreate")


def _upgrade_waiting(driver: Driver) -> Lost:
    title = f"the NVIDIA driver was upgraded to {driver.library}, and {driver.module} is still loaded in the kernel"
    return Lost(title, ("reboot; until then what runs may go on, and nothing new gets a GPU", "then `composegen start`"))
