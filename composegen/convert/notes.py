"""What there is to say of a conversion besides its result, and where in the text it is about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from composegen.errors import UsageError

# dropped: says nothing about the container. lost: does, and Compose has no word for it. meaning: may not mean the same.
Kind = Literal["dropped", "lost", "meaning"]


@dataclass(frozen=True)
class Note:
    kind: Kind
    what: str  # the flag or text, as written
    why: str
    where: str = ""  # line 2, column 7

    def __str__(self) -> str:
        return f"{self.where}: {self.what} {self.why}" if self.where else f"{self.what} {self.why}"

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "what": self.what, "why": self.why, "where": self.where}


@dataclass
class Source:
    """A text that was given, and places in it; notes are gathered as it is read."""

    text: str
    words: bool = False  # it was given as words, so that a place is the number of one
    notes: list[Note] = field(default_factory=list)

    def place(self, at: int) -> str:
        if self.words:
            return f"word {self.text.count(chr(0), 0, at) + 1}"
        line = self.text.count("\n", 0, at) + 1
        column = at - (self.text.rfind("\n", 0, at) + 1) + 1
        return f"line {line}, column {column}" if "\n" in self.text.strip() else f"column {column}"

    def note(self, kind: Kind, what: str, why: str, at: int) -> None:
        found = Note(kind, what, why, self.place(at))
        if all((each.what, each.why) != (what, why) for each in self.notes):
            self.notes.append(found)

    def refusal(self, at: int, message: str, hint: str) -> UsageError:
        return UsageError(f"{self.place(at)}: {message}", hint=hint)

    @contextmanager
    def blamed(self, at: int, what: str = "") -> Iterator[None]:
        """What is refused inside the block gets the place, and the flag, that it is about."""
        try:
            yield
        except UsageError as error:
            about = f"{what}: " if what else ""
            raise UsageError(f"{self.place(at)}: {about}{error.message}", hint=error.hint) from None
