from __future__ import annotations

import pytest

from composegen import document
from composegen.errors import ComposegenError, FolderError


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("services: {}\n", "no x-composegen"),
        ("- a\n", "no x-composegen"),
        ("", "no x-composegen"),
        ("x-composegen: 3\n", "no x-composegen"),
        ("x-composegen: {schema: 2, stack: python, device: cpu}\n", "schema 2"),
        ("x-composegen: {stack: python, device: cpu}\n", "schema None"),
        ("x-composegen: {schema: 1, stack: python, device: cpu, colour: red}\n", "unknown 'colour'"),
        ("x-composegen: {schema: 1, stack: python}\n", "not what composegen writes"),
        ("x-composegen: {schema: 1, stack: python, device: toaster}\n", "toaster"),
        ("x-composegen: {schema: 1, stack: [python], device: cpu}\n", "not what composegen writes"),
        ("x-composegen: {schema: 1, stack: python, device: cpu, mounts: [nonsense]}\n", "not a mount"),
        ("x-composegen: {schema: 1, stack: python, device: cpu, apt: 3}\n", "not what composegen writes"),
        ("x-composegen: {schema: 1, stack: python, device: cpu, env: [3]}\n", "not what composegen writes"),
    ],
)
def test_an_x_composegen_that_composegen_did_not_write_is_explained(text: str, said: str) -> None:
    with pytest.raises(FolderError) as caught:
        document.choices(text, name="compose.yaml")
    assert said in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("text", ["a: [1\n", "a: b: c\n", "\t- x\n", "a: 1\na: 2\n", "x: *nowhere\n"])
def test_broken_yaml_is_explained_with_its_place(text: str) -> None:
    with pytest.raises(ComposegenError) as caught:
        document.load(text, name="compose.yaml")
    assert caught.value.message.startswith("compose.yaml is not YAML: line ")


def test_composes_own_tags_are_read_as_their_values() -> None:
    assert document.load("a: !reset []\nb: !override {x: 1}\nc: !reset null\n", name="x") == {"a": [], "b": {"x": 1}, "c": "null"}


@pytest.mark.parametrize("after", ["", "\n\nservices:\n  dev: [broken\n", "\n# a comment\n  init: tini\n"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_only_its_own_block_is_read(after: str, newline: str) -> None:
    text = f"services: {{}}\n\nx-composegen:\n  schema: 1\n\n  # why\n  stack: python\n  device: cpu{after}".replace("\n", newline)
    read = document.choices(text, name="compose.yaml")
    assert (read.stack, read.device, read.init) == ("python", "cpu", "tini" if "tini" in after else "supervisor")
