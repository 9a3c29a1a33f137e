"""What other files prove on Debian 12 in breadth holds on the older and the newer one, and with an sshd of OpenSSH 7.6's knowledge.

Logins are by the real OpenSSH client and by paramiko, with plain Docker and without composegen.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paramiko
import pytest

from composegen.model import Choices
from tests.support.box import Box, make_box
from tests.support.debians import DEBIANS, base_of
from tests.support.engine import Engine, free_port, tear_down, unique_name

pytestmark = pytest.mark.engine

USERS = ("root", "alice")
PASSWORD = "a 'quoted' \\ $PASSWORD"
SECONDS = 15.0  # 2 is what is promised; a busy machine gets more


@pytest.fixture(scope="module", params=[each for each in DEBIANS if each != "bookworm"])
def made(request: pytest.FixtureRequest, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    name, path, base = unique_name(), tmp_path_factory.mktemp("debian") / "folder", base_of(engine, request.param)
    alice = {"SSH_USER": "alice", "USER_UID": "1234", "USER_GID": "4321"}
    try:
        box = make_box(engine, path, name, free_port(), Choices("python", "cpu"), base=base, SSH_AUTHORIZED_KEYS="own", **alice)
        (box.path / "code").chmod(0o777)
        yield box.up()
    finally:
        tear_down(engine, name)


@pytest.fixture
def another_key(tmp_path: Path) -> Path:
    key = tmp_path / "another"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    return key


def who(made: Box, user: str, *, key: Path | None = None, password: str = "") -> set[str]:
    """Whom OpenSSH's client and paramiko are let in as; empty where neither is let in."""
    client = Box(made.engine, made.path, made.name, made.port, key or made.key)
    return {client.ssh("id -un", user=user, password=password).stdout.strip(), _by_paramiko(made, user, key, password)} - {""}


def _by_paramiko(made: Box, user: str, key: Path | None, password: str) -> str:
    with paramiko.SSHClient() as client:
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        credential = {"password": password} if password else {"key_filename": str(key)}
        options: dict[str, Any] = {"timeout": 10, "allow_agent": False, "look_for_keys": False, **credential}
        try:
            client.connect("127.0.0.1", made.port, user, **options)
        except paramiko.AuthenticationException:
            return ""
        return client.exec_command("id -un")[1].read().decode().strip()


def push(made: Box, what: str, text: str) -> None:
    done = made.engine.run("exec", "--interactive", made.name, "composegen-entrypoint", what, stdin=text)
    assert done.returncode == 0, done.stderr


def public(key: Path) -> str:
    return key.with_suffix(".pub").read_text()


def until(holds: Callable[[], bool], made: Box) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, made.logs()
        time.sleep(0.1)


def job(made: Box, script: str) -> subprocess.Popen[str]:
    """A program at the other end of an OpenSSH client, which has said `started`."""
    argv = [*made.client("-oBatchMode=yes", f"-i{made.key}"), "root@127.0.0.1", f"echo started; {script}"]
    client = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert client.stdout and client.stdout.readline() == "started\n"
    return client


def test_the_key_gets_in_as_everybody_and_another_one_as_nobody(made: Box, another_key: Path) -> None:
    for user in USERS:
        assert who(made, user, key=made.key) == {user}
        assert who(made, user, key=another_key) == set()


def test_a_password_gets_in_while_there_is_one(made: Box) -> None:
    for user in USERS:
        assert who(made, user, password=PASSWORD) == set()
    push(made, "password", f"{PASSWORD}\n")
    for user in USERS:
        assert who(made, user, password=PASSWORD) == {user}
        assert who(made, user, password=f"{PASSWORD} ") == set()
    push(made, "password", "\n")
    for user in USERS:
        assert who(made, user, password=PASSWORD) == set()


def test_a_key_comes_and_goes_while_a_job_runs(made: Box, another_key: Path) -> None:
    running = job(made, "read -r line; echo still $line")
    push(made, "keys", public(made.key) + public(another_key))
    assert who(made, "alice", key=another_key) == {"alice"}
    push(made, "keys", public(made.key))
    assert who(made, "alice", key=another_key) == set()
    assert running.communicate("here\n", timeout=30)[0] == "still here\n"


def test_host_keys_stay_and_are_renewed_on_purpose(made: Box) -> None:
    def shown() -> set[str]:
        scanned = subprocess.run(
            ["ssh-keyscan", "-t", "ed25519", "-p", str(made.port), "127.0.0.1"], capture_output=True, text=True, timeout=30
        )
        with paramiko.Transport(("127.0.0.1", made.port)) as transport:
            transport.start_client(timeout=10)
            return {scanned.stdout.split()[-1], transport.get_remote_server_key().get_base64()}

    # One key, whoever asks: paramiko, too, prefers ed25519.
    (before,) = shown()
    made.compose("restart")
    made.wait()
    assert shown() == {before}
    made.inside("composegen-entrypoint", "host-keys")
    (after,) = shown()
    assert after != before
    assert after in made.inside("cat", "/etc/ssh/host_keys/ssh_host_ed25519_key.pub")


def test_a_killed_sshd_is_back_and_a_job_goes_on(made: Box) -> None:
    running = job(made, "read -r line; echo still $line")
    made.inside("bash", "-c", "kill -9 $(</run/sshd.pid)")
    until(lambda: made.ssh("true").returncode == 0, made)
    assert who(made, "alice", key=made.key) == {"alice"}
    assert running.communicate("here\n", timeout=30)[0] == "still here\n"


def test_a_broken_configuration_is_said_and_can_be_mended(made: Box) -> None:
    before = len(made.logs())
    made.inside("sed", "-i", "$ a NoSuchOption yes", "/etc/composegen/sshd_config")
    made.compose("restart")
    until(lambda: "/etc/composegen/sshd_config: line " in made.logs()[before:], made)
    assert "Bad configuration option: NoSuchOption" in made.logs()[before:]
    assert made.ssh("true").returncode == 255
    made.inside("sed", "-i", "$ d", "/etc/composegen/sshd_config")
    until(lambda: made.ssh("true").returncode == 0, made)


def test_a_job_hears_that_the_container_stops(made: Box) -> None:
    running = job(made, "trap 'sleep 1; echo finished >/home/code/job; exit' TERM; while :; do sleep 0.1; done")
    made.compose("stop")
    running.wait(timeout=30)
    assert (made.path / "code/job").read_text() == "finished\n"
    made.compose("start")
    made.wait()
