"""`$NAME` and `${NAME:-default}` as Docker Compose expands them: a port of compose-go's template/template.go (v2.9.1)."""

from __future__ import annotations

import re
from collections.abc import Callable

from composegen.errors import UsageError

Lookup = Callable[[str], "str | None"]

_VARIABLE = re.compile(r"(?ai)\$(?:(\$)|([_a-z][_a-z0-9]*)|\{(?:([_a-z][_a-z0-9]*(?::?[-+?].*)?)\}|()))")
_OPERATORS = (":?", "?", ":-", "-", ":+", "+")


def substitute(template: str, lookup: Lookup) -> str:
    """`template` with every variable replaced by what `lookup` knows, or nothing.

    Raises UsageError: a `${` that is no reference, or a required variable (`${NAME:?reason}`) that is missing.
    """

    def replaced(match: re.Match[str]) -> str:
        # The pattern is greedy: what follows the brace that closes this reference was matched too, and is looked at again.
        close = _closing_brace(match.group())
        inside, rest = (match.group()[: close + 1], match.group()[close + 1 :]) if close >= 0 else (match.group(), "")
        reference = _VARIABLE.match(inside)
        if reference is None or not any(reference.groups()):
            raise UsageError(f"{template!r} is not a valid reference to a variable; write $$ for a dollar sign")
        escaped, named, braced = reference.group(1), reference.group(2), reference.group(3)
        if escaped or named:
            return escaped or lookup(named) or ""
        return _braced(braced, lookup) + substitute(rest, lookup)

    return _VARIABLE.sub(replaced, template) if "$" in template else template


def _braced(expression: str, lookup: Lookup) -> str:
    # The operator that comes first is meant; of `:-` and `-` at neighbouring places that is the longer one.
    _, operator = min((expression.find(each), each) if each in expression else (len(expression), "") for each in _OPERATORS)
    if not operator:
        return lookup(expression) or ""
    name, _, argument = expression.partition(operator)
    value = lookup(name)
    absent = not value if operator.startswith(":") else value is None
    if operator.endswith("?") and absent:
        raise UsageError(f"required variable {name} is missing a value: {substitute(argument, lookup)}")
    if operator.endswith("+") != absent and not operator.endswith("?"):
        return substitute(argument, lookup)
    return value or ""


def _closing_brace(text: str) -> int:
    open_braces = 0
    position = 0
    while position < len(text):
        if text[position] == "}":
            open_braces -= 1
            if open_braces == 0:
                return position
        elif text[position] == "{":
            open_braces += 1
            position += 1  # compose-go skips the character after an opening brace
        position += 1
    return -1
