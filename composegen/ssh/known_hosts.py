"""composegen's own known_hosts: which key each container's SSH server must show.

The file is OpenSSH's (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT), so the real client reads it, too. The user's own
`~/.ssh/known_hosts` is never touched.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from composegen.errors import SshError
from composegen.ssh import keys
from composegen.ssh.address import Address


class HostKeys(Protocol):
    """Knows the keys (`TYPE BASE64`) that the server at an address may show; none means: not known."""

    def lookup(self, address: Address) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class OneHostKey:
    """The one key that is expected, whatever the address: what the container itself says its key is."""

    line: str

    def lookup(self, address: Address) -> tuple[str, ...]:
        return (keys.bare(self.line),)


@dataclass(frozen=True)
class KnownHosts:
    """A known_hosts file that several composegen processes may change at once; lines of others stay as they are.

    Every method raises SshError where the file cannot be read or written.
    """

    path: Path

    @classmethod
    def own(cls) -> KnownHosts:
        """The file in composegen's configuration directory."""
        return cls(keys.config_directory() / "known_hosts")

    def lookup(self, address: Address) -> tuple[str, ...]:
        return self._keys(address.known_as)

    def remember(self, address: Address, key_line: str) -> None:
        """From now on the server at `address` must show this key and no other, also to a client that knows no HostKeyAlias.

        Raises SshError also where `key_line` is not a public key.
        """
        key = keys.bare(key_line)
        if any(self._keys(name) != (key,) for name in address.known_names):
            self._replace(address, [f"{','.join(address.known_names)} {key}"])

    def forget(self, address: Address) -> None:
        if any(map(self._keys, address.known_names)):
            self._replace(address, [])

    def _keys(self, wanted: str) -> tuple[str, ...]:
        return tuple(key for names, key in map(_entry, self._lines()) if wanted in names)

    def _replace(self, address: Address, added: list[str]) -> None:
        with self._explained(), self._locked():
            kept = [left for line in self._lines() if (left := _without(address.known_names, line)) is not None]
            self._write("".join(f"{line}\n" for line in [*kept, *added]))

    def _lines(self) -> list[str]:
        with self._explained():
            try:
                return self.path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
            except FileNotFoundError:
                return []

    def _write(self, text: str) -> None:
        target = self.path.resolve()  # a user may have made it a link
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        os.close(handle)
        new = Path(name)
        try:
            new.write_text(text, encoding="utf-8", errors="surrogateescape")
            new.replace(target)
        except BaseException:
            new.unlink(missing_ok=True)
            raise

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """The lock is a file of its own, for the known_hosts file itself is replaced."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.path.with_name(f"{self.path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            hint = "composegen keeps the containers' host keys there; XDG_CONFIG_HOME chooses another directory"
            raise SshError(f"cannot use {self.path}: {error.strerror or error}", hint=hint) from error


def _entry(line: str) -> tuple[list[str], str]:
    """The names and the key of a line; no names for a comment, a marker (@revoked) and what is malformed."""
    words = line.split()
    if len(words) < 3 or words[0].startswith(("#", "@")):
        return [], ""
    return words[0].split(","), f"{words[1]} {words[2]}"


def _without(gone: Sequence[str], line: str) -> str | None:
    """The line for the names that are left; None where it had no others."""
    names, _ = _entry(line)
    left = [each for each in names if each not in gone]
    if left == names:
        return line
    return line.replace(line.split()[0], ",".join(left), 1) if left else None
