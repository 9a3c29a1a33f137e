"""What one side changed in a document, key by key, and whether the other side's edits allow it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from composegen.document.record import OWN
from composegen.document.tree import EMPTY, Entry, Node

Path = tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """Below `path` is to be what `theirs` has: a value, or nothing. `base` is what was generated there last."""

    path: Path
    base: Entry | None
    theirs: Entry | None


@dataclass(frozen=True)
class Changes:
    """The smallest changes that bring the template's along, in its order, and the paths that the user holds against it."""

    wanted: list[Change] = field(default_factory=list)
    conflicts: list[Path] = field(default_factory=list)


def between(base: Node, ours: Node, theirs: Node) -> Changes:
    """What `theirs` changed of `base` and `ours` has not; where `ours` changed the same to something else, a conflict."""
    found = Changes()
    if _same_kind(ours, theirs):
        _collect(found, (), base, ours, theirs)
    elif theirs.value not in (base.value, ours.value):
        found.conflicts.append(())
    return found


def _same_kind(ours: Node, theirs: Node) -> bool:
    return ours.editable and theirs.editable and ours.kind == theirs.kind


def _collect(found: Changes, path: Path, base: Node, ours: Node, theirs: Node) -> None:
    for key in {**theirs.entries, **base.entries}:
        here = (*path, key)
        b, o, t = (each.entries.get(key) for each in (base, ours, theirs))
        if _same(o, t) or (_same(b, t) and here != (OWN,)):
            continue
        if here == (OWN,):  # a record of composegen's own, no setting of the user's
            found.wanted.append(Change(here, b, t))
        elif o and t and _by_entries(b.node if b else EMPTY, o.node, t.node):
            _collect(found, here, b.node if b else EMPTY, o.node, t.node)
        elif _same(o, b):
            found.wanted.append(Change(here, b, t))
        else:
            found.conflicts.append(here)


def _same(one: Entry | None, other: Entry | None) -> bool:
    return one is other if one is None or other is None else bool(one.node.value == other.node.value)


def _by_entries(base: Node, ours: Node, theirs: Node) -> bool:
    """Whether what changed here can be told entry by entry."""
    if not _same_kind(ours, theirs):
        return False
    if base is EMPTY:
        return True
    return _same_kind(base, theirs) and base.properties == theirs.properties and _in_same_order(base, theirs)


def _in_same_order(one: Node, other: Node) -> bool:
    """A mapping has no order; a list does, as far as both have the same items."""
    return one.kind == "mapping" or [key for key in one.entries if key in other.entries] == [
        key for key in other.entries if key in one.entries
    ]


def agrees(old: Node, new: Node, changes: Sequence[Change]) -> bool:
    """Whether `new` means what `old` does with exactly these changes."""
    return _agrees(old, new, {change.path: change.theirs for change in changes})


def _agrees(old: Node, new: Node, wanted: Mapping[Path, Entry | None]) -> bool:
    if not wanted:
        return bool(old.value == new.value)
    if old.kind != new.kind or old.properties != new.properties:
        return False
    touched = {path[0] for path in wanted}
    kept, stayed = ([key for key in each.entries if key not in touched] for each in (old, new))
    if kept != stayed and (old.kind == "sequence" or set(kept) != set(stayed)):
        return False
    return all(_entry_agrees(old.entries.get(key), new.entries.get(key), key, wanted) for key in {*kept, *touched})


def _entry_agrees(old: Entry | None, new: Entry | None, key: str, wanted: Mapping[Path, Entry | None]) -> bool:
    if (key,) in wanted:
        return _same(new, wanted[(key,)])
    below = {path[1:]: entry for path, entry in wanted.items() if path[0] == key}
    return old is not None and new is not None and _agrees(old.node, new.node, below)


def shown(path: Path) -> str:
    """`services.dev.volumes[/dev/shm].source`."""
    return "".join(key if key.startswith("[") else f".{key}" for key in path).removeprefix(".") or "the document as a whole"
