"""What somebody wrote, held against the dataclasses of `schema` field by field: no mistake hides another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Path = tuple[str | int, ...]  # keys and indices that lead to a place in a document
Fields = dict[str, Any]  # of one of the dataclasses, by name; one whose value cannot be meant is not among them

# Our own words for what pydantic says of a part within a field.
SAYS = {"missing": "is missing", "unexpected_keyword_argument": "is unknown"}

KEYS = {tuple: int, dict: str}


@dataclass(frozen=True)
class Problem:
    path: Path
    message: str


def shaped(kind: type, written: Any, path: Path = ()) -> tuple[Fields, list[Problem]]:
    """The fields of a `kind`, with the defaults of those that were not written, and everything that has another shape.

    A field of parts, which are dataclasses themselves, holds the fields of each by its name or number.
    """
    if not isinstance(written, dict):
        return {}, [Problem(path, "is not a mapping")]
    known = {field.name: field for field in fields(kind)}
    problems = [Problem((*path, key), _unknown(key, known)) for key in written if key not in known]
    found: Fields = {}
    for name, field in known.items():
        here = (*path, name)
        value, wrong = _value(_hints(kind)[name], written[name], here) if name in written else _default(field, here)
        found |= {} if value is MISSING else {name: value}
        problems += wrong
    return found, problems


def _default(field: Field[Any], path: Path) -> tuple[Any, list[Problem]]:
    value = field.default if field.default_factory is MISSING else field.default_factory()
    return value, [Problem(path, "is missing")] if value is MISSING else []


def _value(hint: Any, written: Any, path: Path) -> tuple[Any, list[Problem]]:
    """A field's value, MISSING where it has another shape."""
    origin, part = get_origin(hint), next((each for each in get_args(hint) if is_dataclass(each)), None)
    if not isinstance(part, type) or origin not in (tuple, dict):
        return _plain(hint, written, path)
    if not isinstance(written, list if origin is tuple else dict):
        return MISSING, [Problem(path, "is not a list" if origin is tuple else "is not a mapping")]
    items = dict(enumerate(written)) if isinstance(written, list) else written
    problems = [Problem((*path, key), "its name is not text: quote it") for key in items if not isinstance(key, KEYS[origin])]
    parts = {key: shaped(part, each, (*path, key)) for key, each in items.items()}
    problems += [problem for _, wrong in parts.values() for problem in wrong]
    return {key: found for key, (found, _) in parts.items()}, problems


def _plain(hint: Any, written: Any, path: Path) -> tuple[Any, list[Problem]]:
    from pydantic import ValidationError

    try:
        return _adapter(hint).validate_python(written), []
    except ValidationError as error:
        return MISSING, [Problem((*path, *_steps(each["loc"])), SAYS.get(each["type"], each["msg"])) for each in error.errors()]


def _steps(place: Path) -> Path:
    """pydantic's way to a place, without the word that tells a key from its value."""
    return tuple(step for step in place if step != "[key]")


def _unknown(key: Any, known: Mapping[str, object]) -> str:
    from difflib import get_close_matches

    nearest = get_close_matches(str(key), known, n=1)
    return f"is unknown; did you mean '{nearest[0]}'?" if nearest else f"is unknown; known: {', '.join(known)}"


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


@cache
def _adapter(hint: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(hint)
