"""`composegen connect` on a folder without a running container, and where the engine does not answer."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from composegen.cli.app import app
from composegen.ssh import Address
from composegen.ssh.alias import Alias, publish
from tests.engine_room.standin import Standin, put_first
from tests.support.cli import Cli

NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
OVER_SSH = {**NO_ENGINE, "SSH_CONNECTION": "192.0.2.7 51000 192.0.2.1 2200"}
LINKS = {"toolbox", "gateway", "vscode", "vscode-insiders", "cursor", "windsurf", "zed"}


@pytest.fixture
def folder(tmp_path: Path, composegen: Cli) -> Path:
    composegen("init", "mindspore", str(tmp_path / "work"), "--name", "work", "--port", "2345", "--user", "root").ok()
    return tmp_path / "work"


def test_a_folder_that_was_never_started_has_links_and_alias_and_says_why_it_has_no_interpreter(
    folder: Path, composegen: Cli
) -> None:
    found = composegen("connect", "--json", cwd=folder, env=NO_ENGINE).ok().json
    assert {name: found[name] for name in ("alias", "host", "port", "user", "project")} == {
        "alias": "composegen-work",
        "host": "127.0.0.1",
        "port": 2345,
        "user": "root",
        "project": "/home/code",
    }
    assert found["links"].keys() == LINKS
    assert found["interpreter"] is None and "Cannot connect to the Docker daemon" in found["reason"]
    assert found["framework"] == "mindspore 2.0.0-alpha"
    assert found["laptop"] is None


@pytest.mark.parametrize(
    ("state", "reason"), [("", "no container yet"), ("exited", "exited, exit code 3; `composegen start` starts it")]
)
def test_a_container_that_does_not_run_is_the_reason(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, reason: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    labels = {"com.docker.compose.project": "work", "com.docker.compose.project.working_dir": str(folder)}
    container = {"Id": "1f", "Name": "/work", "State": {"Status": state, "ExitCode": 3}, "Config": {"Labels": labels}}
    docker: Standin = put_first(monkeypatch, tmp_path / "bin")
    docker.says(("inspect", f"cat <<'END'\n{json.dumps([container] if state else [])}\nEND\n"))
    result = CliRunner().invoke(app, ["connect", str(folder), "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert reason in found["reason"] and found["interpreter"] is None and found["links"].keys() == LINKS


def test_who_came_over_ssh_gets_the_laptops_entry(folder: Path, composegen: Cli) -> None:
    shown = composegen("connect", cwd=folder, env=OVER_SSH).ok().stdout
    assert "\nHost composegen-work\n" in shown and "@192.0.2.1:2200\n" in shown
    assert "gateway          jetbrains-gateway://connect#host=composegen-work&port=2345" in shown
    done = composegen("connect", "--laptop", cwd=folder, env=OVER_SSH).ok()
    assert "Host composegen-work\n" in done.stdout and "#" not in done.stdout.replace("    # keys that get in", "")
    assert composegen("connect", "--laptop", "--json", cwd=folder, env=OVER_SSH).ok().json["laptop"]["script"] == done.stdout
    assert "composegen ssh-keys add -" in done.stderr  # no key of a person's is let in yet


def test_pycharms_dialog_is_filled_in_and_a_folder_of_that_name_is_reached_with_a_slash(
    folder: Path, tmp_path: Path, composegen: Cli
) -> None:
    shown = composegen("connect", "pycharm", str(folder), env=NO_ENGINE).ok().stdout
    for words in ("Host +127.0.0.1", "Port +2345", "Username +root", f"Path mapping +{folder}/code -> /home/code"):
        field, value = words.split(" +")
        assert any(line.split(maxsplit=len(field.split()))[-1] == value for line in shown.splitlines() if field in line), shown
    assert "only with `Parse config file ~/.ssh/config` ticked" in shown
    folder.rename(tmp_path / "pycharm")
    assert composegen("connect", "./pycharm", "--json", cwd=tmp_path, env=NO_ENGINE).ok().json["alias"] == "composegen-work"


def test_one_link_alone_is_printed_and_opened(folder: Path, tmp_path: Path, composegen: Cli) -> None:
    opener = tmp_path / "tools" / "xdg-open"
    opener.parent.mkdir()
    opener.write_text('#!/bin/sh\nprintf "%s" "$1" >"$0.opened"\ncase $1 in zed:*) exit 3 ;; esac\n')
    opener.chmod(0o755)
    env = {**NO_ENGINE, "DISPLAY": ":0", "PATH": f"{opener.parent}:{os.environ['PATH']}"}
    link = composegen("connect", "--ide", "toolbox", "--open", cwd=folder, env=env).ok().stdout
    assert link.startswith("jetbrains://") and opener.with_name("xdg-open.opened").read_text() == link.strip()
    failed = composegen("connect", "--ide", "zed", "--open", cwd=folder, env=env)
    assert failed.code == 1 and "xdg-open knows no program for zed: links" in failed.stderr
    none = composegen("connect", "--ide", "zed", "--open", cwd=folder, env={**env, "DISPLAY": "", "WAYLAND_DISPLAY": ""})
    assert none.code == 1 and "cannot open a link: no screen" in none.stderr and none.stdout.startswith("zed://")
    opener.write_text("#!/bin/sh\nexit 3\n")
    failed = composegen("connect", "--ide", "gateway", "--open", cwd=folder, env=env)
    assert failed.code == 1 and "is the IDE installed here? `composegen ide install gateway`; jetbrains-gateway://" in failed.stderr


def test_a_machine_without_xdg_open_shows_the_link_to_open_elsewhere(folder: Path, tmp_path: Path, composegen: Cli) -> None:
    env = {**NO_ENGINE, "DISPLAY": ":0", "PATH": str(tmp_path)}
    none = composegen("connect", "--ide", "vscode", "--open", cwd=folder, env=env)
    assert none.code == 1 and "this machine cannot open a link: no xdg-open" in none.stderr
    assert "open it where the IDE is: vscode://" in none.stderr and none.stdout.startswith("vscode://")


@pytest.mark.parametrize("file", [".ssh/config", ".config/composegen/ssh_config"])
def test_an_alias_that_was_removed_by_hand_is_missed_and_it_is_said_how_it_comes_back(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    home = tmp_path / "home"
    for name, value in {"HOME": str(home), **NO_ENGINE}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    publish(Alias("work", Address("127.0.0.1", 2345, "root"), home / "key", home / "known_hosts"), home=home, include=True)

    def look() -> tuple[bool, str, str]:
        shown, one = (CliRunner().invoke(app, ["connect", str(folder), *more]) for more in ([], ["--ide", "vscode"]))
        assert shown.exit_code == one.exit_code == 0, shown.output + one.output
        return "  alias  " in shown.stdout, shown.stdout, one.stderr

    works, shown, said = look()
    assert works and "not there" not in shown + said
    (home / file).unlink()
    works, shown, said = look()
    missed = "links go by the alias composegen-work, which is not there: `composegen up --ssh-config` puts it into ~/.ssh/config"
    assert not works and missed in shown and said == f"note: {missed}\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--ide", "vscod"], 2, "did you mean 'vscode'?"),
        (["--open"], 2, "--open needs --ide"),
        (["--laptop"], 2, "you did not come over SSH"),
        (["--laptop", "--server", "a b"], 2, "'a b' is no server's name"),
        (["--laptop", "--server", "gpu:70000"], 2, "70000 is not a TCP port"),
        (["a", "b"], 2, "one folder at a time"),
        (["--dry-run"], 2, "--dry-run needs --write-ide-config"),
        (["--write-ide-config", "--ide", "vscode"], 2, "two wishes"),
        (["--write-ide-config"], 1, "the interpreter is not known: "),
        (["--ide", "gateway-backend"], 1, "no backend in the container"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(folder: Path, composegen: Cli, arguments: list[str], code: int, said: str) -> None:
    done = composegen("connect", *arguments, cwd=folder, env=NO_ENGINE)
    assert done.code == code and said in done.stderr and "\n  hint: " in done.stderr
