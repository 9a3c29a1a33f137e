"""One logged-in SSH session: commands, files, and channels to ports as the container sees them."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from composegen.errors import NotReachable, SshError
from composegen.ssh.adapter import explained
from composegen.ssh.address import Address
from composegen.ssh.deadline import Deadline

if TYPE_CHECKING:
    import paramiko

CHUNK = 32 * 1024
CLOSE_NOTICE = 1.0  # seconds that the exit status may come later than the end of the output
SFTP_SILENCE = 30.0  # seconds that a server may take for each answer
AT_ONCE = 8  # channels; OpenSSH allows 10 (MaxSessions) unless it is told otherwise


@dataclass(frozen=True)
class Result:
    """What a command said. `status` is its exit status, -1 where a signal ended it."""

    status: int
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        return self.status == 0

    @property
    def output(self) -> str:
        return self.stdout + self.stderr


class Channel(Protocol):
    """A TCP connection that the server made for us."""

    def send(self, data: bytes) -> None: ...
    def receive(self, size: int) -> bytes: ...
    def close(self) -> None: ...
    def __enter__(self) -> Channel: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


class Session(Protocol):
    """A logged-in session. May be used from several threads. Every method raises SshError, and nothing else, when it fails."""

    @property
    def banner(self) -> str: ...
    @property
    def host_key(self) -> str: ...
    def run(self, command: str, *, timeout: float = 30.0, stdin: bytes | Iterable[bytes] = b"") -> Result: ...
    def read_file(self, path: str) -> bytes: ...
    def write_file(self, path: str, content: bytes) -> None: ...
    def remove_file(self, path: str) -> None: ...
    def channel(self, host: str, port: int, *, timeout: float = 10.0) -> Channel: ...
    def close(self) -> None: ...
    def __enter__(self) -> Session: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


class _Closing:
    """`with` closes it."""

    def close(self) -> None:
        raise NotImplementedError

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class ParamikoSession(_Closing):
    """A Session over an authenticated paramiko transport."""

    def __init__(self, address: Address, transport: paramiko.Transport) -> None:
        self.address = address
        self._transport = transport
        self._slots = threading.BoundedSemaphore(AT_ONCE)

    def __enter__(self) -> ParamikoSession:
        return self

    @property
    def banner(self) -> str:
        """What the server said first, such as `SSH-2.0-OpenSSH_9.2p1`."""
        return self._transport.remote_version

    @property
    def host_key(self) -> str:
        """`TYPE BASE64` of the key that the server showed."""
        with explained(self.address, "read the host key of"):
            key = self._transport.get_remote_server_key()
            return f"{key.get_name()} {key.get_base64()}"

    def run(self, command: str, *, timeout: float = 30.0, stdin: bytes | Iterable[bytes] = b"") -> Result:
        """Run a command line in the user's shell there. `timeout` is in seconds, for the whole of it. `stdin` may come in parts.

        Raises NotReachable: the connection ended. SshError: the command took longer; it may still run there.
        """
        deadline = Deadline(timeout)
        with self._slots, explained(self.address, "run a command on"):
            channel = self._transport.open_session(timeout=timeout)
            with contextlib.closing(channel):
                try:
                    channel.settimeout(deadline.left)
                    channel.exec_command(command)
                    return self._finish(channel, stdin, deadline)
                except TimeoutError:
                    raise SshError(f"no end of `{_short(command)}` within {timeout:g} s on {self.address}") from None

    def _finish(self, channel: paramiko.Channel, stdin: bytes | Iterable[bytes], deadline: Deadline) -> Result:
        errors: list[bytes] = []
        # Both streams share one window: what is not read blocks the other.
        reader = threading.Thread(target=_drain_quietly, args=(channel.recv_stderr, channel, deadline, errors), daemon=True)
        reader.start()
        _send(channel, [stdin] if isinstance(stdin, bytes) else stdin, deadline)
        _end_input(channel)
        output = b"".join(_chunks(channel.recv, channel, deadline))
        reader.join(deadline.left)
        if reader.is_alive():
            raise TimeoutError
        # Output may end long before the command does.
        if not channel.status_event.wait(max(deadline.left, CLOSE_NOTICE)):
            raise TimeoutError
        if channel.exit_status == -1 and not self._transport.is_active():
            raise NotReachable(f"the connection to {self.address} ended while a command ran")
        return Result(channel.exit_status, _text(output), _text(b"".join(errors)))

    def read_file(self, path: str) -> bytes:
        """The content of a file there, over SFTP."""
        with self._sftp() as sftp, sftp.open(path, "rb") as file:
            return file.read()

    def write_file(self, path: str, content: bytes) -> None:
        """Write a file there, over SFTP; one that exists is replaced."""
        with self._sftp() as sftp, sftp.open(path, "wb") as file:
            file.write(content)

    def remove_file(self, path: str) -> None:
        with self._sftp() as sftp:
            sftp.remove(path)

    @contextlib.contextmanager
    def _sftp(self) -> Iterator[paramiko.SFTPClient]:
        from paramiko import SFTPClient

        with self._slots, explained(self.address, "use SFTP on"):
            channel = self._transport.open_session(timeout=SFTP_SILENCE)
            # Without it, a server that falls silent would be waited for without end, already for its first word.
            channel.settimeout(SFTP_SILENCE)
            channel.invoke_subsystem("sftp")
            with contextlib.closing(channel), SFTPClient(channel) as client:
                yield client

    def channel(self, host: str, port: int, *, timeout: float = 10.0) -> Channel:
        """A TCP connection from the server to host:port (direct-tcpip, what `ssh -L` uses). `timeout` is for each wait on it."""
        with explained(self.address, f"forward to {host}:{port} through"):
            opened = self._transport.open_channel("direct-tcpip", (host, port), ("127.0.0.1", 0), timeout=timeout)
            opened.settimeout(timeout)
            return ForwardedChannel(self.address, opened)

    def close(self) -> None:
        close(self._transport)


class ForwardedChannel(_Closing):
    def __init__(self, address: Address, channel: paramiko.Channel) -> None:
        self._address = address
        self._channel = channel

    def __enter__(self) -> ForwardedChannel:
        return self

    def send(self, data: bytes) -> None:
        with explained(self._address, "send through a channel of"):
            self._channel.sendall(data)

    def receive(self, size: int) -> bytes:
        """At most `size` bytes; none at the end."""
        with explained(self._address, "receive through a channel of"):
            return self._channel.recv(size)

    def close(self) -> None:
        self._channel.close()


def close(transport: paramiko.Transport) -> None:
    """Close at once: paramiko's reading thread would notice only at its next look, up to 0.1 s later."""
    with contextlib.suppress(OSError):
        transport.sock.shutdown(socket.SHUT_RDWR)
    transport.close()


def _send(channel: paramiko.Channel, parts: Iterable[bytes], deadline: Deadline) -> None:
    """As far as the command reads: one that ends before that has a status, which says more than a closed channel."""
    for part in parts:
        channel.settimeout(deadline.left)
        try:
            channel.sendall(part)
        except TimeoutError:
            raise
        except OSError:
            if not channel.closed:
                raise
            return


def _end_input(channel: paramiko.Channel) -> None:
    """Say that no more input comes, unless the channel is closed already.

    Channel.shutdown_write decides that under the channel's lock and sends it without. Where a command ends in between, paramiko's
    reading thread closes the channel, and OpenSSH has freed or given away its number when the late message arrives: it ends the
    whole connection ("Received ieof for nonexistent channel"), or takes it for a new channel, which then never hears a word.
    This can go when paramiko sends under the lock.
    """
    internals: Any = channel
    with internals.lock:
        message = None if internals.closed else internals._send_eof()
        if message is not None:
            internals.transport._send_user_message(message)


def _chunks(receive: Callable[[int], bytes], channel: paramiko.Channel, deadline: Deadline) -> Iterator[bytes]:
    while True:
        channel.settimeout(deadline.left)
        if not (chunk := receive(CHUNK)):
            return
        yield chunk


def _drain_quietly(receive: Callable[[int], bytes], channel: paramiko.Channel, deadline: Deadline, into: list[bytes]) -> None:
    """For a thread: the main one meets the same end of connection or of time, and tells."""
    with contextlib.suppress(Exception):
        into.extend(_chunks(receive, channel, deadline))


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")


def _short(command: str) -> str:
    line = command.strip().splitlines()[0] if command.strip() else command
    return line if len(line) <= 60 else f"{line[:57]}..."
