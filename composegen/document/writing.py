"""Plain values as YAML text: block style, comments where wanted, quotes unless YAML 1.1 and 1.2 agree that it is text.

Dollar signs stay as they are: what Compose is to interpolate, and what not, is the caller's to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from composegen.document.record import WORDS

Path = tuple[str | int, ...]
Comments = Mapping[Path, list[str]]

# Text beyond doubt: no number, no date, no word of YAML; a colon is only followed by more text.
_BARE = re.compile(r"(?:[A-Za-z]|\.{0,2}/)[A-Za-z0-9._/@+-]*(?::[A-Za-z0-9._/@+-]+)*")
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff]")


def dump(value: Mapping[str, Any], comments: Comments) -> str:
    """The text of a document; `comments` are written above the entry with that path."""
    return "\n".join(_mapping(value, (), comments)) + "\n"


def _lines(value: Any, path: Path, comments: Comments) -> list[str]:
    """The lines of a value; a scalar, and what is empty, has one."""
    if isinstance(value, Mapping) and value:
        return list(_mapping(value, path, comments))
    if isinstance(value, list) and value:
        return list(_sequence(value, path, comments))
    return [_scalar(value)]


def _mapping(value: Mapping[str, Any], path: Path, comments: Comments) -> Iterator[str]:
    for key, each in value.items():
        yield from _comment((*path, key), comments)
        lines = _lines(each, (*path, key), comments)
        if isinstance(each, Mapping | list) and each:
            yield f"{_text(key)}:"
            yield from (f"  {line}" for line in lines)
        else:
            yield f"{_text(key)}: {lines[0]}".rstrip()


def _sequence(value: list[Any], path: Path, comments: Comments) -> Iterator[str]:
    for number, each in enumerate(value):
        yield from _comment((*path, number), comments)
        first, *rest = _lines(each, (*path, number), comments)
        yield f"- {first}"
        yield from (f"  {line}" for line in rest)


def _comment(path: Path, comments: Comments) -> Iterator[str]:
    for line in comments.get(path, ()):
        yield f"# {line}"


def _scalar(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _text(value)
    return "{}" if isinstance(value, Mapping) else "[]"


def _text(value: str) -> str:
    if _BARE.fullmatch(value) and value.lower() not in WORDS:
        return value
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
