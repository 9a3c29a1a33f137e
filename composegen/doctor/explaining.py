"""A text → the causes in it, the root one first; an engine's failure → the same failure in the words of its cause."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from composegen import host
from composegen.doctor.cause import Cause, Match, words
from composegen.doctor.reading import causes
from composegen.doctor.text import Block, Stream, blocks
from composegen.errors import CommandFailed, ComposegenError, EngineError

EVIDENCE = 300  # characters of the line that are shown


def explain(stream: Stream, known: Sequence[Cause] | None = None) -> tuple[Match, ...]:
    """Every known cause that a text names, the root one first, then in the text's order; empty where it names none.

    The time grows with the size of the text, the memory does not. An interruption ends the reading, and what was read counts.
    Raises OSError: the text cannot be read.
    """
    known = causes() if known is None else known
    found: list[Match] = []
    for block in blocks(stream):
        already = {match.cause.id for match in found}
        found += _found_in(block, (cause for cause in known if cause.id not in already))
    return root_first(found, known)


def _found_in(block: Block, known: Iterable[Cause]) -> list[Match]:
    plain = block.plain
    there = words(plain)
    found = []
    for cause in known:
        places = [pattern.found_in(plain) for pattern in cause.patterns if pattern.words <= there]
        first = min((place for place in places if place is not None), default=None)
        if first is not None:
            found.append((first, cause))
    return [_match(cause, block, plain, place) for place, cause in sorted(found, key=lambda each: each[0])]


def _match(cause: Cause, block: Block, plain: bytes, place: int) -> Match:
    number = plain.count(b"\n", 0, place)
    start = plain.rfind(b"\n", 0, place) + 1
    line = block.content.split(b"\n", number + 1)[number]
    # A line of a whole log, or of a progress bar, is shown around the place.
    begin = 0 if place - start + 100 < EVIDENCE else place - start
    shown = line[begin : begin + EVIDENCE].decode(errors="replace").replace("\r", " ")
    return Match(cause, block.first_line + number, " ".join(shown.split()))


def root_first(found: Sequence[Match], known: Sequence[Cause]) -> tuple[Match, ...]:
    """Each behind all that it follows from, else in the order given."""
    after = {cause.id: cause.leads_to for cause in known}
    present = [match.cause.id for match in found]
    roots = {name: tuple(each for each in present if name in _consequences(each, after)) for name in present}
    ordered: list[Match] = []
    waiting = list(found)
    while waiting:
        done = {match.cause.id for match in ordered}
        following = next(match for match in waiting if done.issuperset(roots[match.cause.id]))
        ordered.append(replace(following, follows_from=roots[following.cause.id]))
        waiting.remove(following)
    return tuple(ordered)


def _consequences(cause: str, after: Mapping[str, Sequence[str]]) -> set[str]:
    """All that follows from a cause, at first or second hand."""
    reached: set[str] = set()
    waiting = [cause]
    while waiting:
        new = set(after.get(waiting.pop(), ())) - reached
        reached |= new
        waiting += new
    return reached


def explained(error: ComposegenError) -> ComposegenError:
    """A failed engine command as its root cause has it; any other error, and one of unknown cause, as it is."""
    if not isinstance(error, CommandFailed) or error.hint:
        return error
    found = explain(io.BytesIO(error.said.encode(errors="replace")))
    if not found:
        return error
    cause = found[0].cause
    steps = cause.steps(host.systems())
    if cause.alone:
        return EngineError(cause.title, hint="\n".join(steps))
    error.hint = "\n".join([f"{cause.title}:", *steps, f"more: {cause.source}"])
    return error
