"""A CDI specification of the NVIDIA devices and libraries that a host has, for hosts without NVIDIA's toolkit.

`nvidia-ctk cdi generate` writes a better one: with MIG slices, graphics, firmware and the loader's cache. This is for computing.
https://github.com/cncf-tags/container-device-interface/blob/main/SPEC.md
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from composegen.host import nvidia

KIND = "nvidia.com/gpu"
# What NVIDIA's own hook hands over for `compute` and `utility`: libnvidia-container, src/nvc_info.c.
LIBRARIES = re.compile(
    r"lib(nvidia-(ml|cfg|nscq|opencl|gpucomp|ptxjitcompiler|fatbinaryloader|allocator|compiler|pkcs11|pkcs11-openssl3|nvvm|tileiras)"
    r"|cuda|cudadebugger)\.so(\..+)?"
)
PROGRAMS = ("nvidia-smi", "nvidia-debugdump", "nvidia-cuda-mps-control", "nvidia-cuda-mps-server")
PROGRAM_FOLDERS = ("usr/bin", "usr/local/bin", "bin", "usr/lib/wsl/lib")
SHARED = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "dxg")  # files in /dev that every card needs
SOCKETS = ("run/nvidia-persistenced/socket",)


@dataclass(frozen=True)
class Gpu:
    index: str  # as nvidia-smi counts, by place on the bus
    file: str  # /dev/nvidia0; its number need not be the index
    uuid: str = ""


def specification(root: Path = Path("/"), machine: str = platform.machine()) -> dict[str, Any]:
    """What `root`'s files say, as a JSON object for a CDI directory; `devices` is empty where there is no card."""
    every = [{"path": f"/dev/{name}"} for name in SHARED if (root / "dev" / name).exists()]
    cards = list(gpus(root))
    # Under WSL2 one file stands for all cards.
    files = {name: [card.file] for card in cards for name in (card.index, card.uuid) if name}
    files |= {"all": [card.file for card in cards]} if cards or (root / "dev/dxg").exists() else {}
    return {
        "cdiVersion": "0.5.0",
        "kind": KIND,
        "containerEdits": {
            # Lest NVIDIA's hook, where there is one, does it a second time.
            "env": ["NVIDIA_VISIBLE_DEVICES=void"],
            "deviceNodes": every,
            "mounts": [
                {"hostPath": here, "containerPath": there, "options": ["ro", "nosuid", "nodev", "bind"]}
                for there, here in sorted(_files(root, machine).items())
            ],
        },
        "devices": [
            {"name": name, "containerEdits": {"deviceNodes": [{"path": path} for path in paths]}} for name, paths in files.items()
        ],
    }


def gpus(root: Path) -> Iterator[Gpu]:
    """The cards as the driver's files in /proc say, or where those cannot be seen, by their files in /dev."""
    told = sorted((root / "proc/driver/nvidia/gpus").glob("*/information"))
    for index, file in enumerate(told):
        said = file.read_text(errors="replace")
        minor, uuid = re.search(r"Device Minor:\s*(\d+)", said), re.search(r"GPU UUID:\s*(GPU-[0-9a-f-]+)", said)
        yield Gpu(str(index), f"/dev/nvidia{minor[1] if minor else index}", uuid[1] if uuid else "")
    if not told:
        numbers = sorted(int(path.name[6:]) for path in (root / "dev").glob("nvidia*") if path.name[6:].isdecimal())
        yield from (Gpu(str(index), f"/dev/nvidia{number}") for index, number in enumerate(numbers))


def _files(root: Path, machine: str) -> dict[str, str]:
    """The driver's files by their place in a container: libraries, under every name, where Debian's and Ubuntu's loader looks."""
    version = nvidia.driver(root).module
    found: dict[str, str] = {}
    for file in (file for folder in nvidia.LIBRARIES for file in sorted((root / folder).glob("lib*.so*"))):
        real = file.resolve()
        # After an upgrade libraries of two drivers may lie side by side.
        if LIBRARIES.fullmatch(file.name) and real.is_file() and real.name.endswith(version):
            found.setdefault(f"/usr/lib/{machine}-linux-gnu/{file.name}", _named(real, root))
    for file in (root / folder / name for folder in PROGRAM_FOLDERS for name in PROGRAMS):
        if file.is_file():
            found.setdefault(f"/usr/bin/{file.name}", _named(file.resolve(), root))
    return found | {f"/{socket}": f"/{socket}" for socket in SOCKETS if (root / socket).exists()}


def _named(file: Path, root: Path) -> str:
    """A file under `root` as the host itself calls it."""
    return f"/{file.relative_to(root.resolve())}"
