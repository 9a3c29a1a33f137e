"""composegen's known_hosts: OpenSSH's format, safe for many at once, careful with other people's lines."""

from __future__ import annotations

import subprocess
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from composegen.errors import SshError
from composegen.ssh import Address, KnownHosts
from tests.ssh.servers import new_key, public

HOST = Address("127.0.0.1", 2222, "root")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOeV8JlnME3y71MGG+X1iB7bZvmjeOkeURtRDS70UA8O"


@pytest.fixture
def known(tmp_path: Path) -> KnownHosts:
    return KnownHosts(tmp_path / "new" / "known_hosts")


def test_what_is_remembered_is_found_until_it_is_forgotten(known: KnownHosts) -> None:
    assert known.lookup(HOST) == ()
    known.remember(HOST, f"{KEY} root@container\n")
    assert known.lookup(HOST) == (KEY,)
    assert known.path.read_text() == f"[127.0.0.1]:2222 {KEY}\n"
    assert known.path.stat().st_mode & 0o777 == 0o600
    known.forget(HOST)
    assert known.lookup(HOST) == ()


def test_a_new_key_takes_the_place_of_the_old_one(known: KnownHosts, tmp_path: Path) -> None:
    other = public(new_key(tmp_path))
    known.remember(HOST, KEY)
    known.remember(HOST, other)
    assert known.lookup(HOST) == (other,)


def test_the_user_of_an_address_does_not_matter_and_the_port_does(known: KnownHosts) -> None:
    known.remember(HOST, KEY)
    assert known.lookup(Address("127.0.0.1", 2222, "ada")) == (KEY,)
    assert known.lookup(Address("127.0.0.1", 22, "root")) == ()


def test_a_port_that_passes_to_another_container_takes_no_key_along(known: KnownHosts) -> None:
    one, two, other = replace(HOST, host_key_alias="one"), replace(HOST, host_key_alias="two"), KEY.replace("IOeV", "IOeW")
    known.remember(one, KEY)
    known.remember(two, other)
    assert (known.lookup(one), known.lookup(two), known.lookup(HOST)) == ((KEY,), (other,), (other,))
    known.remember(one, KEY)  # it is back: a client without HostKeyAlias is to find it, too
    assert (known.lookup(two), known.lookup(HOST)) == ((other,), (KEY,))
    known.forget(one)
    assert known.path.read_text() == f"two {other}\n"


def test_openssh_finds_what_was_remembered(known: KnownHosts) -> None:
    for address in (HOST, Address("127.0.0.1", 22, "root"), Address("::1", 2222, "root")):
        known.remember(address, KEY)
        found = subprocess.run(["ssh-keygen", "-F", address.known_as, "-f", known.path], capture_output=True, text=True)
        assert KEY in found.stdout, address


def test_lines_of_others_stay_byte_for_byte(known: KnownHosts) -> None:
    known.path.parent.mkdir()
    others = f"# mine\n|1|hash|ed= {KEY}\n@revoked [127.0.0.1]:2222 {KEY}\nmalformed\n\nexample.org {KEY} caf".encode() + b"\xe9\n"
    known.path.write_bytes(others + f"a,[127.0.0.1]:2222,b {KEY}\n".encode())
    known.remember(HOST, KEY.replace("IOeV", "IOeW"))
    assert known.path.read_bytes() == others + f"a,b {KEY}\n[127.0.0.1]:2222 {KEY.replace('IOeV', 'IOeW')}\n".encode()


def test_a_link_stays_a_link(known: KnownHosts, tmp_path: Path) -> None:
    known.path.parent.mkdir()
    known.path.symlink_to(tmp_path / "elsewhere")
    known.remember(HOST, KEY)
    assert known.path.is_symlink()
    assert KEY in (tmp_path / "elsewhere").read_text()


def test_what_is_no_key_is_not_written_down(known: KnownHosts) -> None:
    for nonsense in ("", "No such file", "ssh-ed25519 AAAA", f"{KEY}x"):
        with pytest.raises(SshError):
            known.remember(HOST, nonsense)
    assert not known.path.exists()


def test_a_directory_that_cannot_be_used_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SshError, match="cannot use") as raised:
        KnownHosts(tmp_path / "file" / "known_hosts").remember(HOST, KEY)
    assert "XDG_CONFIG_HOME" in str(raised.value.hint)


def _remember_twenty(job: tuple[Path, int]) -> None:
    path, first = job
    for port in range(first, first + 20):
        KnownHosts(path).remember(Address("127.0.0.1", port, "root"), KEY)


def test_many_processes_at_once_lose_no_line(known: KnownHosts) -> None:
    with ProcessPoolExecutor(4) as pool:
        list(pool.map(_remember_twenty, [(known.path, first) for first in (3000, 4000, 5000, 6000)]))
    assert len(known.path.read_text().splitlines()) == 80
    assert sorted(path.name for path in known.path.parent.iterdir()) == ["known_hosts", "known_hosts.lock"]
