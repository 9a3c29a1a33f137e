"""`ssh composegen-NAME`: one block for each project in a file of our own, which `~/.ssh/config` includes.

The user's file gets one line and its comment; ports and keys change in ours alone.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from composegen.errors import SshError, UsageError
from composegen.model import project_name
from composegen.ssh import keys
from composegen.ssh.address import PREFIX, Address
from composegen.ssh.config_file import Change, UserConfig, apply, content, quoted

OWN_FILE = "ssh_config"
PRIVATE = 0o600
OTHER_DIRECTORY = "composegen keeps its aliases there; XDG_CONFIG_HOME chooses another directory"
HEADER = b"# composegen writes this file: what is changed here by hand is lost. `man ssh_config` explains the options.\n"
BLOCK = re.compile(rb"(?m)^(?=Host %s)" % PREFIX.encode())
NAME = re.compile(rb"Host %s(\S+)" % PREFIX.encode())


@dataclass(frozen=True)
class Alias:
    """`ssh composegen-NAME` reaches `address` with that private key, and no server but the one in that known_hosts file.

    Raises UsageError: `name` is not a project name, or host or user have a character that ssh_config cannot carry.
    """

    name: str
    address: Address
    identity: Path
    known_hosts: Path
    forward_agent: bool = False

    def __post_init__(self) -> None:
        project_name(self.name)
        for value, allowed in ((self.address.host, r"[\w.:%-]+"), (self.address.user, r"[\w.@+-]+\$?")):
            if not re.fullmatch(allowed, value):
                raise UsageError(f"{value!r} cannot stand in an ssh_config", hint="use a plain host name and user name")

    @property
    def host(self) -> str:
        """What stands behind `ssh`."""
        return f"{PREFIX}{self.name}"

    def text(self) -> str:
        """The `Host` block. Raises SshError: ssh_config has no way to write one of the paths."""
        return f"Host {self.host}\n" + "".join(f"    {option}\n" for option in self._options())

    def _options(self) -> tuple[str, ...]:
        """What openssh.command gives on the command line; but here a user's `Host *` still fills in what is not said."""
        return (
            "HostName " + self.address.host.replace("%", "%%"),
            f"Port {self.address.port}",
            f"User {self.address.user}",
            f"IdentityFile {quoted(self.identity)}",
            "IdentitiesOnly yes",  # else the agent's keys use up MaxAuthTries first
            f"UserKnownHostsFile {quoted(self.known_hosts)}",
            f"HostKeyAlias {self.address.known_as}",  # else another container that has the port by now would be trusted
            "GlobalKnownHostsFile /dev/null",
            "StrictHostKeyChecking yes",
            "UpdateHostKeys no",  # composegen alone writes its known_hosts
            "ServerAliveInterval 30",
            f"ForwardAgent {'yes' if self.forward_agent else 'no'}",
            "ProxyCommand none",  # this way in leads nowhere else; it rules out a later ProxyJump as well
            "ControlPath none",  # one without %p would reuse the connection to another container
            "RemoteCommand none",
            "RequestTTY auto",
        )


def publish(alias: Alias, *, home: Path, include: bool) -> None:
    """From now on `ssh composegen-NAME` works, if `include` or `included`; an alias of that name is replaced.

    `home` is where `.ssh` is. Raises SshError: a file is not to be changed, and nothing is.
    """
    own = _own_file()
    block = os.fsencode(alias.text())
    with _locked(own):
        change = _changed(own, lambda blocks: blocks | {alias.name: block})
        user = UserConfig(home, own)
        wanted = [user.including()] if include and not user.included else []
        _apply(own, change, *wanted)


def withdraw(name: str, *, home: Path) -> bool:
    """Take the alias out again; with the last one go our file and our line in `~/.ssh/config`. Whether there was such an alias.

    Raises SshError: a file is not to be changed, and nothing is.
    """
    own = _own_file()
    user = UserConfig(home, own)
    if not own.exists() and not user.marked:
        return False
    with _locked(own):
        known = name in published()
        change = _changed(own, lambda blocks: {each: block for each, block in blocks.items() if each != name})
        _apply(own, *([user.excluding()] if change.after is None and user.marked else []), change)
    return known


def published() -> tuple[str, ...]:
    """The projects that have an alias, whether or not `~/.ssh/config` includes them. Raises SshError: our file cannot be read."""
    own = _own_file()
    with _explained(own):
        return tuple(_blocks(content(own)))


def included(home: Path) -> bool:
    """Whether `HOME/.ssh/config` includes our file for every host already, by our line or the user's own. Never raises."""
    return UserConfig(home, _own_file()).included


def include_line() -> str:
    """What a user puts at the top of `~/.ssh/config` by hand. Raises SshError: ssh_config has no way to write the path."""
    return UserConfig(Path(), _own_file()).line


def command(name: str, home: Path) -> str:
    """What to type where `HOME/.ssh/config` includes us: ssh takes the home from the password database, whatever $HOME says."""
    try:
        read = home.samefile(pwd.getpwuid(os.getuid()).pw_dir)
    except (KeyError, OSError):
        read = False
    return f"ssh {PREFIX}{name}" if read else f"ssh -F {shlex.quote(str(home / '.ssh' / 'config'))} {PREFIX}{name}"


def _own_file() -> Path:
    return keys.config_directory() / OWN_FILE


def _blocks(text: bytes | None) -> dict[str, bytes]:
    """Project → its block, in the order of the file."""
    parts = BLOCK.split(text or b"")[1:]
    return {os.fsdecode(found[1]): part for part in parts if (found := NAME.match(part))}


def _changed(own: Path, edit: Callable[[dict[str, bytes]], dict[str, bytes]]) -> Change:
    """Our file with other blocks; none left: no file."""
    with _explained(own):
        target = Path(os.path.realpath(own))  # a user may have made it a link
        _refuse_others(target)
        _refuse_others(target.parent)
        before = content(target)
    blocks = edit(_blocks(before))
    return Change(target, before, HEADER + b"".join(blocks.values()) if blocks else None, PRIVATE)


def _refuse_others(path: Path) -> None:
    """ssh would refuse the whole configuration of a user who ran composegen once with sudo: a file of root's is in it then."""
    if path.exists() and path.stat().st_uid != os.geteuid():
        raise SshError(f"{path} is owned by user {path.stat().st_uid}, not by you", hint=OTHER_DIRECTORY)


def _apply(own: Path, *changes: Change) -> None:
    with _explained(own):
        apply(*changes)


@contextmanager
def _locked(own: Path) -> Iterator[None]:
    """The lock is a file of its own, for ours is replaced and the user's is nobody's to lock."""
    with ExitStack() as stack:
        with _explained(own):
            own.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _refuse_others(own.parent)
            lock = stack.enter_context(own.with_name(f"{own.name}.lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _explained(own: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = os.fsdecode(error.filename or own)
        raise SshError(f"cannot change {where}: {error.strerror or error}", hint=OTHER_DIRECTORY) from error
