"""One change made in a text, where every byte that it does not concern stays as it is."""

from __future__ import annotations

import re

from composegen.document.changes import Change
from composegen.document.record import OWN
from composegen.document.tree import Document, Entry, Node

COMMENT = re.compile(r"(?:^|\s)#.*")


def edited(base: Document, ours: Document, theirs: Document, change: Change) -> str | None:
    """The text of `ours` with the change; None where that cannot be done without touching what is the user's.

    It is not checked that the result means what it should: see `composegen.document.changes.agrees`.
    """
    container = ours.at(change.path[:-1])
    if container is None or not container.editable:
        return None
    entry = container.entries.get(change.path[-1])
    if entry is None:
        return _inserted(ours, container, theirs, change)
    if change.theirs is None:
        return _removed(base, ours, entry, change.base)
    if _is_inline(ours, entry.node) and _is_inline(theirs, change.theirs.node):
        there, new = entry.node, change.theirs.node
        return ours.text[: there.start] + theirs.text[new.start : new.end] + ours.text[there.end :]
    return _replaced(base, ours, entry, theirs, change)


def _is_inline(document: Document, node: Node) -> bool:
    """The value is a piece of one line, next to its key."""
    return not node.block and node.start < node.end and "\n" not in document.text[node.start : node.end]


# --- Replacing and removing ------------------------------------------------------------------------------------------------


def _replaced(base: Document, ours: Document, entry: Entry, theirs: Document, change: Change) -> str | None:
    """Key and value with everything up to the end of its last line, but not the comments above it."""
    assert change.theirs is not None
    written = _user_comments(ours, entry, base, change.base)
    if written and change.path != (OWN,):
        return None
    # composegen's own block, in column 0, goes as it is; what was said in it stays.
    theirs_has = _comments_in(theirs, change.theirs)
    kept = [comment for comment in written if comment not in theirs_has]
    new = "\n".join([*kept, *_lines(theirs, change.theirs, ours.column(entry.start))])
    return ours.text[: entry.start] + new + ours.text[_end(ours, entry) :]


def _removed(base: Document, ours: Document, entry: Entry, was: Entry | None) -> str | None:
    if was is None or not ours.stands_first(entry) or _user_comments(ours, entry, base, was):
        return None
    first, last = ours.line(entry.start), ours.last_line(entry)
    generated = {line.strip() for line in _comments_above(base, was)}
    gone = {*range(first, last + 1)}
    gone |= {first - up for up, line in enumerate(reversed(_comments_above(ours, entry)), 1) if line.strip() in generated}
    lines = ours.lines
    if _is_blank(lines, min(gone) - 1) and (_is_blank(lines, last + 1) or last + 1 >= len(lines)):
        gone.add(min(gone) - 1)
    return "\n".join(line for number, line in enumerate(lines) if number not in gone)


def _user_comments(ours: Document, entry: Entry, base: Document, was: Entry | None) -> list[str]:
    generated = _comments_in(base, was) if was else []
    return [comment for comment in _comments_in(ours, entry) if comment not in generated]


def _comments_in(document: Document, entry: Entry) -> list[str]:
    """Comments inside an entry and behind it. A `#` of a text counts as well: then an edit is refused, not a comment lost."""
    lines = document.text[entry.start : _end(document, entry)].split("\n")
    return [found.group().strip() for line in lines if (found := COMMENT.search(line))]


def _end(document: Document, entry: Entry) -> int:
    """The offset at which the entry's last line ends."""
    end = document.text.find("\n", max(entry.start, entry.node.end))
    return len(document.text) if end < 0 else end


# --- Inserting -------------------------------------------------------------------------------------------------------------


def _inserted(ours: Document, container: Node, theirs: Document, change: Change) -> str | None:
    """Where the template has it: behind the nearest entry above it, else in front of the nearest below it."""
    model = theirs.at(change.path[:-1])
    if model is None or change.theirs is None:
        return None
    column = ours.column(next(iter(container.entries.values())).start)
    comments = _comments_above(theirs, change.theirs)
    first, *rest = _lines(theirs, change.theirs, column)
    new = [*(" " * column + line for line in (*(comment.strip() for comment in comments), first)), *rest]
    names = list(model.entries)
    at = names.index(change.path[-1])
    above, below = ([name for name in side if name in container.entries] for side in (names[:at], names[at + 1 :]))
    # Blank lines around it as the template has them.
    spaced = _is_blank(theirs.lines, theirs.line(change.theirs.start) - len(comments) - 1)
    followed = _is_blank(theirs.lines, theirs.last_line(change.theirs) + 1)
    lines = ours.lines
    if not above and below and ours.stands_first(before := container.entries[below[0]]):
        there = ours.line(before.start) - len(_comments_above(ours, before))
        return _joined(lines[:there], new, [""] * followed, lines[there:])
    # In front of the first key of `- key: value` there is no line to put it on.
    behind = above[-1] if above else list(container.entries)[0 if below else -1]
    there = _behind(ours, container.entries[behind], column)
    if spaced and below and not followed and _is_blank(lines, there):
        return _joined(lines[: there + 1], new, lines[there + 1 :])
    return _joined(lines[:there], [""] * spaced, new, lines[there:])


def _joined(*parts: list[str]) -> str:
    return "\n".join(line for part in parts for line in part)


def _behind(document: Document, entry: Entry, column: int) -> int:
    """The number of the line below an entry and the comments that stand deeper than it, which are at home in it."""
    lines, end = document.lines, document.last_line(entry) + 1
    for number in range(end, len(lines)):
        line = lines[number].strip()
        if line and not (line.startswith("#") and len(lines[number]) - len(lines[number].lstrip()) > column):
            break
        end = number + 1 if line else end
    return end


def _lines(document: Document, entry: Entry, column: int) -> list[str]:
    """The entry's lines as they stand in `column`; the first one without the indentation."""
    first, *rest = document.text[entry.start : _end(document, entry)].split("\n")
    shift = column - document.column(entry.start)
    return [first, *(" " * shift + line if shift > 0 and line else line[min(-shift, _indent(line)) :] for line in rest)]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _comments_above(document: Document, entry: Entry) -> list[str]:
    """The entry's own comment: the lines directly above it that stand in its column."""
    lines, column, found = document.lines, document.column(entry.start), list[str]()
    if not document.stands_first(entry):
        return found
    for line in reversed(lines[: document.line(entry.start)]):
        if not line.lstrip().startswith("#") or _indent(line) != column:
            break
        found.insert(0, line)
    return found


def _is_blank(lines: list[str], number: int) -> bool:
    return 0 <= number < len(lines) and not lines[number].strip()
