"""Programs beside sshd: a file each in services/, kept running, and reached through an SSH forward only."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

import pytest

from composegen.model import SERVICES, Choices
from tests.conftest import CERTIFICATES
from tests.container.conftest import MakeBox
from tests.support.box import Box, make_box
from tests.support.cli import Cli
from tests.support.engine import Engine, free_port, tear_down, unique_name

PORT = 8000
HELLO = f"[program:hello]\ncommand=/usr/bin/python3 -m http.server --bind 127.0.0.1 {PORT}\nautorestart=true\n"
BROKEN = "[program:broken]\nthis is no option\n"


@pytest.fixture(scope="module")
def made(engine: Engine, base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    name = unique_name()
    path = tmp_path_factory.mktemp("services") / name
    user = {"SSH_USER": "alice", "USER_UID": "1234", "USER_GID": "1234"}
    chosen = Choices("python", "cpu", env=(("GREETING", "a 'b' % $d"),))
    box = make_box(engine, path, name, free_port(), chosen, base=base_image, SSH_AUTHORIZED_KEYS="own", **user)
    (path / "services/hello.conf").write_text(HELLO)
    try:
        yield box.up()
    finally:
        tear_down(engine, name)


@contextmanager
def forwarded(made: Box, port: int) -> Iterator[str]:
    """The address here that leads to a port of the container's 127.0.0.1."""
    here = free_port()
    options = ("-oBatchMode=yes", "-oExitOnForwardFailure=yes", f"-i{made.key}", "-N", "-L", f"{here}:127.0.0.1:{port}")
    with subprocess.Popen([*made.client(*options), "root@127.0.0.1"]) as client:
        try:
            yield f"http://127.0.0.1:{here}/"
        finally:
            client.terminate()


def answer(address: str, *, seconds: float = 30) -> int:
    """The HTTP status, once something answers; 0: nothing does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(OSError), urlopen(address, timeout=5) as response:
            return int(response.status)
        time.sleep(0.1)
    return 0


def status(made: Box, program: str) -> str:
    return made.engine.run("exec", made.name, "supervisorctl", "status", program).stdout


def eventually(holds: Callable[[], bool], made: Box, *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, made.logs()
        time.sleep(0.2)


def refuses_from_outside(made: Box, port: int) -> bool:
    address = made.engine("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", made.name)
    socket.create_connection((address, 22), timeout=5).close()  # else the address proves nothing
    try:
        socket.create_connection((address, port), timeout=5).close()
    except OSError:
        return True
    return False


@pytest.mark.engine
def test_a_program_answers_through_a_forward_and_nowhere_else(made: Box) -> None:
    eventually(lambda: "RUNNING" in status(made, "hello"), made)
    with forwarded(made, PORT) as address:
        assert answer(address) == 200
    assert refuses_from_outside(made, PORT)
    assert made.engine("port", made.name).splitlines() == [f"22/tcp -> 127.0.0.1:{made.port}"]


@pytest.mark.engine
def test_a_killed_program_comes_back(made: Box) -> None:
    eventually(lambda: "RUNNING" in status(made, "hello"), made)
    before = made.inside("pgrep", "-f", "http.server")
    made.inside("kill", "-9", before)
    eventually(lambda: "RUNNING" in status(made, "hello") and before not in status(made, "hello"), made)
    with forwarded(made, PORT) as address:
        assert answer(address) == 200


@pytest.mark.engine
def test_it_runs_as_the_login_user_in_that_home_with_the_containers_environment(made: Box) -> None:
    eventually(lambda: "RUNNING" in status(made, "hello"), made)
    pid = made.inside("pgrep", "-f", "http.server")
    assert made.inside("ps", "-o", "user=", "-p", pid) == "alice"
    variables = parsed(made.ssh(f"cat /proc/{pid}/environ", user="alice").stdout)
    inside = parsed(made.inside("env", "-0"))
    own = {"HOME": "/home/alice", "USER": "alice", "LOGNAME": "alice", "SHELL": "/bin/bash"}
    assert {name: variables.get(name) for name in {**inside, **own}} == {**inside, **own}
    assert variables["GREETING"] == "a 'b' % $d"


def parsed(environment: str) -> dict[str, str]:
    return dict(each.split("=", 1) for each in environment.split("\0") if each)


@pytest.mark.engine
def test_a_file_broken_in_the_running_container_is_said_and_takes_nothing_down(made: Box) -> None:
    made.inside("bash", "-c", f"printf '{BROKEN}' >/etc/composegen/services/broken.conf")
    made.inside("bash", "-c", "printf '[program:sshd]\\ncommand=false\\n' >/etc/composegen/services/mean.conf")
    made.compose("restart")
    made.wait()
    assert made.ssh("echo in").stdout == "in\n"
    eventually(lambda: "RUNNING" in status(made, "hello"), made)
    assert re.search(r"services/broken\.conf is left out: .*this is no option", made.logs())
    assert "services/mean.conf is left out: [program:sshd] does not belong here" in made.logs()
    made.inside("rm", "/etc/composegen/services/broken.conf", "/etc/composegen/services/mean.conf")


@pytest.mark.engine
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BROKEN, "this is no option"),
        ("[program:other]\nautorestart=true\n", "does not specify a command"),
        ("[supervisord]\nnodaemon=false\n", "[supervisord] does not belong here"),
        ("", "it has no [program:NAME]"),
    ],
    ids=["not a file of supervisor's", "no command", "not a program", "empty"],
)
def test_a_broken_file_fails_the_build_and_is_named(box: MakeBox, text: str, said: str) -> None:
    written = box()
    (written.path / "services/wrong.conf").write_text(text)
    told = written.compose_fails("build")
    assert "composegen: services/wrong.conf: " in told and said in told


@pytest.mark.engine
def test_what_only_the_start_knows_does_not_fail_the_build(box: MakeBox) -> None:
    written = box(SSH_AUTHORIZED_KEYS="own", SSH_USER="alice", USER_UID="1234", USER_GID="1234")
    (written.path / "services/hello.conf").write_text(f"{HELLO}user=%(ENV_SSH_USER)s\n")
    written.up()
    eventually(lambda: "RUNNING" in status(written, "hello"), written)
    assert written.inside("ps", "-C", "python3", "-o", "user=,args=").count("alice") == 1


@pytest.mark.load
@pytest.mark.engine
def test_jupyter_and_tensorboard_are_installed_and_answer(box: MakeBox) -> None:
    trusts_more = any(os.environ.get(name) for name in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"))
    bundle = {"CA_BUNDLE": str(CERTIFICATES)} if trusts_more else {}
    user = {"SSH_USER": "alice", "USER_UID": "1234", "USER_GID": "1234"}
    written = box(choices=Choices("python", "cpu", services=tuple(SERVICES)), SSH_AUTHORIZED_KEYS="own", **user, **bundle).up()
    for name, service in SERVICES.items():
        with forwarded(written, service.port) as address:
            assert answer(address, seconds=120) == 200
        assert refuses_from_outside(written, service.port)
        assert "RUNNING" in status(written, name)
    [token] = re.findall(r"token=(\w+)", written.ssh("jupyter server list", user="alice").stdout)
    assert token not in written.logs()


def test_a_service_is_recorded_and_kept(composegen: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    composegen("init", "python", str(folder), "--service", "jupyter").ok()
    composegen("init", "python", str(folder), "--service", "tensorboard").ok()
    compose = (folder / "compose.yaml").read_text()
    assert "  services:\n    - jupyter\n    - tensorboard\n" in compose
    assert (folder / "requirements.txt").read_text().splitlines()[1:] == ["jupyterlab", "tensorboard"]
    assert {path.name for path in (folder / "services").iterdir()} == {"README.md", "jupyter.conf", "tensorboard.conf"}
    readme = (folder / "README.md").read_text()
    assert "-L 8888:127.0.0.1:8888" in readme and "-L 6006:127.0.0.1:6006" in readme and "jupyter server list" in readme
    composegen("check", str(folder)).ok()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--service", "jupiter"), "no service named 'jupiter'"),
        (("--service", "jupyter", "--init", "tini"), "--init tini runs no jupyter"),
    ],
)
def test_a_service_that_cannot_be_meant_is_refused(composegen: Cli, tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    done = composegen("init", "python", str(tmp_path / "work"), *options)
    assert done.code == 2 and said in done.stderr and "hint: " in done.stderr
    if "jupiter" in options:
        assert "jupyter, tensorboard" in done.stderr
    assert not (tmp_path / "work").exists()
