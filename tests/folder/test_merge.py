"""One file merged: line ends, places of conflicts, and which files are merged key by key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composegen.folder.merge import Merged, merge

BASE = "".join(f"line {number}\n" for number in range(1, 21))
BOM = "\ufeff"


def changed(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def lines(base: str, ours: str, theirs: str) -> Merged:
    return merge("Dockerfile", base, ours, theirs)


def test_changes_in_different_places_both_survive() -> None:
    ours = changed(BASE, ("line 3\n", "mine\n"), ("line 20\n", "line 20\nmy last\n"))
    theirs = changed(BASE, ("line 6\n", ""), ("line 12\n", "line 12\nnew\n"))
    both = changed(theirs, ("line 3\n", "mine\n"), ("line 20\n", "line 20\nmy last\n"))
    assert lines(BASE, ours, theirs) == Merged(both)


def test_the_same_change_on_both_sides_is_no_conflict() -> None:
    both = changed(BASE, ("line 3\n", "same\n"), ("line 9\n", ""))
    assert lines(BASE, both, both) == Merged(both)


def test_overlapping_changes_leave_the_users_text_and_name_the_places() -> None:
    ours = changed(BASE, ("line 3\n", "mine\nand mine\n"), ("line 12\n", "mine too\n"), ("line 17\n", "apart\n"))
    theirs = changed(BASE, ("line 3\n", "theirs\n"), ("line 12\n", ""), ("line 20\n", "theirs\n"))
    assert lines(BASE, ours, theirs) == Merged(ours, ("lines 3 to 4", "line 13"))


def test_lines_that_touch_are_a_conflict_as_they_are_in_git() -> None:
    ours, theirs = changed(BASE, ("line 3\n", "mine\n")), changed(BASE, ("line 4\n", "theirs\n"))
    assert lines(BASE, ours, theirs) == Merged(ours, ("lines 3 to 4",))


def test_a_deletion_against_a_change_is_a_conflict() -> None:
    ours, theirs = changed(BASE, ("line 8\n", "")), changed(BASE, ("line 8\n", "theirs\n"))
    assert lines(BASE, ours, theirs) == Merged(ours, ("line 8",))


@pytest.mark.parametrize("bom", ["", BOM])
def test_the_users_line_ends_and_bom_stay(bom: str) -> None:
    ours = bom + changed(BASE, ("line 3\n", "mine\n")).replace("\n", "\r\n")
    theirs = changed(BASE, ("line 12\n", "theirs\nand theirs\n"))
    merged = bom + changed(theirs, ("line 3\n", "mine\n")).replace("\n", "\r\n")
    assert lines(BASE, ours, theirs) == Merged(merged)


def test_a_conflict_leaves_every_byte() -> None:
    ours = BOM + changed(BASE, ("line 3\n", "mine\r\n"), ("line 9\n", "line 9\r\n"))
    assert lines(BASE, ours, changed(BASE, ("line 3\n", "theirs\n"))) == Merged(ours, ("line 3",))


def test_each_line_of_mixed_line_ends_keeps_its_own() -> None:
    ours = changed(BASE, ("line 3\n", "line 3\r\n"), ("line 9\n", "mine\r\n"))
    theirs = changed(BASE, ("line 12\n", "theirs\n"))
    assert lines(BASE, ours, theirs).text == changed(ours, ("line 12\n", "theirs\n"))


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        ("a\nb\nc\n", "a\nb\nc", "x\nb\nc\n", "x\nb\nc"),  # the user's editor took the last line end away
        ("a\nb\nc", "a\nb\nc", "x\nb\nc\n", "x\nb\nc\n"),
        ("a\nb\nc", "a\nb\nc\n", "x\nb\nc", "x\nb\nc\n"),
        ("", "", "a\n", "a\n"),
        ("a\n", "", "a\n", ""),
        ("a\n", "a\n", "", ""),
        ("a\n", "a\n\x0cb\n", "a\n", "a\n\x0cb\n"),
    ],
)
def test_the_end_of_the_file_is_merged_as_well(base: str, ours: str, theirs: str, merged: str) -> None:
    assert lines(base, ours, theirs) == Merged(merged)


TEXTS = st.lists(st.sampled_from("abcd"), max_size=8).map(lambda found: "".join(f"{each}\n" for each in found))


@given(TEXTS, TEXTS)
def test_with_one_side_unchanged_the_other_side_is_the_result(base: str, other: str) -> None:
    assert lines(base, base, other) == lines(base, other, base) == lines(base, other, other) == Merged(other)


@given(TEXTS, TEXTS, TEXTS, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", BOM]))
def test_line_ends_change_nothing_else(base: str, ours: str, theirs: str, newline: str, bom: str) -> None:
    merged, dressed = lines(base, ours, theirs), lines(base, bom + ours.replace("\n", newline), theirs)
    assert dressed == Merged(bom + merged.text.replace("\n", newline), merged.conflicts) or not ours


# --- Compose files ---------------------------------------------------------------------------------------------------------

COMPOSE = ("a: 1\nb: 2\n", "a: 1\nb: 3\n", "a: 2\nb: 2\n")


@pytest.mark.parametrize("path", ["compose.yaml", "compose.nogpu.yaml"])
def test_a_compose_file_is_merged_key_by_key(path: str) -> None:
    assert merge(path, *COMPOSE) == Merged("a: 2\nb: 3\n")


@pytest.mark.parametrize("path", ["container/compose.yaml.txt", "README.md", "compose.yaml.orig", "container/compose.yaml"])
def test_another_file_is_merged_line_by_line(path: str) -> None:
    assert merge(path, *COMPOSE) == Merged(COMPOSE[1], ("lines 1 to 2",))


def test_a_compose_file_keeps_its_line_ends_and_bom() -> None:
    base, ours, theirs = COMPOSE
    assert merge("compose.yaml", base, BOM + ours.replace("\n", "\r\n"), theirs) == Merged(BOM + "a: 2\r\nb: 3\r\n")


@pytest.mark.parametrize("broken", [0, 1])
def test_a_compose_file_that_is_not_yaml_stays_as_it_is_and_its_line_is_named(broken: int) -> None:
    texts = ["a: 1\n", "a: 3\n", "a: 2\n"]
    texts[broken] += "b: [\n"
    merged = merge("compose.yaml", *texts)
    assert merged.text == texts[1]
    assert len(merged.conflicts) == 1 and "compose.yaml is not YAML: line 3, column" in merged.conflicts[0]
