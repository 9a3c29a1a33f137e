"""Facts about this host: ports that somebody holds, and whose folder it is."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from composegen import host
from composegen.errors import ComposegenError
from composegen.host import Caller


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_a_port_that_somebody_listens_on_is_taken(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    assert host.port_is_free(port, "127.0.0.1") is False
    assert host.port_is_free(port, "0.0.0.0") is False
    assert host.port_is_free(port, "127.0.0.2") is True


def test_a_listener_on_every_address_takes_the_port_of_each() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        assert host.port_is_free(server.getsockname()[1], "127.0.0.1") is False


def test_a_port_whose_connections_are_only_closing_is_free(listener: socket.socket) -> None:
    address = listener.getsockname()
    client = socket.create_connection(address)
    accepted, _ = listener.accept()
    accepted.close()  # the side that closes first keeps the port in TIME_WAIT
    client.close()
    listener.close()
    assert host.port_is_free(address[1], "127.0.0.1") is True


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_ipv6_addresses_are_checked_too() -> None:
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no ::1 here")
    with server:
        assert host.port_is_free(server.getsockname()[1], "::1") is False


def test_an_address_of_another_machine_cannot_be_told() -> None:
    assert host.port_is_free(2222, "192.0.2.1") is None


def test_the_next_free_port_is_found(listener: socket.socket) -> None:
    taken = listener.getsockname()[1]
    assert host.free_port(taken, "127.0.0.1") > taken


def test_no_free_port_is_said() -> None:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", host.LAST_PORT))
        server.listen()
        with pytest.raises(ComposegenError, match="no free port"):
            host.free_port(host.LAST_PORT, "127.0.0.1")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("alice", "alice"),
        ("Alice.B", "alice-b"),
        ("DOMAIN\\alice", "alice"),
        ("alice@corp.example", "alice"),
        ("7of9", "u7of9"),
        ("Zoë", "zo"),
        ("码", "user"),
        ("", "user"),
        ("root", "user"),
        ("a" * 40, "a" * 32),
        ("-x-", "x"),
        ("_svc", "_svc"),
    ],
)
def test_a_name_becomes_one_that_linux_takes(text: str, name: str) -> None:
    assert host.linux_user_name(text) == name


def test_the_caller_is_the_process_user(tmp_path: Path) -> None:
    found = host.caller(tmp_path, {})
    assert (found.uid, found.gid) == (os.geteuid(), os.getegid())


@pytest.mark.skipif(os.geteuid() != 0, reason="sudo is a matter of root")
def test_under_sudo_the_owner_of_the_place_is_the_caller(tmp_path: Path) -> None:
    sudo = {"SUDO_UID": "1234", "SUDO_GID": "1235", "SUDO_USER": "Alice.B"}
    assert host.caller(tmp_path, sudo) == Caller("root", 0, 0)
    os.chown(tmp_path, 1234, 1235)
    assert host.caller(tmp_path / "not/yet", sudo) == Caller("alice-b", 1234, 1235)
    assert host.caller(tmp_path, {**sudo, "SUDO_UID": "nonsense"}) == Caller("root", 0, 0)


def test_the_repository_around_a_path_is_found(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert host.git_root(tmp_path / "a/b") == tmp_path.resolve()
    assert host.git_root(Path("/proc")) is None


@pytest.mark.parametrize(
    ("release", "kernel", "systems"),
    [
        ("ID=debian\n", "6.1.0-18-amd64", ("debian",)),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', "6.8.0", ("debian",)),
        ("ID=ubuntu\nID_LIKE=debian\n", "5.15.167.4-microsoft-standard-WSL2", ("wsl", "debian")),
        ('NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\n', "5.14", ("fedora",)),
        ('ID="openEuler"\n', "5.10", ("fedora",)),
        ("ID=endeavouros\nID_LIKE=arch\n", "6.9", ("arch",)),
        ("ID=nixos\n", "6.9", ()),
        (None, None, ()),
    ],
)
def test_a_host_is_known_by_its_os_release(
    tmp_path: Path, release: str | None, kernel: str | None, systems: tuple[str, ...]
) -> None:
    for name, text in (("etc/os-release", release), ("proc/sys/kernel/osrelease", kernel)):
        if text is not None:
            (tmp_path / name).parent.mkdir(parents=True)
            (tmp_path / name).write_text(text)
    assert host.systems("linux", tmp_path) == systems
    assert host.systems("darwin", tmp_path) == ("macos",)
