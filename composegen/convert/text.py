"""Text in which what a shell would have expanded is one character each, so that `${DIR:-/a:b}:/data` splits at the right colon.

The characters are of Unicode's private use area, and mean nothing outside this room; `as_compose` says what they stand for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

FIRST = 0xE000
HERE = chr(FIRST)  # the current folder: `$PWD`, `$(pwd)`, `%CD%`
MARK = re.compile("[\ue000-\uf8ff]")


@dataclass
class Expansions:
    """What Compose is to put in each mark's place, in the order of the marks."""

    found: list[str] = field(default_factory=lambda: ["${PWD}"])

    def mark(self, expression: str) -> str:
        """The character that stands for a Compose expression such as `${HOME}`."""
        if expression not in self.found:
            self.found.append(expression)
        return chr(FIRST + self.found.index(expression))

    def as_compose(self, text: str) -> str:
        """The text as Compose reads it back: `$$` for a dollar sign, an expression for a mark."""
        return MARK.sub(lambda found: self.found[ord(found[0]) - FIRST], text.replace("$", "$$"))

    def plain(self, text: str) -> str:
        """The text as a person wrote it, more or less: for messages, and for names that cannot hold an expression."""
        return MARK.sub(lambda found: self.found[ord(found[0]) - FIRST], text)


def has_expansion(text: str) -> bool:
    return bool(MARK.search(text))
