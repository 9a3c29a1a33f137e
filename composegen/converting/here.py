"""Paths in a service: those of a line are seen from the current folder, those of an override from the folder that it is in."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

HOME = "${HOME}/"
BUILT_IN = ("unconfined", "builtin", "default")  # profiles of seccomp that are no files


def absolute(service: Mapping[str, Any]) -> dict[str, Any]:
    """The same service with every path of the host in full."""
    found = dict(service)
    for key, change in CHANGES.items():
        if key in found:
            found[key] = [change(each) for each in found[key]]
    return found


def _full(path: str) -> str:
    if path.startswith(HOME):
        return f"{Path.home()}/{path.removeprefix(HOME)}"
    return path if "$" in path else os.path.normpath(Path.cwd() / path)


def _volume(entry: Any) -> Any:
    if isinstance(entry, Mapping):
        return {**entry, "source": _full(entry["source"])} if entry["type"] == "bind" else entry
    source, colon, rest = entry.partition(":")
    return f"{_full(source)}:{rest}" if colon and source.startswith((".", "/", HOME)) else entry


def _env_file(entry: Mapping[str, str]) -> dict[str, str]:
    return {**entry, "path": _full(entry["path"])}


def _security(entry: str) -> str:
    key, _, value = entry.partition("=")
    return f"{key}={_full(value)}" if key == "seccomp" and value not in BUILT_IN else entry


CHANGES: Mapping[str, Callable[[Any], Any]] = {
    "volumes": _volume,
    "env_file": _env_file,
    "label_file": _full,
    "security_opt": _security,
}
