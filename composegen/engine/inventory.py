"""What is on an engine of composegen's making, whoever made it: containers, images, volumes.

Recognised by what every folder of every age gives them: its images and containers start `/etc/composegen/entrypoint.sh`, and
Compose labels its volumes with the project and with their names in compose.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from composegen.engine import answers
from composegen.engine.command import docker
from composegen.engine.values import PROJECT_LABEL, SERVICE_LABEL, Container
from composegen.model import SERVICE

ENTRYPOINT = "/etc/composegen/entrypoint.sh"
VOLUME_LABEL = "com.docker.compose.volume"
VOLUMES = ("host_keys", "ide")  # as compose.yaml calls them
DATE = r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\S*"
ACCEPTED = re.compile(rf"(?m)^{DATE} .*Accepted \S+ for (\S+) from")  # sshd's line, behind the engine's time
UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
DEVICES = re.compile(r"/dev/(?:kfd|dri|davinci\d+)")


@dataclass(frozen=True)
class Resident:
    """One container of composegen's."""

    container: Container
    user: str  # who logs in besides root, and with which uid
    uid: int
    gpus: str  # `all`, `2`, `0,1`, `nvidia.com/gpu=0`, `/dev/kfd`; empty: none
    layer: int  # bytes that it wrote outside its volumes
    volumes: tuple[str, ...]  # names of those it has mounted


@dataclass(frozen=True)
class StoredImage:
    """An image that one of composegen's folders was built into."""

    id: str
    project: str
    names: tuple[str, ...]  # empty for one that a later build took the name from
    size: int  # bytes, shared layers included


@dataclass(frozen=True)
class StoredVolume:
    name: str
    project: str
    size: int | None  # bytes; None where the engine does not tell


@dataclass(frozen=True)
class Inventory:
    residents: tuple[Resident, ...]
    images: tuple[StoredImage, ...] = ()
    volumes: tuple[StoredVolume, ...] = ()
    cache: int = 0  # bytes of build cache that nothing uses, of everybody on this engine


def residents() -> tuple[Resident, ...]:
    """Every container, running or not, in the order of their names. Raises EngineError."""
    listed = docker("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={SERVICE_LABEL}={SERVICE}").run().split()
    found = map(_resident, filter(_is_ours, _inspected("container", listed, "--size")))
    return tuple(sorted(found, key=lambda each: each.container.name))


def inventory() -> Inventory:
    """All there is. The engine adds up sizes for it, which takes about a second. Raises EngineError."""
    adding_up = docker("system", "df", "--verbose", "--format", "json")
    sizes, there = adding_up.begin(), residents()
    images = docker("image", "ls", "--all", "--quiet", "--no-trunc", "--filter", f"label={SERVICE_LABEL}={SERVICE}").run().split()
    volumes = docker("volume", "ls", "--quiet", "--filter", f"label={VOLUME_LABEL}").run().split()
    ours = [each for each in _inspected("volume", volumes) if (each.get("Labels") or {}).get(VOLUME_LABEL) in VOLUMES]
    used = _sizes(adding_up.checked(sizes.result()).stdout)
    return Inventory(
        residents=there,
        images=tuple(map(_image, filter(_is_ours, _inspected("image", tuple(dict.fromkeys(images)))))),
        volumes=tuple(StoredVolume(each["Name"], each["Labels"][PROJECT_LABEL], used.volumes.get(each["Name"])) for each in ours),
        cache=used.cache,
    )


def last_login(container: str) -> tuple[str, str]:
    """When somebody last logged in, in UTC as RFC 3339, and who; empty where the log does not say. Raises EngineError."""
    said = docker("logs", "--timestamps", "--tail", "5000", container).begin().result()
    found = ACCEPTED.findall(said.stdout + said.stderr)
    return (f"{found[-1][0]}+00:00", found[-1][1]) if found else ("", "")


def remove_image(image: str) -> None:
    """Raises CommandFailed: something uses it."""
    docker("image", "rm", image).run()


def remove_volume(volume: str) -> None:
    """Raises CommandFailed: something uses it."""
    docker("volume", "rm", volume).run()


def prune_build_cache() -> None:
    """Raises CommandFailed."""
    docker("builder", "prune", "--force").run()


def _inspected(kind: str, names: Sequence[str], *options: str) -> list[dict[str, Any]]:
    """What of these is still there."""
    if not names:
        return []
    return answers.objects(docker("inspect", "--type", kind, *options, *names).begin().result().stdout)


def _is_ours(found: Mapping[str, Any]) -> bool:
    return ENTRYPOINT in ((found.get("Config") or {}).get("Entrypoint") or ())[:1]


def _resident(found: dict[str, Any]) -> Resident:
    environment = dict(each.partition("=")[::2] for each in found["Config"].get("Env") or ())
    uid = environment.get("USER_UID", "")
    return Resident(
        Container.from_inspect(found),
        user=environment.get("SSH_USER", "") or "root",
        uid=int(uid) if uid.isdecimal() else 0,
        gpus=_gpus(found.get("HostConfig") or {}, environment),
        layer=found.get("SizeRw") or 0,
        volumes=tuple(each["Name"] for each in found.get("Mounts") or () if each.get("Type") == "volume"),
    )


def _gpus(host: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """What was asked for when it was made."""
    asked: list[str] = []
    for request in host.get("DeviceRequests") or ():
        count = request.get("Count", 0)
        asked += request.get("DeviceIDs") or ["all" if count < 0 else str(count)]
    if host.get("Runtime") in ("nvidia", "ascend"):
        asked += [environment.get("NVIDIA_VISIBLE_DEVICES") or environment.get("ASCEND_VISIBLE_DEVICES") or ""]
    devices = (str(each.get("PathOnHost", "")) for each in host.get("Devices") or ())
    asked += [device for device in devices if DEVICES.fullmatch(device)]
    return ",".join(each for each in asked if each not in ("", "void", "none"))


def _image(found: dict[str, Any]) -> StoredImage:
    labels = found["Config"].get("Labels") or {}
    return StoredImage(found["Id"], labels.get(PROJECT_LABEL, ""), tuple(found.get("RepoTags") or ()), found.get("Size") or 0)


@dataclass(frozen=True)
class _Sizes:
    volumes: Mapping[str, int]
    cache: int


def _sizes(text: str) -> _Sizes:
    """Out of `docker system df --verbose`, which says them for people: 60.5MB."""
    (found, *_) = answers.objects(f"[{text or '{}'}]")
    volumes = {each["Name"]: size for each in found.get("Volumes") or () if (size := _bytes(each.get("Size", ""))) is not None}
    unused = (each for each in found.get("BuildCache") or () if str(each.get("InUse")).lower() == "false")
    return _Sizes(volumes, _sum(_bytes(each.get("Size", "")) for each in unused if str(each.get("Shared")).lower() == "false"))


def _sum(sizes: Iterable[int | None]) -> int:
    return sum(size or 0 for size in sizes)


def _bytes(text: str) -> int | None:
    found = re.fullmatch(r"([\d.]+)(\w+)", text)
    return int(float(found[1]) * UNITS[found[2]]) if found and found[2] in UNITS else None
