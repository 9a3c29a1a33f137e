"""Getting in, and every way in which that fails: each explained, each in time."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from composegen.errors import HostKeyChanged, LoginRefused, NotReachable, SshError, UsageError
from composegen.ssh import Address, KnownHosts, OneHostKey, connect, login_methods, read_banner, wait_for_login
from tests.ssh.servers import USER, Answers, Server, Sshd, new_key, paramiko_server, public, tcp_server

ANY_KEY = OneHostKey("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOeV8JlnME3y71MGG+X1iB7bZvmjeOkeURtRDS70UA8O")
SLACK = 2.0  # seconds that a busy machine may add to a deadline


def at(port: int) -> Address:
    return Address("127.0.0.1", port, USER)


def hold(client: socket.socket) -> None:
    """Keep a connection open and silent until the other side ends it."""
    with client, contextlib.suppress(OSError):
        while client.recv(1024):
            pass


# --- it works -----------------------------------------------------------------------------------------------------------


def test_the_key_logs_in(server: Server, key: Path) -> None:
    with connect(server.address, key=key, host_keys=server.host_keys) as session:
        assert session.banner.startswith("SSH-2.0-")
        assert session.host_key == server.host_key
    assert server.answers.tried == ["publickey"]


def test_the_password_logs_in(server: Server) -> None:
    connect(server.address, password="sesame", host_keys=server.host_keys).close()


def test_a_real_sshd_lets_the_key_in(sshd: Sshd) -> None:
    with connect(sshd.address, key=sshd.key, host_keys=sshd.host_keys) as session:
        assert session.run("echo hello").stdout == "hello\n"


def test_a_written_down_host_key_is_enough(sshd: Sshd, tmp_path: Path) -> None:
    known = KnownHosts(tmp_path / "known_hosts")
    known.remember(sshd.address, sshd.host_key)
    connect(sshd.address, key=sshd.key, host_keys=known).close()


def test_a_server_with_several_host_keys_shows_the_one_that_is_known(idle_sshd: Sshd) -> None:
    rsa, ecdsa = idle_sshd.directory / "rsa", idle_sshd.directory / "ecdsa"
    for kind, path in (("rsa", rsa), ("ecdsa", ecdsa)):
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(path)], check=True)
    idle_sshd.start(f"HostKey {rsa}", f"HostKey {ecdsa}")
    idle_sshd.wait()
    for line in (idle_sshd.host_key, public(rsa), public(ecdsa)):
        with connect(idle_sshd.address, key=idle_sshd.key, host_keys=OneHostKey(line)) as session:
            assert session.host_key == line


def test_the_banner_is_read_without_logging_in(sshd: Sshd) -> None:
    assert read_banner(sshd.address).startswith("SSH-2.0-OpenSSH_")


def test_only_the_given_key_is_tried(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".ssh").mkdir()
    new_key(tmp_path / ".ssh")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(LoginRefused):
        connect(server.address, key=new_key(tmp_path, "stranger"), host_keys=server.host_keys)
    assert server.answers.tried == ["publickey"]


# --- it is refused ------------------------------------------------------------------------------------------------------


def test_a_wrong_key_a_wrong_password_and_nothing_are_refused(server: Server, tmp_path: Path) -> None:
    with pytest.raises(LoginRefused, match="refuses the key"):
        connect(server.address, key=new_key(tmp_path, "stranger"), host_keys=server.host_keys)
    with pytest.raises(LoginRefused, match="refuses the password"):
        connect(server.address, password="open", host_keys=server.host_keys)
    with pytest.raises(LoginRefused, match="refuses a login without credentials"):
        connect(server.address, host_keys=server.host_keys)


def test_a_password_that_is_not_asked_for_is_refused_and_says_what_is(sshd: Sshd) -> None:
    with pytest.raises(LoginRefused, match="refuses the password") as raised:
        connect(sshd.address, password="sesame", host_keys=sshd.host_keys)
    assert raised.value.hint == "it takes publickey"


def test_the_ways_in_are_listed(sshd: Sshd, server: Server) -> None:
    assert login_methods(sshd.address, host_keys=sshd.host_keys) == ("publickey",)
    assert login_methods(server.address, host_keys=server.host_keys) == ("publickey", "password")
    server.answers.nobody = True
    assert login_methods(server.address, host_keys=server.host_keys) == ("none",)


def test_another_host_key_stops_before_any_credential_is_sent(server: Server, key: Path, tmp_path: Path) -> None:
    other = OneHostKey(public(new_key(tmp_path, "other")))
    with pytest.raises(HostKeyChanged, match=r"shows another host key than expected: SHA256:.* instead of SHA256:") as raised:
        connect(server.address, key=key, host_keys=other)
    assert raised.value.hint
    assert server.answers.tried == []


def test_a_host_key_of_another_type_is_another_host_key(sshd: Sshd, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(tmp_path / "ecdsa")], check=True)
    with pytest.raises(HostKeyChanged):
        connect(sshd.address, key=sshd.key, host_keys=OneHostKey(public(tmp_path / "ecdsa")))


def test_an_unknown_host_key_is_never_accepted(server: Server, key: Path, tmp_path: Path) -> None:
    known = KnownHosts(tmp_path / "known_hosts")
    with pytest.raises(SshError, match="is not known"):
        connect(server.address, key=key, host_keys=known)
    assert known.lookup(server.address) == ()
    assert server.answers.tried == []


def test_a_server_that_came_back_with_a_new_host_key_is_noticed(idle_sshd: Sshd, tmp_path: Path) -> None:
    known = KnownHosts(tmp_path / "known_hosts")
    known.remember(idle_sshd.address, idle_sshd.host_key)
    idle_sshd.start()
    idle_sshd.wait()
    connect(idle_sshd.address, key=idle_sshd.key, host_keys=known).close()
    idle_sshd.stop()
    for file in ("host_key", "host_key.pub"):
        (idle_sshd.directory / file).unlink()
    new_key(idle_sshd.directory, "host_key")
    idle_sshd.start()
    idle_sshd.wait()
    with pytest.raises(HostKeyChanged):
        connect(idle_sshd.address, key=idle_sshd.key, host_keys=known)


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "No such file"), ("", "cannot use"), ("nonsense", "cannot use"), ("locked", "needs a passphrase")],
)
def test_a_key_file_that_cannot_be_used_is_explained(server: Server, tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "given"
    if content == "locked":
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(path)], check=True)
    elif content is not None:
        path.write_text(content)
    with pytest.raises(SshError, match=said):
        connect(server.address, key=path, host_keys=server.host_keys)


# --- nobody there, or somebody else ------------------------------------------------------------------------------------


def test_a_port_where_nothing_listens_is_said(free_port: int) -> None:
    with pytest.raises(NotReachable, match=f"nothing listens on 127.0.0.1:{free_port}"):
        connect(at(free_port), host_keys=ANY_KEY)


def test_a_connection_that_is_closed_at_once_means_that_sshd_is_not_up() -> None:
    with tcp_server(socket.socket.close) as port, pytest.raises(NotReachable, match="closes it at once") as raised:
        connect(at(port), host_keys=ANY_KEY)
    assert "sshd in the container is not up" in str(raised.value.hint)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        (b"220 mail ESMTP\r\n", "220 mail ESMTP"),
        (b"Exceeded MaxStartups\r\n", "Exceeded MaxStartups"),
        (b"\x16\x03\x01\n", r"\\x16\\x03\\x01"),
    ],
)
def test_a_server_with_another_banner_is_quoted(said: bytes, shown: str) -> None:
    def serve(client: socket.socket) -> None:
        with client:
            client.sendall(said)
            hold(client)

    with tcp_server(serve) as port, pytest.raises(NotReachable, match=f"is not an SSH server: it says '{shown}"):
        connect(at(port), host_keys=ANY_KEY)


def _dribble(client: socket.socket) -> None:
    with client, contextlib.suppress(OSError):
        while True:
            client.sendall(b"S")
            time.sleep(0.02)


def _banner_only(client: socket.socket) -> None:
    with contextlib.suppress(OSError):
        client.sendall(b"SSH-2.0-slow\r\n")
    hold(client)


@pytest.mark.parametrize("serve", [hold, _dribble, _banner_only])
def test_a_slow_server_does_not_outlast_the_deadline(serve: Callable[[socket.socket], None]) -> None:
    with tcp_server(serve) as port:
        began = time.monotonic()
        with pytest.raises(NotReachable):
            connect(at(port), host_keys=ANY_KEY, timeout=0.5)
        assert time.monotonic() - began < 0.5 + SLACK


def test_a_server_that_speaks_an_old_protocol_or_dies_in_the_handshake_is_explained() -> None:
    def serve(line: bytes) -> Callable[[socket.socket], None]:
        def answer(client: socket.socket) -> None:
            with client, contextlib.suppress(OSError):
                client.sendall(line)
                client.recv(1024)

        return answer

    for line in (b"SSH-1.5-old\r\n", b"SSH-2.0-dies\r\n", b"SSH-\r\n", b"SSH-2.0-x\r\n" + b"\xff" * 100):
        with tcp_server(serve(line)) as port, pytest.raises(SshError):
            connect(at(port), host_keys=ANY_KEY, timeout=3)


@pytest.mark.parametrize("host", ["host.invalid", "", "a" * 64 + ".invalid", "..", "with space", "\x00"])
def test_a_host_name_that_is_none_is_explained(host: str) -> None:
    with pytest.raises(SshError):
        connect(Address(host, 1, "root"), host_keys=ANY_KEY, timeout=3)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(UsageError, match="is not a TCP port"):
        at(port)


def test_a_failed_login_leaves_no_thread_and_no_connection(server: Server) -> None:
    before = threading.active_count()
    for _ in range(5):
        with pytest.raises(LoginRefused):
            connect(server.address, password="wrong", host_keys=server.host_keys)
    deadline = time.monotonic() + SLACK
    # Both sides' threads end on their own time; the server keeps one that listens.
    while threading.active_count() > before + 1 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(transport.is_active() for transport in server.transports)
    assert threading.active_count() <= before + 1


def test_paramiko_says_nothing_by_itself(free_port: int) -> None:
    """Its threads log tracebacks, which Python prints where nobody listens to the log."""
    program = f"""
import socket, threading
from composegen.errors import SshError
from composegen.ssh import Address, OneHostKey, connect
listener = socket.create_server(("127.0.0.1", {free_port}))
def serve():
    client, _ = listener.accept()
    client.sendall(b"SSH-2.0-x\\r\\n" + bytes(200))
    client.close()
threading.Thread(target=serve).start()
try:
    connect(Address("127.0.0.1", {free_port}, "root"), host_keys=OneHostKey("{ANY_KEY.line}"), timeout=5)
except SshError as error:
    print(error.message)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"127.0.0.1:{free_port}" in done.stdout


def test_first_connections_in_many_threads_share_one_import(free_port: int) -> None:
    """To another thread, a half-imported paramiko looks like an imported one. And invoke (0.1 s) is left out."""
    program = f"""
import sys
from concurrent.futures import ThreadPoolExecutor
from composegen.errors import NotReachable
from composegen.ssh import Address, OneHostKey, login, preload
from composegen.ssh.adapter import explained
def first(_):
    with explained(Address("127.0.0.1", {free_port}, "root"), "try"):
        return preload().Transport
with ThreadPoolExecutor(16) as pool:
    assert len(set(pool.map(first, range(16)))) == 1
assert "invoke" not in sys.modules
import logging
assert len(logging.getLogger("paramiko").handlers) == 1
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_importing_the_room_imports_no_paramiko() -> None:
    program = "import sys, composegen.ssh, composegen.smoke; sys.exit('paramiko' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0


# --- waiting ------------------------------------------------------------------------------------------------------------


def test_waiting_ends_with_a_login_once_sshd_is_up(idle_sshd: Sshd) -> None:
    threading.Timer(0.5, idle_sshd.start).start()
    with wait_for_login(idle_sshd.address, key=idle_sshd.key, host_keys=idle_sshd.host_keys, timeout=30) as session:
        assert session.run("true").ok


def test_waiting_survives_a_proxy_that_accepts_before_sshd_is_up(tmp_path: Path, key: Path) -> None:
    """docker-proxy does so."""
    seen: list[int] = []
    with paramiko_server(new_key(tmp_path, "host_key"), Answers(key=public(key))) as server:

        def proxy(client: socket.socket) -> None:
            seen.append(1)
            with client, contextlib.suppress(OSError):
                if len(seen) < 5:
                    return
                with socket.create_connection(("127.0.0.1", server.address.port)) as upstream:
                    back = threading.Thread(target=_pump, args=(upstream, client), daemon=True)
                    back.start()
                    _pump(client, upstream)

        with tcp_server(proxy) as port:
            wait_for_login(at(port), key=key, host_keys=server.host_keys, timeout=30).close()
    assert len(seen) == 5


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(4096):
            target.sendall(data)


def test_waiting_gives_up_at_its_deadline_and_says_the_last_reason(free_port: int) -> None:
    began = time.monotonic()
    with pytest.raises(NotReachable, match=r"nothing listens .*, after 0.3 s of trying"):
        wait_for_login(at(free_port), host_keys=ANY_KEY, timeout=0.3)
    assert time.monotonic() - began < 0.3 + SLACK


def test_waiting_ends_early_when_the_container_died(free_port: int) -> None:
    asked: list[int] = []

    def alive() -> bool:
        asked.append(1)
        return False

    with pytest.raises(NotReachable, match="the container stopped before"):
        wait_for_login(at(free_port), host_keys=ANY_KEY, timeout=30, alive=alive)
    assert len(asked) == 1


def test_waiting_passes_on_another_host_key_at_once(server: Server, key: Path, tmp_path: Path) -> None:
    other = OneHostKey(public(new_key(tmp_path, "other")))
    with pytest.raises(HostKeyChanged):
        wait_for_login(server.address, key=key, host_keys=other, timeout=30)


def test_waiting_is_patient_with_a_refusal_and_not_for_long(server: Server) -> None:
    began = time.monotonic()
    with pytest.raises(LoginRefused):
        wait_for_login(server.address, password="wrong", host_keys=server.host_keys, timeout=30)
    assert len(server.answers.tried) > 1
    assert time.monotonic() - began < 10


def test_waiting_accepts_a_key_that_comes_a_little_later(server: Server) -> None:
    def later() -> None:
        server.answers.password = "new"

    threading.Timer(0.5, later).start()
    wait_for_login(server.address, password="new", host_keys=server.host_keys, timeout=30).close()
