"""The documents tell the truth: commands and options exist, links lead somewhere, both languages say the same."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from composegen.cli.app import app
from composegen.cli.commands import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
TARGETS = set(re.findall(r"(?m)^([a-z]+):.*?## ", (ROOT / "Makefile").read_text(encoding="utf-8")))


def options_of(command: str) -> set[str]:
    """Every option that `composegen COMMAND` takes, in all its spellings."""
    group: Any = get_command(app)
    context = typer.Context(group)
    parameters = group.get_command(context, command).params
    return {option for parameter in parameters for option in [*parameter.opts, *parameter.secondary_opts]} | {"--help"}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def code(document: Path) -> Iterator[str]:
    """Every command-like text: lines of shell blocks without their comments, and inline code."""
    text = document.read_text(encoding="utf-8")
    for block in re.findall(r"(?s)```sh\n(.*?)```", text):
        for line in block.splitlines():
            yield from line.split(" #")[0].split("&&")
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"(?s)```.*?```", "", text))


def uses_of(program: str, document: Path) -> Iterator[list[str]]:
    """The words behind `program` wherever a document shows it."""
    for text in code(document):
        words = text.split()
        if words[:1] == [program] and len(words) > 1:
            yield shlex.split(text)[1:]


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_command_that_a_document_shows_exists(document: Path) -> None:
    for words in uses_of("composegen", document):
        if words[0].startswith("-") or words[0] == "COMMAND":
            continue
        assert words[0] in COMMANDS, f"composegen {' '.join(words)}"
        ours = words[: words.index("--")] if "--" in words else words
        unknown = [word for word in ours[1:] if word.startswith("--") and word not in options_of(words[0])]
        assert not unknown, f"composegen {' '.join(words)}: no option {', '.join(unknown)}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_make_target_that_a_document_shows_exists(document: Path) -> None:
    shown = {words[0] for words in uses_of("make", document)}
    assert shown <= TARGETS


@pytest.mark.parametrize("readme", READMES, ids=name)
def test_every_command_is_in_the_readme(readme: Path) -> None:
    shown = {words[0] for words in uses_of("composegen", readme)}
    assert shown >= COMMANDS.keys()


@pytest.mark.parametrize("readme", READMES, ids=name)
def test_the_readme_names_the_two_commands_of_a_newcomer(readme: Path) -> None:
    assert {("demo",), ("test",)} <= {tuple(words) for words in uses_of("make", readme)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_link_to_a_file_leads_to_one(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_file_named_in_code_exists(document: Path) -> None:
    """Paths of this repository, such as `scripts/demo.sh`; what a produced folder holds is not looked for."""
    named = {
        text for text in code(document) if re.fullmatch(r"(scripts|tests|docs|benchmarks|composegen|stacks|\.ci)/[\w./-]+", text)
    }
    missing = [path for path in named if not (ROOT / path).exists()]
    assert not missing


def test_both_languages_show_the_same_commands() -> None:
    english, chinese = ({tuple(words) for words in uses_of("composegen", readme)} for readme in READMES)
    assert english <= chinese
