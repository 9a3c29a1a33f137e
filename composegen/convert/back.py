"""The way back: a service, as `docker compose config` resolves it → the `docker run` line that makes the same container.

Where a key goes is the table of flags read from its other end; what Compose writes in parts of its own is in `parts`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from composegen.convert.flags import FLAGS, Flag
from composegen.convert.notes import Note
from composegen.convert.parts import PARTS, Reading
from composegen.errors import ComposegenError


@dataclass(frozen=True)
class Line:
    """One service as a command line."""

    service: str
    options: tuple[tuple[str, ...], ...]  # a flag, and its value
    image: str
    command: tuple[str, ...]
    notes: tuple[Note, ...]

    @property
    def argv(self) -> list[str]:
        return ["docker", "run", "-d", *(word for option in self.options for word in option), self.image, *self.command]

    def to_json(self) -> dict[str, Any]:
        return {"service": self.service, "argv": self.argv, "line": str(self), "notes": [note.to_json() for note in self.notes]}

    def __str__(self) -> str:
        """The line, an option to a line of text."""
        parts = ["docker run -d", *map(shlex.join, self.options), shlex.join([self.image, *self.command])]
        return " \\\n  ".join(parts)


def lines(document: Mapping[str, Any], only: str = "") -> list[Line]:
    """The lines of a document's services, or of one. Raises ComposegenError: there is no such service, or one without an image."""
    services = document.get("services") or {}
    if only and only not in services:
        raise ComposegenError(f"there is no service '{only}'", hint=f"there is {', '.join(services) or 'none'}")
    return [_line(document, name, services[name]) for name in services if not only or name == only]


def _line(document: Mapping[str, Any], name: str, service: Mapping[str, Any]) -> Line:
    reading = Reading(document, name, _plain(dict(service)))
    image = reading.take("image")
    if reading.take("build") is not None:
        image = image or f"{document.get('name', 'project')}-{name}"
        reading.note("build", f"must have been done: `docker compose build` makes {image}")
    if not image:
        raise ComposegenError(f"the service '{name}' has no image", hint="name one: image: python:3.12")
    for read in PARTS:
        read(reading)
    for flag in FLAGS:
        if flag.to and (value := reading.take(*flag.to.split("."))) is not None:
            reading.options += _from_table(flag, value)
    for key in sorted(_said(reading.left)):
        reading.note(key, "has no flag of `docker run`")
    order = {flag.name: number for number, flag in enumerate(sorted(FLAGS, key=lambda flag: flag.name != "--name"))}
    options = tuple(sorted(reading.options, key=lambda option: order[option[0].partition("=")[0]]))
    return Line(name, options, image, tuple(reading.command), tuple(reading.notes))


def _plain(value: Any) -> Any:
    """`docker compose config` writes `$$` for a dollar sign."""
    return json.loads(json.dumps(value).replace("$$", "$"))


def _said(left: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Every key that says something, by its path."""
    for key, value in left.items():
        if isinstance(value, Mapping):
            yield from _said(value, f"{above}{key}.")
        elif value not in (None, [], "", False):
            yield f"{above}{key}"


# --- From the table ---------------------------------------------------------------------------------------------------------


def _from_table(flag: Flag, value: Any) -> Iterable[tuple[str, ...]]:
    if not flag.takes:
        # `init: false` says something that the absence of `init` does not.
        return [(flag.name,)] if value else [(f"{flag.name}=false",)]
    if flag.takes == "one":
        return [(flag.name, str(value))]
    if isinstance(value, Mapping):
        return [(flag.name, _pair(key, said)) for key, said in value.items()]
    return [(flag.name, _pair(each, None)) for each in ([value] if isinstance(value, str) else value)]


def _pair(key: Any, value: Any) -> str:
    if isinstance(key, Mapping):  # of blkio_config, whose keys are in capitals there
        path, amount = (str(each) for each in key.values())
        return f"{path}:{amount}"
    if isinstance(value, Mapping):
        return f"{key}={value.get('soft', 0)}:{value.get('hard', 0)}"
    return str(key) if value is None else f"{key}={value}"
