"""The way to an encrypted connection: TCP, banner, key exchange, host key. All under one deadline."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from composegen.errors import HostKeyChanged, NotReachable, SshError
from composegen.ssh import adapter, keys
from composegen.ssh.address import Address
from composegen.ssh.deadline import Deadline
from composegen.ssh.known_hosts import HostKeys
from composegen.ssh.session import close

if TYPE_CHECKING:
    from paramiko import Transport

BANNER_POLL = 0.005  # seconds
LOGS = "`composegen logs` shows what it said"


@contextlib.contextmanager
def handshake(address: Address, host_keys: HostKeys, deadline: Deadline) -> Iterator[Transport]:
    """An encrypted connection to the server that has the right host key. Closed again if the block fails."""
    with _connected(address, deadline) as sock:
        _wait_for_banner(sock, address, deadline)
        expected = host_keys.lookup(address)
        if not expected:
            hint = "`composegen up` asks the container and writes it down"
            raise SshError(f"the host key of {address.endpoint} is not known", hint=hint)
        transport = _transport(sock, address, expected)
        try:
            _exchange_keys(transport, address, deadline)
            _verify(transport, address, expected)
            yield transport
        except BaseException:
            close(transport)
            raise


def read_banner(address: Address, *, timeout: float = 10.0) -> str:
    """What the server says first, such as `SSH-2.0-OpenSSH_9.2p1`. Raises NotReachable: it says nothing of the kind."""
    deadline = Deadline(timeout)
    with greeted(address, deadline) as sock:
        return _peek(sock, deadline).split(b"\n")[0].decode(errors="replace").strip()


@contextlib.contextmanager
def greeted(address: Address, deadline: Deadline) -> Iterator[socket.socket]:
    """A TCP connection to a server that has said its banner, which is left unread; closed after the block. Raises NotReachable."""
    with _connected(address, deadline) as sock, contextlib.closing(sock):
        _wait_for_banner(sock, address, deadline)
        yield sock


def wait_for_banner(address: Address, *, timeout: float, poll: float = 0.05) -> str:
    """`read_banner`, tried every `poll` seconds until it works or `timeout` seconds have passed. Raises the last NotReachable."""
    deadline = Deadline(timeout)
    while True:
        try:
            return read_banner(address, timeout=max(deadline.left, poll))
        except NotReachable:
            if deadline.left <= poll:
                raise
        time.sleep(poll)


@contextlib.contextmanager
def _connected(address: Address, deadline: Deadline) -> Iterator[socket.socket]:
    """A TCP connection. Closed again if the block fails."""
    try:
        sock = socket.create_connection((address.host, address.port), timeout=max(deadline.left, 0.001))
    except ConnectionRefusedError:
        hint = "is the container running? `composegen ps` shows it"
        raise NotReachable(f"nothing listens on {address.endpoint}", hint=hint) from None
    except TimeoutError:
        raise NotReachable(f"{address.endpoint} does not answer within {deadline.seconds:g} s") from None
    except (OSError, ValueError) as error:  # ValueError: what is no host name at all
        reason = error.strerror if isinstance(error, OSError) else "not a host name"
        raise NotReachable(f"cannot reach {address.endpoint}: {reason}") from None
    try:
        # Small packets go both ways all the time; waiting to merge them costs 40 ms each.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield sock
    except BaseException:
        sock.close()
        raise


def _wait_for_banner(sock: socket.socket, address: Address, deadline: Deadline) -> None:
    """Return once the server has said `SSH-…`, which stays unread. OpenSSH says nothing before it.

    paramiko by itself waits 15 s for the first line, and accepts 100 lines of anything.
    """
    said = b""
    while b"\n" not in said:
        if deadline.passed:
            hint = "another program may have this port, or the machine is very busy"
            raise NotReachable(f"{address.endpoint} says no SSH banner within {deadline.seconds:g} s", hint=hint)
        before, said = said, _peek(sock, deadline)
        if not said and not deadline.passed:
            # docker-proxy accepts before sshd listens in the container, then finds nobody to connect us to.
            hint = f"sshd in the container is not up; {LOGS}"
            raise NotReachable(f"{address.endpoint} accepts the connection and closes it at once", hint=hint)
        if said == before:
            time.sleep(BANNER_POLL)
    if not said.startswith(b"SSH-"):
        line = said.splitlines()[0].decode(errors="replace").strip()
        hint = "another program may have this port; SSH_PORT in .env chooses another one"
        raise NotReachable(f"{address.endpoint} is not an SSH server: it says {line[:80]!r}", hint=hint)


def _peek(sock: socket.socket, deadline: Deadline) -> bytes:
    """What the server has said so far, left unread; nothing where it closed the connection or time is up."""
    sock.settimeout(max(deadline.left, 0.001))
    try:
        return sock.recv(255, socket.MSG_PEEK)
    except OSError:
        return b""


def _transport(sock: socket.socket, address: Address, expected: tuple[str, ...]) -> Transport:
    paramiko = adapter.preload()
    with adapter.explained(address, "speak SSH with"):
        transport: Transport = paramiko.Transport(sock)
        # Asked for one of the types we know, a server with several keys shows the right one.
        wanted = [algorithm for line in expected for algorithm in _algorithms(line.split()[0])]
        options = transport.get_security_options()
        options.key_types = tuple(each for each in options.key_types if each in wanted) or options.key_types
        return transport


def _algorithms(key_type: str) -> tuple[str, ...]:
    """The signature algorithms of a type of key (RFC 8332 for RSA)."""
    return ("rsa-sha2-512", "rsa-sha2-256") if key_type == "ssh-rsa" else (key_type,)


def _exchange_keys(transport: Transport, address: Address, deadline: Deadline) -> None:
    from paramiko import SSHException
    from paramiko.ssh_exception import IncompatiblePeer

    transport.banner_timeout = transport.handshake_timeout = max(deadline.left, 0.001)
    try:
        with adapter.explained(address, "agree on encryption with"):
            transport.start_client(timeout=deadline.left)
    except SshError as error:
        if isinstance(error.__cause__, IncompatiblePeer) and "host key" in str(error.__cause__):
            raise _changed(address, "none of the expected type") from None
        if type(error.__cause__) is SSHException and not transport.is_active():
            # The server went away in the middle, as one does that is being restarted.
            raise NotReachable(error.message) from error.__cause__
        raise
    if not transport.is_active() or not transport.initial_kex_done:
        raise NotReachable(f"{address.endpoint} does not finish its SSH handshake within {deadline.seconds:g} s")


def _verify(transport: Transport, address: Address, expected: tuple[str, ...]) -> None:
    with adapter.explained(address, "read the host key of"):
        key = transport.get_remote_server_key()
        shown = f"{key.get_name()} {key.get_base64()}"
    if shown not in expected:
        raise _changed(address, f"{keys.fingerprint(shown)} instead of {keys.fingerprint(expected[0])}")


def _changed(address: Address, shown: str) -> HostKeyChanged:
    return HostKeyChanged(
        f"{address.endpoint} shows another host key than expected: {shown}",
        hint="another container may have this port, or its host key is new; `composegen up` asks the container and writes it down",
    )
