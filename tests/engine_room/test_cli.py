"""The commands of a container's life as a user types them, with a stand-in `docker`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from composegen.cli.app import app
from tests.engine_room.standin import Standin
from tests.support.engine import free_port

COMMANDS = ("up", "build", "pull", "start", "stop", "restart", "down", "rm", "ps", "logs", "exec", "ssh", "status")
WRITING = ("up", "build", "pull", "start", "stop", "restart", "down", "rm")
COMPOSE = "services: {}\nx-composegen:\n  schema: 1\n  stack: python\n  device: cpu\n"


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def folder(tmp_path: Path, docker: Standin, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose container `work` runs; `docker exec` and the like print their arguments."""
    path = tmp_path / "a folder"
    path.mkdir()
    (path / "compose.yaml").write_text(COMPOSE)
    (path / ".env").write_text(f"COMPOSE_PROJECT_NAME=work\nSSH_PORT={free_port()}\n")
    for name in ("COMPOSE_PROJECT_NAME", "SSH_PORT"):
        monkeypatch.delenv(name, raising=False)
    labels = {"com.docker.compose.project": "work", "com.docker.compose.project.working_dir": str(path)}
    container = {"Id": "1f", "Name": "/work", "State": {"Status": "running"}, "Config": {"Labels": labels}}
    docker.says(("inspect", f"cat <<'END'\n{json.dumps([container])}\nEND\n"), ("exec", "exit 7"), ("volume", "echo work_ide"))
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    code, stdout, _ = run(command, "--help")
    assert code == 0
    assert f"Example: composegen {command}" in stdout
    assert ("--dry-run" in stdout) == (command in WRITING)


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        (["--", "ls", "-l", "--", "x"], "exec --interactive work ls -l -- x"),
        (["--", "--help"], "exec --interactive work --help"),
        ([], "exec --interactive work bash"),
    ],
)
def test_what_stands_behind_dashes_is_the_command(
    folder: Path, docker: Standin, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sent: str
) -> None:
    for given in (["exec", str(folder), *arguments], ["exec", *arguments]):
        monkeypatch.chdir(folder)
        assert run(*given)[0] == 7
        assert docker.calls[-1] == sent


@pytest.mark.parametrize("command", [name for name in WRITING if name != "up"])
def test_a_dry_run_says_what_would_be_done_and_only_looks(folder: Path, docker: Standin, command: str) -> None:
    if command == "pull":
        (folder / "compose.yaml").write_text(f"{COMPOSE}x:\n  BASE_IMAGE: ${{BASE_IMAGE:-python:3.11}}\n")
    code, stdout, _ = run(command, str(folder), "--dry-run")
    assert code == 0
    assert "would" in stdout
    assert all(call.startswith(("ps ", "inspect ", "volume ls")) for call in docker.calls)


def test_a_dry_run_of_up_as_json_is_one_object_and_nothing_else(folder: Path) -> None:
    code, stdout, stderr = run("up", str(folder), "--json", "--dry-run", "--no-test")
    assert code == 0, stdout + stderr
    said = json.loads(stdout)
    assert (said["dry_run"], said["project"]) == (True, "work")
    assert [step["name"] for step in said["steps"]] == ["preflight", "build", "start", "alias"]


def test_status_as_json_is_one_object_and_nothing_else(folder: Path) -> None:
    code, stdout, stderr = run("status", str(folder), "--json")
    assert code == 0
    assert json.loads(stdout)["state"] == "running"
    assert stderr == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_that_is_not_ours_is_refused_before_docker_is_asked(tmp_path: Path, docker: Standin, command: str) -> None:
    code, _, stderr = run(command, str(tmp_path))
    assert code == 1
    assert "compose.yaml" in stderr
    assert docker.calls == []


@pytest.mark.parametrize("command", ["stop", "restart", "down"])
def test_a_grace_that_is_no_time_is_wrong_usage(folder: Path, command: str) -> None:
    code, _, stderr = run(command, str(folder), "--grace", "soon")
    assert code == 2
    assert "--grace" in stderr
