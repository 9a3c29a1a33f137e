"""`x-composegen`: the choices that a compose file records."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import Any

from composegen.document.reading import load
from composegen.errors import FolderError, UsageError
from composegen.model import Choices, Mount

SCHEMA = 1  # of x-composegen
SUDO_IS_CHOSEN = 2  # the first templates that ask; before them every login user had it
SWITCHES = ("sudo", "devcontainer")  # what is either chosen or not
RESTORE = "restore it from version control"
OWN = "x-composegen"  # the key of compose.yaml that records the choices
X_COMPOSEGEN = re.compile(r"^x-composegen:[ \t\r]*\n(?:(?:[ #].*|\r?)\n)*(?:[ #].*)?", re.MULTILINE)


def choices_lines(choices: Choices, *, template: int) -> list[str]:
    """`x-composegen` as YAML lines: what differs from the defaults, as block lists, with `$` kept from Compose's interpolation.

    `template` is the number of the templates that write it.
    """
    lines = [f"schema: {SCHEMA}", f"template: {template}"]
    for name, value in _differing(choices).items():
        if isinstance(value, list):
            lines += [f"{name}:", *(f"  - {scalar(each)}" for each in value)]
        else:
            lines.append(f"{name}: {str(value).lower() if isinstance(value, bool) else scalar(value)}")
    return lines


def choices(text: str, *, name: str) -> Choices:
    """The choices that a compose file's `x-composegen` records.

    Raises FolderError: it is missing, from a newer composegen, or not what composegen writes.
    """
    found, name = _recorded(text, name)
    given = {key: _unescaped(value) for key, value in found.items() if key not in ("schema", "template")}
    given = {"sudo": _number(found) < SUDO_IS_CHOSEN, **given}
    known = [each.name for each in fields(Choices)]
    if not isinstance(given.get("stack"), str) or not isinstance(given.get("device"), str):
        raise FolderError(f"{name}: x-composegen is not what composegen writes: it needs a stack and a device", hint=RESTORE)
    if unknown := [key for key in given if key not in known]:
        raise FolderError(
            f"{name}: x-composegen has unknown {', '.join(map(repr, unknown))}", hint=f"it may hold {', '.join(known)}"
        )
    try:
        return _choices(given)
    except (TypeError, AttributeError, UsageError) as error:
        raise FolderError(f"{name}: x-composegen is not what composegen writes: {error}", hint=RESTORE) from None


def template(text: str, *, name: str) -> int:
    """The number of the templates that wrote a compose file; 0 where it does not say. Raises FolderError like `choices`."""
    found, _ = _recorded(text, name)
    return _number(found)


def _number(found: dict[str, Any]) -> int:
    number = found.get("template", 0)
    return number if isinstance(number, int) else 0


def _recorded(text: str, name: str) -> tuple[dict[str, Any], str]:
    """What stands under `x-composegen`, and the file's name with the line where that is."""
    # That block alone: reading the whole file would take `up` longer than asking the engine does.
    block = X_COMPOSEGEN.search(text)
    loaded = load("\n" * text.count("\n", 0, block.start()) + block.group() if block else text, name=name)
    found = loaded.get(OWN) if isinstance(loaded, dict) else None
    if not isinstance(found, dict):
        raise FolderError(
            f"{name} has no x-composegen, so composegen did not write it", hint="`composegen init STACK` writes a folder"
        )
    where = f"{name} line {text.count(chr(10), 0, block.start()) + 1}" if block else name
    if found.get("schema") != SCHEMA:
        raise FolderError(
            f"{where} is of schema {found.get('schema')!r}, this composegen knows {SCHEMA}", hint="upgrade composegen"
        )
    return found, where


def _differing(choices: Choices) -> dict[str, str | list[str] | bool]:
    told: dict[str, str | list[str] | bool] = {"stack": choices.stack, "device": choices.device}
    told |= {name: value for name in ("version", "cuda", "flavour", "base", "shm") if (value := getattr(choices, name))}
    if choices.gpu_mode != "deploy":
        told["gpu_mode"] = choices.gpu_mode
    if choices.init != "supervisor":
        told["init"] = choices.init
    told |= {name: True for name in SWITCHES if getattr(choices, name)}
    told |= {"mounts": [str(mount) for mount in choices.mounts]} if choices.mounts else {}
    told |= {"env": [key if value is None else f"{key}={value}" for key, value in choices.env]} if choices.env else {}
    return told | {name: list(value) for name in ("apt", "pip", "wheels", "services") if (value := getattr(choices, name))}


def _choices(given: dict[str, Any]) -> Choices:
    lists = {name: tuple(given.pop(name, ())) for name in ("mounts", "env", "apt", "pip", "wheels", "services")}
    switches = {name: given.pop(name) for name in SWITCHES if name in given}
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise TypeError(f"{name} is {value!r}, neither true nor false")
    for value in (*given.values(), *(each for values in lists.values() for each in values)):
        if not isinstance(value, str):
            raise TypeError(f"{value!r} is not text")
    env = tuple((key, value if equals else None) for key, equals, value in (each.partition("=") for each in lists.pop("env")))
    mounts = tuple(Mount.parse(each) for each in lists.pop("mounts"))
    return Choices(**{**given, **lists, **switches, "env": env, "mounts": mounts})


PLAIN = re.compile(r"^[A-Za-z][A-Za-z0-9._/-]*$")  # needs no quotes in YAML 1.1 or 1.2, but for the words below
WORDS = ("y", "n", "yes", "no", "on", "off", "true", "false", "null")


def scalar(value: str) -> str:
    """A YAML key or value that every reader takes for this text: bare where YAML 1.1 and 1.2 agree on it, else quoted."""
    if PLAIN.fullmatch(value) and value.lower() not in WORDS:
        return value
    return quoted(value)


def quoted(value: str) -> str:
    """A YAML string that Compose reads back as `value`: JSON's quoting is YAML's, and `$$` keeps Compose from interpolating."""
    return json.dumps(value, ensure_ascii=False).replace("$", "$$")


def _unescaped(value: Any) -> Any:
    if isinstance(value, list):
        return [_unescaped(each) for each in value]
    return value.replace("$$", "$") if isinstance(value, str) else value
