"""`composegen update` and `check`: templates move on, edits stay, and what is not as composegen writes it is shown."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from composegen import render
from tests.init.conftest import Said, tree

Run = Callable[..., Said]


def older(folder: Path, path: str, old: str, new: str) -> None:
    """Make the folder look as if earlier templates had written `old` where today's write `new`, with nothing edited since."""
    record = folder / ".composegen/generated.json"
    loaded = json.loads(record.read_text())
    text = (folder / path).read_text()
    assert new in text, f"today's {path} has no {new!r}"
    (folder / path).write_text(text.replace(new, old))
    loaded["files"][path] = "\n".join(loaded["files"][path]).replace(new, old).split("\n")
    record.write_text(json.dumps(loaded))


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


@pytest.fixture
def work(composegen: Run, here: Path) -> Path:
    composegen("init", "python", "work").ok()
    return here / "work"


def test_a_fresh_folder_is_as_it_should_be(composegen: Run, work: Path) -> None:
    assert composegen("check", "work").ok().stdout == "ok    work\n"
    assert "nothing to write" in composegen("update", "work").ok().stdout


def test_sudo_is_chosen_kept_and_taken_away(composegen: Run, here: Path) -> None:
    def has_sudo() -> bool:
        texts = [(here / "python" / path).read_text() for path in ("Dockerfile", "container/entrypoint.sh", "compose.yaml")]
        found = {" sudo " in texts[0], "/etc/sudoers.d" in texts[1], "no-new-privileges" not in texts[2]}
        assert len(found) == 1, "either everywhere or nowhere"
        return found.pop()

    composegen("init", "python").ok()
    assert not has_sudo()
    composegen("init", "python", "--sudo").ok()
    assert has_sudo()
    composegen("update", "python").ok()
    assert has_sudo(), "what was not asked stays"
    composegen("check", "python").ok()
    composegen("init", "python", "--no-sudo").ok()
    assert not has_sudo()


def test_a_devcontainer_is_chosen_kept_edited_and_taken_away(composegen: Run, work: Path) -> None:
    file = work / ".devcontainer/devcontainer.json"
    composegen("update", "work", "--devcontainer").ok()
    composegen("update", "work").ok()
    assert file.exists(), "what was not asked stays"
    edit(file, '"ms-python.python"', '"ms-python.python", "ms-toolsai.jupyter"')
    assert "ms-toolsai.jupyter" in composegen("check", "work").stdout
    composegen("update", "work").ok()
    assert "ms-toolsai.jupyter" in file.read_text(), "an edit stays"
    edit(file, ', "ms-toolsai.jupyter"', "")
    composegen("update", "work", "--no-devcontainer").ok()
    assert not file.exists() and composegen("check", "work").code == 0


def test_a_folder_from_before_the_choice_keeps_its_sudo_and_its_edits(composegen: Run, work: Path) -> None:
    older(work, "compose.yaml", "  template: 1\n", f"  template: {render.TEMPLATE}\n")
    older(work, "compose.yaml", "", "    pids_limit: 32768\n")
    edit(work / "compose.yaml", "    restart: unless-stopped\n", "    restart: always\n")
    assert "--no-sudo" in composegen("update", "work").ok().stdout
    service = yaml.safe_load((work / "compose.yaml").read_text())
    assert service["x-composegen"]["sudo"] is True and service["x-composegen"]["template"] == render.TEMPLATE
    assert service["services"]["dev"]["restart"] == "always" and service["services"]["dev"]["pids_limit"] == 32768
    assert "/etc/sudoers.d/composegen" in (work / "container/entrypoint.sh").read_text()


def test_one_changed_byte_in_any_file_is_shown(composegen: Run, work: Path) -> None:
    written = [path for path in work.rglob("*") if path.is_file() and path.name != ".env" and path.name != "generated.json"]
    assert len(written) > 12
    for path in written:
        before = path.read_bytes()
        path.write_bytes(before + b"x")
        said = composegen("check", "work")
        assert said.code == 1 and str(path.relative_to(work)) in said.stdout and "+x" in said.stdout, path
        path.write_bytes(before)
    composegen("check", "work").ok()


def test_a_missing_and_a_left_over_file_are_shown(composegen: Run, work: Path) -> None:
    (work / "apt.txt").unlink()
    assert "apt.txt is missing" in composegen("check", "work").stdout
    composegen("update", "work").ok()
    composegen("check", "work").ok()


def test_the_record_itself_is_mended(composegen: Run, work: Path) -> None:
    record = work / ".composegen/generated.json"
    record.write_text(record.read_text().replace("composegen", "somebody", 1))
    assert composegen("check", "work").code == 1
    composegen("update", "work").ok()
    composegen("check", "work").ok()


def test_edits_can_be_given_up_and_are_kept_beside(composegen: Run, work: Path) -> None:
    edit(work / "Dockerfile", "WORKDIR /home/code", "WORKDIR /srv")
    edited = (work / "Dockerfile").read_text()
    said = composegen("check", "work")
    assert said.code == 1 and "+WORKDIR /srv" in said.stdout and "--reset" in said.stderr
    composegen("update", "work").ok()
    assert (work / "Dockerfile").read_text() == edited, "update alone gives up no edit"
    composegen("update", "work", "--reset").ok()
    composegen("check", "work").ok()
    assert (work / "Dockerfile.orig").read_text() == edited


def test_a_service_a_comment_and_a_port_stay_when_the_template_moves_on(composegen: Run, work: Path) -> None:
    compose = work / "compose.yaml"
    older(work, "compose.yaml", "interval: 30s", "interval: 10s")
    older(work, "compose.yaml", "    stop_grace_period: 10s\n", "    stop_grace_period: 30s\n")
    edit(compose, "        host_ip: ${SSH_BIND:-127.0.0.1}\n", '        host_ip: ${SSH_BIND:-127.0.0.1}\n      - "6006:6006"\n')
    edit(compose, "    restart: unless-stopped\n", "    # Ours: never on weekends.\n    restart: unless-stopped\n")
    edit(compose, "\nvolumes:\n", "\n  cache:\n    image: redis:7\n\nvolumes:\n")
    said = composegen("update", "work").ok()
    assert "merged with your edits" in said.stdout
    text = compose.read_text()
    merged = yaml.safe_load(text)
    assert merged["services"]["cache"] == {"image": "redis:7"}
    assert "6006:6006" in merged["services"]["dev"]["ports"]
    assert "# Ours: never on weekends." in text
    assert merged["services"]["dev"]["healthcheck"]["interval"] == "10s"
    assert merged["services"]["dev"]["stop_grace_period"] == "30s"
    assert "nothing to write" not in said.stdout
    before = tree(work)
    composegen("update", "work").ok()
    assert tree(work) == before, "a second update changes nothing"


def test_a_real_conflict_keeps_the_users_text_and_puts_the_new_one_beside(composegen: Run, work: Path) -> None:
    older(work, "Dockerfile", "WORKDIR /srv/old", "WORKDIR /home/code")
    edit(work / "Dockerfile", "WORKDIR /srv/old", "WORKDIR /srv/mine")
    edited = (work / "Dockerfile").read_text()
    said = composegen("update", "work")
    assert said.code == 1
    assert "Dockerfile" in said.stderr and "Dockerfile.new" in said.stderr
    assert (work / "Dockerfile").read_text() == edited
    assert "WORKDIR /home/code" in (work / "Dockerfile.new").read_text()
    again = composegen("update", "work")
    assert again.code == 1 and "Dockerfile.new of an earlier update is still there" in again.stderr, "it is not forgotten"
    (work / "Dockerfile.new").unlink()
    composegen("update", "work").ok()
    assert (work / "Dockerfile").read_text() == edited


def test_a_dry_run_shows_the_difference_and_writes_nothing(composegen: Run, work: Path) -> None:
    older(work, "compose.yaml", "interval: 30s", "interval: 10s")
    before = tree(work)
    assert "+      interval: 10s" in composegen("update", "work", "--dry-run").ok().stdout
    assert tree(work) == before


def test_init_on_an_existing_folder_merges_as_update_does(composegen: Run, work: Path) -> None:
    older(work, "compose.yaml", "interval: 30s", "interval: 10s")
    edit(work / "compose.yaml", "timeout: 5s", "timeout: 9s")
    composegen("init", "python", "work").ok()
    healthcheck = yaml.safe_load((work / "compose.yaml").read_text())["services"]["dev"]["healthcheck"]
    assert (healthcheck["interval"], healthcheck["timeout"]) == ("10s", "9s")


def test_a_move_keeps_every_other_choice_and_says_the_way_back(composegen: Run, here: Path) -> None:
    composegen(
        "init", "mindspore", "work", "--shm", "8gb", "--env", "A=b", "--pip", "rich", "--name", "mine", "--port", "2345"
    ).ok()
    said = composegen("update", "work", "--version", "2.2.14").ok()
    text = (here / "work/compose.yaml").read_text()
    recorded = yaml.safe_load(text)["x-composegen"]
    assert (recorded["version"], recorded["cuda"], recorded["shm"]) == ("2.2.14", "11.6", "8gb")
    assert "mindspore-gpu-cuda11.6:2.2.14" in text and "A: " in text
    assert "rich" in (here / "work/requirements.txt").read_text()
    assert "COMPOSE_PROJECT_NAME=mine" in (here / "work/.env").read_text()
    back = "composegen update work --device gpu --version 2.0.0-alpha --cuda 11.6"
    assert back in said.stderr
    composegen(*back.split()[1:]).ok()
    assert yaml.safe_load((here / "work/compose.yaml").read_text())["x-composegen"]["version"] == "2.0.0-alpha"
    composegen("check", "work").ok()


def test_a_base_image_of_a_mirror_follows_a_move_and_ones_own_stays(composegen: Run, here: Path) -> None:
    composegen("init", "mindspore", "work", "--mirror", "cn").ok()
    env = here / "work/.env"
    assert "BASE_IMAGE=swr." in env.read_text()
    composegen("update", "work", "--version", "2.2.14").ok()
    assert any(line.startswith("BASE_IMAGE=swr.") and line.endswith(":2.2.14") for line in env.read_text().splitlines())
    env.write_text(env.read_text().replace("BASE_IMAGE=swr.", "BASE_IMAGE=mine.example/swr."))
    composegen("update", "work", "--version", "2.2.13").ok()
    assert "BASE_IMAGE=mine.example/swr." in env.read_text() and "2.2.14" in env.read_text()


def test_a_mirror_in_use_serves_another_device_as_well(composegen: Run, here: Path) -> None:
    composegen("init", "pytorch", "work", "--mirror", "cn").ok()
    composegen("update", "work", "--device", "cpu").ok()
    lines = (here / "work/.env").read_text().splitlines()
    assert any(line.startswith("FRAMEWORK_INDEX_URL=http") for line in lines)
    assert any(line.startswith("BASE_IMAGE=") and line.endswith("python:3.11-slim-bookworm") for line in lines)


def test_crlf_and_bom_are_no_edits_and_stay_but_where_the_container_would_not_start(composegen: Run, work: Path) -> None:
    for name in ("README.md", "container/entrypoint.sh"):
        (work / name).write_bytes((work / name).read_bytes().replace(b"\n", b"\r\n"))
    (work / "apt.txt").write_bytes(b"\xef\xbb\xbf" + (work / "apt.txt").read_bytes())
    said = composegen("check", "work")
    assert said.code == 1 and "container/entrypoint.sh has CRLF" in said.stdout and "README" not in said.stdout
    composegen("update", "work").ok()
    assert b"\r" not in (work / "container/entrypoint.sh").read_bytes()
    assert b"\r\n" in (work / "README.md").read_bytes()
    composegen("check", "work").ok()


def test_staged_changes_are_left_alone(composegen: Run, work: Path) -> None:
    for argv in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", "-C", str(work), *argv], check=True)
    before = tree(work)
    said = composegen("update", "work")
    assert said.code == 1 and "git has staged changes in 'work'" in said.stderr and tree(work) == before
    composegen("update", "work", "--dry-run").ok()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (f"  template: {render.TEMPLATE}\n", "  template: 999\n", "was written by a newer composegen: template 999"),
        ("  schema: 1\n", "  schema: 2\n", "line 4 is of schema 2"),
        ("  device: cpu\n", "  device: toaster\n", "no device named 'toaster'"),
        ('  version: "3.11"\n', '  version: "1.0"\n', "has no version 1.0"),
        ("  stack: python\n", "  stack: pyhton\n", "no stack named 'pyhton'"),
        ("  stack: python\n", "  stack: [1]\n", "line 4: x-composegen is not what composegen writes"),
        ("x-composegen:\n", "x-other:\n", "composegen"),
        ("  stack: python\n", "", "it needs a stack and a device"),
        ("  device: cpu\n", '  device: cpu\n  base: "a b"\n', "'a b' is not the name of an image"),
        ("  device: cpu\n", '  device: cpu\n  shm: "$(rm)"\n', "is not a size of /dev/shm"),
        ("  device: cpu\n", '  device: cpu\n  apt: ["a b; rm"]\n  pip: ["x\'; rm"]\n', "is not a Debian package; "),
        ("  device: cpu\n", '  device: cpu\n  wheels: ["../../etc/passwd"]\n', "is not a wheel's name"),
        ("  device: cpu\n", "  device: cpu\n  colour: red\n", "x-composegen has unknown 'colour'"),
        ("  stack: python\n", "  stack: 'python\n", "is not YAML: line"),
    ],
)
def test_a_record_that_cannot_be_used_is_explained(composegen: Run, work: Path, old: str, new: str, says: str) -> None:
    edit(work / "compose.yaml", old, new)
    before = tree(work)
    said = composegen("update", "work")
    assert said.code in (1, 2) and says in said.stderr and "hint:" in said.stderr
    assert tree(work) == before


def test_all_finds_every_folder_and_one_that_is_broken_hides_none(composegen: Run, here: Path, work: Path) -> None:
    composegen("init", "jax", "deep/jax", "--device", "cpu").ok()
    (here / "deep/jax/apt.txt").write_text("x\n")
    composegen("init", "python", "broken").ok()
    edit(here / "broken/compose.yaml", "stack: python", "stack: nobodys")
    said = composegen("check", "--all", "--json")
    told = {each["path"]: each for each in said.json["folders"]}
    assert said.code == 1 and not said.json["ok"]
    assert told["work"]["ok"] and not told["deep/jax"]["ok"] and "no stack named 'nobodys'" in told["broken"]["error"]


def test_a_template_that_looks_like_a_folder_is_none(composegen: Run, here: Path, work: Path) -> None:
    (here / "templates").mkdir()
    (here / "templates/compose.yaml").write_text("x-composegen:\n#% for line in choices\n  {{ line }}\n#% endfor\n")
    assert composegen("check", "--all").ok().stdout == "ok    work\n"


def test_a_version_takes_the_place_of_ones_own_base_and_says_so(composegen: Run, here: Path) -> None:
    composegen("init", "python", "own", "--base", "team/image:1").ok()
    said = composegen("update", "own", "--version", "3.12").ok()
    assert "team/image:1 gives way to python:3.12-slim-bookworm" in said.stdout
    assert "ARG BASE_IMAGE=python:3.12-slim-bookworm" in (here / "own/Dockerfile").read_text()


def test_nothing_to_check_is_said(refused: Run) -> None:
    refused("check", "--all", code=1, says="no folder of composegen's")
    refused("check", code=1, says="no compose.yaml")
    refused("update", code=1, says="no folder of composegen's")
