"""Servers to test against: a paramiko one in this process, OpenSSH's own, and some that are no SSH servers at all."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import paramiko
import paramiko.common
import pytest

from composegen.ssh import Address, OneHostKey, keys


def new_key(directory: Path, name: str = "id_ed25519") -> Path:
    path = directory / name
    keys.make(path)
    return path


def public(key: Path) -> str:
    """`TYPE BASE64` of a key file."""
    return keys.bare(key.with_name(f"{key.name}.pub").read_text())


USER = "tester"  # whom the server in this process knows


# --- A server in this process -------------------------------------------------------------------------------------------


@dataclass
class Answers:
    """What the server allows, and what a command says: status, standard output, standard error."""

    key: str = ""
    password: str = ""
    nobody: bool = False  # let in without credentials
    anything: bool = False  # let in with any
    methods: str = "publickey,password"
    commands: dict[str, tuple[int, bytes, bytes]] = field(default_factory=dict)
    seconds: float = 0.0  # that a command takes
    tried: list[str] = field(default_factory=list)


class _Interface(paramiko.ServerInterface):
    def __init__(self, answers: Answers) -> None:
        self.answers = answers

    def get_allowed_auths(self, username: str) -> str:
        return self.answers.methods

    def check_auth_none(self, username: str) -> int:
        self.answers.tried.append("none")
        return paramiko.common.AUTH_SUCCESSFUL if self.answers.nobody else paramiko.common.AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self.answers.tried.append("publickey")
        known = username == USER and f"{key.get_name()} {key.get_base64()}" == self.answers.key
        allowed = self.answers.anything or known
        return paramiko.common.AUTH_SUCCESSFUL if allowed else paramiko.common.AUTH_FAILED

    def check_auth_password(self, username: str, password: str) -> int:
        self.answers.tried.append("password")
        allowed = self.answers.anything or password == self.answers.password != ""
        return paramiko.common.AUTH_SUCCESSFUL if allowed else paramiko.common.AUTH_FAILED

    def check_auth_interactive(self, username: str, submethods: str) -> int:
        self.answers.tried.append("keyboard-interactive")
        return paramiko.common.AUTH_SUCCESSFUL if self.answers.anything else paramiko.common.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.common.OPEN_SUCCEEDED if kind == "session" else paramiko.common.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=self._answer, args=(channel, command.decode()), daemon=True).start()
        return True

    def _answer(self, channel: paramiko.Channel, command: str) -> None:
        status, output, errors = self.answers.commands.get(command, (127, b"", b"not found\n"))
        time.sleep(self.answers.seconds)
        with contextlib.suppress(OSError, paramiko.SSHException):
            channel.sendall_stderr(errors)
            channel.sendall(output)
            channel.send_exit_status(status)
            channel.shutdown_write()
            channel.close()


@dataclass(frozen=True)
class Server:
    address: Address
    host_key: str
    answers: Answers
    transports: list[paramiko.Transport]

    @property
    def host_keys(self) -> OneHostKey:
        return OneHostKey(self.host_key)


@contextlib.contextmanager
def paramiko_server(host_key: Path, answers: Answers) -> Iterator[Server]:
    transports: list[paramiko.Transport] = []

    def serve(client: socket.socket) -> None:
        transport = paramiko.Transport(client)
        transports.append(transport)
        transport.add_server_key(paramiko.Ed25519Key.from_private_key_file(str(host_key)))
        with contextlib.suppress(paramiko.SSHException, EOFError):
            transport.start_server(server=_Interface(answers))

    with tcp_server(serve) as port:
        yield Server(Address("127.0.0.1", port, USER), public(host_key), answers, transports)
        for transport in transports:
            transport.close()


@contextlib.contextmanager
def tcp_server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port of 127.0.0.1 where `serve` gets each connection, in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stopped = threading.Event()
        listener.settimeout(0.05)

        def accept() -> None:
            while not stopped.is_set():
                with contextlib.suppress(OSError):
                    client, _ = listener.accept()
                    threading.Thread(target=serve, args=(client,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stopped.set()
            thread.join()


# --- OpenSSH's own ------------------------------------------------------------------------------------------------------


@dataclass
class Sshd:
    """A real sshd of this user on a port of its own. `key` lets in."""

    directory: Path
    binary: str
    port: int
    process: subprocess.Popen[bytes] | None = None
    options: tuple[str, ...] = ()
    prefix: tuple[str, ...] = ()  # run it somewhere else, such as in a network namespace

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", self.port, getpass.getuser())

    @property
    def key(self) -> Path:
        return self.directory / "id_ed25519"

    @property
    def host_key(self) -> str:
        return public(self.directory / "host_key")

    @property
    def host_keys(self) -> OneHostKey:
        return OneHostKey(self.host_key)

    def start(self, *options: str) -> None:
        config = self.directory / "sshd_config"
        config.write_text(
            f"ListenAddress 127.0.0.1:{self.port}\nHostKey {self.directory}/host_key\nPidFile none\n"
            f"AuthorizedKeysFile {self.directory}/authorized_keys\nStrictModes no\nUsePAM no\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nSubsystem sftp internal-sftp\n"
            + "".join(f"{option}\n" for option in (*options, *self.options))
        )
        with (self.directory / "sshd.log").open("ab") as log:
            argv = [*self.prefix, self.binary, "-D", "-e", "-f", str(config)]
            self.process = subprocess.Popen(argv, stderr=log, stdin=subprocess.DEVNULL)

    def wait(self) -> None:
        """Until it listens."""
        for _ in range(200):
            knocked = subprocess.run([*self.prefix, "bash", "-c", f"</dev/tcp/127.0.0.1/{self.port}"], capture_output=True)
            if knocked.returncode == 0:
                return
            time.sleep(0.05)
        pytest.fail(f"sshd does not listen:\n{(self.directory / 'sshd.log').read_text()}")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=10)
            self.process = None


def prepared_sshd(directory: Path, port: int) -> Sshd:
    """An sshd that is not started yet. Skips the test where there is no sshd."""
    binary = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if binary is None:
        pytest.skip("no sshd on this machine (Debian package openssh-server)")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # Debian's sshd wants it when root starts it
    sshd = Sshd(directory, binary, port)
    new_key(directory)
    new_key(directory, "host_key")
    (directory / "authorized_keys").write_text(public(sshd.key) + "\n")
    return sshd
