"""The causes as data: each is recognised by what programs really say, by nothing else, and says what to do that can be done."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.main import get_command

from composegen.cli.app import app
from composegen.cli.commands import COMMANDS
from composegen.doctor import Cause, causes, explain
from composegen.doctor.reading import FILES, parse
from composegen.errors import CatalogueError

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
KNOWN = {cause.id: cause for cause in causes()}


def wordings() -> Iterator[tuple[str, str, str]]:
    """(cause, text, where it is from) of every file in wordings/."""
    for file in sorted((HERE / "wordings").glob("*.yaml")):
        for cause, listed in yaml.safe_load(file.read_text(encoding="utf-8")).items():
            yield from ((cause, wording["text"], wording["source"]) for wording in listed)


def found_in(text: str) -> list[str]:
    return [match.cause.id for match in explain(io.BytesIO(text.encode()))]


def related(one: str, other: str) -> bool:
    return other in KNOWN[one].leads_to or one in KNOWN[other].leads_to


@pytest.mark.parametrize(("cause", "text"), [(cause, text) for cause, text, _ in wordings()])
def test_what_a_program_says_leads_to_its_cause_and_to_no_other_one(cause: str, text: str) -> None:
    found = found_in(text)
    assert cause in found
    assert [other for other in found if other != cause and not related(cause, other)] == []


def test_every_cause_has_two_wordings_and_every_wording_says_where_it_is_from() -> None:
    listed = list(wordings())
    assert {cause for cause, _, _ in listed} == KNOWN.keys()
    assert [cause for cause in KNOWN if len({text for of, text, _ in listed if of == cause}) < 2] == []
    origins = re.compile(r"https://\S+|measured|source code of |quoted in public documents, |general knowledge, ")
    assert [source for _, _, source in listed if not origins.match(source)] == []


@pytest.mark.parametrize("file", sorted((HERE / "innocent").iterdir()), ids=lambda file: file.name)
def test_a_log_of_what_went_well_names_no_cause(file: Path) -> None:
    assert found_in(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("file", [*ROOT.glob("README*.md"), *ROOT.glob("stacks/*/*"), *ROOT.glob("stacks/*/container/*")], ids=str)
def test_what_composegen_writes_names_no_cause(file: Path) -> None:
    assert not file.is_file() or found_in(file.read_text(encoding="utf-8")) == []


PROGRAMS = (
    "docker --help",
    "docker run --help",
    "docker compose --help",
    "docker compose up --help",
    "ssh",
    "apt-get --help",
    "pip --help",
)


@pytest.mark.parametrize("command", PROGRAMS)
def test_a_help_text_names_no_cause(command: str) -> None:
    if shutil.which(command.split()[0]) is None:
        pytest.skip(f"no {command.split()[0]} here")
    said = subprocess.run(command.split(), capture_output=True, text=True)
    assert found_in(said.stdout + said.stderr) == []


# --- What a fix says -------------------------------------------------------------------------------------------------------


def steps(cause: Cause) -> Iterator[str]:
    for listed in cause.fix.values():
        yield from listed


@pytest.mark.parametrize("cause", KNOWN.values(), ids=lambda cause: cause.id)
def test_a_fix_names_only_commands_of_composegen_that_exist(cause: Cause) -> None:
    group: Any = get_command(app)
    for step in steps(cause):
        for command, rest in re.findall(r"`composegen (\w+)([^`]*)`", step):
            assert command in COMMANDS, step
            taken = {option for each in group.get_command(typer.Context(group), command).params for option in each.opts}
            assert set(re.findall(r"--[\w-]+", rest)) <= taken, step


@pytest.mark.parametrize("cause", KNOWN.values(), ids=lambda cause: cause.id)
def test_a_fix_is_at_hand_on_every_system(cause: Cause) -> None:
    for systems in ((), ("debian",), ("wsl", "debian"), ("fedora",), ("arch",), ("macos",)):
        assert cause.steps(systems)


def test_the_fix_is_that_of_the_nearest_system() -> None:
    toolkit = KNOWN["gpu-toolkit-missing"]
    assert "apt-get install" in " ".join(toolkit.steps(("debian",)))
    assert "dnf install" in " ".join(toolkit.steps(("fedora",)))
    assert "driver on Windows" in " ".join(toolkit.steps(("wsl", "debian")))
    assert KNOWN["port-taken"].steps(("debian",)) == KNOWN["port-taken"].steps(())


# --- The files -------------------------------------------------------------------------------------------------------------

GOOD = """
- id: one
  title: the first
  patterns: [it went wrong]
  why: because
  fix: [mend it]
  source: https://example.com/
"""


def test_every_problem_of_every_file_is_said_at_once_with_its_line() -> None:
    bad = GOOD.replace("https", "ftp") + "  colour: red\n" + GOOD.replace("it went wrong", "wrong")
    with pytest.raises(CatalogueError) as refused:
        parse({"a.yaml": bad, "b.yaml": "- id: Two"})
    said = refused.value.message.splitlines()
    assert all(re.match(r"[ab]\.yaml line \d+: ", line) for line in said)
    for path in ("a.yaml line 7: 0.source", "a.yaml line 8: 0.colour", "a.yaml line 12: 1.patterns", "b.yaml line 1: 0.title"):
        assert any(line.startswith(path) for line in said), path


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"a.yaml": GOOD, "b.yaml": GOOD}, "b.yaml line 2: 0.id: 'one' is in a.yaml already"),
        ({"a.yaml": f"{GOOD}  leads_to: [two]\n"}, "a.yaml line 8: 0.leads_to: there is no cause 'two'"),
        ({"a.yaml": f"{GOOD}  leads_to: [one]\n"}, "a.yaml line 8: 0.leads_to: 'one' would be its own consequence"),
    ],
)
def test_causes_that_do_not_fit_together_are_refused(texts: dict[str, str], said: str) -> None:
    with pytest.raises(CatalogueError) as refused:
        parse(texts)
    assert said in refused.value.message


def test_what_is_kept_in_the_cache_is_what_the_files_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    causes.cache_clear()
    try:
        read = causes()
        assert list(tmp_path.rglob("*.json"))
        causes.cache_clear()
        assert causes() == read == parse({file.name: file.read_text(encoding="utf-8") for file in sorted(FILES.glob("*.yaml"))})
        for kept in tmp_path.rglob("*.json"):
            kept.write_text("[1, {}]")
        causes.cache_clear()
        assert causes() == read
    finally:
        causes.cache_clear()
