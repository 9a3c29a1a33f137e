"""Line ends and a BOM of a user's files outlive `update`, except in what the container runs: there only LF works."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest
import yaml

from tests.init.conftest import Said, tree
from tests.init.test_update import edit, older

Run = Callable[..., Said]
BOM = b"\xef\xbb\xbf"
MOVES = {"version": ["--version", "2.2.14"], "cuda": ["--cuda", "11.1"], "device": ["--device", "cpu"]}
INNER = "container/"


def crlf(content: bytes) -> bytes:
    return content.replace(b"\n", b"\r\n")


def lf(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n").removeprefix(BOM)


def dress(folder: Path, *, bom: bytes) -> None:
    """What git's core.autocrlf and a careless editor make of a whole folder."""
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".json":
            path.write_bytes(bom + crlf(path.read_bytes()))


def undressed(files: dict[str, bytes]) -> dict[str, bytes]:
    return {path: lf(content) for path, content in files.items()}


def ends_of(content: bytes) -> set[bytes]:
    return {b"CRLF" if line.endswith(b"\r") else b"LF" for line in content.split(b"\n")[:-1]}


@pytest.fixture
def work(composegen: Run, here: Path) -> Path:
    composegen("init", "mindspore", "work").ok()
    return here / "work"


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
@pytest.mark.parametrize(("bom", "edited"), [(b"", False), (b"", True), (BOM, True)], ids=["unchanged", "edited", "BOM"])
def test_a_move_changes_what_a_move_changes_and_no_line_end(
    composegen: Run, here: Path, work: Path, bom: bytes, move: list[str], edited: bool
) -> None:
    if edited:
        edit(work / "compose.yaml", "    restart: unless-stopped\n", "    # Ours.\n    restart: unless-stopped\n")
        edit(work / "Dockerfile", "USER 0\n", "USER 0\nLABEL mine=yes\n")
    plain = here / "plain"
    copytree(work, plain)
    dress(work, bom=bom)
    for folder in ("plain", "work"):
        composegen("update", folder, *move).ok()
    before, after = tree(plain), tree(work)
    assert undressed(after) == undressed(before), "the same but for line ends"
    for path in ("compose.yaml", "Dockerfile", "README.md", ".env", ".dockerignore"):
        assert ends_of(after[path]) == {b"CRLF"} and after[path].startswith(bom), path
    for path in after:
        if path.startswith(INNER):
            assert b"\r" not in after[path] and not after[path].startswith(BOM), path
    assert composegen("check", "work").code == int(edited)
    again = composegen("update", "work").ok()
    assert "nothing to write" in again.stdout and tree(work) == after, "a second update changes nothing"
    assert (b"# Ours.\r\n" in after["compose.yaml"]) is (b"LABEL mine=yes\r\n" in after["Dockerfile"]) is edited


@pytest.mark.parametrize("bom", [b"", BOM], ids=["", "BOM"])
def test_templates_that_moved_on_are_taken_in_the_files_own_line_ends(composegen: Run, work: Path, bom: bytes) -> None:
    older(work, "compose.yaml", "interval: 30s", "interval: 10s")
    older(work, "apt.txt", "# once upon a time\n", "\n")
    older(work, "Dockerfile", "WORKDIR /srv/old", "WORKDIR /home/code")
    edit(work / "compose.yaml", "timeout: 5s", "timeout: 9s")
    expected = (work / "apt.txt").read_bytes().replace(b"# once upon a time\n", b"\n")
    for name in ("compose.yaml", "apt.txt", "Dockerfile"):
        (work / name).write_bytes(bom + crlf((work / name).read_bytes()))
    said = composegen("update", "work").ok().stdout
    assert "eol=lf" not in said, "nothing had to be mended"
    assert (work / "apt.txt").read_bytes() == bom + crlf(expected)
    assert (work / "Dockerfile").read_bytes().splitlines(keepends=True)[-2] == b"WORKDIR /home/code\r\n"
    text = (work / "compose.yaml").read_bytes()
    assert text.startswith(bom) and ends_of(text) == {b"CRLF"}
    healthcheck = yaml.safe_load(text.decode("utf-8-sig"))["services"]["dev"]["healthcheck"]
    assert (healthcheck["interval"], healthcheck["timeout"]) == ("10s", "9s")


def test_each_line_of_mixed_line_ends_keeps_its_own(composegen: Run, work: Path) -> None:
    older(work, "Dockerfile", "WORKDIR /srv/old", "WORKDIR /home/code")
    lines = (work / "Dockerfile").read_bytes().splitlines(keepends=True)
    mixed = [crlf(line) if number % 3 == 0 else line for number, line in enumerate(lines)]
    (work / "Dockerfile").write_bytes(b"".join(mixed))
    composegen("update", "work").ok()
    now = (work / "Dockerfile").read_bytes().splitlines(keepends=True)
    assert len(now) == len(mixed)
    changed = [number for number, line in enumerate(now) if line != mixed[number]]
    assert len(changed) == 1 and now[changed[0]].strip() == b"WORKDIR /home/code"


@pytest.mark.parametrize("bom", [b"", BOM], ids=["", "BOM"])
def test_a_conflict_leaves_every_byte_and_the_new_text_has_the_same_line_ends(composegen: Run, work: Path, bom: bytes) -> None:
    older(work, "Dockerfile", "WORKDIR /srv/old", "WORKDIR /home/code")
    wanted = (work / "Dockerfile").read_bytes().replace(b"WORKDIR /srv/old", b"WORKDIR /home/code")
    edit(work / "Dockerfile", "WORKDIR /srv/old", "WORKDIR /srv/mine")
    mine = bom + crlf((work / "Dockerfile").read_bytes())
    (work / "Dockerfile").write_bytes(mine)
    assert composegen("update", "work").code == 1
    assert (work / "Dockerfile").read_bytes() == mine
    assert (work / "Dockerfile.new").read_bytes() == bom + crlf(wanted)
    assert composegen("update", "work").code == 1
    assert (work / "Dockerfile.new").read_bytes() == bom + crlf(wanted)


@pytest.mark.parametrize("bom", [b"", BOM], ids=["", "BOM"])
def test_an_edit_that_is_given_up_is_kept_byte_for_byte(composegen: Run, work: Path, bom: bytes) -> None:
    fresh = bom + crlf((work / "Dockerfile").read_bytes())
    edit(work / "Dockerfile", "WORKDIR /home/code", "WORKDIR /srv")
    mine = bom + crlf((work / "Dockerfile").read_bytes())
    (work / "Dockerfile").write_bytes(mine)
    composegen("update", "work", "--reset").ok()
    assert (work / "Dockerfile.orig").read_bytes() == mine
    assert (work / "Dockerfile").read_bytes() == fresh
    composegen("check", "work").ok()


def test_a_variable_that_comes_into_env_ends_as_the_others_do(composegen: Run, work: Path) -> None:
    env = work / ".env"
    env.write_bytes(BOM + crlf(env.read_bytes()))
    composegen("init", "mindspore", "work", "--port", "2345", "--env", "TOKEN").ok()
    text = env.read_bytes()
    assert text.startswith(BOM) and ends_of(text) == {b"CRLF"}
    assert b"SSH_PORT=2345\r\n" in text and text.endswith(b"TOKEN=\r\n")


# --- What the container runs -----------------------------------------------------------------------------------------------

INSIDE = ("container/entrypoint.sh", "container/sshd_config", "container/supervisord.py")


@pytest.mark.parametrize("damage", [crlf, BOM.__add__], ids=["CRLF", "BOM"])
def test_what_the_container_runs_is_made_to_run_and_that_is_said(
    composegen: Run, work: Path, damage: Callable[[bytes], bytes]
) -> None:
    before = tree(work)
    for name in INSIDE:
        (work / name).write_bytes(damage((work / name).read_bytes()))
    said = composegen("check", "work")
    assert said.code == 1 and all(f"{name} has CRLF line ends or a BOM" in said.stdout for name in INSIDE)
    assert "CRLF line ends become LF" in composegen("update", "work", "--dry-run").ok().stdout
    notes = composegen("update", "work", "--json").ok().json["notes"]
    assert [number for number, each in enumerate(notes) if "eol=lf" in each] == [0], "once, and before what may be cut off"
    assert notes[0].startswith(", ".join(INSIDE))
    assert tree(work) == before
    assert not any("eol=lf" in each for each in composegen("update", "work", "--json").ok().json["notes"])


def test_an_edit_of_what_the_container_runs_outlives_its_mending(composegen: Run, work: Path) -> None:
    edit(work / "container/sshd_config", "\n", "\n# Ours.\n")
    mine = (work / "container/sshd_config").read_bytes()
    (work / "container/sshd_config").write_bytes(crlf(mine))
    composegen("update", "work").ok()
    assert (work / "container/sshd_config").read_bytes() == mine


def test_a_conflict_in_what_the_container_runs_leaves_the_edit_and_mends_its_line_ends(composegen: Run, work: Path) -> None:
    name = "container/sshd_config"
    first = (work / name).read_text().splitlines(keepends=True)[0]
    older(work, name, "# Old.\n", first)
    edit(work / name, "# Old.\n", "# Mine.\n")
    mine = (work / name).read_bytes()
    (work / name).write_bytes(crlf(mine))
    assert composegen("update", "work").code == 1
    assert (work / name).read_bytes() == mine
    assert (work / f"{name}.new").read_bytes() == mine.replace(b"# Mine.\n", first.encode())


def test_a_cr_inside_a_line_is_an_edit(composegen: Run, work: Path) -> None:
    name = "container/sshd_config"
    (work / name).write_bytes(crlf((work / name).read_bytes()) + b"# a\rb\r\n")
    before = (work / name).read_bytes()
    composegen("update", "work").ok()
    assert (work / name).read_bytes() == before


def test_the_record_is_composegens_own_and_always_lf(composegen: Run, work: Path) -> None:
    dress(work, bom=b"")
    for path in (work / ".composegen").iterdir():
        path.write_bytes(crlf(path.read_bytes()))
    composegen("update", "work", "--version", "2.2.14").ok()
    assert all(b"\r" not in path.read_bytes() for path in (work / ".composegen").iterdir())
    record = json.loads((work / ".composegen/generated.json").read_text())
    assert not any("\r" in line for lines in record["files"].values() for line in lines)
