from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ssh.servers import Answers, Server, Sshd, new_key, paramiko_server, prepared_sshd, public


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """composegen's configuration directory, empty, for this test only."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "composegen"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A private key; `server` lets it in."""
    return new_key(tmp_path)


@pytest.fixture
def server(tmp_path: Path, key: Path) -> Iterator[Server]:
    """An SSH server in this process that lets in `key` and the password `sesame`."""
    with paramiko_server(new_key(tmp_path, "host_key"), Answers(key=public(key), password="sesame")) as running:
        yield running


@pytest.fixture
def idle_sshd(tmp_path: Path, free_port: int) -> Iterator[Sshd]:
    """A real sshd, not yet started."""
    (tmp_path / "sshd").mkdir()
    sshd = prepared_sshd(tmp_path / "sshd", free_port)
    yield sshd
    sshd.stop()


@pytest.fixture
def sshd(idle_sshd: Sshd) -> Sshd:
    """A real sshd that lets in its `key`."""
    idle_sshd.start()
    idle_sshd.wait()
    return idle_sshd
