"""`composegen up` on the real engine."""

from __future__ import annotations

import re

import pytest

from tests.engine.conftest import Work
from tests.support.engine import Engine

pytestmark = pytest.mark.engine


def test_up_builds_starts_tests_and_says_how_to_connect_and_the_second_time_only_logs_in(work: Work) -> None:
    first = work("up").ok()
    assert "fail" not in first.stderr
    assert "ok    login-key" in first.stdout
    connect = first.stdout[first.stdout.index(f"{work.project} is ready") :].splitlines()
    assert len(connect) <= 10
    assert any(f"-p {work.port} root@127.0.0.1" in line for line in connect)
    assert any("/usr/local/bin/python" in line for line in connect)
    # This HOME has no key, so the line that can be pasted names the one that gets in.
    assert any("ssh -i " in line for line in connect) and any("only composegen's own gets in" in line for line in connect)
    began = work.id

    second = work("up", "--json").ok()
    assert second.json["ok"] is True
    assert second.json["test"] is None
    details = {step["name"]: step["detail"] for step in second.json["steps"]}
    assert list(details) == ["preflight", "build", "start", "ready", "alias", "test", "connect"]
    assert all(details[name].startswith("skipped") for name in ("build", "start", "test"))
    assert work.id == began

    assert work("ssh", "--", "exit 9").code == 9
    assert work("ssh", "--", "printf", "%s|", "a b", "$HOME").ok().stdout == "a b|$HOME|"
    assert work("exec", "--", "sh", "-c", "exit 7").code == 7

    found = work("status", "--json").ok().json
    assert (found["state"], found["port"], found["user"], found["needs_build"]) == ("running", work.port, "root", "")
    assert found["interpreter"] == "/usr/local/bin/python"


def test_a_container_without_anybodys_key_makes_its_password_and_lets_the_probes_in(work: Work) -> None:
    """composegen's own key comes in while the container starts; neither gets in the other's way."""
    env = (work.path / ".env").read_text()
    (work.path / ".env").write_text(re.sub(r"(?m)^SSH_AUTHORIZED_KEYS=.*", "# SSH_AUTHORIZED_KEYS=", env))
    for _ in range(3):
        work("up", "--no-test").ok()
        said = work.engine.run("logs", work.project)
        assert "password for root" in said.stdout + said.stderr
        assert "entrypoint failed" not in said.stdout + said.stderr
        work.engine("rm", "--force", work.project)


def test_a_changed_apt_txt_builds_and_makes_the_container_anew(work: Work) -> None:
    work("up", "--no-test").ok()
    work.replace("apt.txt", "\n", "\n# another comment\n")
    found = work("up", "--no-test", "--dry-run").ok().stdout
    assert "what it is made of changed" in found
    done = work("up", "--no-test").ok()
    assert "what it is made of changed" in done.stderr


def test_a_recreation_says_what_it_loses_and_asks_for_recreate(work: Work) -> None:
    work("up", "--no-test").ok()
    began = work.id
    work("exec", "--", "sh", "-c", "mkdir /opt/tool && touch /opt/tool/a; nohup sleep 1000 >/dev/null 2>&1 &").ok()
    work.replace("compose.yaml", "stop_grace_period: 30s", "stop_grace_period: 20s")
    refused = work("up", "--no-test")
    assert refused.code == 1
    assert all(words in refused.stderr for words in ("compose.yaml or .env changed", "A /opt/tool", "sleep 1000", "--recreate"))
    assert work.id == began
    work("up", "--no-test", "--recreate").ok()
    assert work.id != began


def test_host_keys_and_logins_survive_down_and_up(work: Work) -> None:
    work("up", "--no-test").ok()
    before = work("exec", "--", "cat", "/etc/ssh/host_keys/ssh_host_ed25519_key.pub").stdout
    work("down").ok()
    assert "kept" in work("down").stderr
    work("up", "--no-test").ok()
    assert work("exec", "--", "cat", "/etc/ssh/host_keys/ssh_host_ed25519_key.pub").stdout == before
    assert work("down", "--volumes", "--dry-run").stdout.count("would remove volume") == 2
    work("down", "--volumes").ok()
    assert work.engine("volume", "ls", "-q", "--filter", f"label=com.docker.compose.project={work.project}") == ""
    work("up", "--no-test").ok()
    assert work("ssh", "--", "true").code == 0


def test_a_new_key_in_env_reaches_the_running_container(work: Work, engine: Engine) -> None:
    work("up", "--no-test").ok()
    began, key = work.id, work.path.parent / "another"
    engine.shell("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    public = key.with_suffix(".pub").read_text().strip()
    work.replace(".env", "SSH_AUTHORIZED_KEYS='", f"SSH_AUTHORIZED_KEYS='{public}\n")
    login = ["-i", str(key), "-p", str(work.port), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    login += ["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "root@127.0.0.1", "true"]
    assert engine.shell("ssh", *login).returncode == 255
    work("up").ok()
    assert engine.shell("ssh", *login).returncode == 0
    assert work.id == began


def test_a_changed_password_in_env_reaches_the_running_container(work: Work) -> None:
    work("up", "--no-test").ok()
    began = work.id
    for before, after in (
        ("# SSH_PASSWORD=", "SSH_PASSWORD=a-long-one-1"),
        ("SSH_PASSWORD=a-long-one-1", "SSH_PASSWORD=another-one-2"),
    ):
        work.replace(".env", before, after)
        work("up").ok()
        assert work("test", "--only", "login-password").ok().stdout.startswith("ok")
    work.replace(".env", "SSH_PASSWORD=another-one-2", "# SSH_PASSWORD=")
    work("up").ok()
    assert "the server takes none" in work("test", "--only", "login-password").ok().stdout
    assert work.id == began


def test_a_clone_that_plain_compose_started_keeps_its_container(work: Work, engine: Engine) -> None:
    # The folder's name is the project then, so it is the unique one.
    clone = Work(work.path.rename(work.path.parent / work.project), work.project, work.port, work.cli, engine)
    (clone.path / ".env").unlink()
    variables = {"SSH_PORT": str(clone.port)}
    engine("compose", "up", "--detach", "--build", cwd=clone.path, env=variables)
    began = clone.id
    clone("up").ok()
    assert clone.id == began
    text = (clone.path / ".env").read_text()
    assert f"COMPOSE_PROJECT_NAME={clone.project}\n" in text
    assert f"SSH_PORT={clone.port}\n" in text
    assert clone("ssh", "--", "id -u").ok().stdout == "0\n"


def test_when_ssh_does_not_come_up_the_containers_words_are_shown(work: Work) -> None:
    work.replace("container/sshd.sh", "-D -e -f $run/sshd_config", "-D -e -f $run/no_such_file")
    done = work("up", "--timeout", "3")
    assert done.code == 1
    assert "did not come up" in done.stderr
    assert "running" in done.stderr
    assert "no_such_file: No such file or directory" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_container_that_ends_at_once_is_not_waited_for(work: Work) -> None:
    work.replace("container/entrypoint.sh", "prepare() {", "prepare() {\n  echo 'no such luck' >&2; exit 3")
    done = work("up", "--timeout", "50")
    assert done.code == 1
    assert "exit code 3" in done.stderr
    assert "no such luck" in done.stderr


def test_a_container_that_crashes_again_and_again_is_explained_the_second_time_as_well(work: Work) -> None:
    work.replace("container/entrypoint.sh", "prepare() {", "prepare() {\n  echo 'no such luck' >&2; exit 3")
    assert work("up").code == 1
    for command in ("up", "restart"):
        again = work(command)
        assert again.code == 1
        assert "did not come up" in again.stderr
        assert "no such luck" in again.stderr
        assert "docker exec" not in again.stderr


def test_an_address_that_this_host_lacks_costs_nobody_the_container(work: Work) -> None:
    work("up", "--no-test").ok()
    began = work.id
    work.replace(".env", "SSH_BIND=127.0.0.1", "SSH_BIND=192.0.2.1")
    refused = work("up", "--recreate")
    assert refused.code == 1
    assert "no address 192.0.2.1" in refused.stderr
    assert work.id == began
    work.replace(".env", "SSH_BIND=192.0.2.1", "SSH_BIND=0.0.0.0")
    work("up", "--no-test").ok()
    assert work.id != began


def test_the_container_of_the_folders_former_name_is_named(work: Work) -> None:
    work("up", "--no-test").ok()
    work.replace(".env", f"COMPOSE_PROJECT_NAME={work.project}", f"COMPOSE_PROJECT_NAME={work.project}-new")
    refused = work("up")
    assert refused.code == 1
    assert f"taken by the container '{work.project}', made from this folder" in refused.stderr


def test_ctrl_c_in_the_build_leaves_nothing_and_the_next_up_goes_on(work: Work) -> None:
    slow = f"RUN sleep 60; : {work.project}\n"  # a step that no build has finished before
    work.replace("Dockerfile", "WORKDIR /home/code", f"{slow}WORKDIR /home/code")
    done = work.interrupted("up", once="RUN sleep 60")
    assert done.code == 130
    assert "interrupted in build" in done.stderr
    assert "not created" in done.stderr
    assert work.engine.run("inspect", work.project).returncode != 0
    work.replace("Dockerfile", slow, "")
    work("up", "--no-test").ok()


def test_ctrl_c_while_waiting_says_how_the_container_is(work: Work) -> None:
    work.replace("container/sshd.sh", "-D -e -f $run/sshd_config", "-D -e -f $run/no_such_file")
    done = work.interrupted("up", once="start ", after=1.0)
    assert done.code == 130
    assert f"interrupted in ready: container '{work.project}' is running" in done.stderr


def test_a_build_that_fails_shows_the_engines_words_and_a_command_to_paste(work: Work) -> None:
    work.replace("Dockerfile", "WORKDIR /home/code", "RUN echo 'the reason' >&2; exit 5\nWORKDIR /home/code")
    done = work("up")
    assert done.code != 0
    assert "the reason" in done.stderr
    assert "docker compose build dev" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_gpu_that_the_engine_does_not_have_is_explained(work: Work) -> None:
    reservation = "deploy: {resources: {reservations: {devices: [{driver: nvidia, capabilities: [gpu]}]}}}"
    work.replace("compose.yaml", "    restart: unless-stopped\n", f"    restart: unless-stopped\n    {reservation}\n")
    done = work("up")
    assert done.code == 1
    assert "could not select device driver" in done.stderr
    assert "--gpus none" in done.stderr
