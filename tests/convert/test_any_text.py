"""Whatever is given: a document that two readers of YAML read alike, or one explained refusal; never anything else."""

from __future__ import annotations

import json
import shlex
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from composegen import document
from composegen.convert import convert
from composegen.errors import UsageError
from tests.convert.drawn import lines

PIECES = (
    "docker run",
    "sudo docker run",
    "podman run",
    "nvidia-docker run",
    *(
        "-p",
        "80:80",
        "-v",
        "/a:/b",
        "-e",
        "A=",
        "--gpus",
        "all",
        "--mount",
        "type=bind",
        "--name",
        "x",
        "img",
        "$PWD",
        "${A:-b}",
        "$(id -u)",
    ),
    *(
        " ",
        "\n",
        "\\\n",
        "\\ \n",
        "^\n",
        "`\n",
        "'",
        '"',
        "`",
        "$",
        "$(",
        "${",
        "%A%",
        "#",
        "~",
        "\\",
        "&&",
        "|",
        ">",
        "<",
        ";",
        "=",
        "{x}",
    ),
)
anything = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=14).map("".join)
spaced = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=14).map(" ".join)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(anything | spaced | lines())
def test_any_text_is_converted_or_refused_with_a_hint(text: str) -> None:
    try:
        found = convert(text)
    except UsageError as error:
        assert error.message and error.hint
        assert "\n" not in error.message
    else:
        assert read_alike(found.text) == found.document
        assert json.dumps(found.to_json())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=6), max_size=6))
def test_any_words_are_converted_or_refused_with_a_hint(words: list[str]) -> None:
    try:
        found = convert(["docker", "run", *words])
    except UsageError as error:
        assert error.message and error.hint
    else:
        assert read_alike(found.text) == found.document


@settings(max_examples=60, deadline=None)
@given(lines())
def test_a_line_means_the_same_as_its_words(line: str) -> None:
    def outcome(given: Any) -> Any:
        try:
            return convert(given).document
        except UsageError as error:
            return error.hint

    assert outcome(line) == outcome(shlex.split(line))


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(min_size=1).filter(lambda key: "\x00" not in key), documents, min_size=1, max_size=4))
def test_what_is_written_is_read_back_by_every_reader(value: dict[str, Any]) -> None:
    assert read_alike(document.dump(value, {})) == value


def read_alike(text: str) -> Any:
    """What YAML 1.1 and 1.2 both make of a text."""
    found = document.load(text, name="text")
    assert yaml.safe_load(text) == found
    return found
