"""paramiko at arm's length: imported late, kept quiet, and none of its exceptions leaves this room."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Iterator
from types import ModuleType

from composegen.errors import NotReachable, SshError
from composegen.ssh.address import Address

_IMPORTING = threading.Lock()  # to another thread, a half-imported module looks like an imported one


def preload() -> ModuleType:
    """Import paramiko now; useful in a thread while something else is waited for."""
    with _IMPORTING:
        if "paramiko" in sys.modules:
            return sys.modules["paramiko"]
        with _without_invoke():
            import paramiko
        # Without a handler, Python prints the tracebacks of paramiko's threads, although each arrives as an exception, too.
        logging.getLogger("paramiko").addHandler(logging.NullHandler())
        return paramiko


@contextlib.contextmanager
def _without_invoke() -> Iterator[None]:
    """paramiko takes 0.1 of its 0.24 s for importing invoke, which only `Match exec` in an ssh_config needs.

    Not reading such a file, composegen does without; paramiko allows for that (paramiko/config.py, `invoke = None`).
    This can go when paramiko imports invoke where it uses it.
    """
    if "invoke" in sys.modules:
        yield
        return
    sys.modules["invoke"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["invoke"]


def foreign_exceptions() -> tuple[type[Exception], ...]:
    """Everything that paramiko, its cryptography and the socket below it raise."""
    preload()
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from paramiko.ber import BERException
    from paramiko.hostkeys import InvalidHostKey
    from paramiko.packet import NeedRekeyException
    from paramiko.pkey import UnknownKeyType
    from paramiko.sftp import SFTPError
    from paramiko.ssh_exception import SSHException

    paramikos = (SSHException, SFTPError, UnknownKeyType, InvalidHostKey, NeedRekeyException, BERException)
    # ValueError: a host name that is no host name, a key file that is no key.
    return (*paramikos, InvalidSignature, UnsupportedAlgorithm, EOFError, OSError, ValueError)


@contextlib.contextmanager
def explained(address: Address, doing: str) -> Iterator[None]:
    """Turn what paramiko raises inside the block into SshError: `cannot DOING USER@HOST:PORT: REASON`.

    Raises NotReachable: the connection ended or was too slow. SshError: anything else that was refused.
    """
    try:
        yield
    except foreign_exceptions() as error:
        kind = NotReachable if isinstance(error, (EOFError, ConnectionError, TimeoutError)) else SshError
        raise kind(f"cannot {doing} {address}: {reason(error)}") from error


def reason(error: Exception) -> str:
    """One line of words, also where an exception carries none."""
    if isinstance(error, EOFError):
        return "the connection was closed"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return " ".join(str(error).split()) or type(error).__name__
