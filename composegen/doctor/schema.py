"""What a file of causes holds, and what is wrong with one that does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from composegen.doctor.cause import GAP, Cause, Pattern

System = Literal["any", "debian", "fedora", "arch", "wsl", "macos"]
Words = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Sentence = Annotated[Words, StringConstraints(pattern=r"^[^\n]+$")]

LONG_WORD = 15  # letters of a word, such as the name of an error, that may be a pattern by itself


class Problem(NamedTuple):
    path: tuple[str | int, ...]
    message: str


class WrittenCause(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    title: Sentence
    patterns: Annotated[list[Words], Field(min_length=1)]
    why: Words
    fix: Annotated[dict[System, Annotated[list[Sentence], Field(min_length=1)]], Field(min_length=1)]
    source: Annotated[str, StringConstraints(pattern=r"^https://\S+$")]
    leads_to: list[str] = []
    alone: bool = False

    @field_validator("fix", mode="before")
    @classmethod
    def _same_everywhere(cls, written: object) -> object:
        return {"any": written} if isinstance(written, list) else written

    @field_validator("fix")
    @classmethod
    def _for_every_system(cls, written: dict[System, list[str]]) -> dict[System, list[str]]:
        if "any" not in written:
            raise ValueError("says nothing under `any`, for systems that it does not name")
        return written

    @field_validator("patterns")
    @classmethod
    def _recognisable(cls, written: list[str]) -> list[str]:
        for text in written:
            if not all(all(line) for line in Pattern(text).lines):
                raise ValueError(f"'{text}' has nothing on one side of {GAP}")
            words = Pattern(text).words
            if len(words) < 2 and not any(len(word) >= LONG_WORD for word in words):
                raise ValueError(f"'{text}' is one short word: innocent texts have it too")
        return written

    def value(self) -> Cause:
        return Cause(
            id=self.id,
            title=self.title,
            patterns=tuple(map(Pattern, self.patterns)),
            why=" ".join(self.why.split()),
            fix={system: tuple(steps) for system, steps in self.fix.items()},
            source=self.source,
            leads_to=tuple(self.leads_to),
            alone=self.alone,
        )


def problems_among(written: Mapping[tuple[str, int], WrittenCause]) -> Iterable[tuple[str, Problem]]:
    """What is wrong between causes, which stand at a (file, index) each: names twice, names of nobody, circles."""
    places: dict[str, tuple[str, int]] = {}
    for (file, index), cause in written.items():
        if cause.id in places:
            yield file, Problem((index, "id"), f"'{cause.id}' is in {places[cause.id][0]} already")
        places.setdefault(cause.id, (file, index))
    after = {cause.id: cause.leads_to for cause in written.values()}
    for (file, index), cause in written.items():
        for unknown in (each for each in cause.leads_to if each not in places):
            yield file, Problem((index, "leads_to"), f"there is no cause '{unknown}'")
        if _reaches(cause.id, cause.id, after):
            yield file, Problem((index, "leads_to"), f"'{cause.id}' would be its own consequence")


def _reaches(start: str, goal: str, after: Mapping[str, list[str]]) -> bool:
    reached: set[str] = set()
    waiting = list(after.get(start, ()))
    while waiting:
        if (cause := waiting.pop()) == goal:
            return True
        if cause not in reached:
            reached.add(cause)
            waiting += after.get(cause, ())
    return False
