"""Two folders of one name, and two people on one engine, never meet."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.conftest import Work
from tests.support.cli import Cli

pytestmark = pytest.mark.engine

COMMANDS = (
    ["up", "--recreate", "--build"],
    ["down", "--volumes"],
    ["rm"],
    ["stop"],
    ["start"],
    ["restart"],
    ["build"],
    ["ps"],
    ["logs"],
    ["status"],
    ["exec", "--", "true"],
    ["ssh", "--", "true"],
)


@pytest.mark.parametrize("another", ["another folder", "another person"])
def test_no_command_touches_the_container_of(running: Work, another: str, tmp_path: Path) -> None:
    work, began = running, running.container
    twin = replace(work, path=tmp_path / "twin" / "work")
    shutil.copytree(work.path, twin.path)
    if another == "another person":
        twin = replace(twin, cli=Cli(home=tmp_path / "another home"))
    for command in COMMANDS:
        refused = twin(*command)
        assert refused.code == 1, command
        assert f"belongs to another folder: {work.path}" in refused.stderr
        assert f"COMPOSE_PROJECT_NAME={work.project}-2" in refused.stderr
    now = work.container
    assert (now["Id"], now["State"]["StartedAt"]) == (began["Id"], began["State"]["StartedAt"])


def test_the_proposed_name_is_free_and_works(running: Work, tmp_path: Path) -> None:
    work = running
    twin = replace(work, path=tmp_path / "twin" / "work", project=f"{work.project}-2")
    shutil.copytree(work.path, twin.path)
    twin.replace(".env", f"COMPOSE_PROJECT_NAME={work.project}", f"COMPOSE_PROJECT_NAME={twin.project}")
    taken = twin("up", "--no-test")
    assert taken.code == 1
    assert f"port {work.port} on 127.0.0.1 is taken" in taken.stderr
    try:
        port = taken.stderr.rpartition("SSH_PORT=")[2].split()[0]
        twin.replace(".env", f"SSH_PORT={work.port}", f"SSH_PORT={port}")
        twin("up", "--no-test").ok()
        assert work("ssh", "--", "true").code == 0
        assert twin.id != work.id
    finally:
        twin("down", "--volumes")
        twin.engine.run("image", "rm", "--no-prune", f"{twin.project}-dev")


def test_a_container_that_somebody_ran_by_hand_is_left_alone(work: Work, base_image: str) -> None:
    work.engine("run", "--detach", "--name", work.project, base_image, "sleep", "300")
    began = work.id
    for command in (["up", "--recreate"], ["down", "--volumes"], ["restart"]):
        refused = work(*command)
        assert refused.code == 1
        assert "not of this folder" in refused.stderr
    assert work.id == began


def test_a_symbolic_link_to_the_folder_is_the_folder(running: Work, tmp_path: Path) -> None:
    work, began, link = running, running.id, tmp_path / "link"
    link.symlink_to(work.path)
    done = replace(work, path=link)("up", "--no-test", "--json").ok()
    assert next(step["detail"] for step in done.json["steps"] if step["name"] == "start").startswith("skipped")
    assert work.id == began


def test_the_volumes_that_another_folder_left_are_named_and_not_removed(work: Work, tmp_path: Path) -> None:
    work("up", "--no-test").ok()
    work("down").ok()
    twin = replace(work, path=tmp_path / "twin" / "work")
    shutil.copytree(work.path, twin.path)
    refused = twin("down", "--volumes")
    assert refused.code == 1
    assert "may be another folder's" in refused.stderr
    assert f"docker volume rm {work.project}_host_keys {work.project}_ide" in refused.stderr
    before = twin("up", "--no-test")
    assert before.code == 1 and f"volumes of an earlier '{work.project}'" in before.stderr
    assert f"COMPOSE_PROJECT_NAME={work.project}-2" in before.stderr and "--adopt" in before.stderr
    work("up", "--no-test").ok()  # whose volumes they are is asked nothing
    work("down").ok()
    twin("up", "--no-test", "--adopt").ok()
    twin("down").ok()


def test_the_volumes_of_ones_own_folder_that_is_gone_are_used(work: Work, tmp_path: Path) -> None:
    work("up", "--no-test").ok()
    work("down").ok()
    moved = replace(work, path=tmp_path / "moved")
    work.path.rename(moved.path)
    assert "is gone" in moved("up", "--no-test").ok().stderr
