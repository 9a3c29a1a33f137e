"""A session that runs everything on this machine, in a home of the test's own; programs of its PATH can be stood in for."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from composegen.errors import SshError
from composegen.ssh import Channel, Result


@dataclass
class Here:
    home: Path
    banner: str = "SSH-2.0-here"
    host_key: str = ""

    def __post_init__(self) -> None:
        self.tools.mkdir(parents=True)

    @property
    def tools(self) -> Path:
        return self.home / "tools"

    def has(self, name: str, script: str) -> None:
        """Make `name` that script."""
        (self.tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.tools / name).chmod(0o755)

    def run(self, command: str, *, timeout: float = 30.0, stdin: bytes | Iterable[bytes] = b"") -> Result:
        given = stdin if isinstance(stdin, bytes) else b"".join(stdin)
        env = {"HOME": str(self.home), "PATH": f"{self.tools}:{os.environ['PATH']}"}
        done = subprocess.run(["sh", "-c", command], input=given, capture_output=True, env=env, timeout=timeout)
        return Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))

    def read_file(self, path: str) -> bytes:
        return Path(path).read_bytes()

    def write_file(self, path: str, content: bytes) -> None:
        Path(path).write_bytes(content)

    def remove_file(self, path: str) -> None:
        Path(path).unlink()

    def channel(self, host: str, port: int, *, timeout: float = 10.0) -> Channel:
        raise SshError("no channels here")

    def close(self) -> None:
        pass

    def __enter__(self) -> Here:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass
