"""The way into the container: one SSH session with a deadline, the keys it needs, and the command of the real OpenSSH client.

Importing this room is cheap: each name's module is imported at its first use, so that `init` pays for `keys` alone. paramiko
(0.2 s) is imported at the first connection, or ahead of it in a thread by `preload`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from composegen.ssh.adapter import preload
    from composegen.ssh.address import Address
    from composegen.ssh.handshake import read_banner, wait_for_banner
    from composegen.ssh.known_hosts import HostKeys, KnownHosts, OneHostKey
    from composegen.ssh.login import connect, login_methods, wait_for_login
    from composegen.ssh.offer import Offer, read_offer
    from composegen.ssh.session import Channel, Result, Session

__all__ = [
    "Address",
    "Channel",
    "HostKeys",
    "KnownHosts",
    "Offer",
    "OneHostKey",
    "Result",
    "Session",
    "connect",
    "login_methods",
    "preload",
    "read_banner",
    "read_offer",
    "wait_for_banner",
    "wait_for_login",
]

_HOMES = {
    "adapter": ("preload",),
    "address": ("Address",),
    "handshake": ("read_banner", "wait_for_banner"),
    "known_hosts": ("HostKeys", "KnownHosts", "OneHostKey"),
    "login": ("connect", "login_methods", "wait_for_login"),
    "offer": ("Offer", "read_offer"),
    "session": ("Channel", "Result", "Session"),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
