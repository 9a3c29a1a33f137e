"""The real OpenSSH client, told everything on its command line: no configuration, agent or known hosts of the caller's."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

OPTIONS = (
    ("StrictHostKeyChecking", "no"),
    ("UserKnownHostsFile", "/dev/null"),
    ("LogLevel", "ERROR"),
    ("IdentitiesOnly", "yes"),
    ("ConnectTimeout", "10"),
)


def ssh(
    port: int,
    command: str,
    *,
    key: Path | None = None,
    password: str = "",
    user: str = "root",
    prefix: tuple[str, ...] = (),
    stdin: str = "",
) -> subprocess.CompletedProcess[str]:
    """`ssh -p PORT USER@127.0.0.1 COMMAND` with one key or one password, whatever its exit status (255: no login)."""
    options = [f"-o{name}={value}" for name, value in OPTIONS]
    options += ["-oPreferredAuthentications=password", "-oNumberOfPasswordPrompts=1"] if password else ["-oBatchMode=yes"]
    identity = ["-i", str(key)] if key else []
    return subprocess.run(
        [*prefix, "ssh", "-F", "/dev/null", *options, *identity, "-p", str(port), f"{user}@127.0.0.1", command],
        env={**os.environ, **_answering(password)},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )


def _answering(password: str) -> Mapping[str, str]:
    """Lets ssh ask this module's neighbour, a two-line program, for the password: what sshpass does with a terminal."""
    if not password:
        return {}
    return {
        "SSH_ASKPASS": str(Path(__file__).resolve().parents[1] / "standins/say-password"),
        "SSH_ASKPASS_REQUIRE": "force",
        "STANDIN_PASSWORD": password,
    }


def wait_for_banner(port: int, *, seconds: float = 60) -> str:
    """The first line that an SSH server says on 127.0.0.1:PORT. Raises AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
                said = connection.makefile("rb").readline()
                if said.startswith(b"SSH-"):
                    return said.decode().strip()
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"no SSH banner on port {port} within {seconds} s")


def greeting(port: int, *, request: bytes = b"", answer: int = 0) -> str:
    """What a server says through a forward; a SOCKS request and its answer come first where there is one."""
    deadline = time.monotonic() + 20
    while True:
        with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            stream = connection.makefile("rb")
            connection.sendall(request)
            refused = answer and stream.read(answer)[1:2] != b"\x5a"
            if said := b"" if refused else stream.readline():
                return said.decode().strip()
        assert time.monotonic() < deadline, f"nothing comes through the forward on port {port}"
        time.sleep(0.1)
