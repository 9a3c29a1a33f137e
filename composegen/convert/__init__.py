"""A `docker run` line → Compose that the engine treats as the same container, and back.

    text → words → runs → services → document

text      what a shell would have expanded, as marks
shells    sh, cmd and PowerShell as data, and what becomes of their expansions
words     commands of words
command   words → a run: flags, image, command
flags     every flag of `docker run`, and where it goes
values, mounts, networks, gpus    what one value may say
service   a run → a service
compose   services → a document
notes     what there is to say besides
back      a service → a line; `parts` for what Compose says in parts of its own
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from composegen import document
from composegen.convert import words
from composegen.convert.back import Line, lines
from composegen.convert.command import Run, runs
from composegen.convert.compose import finished, joined, service_names
from composegen.convert.notes import Note
from composegen.convert.service import Built, build
from composegen.convert.shells import IS_FOLDER, Person
from composegen.convert.text import Expansions

__all__ = ["IS_FOLDER", "Converted", "Line", "Note", "Person", "convert", "lines"]


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
    names = service_names(found)
    others = {name: service for run, service in zip(found, names, strict=True) if (name := run.last("--name"))}
    built = [build(run, Built(name, script.source, others, keep_runtime)) for run, name in zip(found, names, strict=True)]
    tree, comments = joined(built)
    final = finished(tree, script.expansions)
    return Converted(final, document.dump(final, comments), tuple(script.source.notes), tuple(found), script.expansions)
