"""What a service says in parts of Compose's own → flags of `docker run`. Each part takes what it understands out of the service."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from composegen.convert.notes import Note

SECONDS = {"h": 3600, "m": 60, "s": 1, "ms": 0.001, "us": 0.000001, "ns": 0}
# What --volume can say; anything else is said by --mount.
SHORT = {"bind": {"create_host_path", "selinux", "propagation"}, "volume": {"nocopy"}}
OF_NETWORK = {
    "ipv4_address": "ip",
    "ipv6_address": "ip6",
    "mac_address": "mac-address",
    "gw_priority": "gw-priority",
    "aliases": "alias",
    "link_local_ips": "link-local-ip",
}


@dataclass
class Reading:
    """A service being read; `left` holds what nobody has looked at yet."""

    document: Mapping[str, Any]
    name: str
    left: dict[str, Any]
    options: list[tuple[str, ...]] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def take(self, *path: str) -> Any:
        """A value, which is looked at by that; None where there is none."""
        place: Any = self.left
        for key in path[:-1]:
            place = place.get(key) if isinstance(place, dict) else None
        return place.pop(path[-1], None) if isinstance(place, dict) else None

    def add(self, flag: str, value: Any) -> None:
        self.options.append((flag, str(value)))

    def note(self, what: str, why: str) -> None:
        self.notes.append(Note("lost", what, why, f"service {self.name}"))

    def container(self, service: str) -> str:
        """The name of another service's container."""
        other = self.document["services"].get(service, {})
        return str(other.get("container_name") or f"{self.document.get('name', 'project')}-{service}-1")


def _command(reading: Reading) -> None:
    entrypoint, command = reading.take("entrypoint"), reading.take("command")
    if entrypoint is not None:
        first, *rest = entrypoint or [""]
        reading.options.append((f"--entrypoint={first}",))
        reading.command += rest
    reading.command += command or []


def _ports(reading: Reading) -> None:
    for port in reading.take("ports") or []:
        address = port.get("host_ip", "")
        address = f"[{address}]:" if ":" in address else f"{address}:" if address else ""
        outside = f"{port.get('published', '')}:" if address or port.get("published") else ""
        reading.add("--publish", f"{address}{outside}{port['target']}/{port.get('protocol', 'tcp')}")


def _volumes(reading: Reading) -> None:
    for volume in reading.take("volumes") or []:
        source = volume.get("source", "")
        if volume["type"] == "volume" and source:
            source = (reading.document.get("volumes", {}).get(source) or {}).get("name", source)
        options = volume.get(volume["type"]) or {}
        makes_source = volume["type"] == "volume" or "create_host_path" in options
        if makes_source and set(options) <= SHORT.get(volume["type"], set()):
            parts = (source, volume["target"], ",".join(_modes(volume, options)) if source else "")
            reading.add("--volume", ":".join(filter(None, parts)))
        else:
            reading.add("--mount", _csv(_mount(volume, source, options)))


def _modes(volume: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[str]:
    yield from ["ro"] if volume.get("read_only") else []
    yield from (str(options[key]) for key in ("selinux", "propagation") if key in options)
    yield from ["nocopy"] if options.get("nocopy") else []


def _mount(volume: Mapping[str, Any], source: str, options: Mapping[str, Any]) -> Iterator[str]:
    yield f"type={volume['type']}"
    if source:
        yield f"source={source}"
    yield f"target={volume['target']}"
    if volume.get("read_only"):
        yield "readonly"
    for key, value in options.items():
        if key in ("create_host_path", "selinux"):
            continue
        said = format(value, "o") if key == "mode" else str(value).lower() if isinstance(value, bool) else value
        yield f"{volume['type']}-{key}={said}"


def _csv(fields: Iterable[str]) -> str:
    """One line of CSV, as Docker reads --mount, --gpus and --network."""
    return ",".join(f'"{each.replace(chr(34), chr(34) * 2)}"' if re.search('[,"]', each) else each for each in fields)


def _networks(reading: Reading) -> None:
    mode, networks = reading.take("network_mode"), reading.take("networks") or {}
    if mode:
        kind, _, name = mode.partition(":")
        reading.add("--network", f"container:{reading.container(name)}" if kind == "service" else mode)
    known = reading.document.get("networks") or {}
    for key, options in sorted(networks.items(), key=lambda each: -((each[1] or {}).get("priority") or 0)):
        if key == "default" and len(networks) == 1 and not options:
            reading.note("networks", "is the project's own; the engine's default bridge takes its place, where no names are known")
            continue
        reading.add("--network", _csv(_joined((known.get(key) or {}).get("name", key), options or {})))


def _joined(name: str, options: Mapping[str, Any]) -> Iterator[str]:
    if not set(options) - {"priority"}:
        yield name
        return
    yield f"name={name}"
    for key, part in OF_NETWORK.items():
        said = options.get(key) or []
        yield from (f"{part}={each}" for each in (said if isinstance(said, list) else [said]))
    yield from (f"driver-opt={key}={value}" for key, value in (options.get("driver_opts") or {}).items())


def _others(reading: Reading) -> None:
    """Links, namespaces and volumes of another container."""
    for link in reading.take("links") or []:
        name, _, alias = link.partition(":")
        reading.add("--link", f"{reading.container(name)}:{alias or name}")
    for link in reading.take("external_links") or []:
        reading.add("--link", link)
    for key in ("ipc", "pid"):
        if str(value := reading.left.get(key, "")).startswith("service:"):
            reading.left[key] = f"container:{reading.container(value.partition(':')[2])}"
    for given in reading.take("volumes_from") or []:
        kind, _, name = given.partition(":")
        reading.add("--volumes-from", name if kind == "container" else reading.container(kind))
    if reading.take("depends_on"):
        reading.note("depends_on", "is an order of starting, which is yours now")


def _devices(reading: Reading) -> None:
    if runtime := reading.take("runtime"):
        reading.add("--runtime", runtime)
    for device in reading.take("devices") or []:
        source, target, rights = device["source"], device.get("target"), device.get("permissions", "rwm")
        plain = target in (None, source) and rights == "rwm"
        reading.add("--device", source if plain else f"{source}:{target}:{rights}")
    reserved = reading.take("deploy", "resources", "reservations", "devices") or []
    for request in [*(reading.take("gpus") or []), *reserved]:
        reading.add("--gpus", _csv(_gpus(request)))


def _gpus(request: Mapping[str, Any]) -> Iterator[str]:
    if request.get("driver"):
        yield f"driver={request['driver']}"
    if ids := request.get("device_ids"):
        yield f"device={','.join(ids)}"
    else:
        yield "all" if request.get("count", -1) == -1 else str(request["count"])
    if words := [word for word in request.get("capabilities") or [] if word != "gpu"]:
        yield f"capabilities={','.join(words)}"
    if options := request.get("options"):
        yield f"options={_csv(f'{key}={value}' for key, value in options.items())}"


def _limits(reading: Reading) -> None:
    """What `deploy` says of limits, where the service does not."""
    for key, own in (("cpus", "cpus"), ("memory", "mem_limit"), ("pids", "pids_limit")):
        if (value := reading.take("deploy", "resources", "limits", key)) is not None:
            reading.left.setdefault(own, value)
    if (value := reading.take("deploy", "resources", "reservations", "memory")) is not None:
        reading.left.setdefault("mem_reservation", value)


def _health(reading: Reading) -> None:
    test = reading.take("healthcheck", "test")
    if test and test[0] == "NONE":
        reading.options.append(("--no-healthcheck",))
    elif test:
        if test[0] == "CMD":
            reading.note("healthcheck.test", "goes through a shell, for `docker run` knows no other way")
        reading.add("--health-cmd", test[1] if test[0] == "CMD-SHELL" else shlex.join(test[1:]))


def _stop(reading: Reading) -> None:
    if text := reading.take("stop_grace_period"):
        amounts = re.findall(r"([0-9.]+)(h|ms|m|s|us|ns)", text)
        reading.add("--stop-timeout", round(sum(float(amount) * SECONDS[unit] for amount, unit in amounts)))


PARTS: tuple[Callable[[Reading], None], ...] = (
    _command,
    _ports,
    _volumes,
    _networks,
    _others,
    _devices,
    _limits,
    _health,
    _stop,
)
