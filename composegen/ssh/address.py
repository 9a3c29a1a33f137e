"""Where a container's SSH server is and who logs in there."""

from __future__ import annotations

from dataclasses import dataclass

from composegen.errors import UsageError

SSH_PORT = 22
PREFIX = "composegen-"  # of a container's alias in ssh_config, and of its name in known_hosts
EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # an address to listen on → one to connect to


@dataclass(frozen=True)
class Address:
    """`user@host:port`. Raises UsageError: the port is none.

    `host_key_alias` is ssh_config(5)'s HostKeyAlias: ports pass from one container to another, the name of a container does not.
    """

    host: str
    port: int
    user: str
    host_key_alias: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.port < 65536:
            raise UsageError(f"{self.port} is not a TCP port", hint="use a number between 1 and 65535")

    @classmethod
    def published(cls, bind: str, port: int, user: str, *, project: str) -> Address:
        """Where this host reaches a project's container, whose port is published on its address `bind`."""
        return cls(EVERYWHERE.get(bind, bind), port, user, host_key_alias=f"{PREFIX}{project}")

    @property
    def endpoint(self) -> str:
        """`host:port` for people."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def known_as(self) -> str:
        """The name in a known_hosts file whose key the server must show."""
        return self.known_names[0]

    @property
    def known_names(self) -> tuple[str, ...]:
        """`host` on port 22, else `[host]:port` (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT); before it the alias, if there is one."""
        place = self.host if self.port == SSH_PORT else f"[{self.host}]:{self.port}"
        return (self.host_key_alias, place) if self.host_key_alias else (place,)

    def __str__(self) -> str:
        return f"{self.user}@{self.endpoint}"
