"""Settings with comments get members more, and nothing else of them changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composegen.errors import FolderError
from composegen.ide import jsonc

# what is there, and what it is with "b": 2 more
TEXTS = [
    ("", '{\n    "b": 2\n}\n'),
    ("// mine\n", '// mine\n{\n    "b": 2\n}\n'),
    ("/* mine */", '/* mine */\n{\n    "b": 2\n}\n'),
    ("{}", '{\n    "b": 2\n}'),
    ("{\n}\n", '{\n    "b": 2\n}\n'),
    ("{ // none yet\n}\n", '{ // none yet\n    "b": 2\n}\n'),
    ('{"a": 1}', '{"a": 1, "b": 2}'),
    ('{ "a": 1, /* c */ }\n', '{ "a": 1, /* c */ "b": 2, }\n'),
    ('{\n  "a": 1\n}\n', '{\n  "a": 1,\n  "b": 2\n}\n'),
    ('{\n\t"a": 1,\n}\n', '{\n\t"a": 1,\n\t"b": 2,\n}\n'),
    (
        '{\n  "a": 1 // "}" is no end\n  // nor is this: },\n}\n',
        '{\n  "a": 1, // "}" is no end\n  // nor is this: },\n  "b": 2\n}\n',
    ),
    ('{\n  "a": "// no comment", // one\n\n}\n// }\n', '{\n  "a": "// no comment", // one\n\n  "b": 2,\n}\n// }\n'),
    ('{\n  "a": {"b": 1}}\n', '{\n  "a": {"b": 1},\n  "b": 2\n}\n'),
    ('  {\n    "a": [1, 2,],\n  }\n', '  {\n    "a": [1, 2,],\n    "b": 2,\n  }\n'),
    ('{\n    "a": "\\"/*"\n}', '{\n    "a": "\\"/*",\n    "b": 2\n}'),
]


@pytest.mark.parametrize(("there", "after"), TEXTS)
def test_a_member_is_put_behind_the_others_and_their_comments(there: str, after: str) -> None:
    assert jsonc.with_members(there, {"b": 2}, name="x") == after
    assert jsonc.with_members(after, {}, name="x") == after


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[1]", "holds no JSON object"),
        ('"a"', "holds no JSON object"),
        ('{"a": 1', "line 1, column 8"),
        ('{\n  "a": 1\n  "b": 2\n}', "line 3, column 3"),
        ("{,}", "line 1"),
        ('{"a": [,]}', "line 1"),
        ('{"a": 1,,}', "line 1"),
        ('{"a": 1} /* open', "line 1"),
        ("{'a': 1}", "line 1"),
        ("{a: 1}", "line 1"),
        ("[" * 100_000, "nested too deeply"),
        ("<<<<<<< HEAD\n{}\n", "line 1"),
    ],
)
def test_what_is_no_object_is_refused_in_one_sentence(text: str, says: str) -> None:
    with pytest.raises(FolderError, match="'x' ") as refused:
        jsonc.with_members(text, {"b": 2}, name="x")
    assert says in refused.value.message and "\n" not in refused.value.message


ODD = st.sampled_from(["//", '"', "}", "/*", ","])
SPACE = st.sampled_from(["", " ", "\n", "\n  ", '// , } "\n', '/* { " */', " /*\n*/ "])


@st.composite
def values(draw: st.DrawFn, depth: int = 2) -> tuple[str, Any]:
    """A text with comments and trailing commas, and what it means."""
    if depth == 0 or draw(st.booleans()):
        value = draw(st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), ODD))
        return json.dumps(value, ensure_ascii=draw(st.booleans())), value
    return draw(objects(depth=depth))


@st.composite
def objects(draw: st.DrawFn, depth: int = 2) -> tuple[str, dict[str, Any]]:
    members = draw(st.dictionaries(st.text(max_size=3), values(depth=depth - 1), max_size=3))
    parts = [f"{draw(SPACE)}{json.dumps(key)}{draw(SPACE)}:{draw(SPACE)}{text}{draw(SPACE)}" for key, (text, _) in members.items()]
    end = draw(st.sampled_from(["", ","])) if parts else ""
    return "{" + ",".join(parts) + end + draw(SPACE) + "}", {key: value for key, (_, value) in members.items()}


@given(drawn=objects(), before=SPACE, behind=SPACE)
def test_any_settings_read_as_before_with_one_member_more(drawn: tuple[str, dict[str, Any]], before: str, behind: str) -> None:
    text, meant = f"{before}{drawn[0]}{behind}", drawn[1]
    assert jsonc.read(text, name="x") == meant
    after = jsonc.with_members(text, {"added": True}, name="x")
    assert jsonc.read(after, name="x") == {**meant, "added": True}
    # Every character that was there is there, in its order, but for space before the brace.
    rest = iter(after)
    assert all(character in rest for character in text if not character.isspace())
