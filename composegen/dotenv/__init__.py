"""`.env` files, read and written exactly as Docker Compose does.

A port of compose-go's dotenv/parser.go, which did not change from v2.0.0 (Compose 2.24) to v2.9.1 (Compose 2.40) in what matters
here; tests/init/test_dotenv.py holds it to the real `docker compose config`.

    quote(value)       a value as text that Compose reads back unchanged
    parse(text)        every variable with its value
    assign(text, …)    the same file with some values changed, every other byte kept
    masked(text)       the same file for showing, without its secrets
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from composegen.dotenv import interpolation
from composegen.dotenv.interpolation import Lookup
from composegen.errors import ComposegenError, UsageError

_BOM = "\ufeff"
_LINE_SPACE = "\t\v\f\r \x85\xa0"  # compose-go's isSpace: a space that does not end the line
# Go's unicode.IsSpace is Latin-1's White_Space and these; Python's str.isspace adds the separators \x1c to \x1f.
_SPACE = _LINE_SPACE + "\n\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
_EXPORT = re.compile(r"export[\t\n\f\r ]")
_PLAIN = re.compile(r"[A-Za-z0-9_./:,@%+=~^-]*")
_SECRET = re.compile(
    r"(?i)(^|_)(pass|pwd|password|passwd|passphrase|secrets?|token|pat|auth|credentials?|api_?key|private_?key|access_?key)(_|$)"
)
_ESCAPE = re.compile(r'\\(?:[abcfnrtv$"\\]|0[0-9]{0,3})')
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", '"': '"', "\\": "\\", "$": "$$"}


# --- Writing ---------------------------------------------------------------------------------------------------------------


def quote(value: str) -> str:
    """The text after `NAME=` that Compose reads back as exactly `value`: bare where safe, else in single quotes, else in double.

    Raises UsageError: the value holds a NUL, which no environment can hold, or is not Unicode text.
    """
    refuse_unwritable(value)
    if _PLAIN.fullmatch(value):
        return value
    # In single quotes nothing is expanded, but a backslash hides the quote after it and there is no way to write it doubled.
    if "'" not in value and "\r" not in value and not value.endswith("\\"):
        return f"'{value}'"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$").replace("\r", "\\r")
    return f'"{escaped}"'


def refuse_unwritable(value: str) -> None:
    if "\0" in value:
        raise UsageError("a value holds a NUL character, which no environment variable can hold", hint="leave it out")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{value!r} is not UTF-8 text and cannot be written to .env", hint="rename the file or folder") from None


def assign(text: str, values: Mapping[str, str]) -> str:
    """`text` with these variables set: a changed value replaces its own, a new variable is appended; every other byte stays.

    An empty value becomes the comment `# NAME=`, and a variable that has such a comment is set there.
    Raises ComposegenError: `text` is not a file Compose can read. UsageError: a value that cannot be written.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    for name, value in values.items():
        statements = _statements(text, _unset)
        found = next((each for each in reversed(statements) if each.name == name), None)  # as in Compose, the last one counts
        setting = f"{name}={quote(value)}" if value else f"# {name}="
        if found is None:
            start, end = _comment_for(name, text, statements)
            if value and start < end:
                text = text[:start] + setting + text[end:]
            elif value:
                separator = newline if text and not text.endswith("\n") else ""
                text = f"{text}{separator}{setting}{newline}"
        elif found.inherited or not value:
            text = text[: found.start] + setting + text[found.end :]
        elif found.value != value or found.expands:
            text = text[: found.value_start] + quote(value) + text[found.end :]
    return text


def _comment_for(name: str, text: str, statements: list[_Statement]) -> tuple[int, int]:
    """Where `# NAME=` stands by itself, not inside a value of several lines; an empty range when nowhere."""
    for match in re.finditer(rf"^#[ \t]*{re.escape(name)}=[ \t]*(?=\r?$)", text, re.MULTILINE):
        if not any(each.start < match.start() < each.end for each in statements):
            return match.span()
    return 0, 0


def looks_secret(name: str) -> bool:
    """Whether a variable of this name usually holds what nobody else may read: HF_TOKEN does, TOKENIZERS_PARALLELISM does not."""
    return bool(_SECRET.search(name))


def masked(text: str) -> str:
    """`text` for showing: every value whose name looks secret is `***`. A file that cannot be read is not shown at all."""
    try:
        statements = _statements(text, _unset)
    except ComposegenError:
        return "(unreadable)\n"
    for found in reversed(statements):
        if looks_secret(found.name) and found.value:
            text = f"{text[: found.value_start]}***{text[found.end :]}"
    return text


def _unset(_: str) -> None:
    return None


# --- Reading ---------------------------------------------------------------------------------------------------------------


def parse(text: str, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Every variable of a `.env` file with its value, as Compose reads it.

    `environment` is what is exported: `$NAME` inside a value means the exported one first, then one set above.
    Raises ComposegenError: Compose could not read this file either; with the line.
    """
    exported = (environment or {}).get
    return {
        statement.name: statement.value
        for statement in _statements(text, exported)
        if statement.name and not (statement.inherited and exported(statement.name) is None)
    }


@dataclass(frozen=True)
class _Statement:
    name: str
    value: str
    start: int  # of `export`, or of the name
    value_start: int
    end: int  # after the value, quotes included, or after a name alone
    expands: bool  # the value was made from other variables or escapes
    inherited: bool  # a name alone: the value is the exported one


def _statements(text: str, exported: Lookup) -> list[_Statement]:
    found: list[_Statement] = []
    values: dict[str, str] = {}

    def lookup(name: str) -> str | None:
        given = exported(name)
        return values.get(name) if given is None else given

    position = len(_BOM) if text.startswith(_BOM) else 0
    while (position := _next_statement(text, position)) < len(text):
        statement = _statement(text, position, lookup, exported)
        if not (statement.inherited and exported(statement.name) is None):
            values[statement.name] = statement.value
        found.append(statement)
        position = statement.end
    return found


def _next_statement(text: str, position: int) -> int:
    while position < len(text):
        if text[position] == "#":
            end = text.find("\n", position)
            position = len(text) if end < 0 else end
        elif text[position] in _SPACE:
            position += 1
        else:
            break
    return position


def _statement(text: str, start: int, lookup: Lookup, exported: Lookup) -> _Statement:
    name_start = start
    if _EXPORT.match(text, start):
        name_start = _skip(text, start + len("export"))
    end = name_start
    while end < len(text) and text[end] not in "=:\n":
        character = text[end]
        if not (character in _LINE_SPACE or character in "_.-[]" or character.isalpha() or character.isnumeric()):
            raise _unreadable(text, start, f"unexpected character {character!r} in a variable's name")
        end += 1
    name = text[name_start:end].rstrip(_SPACE)
    if " " in name:
        raise _unreadable(text, start, "a variable's name cannot contain a space")
    if end >= len(text):
        # compose-go takes a last line without `=` and line end as a value whose name is empty; nothing can refer to it.
        return _Statement("", "", start, start, len(text), False, inherited=False)
    if text[end] == "\n":
        return _Statement(name, exported(name) or "", start, end, end, False, inherited=True)
    value_start = _skip(text, end + 1)
    value, stop, expands = _value(text, value_start, lookup)
    return _Statement(name, value, start, value_start, stop, expands, inherited=False)


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in _LINE_SPACE:
        position += 1
    return position


def _value(text: str, start: int, lookup: Lookup) -> tuple[str, int, bool]:
    """The value that starts there, where it ends, and whether it was made from anything but its own characters."""
    mark = text[start : start + 1]
    if mark not in ("'", '"') or not mark:
        line = text[start:].split("\n", 1)[0].split(" #", 1)[0].rstrip(_SPACE)
        return _expand(line, lookup, text, start), start + len(line), "$" in line
    raw: list[str] = []
    position = start + 1
    while position < len(text):
        character = text[position]
        if character == mark:
            inner = "".join(raw)
            if mark == '"':
                return _expand(_unescape(inner), lookup, text, start), position + 1, "$" in inner
            return inner, position + 1, False
        if character == "\\" and text[position + 1 : position + 2] == mark:
            raw.append(mark)
            position += 2
        elif character == "\\":
            # A pair of backslashes stays a pair here; only double quotes make one of it, later.
            raw.append(text[position : position + 2])
            position += 2
        else:
            raw.append(character)
            position += 1
    raise _unreadable(text, start, "a quoted value has no closing quote")


def _expand(value: str, lookup: Lookup, text: str, position: int) -> str:
    try:
        return interpolation.substitute(value, lookup)
    except UsageError as error:
        raise _unreadable(text, position, error.message) from None


def _unescape(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        escape = match.group()[1:]
        if escape in _ESCAPED:
            return _ESCAPED[escape]
        # Go wants exactly three octal digits of at most 0377; anything else stays, but for the 0 that compose-go took off.
        digits = escape[1:]
        octal = len(digits) == 3 and all(digit in "01234567" for digit in digits) and int(digits, 8) <= 255
        return chr(int(digits, 8)) if octal else f"\\{digits}"

    return _ESCAPE.sub(one, text)


def _unreadable(text: str, position: int, reason: str) -> ComposegenError:
    line = text.count("\n", 0, position) + 1
    return ComposegenError(f".env line {line}: {reason}", hint="mend it, or move .env away and let composegen write a new one")
