"""Three versions of a YAML document → one, key by key: the user's edits and the template's changes both survive.

The result is the user's text with edits in it, never a document written anew. Lines are merged first, for that brings comments
along as they stand; the keys say what the result has to mean, and take over where lines alone do not get there.
"""

from __future__ import annotations

from collections.abc import Sequence

from composegen.document import lines
from composegen.document.changes import Changes, agrees, between, shown
from composegen.document.edits import edited
from composegen.document.lines import Chunk, Merged
from composegen.document.tree import Document, Node, read, read_again
from composegen.errors import ComposegenError


def merge(name: str, base: str, ours: str, theirs: str) -> Merged:
    """`ours` with what `theirs` changed of `base`; each place where `ours` changed the same otherwise is named as a path of keys.

    The texts have LF line ends. The result is YAML, means what `ours` means but for the template's changes, and has every comment
    of the user's. Raises ComposegenError: one of the texts is not YAML; `name` says which file it was.
    """
    mine = read(ours, name=name)
    generated, wanted = read(base, name=f"the generated {name}"), read(theirs, name=f"the new {name}")
    changes = between(generated.root, mine.root, wanted.root)
    by_lines = lines.merge(base, ours, theirs)
    if not changes.conflicts and not by_lines.conflicts and _means(by_lines.text, mine.root, changes):
        return by_lines
    return _by_keys(generated, mine, wanted, changes)


def _means(text: str, old: Node, changes: Changes) -> bool:
    """Whether the text is YAML, and exactly these changes are in it."""
    new = _read(text)
    return new is not None and agrees(old, new.root, changes.wanted)


def _by_keys(base: Document, ours: Document, theirs: Document, changes: Changes) -> Merged:
    """Change for change; one whose edit fails, or whose result means anything else, is a conflict and leaves the text alone."""
    conflicts = list(changes.conflicts)
    merged = ours
    for change in changes.wanted:
        text = edited(base, merged, theirs, change)
        new = _read(text) if text is not None else None
        if new is not None and agrees(merged.root, new.root, [change]):
            merged = new
        else:
            conflicts.append(change.path)
    return Merged(_with_comments(base, merged, theirs), tuple(map(shown, conflicts)))


def _with_comments(base: Document, merged: Document, theirs: Document) -> str:
    """The text with those of the template's changed lines that change no meaning: comments, blank lines, quoting."""
    chunks = list(lines.chunks(base.text, merged.text, theirs.text))
    candidates = [number for number, chunk in enumerate(chunks) if chunk.only_theirs]
    taken: list[int] = []
    for number in candidates:
        new = _read(_text(chunks, [*taken, number], like=merged.text))
        if new is not None and new.root.value == merged.root.value:
            taken.append(number)
    return _text(chunks, taken, like=merged.text)


def _text(chunks: Sequence[Chunk], taken: Sequence[int], *, like: str) -> str:
    pieces = [chunk.theirs if number in taken else chunk.ours for number, chunk in enumerate(chunks)]
    return lines.joined(pieces, unended=like != "" and not like.endswith("\n"))


def _read(text: str) -> Document | None:
    try:
        return read_again(text, name="the merged text")
    except ComposegenError:
        return None
