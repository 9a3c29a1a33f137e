"""The table of flags against the real command line, so that a new flag of Docker's cannot go unnoticed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from composegen.convert.compose import ORDER
from composegen.convert.flags import FLAGS
from tests.convert import drawn

ROOT = Path(__file__).resolve().parents[2]
HELP = re.compile(r"(?m)^ {2,6}(?:(?P<short>-[a-zA-Z]), )? *(?P<name>--[a-z0-9-]+)(?: (?P<takes>[a-z0-9-]+))?(?: {2,}|$)")
REPEATABLE = {"list", "map", "ulimit", "gpu-request", "mount", "network"}


@pytest.fixture(scope="module")
def real() -> dict[str, tuple[str, str]]:
    """Every flag that `docker run --help` lists: its short form, and what kind of value it takes."""
    done = subprocess.run(["docker", "run", "--help"], capture_output=True, text=True)
    found = {each["name"]: (each["short"] or "", each["takes"] or "") for each in HELP.finditer(done.stdout)}
    assert len(found) > 90, done.stdout
    return found


@pytest.mark.engine
def test_the_table_has_every_flag_of_the_real_command_line_and_no_other(real: dict[str, tuple[str, str]]) -> None:
    assert {flag.name for flag in FLAGS} == real.keys()


@pytest.mark.engine
def test_each_flag_takes_what_the_real_one_takes(real: dict[str, tuple[str, str]]) -> None:
    ours = {flag.name: (flag.short, flag.takes) for flag in FLAGS}
    kinds = {name: (short, "many" if takes in REPEATABLE else "one" if takes else "") for name, (short, takes) in real.items()}
    assert ours == kinds


@pytest.mark.engine
def test_lines_are_drawn_from_every_flag_of_the_real_command_line(real: dict[str, tuple[str, str]]) -> None:
    assert drawn.FLAGS.keys() == real.keys()


def test_a_flag_has_a_place_or_a_reason_or_a_step_of_its_own() -> None:
    apart = {flag.name for flag in FLAGS if not flag.to and not flag.why}
    assert apart == {
        *("--entrypoint", "--env-file", "--gpus", "--health-cmd", "--link", "--mount", "--runtime", "--volume", "--volume-driver"),
        *("--volumes-from", "--network", "--network-alias", "--ip", "--ip6", "--link-local-ip", "--mac-address"),
    }


def test_every_place_has_its_turn_in_the_document() -> None:
    assert {flag.to.partition(".")[0] for flag in FLAGS if flag.to} <= set(ORDER)


def test_the_document_lists_what_compose_has_no_word_for() -> None:
    text = (ROOT / "docs/convert.md").read_text(encoding="utf-8")
    table = text.partition("Compose has no word for these")[2].partition("\n\n`")[0]
    named = "".join(re.findall(r"(?m)^\| ([^|]+)", table))
    assert set(re.findall("--[a-z-]+[a-z]", named)) == {flag.name for flag in FLAGS if flag.fields}
