"""`--volume` and `--mount`: what is mounted, as an entry of Compose's `volumes`, and the named volumes that are in use.

Docker's rules: docker/cli's `cli/compose/loader/volume.go` and `opts/mount.go`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from composegen.convert import values
from composegen.convert.text import HERE, MARK, has_expansion
from composegen.errors import UsageError

MODES = {
    **dict.fromkeys(("ro", "rw", "z", "Z", "nocopy"), "access"),
    **dict.fromkeys(("private", "rprivate", "shared", "rshared", "slave", "rslave"), "propagation"),
    **dict.fromkeys(("cached", "delegated", "consistent"), "consistency"),
}
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


@dataclass
class Mounted:
    """An entry of `volumes`, and the named volume that it is of."""

    entry: Any
    volume: str = ""
    driver: str = ""
    options: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)


# --- --volume ---------------------------------------------------------------------------------------------------------------


def volume(given: str) -> Mounted:
    """`[SOURCE:]TARGET[:MODE]`. Raises UsageError: Docker would refuse it."""
    source, target, mode = _split(given)
    if not source:
        return Mounted(_target(target))
    modes = [each for each in mode.split(",") if each]
    for each in modes:
        if each not in MODES and not has_expansion(each):
            raise UsageError.unknown("mode of a volume", each, list(MODES))
    kept = [each for each in modes if MODES.get(each) != "consistency"]  # of Docker Desktop's old days; no engine looks at it
    name = "" if is_path(source) else _volume_name(source)
    return Mounted(":".join([host_path(source), _target(target), *([",".join(kept)] if kept else [])]), name)


def _split(given: str) -> tuple[str, str, str]:
    drive = _DRIVE.match(given)
    start = 2 if drive else 0
    parts = given[start:].split(":")
    parts[0] = given[:start] + parts[0]
    if not all(parts[:2]) or len(parts) > 3:
        raise UsageError(f"'{given}' is not a volume", hint="write SOURCE:TARGET[:MODE], or TARGET alone")
    if len(parts) == 2 and parts[1].split(",")[0] in MODES:
        raise UsageError(f"'{given}' has a mode and no source", hint=f"write SOURCE:{parts[0]}:{parts[1]}")
    return ("", parts[0], "") if len(parts) == 1 else (parts[0], parts[1], parts[2] if len(parts) == 3 else "")


def is_path(source: str) -> bool:
    """A folder or file of the host, rather than a volume's name."""
    return bool(source.startswith(("/", ".")) or MARK.match(source) or _DRIVE.match(source))


def host_path(source: str) -> str:
    """The current folder becomes Compose's: that of its file."""
    return f".{source[1:]}" if source.startswith(HERE) else source


def _volume_name(source: str) -> str:
    if not re.fullmatch(values.NAME, source):
        expands = "; a shell leaves ~ as it is there" if source.startswith("~") else ""
        hint = "a path begins with / or ./, a name has letters, digits, _ . -"
        raise UsageError(f"'{source}' is neither a path nor a volume's name{expands}", hint=hint)
    return source


def _target(target: str) -> str:
    if not target.startswith("/") and not has_expansion(target) and not _DRIVE.match(target):
        raise UsageError(f"'{target}' is not an absolute path in the container", hint="write SOURCE:/ABSOLUTE/TARGET")
    if not target.strip("/"):
        raise UsageError("nothing can be mounted at / in the container", hint="mount at a folder below it")
    return target


# --- --mount ----------------------------------------------------------------------------------------------------------------


def _flag(given: str) -> bool:
    words = {**dict.fromkeys(("", "true", "1"), True), **dict.fromkeys(("false", "0"), False)}
    if given.lower() not in words:
        raise UsageError(f"'{given}' is neither true nor false", hint="write true or false, or the key alone")
    return words[given.lower()]


def _recursive(given: str) -> dict[str, Any]:
    words = ("enabled", "disabled", "writable", "readonly")
    values.one_of(*words)(given)
    return {} if given == "enabled" else {"bind": {"recursive": given}}


def _mode(given: str) -> dict[str, Any]:
    values.matching("[0-7]+", "a mode in octal, such as 1770")(given)
    return {"tmpfs": {"mode": int(given, 8)}}


PROPAGATIONS = tuple(word for word, kind in MODES.items() if kind == "propagation")
# A key of --mount → what it adds to a long entry of `volumes`.
KEYS: Mapping[str, Callable[[str], Mapping[str, Any]]] = {
    "type": lambda value: {"type": values.one_of("bind", "volume", "tmpfs", "image", "npipe", "cluster")(value)},
    "source": lambda value: {"source": host_path(value)},
    "target": lambda value: {"target": _target(value)},
    "readonly": lambda value: {"read_only": True} if _flag(value) else {},
    "consistency": lambda value: {},
    "bind-propagation": lambda value: {"bind": {"propagation": values.one_of(*PROPAGATIONS)(value)}},
    "bind-recursive": _recursive,
    "bind-nonrecursive": lambda value: {"bind": {"recursive": "disabled"}} if _flag(value) else {},
    "volume-nocopy": lambda value: {"volume": {"nocopy": True}} if _flag(value) else {},
    "volume-subpath": lambda value: {"volume": {"subpath": value}},
    "image-subpath": lambda value: {"image": {"subpath": value}},
    "tmpfs-size": lambda value: {"tmpfs": {"size": values.size(value)}},
    "tmpfs-mode": _mode,
}
# Of the volume itself, at the end of the compose file.
OF_VOLUMES = ("volume-driver", "volume-opt", "volume-label")
OTHER_NAMES = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly"}
MAY_STAND_ALONE = ("readonly", "bind-nonrecursive", "volume-nocopy")


def mount(given: str) -> Mounted:
    """`type=bind,source=…,target=…`. Raises UsageError: Docker would refuse it."""
    entry: dict[str, Any] = {"type": "volume"}
    found = Mounted(entry)
    for key, value in _pairs(given):
        if key in OF_VOLUMES:
            _of_volume(found, key, value)
        elif key in KEYS:
            for name, part in KEYS[key](value).items():
                entry[name] = {**entry.get(name, {}), **part} if isinstance(part, dict) else part
        else:
            raise UsageError.unknown("part of --mount", key, [*KEYS, *OF_VOLUMES])
    _check(given, entry)
    if entry["type"] == "bind":
        # As --mount does, and -v does not: a source that is missing is an error, and no folder is made.
        entry["bind"] = {**entry.get("bind", {}), "create_host_path": False}
    elif entry["type"] == "volume" and entry.get("source"):
        found.volume = _volume_name(entry["source"])
    return found


def _pairs(given: str) -> list[tuple[str, str]]:
    try:
        fields = next(iter(csv.reader([given], strict=True)), [])
    except csv.Error as error:
        raise UsageError(f"'{given}' is no line of CSV: {error}", hint="put a part with a comma into double quotes") from None
    found = []
    for each in fields:
        key, equals, value = each.partition("=")
        key = OTHER_NAMES.get(key.lower(), key.lower())
        if not equals and key not in MAY_STAND_ALONE:
            raise UsageError(f"'{given}': '{each}' is not KEY=VALUE", hint="write type=bind,source=/here,target=/there")
        found.append((key, value))
    return found


def _of_volume(found: Mounted, key: str, value: str) -> None:
    if key == "volume-driver":
        found.driver = value
    else:
        name, _, said = value.partition("=")
        (found.options if key == "volume-opt" else found.labels)[name] = said


def _check(given: str, entry: Mapping[str, Any]) -> None:
    kind = entry["type"]
    if "target" not in entry:
        raise UsageError(f"'{given}' names no target", hint="add target=/there")
    if foreign := [key for key in ("bind", "volume", "tmpfs", "image") if key in entry and key != kind]:
        raise UsageError(
            f"'{given}': a mount of type {kind} has no {foreign[0]}-… part", hint=f"say type={foreign[0]}, or leave it out"
        )
    if kind in ("bind", "image") and not entry.get("source"):
        raise UsageError(f"'{given}' names no source", hint="add source=/here")
    if kind == "tmpfs" and "source" in entry:
        raise UsageError(f"'{given}': a tmpfs has no source", hint="leave it out")
    if kind == "bind" and not is_path(entry["source"]):
        raise UsageError(f"'{entry['source']}' is not an absolute path", hint="write /path, or ./path")
