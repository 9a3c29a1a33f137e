"""Random edits of a real compose file on both sides. PyYAML, which composegen does not use, judges what came of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from composegen.document.lines import Merged
from composegen.document.merge import merge

BASE = (Path(__file__).parents[2] / "stacks/mindspore/compose.yaml").read_text(encoding="utf-8")

HEAD = re.compile(r"^( *)((?:- )*)(?:[\w-]+:(?= |$)|[^\s#])")  # a key or an item
VALUE = re.compile(r"^( *(?:- )?[\w-]+: )([^\s|#>\[][^#]*)$")  # a key and its value on one line
TEXT = re.compile(r": [|>]$")
Edit = Callable[[list[str], int, str], None]


def heads(lines: list[str]) -> list[int]:
    """The lines on which a key or an item begins; not those of a block text."""
    found, inside = [], -1
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if line.strip() and indent <= inside:
            inside = -1
        if inside < 0 and HEAD.match(line) and line != "---":
            found.append(number)
        if TEXT.search(line):
            inside = indent
    return found


def end(lines: list[str], start: int) -> int:
    """The line behind what begins at `start`."""
    column = len(lines[start]) - len(lines[start].lstrip())
    below = (n for n in range(start + 1, len(lines)) if lines[n].strip() and len(lines[n]) - len(lines[n].lstrip()) <= column)
    after = next(below, len(lines))
    while not lines[after - 1].strip():
        after -= 1
    return after


def comment(lines: list[str], at: int, tag: str) -> None:
    lines.insert(at, f"{' ' * (len(lines[at]) - len(lines[at].lstrip()))}# {tag}")


def comment_behind(lines: list[str], at: int, tag: str) -> None:
    if VALUE.match(lines[at]):
        lines[at] += f"  # {tag}"


def value(lines: list[str], at: int, tag: str) -> None:
    lines[at] = VALUE.sub(rf"\g<1>{tag}", lines[at])


def plain_value(lines: list[str], at: int, tag: str) -> None:
    """A value that is not what its item is known by: else the item goes, and what the user said in it with it."""
    if not re.match(r" *(- )?(target|source|driver):", lines[at]):
        value(lines, at, tag)


def neighbour(lines: list[str], at: int, tag: str) -> None:
    """One more key behind a key, one more item behind an item."""
    indent = " " * (len(lines[at]) - len(lines[at].lstrip()))
    new = f"- {tag}" if lines[at].lstrip().startswith("-") else f"{tag}: 1"
    where = end(lines, at)
    lines[where:where] = [f"{indent}# new: {tag}", f"{indent}{new}"]


def section(lines: list[str], at: int, tag: str) -> None:
    lines[len(lines) :] = ["", f"x-{tag}:", "  - target: 1", f"    name: {tag}"]


def removal(lines: list[str], at: int, tag: str) -> None:
    beheaded = lines[at].lstrip().startswith("- ") and end(lines, at) == at + 1 and ":" in lines[at]
    if not beheaded:
        del lines[at : end(lines, at)]


ADDITIONS: list[Edit] = [comment, comment_behind, neighbour, section]
EDITS: list[Edit] = [*ADDITIONS, value, removal]


@st.composite
def versions(draw: st.DrawFn, side: str, kinds: list[Edit]) -> str:
    lines = BASE.removesuffix("\n").split("\n")
    for number in range(draw(st.integers(0, 5))):
        if places := heads(lines):
            at = places[draw(st.integers(0, 10_000)) % len(places)]
            draw(st.sampled_from(kinds))(lines, at, f"{side}{number}")
    return "\n".join(lines) + "\n"


# --- What a text means, leaf by leaf ---------------------------------------------------------------------------------------


class Plain(yaml.BaseLoader):
    """Every scalar is its text."""


def leaves(text: str) -> dict[str, str]:
    found = dict(_leaves(yaml.load(text, Plain), "", ""))
    return {path: value for path, value in found.items() if not path.startswith("x-composegen")}


def _leaves(node: Any, path: str, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for key, each in node.items():
            yield from _leaves(each, f"{path}.{key}" if path else key, key)
    elif isinstance(node, list) and name != "test":
        for each in node:
            yield from _leaves(each, f"{path}[{_identity(each, name)}]", "")
    else:
        yield path, str(node)


def _identity(item: Any, name: str) -> str:
    if isinstance(item, dict):
        return str(next((item[key] for key in ("target", "source", "name", "path", "driver") if item.get(key)), item))
    return str(item).split(":")[1] if name == "volumes" and ":" in item else str(item)


@dataclass(frozen=True)
class Case:
    ours: str
    theirs: str
    merged: Merged

    def is_excused(self, path: str) -> bool:
        """It lies below a conflict, or above: a mapping that lost its last key is a leaf itself."""
        return any(f"{path}.".startswith((f"{each}.", f"{each}[")) or each.startswith(path) for each in self.merged.conflicts)


def check(case: Case) -> None:
    base, ours, theirs, merged = (leaves(text) for text in (BASE, case.ours, case.theirs, case.merged.text))
    for path in {*base, *ours, *theirs, *merged}:
        b, o, t, m = (each.get(path) for each in (base, ours, theirs, merged))
        if case.is_excused(path):
            assert m == o, f"{path} is a conflict and not the user's"
        else:
            assert o == t or b in (o, t), f"{path} is no conflict"
            assert m == (t if o == b else o), path
    said = re.findall(r"# (?:new: )?ours\d+", case.ours)
    assert [each for each in said if each not in case.merged.text] == []
    assert yaml.safe_load(case.merged.text)["x-composegen"] == yaml.safe_load(case.theirs)["x-composegen"]


def is_sound(text: str) -> bool:
    """A removal may have left no document, or a list item without the key that it began with."""
    try:
        loaded = yaml.load(text, Plain)
    except yaml.YAMLError:
        return False
    return isinstance(loaded, dict) and isinstance(loaded.get("x-composegen"), dict) and "services" in loaded


@settings(max_examples=60, deadline=None)
@given(versions("ours", EDITS).filter(is_sound), versions("theirs", EDITS).filter(is_sound))
def test_what_both_sides_did_is_in_the_result_or_a_named_conflict(ours: str, theirs: str) -> None:
    check(Case(ours, theirs, merge("compose.yaml", BASE, ours, theirs)))


@settings(max_examples=40, deadline=None)
@given(versions("ours", ADDITIONS).filter(is_sound), versions("theirs", [plain_value, neighbour, section]).filter(is_sound))
def test_what_the_user_adds_is_never_a_conflict(ours: str, theirs: str) -> None:
    case = Case(ours, theirs, merge("compose.yaml", BASE, ours, theirs))
    check(case)
    assert case.merged.conflicts == ()


@settings(max_examples=20, deadline=None)
@given(versions("ours", EDITS).filter(is_sound))
def test_without_a_change_of_the_templates_every_byte_stays(ours: str) -> None:
    merged = merge("compose.yaml", BASE, ours, BASE)
    assert merged.conflicts == ()
    assert merged.text == ours or yaml.load(ours, Plain)["x-composegen"] != yaml.load(BASE, Plain)["x-composegen"]


@settings(max_examples=20, deadline=None)
@given(versions("theirs", EDITS).filter(is_sound))
def test_without_an_edit_of_the_users_the_template_is_the_result(theirs: str) -> None:
    assert merge("compose.yaml", BASE, BASE, theirs) == Merged(theirs)
