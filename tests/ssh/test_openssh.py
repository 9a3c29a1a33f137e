"""The argv for the real client, used with the real client."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from composegen.ssh import KnownHosts, openssh
from tests.ssh.servers import Sshd, new_key, public


@pytest.fixture
def known(sshd: Sshd, tmp_path: Path) -> Path:
    known = KnownHosts(tmp_path / "dir with 100% space" / "known_hosts")
    known.remember(sshd.address, sshd.host_key)
    return known.path


def ssh(argv: list[str], home: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({"HOME": str(home)} if home else {})}
    return subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment, timeout=60)


def test_the_real_client_gets_in(sshd: Sshd, known: Path) -> None:
    done = ssh(openssh.command(sshd.address, key=sshd.key, known_hosts=known, remote_command=["echo", "hello"]))
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\n", "")


def test_an_exit_status_comes_through(sshd: Sshd, known: Path) -> None:
    assert ssh(openssh.command(sshd.address, key=sshd.key, known_hosts=known, remote_command=["exit 7"])).returncode == 7


def test_one_word_is_a_shell_line_and_several_arrive_as_they_are(sshd: Sshd, known: Path) -> None:
    def said(*words: str) -> str:
        return ssh(openssh.command(sshd.address, key=sshd.key, known_hosts=known, remote_command=words)).stdout

    assert said("for n in 1 2; do printf $n; done") == "12"
    assert said("printf", "%s|", "a b", "$HOME", "'q'", "", "-v", "*") == "a b|$HOME|'q'||-v|*|"
    assert "PATH=" in said("env")


def test_what_looks_like_an_option_is_not_one_of_ssh(sshd: Sshd, known: Path, tmp_path: Path) -> None:
    tempting = f"-oProxyCommand=touch {tmp_path}/tempted"
    done = ssh(openssh.command(sshd.address, key=sshd.key, known_hosts=known, remote_command=[tempting]))
    assert done.returncode != 255  # the shell there had it, and did not like it
    assert not (tmp_path / "tempted").exists()


def test_a_key_in_a_folder_with_odd_characters_is_found(sshd: Sshd, known: Path, tmp_path: Path) -> None:
    folder = tmp_path / "50%h and 'quotes'"
    folder.mkdir()
    key = folder / "id"
    key.write_bytes(sshd.key.read_bytes())
    key.chmod(0o600)
    assert ssh(openssh.command(sshd.address, key=key, known_hosts=known, remote_command=["true"])).returncode == 0


def test_the_users_own_configuration_changes_nothing(sshd: Sshd, known: Path, tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text("Host *\n  ProxyCommand false\n  RemoteCommand false\n  RequestTTY force\n  Port 1\n")
    argv = openssh.command(sshd.address, key=sshd.key, known_hosts=known, remote_command=["echo ok"])
    # ssh takes the home from the password database; the option it takes from the command line counts more than both.
    assert argv[1:3] == ["-F", "/dev/null"]
    assert ssh(argv, home=tmp_path).stdout == "ok\n"


def test_the_agents_keys_are_not_tried(sshd: Sshd, known: Path, tmp_path: Path) -> None:
    stranger = new_key(tmp_path, "stranger")
    done = ssh(["env", f"SSH_AUTH_SOCK={tmp_path}/gone", *openssh.command(sshd.address, key=stranger, known_hosts=known)])
    assert done.returncode == 255
    assert "Permission denied" in done.stderr


def test_another_host_key_is_refused_and_none_is_added(sshd: Sshd, known: Path, tmp_path: Path) -> None:
    KnownHosts(known).remember(sshd.address, public(new_key(tmp_path, "other")))
    before = known.read_text()
    done = ssh(openssh.command(sshd.address, key=sshd.key, known_hosts=known, remote_command=["true"]))
    assert done.returncode == 255
    assert "Host key verification failed" in done.stderr
    KnownHosts(known).forget(sshd.address)
    assert ssh(openssh.command(sshd.address, key=sshd.key, known_hosts=known, remote_command=["true"])).returncode == 255
    assert (before, known.read_text()) == (before, "")


@pytest.mark.parametrize(("tty", "said"), [(True, "-t"), (False, "-T"), (None, None)])
def test_a_terminal_is_asked_for_or_not(sshd: Sshd, known: Path, tty: bool | None, said: str | None) -> None:
    argv = openssh.command(sshd.address, key=sshd.key, known_hosts=known, tty=tty)
    assert [word for word in argv if word in ("-t", "-T")] == ([said] if said else [])
