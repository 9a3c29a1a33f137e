"""`composegen init` as it is typed: what it writes, what it says, and what a second run leaves alone."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from composegen import dotenv
from composegen.folder import open_folder
from composegen.init import ensure_env
from tests.init.conftest import Said, tree

Run = Callable[..., Said]

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE4MeXRnts1n0to8omU490u9ZS2LePQLf14QqwlNNkIu alice@laptop"


def env(directory: Path) -> dict[str, str]:
    return dotenv.parse((directory / ".env").read_text())


def compose(directory: Path) -> dict[str, object]:
    loader = yaml.SafeLoader
    found = yaml.load((directory / "compose.yaml").read_text(), Loader=loader)
    assert isinstance(found, dict)
    return found


# --- A new folder ----------------------------------------------------------------------------------------------------------


def test_a_new_folder_is_complete(composegen: Run, here: Path) -> None:
    said = composegen("init", "mindspore").ok()
    made = here / "mindspore"
    files = {str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()}
    assert files >= {
        *("compose.yaml", "compose.nogpu.yaml", "Dockerfile", "requirements.txt", "apt.txt", ".env", ".env.example", ".gitignore"),
        *(".dockerignore", "README.md", "code/.gitkeep", ".composegen/generated.json", "container/entrypoint.sh"),
    }
    assert len(said.stdout.splitlines()) <= 12
    assert "cd mindspore && composegen up" in said.stdout and "port 2" in said.stdout
    assert (made / ".env").stat().st_mode & 0o777 == 0o600


def test_the_settings_are_the_persons_and_never_tracked(composegen: Run, here: Path) -> None:
    composegen("init", "python", "w", "--name", "work", "--port", "23456", "--user", "root").ok()
    tracked = json.loads((here / "w/.composegen/generated.json").read_text())["files"]
    assert env(here / "w")["COMPOSE_PROJECT_NAME"] == "work" and env(here / "w")["SSH_PORT"] == "23456"
    assert ".env" not in tracked
    assert not any("23456" in "\n".join(lines) or "ssh-ed25519 A" in "\n".join(lines) for lines in tracked.values())


def test_the_name_comes_from_folder_and_user(composegen: Run, here: Path) -> None:
    composegen("init", "python", "My Project!", "--user", "root").ok()
    name = env(here / "My Project!")["COMPOSE_PROJECT_NAME"]
    assert name.startswith("my-project-") and name != "my-project-"


def test_a_long_folder_name_still_gives_a_name(composegen: Run, here: Path) -> None:
    composegen("init", "python", "x" * 200).ok()
    assert len(env(here / ("x" * 200))["COMPOSE_PROJECT_NAME"]) <= 63


def test_composegens_own_key_is_always_there_and_no_private_key_is(composegen: Run, here: Path) -> None:
    composegen("init", "python").ok()
    own = (here.parent / "home/.config/composegen/id_ed25519.pub").read_text().strip()
    assert env(here / "python")["SSH_AUTHORIZED_KEYS"] == own
    assert not any(b"PRIVATE KEY" in content for content in tree(here).values())


def test_the_users_own_keys_are_taken_and_named(composegen: Run, here: Path) -> None:
    (here.parent / "home/.ssh").mkdir(parents=True)
    (here.parent / "home/.ssh/id_ed25519.pub").write_text(f"{KEY}\n")
    said = composegen("init", "python").ok()
    assert env(here / "python")["SSH_AUTHORIZED_KEYS"].splitlines()[0] == KEY
    assert "alice@laptop" in said.stdout


def test_a_key_file_replaces_the_users_own(composegen: Run, here: Path) -> None:
    (here / "bob's key.pub").write_text(f"{KEY[:-12]} bob's $HOME #1\n")
    composegen("init", "python", "--key", here / "bob's key.pub").ok()
    lines = env(here / "python")["SSH_AUTHORIZED_KEYS"].splitlines()
    assert lines[0].endswith("bob's $HOME #1") and len(lines) == 2


def test_json_is_one_object_without_secrets(composegen: Run, here: Path) -> None:
    said = composegen("init", "python", "--json", "--password", stdin="correct horse battery\n").ok()
    assert said.json["path"] == str(here / "python") and said.json["files"]["compose.yaml"] == "create"
    assert said.json["settings"]["SSH_BIND"] == "127.0.0.1" and isinstance(said.json["notes"], list)
    assert "correct horse" not in said.stdout and "SSH_PASSWORD" not in said.stdout


def test_a_dry_run_shows_the_diff_and_writes_nothing(composegen: Run, here: Path) -> None:
    said = composegen("init", "python", "--dry-run", "--password", stdin="correct horse battery\n").ok()
    assert "+++ b/compose.yaml" in said.stdout and "+++ b/.env" in said.stdout
    assert "correct horse" not in said.stdout and "SSH_PASSWORD=***" in said.stdout
    assert tree(here) == {} and not (here.parent / "home/.config").exists()


# --- Again -----------------------------------------------------------------------------------------------------------------


def test_the_second_time_nothing_changes(composegen: Run, here: Path) -> None:
    composegen("init", "mindspore", "--shm", "8gb", "--apt", "htop", "--gpus", "2").ok()
    before = tree(here)
    assert "nothing to write" in composegen("init", "mindspore").ok().stdout
    assert tree(here) == before


def test_inside_the_folder_it_means_this_folder(composegen: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    composegen("init", "python").ok()
    before = tree(here)
    monkeypatch.chdir(here / "python")
    assert "nothing to write" in composegen("init", "python").ok().stdout
    assert tree(here) == before


def test_an_option_changes_only_what_it_says(composegen: Run, here: Path) -> None:
    composegen("init", "mindspore", "--shm", "8gb", "--apt", "htop", "--env", "A=1").ok()
    (here / "mindspore/.env").write_text((here / "mindspore/.env").read_text() + "# mine\nMINE='x'\n")
    before = (here / "mindspore/.env").read_text()
    composegen("init", "mindspore", "--port", "23457", "--apt", "tree", "--env", "B=2").ok()
    after = (here / "mindspore/.env").read_text()
    changed = [(old, new) for old, new in zip(before.splitlines(), after.splitlines(), strict=True) if old != new]
    assert [new for _, new in changed] == ["SSH_PORT=23457"]
    choices = open_folder(here / "mindspore").choices
    assert (choices.shm, choices.apt, choices.env) == ("8gb", ("htop", "tree"), (("A", "1"), ("B", "2")))


def test_edits_survive_and_are_merged_with_what_is_new(composegen: Run, here: Path) -> None:
    composegen("init", "python").ok()
    edited = here / "python/Dockerfile"
    edited.write_text(edited.read_text() + "RUN mine\n")
    assert "kept your edits of python/Dockerfile" in composegen("init", "python").ok().stdout
    before = tree(here)
    dry = composegen("init", "python", "--base", "debian:12", "--dry-run").ok()
    assert "+ARG BASE_IMAGE=debian:12" in dry.stdout and "RUN mine" not in dry.stdout and tree(here) == before
    assert "merged with your edits" in composegen("init", "python", "--base", "debian:12").ok().stdout
    assert "ARG BASE_IMAGE=debian:12\n" in edited.read_text() and edited.read_text().endswith("RUN mine\n")


def test_another_stack_in_the_same_folder_is_refused(composegen: Run, here: Path) -> None:
    composegen("init", "python", "w").ok()
    said = composegen("init", "mindspore", "w")
    assert said.code == 1 and "holds the stack 'python'" in said.stderr


def test_another_device_takes_away_what_it_does_not_need(composegen: Run, here: Path) -> None:
    composegen("init", "mindspore", "w", "--gpus", "none").ok()
    assert env(here / "w")["COMPOSE_FILE"] == "compose.yaml:compose.nogpu.yaml"
    composegen("init", "mindspore", "w", "--device", "cpu").ok()
    assert not (here / "w/compose.nogpu.yaml").exists() and "COMPOSE_FILE" not in env(here / "w")


def test_a_fresh_clone_gets_its_env(composegen: Run, here: Path) -> None:
    composegen("init", "python", "--env", "HF_TOKEN").ok()
    (here / "python/.env").unlink()
    opened = ensure_env(open_folder(here / "python"))
    assert opened.settings.project_name.startswith("python-") and len(opened.settings.authorized_keys) == 1
    assert (here / "python/.env").stat().st_mode & 0o777 == 0o600 and env(here / "python")["HF_TOKEN"] == ""
    before = tree(here)
    assert ensure_env(opened) is opened and tree(here) == before


# --- Options of a person or machine ----------------------------------------------------------------------------------------


def test_a_taken_usual_port_is_said_and_the_next_one_chosen(composegen: Run, here: Path) -> None:
    try:
        server = socket.create_server(("127.0.0.1", 2222))
    except OSError:
        server = socket.socket()  # somebody else holds it already, which serves as well
    with server:
        said = composegen("init", "python").ok()
    port = int(env(here / "python")["SSH_PORT"])
    assert port > 2222 and f"port 2222 is taken: {port} was chosen instead" in said.stdout


def test_a_port_below_1024_is_fine_for_the_engine(composegen: Run, here: Path) -> None:
    composegen("init", "python", "--port", "922").ok()
    assert env(here / "python")["SSH_PORT"] == "922"


def test_publishing_to_every_network_is_said(composegen: Run, here: Path) -> None:
    said = composegen("init", "python", "--bind", "0.0.0.0", "--port", "23458").ok()
    assert "every network" in said.stdout and env(here / "python")["SSH_BIND"] == "0.0.0.0"


def test_a_password_is_read_from_standard_input_whatever_it_holds(composegen: Run, here: Path) -> None:
    password = ' it\'s "$HOME" #\\ 100%é'
    composegen("init", "python", "--password", stdin=f"{password}\n").ok()
    assert env(here / "python")["SSH_PASSWORD"] == password
    tracked = (here / "python/.composegen/generated.json").read_text() + (here / "python/compose.yaml").read_text()
    assert "100%" not in tracked


def test_a_strong_password_may_be_published(composegen: Run, here: Path) -> None:
    composegen("init", "python", "--password", "--bind", "0.0.0.0", "--port", "23459", stdin="tr0ub4dor&3-xkcd\n").ok()


@pytest.mark.parametrize(
    ("asked", "gpus"),
    [
        ("all", "all"),
        ("1", "0"),
        ("3", "0,1,2"),
        ("0,1", "0,1"),
        ("2,0", "2,0"),
        ("device=0", "0"),
        ('"device=0,2"', "0,2"),
        ("count=2", "0,1"),
        ("GPU-18a3e86f-4c0e-cd9f-59c3-55488c4b0c24", "GPU-18a3e86f-4c0e-cd9f-59c3-55488c4b0c24"),
        ("MIG-GPU-18a3e86f-4c0e-cd9f/1/0,0:1", "MIG-GPU-18a3e86f-4c0e-cd9f/1/0,0:1"),
    ],
)
def test_gpus_are_counted_or_named(composegen: Run, here: Path, asked: str, gpus: str) -> None:
    composegen("init", "mindspore", "--gpus", asked).ok()
    assert env(here / "mindspore")["GPUS"] == gpus
    assert "device=" not in (here / "mindspore/compose.yaml").read_text()


def test_gpus_can_be_given_back(composegen: Run, here: Path) -> None:
    composegen("init", "mindspore", "--gpus", "none").ok()
    composegen("init", "mindspore", "--gpus", "all").ok()
    assert "COMPOSE_FILE" not in env(here / "mindspore")


def test_a_user_is_named(composegen: Run, here: Path) -> None:
    composegen("init", "python", "--user", "bob-the_builder").ok()
    found = env(here / "python")
    assert found["SSH_USER"] == "bob-the_builder" and int(found["USER_UID"]) > 0
    composegen("init", "python", "--user", "root").ok()
    assert [env(here / "python")[name] for name in ("SSH_USER", "USER_UID", "USER_GID")] == ["root", "0", "0"]


def test_the_agent_stays_out_unless_asked_for(composegen: Run, here: Path) -> None:
    for words, said in (([], "no"), (["--forward-agent"], "yes"), ([], "yes"), (["--no-forward-agent"], "no")):
        composegen("init", "python", *words).ok()
        assert env(here / "python")["SSH_FORWARD_AGENT"] == said
    assert "forward" not in (here / "python/compose.yaml").read_text().split("services:")[0]  # a person's, not the project's


# --- Options of the project ------------------------------------------------------------------------------------------------


def test_the_projects_options_are_recorded(composegen: Run, here: Path, tmp_path: Path) -> None:
    wheel = tmp_path / "my_pkg-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("my_pkg/__init__.py", "")
    (here / "data").mkdir()
    composegen(
        *(
            "init",
            "mindspore",
            "w",
            "--device",
            "cpu",
            "--init",
            "tini",
            "--shm",
            "2GB",
            "--base",
            "registry.example:5000/team/ms:1",
        ),
        *("--mount", "data:/data", "--env", "A=x y", "--env", "HF_TOKEN", "--apt", "g++", "--apt", "vim=2:9.0.1378-2"),
        *("--pip", "rich>=13,<15", "--pip", "torch[x] ; python_version < '3.12'", "--wheel", wheel),
    ).ok()
    choices = open_folder(here / "w").choices
    assert (choices.device, choices.init, choices.shm, choices.base) == ("cpu", "tini", "2gb", "registry.example:5000/team/ms:1")
    assert [(mount.source, mount.target) for mount in choices.mounts] == [(str(here / "data"), "/data")]
    assert choices.env == (("A", "x y"), ("HF_TOKEN", None)) and choices.apt == ("g++", "vim=2:9.0.1378-2")
    assert choices.wheels == (wheel.name,) and (here / "w/wheels" / wheel.name).read_bytes() == wheel.read_bytes()
    assert env(here / "w")["HF_TOKEN"] == "" and "rich>=13,<15" in (here / "w/requirements.txt").read_text()


def test_another_wheel_of_the_same_name_is_a_conflict(composegen: Run, here: Path, tmp_path: Path) -> None:
    wheel = tmp_path / "my_pkg-1.0-py3-none-any.whl"
    for content in ("one", "two"):
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("x", content)
        said = composegen("init", "python", "--wheel", wheel)
    assert said.code == 1 and "wheels/my_pkg" in said.stderr


def test_a_variable_taken_from_env_later_gets_its_line(composegen: Run, here: Path) -> None:
    composegen("init", "python").ok()
    composegen("init", "python", "--env", "HF_TOKEN").ok()
    text = (here / "python/.env").read_text()
    assert text.endswith("HF_TOKEN=\n") and "HF_TOKEN" in (here / "python/.env.example").read_text()


def test_code_inside_the_folder_is_made_and_elsewhere_absolute(composegen: Run, here: Path) -> None:
    composegen("init", "python", "w", "--code", "w/src").ok()
    assert env(here / "w")["CODE_DIR"] == "./src" and (here / "w/src").is_dir()
    (here / "mine").mkdir()
    composegen("init", "python", "w", "--code", "mine").ok()
    assert env(here / "w")["CODE_DIR"] == str(here / "mine")


def test_the_repository_around_the_folder_is_offered(composegen: Run, here: Path) -> None:
    (here / ".git").mkdir()
    said = composegen("init", "python").ok()
    assert f"--code {here}" in said.stdout and env(here / "python")["CODE_DIR"] == "./code"


def test_an_exported_variable_that_beats_env_is_said(composegen: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPUS", "7")
    assert "exported variables beat .env: GPUS" in composegen("init", "python").ok().stdout


# --- A terminal ------------------------------------------------------------------------------------------------------------


CTRL_C = ""


def typed(here: Path, *arguments: str, answers: tuple[str, ...]) -> tuple[int, str]:
    """Run it on a terminal of its own and type one answer whenever it asks. Returns exit code and what was shown."""
    primary, terminal = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        [sys.executable, "-m", "composegen", *arguments],
        cwd=here,
        env=environment,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    shown = b""
    deadline = time.monotonic() + 30
    left = list(answers)
    try:
        while time.monotonic() < deadline:
            if not select.select([primary], [], [], 0.2)[0]:
                continue
            try:
                shown += os.read(primary, 4096)
            except OSError:  # the other side is closed
                break
            if left and shown.endswith((b": ", b"] ")):
                time.sleep(0.2)
                if (answer := left.pop(0)) == CTRL_C:
                    process.send_signal(signal.SIGINT)
                else:
                    os.write(primary, answer.encode() + b"\n")
        return process.wait(timeout=5), shown.decode()
    finally:
        process.kill()
        os.close(primary)


def test_ctrl_c_at_the_password_is_130_and_nothing_is_written(here: Path) -> None:
    code, shown = typed(here, "init", "python", "--password", answers=(CTRL_C,))
    assert code == 130 and "Traceback" not in shown
    assert tree(here) == {}


def test_a_password_is_asked_for_twice_and_not_shown(here: Path) -> None:
    code, shown = typed(here, "init", "python", "--password", answers=("s3cret one", "s3cret one"))
    assert code == 0, shown
    assert "s3cret" not in shown and env(here / "python")["SSH_PASSWORD"] == "s3cret one"


def test_two_different_passwords_are_refused(here: Path) -> None:
    code, shown = typed(here, "init", "python", "--password", answers=("one", "two"))
    assert code == 2 and "differ" in shown and tree(here) == {}


def test_on_a_terminal_the_repository_can_be_taken(here: Path) -> None:
    (here / ".git").mkdir()
    code, shown = typed(here, "init", "python", answers=("y",))
    assert code == 0, shown
    assert env(here / "python")["CODE_DIR"] == str(here)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_root_gives_the_code_folder_to_the_user_it_writes_for(composegen: Run, here: Path) -> None:
    composegen("init", "python", "w", "--user", "somebody-else").ok()
    assert (here / "w/code").stat().st_uid == 1000
    assert (here / "w/compose.yaml").stat().st_uid == 0
