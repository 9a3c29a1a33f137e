"""A cause of errors as a value, and what it is recognised by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

GAP = "…"  # in a pattern: anything, on the same line
REACH = 2048  # bytes within which the next line of a pattern must follow

_LETTERS = b"abcdefghijklmnopqrstuvwxyz"
_ONLY_LETTERS = bytes(byte if byte in _LETTERS else ord(" ") for byte in range(256))


def words(text: bytes) -> frozenset[bytes]:
    """Every run of letters in a text of small letters."""
    return frozenset(text.translate(_ONLY_LETTERS).split())


@dataclass(frozen=True)
class Pattern:
    """What an error says, without what differs from case to case: `lookup … no such host`.

    The pieces around a `…` follow each other on one line. Where the pattern has several lines, each follows within REACH bytes.
    Capitals mean nothing, and a piece begins and ends with whole words. There are no other wildcards, so that a search takes time
    in proportion to the text, whatever that holds.
    """

    text: str

    @cached_property
    def lines(self) -> tuple[tuple[bytes, ...], ...]:
        written = self.text.strip().lower().splitlines()
        return tuple(tuple(piece.strip().encode() for piece in line.split(GAP)) for line in written)

    @cached_property
    def words(self) -> frozenset[bytes]:
        """No text without all of these can hold the pattern."""
        return words(b"\n".join(piece for line in self.lines for piece in line))

    def found_in(self, text: bytes) -> int | None:
        """Where it begins in a text of small letters."""
        first, *others = self.lines
        start = 0
        while (found := _find_line(first, text, start, len(text))) is not None:
            begin, end = found
            for line in others:
                following = _find_line(line, text, end, min(end + REACH, len(text)))
                if following is None:
                    break
                end = following[1]
            else:
                return begin
            # What lies within reach was searched: it is not searched again for a later beginning.
            start = end + (REACH if others else 0)
        return None


def _find_line(pieces: tuple[bytes, ...], text: bytes, start: int, stop: int) -> tuple[int, int] | None:
    """Begin and end of the first place between `start` and `stop` where all pieces follow each other on one line."""
    while (begin := _find(pieces[0], text, start, stop)) >= 0:
        end = begin + len(pieces[0])
        newline = text.find(b"\n", end, stop)
        line_end = stop if newline < 0 else newline
        for piece in pieces[1:]:
            place = _find(piece, text, end, line_end)
            if place < 0:
                break
            end = place + len(piece)
        else:
            return begin, end
        # A later beginning on this line cannot do better.
        start = line_end
    return None


def _find(piece: bytes, text: bytes, start: int, stop: int) -> int:
    """Where the piece stands between `start` and `stop` with no letter going on at either end; -1 where it does not."""
    place = text.find(piece, start, stop)
    while place >= 0 and (_goes_on(text, place - 1, place) or _goes_on(text, place + len(piece) - 1, place + len(piece))):
        place = text.find(piece, place + 1, stop)
    return place


def _goes_on(text: bytes, left: int, right: int) -> bool:
    """Whether the bytes at two neighbouring places belong to one word."""
    return left >= 0 and right < len(text) and text[left] in _LETTERS and text[right] in _LETTERS


@dataclass(frozen=True)
class Cause:
    """Why something failed. `fix` is {system: steps}, where `any` is for every system that is not named."""

    id: str
    title: str
    patterns: tuple[Pattern, ...]
    why: str
    fix: Mapping[str, tuple[str, ...]]
    source: str  # address of what the facts rest on
    leads_to: tuple[str, ...] = ()  # causes that are its consequences where both are found
    alone: bool = False  # the title says it all: an engine command that failed, and its words, need not be shown

    def steps(self, systems: Iterable[str]) -> tuple[str, ...]:
        """The fix on a host, whose systems are given from the nearest to the widest: ("wsl", "debian")."""
        return next((self.fix[system] for system in (*systems, "any") if system in self.fix), ())


@dataclass(frozen=True)
class Match:
    """A cause that was found in a text, with the line that says so (from 1), and which of the other found ones it follows from."""

    cause: Cause
    line: int
    evidence: str
    follows_from: tuple[str, ...] = ()
