"""The command line of the real OpenSSH client, independent of what the user's own configuration says."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from composegen.ssh.address import Address
from composegen.ssh.config_file import quoted

NO_AGENT = {"ForwardAgent": "no", "IdentityAgent": "none"}  # else an agent that hangs hangs us
FORWARDING = {"ForwardAgent": "yes"}


def command(
    address: Address,
    *,
    key: Path,
    known_hosts: Path,
    remote_command: Sequence[str] = (),
    tty: bool | None = None,
    forward_agent: bool = False,
    log: Path | None = None,
) -> list[str]:
    """The argv of `ssh` into a container, with the right key, port and known host.

    One word of `remote_command` is a line for the shell there (`"echo $HOME"`); several are an argv that arrives as it is.
    `tty`: True and False ask for and against a terminal; None leaves it to ssh, which takes one where no command is given.
    `log`: the file that ssh itself (not the command) says its errors to, instead of standard error.
    """
    said = [remote_command[0]] if len(remote_command) == 1 else [shlex.join(remote_command)] if remote_command else []
    terminal = {None: [], True: ["-t"], False: ["-T"]}[tty]
    chosen = _options(key, known_hosts, address.known_as) | (FORWARDING if forward_agent else NO_AGENT)
    options = [argument for name, value in chosen.items() for argument in ("-o", f"{name}={value}")]
    logging = ["-E", str(log)] if log else []
    # ssh goes on reading options behind the host name, so `--` stands there.
    where = ["-p", str(address.port), "-l", address.user, address.host]
    return ["ssh", "-F", "/dev/null", *logging, *terminal, *options, *where, "--", *said]


def _options(key: Path, known_hosts: Path, known_as: str) -> dict[str, str]:
    """What ssh_config(5) must say.

    `-F /dev/null` shuts out the user's and the system's configuration: under an innocent `Host *` a ProxyJump leads away from
    127.0.0.1, a ControlPath without %p reuses the connection to another container, RequestTTY or RemoteCommand changes what runs.
    """
    return {
        "IdentityFile": quoted(key),
        "IdentitiesOnly": "yes",  # else the agent's keys use up MaxAuthTries first
        "UserKnownHostsFile": quoted(known_hosts),
        "HostKeyAlias": known_as,
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",  # composegen alone writes its known_hosts
        "ServerAliveInterval": "30",
    }
