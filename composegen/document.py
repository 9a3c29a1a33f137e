"""YAML, the only room that knows ruamel.yaml. Reading gives plain values."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import Any

from composegen.errors import ComposegenError, FolderError, UsageError
from composegen.model import Choices, Mount


def load(text: str, *, name: str) -> Any:
    """The plain value of a YAML 1.2 document; `name` says in an error which file it was.

    Raises ComposegenError: the text is not YAML, with line and column.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    yaml = YAML(typ="safe", pure=True)
    # Compose's own tags (!reset, !override) carry a value that can be read without them.
    yaml.constructor.add_multi_constructor("!", _untagged)
    try:
        return yaml.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ComposegenError(f"{name} is not YAML:{where} {error.problem or error.context}", hint="mend that line") from None
    except YAMLError as error:
        raise ComposegenError(f"{name} is not YAML: {error}", hint="mend that file") from None


def _untagged(constructor: Any, suffix: str, node: Any) -> Any:
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    if isinstance(node, SequenceNode):
        return constructor.construct_sequence(node, deep=True)
    if isinstance(node, MappingNode):
        return constructor.construct_mapping(node, deep=True)
    return constructor.construct_scalar(node)


SCHEMA = 1  # of x-composegen
X_COMPOSEGEN = re.compile(r"^x-composegen:[ \t\r]*\n(?:(?:[ #].*|\r?)\n)*(?:[ #].*)?", re.MULTILINE)


def choices_lines(choices: Choices) -> list[str]:
    """`x-composegen` as YAML lines: what differs from the defaults, as block lists, with `$` kept from Compose's interpolation."""
    lines = [f"schema: {SCHEMA}"]
    for name, value in _differing(choices).items():
        if isinstance(value, list):
            lines += [f"{name}:", *(f"  - {_scalar(each)}" for each in value)]
        else:
            lines.append(f"{name}: {_scalar(value)}")
    return lines


def choices(text: str, *, name: str) -> Choices:
    """The choices that a compose file's `x-composegen` records.

    Raises FolderError: it is missing, from a newer composegen, or not what composegen writes.
    """
    # That block alone: reading the whole file would take `up` longer than asking the engine does.
    block = X_COMPOSEGEN.search(text)
    loaded = load(block.group() if block else text, name=name)
    found = loaded.get("x-composegen") if isinstance(loaded, dict) else None
    if not isinstance(found, dict):
        raise FolderError(
            f"{name} has no x-composegen, so composegen did not write it", hint="`composegen init STACK` writes a folder"
        )
    if found.get("schema") != SCHEMA:
        raise FolderError(f"{name} is of schema {found.get('schema')!r}, this composegen knows {SCHEMA}", hint="upgrade composegen")
    given = {key: _unescaped(value) for key, value in found.items() if key != "schema"}
    known = [each.name for each in fields(Choices)]
    if unknown := [key for key in given if key not in known]:
        raise FolderError(
            f"{name}: x-composegen has unknown {', '.join(map(repr, unknown))}", hint=f"it may hold {', '.join(known)}"
        )
    try:
        return _choices(given)
    except (TypeError, AttributeError, UsageError) as error:
        raise FolderError(
            f"{name}: x-composegen is not what composegen writes: {error}", hint="restore it from version control"
        ) from None


def _differing(choices: Choices) -> dict[str, str | list[str]]:
    told: dict[str, str | list[str]] = {"stack": choices.stack, "device": choices.device}
    told |= {name: value for name in ("base", "shm") if (value := getattr(choices, name))}
    if choices.init != "supervisor":
        told["init"] = choices.init
    told |= {"mounts": [str(mount) for mount in choices.mounts]} if choices.mounts else {}
    told |= {"env": [key if value is None else f"{key}={value}" for key, value in choices.env]} if choices.env else {}
    return told | {name: list(value) for name in ("apt", "pip", "wheels") if (value := getattr(choices, name))}


def _choices(given: dict[str, Any]) -> Choices:
    lists = {name: tuple(given.pop(name, ())) for name in ("mounts", "env", "apt", "pip", "wheels")}
    for value in (*given.values(), *(each for values in lists.values() for each in values)):
        if not isinstance(value, str):
            raise TypeError(f"{value!r} is not text")
    env = tuple((key, value if equals else None) for key, equals, value in (each.partition("=") for each in lists.pop("env")))
    mounts = tuple(Mount.parse(each) for each in lists.pop("mounts"))
    return Choices(**{**given, **lists, "env": env, "mounts": mounts})


PLAIN = re.compile(r"^[A-Za-z][A-Za-z0-9._/-]*$")  # needs no quotes in YAML 1.1 or 1.2, but for the words below
WORDS = ("y", "n", "yes", "no", "on", "off", "true", "false", "null")


def _scalar(value: str) -> str:
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
