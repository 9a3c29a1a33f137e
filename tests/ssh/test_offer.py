"""What a server offers, read from the first packet that it sends."""

from __future__ import annotations

import socket
import struct

import pytest

from composegen.errors import NotReachable, SshError
from composegen.ssh import Address, read_offer
from tests.ssh.servers import Server, Sshd, tcp_server


def test_what_openssh_is_configured_to_offer_is_read(idle_sshd: Sshd) -> None:
    idle_sshd.start(
        "KexAlgorithms curve25519-sha256,diffie-hellman-group14-sha1",
        "Ciphers aes256-gcm@openssh.com,aes128-cbc",
        "MACs hmac-sha2-256-etm@openssh.com,hmac-md5",
    )
    idle_sshd.wait()
    offer = read_offer(idle_sshd.address)
    named = [name for name in offer.key_exchanges if not name.startswith(("ext-info", "kex-strict"))]
    assert named == ["curve25519-sha256", "diffie-hellman-group14-sha1"]
    assert offer.host_keys == ("ssh-ed25519",)
    assert offer.ciphers == ("aes256-gcm@openssh.com", "aes128-cbc")
    assert offer.macs == ("hmac-sha2-256-etm@openssh.com", "hmac-md5")


def test_another_server_than_openssh_is_understood(server: Server) -> None:
    assert "ssh-ed25519" in read_offer(server.address).host_keys


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\0\0\0\x0c",
        b"\0\0\0\0\0",
        b"\xff\xff\xff\xff\0",
        b"\0\0\0\x0c\x04\x15" + b"x" * 10,
        b"\0\0\0\x20\x04\x14" + b"\xff" * 30,
    ],
    ids=["nothing", "a length", "no content", "endless", "another message", "cut short"],
)
def test_whatever_comes_behind_the_banner_is_explained(said: bytes) -> None:
    def serve(client: socket.socket) -> None:
        client.sendall(b"SSH-2.0-odd\r\n" + said)
        client.shutdown(socket.SHUT_WR)

    with tcp_server(serve) as port, pytest.raises(SshError, match="nothing that SSH 2 knows"):
        read_offer(Address("127.0.0.1", port, "x"))


def test_a_server_that_falls_silent_is_given_up() -> None:
    def serve(client: socket.socket) -> None:
        client.sendall(b"SSH-2.0-odd\r\n")
        client.recv(64)
        client.recv(64)

    with tcp_server(serve) as port, pytest.raises(NotReachable, match="does not say within"):
        read_offer(Address("127.0.0.1", port, "x"), timeout=0.3)


def test_a_packet_in_pieces_is_put_together() -> None:
    names = [b"curve25519-sha256", b"ssh-ed25519", b"aes256-ctr", b"aes128-ctr", b"hmac-sha2-512", b"hmac-sha2-512"]
    content = b"\x14" + b"c" * 16 + b"".join(struct.pack(">I", len(name)) + name for name in names)
    packet = struct.pack(">IB", len(content) + 5, 4) + content + b"pad!"

    def serve(client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"SSH-2.0-slow\r\n" + packet:
            client.sendall(bytes([byte]))

    with tcp_server(serve) as port:
        offer = read_offer(Address("127.0.0.1", port, "x"))
    assert (offer.ciphers, offer.macs) == (("aes256-ctr", "aes128-ctr"), ("hmac-sha2-512",))
