"""The README's pictures show what the commands print, and need nothing from elsewhere."""

from __future__ import annotations

import re
import runpy
import shlex
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from composegen.cli.commands import COMMANDS
from composegen.smoke.probes import PROBES
from composegen.up import STEPS
from tests.support.cli import ROOT, Cli
from tests.test_docs import READMES, options_of

PICTURES = sorted((ROOT / "docs/pictures").glob("*.svg"))
SCRIPT = runpy.run_path(str(ROOT / "scripts/make-pictures.py"))
MOST = 40_000  # bytes
VARIES = (r"port \d+", r"and \d+ more", r"composegen@\S+")


def lines(picture: Path) -> list[str]:
    """What a picture says, from top to bottom."""
    found: dict[float, str] = {}
    for each in ET.parse(picture).getroot().iter("{http://www.w3.org/2000/svg}text"):
        if each.get("class", "").startswith("t-r") and each.get("y"):
            found[float(each.get("y", ""))] = found.get(float(each.get("y", "")), "") + (each.text or "")
    return [found[y].replace("\N{NO-BREAK SPACE}", " ").rstrip() for y in sorted(found)]


def placeholders(text: str) -> str:
    for pattern in VARIES:
        text = re.sub(pattern, "…", text)
    return text


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_a_picture_is_small_and_whole_in_itself_and_names_no_machine(picture: Path) -> None:
    text = picture.read_text(encoding="utf-8")
    assert len(text) < MOST
    shown = "\n".join(lines(picture))
    drawn = re.sub(r'xmlns="[^"]*"|<!--.*?-->', "", text)
    assert not re.search(r"(?i)https?:|@import|@font-face|<image|<script|href", drawn)
    assert not re.search(r"/tmp|/root|PRIVATE KEY|password=", shown), shown


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_its_commands_are_those_of_the_script_and_exist(picture: Path) -> None:
    commands = [line.removeprefix("$ ") for line in lines(picture) if line.startswith("$ ")]
    assert commands == SCRIPT["STEPS"][picture.stem]
    for program, command, *words in map(shlex.split, commands):
        ours = words[: words.index("--")] if "--" in words else words
        assert program != "composegen" or command in COMMANDS
        assert program != "composegen" or {word for word in ours if word.startswith("--")} <= options_of(command)


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_the_readme_shows_each(readme: Path) -> None:
    shown = re.findall(r"!\[[^\]]+\]\(docs/pictures/(\w+)\.svg\)", readme.read_text(encoding="utf-8"))
    assert sorted(shown) == [picture.stem for picture in PICTURES] == sorted(SCRIPT["STEPS"])


def test_init_prints_what_is_shown(tmp_path: Path, composegen: Cli) -> None:
    SCRIPT["prepare_home"](tmp_path / "home")
    (command, *shown) = lines(ROOT / "docs/pictures/init.svg")
    done = composegen(*shlex.split(command)[2:], cwd=tmp_path).ok()
    told = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("  note: port ")]
    assert [placeholders(line) for line in told] == [placeholders(line) for line in shown]


def test_up_shows_every_step_and_probes_that_there_are() -> None:
    shown = lines(ROOT / "docs/pictures/up.svg")
    assert {name for name, _ in STEPS} <= {line.split()[0] for line in shown if line}
    probes = {line.split()[1] for line in shown if re.match(r"(ok|skip|warn) ", line)}
    assert probes and probes <= {probe.name for probe in PROBES}


def test_a_breakpoint_is_hit_where_the_program_says() -> None:
    said = "\n".join(lines(ROOT / "docs/pictures/breakpoint.svg"))
    assert "Breakpoint 1 at /home/code/train.py:7" in said and re.search(r"7 B->\s+return found", said) and "\n216.0" in said
    assert SCRIPT["PROGRAM"].splitlines()[6].strip() == "return found"
