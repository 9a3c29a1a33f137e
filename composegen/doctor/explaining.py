"""A text → the causes in it, the root one first; an error → the same error in the words of its cause."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from composegen import host
from composegen.doctor.cause import Cause, Match, words
from composegen.doctor.reading import causes
from composegen.doctor.text import Block, Stream, blocks
from composegen.errors import CommandFailed, ComposegenError, EngineError, SshError

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


def root_cause(text: str) -> Cause | None:
    """The root of all causes that a text names; None where it names none."""
    found = explain(io.BytesIO(text.encode(errors="replace")))
    return found[0].cause if found else None


def advice(cause: Cause) -> str:
    """Title, fix on this host, and source, one a line."""
    return "\n".join([f"{cause.title}:", *cause.steps(host.systems()), f"more: {cause.source}"])


def explained(error: ComposegenError) -> ComposegenError:
    """An error as the root cause of what programs said has it: its advice comes before the hint of the error itself.

    Of unknown cause, and a failed engine command that somebody looked into already: as it is.
    """
    if isinstance(error, CommandFailed) and error.hint:
        return error
    # In an SshError's own message are the words of the SSH library.
    text = f"{error.said}\n{error.message}" if isinstance(error, SshError) else error.said
    if not text or (cause := root_cause(text)) is None:
        return error
    if isinstance(error, CommandFailed) and cause.alone:
        return EngineError(cause.title, hint="\n".join(cause.steps(host.systems())))
    error.hint = "\n".join(filter(None, (advice(cause), error.hint)))
    return error
