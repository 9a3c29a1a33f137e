"""Acceptance 6: two folders named alike, and two users on one engine: neither `up` nor `down` of one ever touches the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.engine import Engine, free_port, tear_down

pytestmark = pytest.mark.engine


def test_two_folders_of_one_name_do_not_meet(
    composegen: Cli, engine: Engine, project: str, build_environment: dict[str, str], tmp_path: Path
) -> None:
    first, second = tmp_path / "first/same", tmp_path / "second/same"
    for folder in (first, second):
        folder.parent.mkdir()
        composegen("init", "python", "same", "--name", project, "--port", str(free_port()), cwd=folder.parent).ok()
    composegen("up", "--no-test", cwd=first, env=build_environment).ok()
    mine = identity(engine, project)

    for command in (["up", "--no-test"], ["down"], ["down", "--volumes"], ["stop"], ["restart"]):
        refused = composegen(*command, cwd=second, env=build_environment)

        assert refused.code == 1, f"{command}: {refused}"
        assert str(first) in refused.stderr
        assert "Traceback" not in refused.stderr
        assert identity(engine, project) == mine, command

    composegen("down", cwd=first).ok()
    assert not engine("ps", "-aq", "--filter", f"name=^{project}$")


@pytest.fixture
def names(engine: Engine) -> Iterator[list[str]]:
    """Project names to tidy up, filled by the test."""
    made: list[str] = []
    yield made
    for name in made:
        tear_down(engine, name)


def test_two_users_on_one_engine_do_not_meet(
    engine: Engine, names: list[str], build_environment: dict[str, str], tmp_path: Path, project: str
) -> None:
    folder = f"lab-{project}"
    users = {name: Cli(home=tmp_path / name, env={"USER": name, "LOGNAME": name}) for name in ("alice", "bob")}
    for cli in users.values():
        cli("init", "python", folder, "--port", str(free_port()), cwd=cli._made_home()).ok()
        names.append(project_of(cli.home / folder))
    alice, bob = users["alice"], users["bob"]

    alice("up", "--no-test", cwd=alice.home / folder, env=build_environment).ok()
    hers = identity(engine, project_of(alice.home / folder))
    started = bob("up", "--no-test", cwd=bob.home / folder, env=build_environment)
    assert identity(engine, project_of(alice.home / folder)) == hers
    if started.code != 0:
        # Both are the same operating-system user here, so that the names may be alike: refused, with a free name to take.
        assert str(alice.home / folder) in started.stderr
        bob("init", "python", folder, "--name", f"{project}-bob", cwd=bob.home).ok()
        names.append(f"{project}-bob")
        bob("up", "--no-test", cwd=bob.home / folder, env=build_environment).ok()
    his = identity(engine, project_of(bob.home / folder))

    alice("down", "--volumes", cwd=alice.home / folder).ok()
    assert identity(engine, project_of(bob.home / folder)) == his
    bob("down", cwd=bob.home / folder).ok()


def identity(engine: Engine, project: str) -> tuple[str, ...]:
    """Which container it is, whether it runs, since when, and which volumes are its own."""
    state = engine("inspect", "--format", "{{.Id}} {{.State.Status}} {{.State.StartedAt}} {{.RestartCount}}", project)
    return (state, engine("volume", "ls", "-q", "--filter", f"label=com.docker.compose.project={project}"))


def project_of(folder: Path) -> str:
    (name,) = re.findall(r"(?m)^COMPOSE_PROJECT_NAME=['\"]?([a-z0-9_-]+)", (folder / ".env").read_text())
    return str(name)
