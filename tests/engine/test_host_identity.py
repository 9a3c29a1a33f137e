"""Whose host key it is: renewed on purpose or by somebody else, and a port that another container has."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.conftest import Work
from tests.support.ssh_client import wait_for_banner

pytestmark = pytest.mark.engine

SHOUTING = "REMOTE HOST IDENTIFICATION"
INSTEAD = r"(SHA256:[\w+/]+) instead of (SHA256:[\w+/]+)"


def scanned(work: Work, kind: str = "ed25519", host: str = "127.0.0.1") -> str:
    """The fingerprint that the server itself shows."""
    wait_for_banner(work.port)
    scan = subprocess.run(["ssh-keyscan", "-t", kind, "-p", str(work.port), host], capture_output=True, text=True, timeout=60)
    listed = subprocess.run(["ssh-keygen", "-lf", "-"], input=scan.stdout, capture_output=True, text=True, timeout=60)
    return listed.stdout.split()[1] if listed.stdout else ""


def by_alias(work: Work, command: str) -> subprocess.CompletedProcess[str]:
    argv = ["ssh", "-F", str(work.cli.home / ".ssh/config"), f"composegen-{work.project}", command]
    return subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)


def test_the_fingerprint_is_the_same_after_restart_build_and_down(running: Work) -> None:
    before = scanned(running)
    assert before
    for commands in (["restart"], ["up", "--build", "--recreate", "--no-test"], ["down"]):
        running(*commands).ok()
        if commands == ["down"]:
            running("up", "--no-test").ok()
        assert scanned(running) == before, commands


def test_a_renewal_on_purpose_is_known_everywhere_and_open_sessions_stay(running: Work) -> None:
    before = scanned(running)
    argv = ["ssh", "-F", str(running.cli.home / ".ssh/config"), f"composegen-{running.project}", "cat"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as session:
        assert session.stdin and session.stdout
        session.stdin.write("one\n")
        session.stdin.flush()
        assert session.stdout.readline() == "one\n"
        assert "renew the host keys" in running("up", "--rotate-host-keys", "--dry-run").ok().stdout
        assert scanned(running) == before

        done = running("up", "--rotate-host-keys").ok()
        now = scanned(running)
        assert now != before and f"new host key {now}" in done.stderr
        assert by_alias(running, "echo in").stdout == "in\n"
        assert running("ssh", "--", "echo in").ok().stderr == ""

        session.stdin.write("two\n")
        session.stdin.flush()
        assert session.stdout.readline() == "two\n"
        session.stdin.close()
    assert session.returncode == 0
    # RSA comes in the background, and without a restart.
    script = "for _ in $(seq 300); do grep -q ssh_host_rsa_key /run/composegen/sshd_config && exit; sleep 0.1; done; exit 1"
    running("exec", "--", "bash", "-c", script).ok()
    assert scanned(running, "rsa")


def test_one_renewal_waits_for_another(running: Work) -> None:
    renew = ["docker", "exec", running.project, "composegen-entrypoint", "host-keys"]
    both = [subprocess.Popen(renew, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    shown = scanned(running)
    assert sum(shown in each for each in said) == 1
    pair = "cd /etc/ssh/host_keys && diff <(ssh-keygen -yf ssh_host_ed25519_key) <(cut -d ' ' -f 1,2 ssh_host_ed25519_key.pub)"
    running("exec", "--", "bash", "-c", pair).ok()
    running("up").ok()


@pytest.mark.parametrize("command", [["ssh", "--", "echo in"], ["test", "--only", "host-key"], ["up"]], ids=lambda words: words[0])
def test_a_renewal_by_somebody_else_is_explained_and_the_alias_works_again(running: Work, command: list[str]) -> None:
    before = scanned(running)
    running.engine("exec", running.project, "composegen-entrypoint", "host-keys")
    assert SHOUTING in by_alias(running, "true").stderr  # plain ssh cannot know
    done = running(*command).ok()
    assert re.findall(INSTEAD, done.stderr) == [(scanned(running), before)]
    assert SHOUTING not in done.stderr
    assert by_alias(running, "echo in").stdout == "in\n"
    assert not re.findall(INSTEAD, running(*command).ok().stderr)  # it is written down


@pytest.fixture
def another(running: Work) -> Iterator[str]:
    """A second container from the same image, with host keys of its own, at that port of another address of this host."""
    name = f"{running.project}-other"
    running.engine("run", "--detach", "--name", name, "--publish", f"127.0.0.3:{running.port}:22", f"{running.project}-dev")
    yield name
    running.engine("rm", "--force", "--volumes", name)


def test_another_container_at_the_address_is_explained_and_never_trusted(running: Work, another: str) -> None:
    known = running.cli.home / ".config/composegen/known_hosts"
    theirs, ours = "", scanned(running)
    for _ in range(100):
        if theirs := scanned(running, host="127.0.0.3"):
            break
    env = {"SSH_BIND": "127.0.0.3"}
    for command, code in ((["ssh", "--", "echo in"], 1), (["test", "--only", "host-key"], 1)):
        done = running(*command, env=env)
        assert done.code == code and "in\n" not in done.stdout
        said = done.stdout + done.stderr
        assert (theirs, ours) in re.findall(INSTEAD, said) and SHOUTING not in said
        assert "another program" in said or "another container" in said
        assert "Traceback" not in said
    refused = running("up", "--recreate", env=env)
    assert refused.code == 1 and f"taken by the container '{another}'" in refused.stderr
    listed = subprocess.run(["ssh-keygen", "-lf", str(known)], capture_output=True, text=True, timeout=60).stdout
    assert ours in listed and theirs not in listed


def test_a_port_that_another_container_takes_between_check_and_start_is_named(
    running: Work, base_image: str, tmp_path: Path
) -> None:
    """The build takes a while after the check; that is when the other one comes."""
    running("down").ok()
    dockerfile = running.path / "Dockerfile"
    before, other = dockerfile.read_text(), f"{running.project}-other"
    dockerfile.write_text(before.replace("WORKDIR /home/code", "RUN sleep 3\nWORKDIR /home/code"))
    try:
        with subprocess.Popen(
            running.cli.argv("up", "--no-test"), cwd=running.path, env=running.cli.environment(), stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr
            heard = process.stderr.readline()
            while "building" not in heard:
                heard = process.stderr.readline()
                assert heard
            running.engine(
                *(
                    "run",
                    "--detach",
                    "--init",
                    "--name",
                    other,
                    "--publish",
                    f"127.0.0.1:{running.port}:22",
                    base_image,
                    "sleep",
                    "300",
                )
            )
            rest = process.stderr.read()
        assert process.returncode == 1
        assert f"port {running.port} on 127.0.0.1 is taken by the container '{other}'" in rest
        assert "hint: set SSH_PORT=" in rest
    finally:
        dockerfile.write_text(before)
        running.engine("rm", "--force", other)
