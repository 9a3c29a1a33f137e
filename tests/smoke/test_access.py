"""Who gets in: the probes against a server that does the right thing, and against each wrong one."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from composegen.model import Finding
from composegen.smoke import names, run
from composegen.smoke.access import WEAK
from tests.smoke.fakes import TARGET, FakeSession, find
from tests.ssh.servers import Server, Sshd, new_key, public, tcp_server

REFUSED = [name for name in names() if name.startswith("refused-")]


def at(server: Server, name: str, key: Path, **expected: Any) -> Finding:
    target = replace(TARGET, address=server.address, key=key, host_key=server.host_key, **expected)
    (finding,) = run(target, only=[name]).findings
    return finding


def test_the_banner_is_shown(sshd: Sshd) -> None:
    assert find("banner", FakeSession(), address=sshd.address).detail.startswith("SSH-2.0-OpenSSH_")


def test_a_port_that_closes_at_once_fails_the_banner() -> None:
    with tcp_server(socket.socket.close) as port:
        finding = find("banner", FakeSession(), address=replace(TARGET.address, port=port))
    assert (finding.outcome, "closes it at once" in finding.detail) == ("fail", True)


def test_the_host_key_is_the_containers(server: Server, key: Path, tmp_path: Path) -> None:
    good = at(server, "host-key", key)
    assert (good.outcome, good.detail.split()[0]) == ("ok", "ssh-ed25519")
    (other,) = run(
        replace(TARGET, address=server.address, key=key, host_key=public(new_key(tmp_path, "other"))), only=["host-key"]
    ).findings
    assert (other.outcome, "another host key" in other.detail) == ("fail", True)


def test_a_session_over_another_host_key_fails() -> None:
    assert find("host-key", FakeSession(host_key="ssh-ed25519 other")).outcome == "fail"


def test_an_unknown_host_key_is_skipped_with_the_reason() -> None:
    finding = find("host-key", FakeSession(), host_key="")
    assert (finding.outcome, "not known" in finding.detail) == ("skip", True)


def test_the_password_must_work_where_one_is_set(server: Server, key: Path) -> None:
    assert at(server, "login-password", key, password="sesame").outcome == "ok"
    wrong = at(server, "login-password", key, password="other")
    assert (wrong.outcome, "refuses the password" in wrong.detail) == ("fail", True)


def test_no_password_may_be_taken_where_none_is_set(server: Server, key: Path) -> None:
    taken = at(server, "login-password", key)
    assert (taken.outcome, "takes passwords" in taken.detail) == ("fail", True)
    server.answers.methods = "publickey"
    assert at(server, "login-password", key).outcome == "ok"


@pytest.mark.parametrize("name", REFUSED)
def test_who_should_not_get_in_does_not(server: Server, key: Path, name: str) -> None:
    assert at(server, name, key).outcome == "ok"


@pytest.mark.parametrize("name", REFUSED)
def test_who_should_not_get_in_and_does_fails(server: Server, key: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answers.nobody = True
    server.answers.anything = True
    finding = at(server, name, key)
    user = "composegen-nobody" if name == "refused-unknown" else "tester"
    assert (finding.outcome, f"gets in as {user}" in finding.detail) == ("fail", True)


def test_a_real_sshd_refuses_all_of_them(sshd: Sshd) -> None:
    target = replace(TARGET, address=sshd.address, key=sshd.key, host_key=sshd.host_key)
    report = run(target, only=["banner", "host", "login", "refused", "forward", "sftp"])
    wrong = [each for each in report.findings if each.outcome != "ok"]
    # This sshd is not on port 22, where the container's is.
    assert [each.name for each in wrong] in ([], ["forward"])


def test_a_forward_reaches_sshd() -> None:
    assert find("forward", FakeSession()).outcome == "ok"
    assert find("forward", FakeSession(forwarded=b"HTTP/1.1")).outcome == "fail"
    assert find("forward", FakeSession(forwarded=b"")).outcome == "fail"


# --- the floor under the ciphers ---------------------------------------------------------------------------------------

STRONG = ("KexAlgorithms curve25519-sha256", "Ciphers aes256-gcm@openssh.com", "MACs hmac-sha2-256-etm@openssh.com")


def test_a_server_that_offers_modern_algorithms_alone_is_fine(idle_sshd: Sshd) -> None:
    idle_sshd.start(*STRONG)
    idle_sshd.wait()
    finding = find("cipher-floor", FakeSession(), address=idle_sshd.address)
    assert (finding.outcome, "first choice curve25519-sha256, aes256-gcm@openssh.com" in finding.detail) == ("ok", True)
    assert finding.data["macs"] == ["hmac-sha2-256-etm@openssh.com"]


@pytest.mark.parametrize(
    ("option", "weak"),
    [
        ("KexAlgorithms curve25519-sha256,diffie-hellman-group14-sha1", "diffie-hellman-group14-sha1"),
        ("Ciphers aes256-ctr,aes256-cbc,3des-cbc", "aes256-cbc, 3des-cbc"),
        ("MACs hmac-sha2-512,hmac-sha1-etm@openssh.com,hmac-md5", "hmac-sha1-etm@openssh.com, hmac-md5"),
    ],
)
def test_each_weak_algorithm_that_a_server_offers_is_named(idle_sshd: Sshd, option: str, weak: str) -> None:
    idle_sshd.start(option, *STRONG)
    idle_sshd.wait()
    finding = find("cipher-floor", FakeSession(), address=idle_sshd.address)
    assert (finding.outcome, finding.detail) == ("fail", f"the server offers {weak}")
    assert finding.data["weak"] == weak.split(", ")


@pytest.mark.parametrize("name", ["ssh-rsa", "ssh-dss", "arcfour256", "none", "diffie-hellman-group1-sha1", "blowfish-cbc"])
def test_what_no_openssh_of_today_offers_is_known_to_be_weak(name: str) -> None:
    assert WEAK.search(name)


@pytest.mark.parametrize("name", ["rsa-sha2-512", "ssh-ed25519", "chacha20-poly1305@openssh.com", "kex-strict-s-v00@openssh.com"])
def test_what_is_strong_is_not_taken_for_weak(name: str) -> None:
    assert not WEAK.search(name)
