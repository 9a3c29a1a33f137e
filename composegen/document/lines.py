"""Three versions of a text, line by line: what two sides made of one base.

The rule is diff3's, as in git: the sides' changes are apart where an unchanged line lies between them; where they overlap or touch
and are not the same, it is for a person to say what was meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

BOM = "\ufeff"


@dataclass(frozen=True)
class Merged:
    """A merge's text, and in words each place where the two sides contradict each other: the text has the user's side there."""

    text: str
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chunk:
    """A stretch of lines in its three versions; `line` is its first in `ours`, counted from 1."""

    base: Sequence[str]
    ours: Sequence[str]
    theirs: Sequence[str]
    line: int

    @property
    def only_theirs(self) -> bool:
        """They changed it and we did not."""
        return self.ours == self.base != self.theirs

    @property
    def is_conflict(self) -> bool:
        return self.ours != self.theirs and self.base not in (self.ours, self.theirs)

    @property
    def place(self) -> str:
        last = self.line + len(self.ours) - 1
        return f"lines {self.line} to {last}" if last > self.line else f"line {self.line}"


def merge(base: str, ours: str, theirs: str) -> Merged:
    """What both sides changed; with a conflict anywhere, `ours` as it is. All three have LF line ends (see `plain`)."""
    found = list(chunks(base, ours, theirs))
    if conflicts := tuple(chunk.place for chunk in found if chunk.is_conflict):
        return Merged(ours, conflicts)
    unended = _unended(theirs) if _unended(ours) == _unended(base) else _unended(ours)
    return Merged(joined((chunk.theirs if chunk.only_theirs else chunk.ours for chunk in found), unended=unended))


def chunks(base: str, ours: str, theirs: str) -> Iterator[Chunk]:
    """The texts from beginning to end: what all three share, and what lies between."""
    versions = _lines(base), _lines(ours), _lines(theirs)
    at = (0, 0, 0)
    for *start, length in _shared(*versions):
        if tuple(start) != at:
            yield _chunk(versions, at, start)
        at = (start[0] + length, start[1] + length, start[2] + length)
        if length:
            yield _chunk(versions, start, at)


def _chunk(versions: Sequence[Sequence[str]], start: Sequence[int], end: Sequence[int]) -> Chunk:
    base, ours, theirs = (version[a:b] for version, a, b in zip(versions, start, end, strict=True))
    return Chunk(base, ours, theirs, start[1] + 1)


def _shared(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """(base, ours, theirs, length) of the runs of lines that all three have, and an empty one at the end."""
    ours_runs, theirs_runs = (SequenceMatcher(None, base, each, autojunk=False).get_matching_blocks() for each in (ours, theirs))
    i = j = 0
    while i < len(ours_runs) and j < len(theirs_runs):
        one, other = ours_runs[i], theirs_runs[j]
        start, end = max(one.a, other.a), min(one.a + one.size, other.a + other.size)
        if start < end:
            yield start, one.b + start - one.a, other.b + start - other.a, end - start
        if one.a + one.size < other.a + other.size:
            i += 1
        else:
            j += 1
    yield len(base), len(ours), len(theirs), 0


def joined(pieces: Iterable[Sequence[str]], *, unended: bool = False) -> str:
    """Lines as one text; `unended`: the last one has no line end."""
    lines = [line for piece in pieces for line in piece]
    return "\n".join(lines) + ("" if unended or not lines else "\n")


def _lines(text: str) -> list[str]:
    # Not splitlines: a form feed inside a line is no line end to anybody else.
    return text.removesuffix("\n").split("\n") if text else []


def _unended(text: str) -> bool:
    return text != "" and not text.endswith("\n")


def plain(text: str) -> str:
    """The text without BOM, and with LF line ends."""
    return text.removeprefix(BOM).replace("\r\n", "\n")


def dressed(text: str, like: str) -> str:
    """A plain text with the BOM and line ends of `like`: a line of `like` keeps its own, a new one has what most have there."""
    bom = BOM if like.startswith(BOM) else ""
    if "\r\n" not in like:
        return bom + text
    worn = like.removeprefix(BOM).split("\n")
    bare = [line.removesuffix("\r") for line in worn]
    usual = "\r" if sum(line.endswith("\r") for line in worn) * 2 >= len(worn) - 1 else ""
    lines = text.split("\n")
    result = [f"{line}{usual}" for line in lines[:-1]] + lines[-1:]
    for run in SequenceMatcher(None, bare[:-1], lines[:-1], autojunk=False).get_matching_blocks():
        result[run.b : run.b + run.size] = worn[run.a : run.a + run.size]
    return bom + "\n".join(result)
