"""A `docker run` line → Compose that the engine treats as the same container, and back.

    text → words → runs → services → document

text      what a shell would have expanded, as marks
shells    sh, cmd and PowerShell as data, and what becomes of their expansions
words     commands of words
command   words → a run: flags, image, command
flags     every flag of `docker run`, and where it goes
values, mounts, networks, gpus    what one value may say
service   a run → a service
notes     what there is to say besides
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from composegen import document
from composegen.convert import words
from composegen.convert.command import Run, runs
from composegen.convert.notes import Note
from composegen.convert.service import Built, build
from composegen.convert.shells import Person
from composegen.convert.text import Expansions

__all__ = ["Converted", "Note", "Person", "convert"]

HEADER = ("Converted by composegen from `docker run`. Plain Compose: edit freely, `docker compose up -d`.",)


@dataclass(frozen=True)
class Converted:
    """A compose document, and what there is to say about it."""

    document: dict[str, Any]  # as Compose reads it: `$$` for a dollar sign
    text: str
    notes: tuple[Note, ...]
    runs: tuple[Run, ...]
    expansions: Expansions

    def to_json(self) -> dict[str, Any]:
        return {"compose": self.text, "services": list(self.document["services"]), "notes": [note.to_json() for note in self.notes]}


def convert(given: str | Sequence[str], *, keep_runtime: bool = False, person: Person | None = None) -> Converted:
    """A text with one or several `docker run` lines, or the words of one that a shell has split already.

    Raises UsageError: what Docker or the shell would refuse, with its place, and what nobody can mean.
    """
    script = words.from_text(given, person or Person.current()) if isinstance(given, str) else words.from_words(given)
    found = runs(script)
    names = _service_names(found)
    others = {name: service for run, service in zip(found, names, strict=True) if (name := run.last("--name"))}
    built = [build(run, Built(name, script.source, others, keep_runtime)) for run, name in zip(found, names, strict=True)]
    tree, comments = _joined(built)
    finished = _finished(tree, script.expansions)
    return Converted(finished, document.dump(finished, comments), tuple(script.source.notes), tuple(found), script.expansions)


def _service_names(found: Sequence[Run]) -> list[str]:
    """Each service is named as its container is, else after its image."""
    import re

    names: list[str] = []
    for run in found:
        name = run.last("--name") or run.image.text.partition("@")[0].rpartition("/")[2].partition(":")[0]
        name = re.sub("[^a-zA-Z0-9._-]+", "-", name).strip("-") or "app"
        number = 1
        while (numbered := name if number == 1 else f"{name}-{number}") in names:
            number += 1
        names.append(numbered)
    return names


def _joined(built: Sequence[Built]) -> tuple[dict[str, Any], dict[tuple[str | int, ...], list[str]]]:
    """The document of all services, and the comments in it."""
    tree: dict[str, Any] = {"services": {each.name: each.service for each in built}}
    comments: dict[tuple[str | int, ...], list[str]] = {}
    for each in built:
        comments |= {("services", each.name, *path): lines for path, lines in each.comments.items()}
        for key in ("networks", "volumes"):
            if found := getattr(each, key):
                tree[key] = {**tree.get(key, {}), **found}
    comments[("services",)] = [*HEADER]
    return tree, comments


def _finished(value: Any, expansions: Expansions) -> Any:
    """Every text as Compose is to read it."""
    if isinstance(value, dict):
        return {expansions.as_compose(key): _finished(each, expansions) for key, each in value.items()}
    if isinstance(value, list):
        return [_finished(each, expansions) for each in value]
    return expansions.as_compose(value) if isinstance(value, str) else value
