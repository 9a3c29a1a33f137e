"""The files of causes/ → causes, with every problem at once, each with file, line and path."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from functools import cache as once
from pathlib import Path
from typing import Any

from composegen import __version__, cache, document
from composegen.doctor.cause import Cause, Pattern
from composegen.errors import CatalogueError

FILES = Path(__file__).parent / "causes"


@once
def causes() -> tuple[Cause, ...]:
    """All causes, kept ready-made in the user's cache: checking them takes longer than explaining a text."""
    texts = {file.name: file.read_text(encoding="utf-8") for file in sorted(FILES.glob("*.yaml"))}
    own = [__version__, [field.name for field in fields(Cause)], texts]
    kept = cache.file("causes", json.dumps(own).encode())
    if (known := _recall(kept)) is not None:
        return known
    found = parse(texts)
    cache.keep(kept, _to_keep(found))
    return found


def fix(cause: str, systems: Iterable[str]) -> str:
    """What to do about a cause of that id on a host of these systems, one step a line, and where more is said."""
    known = next(each for each in causes() if each.id == cause)
    return "\n".join((*known.steps(systems), f"more: {known.source}"))


def parse(texts: Mapping[str, str]) -> tuple[Cause, ...]:
    """The causes in {file name: its text}. Raises CatalogueError: every problem in all of them, one a line."""
    from pydantic import TypeAdapter, ValidationError

    from composegen.doctor.schema import Problem, WrittenCause, problems_among

    said: list[tuple[str, Problem]] = []
    adapter = TypeAdapter(list[WrittenCause])

    def read(file: str, text: str) -> list[WrittenCause]:
        try:
            return adapter.validate_python(document.load(text, name=file))
        except ValidationError as error:
            said.extend((file, Problem(tuple(problem["loc"]), problem["msg"])) for problem in error.errors())
            return []

    written = {(file, index): cause for file, text in texts.items() for index, cause in enumerate(read(file, text))}
    # What a file that cannot be read would have named is not missed.
    said += [] if said else problems_among(written)
    if said:
        raise CatalogueError("\n".join(_in_words(said, texts)), hint="composegen/doctor/schema.py says what such a file holds")
    return tuple(cause.value() for cause in written.values())


def _in_words(said: Iterable[tuple[str, Any]], texts: Mapping[str, str]) -> Iterable[str]:
    lines = {file: document.places(texts[file]) for file, _ in said}
    for file, problem in said:
        path = tuple(map(str, problem.path))
        yield f"{file} line {document.line_of(path, lines[file])}: {'.'.join(path)}: {problem.message}"


# --- Ready-made causes ------------------------------------------------------------------------------------------------------


def _recall(file: Path) -> tuple[Cause, ...] | None:
    try:
        return tuple(map(_cause, json.loads(file.read_bytes())))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _cause(kept: dict[str, Any]) -> Cause:
    ready = {
        "patterns": tuple(map(Pattern, kept["patterns"])),
        "fix": {system: tuple(steps) for system, steps in kept["fix"].items()},
        "leads_to": tuple(kept["leads_to"]),
    }
    return Cause(**{**kept, **ready})


def _to_keep(found: Iterable[Cause]) -> list[dict[str, Any]]:
    return [{**vars(cause), "patterns": [pattern.text for pattern in cause.patterns]} for cause in found]
