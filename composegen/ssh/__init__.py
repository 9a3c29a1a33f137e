"""The way into the container: one SSH session with a deadline, the keys it needs, and the command of the real OpenSSH client.

Importing this room is cheap; paramiko (0.2 s) is imported at the first connection, or ahead of it in a thread by `preload`.
"""

from composegen.ssh.adapter import preload
from composegen.ssh.address import Address
from composegen.ssh.handshake import read_banner, wait_for_banner
from composegen.ssh.known_hosts import HostKeys, KnownHosts, OneHostKey
from composegen.ssh.login import connect, login_methods, wait_for_login
from composegen.ssh.session import Channel, Result, Session

__all__ = [
    "Address",
    "Channel",
    "HostKeys",
    "KnownHosts",
    "OneHostKey",
    "Result",
    "Session",
    "connect",
    "login_methods",
    "preload",
    "read_banner",
    "wait_for_banner",
    "wait_for_login",
]
