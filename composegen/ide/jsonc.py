"""JSON with comments, as VS Code writes its settings: read, and given more members without touching what is there.

Comments and trailing commas stand where VS Code takes them (https://code.visualstudio.com/docs/languages/json); else it is JSON.
The libraries that edit such a text need Node or write the whole of it anew, so new members are put in at their place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from composegen.errors import FolderError

INDENT = "    "  # VS Code's own
STRING = r'"(?:[^"\\\n]|\\.)*"'
COMMENT = re.compile(rf"({STRING})|//[^\n]*|(?s:/\*.*?\*/)")
TRAILING_COMMA = re.compile(rf"({STRING}|[\[{{]\s*,)|,(?=\s*[}}\]])")
FIRST_MEMBER = re.compile(r'\n([ \t]+)"')


def read(text: str, *, name: str) -> dict[str, Any]:
    """The members of the object that `text` is; a text of nothing but comments has none. `name` is told in errors.

    Raises FolderError: it is no JSON with comments, or no object.
    """
    return _parsed(_blanked(COMMENT, text), name)


def with_members(text: str, members: Mapping[str, Any], *, name: str) -> str:
    """The text, of LF line ends and without BOM, with `members` behind those that it has; it has none of these keys.

    Raises FolderError, as `read`.
    """
    bare = _blanked(COMMENT, text)
    before = _parsed(bare, name)
    if not members:
        return text
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in members.items()]
    result = _inserted(text, bare, lines) if bare.strip() else _appended(text, lines)
    assert read(result, name=name) == {**before, **members}, "what was there reads as before"
    return result


def _parsed(bare: str, name: str) -> dict[str, Any]:
    if not bare.strip():
        return {}
    try:
        found = json.loads(_blanked(TRAILING_COMMA, bare))
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise FolderError(f"'{name}' is no JSON with comments: {where}", hint="mend it first; nothing was written") from None
    except RecursionError:
        raise FolderError(f"'{name}' is nested too deeply to be read", hint="nothing was written") from None
    if not isinstance(found, dict):
        raise FolderError(f"'{name}' holds no JSON object", hint="mend it first; nothing was written")
    return found


def _blanked(pattern: re.Pattern[str], text: str) -> str:
    """`text` with spaces for what `pattern` finds outside of its first group: every other character keeps its place."""
    return pattern.sub(lambda found: found[1] or re.sub(r"[^\n]", " ", found[0]), text)


def _appended(text: str, lines: list[str]) -> str:
    """Behind comments alone, or nothing."""
    above = text if not text or text.endswith("\n") else f"{text}\n"
    return "".join([above, "{\n", ",\n".join(f"{INDENT}{line}" for line in lines), "\n}\n"])


def _inserted(text: str, bare: str, lines: list[str]) -> str:
    """Before the closing brace, behind the last member and its comments; on one line where the object is."""
    brace = bare.rindex("}")
    end = len(bare[:brace].rstrip())  # of the last member, with its trailing comma; or of the opening brace
    between = text[end:brace]  # comments and space
    comments, space = between.rstrip(), between[len(between.rstrip()) :]
    empty, comma = bare[end - 1] == "{", bare[end - 1] == ","
    head = text[:end] + ("" if empty or comma else ",") + comments
    last = "," if comma else ""
    if not empty and "\n" not in text[bare.index("{") : brace]:
        return f"{head} {', '.join(lines)}{last}{space}{text[brace:]}"
    found = FIRST_MEMBER.search(bare)
    body = ",\n".join(f"{found[1] if found else INDENT}{line}" for line in lines)
    above, _, indent = space.rpartition("\n")
    return f"{head}{above}\n{body}{last}\n{indent}{text[brace:]}"
