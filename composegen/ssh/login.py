"""Logging in over an established handshake, at once or as soon as the container lets us; each failure explained."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from composegen.errors import LoginRefused, NotReachable, SshError
from composegen.ssh import adapter
from composegen.ssh.address import Address
from composegen.ssh.deadline import Deadline
from composegen.ssh.handshake import LOGS, handshake
from composegen.ssh.known_hosts import HostKeys
from composegen.ssh.session import ParamikoSession, close

if TYPE_CHECKING:
    import paramiko

ATTEMPT = 10.0  # seconds one attempt of `wait_for_login` may take
ALIVE_EVERY = 1.0  # seconds between two questions whether the container still runs
REFUSED_PATIENCE = 2.0  # seconds after which a refused login stays refused: keys are in place before sshd starts


def connect(
    address: Address,
    *,
    key: Path | None = None,
    password: str | None = None,
    answer: str | None = None,
    host_keys: HostKeys,
    timeout: float = 10.0,
) -> ParamikoSession:
    """A session, logged in with the key, else with the password, else with the answer to whatever the server asks
    (keyboard-interactive), else with nothing. No other key and no agent is tried.

    `timeout` is in seconds, for all of it. `host_keys` is asked once the server has said its banner.
    Raises NotReachable: nobody answers in time, or not as an SSH server. HostKeyChanged: it shows another host key.
    LoginRefused: it does not let us in. SshError: its host key is not known, or the key file cannot be used.
    """
    deadline = Deadline(timeout)
    with handshake(address, host_keys, deadline) as transport:
        _log_in(transport, address, key, password, answer, deadline)
    return ParamikoSession(address, transport)


def login_methods(address: Address, *, host_keys: HostKeys, timeout: float = 10.0) -> tuple[str, ...]:
    """The ways to log in that the server offers, such as `publickey`; `none` where it lets in whoever comes.

    Raises like `connect`, but not LoginRefused.
    """
    deadline = Deadline(timeout)
    with handshake(address, host_keys, deadline) as transport:
        try:
            _log_in(transport, address, None, None, None, deadline)
        except LoginRefused as error:
            return tuple(getattr(error.__cause__, "allowed_types", ()))
        finally:
            close(transport)
    return ("none",)


def wait_for_login(
    address: Address,
    *,
    key: Path | None = None,
    password: str | None = None,
    host_keys: HostKeys,
    timeout: float = 60.0,
    poll: float = 0.05,
    alive: Callable[[], bool] = lambda: True,
) -> ParamikoSession:
    """`connect`, tried every `poll` seconds until it works or `timeout` seconds have passed.

    `alive` says whether the container still runs; it is asked about once a second, and waiting ends when it does not.
    Raises the last attempt's NotReachable or LoginRefused; HostKeyChanged and other SshErrors at once.
    """
    deadline, next_question = Deadline(timeout), Deadline(ALIVE_EVERY)
    patience: Deadline | None = None
    while True:
        try:
            return connect(address, key=key, password=password, host_keys=host_keys, timeout=max(min(deadline.left, ATTEMPT), poll))
        except NotReachable as error:
            last: SshError = error
        except LoginRefused as error:
            patience = patience or Deadline(REFUSED_PATIENCE)
            if patience.passed:
                raise
            last = error
        if deadline.left <= poll:
            raise type(last)(f"{last.message}, after {timeout:g} s of trying", hint=last.hint)
        if next_question.passed:
            next_question = Deadline(ALIVE_EVERY)
            if not alive():
                raise NotReachable(f"the container stopped before SSH on {address.endpoint} let anybody in", hint=LOGS)
        time.sleep(poll)


def _log_in(
    transport: paramiko.Transport,
    address: Address,
    key: Path | None,
    password: str | None,
    answer: str | None,
    deadline: Deadline,
) -> None:
    transport.auth_timeout = max(deadline.left, 0.001)
    given = (("the key", key), ("the password", password), ("the answer to its prompt", answer))
    what = next((name for name, value in given if value is not None), "a login without credentials")
    private = _load(key, address) if key else None
    with _explained_login(transport, address, what):
        if private:
            missing = transport.auth_publickey(address.user, private)
        elif password is not None:
            missing = transport.auth_password(address.user, password)
        elif answer is not None:
            missing = transport.auth_interactive(address.user, lambda title, instructions, prompts: [answer] * len(prompts))
        else:
            transport.auth_none(address.user)
            missing = []
    if missing:
        raise LoginRefused(f"{address} wants more than {what}: {', '.join(missing)}")


def _load(path: Path, address: Address) -> paramiko.PKey:
    from paramiko import PasswordRequiredException, PKey

    with adapter.explained(address, f"use {path} for"):
        try:
            return PKey.from_path(path)
        except (PasswordRequiredException, TypeError):  # TypeError is cryptography's word for it
            raise SshError(f"{path} needs a passphrase, and nobody is asked here", hint="composegen uses its own key") from None


@contextlib.contextmanager
def _explained_login(transport: paramiko.Transport, address: Address, what: str) -> Iterator[None]:
    """Tell "no" (LoginRefused) from a connection that ended or was too slow (NotReachable)."""
    from paramiko import AuthenticationException, BadAuthenticationType

    try:
        yield
    except BadAuthenticationType as error:
        offered = f"it takes {', '.join(error.allowed_types)}" if error.allowed_types else None
        raise LoginRefused(f"{address} refuses {what}", hint=offered) from error
    except AuthenticationException as error:
        if transport.is_active() and "timeout" not in str(error).lower():
            raise LoginRefused(f"{address} refuses {what}") from error
        reason = "no answer in time" if transport.is_active() else "the connection was closed"
        raise NotReachable(f"cannot log in to {address}: {reason}") from error
    except adapter.foreign_exceptions() as error:
        kind = SshError if transport.is_active() else NotReachable
        raise kind(f"cannot log in to {address}: {adapter.reason(error)}") from error
