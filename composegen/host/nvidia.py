"""What this host has of NVIDIA's, whatever an engine makes of it: driver, device files, cards, and who uses them.

Files are read at once; `nvidia-smi` takes up to seconds where no persistence daemon runs, so that only those ask it who need it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from composegen import host

SMI = "nvidia-smi"
HOOK = "nvidia-container-runtime-hook"  # of NVIDIA's container toolkit
SERVICE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # where a service of systemd's looks for programs
PATIENCE = 3.0  # seconds; a driver in trouble lets nvidia-smi hang for ever
SPECIFICATIONS = (".yaml", ".yml", ".json")  # of CDI
LIBRARIES = ("usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib64", "usr/lib", "usr/lib/wsl/lib")
# https://docs.nvidia.com/deploy/nvidia-smi/: the fields of --query-gpu and --query-compute-apps
CARD_FIELDS = "index,uuid,name,memory.total,memory.used,compute_cap"
PROCESS_FIELDS = "gpu_uuid,pid,used_memory"


@dataclass(frozen=True)
class Driver:
    """The driver as files tell. Versions such as `535.183.01`; empty where there is none."""

    module: str = ""  # of the kernel module that is loaded
    library: str = ""  # of the user-space library on disk; another one than `module` after an upgrade without a reboot
    device_files: tuple[str, ...] = ()  # /dev/nvidia0, /dev/nvidiactl …
    wsl: bool = False  # WSL2 has the library and /dev/dxg, and no kernel module
    tegra: bool = False  # Jetson's driver is part of its system, L4T, and says no version

    @property
    def there(self) -> bool:
        return bool(self.module or self.tegra or (self.wsl and self.library))

    @property
    def cards(self) -> int:
        """How many the kernel shows, each by its own device file."""
        return sum(bool(re.fullmatch(r"/dev/nvidia\d+", file)) for file in self.device_files)

    @property
    def mismatched(self) -> bool:
        return bool(self.module and self.library and self.module != self.library)


@dataclass(frozen=True)
class Process:
    pid: int
    user: str  # empty where it cannot be told
    memory: int | None  # MiB of the card's; None where the driver does not tell, as under WSL2


@dataclass(frozen=True)
class Card:
    """One physical GPU."""

    index: str
    uuid: str
    name: str
    memory: int | None = None  # MiB in all; None where the driver does not tell
    used: int | None = None  # MiB
    compute: str = ""  # compute capability, such as 9.0
    processes: tuple[Process, ...] = ()


@dataclass(frozen=True)
class Cards:
    """What nvidia-smi says. `trouble`: its words, or that it hangs or is missing, where it has no list of cards."""

    cards: tuple[Card, ...] = ()
    mig: tuple[str, ...] = ()  # ids of MIG devices, such as MIG-6f2c…
    trouble: str = ""


def driver(root: Path = Path("/")) -> Driver:
    """Read files only, in about a millisecond; no error: what cannot be read is not there."""
    said = host.text(root / "proc/driver/nvidia/version")
    # "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 …", with "Open" in it for the open modules
    found = re.search(r"Kernel Module.*?\s(\d+\.\d+(?:\.\d+)?)\s", said)
    module = found[1] if found else host.text(root / "sys/module/nvidia/version").strip()
    libraries = [path.name for folder in LIBRARIES for path in sorted((root / folder).glob("libnvidia-ml.so.*.*"))]
    versions = [name.removeprefix("libnvidia-ml.so.") for name in libraries]
    return Driver(
        module=module,
        library=module if module in versions else next(iter(versions), ""),
        device_files=tuple(f"/dev/{path.name}" for path in sorted((root / "dev").glob("nvidia*"))),
        wsl=(root / "dev/dxg").exists(),
        tegra=(root / "etc/nv_tegra_release").exists(),
    )


def specified(directories: Iterable[str], root: Path = Path("/")) -> frozenset[str]:
    """The versions of the driver whose files CDI specifications in these directories name; of a sound one it is the driver's."""
    files = [path for each in directories for path in sorted((root / each.lstrip("/")).glob("*")) if path.suffix in SPECIFICATIONS]
    return frozenset(version for file in files for version in re.findall(r"/libnvidia-ml\.so\.(\d+\.[\d.]*\d)\b", host.text(file)))


def hook_on_path() -> bool:
    """Whether an engine of this host finds NVIDIA's hook, with which `driver: nvidia` works. It looked when it was started."""
    return shutil.which(HOOK, path=f"{os.environ.get('PATH', '')}:{SERVICE_PATH}") is not None


def cards(smi: str = SMI, timeout: float = PATIENCE) -> Cards:
    """Ask nvidia-smi for at most `timeout` seconds a question. Raises nothing: what went wrong is the `trouble`."""
    said, trouble = _ask(smi, f"--query-gpu={CARD_FIELDS}", "--format=csv,noheader,nounits", timeout=timeout)
    if trouble:
        return Cards(trouble=trouble)
    found = [card for line in said.splitlines() if (card := _card(line))]
    if not found:
        return Cards(trouble=f"{smi} lists no card; it says: {_words(said)[:200] or 'nothing'}")
    listed, _ = _ask(smi, "-L", timeout=timeout)
    busy, _ = _ask(smi, f"--query-compute-apps={PROCESS_FIELDS}", "--format=csv,noheader,nounits", timeout=timeout)
    users = _processes(busy.splitlines())
    return Cards(
        cards=tuple(replace(card, processes=tuple(users.get(card.uuid, ()))) for card in found),
        mig=tuple(re.findall(r"UUID: (MIG-[^)\s]+)", listed)),
    )


def _ask(smi: str, *arguments: str, timeout: float) -> tuple[str, str]:
    """What it prints, and why it printed nothing."""
    try:
        said = subprocess.run([smi, *arguments], capture_output=True, stdin=subprocess.DEVNULL, timeout=timeout)
    except FileNotFoundError:
        return "", f"there is no {smi} on the PATH"
    except subprocess.TimeoutExpired:
        return "", f"{smi} did not answer within {timeout:g} s"
    except OSError as error:
        return "", f"{smi} cannot be run: {error.strerror}"
    text = said.stdout.decode(errors="replace")
    if said.returncode != 0:
        return "", _words(text + said.stderr.decode(errors="replace"))[:300] or f"{smi} ended with status {said.returncode}"
    return text, ""


def _words(said: str) -> str:
    """What may be shown of it: on one line, and nothing in it that a terminal would obey."""
    return " ".join("".join(each if each.isprintable() else " " for each in said).split())


def _card(line: str) -> Card | None:
    fields = [field.strip() for field in line.split(",")]
    if len(fields) != len(CARD_FIELDS.split(",")) or not fields[0].isdecimal() or not fields[1].startswith("GPU-"):
        return None
    index, uuid, name, memory, used, compute = fields
    return Card(index, uuid, name, _number(memory), _number(used), compute if re.fullmatch(r"\d+\.\d+", compute) else "")


def _processes(lines: Iterable[str]) -> dict[str, list[Process]]:
    """By the card's UUID."""
    found: dict[str, list[Process]] = {}
    for line in lines:
        uuid, pid, memory, *_ = *(field.strip() for field in line.split(",")), "", "", ""
        if pid.isdecimal():
            found.setdefault(uuid, []).append(Process(int(pid), _user_of(int(pid)), _number(memory)))
    return found


def _user_of(pid: int) -> str:
    try:
        return host.user_name(Path(f"/proc/{pid}").stat().st_uid)
    except OSError:
        return ""


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None  # else `[N/A]`, `[Not Supported]`
