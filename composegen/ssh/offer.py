"""What a server offers before anybody logs in: the algorithms of its KEXINIT (RFC 4253, sections 6 and 7.1)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from composegen.errors import NotReachable, SshError
from composegen.ssh.address import Address
from composegen.ssh.deadline import Deadline
from composegen.ssh.handshake import greeted

KEXINIT = 20
COOKIE = 16  # bytes
LONGEST = 2**18  # bytes of a packet, as OpenSSH has it


@dataclass(frozen=True)
class Offer:
    """Names of algorithms, the server's favourite first; both directions of a connection taken together."""

    key_exchanges: tuple[str, ...]
    host_keys: tuple[str, ...]
    ciphers: tuple[str, ...]
    macs: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys([*self.key_exchanges, *self.host_keys, *self.ciphers, *self.macs]))


def read_offer(address: Address, *, timeout: float = 10.0) -> Offer:
    """The algorithms that the server would use. Raises NotReachable: nobody answers in time. SshError: it does not speak SSH 2."""
    deadline = Deadline(timeout)
    with greeted(address, deadline) as sock:
        sock.settimeout(max(deadline.left, 0.001))
        try:
            sock.sendall(b"SSH-2.0-composegen\r\n")
            with sock.makefile("rb") as stream:
                stream.readline()
                return _parsed(_payload(stream.read))
        except TimeoutError:
            raise NotReachable(f"{address.endpoint} does not say within {timeout:g} s which algorithms it knows") from None
        except OSError as error:
            raise NotReachable(f"{address.endpoint} does not say which algorithms it knows: {error.strerror}") from None
        except (ValueError, struct.error):
            raise SshError(f"{address.endpoint} says its banner, and then nothing that SSH 2 knows") from None


def _payload(read: Callable[[int], bytes]) -> bytes:
    """The first packet's content. Raises ValueError or struct.error: it is none."""
    length, padding = struct.unpack(">IB", read(5))
    if not 1 + padding < length <= LONGEST:
        raise ValueError
    return read(length - 1)[: length - 1 - padding]


def _parsed(payload: bytes) -> Offer:
    """Raises ValueError or struct.error: it is no KEXINIT."""
    if payload[:1] != bytes([KEXINIT]):
        raise ValueError
    lists, rest = [], payload[1 + COOKIE :]
    for _ in range(6):
        (size,) = struct.unpack(">I", rest[:4])
        lists.append(tuple(filter(None, rest[4 : 4 + size].decode("ascii").split(","))))
        rest = rest[4 + size :]
    key_exchanges, host_keys, *both_ways = lists
    ciphers, macs = (tuple(dict.fromkeys([*both_ways[first], *both_ways[first + 1]])) for first in (0, 2))
    return Offer(key_exchanges, host_keys, ciphers, macs)
