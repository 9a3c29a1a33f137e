"""A YAML text as a tree that knows where in the text everything stands, so that an edit touches nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from composegen.document.reading import explained, load
from composegen.errors import ComposegenError

Kind = Literal["scalar", "mapping", "sequence", "alias"]


@dataclass(frozen=True)
class Node:
    """A value: `value` compares by meaning (the order of keys, quoting and comments do not count; tags and anchors do)."""

    kind: Kind
    value: Any
    start: int  # offsets in the text, without what follows on the last line
    end: int
    properties: tuple[str | None, str | None] = (None, None)  # tag, anchor
    block: bool = False  # a block collection or block scalar: it owns whole lines
    entries: Mapping[str, Entry] = field(default_factory=dict)  # by key; a list's by `[identity]`, if each item has its own
    editable: bool = False  # a block collection with entries that stand one below the other


@dataclass(frozen=True)
class Entry:
    """A key with its value, or an item of a list with its dash."""

    start: int  # offset of the key or the dash
    node: Node


EMPTY = Node("mapping", {}, 0, 0)


@dataclass(frozen=True)
class Document:
    text: str
    root: Node

    @property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    def at(self, path: Sequence[str]) -> Node | None:
        """The node at a path of keys, or None."""
        node = self.root
        for key in path:
            if key not in node.entries:
                return None
            node = node.entries[key].node
        return node

    def line(self, offset: int) -> int:
        """The number of the line with this offset, from 0."""
        return self.text.count("\n", 0, offset)

    def column(self, offset: int) -> int:
        return offset - self.text.rfind("\n", 0, offset) - 1

    def last_line(self, entry: Entry) -> int:
        return self.line(max(entry.start, entry.node.end))

    def stands_first(self, entry: Entry) -> bool:
        """Nothing but indentation is before it on its line; `- key: value` is the other case."""
        return not self.text[self.text.rfind("\n", 0, entry.start) + 1 : entry.start].strip()


def read(text: str, *, name: str) -> Document:
    """The text's tree. Raises ComposegenError: it is not YAML, with line and column."""
    load(text, name=name)
    return read_again(text, name=name)


def read_again(text: str, *, name: str) -> Document:
    """`read` for a text that was made from texts that were read; twice as quick, and its errors have no place."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    with explained(name, text):
        events = iter(list(yaml.parse(text)))
    for event in events:
        if type(event).__name__ == "DocumentStartEvent":
            return Document(text, _Reader(text, yaml, events).node("", 0))
    return Document(text, EMPTY)


class _Reader:
    """Turns the parser's events into nodes, one after the other."""

    def __init__(self, text: str, yaml: Any, events: Iterator[Any]) -> None:
        self._text = text
        self._yaml = yaml
        self._events = events
        self._anchors: set[str] = set()

    def node(self, name: str, after: int) -> Node:
        """The next node; it is the value of key `name`, and where it has no text of its own it stands at `after`."""
        return self._made(next(self._events), name, after)

    def _made(self, event: Any, name: str, after: int) -> Node:
        kind = type(event).__name__
        if kind == "AliasEvent":
            if event.anchor not in self._anchors:
                raise ComposegenError(f"*{event.anchor} stands for nothing")
            return Node("alias", ("*", event.anchor), event.start_mark.index, event.end_mark.index)
        self._anchors |= {event.anchor} if event.anchor else set()
        if kind == "ScalarEvent":
            return self._scalar(event, after)
        return self._mapping(event, after) if kind == "MappingStartEvent" else self._sequence(event, name, after)

    def _scalar(self, event: Any, after: int) -> Node:
        from ruamel.yaml.nodes import ScalarNode

        start, end = event.start_mark.index, event.end_mark.index
        block = event.style in ("|", ">")
        if block and "+" not in self._text[start : self._text.find("\n", start)]:
            end = start + len(self._text[start:end].rstrip())
        elif block:
            end -= self._text[end - 1] == "\n"
        tag = str(event.tag or self._yaml.resolver.resolve(ScalarNode, event.value, event.implicit)).removeprefix(
            "tag:yaml.org,2002:"
        )
        meaning = (tag, None if tag == "null" else event.value)
        if start == end:
            start = end = after
        return Node("scalar", _anchored(meaning, event.anchor), start, end, (event.tag, event.anchor), block)

    def _mapping(self, event: Any, after: int) -> Node:
        entries: dict[str, Entry] = {}
        value: dict[str, Any] = {}
        told_apart = True
        for start in self._until("MappingEndEvent"):
            key = self._made(start, "", after)
            name = _word(key)
            after = key.end + 1  # behind the colon
            node = self.node(name or "", after)
            after = max(after, node.end)
            told_apart = told_apart and name is not None and name not in entries
            entries[name or ""] = Entry(key.start, node)
            if repr(key.value) in value:
                raise ComposegenError(f"the key {name} is there twice")
            value[repr(key.value)] = node.value
        return self._collection("mapping", event, value, entries if told_apart else {}, after)

    def _sequence(self, event: Any, name: str, after: int) -> Node:
        entries: dict[str, Entry] = {}
        items: list[Node] = []
        dashes: list[int] = []
        after = max(after, event.start_mark.index)
        for start in self._until("SequenceEndEvent"):
            node = self._made(start, "", after)
            dashes.append(self._text.rfind("-", 0, node.start))
            items.append(node)
            after = max(after, node.end)
        names = [_identity(name, node) for node in items]
        if None not in names and len(set(names)) == len(names):
            entries = {f"[{each}]": Entry(dash, node) for each, dash, node in zip(names, dashes, items, strict=True)}
        return self._collection("sequence", event, [node.value for node in items], entries, after)

    def _until(self, end: str) -> Iterator[Any]:
        for event in self._events:
            if type(event).__name__ == end:
                self._end = event.end_mark.index
                return
            yield event

    def _collection(self, kind: Kind, event: Any, value: Any, entries: dict[str, Entry], last: int) -> Node:
        block = not event.flow_style
        return Node(
            kind=kind,
            value=_anchored((str(event.tag), value) if event.tag else value, event.anchor),
            start=event.start_mark.index,
            end=last if block else self._end,
            properties=(str(event.tag) if event.tag else None, event.anchor),
            block=block,
            entries=entries,
            editable=block and bool(entries) and self._is_regular(kind, list(entries.values())),
        )

    def _is_regular(self, kind: Kind, entries: list[Entry]) -> bool:
        """Every entry begins in the same column, behind nothing but indentation and dashes; a dash is its item's own."""
        starts = [(entry.start, self._text.rfind("\n", 0, entry.start) + 1) for entry in entries]
        gaps = [self._text[entry.start + 1 : entry.node.start] for entry in entries if kind == "sequence"]
        return (
            len({start - line for start, line in starts}) == 1
            and all(not self._text[line:start].strip(" -") for start, line in starts)
            and not any(gap.strip() for gap in gaps)
        )


def _anchored(meaning: Any, anchor: str | None) -> Any:
    return meaning if anchor is None else ("&", anchor, meaning)


# --- What makes an item of a list itself -----------------------------------------------------------------------------------

WHOLE = ("command", "entrypoint", "test")  # the words of one command; Compose replaces these as a whole, too
ASSIGNMENTS = ("environment", "labels", "args", "sysctls")
MOUNTS = ("volumes", "devices")
IDENTITIES = ("target", "source", "name", "path", "driver")
VARIABLE = re.compile(r"\$\{[^}]*\}")  # of Compose; its colon separates nothing


def _word(node: Node) -> str | None:
    """The text of a scalar."""
    if node.kind != "scalar":
        return None
    meaning = node.value[2] if node.properties[1] else node.value
    return str(meaning[1] or "")


def _identity(name: str, node: Node) -> str | None:
    """By what an item in the list `name` is the same one when the rest of it changes: a mount's target, a variable's name."""
    if name in WHOLE:
        return None
    if node.kind == "mapping":
        words = (_word(node.entries[key].node) for key in IDENTITIES if key in node.entries)
        return next((word for word in words if word), None)
    word = _word(node)
    if word is None:
        return None
    if name in ASSIGNMENTS:
        return word.partition("=")[0]
    if name in MOUNTS and len(cuts := [match.start() for match in re.finditer(":", VARIABLE.sub(_masked, word))]):
        return word[cuts[0] + 1 : cuts[1] if len(cuts) > 1 else None]
    return word


def _masked(match: re.Match[str]) -> str:
    return "x" * len(match.group())
