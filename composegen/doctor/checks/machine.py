"""What the engine's machine has: disk, memory, and limits of its kernel."""

from __future__ import annotations

import re
import shutil
from datetime import datetime, timezone
from pathlib import Path

from composegen import host
from composegen.doctor.reading import fix
from composegen.doctor.site import Site, Unanswered, Verdict
from composegen.model import SERVICE

GIB = 2**30
UNITS = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
OVERHEAD = 1 * GIB  # what composegen's packages and the user's take above the base image
# While layers are unpacked their archives are there as well; these are about half of what they become.
PULLING = 1.5
MEMORY = 4 * GIB  # "2+ cores, 4GB+ of RAM, and 5GB+ of disk": https://www.jetbrains.com/help/go/prerequisites.html
SKEW = 60.0  # seconds; apt refuses lists of the future, TLS certificates of it
WATCHES = 524288  # https://code.visualstudio.com/docs/setup/linux
SYS_RESOURCE = 24  # bit of CAP_SYS_RESOURCE, https://man7.org/linux/man-pages/man7/capabilities.7.html
LIMITS = {"memlock": "Max locked memory", "nofile": "Max open files", "nproc": "Max processes", "stack": "Max stack size"}


def disk(site: Site) -> Verdict:
    """There is room for the image."""
    _ = site.project
    site.insist_on_host("disk")
    place = next((each for each in (Path(site.info.root), *Path(site.info.root).parents) if _free(each) is not None), Path("/"))
    free = _free(place) or 0
    if site.look.image:
        said = f"{free / GIB:.1f} GiB free at {place}; the image is there"
        return Verdict("ok", said) if free > OVERHEAD else Verdict("warn", said, fix("disk-full", site.systems))
    size = _bytes(site.variant.size if site.variant else "")
    needed = (0 if site.look.base else size) + OVERHEAD
    said = f"{free / GIB:.1f} GiB free at {place}, about {needed / GIB:.1f} needed for the image"
    if free < needed:
        return Verdict("fail", said, fix("disk-full", site.systems))
    if free < needed * PULLING:
        return Verdict("warn", f"{said}, and half as much again while it is pulled", fix("disk-full", site.systems))
    return Verdict("ok", said)


def _free(place: Path) -> int | None:
    try:
        return shutil.disk_usage(place).free
    except OSError:
        return None


def _bytes(size: str) -> int:
    """`10.5 GB` as bytes; 0 where there is none."""
    found = re.fullmatch(r"([\d.]+) ?(\w+)", size)
    return int(float(found[1]) * UNITS.get(found[2].lower(), 0)) if found else 0


def memory(site: Site) -> Verdict:
    """There is enough for an IDE's backend beside the work."""
    has = site.info.memory
    said = f"{has / GIB:.1f} GiB, {site.info.processors} processors"
    if 0 < has < MEMORY:
        return Verdict("warn", f"{said}; a JetBrains backend alone wants {MEMORY // GIB} GiB", "give the engine's machine more")
    return Verdict("ok", said)


def shared_memory(site: Site) -> Verdict:
    """/dev/shm is as large as data loaders want it, and can be had."""
    stack, variant = site.project.stack, site.variant
    wanted = site.project.shm or (variant.shm if variant else "")
    if wanted not in ("host", "ipc"):
        return Verdict("ok", f"{wanted or 'a size'} of its own")
    instead = f"`composegen init {stack} . --shm 8gb` gives the container one of its own"
    if site.info.desktop:
        said = "Docker Desktop shares neither /dev/shm nor the IPC of this host with its machine"
        return Verdict("fail", said, instead)
    site.insist_on_host("/dev/shm")
    try:
        size = shutil.disk_usage(site.root / "dev/shm").total
    except OSError:
        return Verdict("fail", "this host has no /dev/shm", instead)
    said = f"the host's, {size / GIB:.1f} GiB"
    return Verdict("ok", said) if size >= GIB else Verdict("warn", said, "`sudo mount -o remount,size=8g /dev/shm`")


def limits(site: Site) -> Verdict:
    """What `ulimits:` asks for can be had: an engine without CAP_SYS_RESOURCE cannot raise a limit above its own."""
    _ = site.project
    files = sorted(site.directory.glob("compose*.yaml"))
    asked = {name: value for file in files for name, value in _ulimits(file).items()}
    if not asked:
        return Verdict("ok", "none are asked for")
    site.insist_on_host("limits")
    status, own = host.text(site.root / "proc/1/status"), host.text(site.root / "proc/1/limits")
    bounding = re.search(r"CapBnd:\s*([0-9a-f]+)", status)
    if not bounding or int(bounding[1], 16) >> SYS_RESOURCE & 1:
        return Verdict("ok", f"{', '.join(asked)}; the engine may raise limits")
    refused = [name for name, value in asked.items() if name in LIMITS and _above(value, LIMITS[name], own)]
    if refused:
        return Verdict(
            "fail", f"this host refuses a container {', '.join(refused)} as high as asked for", fix("limit-refused", site.systems)
        )
    return Verdict("ok", f"{', '.join(asked)}, below this host's own")


def _ulimits(file: Path) -> dict[str, object]:
    """Those of the service; none where the file is no Compose file, which is another check's finding."""
    from composegen import document
    from composegen.errors import ComposegenError

    try:
        loaded = document.load(file.read_text(encoding="utf-8", errors="replace"), name=file.name)
        return dict(((loaded.get("services") or {}).get(SERVICE) or {}).get("ulimits") or {})
    except (ComposegenError, AttributeError, TypeError, ValueError, OSError):
        return {}


def _above(value: object, row: str, own: str) -> bool:
    """Whether a limit of `ulimits:`, a number or {soft, hard}, is above the hard one in /proc/PID/limits."""
    wanted = value.get("hard", 0) if isinstance(value, dict) else value
    found = re.search(rf"(?m)^{row}\s+\S+\s+(\d+)", own)  # else `unlimited`
    return isinstance(wanted, int) and found is not None and (wanted < 0 or wanted > int(found[1]))


def watches(site: Site) -> Verdict:
    """IDEs may watch enough files."""
    site.insist_on_host("limits")
    said = host.text(site.root / "proc/sys/fs/inotify/max_user_watches").strip()
    if not said.isdecimal():
        raise Unanswered("this kernel does not say")
    found = f"{said} files may be watched"
    return Verdict("ok", found) if int(said) >= WATCHES else Verdict("warn", found, fix("inotify-exhausted", site.systems))


def clock(site: Site) -> Verdict:
    """The engine's machine and this one agree on the time."""
    said, now = site.info.time, datetime.now(timezone.utc)
    # RFC 3339 with up to nine digits of a second, of which Python takes six.
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)", said)
    if not found:
        raise Unanswered("the engine does not say its time")
    apart = abs((now - datetime.fromisoformat(found[1] + found[2].replace("Z", "+00:00"))).total_seconds())
    if apart > SKEW:
        return Verdict("warn", f"the engine's clock is {apart:.0f} s from this host's", fix("clock-wrong", site.systems))
    return Verdict("ok", "the engine's clock is this host's")
