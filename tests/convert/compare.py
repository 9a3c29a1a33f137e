"""Two containers as the engine describes them, brought to a form in which the same container is the same value.

Every field of `Config` and `HostConfig` is compared, and mounts and networks; what is left out is listed here with its reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

Object = dict[str, Any]

# Fields that say how a client is attached, or the same thing that another field says.
LEFT_OUT = {
    "Config.AttachStdin": "the client's terminal",
    "Config.AttachStdout": "the client's terminal",
    "Config.AttachStderr": "the client's terminal",
    "Config.StdinOnce": "the client's terminal",
    "HostConfig.ConsoleSize": "the client's terminal",
    "HostConfig.ContainerIDFile": "a file of the client's",
    "Config.Volumes": "in Mounts",
    "HostConfig.Binds": "in Mounts",
    "HostConfig.Mounts": "in Mounts",
    "HostConfig.VolumeDriver": "of the volumes, which Mounts name with their driver",
    "HostConfig.Links": "in Links",
}
# Lists of HostConfig whose order says nothing, and those whose order does: Compose's schema takes each item once.
SETS = ("SecurityOpt", "CapAdd", "CapDrop", "ExtraHosts", "VolumesFrom", "GroupAdd")
ONCE = (
    "DeviceCgroupRules",
    "Dns",
    "DnsOptions",
    "DnsSearch",
    "Devices",
    *(f"BlkioDevice{what}" for what in ("ReadBps", "ReadIOps", "WriteBps", "WriteIOps")),
)
ANONYMOUS = re.compile("[0-9a-f]{64}")


def fields(container: Object, names: set[str], who: Mapping[str, str]) -> Object:
    """Every field that is not empty, by its path.

    `names`: of the container and its service, which Compose adds as aliases. `who`: names of containers, by their ids.
    """
    found = {
        f"{part}.{key}": value
        for part in ("Config", "HostConfig")
        for key, value in container[part].items()
        if f"{part}.{key}" not in LEFT_OUT
    }
    found["Config.Env"] = dict(each.partition("=")[::2] for each in container["Config"].get("Env") or [])
    found["Config.Labels"] = {
        key: value for key, value in (container["Config"]["Labels"] or {}).items() if not key.startswith("com.docker.compose.")
    }
    if container["Id"].startswith(found["Config.Hostname"] or "-"):
        del found["Config.Hostname"]
    for key in ("NetworkMode", "IpcMode", "PidMode", "VolumesFrom"):
        found[f"HostConfig.{key}"] = _named(found[f"HostConfig.{key}"], who)
    for request in found["HostConfig.DeviceRequests"] or []:
        request["Options"] = request["Options"] or {}
        request["DeviceIDs"] = list(dict.fromkeys(request["DeviceIDs"] or []))
    found["HostConfig.VolumesFrom"] = [each.removesuffix(":rw") for each in found["HostConfig.VolumesFrom"] or []]
    for key in SETS:
        found[f"HostConfig.{key}"] = sorted(set(found[f"HostConfig.{key}"] or []))
    for key in ONCE:
        found[f"HostConfig.{key}"] = list(dict.fromkeys(map(json.dumps, found[f"HostConfig.{key}"] or [])))
    found["HostConfig.Ulimits"] = sorted(found["HostConfig.Ulimits"] or [], key=lambda each: str(each["Name"]))
    found["Platform"] = container["Platform"]
    found["Mounts"] = sorted(map(_mount, container["Mounts"]), key=lambda each: str(each["Destination"]))
    found["MountOptions"] = sorted(
        (options for each in container["HostConfig"].get("Mounts") or [] if (options := _options(each))),
        key=lambda each: str(each["Target"]),
    )
    found["Nocopy"] = sorted(_without_copy(container))
    found["Links"] = sorted(_links(container, names, who))
    for name, network in container["NetworkSettings"]["Networks"].items():
        found |= {f"Network.{name}.{key}": value for key, value in _network(network, names).items()}
    return {key: value for key, value in found.items() if value not in (None, [], {}, "", 0, False)}


def _named(value: Any, who: Mapping[str, str]) -> Any:
    """The same with names instead of ids."""
    return json.loads(ANONYMOUS.sub(lambda found: who.get(found[0], found[0]), json.dumps(value)))


def _links(container: Object, names: set[str], who: Mapping[str, str]) -> Iterator[str]:
    """`NAME:ALIAS`; of the aliases that Compose makes unasked, each has the project in it."""
    for each in container["HostConfig"]["Links"] or []:
        name, alias = each.split(":")[0].strip("/"), each.rpartition("/")[2]
        if not re.fullmatch(r"(?:.*-)?s[0-9]+-.*", alias):
            yield f"{name}:{alias}"


def _without_copy(container: Object) -> Iterator[str]:
    yield from (each["Destination"] for each in container["Mounts"] if "nocopy" in (each.get("Mode") or "").split(","))
    for each in container["HostConfig"].get("Mounts") or []:
        if (each.get("VolumeOptions") or {}).get("NoCopy"):
            yield each["Target"]


def _mount(mount: Object) -> Object:
    """Modes say what RW and Propagation say, but for SELinux's."""
    kept = {key: mount.get(key) for key in ("Type", "Destination", "Source", "Driver", "RW", "Propagation", "Name")}
    if mount["Type"] == "volume":
        kept["Source"] = None
        kept["Name"] = None if ANONYMOUS.fullmatch(mount.get("Name") or "") else mount.get("Name")
    # The engine itself adds `z` to a volume, or not, by the API's field that it came in.
    kept["Mode"] = sorted(set((mount.get("Mode") or "").split(",")) & {"z", "Z"}) if mount["Type"] == "bind" else []
    return kept


def _options(mount: Object) -> Object:
    """What a mount says beyond the above: sizes of tmpfs, parts of volumes."""
    bind = {key: value for key, value in (mount.get("BindOptions") or {}).items() if key not in ("Propagation", "CreateMountpoint")}
    volume = {key: value for key, value in (mount.get("VolumeOptions") or {}).items() if key == "Subpath"}
    rest = {"bind": bind, "volume": volume, "tmpfs": mount.get("TmpfsOptions"), "image": mount.get("ImageOptions")}
    said = {key: value for key, value in rest.items() if value}
    return {"Target": mount["Target"], **said} if said else {}


def _network(network: Object, names: set[str]) -> Object:
    kept = {key: network.get(key) for key in ("IPAMConfig", "DriverOpts", "GwPriority", "MacAddress")}
    kept["Aliases"] = sorted(each for each in network.get("Aliases") or [] if each not in names)
    kept["Links"] = sorted(network.get("Links") or [])
    return {key: value for key, value in kept.items() if value} or {"joined": True}


def differences(line: Object, file: Object, names: set[str], who: Mapping[str, str], allowed: set[str]) -> Iterator[str]:
    """Every field in which two containers differ, but for those that a note has named."""
    ours, theirs = fields(file, names, who), fields(line, names, who)
    for key in sorted({*ours, *theirs}):
        if ours.get(key) != theirs.get(key) and not any(fnmatchcase(key, each) for each in allowed):
            yield f"{key}: the line has {theirs.get(key)!r}, the file {ours.get(key)!r}"
