"""The alias, `ssh-keys` and the scan for secrets, shown in breadth on Debian 12, in one walk on the older and the newer one."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.conftest import Work
from tests.support import scan
from tests.support.cli import Cli
from tests.support.debians import base_of
from tests.support.engine import Engine, free_port, tear_down, unique_name
from tests.support.ssh_client import ssh

pytestmark = pytest.mark.engine

PASSWORD = "planted-other-word-1Fd6"
TOKEN = "planted-other-token-5Wq2"
CONTROL = "planted-openly-9Gk3"  # in every place on purpose: a scan that finds nothing could be one that does not look
# Docker keeps a container's variables, sessions are to have them, and sshd's configuration, which only root reads, says them.
TOKEN_BY_WISH = {"docker inspect of the container", "environment of processes in the container", "files of the container"}


@pytest.fixture(params=["bullseye", "trixie"])
def work(request: pytest.FixtureRequest, engine: Engine, tmp_path: Path) -> Iterator[Work]:
    """A folder with a password, a token by name and an open value, before its first `up`."""
    made = Work(tmp_path / "work", unique_name(), free_port(), Cli(home=tmp_path / "home"), engine)
    words = ("--base", base_of(engine, request.param), "--name", made.project, "--port", str(made.port))
    planted = ("--password", "--env", "TOKEN", "--env", f"OPENLY={CONTROL}")
    made.cli("init", "python", str(made.path), *words, *planted, stdin=PASSWORD).ok()
    env = made.path / ".env"
    env.write_text(re.sub(r"(?m)^TOKEN=.*", f"TOKEN={TOKEN}", env.read_text()))
    made.replace("Dockerfile", "WORKDIR /home/code", f"ENV IN_THE_IMAGE={CONTROL}\nWORKDIR /home/code")
    try:
        yield made
    finally:
        tear_down(engine, made.project)


def test_the_alias_lets_in_keys_come_and_go_and_no_secret_is_left_lying_about(work: Work, tmp_path: Path) -> None:
    alias = ["ssh", "-F", str(work.cli.home / ".ssh/config"), "-oBatchMode=yes", f"composegen-{work.project}"]
    key = tmp_path / "second"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "second@somewhere", "-f", str(key)], check=True)

    with scan.Watch() as watch:
        said = [work("up", "--ssh-config").ok()]
        with subprocess.Popen(
            [*alias, f"echo {CONTROL}; read -r line; echo still $line"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as job:
            assert job.stdin and job.stdout and job.stdout.readline() == f"{CONTROL}\n"
            said.append(work("ssh-keys", "add", str(key.with_suffix(".pub"))).ok())
            assert ssh(work.port, "id -un", key=key).stdout == "root\n"
            said.append(work("ssh-keys", "list").ok())
            assert "second@somewhere" in said[-1].stdout
            said.append(work("ssh-keys", "remove", "second@somewhere").ok())
            assert ssh(work.port, "id -un", key=key).returncode == 255
            job.stdin.write("here\n")
            job.stdin.close()
            assert job.stdout.read() == "still here\n"
        assert ssh(work.port, "id -un", password=PASSWORD).stdout == "root\n"

    work.engine("exec", work.project, "sh", "-c", f"echo {CONTROL} >/proc/1/fd/1; sleep 0.5")
    places = scan.everything(work.engine, work.project, work.path)
    places["process list"] = b"\n".join(watch.seen)
    assert {place for place, text in places.items() if CONTROL.encode() not in text} == set(), "the scan looks everywhere"
    places["what composegen said"] = "".join(each.stdout + each.stderr for each in said).encode()
    assert {place for place, text in places.items() if PASSWORD.encode() in text} == set()
    assert {place for place, text in places.items() if TOKEN.encode() in text} == TOKEN_BY_WISH
