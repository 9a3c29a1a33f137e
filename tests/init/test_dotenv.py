"""`.env` as Compose reads it: composegen's own reader and writer against the real `docker compose config`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from composegen import dotenv
from composegen.errors import ComposegenError, UsageError

KEYS = "ssh-ed25519 AAAAC3Nza alice@laptop\nssh-rsa AAAAB3Nza/+== bob's key\nsk-ssh-ed25519@openssh.com AAAA c"

NASTY = {
    "empty": "",
    "space": "a b",
    "leading and trailing spaces": "  a  ",
    "single quote": "it's",
    "double quote": 'say "x"',
    "both quotes": 'it\'s "x"',
    "only quotes": "'\"'",
    "dollar": "pa$ss",
    "two dollars": "a$$b",
    "dollar at the end": "a$",
    "looks like a reference": "${HOME}",
    "looks like a default": "${X:-y} $X ${X",
    "hash": "a#b",
    "comment": "a #b",
    "starts with hash": "#a",
    "backslash": "a\\b",
    "trailing backslash": "a\\",
    "two trailing backslashes": "a\\\\",
    "backslash and quote": "\\'",
    "backslash and double quote": '\\"',
    "quote and backslash": "'\\",
    "backslash and dollar": "\\$x",
    "looks like an escape": "\\n\\t\\0123\\x41",
    "percent": "100%s",
    "equals": "a=b",
    "colon": "C:/x y",
    "backtick": "`id`",
    "command": "$(id)",
    "semicolon": "a;b",
    "bang": "a!b",
    "tab": "a\tb",
    "other white space": "\v\f\x85\xa0\u2003\u3000",
    "separators that only Python calls space": "\x1c\x1d\x1e\x1f",
    "escape character": "\x1b[31m",
    "non-ASCII": "Ünïcødé 码 🐍",
    "combining": "e\u0301",
    "BOM": "\ufeffa",
    "line break": "a\nb",
    "ends with a line break": "a\n",
    "starts with a line break": "\na",
    "CRLF": "a\r\nb",
    "CR": "a\rb",
    "keys": KEYS,
    "looks like a variable": "a\nSSH_PORT=1",
    "3000 characters": "x" * 3000,
    "3000 nasty characters": "'\"$#\\ " * 500,
}

anything = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
nasty = st.text(st.sampled_from("ab'\"$#\\ {}:-?+=%\n\r\té码0n"), max_size=16)

needs_compose = pytest.mark.skipif(shutil.which("docker") is None, reason="no docker command to compare with")


def compose_reads(folder: Path, text: str, names: list[str]) -> dict[str, str | None]:
    """What `docker compose config` makes of `.env`; None for a variable that is not set. Raises CalledProcessError: it refuses."""
    folder.mkdir(exist_ok=True)
    (folder / ".env").write_bytes(text.encode())
    lines = [f'      {name}: "${{{name}-(unset)}}"' for name in names]
    (folder / "compose.yaml").write_text("services:\n  dev:\n    image: x\n    environment:\n" + "\n".join(lines) + "\n")
    done = subprocess.run(
        ["docker", "compose", "config", "--format", "json"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        check=True,
    )
    found = json.loads(done.stdout)["services"]["dev"]["environment"]
    # `config` writes a file that Compose can read again, so it doubles every dollar sign.
    return {name: None if found[name] == "(unset)" else found[name].replace("$$", "$") for name in names}


@pytest.mark.parametrize("value", NASTY.values(), ids=NASTY.keys())
def test_a_quoted_value_is_read_back_unchanged(value: str) -> None:
    assert dotenv.parse(f"BEFORE=1\nX={dotenv.quote(value)}\nAFTER=2\n") == {"BEFORE": "1", "X": value, "AFTER": "2"}


@given(st.one_of(anything, nasty))
def test_any_value_is_read_back_unchanged(value: str) -> None:
    assert dotenv.parse(f"X={dotenv.quote(value)}\nAFTER=2\n") == {"X": value, "AFTER": "2"}


@needs_compose
def test_compose_reads_every_nasty_value_back_unchanged(tmp_path: Path) -> None:
    values = {f"V{number}": value for number, value in enumerate(NASTY.values())}
    text = "".join(f"{name}={dotenv.quote(value)}\n" for name, value in values.items())
    assert compose_reads(tmp_path, text, [*values]) == values


@needs_compose
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(anything, nasty), min_size=1, max_size=60))
def test_compose_reads_any_values_back_unchanged(tmp_path: Path, values: list[str]) -> None:
    named = {f"V{number}": value for number, value in enumerate(values)}
    text = "".join(f"{name}={dotenv.quote(value)}\n" for name, value in named.items())
    assert compose_reads(tmp_path / "f", text, [*named]) == named


HAND_WRITTEN = {
    "plain": "A=1\nB=2\n",
    "no line break at the end": "A=1\nB=2",
    "CRLF": "A=1\r\nB='x y'\r\n",
    "BOM": "\ufeffA=1\nB=2\n",
    "comments": "# x\nA=1 # y\nB=a#b\n  # z\n",
    "comment after quotes": "A='1' # y\nB=\"2\"# z\n",
    "export": "export A=1\n  export\tB='2'\n",
    "yaml style": "A: 1\nB: 'x'\n",
    "spaces around": "A = 1 \n B =  two words  \n",
    "expansion": "A=one\nB=$A-${A}-${C:-c}-${A:+yes}-${C+no}-$$A\n",
    "nested default": "A=${X:-${Y:-z}}b\nB=${A}${A}\n",
    "double quotes expand": 'A=one\nB="$A ${X:-d} \\$A \\n|\\t|\\\\|\\"|\\0101|\\08"\n',
    "single quotes do not": "A=one\nB='$A \\n \\' \\\\'\n",
    "several lines": "A='x\ny'\nB=\"p\nq\"\n",
    "repeated": "A=1\nA=2\nB=$A\n",
    "empty": "A=\nB=''\n",
    "a comment where a value would be": "A= # y\nB=#z\n",
    "name alone": "A\nB=1\n",
    "dots and dashes in names": "x.y-z[0]=1\nA=1\nB=2\n",
    "quote inside": "A=it's\nB=a\"b\n",
}


@needs_compose
@pytest.mark.parametrize("text", HAND_WRITTEN.values(), ids=HAND_WRITTEN.keys())
def test_a_file_written_by_hand_means_what_it_means_to_compose(tmp_path: Path, text: str) -> None:
    ours = dotenv.parse(text)
    assert {name: ours.get(name) for name in ("A", "B")} == compose_reads(tmp_path, text, ["A", "B"])


lines = st.builds(
    "{}{}{}".format,
    st.sampled_from(["A", "B", "export A", "C "]),
    st.sampled_from(["=", ": ", " = "]),
    st.one_of(nasty, st.just("$A")),
)


@needs_compose
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(lines, min_size=1, max_size=5))
@example(["A=${A:-b}{}", "B=${A"])
@example(['A="$$x ${B?}"'])
def test_any_file_means_what_it_means_to_compose(tmp_path: Path, given_lines: list[str]) -> None:
    text = "\n".join(given_lines) + "\n"
    try:
        theirs: dict[str, str | None] | None = compose_reads(tmp_path / "f", text, ["A", "B", "C"])
    except subprocess.CalledProcessError:
        theirs = None
    try:
        found = dotenv.parse(text)
        ours: dict[str, str | None] | None = {name: found.get(name) for name in ("A", "B", "C")}
    except ComposegenError:
        ours = None
    assert ours == theirs


def test_an_exported_variable_beats_one_set_above() -> None:
    assert dotenv.parse("A=1\nB=$A\nC\n", {"A": "exported", "C": "c"}) == {"A": "1", "B": "exported", "C": "c"}


@pytest.mark.parametrize("value", ["a\0b", "caf\udce9"], ids=["NUL", "not UTF-8"])
def test_a_value_that_no_env_file_can_hold_is_refused(value: str) -> None:
    with pytest.raises(UsageError):
        dotenv.quote(value)


@pytest.mark.parametrize(
    ("text", "line"), [("A=1\nB='x\n", 2), ("A B=1\n", 1), ("A=1\n\nB=${x\n", 3), ("A=${B?gone}\n", 1), ("a+b=1\n", 1)]
)
def test_an_unreadable_file_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(ComposegenError, match=f"line {line}:"):
        dotenv.parse(text)


# --- Changing one value ----------------------------------------------------------------------------------------------------


def test_assigning_changes_that_value_and_no_other_byte() -> None:
    before = "\ufeff# mine\r\nexport A = 'one' # why\r\nB=\"x\r\ny\"\r\n# C=\r\nD=4"
    after = dotenv.assign(before, {"A": "two words", "C": "3", "E": "5"})
    assert after == "\ufeff# mine\r\nexport A = 'two words' # why\r\nB=\"x\r\ny\"\r\nC=3\r\nD=4\r\nE=5\r\n"


def test_assigning_the_same_value_changes_nothing() -> None:
    text = "A='1' # quoted by hand\nB=two words\n"
    assert dotenv.assign(text, {"A": "1", "B": "two words"}) == text


def test_an_empty_value_becomes_a_comment_and_back() -> None:
    empty = dotenv.assign("A=1\nCOMPOSE_FILE=a:b\n", {"COMPOSE_FILE": ""})
    assert empty == "A=1\n# COMPOSE_FILE=\n"
    assert dotenv.assign(empty, {"COMPOSE_FILE": "a:b"}) == "A=1\nCOMPOSE_FILE=a:b\n"


def test_a_comment_inside_a_value_is_not_a_place_for_a_variable() -> None:
    text = "A='x\n# B=\ny'\n"
    assert dotenv.parse(dotenv.assign(text, {"B": "1"})) == {"A": "x\n# B=\ny", "B": "1"}


@given(st.dictionaries(st.sampled_from(["A", "B", "C"]), nasty), st.dictionaries(st.sampled_from(["A", "B", "D"]), nasty))
def test_assigning_gives_the_new_values_and_keeps_the_others(before: dict[str, str], changed: dict[str, str]) -> None:
    text = "# head\n" + "".join(f"{name}={dotenv.quote(value)}{' # why' if value else ''}\n" for name, value in before.items())
    found = dotenv.parse(dotenv.assign(text, changed))
    assert {name: found.get(name, "") for name in before | changed} == before | changed


# --- Secrets ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["SSH_PASSWORD", "HF_TOKEN", "WANDB_API_KEY", "AWS_SECRET_ACCESS_KEY", "MY_SECRET", "token", "APIKEY"]
)
def test_names_of_secrets_are_known(name: str) -> None:
    assert dotenv.looks_secret(name)


@pytest.mark.parametrize("name", ["TOKENIZERS_PARALLELISM", "MAX_TOKENS", "SSH_AUTHORIZED_KEYS", "KEYBOARD", "OMP_NUM_THREADS"])
def test_names_that_only_look_alike_are_no_secrets(name: str) -> None:
    assert not dotenv.looks_secret(name)


def test_a_masked_text_shows_no_secret() -> None:
    text = "A=1\nSSH_PASSWORD='s3cret\nlines' # x\nHF_TOKEN=s3cret\n"
    assert dotenv.masked(text) == "A=1\nSSH_PASSWORD=*** # x\nHF_TOKEN=***\n"
    assert "s3cret" not in dotenv.masked("SSH_PASSWORD='s3cret")
