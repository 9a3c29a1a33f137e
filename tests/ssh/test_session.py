"""What a session can do, and that nothing foreign comes out of it."""

from __future__ import annotations

import hashlib
import inspect
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import paramiko
import paramiko.ssh_exception
import pytest

from composegen.errors import NotReachable, SshError
from composegen.ssh import Address, Session, connect
from composegen.ssh.adapter import explained, foreign_exceptions
from composegen.ssh.session import _end_input
from tests.ssh.servers import Server, Sshd, tcp_server


@pytest.fixture
def session(sshd: Sshd) -> Iterator[Session]:
    with connect(sshd.address, key=sshd.key, host_keys=sshd.host_keys) as opened:
        yield opened


# --- commands -----------------------------------------------------------------------------------------------------------


def test_a_command_gives_status_and_both_streams(session: Session) -> None:
    result = session.run("echo out; echo err >&2; exit 3")
    assert (result.status, result.stdout, result.stderr, result.ok) == (3, "out\n", "err\n", False)
    assert result.output == "out\nerr\n"


def test_a_command_reads_what_it_is_given(session: Session) -> None:
    assert session.run("cat", stdin=b"a\x00b\n").stdout == "a\x00b\n"
    assert session.run("cat").stdout == ""


def test_what_it_is_given_may_come_in_parts(session: Session) -> None:
    assert session.run("sha1sum", stdin=(b"0123456789" * 10_000 for _ in range(60))).stdout[:40] == (
        hashlib.sha1(b"0123456789" * 600_000).hexdigest()
    )


def test_a_command_that_ends_before_it_has_read_all_says_why(session: Session) -> None:
    result = session.run("head -c 1; echo enough >&2; exit 3", stdin=(b"x" * 1_000_000 for _ in range(20)))
    assert (result.status, result.stdout, result.stderr) == (3, "x", "enough\n")


def test_megabytes_on_both_streams_do_not_block_each_other(session: Session) -> None:
    result = session.run("head -c 6000000 /dev/zero >&2; head -c 6000000 /dev/zero; head -c 6000000 /dev/zero >&2")
    assert (len(result.stdout), len(result.stderr)) == (6_000_000, 12_000_000)


def test_output_that_is_not_text_is_no_obstacle(session: Session) -> None:
    assert session.run(r"printf '\377\200'").stdout == "��"


def test_a_command_that_a_signal_ends_says_so(session: Session) -> None:
    assert session.run("kill -9 $$").status == -1


def test_a_command_that_takes_too_long_is_given_up(session: Session) -> None:
    began = time.monotonic()
    with pytest.raises(SshError, match=r"no end of `sleep 60` within 0\.3 s"):
        session.run("sleep 60", timeout=0.3)
    assert time.monotonic() - began < 3
    assert session.run("echo still here").stdout == "still here\n"


def test_a_command_that_dribbles_does_not_outlast_its_time(session: Session) -> None:
    began = time.monotonic()
    with pytest.raises(SshError, match="no end of"):
        session.run("while :; do echo x; sleep 0.05; done", timeout=0.5)
    assert time.monotonic() - began < 3


def test_a_command_whose_output_ends_early_is_waited_for(session: Session) -> None:
    assert session.run("exec >&- 2>&-; sleep 0.3; exit 4").status == 4


def test_many_commands_at_once_share_the_session(session: Session) -> None:
    """OpenSSH allows 10 channels unless it is told otherwise."""
    with ThreadPoolExecutor(30) as pool:
        results = list(pool.map(lambda n: session.run(f"sleep 0.05; echo {n}").stdout, range(60)))
    assert results == [f"{n}\n" for n in range(60)]


# --- files and channels -------------------------------------------------------------------------------------------------


class ChannelOfPaper:
    """What `end of input` does to a paramiko channel, written down: each message with whether the channel's lock was held then."""

    def __init__(self, *, closed: bool) -> None:
        self.lock, self.closed, self.transport = threading.Lock(), closed, self
        self.sent: list[str] = []

    def _send_eof(self) -> str:
        return "EOF"

    def _send_user_message(self, message: str) -> None:
        self.sent.append(f"{message}, {'locked' if self.lock.locked() else 'open to a race'}")


@pytest.mark.parametrize(("closed", "sent"), [(False, ["EOF, locked"]), (True, [])])
def test_the_end_of_input_never_comes_after_a_channel_is_closed(closed: bool, sent: list[str]) -> None:
    """A late word to a channel that is gone would end the whole connection, or mute another channel of that number."""
    channel = ChannelOfPaper(closed=closed)
    _end_input(cast(paramiko.Channel, channel))
    assert channel.sent == sent


def test_commands_that_end_at_once_share_a_session(session: Session) -> None:
    def runs() -> int:
        return sum(session.run("exit 0").ok for _ in range(25))

    with ThreadPoolExecutor(8) as pool:
        assert sum(future.result() for future in [pool.submit(runs) for _ in range(8)]) == 200


def test_a_file_goes_there_and_back(session: Session, tmp_path: Path) -> None:
    path, content = tmp_path / "with space and ü", bytes(range(256)) * 1000
    session.write_file(str(path), content)
    assert path.read_bytes() == content
    assert session.read_file(str(path)) == content
    session.remove_file(str(path))
    assert not path.exists()


def test_a_missing_file_is_explained(session: Session) -> None:
    with pytest.raises(SshError, match="No such file"):
        session.read_file("/nonexistent")
    with pytest.raises(SshError, match="cannot use SFTP"):
        session.write_file("/nonexistent/file", b"")


def test_a_server_without_sftp_is_explained(idle_sshd: Sshd) -> None:
    config = idle_sshd.directory / "sshd_config"
    idle_sshd.start()
    idle_sshd.stop()
    config.write_text(config.read_text().replace("Subsystem sftp internal-sftp\n", ""))
    import subprocess

    idle_sshd.process = subprocess.Popen([idle_sshd.binary, "-D", "-e", "-f", config], stderr=subprocess.DEVNULL)
    idle_sshd.wait()
    with (
        connect(idle_sshd.address, key=idle_sshd.key, host_keys=idle_sshd.host_keys) as session,
        pytest.raises(SshError, match="cannot use SFTP"),
    ):
        session.read_file("/etc/passwd")


def test_a_channel_reaches_a_port_there_in_both_directions(session: Session) -> None:
    def echo(client: socket.socket) -> None:
        with client:
            while data := client.recv(1024):
                client.sendall(data.upper())

    with tcp_server(echo) as port, session.channel("127.0.0.1", port) as channel:
        channel.send(b"hello")
        assert channel.receive(5) == b"HELLO"


def test_a_channel_to_nowhere_and_a_forbidden_one_are_explained(idle_sshd: Sshd, free_port: int) -> None:
    idle_sshd.start("AllowTcpForwarding no")
    idle_sshd.wait()
    with connect(idle_sshd.address, key=idle_sshd.key, host_keys=idle_sshd.host_keys) as session:
        with pytest.raises(SshError, match=r"cannot forward to 127\.0\.0\.1:22 through .*[Pp]rohibited"):
            session.channel("127.0.0.1", 22)
        assert session.run("echo still here").ok


def test_a_channel_that_stays_silent_ends_in_time(session: Session) -> None:
    def silent(client: socket.socket) -> None:
        with client:
            client.recv(1)

    with (
        tcp_server(silent) as port,
        session.channel("127.0.0.1", port, timeout=0.3) as channel,
        pytest.raises(NotReachable, match="no answer in time"),
    ):
        channel.receive(1)


# --- the connection breaks ----------------------------------------------------------------------------------------------


def test_a_session_whose_server_died_raises_only_our_errors(server: Server, key: Path) -> None:
    session = connect(server.address, key=key, host_keys=server.host_keys)
    for transport in server.transports:
        transport.close()
    time.sleep(0.3)
    for use in (
        lambda: session.run("true", timeout=2),
        lambda: session.read_file("/x"),
        lambda: session.write_file("/x", b""),
        lambda: session.channel("127.0.0.1", 22, timeout=2),
    ):
        with pytest.raises(SshError):
            use()
    session.close()
    session.close()


def test_a_connection_that_breaks_during_a_command_is_told_from_a_signal(server: Server, key: Path) -> None:
    server.answers.commands["long"] = (0, b"", b"")
    server.answers.seconds = 5
    with connect(server.address, key=key, host_keys=server.host_keys) as session:
        threading.Timer(0.3, server.transports[0].close).start()
        with pytest.raises(NotReachable):
            session.run("long")


def test_a_closed_session_raises_only_our_errors(session: Session) -> None:
    session.close()
    with pytest.raises(SshError):
        session.run("true")


# --- nothing leaks ------------------------------------------------------------------------------------------------------


def _foreign() -> list[Exception]:
    arguments: dict[type[Exception], tuple[object, ...]] = {
        paramiko.BadAuthenticationType: ("no", ["publickey"]),
        paramiko.ChannelException: (1, "prohibited"),
        paramiko.ProxyCommandFailure: ("nc", "failed"),
        paramiko.ssh_exception.PartialAuthentication: (["password"],),
        paramiko.ssh_exception.NoValidConnectionsError: ({("127.0.0.1", 22): OSError(111, "refused")},),
        paramiko.ssh_exception.CouldNotCanonicalize: ("x",),
    }
    known = [kind for _, kind in inspect.getmembers(paramiko.ssh_exception, inspect.isclass) if issubclass(kind, Exception)]
    rsa = paramiko.RSAKey.generate(1024)
    made: list[Exception] = [paramiko.BadHostKeyException("host", rsa, rsa)]
    made += [kind(*arguments.get(kind, ("reason",))) for kind in known if kind is not paramiko.BadHostKeyException]
    made += [
        paramiko.SFTPError("x"),
        paramiko.buffered_pipe.PipeTimeout(),
        EOFError(),
        TimeoutError(),
        ConnectionResetError(104, "reset"),
    ]
    made += [socket.gaierror(-2, "Name or service not known"), OSError(), OSError("text"), ValueError("bad"), UnicodeError("bad")]
    return made


@pytest.mark.parametrize("foreign", _foreign(), ids=lambda error: type(error).__name__)
def test_no_exception_of_paramiko_or_sockets_leaks(foreign: Exception) -> None:
    with pytest.raises(SshError) as raised, explained(Address("127.0.0.1", 2222, "root"), "do something with"):
        raise foreign
    assert raised.value.message.startswith("cannot do something with root@127.0.0.1:2222: ")
    assert not raised.value.message.endswith(": ")
    assert "\n" not in raised.value.message


def test_a_bug_of_ours_is_not_dressed_up_as_an_ssh_error() -> None:
    for bug in (TypeError, AttributeError, KeyError, AssertionError):
        assert not issubclass(bug, foreign_exceptions())


def test_every_exception_class_that_paramiko_defines_is_known_here() -> None:
    """A new one in a new paramiko fails this test, and then belongs into `foreign_exceptions`."""
    import importlib
    import pkgutil

    windows = {"_winapi", "win_pageant", "win_openssh"}
    for module in pkgutil.iter_modules(paramiko.__path__):
        if module.name in windows:
            continue
        loaded = importlib.import_module(f"paramiko.{module.name}")
        for name, kind in inspect.getmembers(loaded, inspect.isclass):
            if issubclass(kind, Exception) and kind.__module__ == loaded.__name__:
                assert issubclass(kind, foreign_exceptions()), name
