"""The parts that probes are made of: what one gets, and the three ways in which it can end."""

from __future__ import annotations

import re
import shlex
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from composegen.errors import SshError
from composegen.smoke.target import Target
from composegen.ssh import HostKeys, OneHostKey, Result, Session, connect

LOGIN_TIMEOUT = 15.0  # seconds
COMMAND_TIMEOUT = 30.0  # seconds


@dataclass(frozen=True)
class Found:
    """All is as it should be; `detail` says what was seen, `hint` what could be better."""

    detail: str
    data: dict[str, Any] = field(default_factory=dict)
    hint: str = ""


class Fail(Exception):
    """Something is not as it should be."""

    def __init__(self, detail: str, *, hint: str = "", data: dict[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.detail, self.hint, self.data = detail, hint, data or {}


class Skip(Exception):
    """The probe cannot run here; the reason is its only argument."""


class Visit:
    """One container under test, and the one session that all probes share; opened when first asked for, once."""

    def __init__(self, target: Target, session: Session | None = None, *, login_is_told: bool = True) -> None:
        self.target = target
        self._login_is_told = login_is_told  # by a probe of its own, so that the others may leave it at that
        self._session = session
        self._given = session is not None
        self._refusal: SshError | None = None
        self._opening = threading.Lock()
        self.one_program = threading.Lock()  # held by what needs a GPU's memory for itself
        self.closed = False  # nobody waits for what is still found

    @property
    def host_keys(self) -> HostKeys:
        """The container's own word on its host key counts more than what was written down earlier."""
        return OneHostKey(self.target.host_key) if self.target.host_key else self.target.host_keys

    def login(self) -> Session:
        """The session. Raises SshError, always the same one, where the login failed."""
        with self._opening:
            if self._refusal:
                raise self._refusal
            if self._session is None:
                target = self.target
                try:
                    self._session = connect(target.address, key=target.key, host_keys=self.host_keys, timeout=LOGIN_TIMEOUT)
                except SshError as error:
                    self._refusal = error
                    raise
            return self._session

    @property
    def session(self) -> Session:
        """The session. Raises Skip where the login failed, which is another probe's finding, or Fail where that is not asked."""
        try:
            return self.login()
        except SshError as error:
            raise self.no_connection(error, "the login failed") from None

    def no_connection(self, error: SshError, what: str = "no connection") -> Fail | Skip:
        """What a probe raises that could not get to its question."""
        if self._login_is_told:
            return Skip(f"{what}: {error.message}")
        return Fail(f"{what}: {error.message}", hint=error.hint or "")

    def shell(self, script: str, *, timeout: float = COMMAND_TIMEOUT) -> Result:
        """Run a POSIX shell script in the container, whatever the user's shell is."""
        return self.session.run(f"sh -c {shlex.quote(script)}", timeout=timeout)

    def ask(self, script: str, form: str) -> tuple[str, ...]:
        """The groups of `form`, a regular expression, in all that a script prints. Raises Fail where it prints anything else."""
        result = self.shell(script)
        if found := re.fullmatch(form, result.stdout, re.DOTALL):
            return found.groups()
        if not result.ok:
            raise Fail(result.output.strip() or f"`{script}` ended with status {result.status}")
        hint = "do ~/.bashrc or files in /etc/profile.d print anything? IDEs stumble over that, too"
        raise Fail(f"an answer that cannot be understood: {result.output[:200]!r}", hint=hint)

    def close(self) -> None:
        """Close the session, unless it was somebody else's."""
        self.closed = True
        with self._opening:
            if self._session is not None and not self._given:
                self._session.close()


@dataclass(frozen=True)
class Probe:
    """A name and a question. `run` returns what it found or raises Fail or Skip.

    A name's first part is a group; `groups` are others that it belongs to.
    """

    name: str
    run: Callable[[Visit], Found]
    needs_session: bool = True
    groups: tuple[str, ...] = ()

    def answers_to(self, given: str) -> bool:
        """Whether that is its name or a group of it."""
        return self.name == given or self.name.startswith(f"{given}-") or given in self.groups
