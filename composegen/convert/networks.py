"""`--network` and what goes with it: the namespace of another, a network of the engine, or several with aliases and addresses."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from composegen.convert import values
from composegen.errors import UsageError

# Not networks to join, but ways to have one.
MODES = ("bridge", "default", "host", "none")


@dataclass
class Joined:
    """How a service is on the network: a mode, or networks by name."""

    mode: str = ""
    networks: dict[str, dict[str, Any]] = field(default_factory=dict)


def _option(value: str) -> dict[str, Any]:
    return {"driver_opts": values.full_pair(value)}


# A key of `--network name=…`, or the flag that says the same of the first network → what it adds to that network of the service.
KEYS: Mapping[str, Callable[[str], Mapping[str, Any]]] = {
    "alias": lambda value: {"aliases": [value]},
    "ip": lambda value: {"ipv4_address": values.address(value)},
    "ip6": lambda value: {"ipv6_address": values.address(value)},
    "link-local-ip": lambda value: {"link_local_ips": [values.address(value)]},
    "mac-address": lambda value: {"mac_address": values.mac(value)},
    "gw-priority": lambda value: {"gw_priority": values.integer(value)},
    "driver-opt": _option,
}
OF_FLAGS = {
    "--network-alias": "alias",
    "--ip": "ip",
    "--ip6": "ip6",
    "--link-local-ip": "link-local-ip",
    "--mac-address": "mac-address",
}


# What Docker takes on its own bridge as well, and Compose does not.
NOT_OF_MODES = ("--mac-address", "--link-local-ip")


def joined(given: list[str], own: list[tuple[str, str]]) -> Joined:
    """What `--network` says, one or several times, with the flags that go with the first (`own`: key and value of each).

    Raises UsageError: Docker would refuse it.
    """
    networks = dict(map(_network, given))
    first = next(iter(networks), "")
    modes = [name for name in networks if name in MODES or name.startswith("container:")]
    if modes and len(networks) > 1 and modes != ["bridge"]:
        raise UsageError(f"{modes[0]} and another network exclude each other", hint="leave one of them out")
    for key, value in own:
        if not first or modes:
            if key not in (OF_FLAGS[flag] for flag in NOT_OF_MODES):
                raise UsageError(
                    f"--{key if key != 'alias' else 'network-alias'} needs a network of your own", hint="add --network NAME"
                )
            continue
        _add(networks[first], KEYS[key](value))
    if modes and any(networks.values()):
        raise UsageError(f"the network {modes[0]} has neither aliases nor addresses", hint="name a network of your own")
    if not networks or (len(networks) == 1 and modes):
        return Joined(mode="bridge" if first in ("", "default") else first)
    if len(networks) > 1:
        # Compose sorts them; Docker joins the first one first.
        for place, network in enumerate(networks.values()):
            network["priority"] = 100 * (len(networks) - place)
    return Joined(networks=networks)


def _network(given: str) -> tuple[str, dict[str, Any]]:
    """`NAME`, or `name=NAME,alias=…,ip=…`."""
    if "=" not in given:
        return given, {}
    found: dict[str, Any] = {}
    name = ""
    for each in next(csv.reader([given])):
        key, _, value = each.partition("=")
        if key == "name":
            name = value
        elif key in KEYS:
            _add(found, KEYS[key](value))
        else:
            raise UsageError.unknown("part of --network", key, ["name", *KEYS])
    if not name:
        raise UsageError(f"'{given}' names no network", hint="add name=NETWORK")
    return name, found


def _add(network: dict[str, Any], parts: Mapping[str, Any]) -> None:
    for key, value in parts.items():
        before = network.get(key)
        if isinstance(value, list):
            network[key] = [*(before or []), *value]
        elif isinstance(value, dict):
            network[key] = {**(before or {}), **value}
        elif before is not None:
            raise UsageError(f"{key.replace('_', ' ')} is said twice", hint="say it once")
        else:
            network[key] = value
