"""GPUs: `--gpus` in Docker's own grammar, CDI names of `--device`, and the older ways, which become a reservation.

The grammar is docker/cli's `opts/gpus.go`: one line of CSV, whose fields are `all`, a number, or KEY=VALUE.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from typing import Any

from composegen.errors import UsageError

GPU = "gpu"
CDI_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*/[A-Za-z][A-Za-z0-9_.-]*=[A-Za-z0-9][A-Za-z0-9_.:-]*")
NO_GPU = ("none", "void", "")
_HINT = "in quotes of its own where it holds a comma: --gpus '\"device=0,1\"'"

# What each key of the grammar becomes in a reservation.
FIELDS: Mapping[str, Callable[[str], Mapping[str, Any]]] = {
    "driver": lambda value: {"driver": value},
    "count": lambda value: {"count": _count(value)},
    "device": lambda value: {"device_ids": value.split(",")},
    "capabilities": lambda value: {"capabilities": [*value.split(","), GPU]},
    "options": lambda value: {"options": dict(each.partition("=")[::2] for each in _fields(value))},
}


def reservation(given: str) -> dict[str, Any]:
    """What a reservation of devices says for one `--gpus`. Raises UsageError: Docker would refuse it."""
    parts: dict[str, Any] = {}
    seen: list[str] = []
    for field in _fields(given):
        key, equals, value = field.partition("=")
        key, value = (key, value) if equals else ("count", key)
        if key not in FIELDS:
            raise UsageError.unknown("part of --gpus", key, list(FIELDS))
        if key in seen:
            raise UsageError(f"'{given}' says {key} twice", hint=_HINT)
        seen.append(key)
        parts |= FIELDS[key](value)
    if "count" in parts and "device_ids" in parts:
        raise UsageError(f"'{given}' says both how many GPUs and which", hint=_HINT)
    if "device_ids" not in parts:
        parts.setdefault("count", 1)
    return {"capabilities": [GPU], **parts}


def legacy(visible: str | None) -> dict[str, Any] | None:
    """The reservation that stands for `--runtime=nvidia` with that NVIDIA_VISIBLE_DEVICES; None: it asks for no GPU."""
    if visible in NO_GPU:
        return None
    which: dict[str, Any] = {"count": "all"} if visible in (None, "all") else {"device_ids": str(visible).split(",")}
    return {"driver": "nvidia", **which, "capabilities": [GPU]}


def _fields(given: str) -> list[str]:
    try:
        rows = list(csv.reader([given], strict=True))
    except csv.Error as error:
        raise UsageError(f"'{given}' is no line of CSV: {error}", hint=_HINT) from None
    if not rows or not rows[0]:
        raise UsageError("it names no GPU", hint="all, a number, or device=0")
    return rows[0]


def _count(given: str) -> int | str:
    if given == "all":
        return given
    if not re.fullmatch(r"[-+]?[0-9]+", given):
        raise UsageError(f"'{given}' is neither all nor a number of GPUs", hint=f"which ones is device=…, {_HINT}")
    return int(given)
