"""A session without a server, and a target for it."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from composegen.errors import EngineError, SshError
from composegen.model import Finding
from composegen.smoke import PROBES, Target, run
from composegen.smoke.probe import Probe
from composegen.ssh import Address, Channel, OneHostKey, Result

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOeV8JlnME3y71MGG+X1iB7bZvmjeOkeURtRDS70UA8O"
TARGET = Target(Address("127.0.0.1", 1, "root"), Path("/nonexistent"), OneHostKey(HOST_KEY), host_key=HOST_KEY)


def prints(stdout: str, status: int = 0, stderr: str = "") -> Callable[[str], Result]:
    return lambda script: Result(status, stdout, stderr)


def on_this_machine(script: str) -> Result:
    done = subprocess.run(["sh", "-c", script], capture_output=True, stdin=subprocess.DEVNULL)
    return Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


@dataclass
class FakeDoor:
    """The engine's way into a container: what a command says, by its first words."""

    says: dict[str, str] = field(default_factory=dict)

    def inside(self, command: Sequence[str], *, stdin: str = "") -> str:
        line = " ".join(command)
        for beginning, said in self.says.items():
            if line.startswith(beginning):
                return said
        raise EngineError(f"nobody answers {line}")


class FakeChannel:
    def __init__(self, said: bytes) -> None:
        self.said = said

    def send(self, data: bytes) -> None:
        pass

    def receive(self, size: int) -> bytes:
        return self.said[:size]

    def close(self) -> None:
        pass

    def __enter__(self) -> FakeChannel:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass


@dataclass
class FakeSession:
    """Runs scripts with `answer`, keeps files in a dict."""

    answer: Callable[[str], Result] = on_this_machine
    forwarded: bytes = b"SSH-2.0-OpenSSH_9.2p1\r\n"
    banner: str = "SSH-2.0-fake"
    host_key: str = HOST_KEY
    spoil: Callable[[bytes], bytes] = bytes
    files: dict[str, bytes] = field(default_factory=dict)
    closed: bool = False

    def run(self, command: str, *, timeout: float = 30.0, stdin: bytes | Iterable[bytes] = b"") -> Result:
        words = shlex.split(command)
        given = stdin if isinstance(stdin, bytes) else b"".join(stdin)
        return self.answer(given.decode() or (words[2] if words[:2] == ["sh", "-c"] else command))

    def read_file(self, path: str) -> bytes:
        return self.spoil(self.files[path])

    def write_file(self, path: str, content: bytes) -> None:
        self.files[path] = content

    def remove_file(self, path: str) -> None:
        del self.files[path]

    def channel(self, host: str, port: int, *, timeout: float = 10.0) -> Channel:
        if not self.forwarded:
            raise SshError("cannot forward", hint=None)
        return FakeChannel(self.forwarded)

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> FakeSession:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def find(name: str, session: FakeSession, **expected: Any) -> Finding:
    """What one probe finds over this session, where the target is expected to be so."""
    report = run(replace(TARGET, **expected), session=session, probes=[probe(name)])
    (finding,) = report.findings
    assert "broken" not in finding.detail, finding.detail
    return finding


def probe(name: str) -> Probe:
    return next(each for each in PROBES if each.name == name)
