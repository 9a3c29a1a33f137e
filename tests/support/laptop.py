"""A machine of one's own: a HOME that ssh itself takes for its user's, and if asked a network that is nobody else's.

ssh looks up `~` in the password database, whatever $HOME says; so the HOME lies over root's in a mount namespace.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.engine import as_root

ENTER = 'mount --bind "$1" "$2" && cd "$2" && export HOME="$2" && shift 2 && exec "$@"'


@dataclass(frozen=True)
class Machine:
    """`machine("ssh", "somewhere")` runs there as root. `network` names its namespace; empty: this machine's own."""

    home: Path
    network: str = ""

    @property
    def prefix(self) -> tuple[str, ...]:
        inside = ("ip", "netns", "exec", self.network) if self.network else ()
        return tuple(as_root(*inside, "unshare", "--mount", "sh", "-c", ENTER, "-", str(self.home), pwd.getpwuid(0).pw_dir))

    def __call__(self, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SSH_")}
        return subprocess.run([*self.prefix, *argv], input=stdin, capture_output=True, text=True, timeout=60, env=kept)


@contextmanager
def two_networks(v4: str, v6: str) -> Iterator[tuple[str, str]]:
    """The names of two network namespaces with one cable, of addresses that begin so: 10.90.0. and fd90::, and end with 1 and 2."""
    names = [f"cgtest-{uuid.uuid4().hex[:8]}" for _ in range(2)]
    ends = [f"cg{uuid.uuid4().hex[:8]}" for _ in range(2)]
    try:
        for name in names:
            _ip("netns", "add", name)
        _ip("link", "add", ends[0], "netns", names[0], "type", "veth", "peer", "name", ends[1], "netns", names[1])
        for number, (name, end) in enumerate(zip(names, ends, strict=True), 1):
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "address", "add", f"{v4}{number}/24", "dev", end)
            _ip("-n", name, "address", "add", f"{v6}{number}/64", "dev", end, "nodad")
            _ip("-n", name, "link", "set", end, "up")
        yield names[0], names[1]
    finally:
        for name in names:
            subprocess.run(as_root("ip", "netns", "del", name), capture_output=True)


def _ip(*words: str) -> None:
    done = subprocess.run(as_root("ip", *words), capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
