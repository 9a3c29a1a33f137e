"""The way in from a laptop: what a user who came to this server over SSH needs in the `~/.ssh` of the machine they came from."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass

from composegen.errors import UsageError
from composegen.ssh.address import SSH_PORT
from composegen.ssh.alias import Alias
from composegen.ssh.public_key import PublicKey

USER = r"[\w.@+-]+\$?"
SERVER = re.compile(rf"(?:(?P<user>{USER})@)?(?:\[(?P<six>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(?P<host>[\w.-]+))(?::(?P<port>\d+))?")


@dataclass(frozen=True)
class Server:
    """This machine as the laptop reaches it. Raises UsageError: the port is none."""

    user: str  # empty: whatever the laptop's own configuration says
    host: str
    port: int = 0  # 0: the same

    def __post_init__(self) -> None:
        if not 0 <= self.port < 65536:
            raise UsageError(f"{self.port} is not a TCP port", hint="--server [USER@]HOST[:PORT]")

    @classmethod
    def came_in_by(cls, environ: Mapping[str, str], user: str) -> Server | None:
        """Where sshd says that this session came in (ssh(1), SSH_CONNECTION), as `user` of this machine.

        A name that ssh_config cannot carry is left to the laptop. None: the session did not come over SSH, or through a tunnel
        whose other end nobody here knows.
        """
        words = environ.get("SSH_CONNECTION", "").split()
        try:
            host, port = str(ipaddress.ip_address(words[2])), int(words[3])
        except (IndexError, ValueError):
            return None
        known = user if re.fullmatch(USER, user) else ""
        return None if ipaddress.ip_address(host).is_loopback else cls(known, host, port)

    @classmethod
    def named(cls, text: str) -> Server:
        """`[USER@]HOST[:PORT]`, as a person calls it on the laptop; HOST may be an alias there. Raises UsageError: it is none."""
        found = SERVER.fullmatch(text)
        if not found or text.startswith("-"):
            hint = "[USER@]HOST[:PORT], as you type it behind `ssh` on the laptop; an IPv6 address in brackets"
            raise UsageError(f"{text!r} is no server's name", hint=hint)
        return cls(found["user"] or "", found["six"] or found["host"], int(found["port"] or 0))

    @property
    def command(self) -> str:
        """What logs in to the server itself."""
        port = f"-p {self.port} " if self.port not in (0, SSH_PORT) else ""
        return f"ssh {port}{f'{self.user}@' if self.user else ''}{self.host}"

    @property
    def jump(self) -> str:
        """As ProxyJump takes it; % starts a token there."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port not in (0, SSH_PORT) else ""
        return f"{user}{host}{port}".replace("%", "%%")


@dataclass(frozen=True)
class Laptop:
    """`ssh ALIAS` on the laptop reaches the container through `server`, and no server but the one that shows one of `host_keys`."""

    alias: Alias
    server: Server
    host_keys: tuple[str, ...]  # `TYPE BASE64`; none: the container never ran, and the first key that it shows is believed
    user_keys: tuple[PublicKey, ...] = ()  # of persons, whom the container lets in

    @property
    def known_hosts(self) -> str:
        """Lines for the laptop's known_hosts."""
        return "".join(f"{self.alias.address.known_as} {key}\n" for key in self.host_keys)

    @property
    def config(self) -> str:
        """The `Host` block. One of the laptop's own keys logs in, which ssh finds as it does for the server."""
        let_in = ", ".join(f"{key.fingerprint} {key.comment}".rstrip() for key in self.user_keys) or "none yet"
        options = (f"# keys that get in: {let_in}", *self._options())
        return f"Host {self.alias.host}\n" + "".join(f"    {option}\n" for option in options)

    def _options(self) -> tuple[str, ...]:
        address = self.alias.address
        return (
            "HostName " + address.host.replace("%", "%%"),  # as the server sees it
            f"Port {address.port}",
            f"User {address.user}",
            f"ProxyJump {self.server.jump}",
            f"HostKeyAlias {address.known_as}",  # the laptop may have something else on that port of its own
            "UserKnownHostsFile ~/.ssh/known_hosts",
            f"StrictHostKeyChecking {'yes' if self.host_keys else 'accept-new'}",
            "ServerAliveInterval 30",
            f"ForwardAgent {'yes' if self.alias.forward_agent else 'no'}",
            "ControlPath none",  # one without %r%j would reuse the connection to another server's container
            "RemoteCommand none",
            "RequestTTY auto",
        )

    @property
    def script(self) -> str:
        """Both, as one paste into a shell of the laptop: any of sh, bash, zsh.

        No comments: zsh takes them for commands when they are typed. The block goes to the top, for ssh takes the first value it
        finds; so a second paste counts, too. Writing into the file keeps its owner, its mode and where it links to.
        """
        known = f"cat >>~/.ssh/known_hosts <<'END'\n\n{self.known_hosts}END\n" if self.host_keys else ""
        return (
            "(umask 077; mkdir -p ~/.ssh; touch ~/.ssh/config ~/.ssh/known_hosts\n"
            f"{known}"
            "cat - ~/.ssh/config >~/.ssh/config.new <<'END' && cat ~/.ssh/config.new >~/.ssh/config && rm ~/.ssh/config.new\n"
            f"{self.config}\nEND\n"
            ")\n"
        )
