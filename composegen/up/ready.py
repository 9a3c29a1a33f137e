"""From a started container to an authenticated login, and what to say when that does not come."""

from __future__ import annotations

import hashlib
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from composegen.engine import Container, Engine, memory
from composegen.engine.command import Command
from composegen.engine.failures import not_running
from composegen.errors import CommandFailed, ComposegenError, EngineError, HostKeyChanged, LoginRefused, NotReachable, SshError
from composegen.ssh import Address, HostKeys, KnownHosts, Session, keys, openssh, wait_for_login
from composegen.up.state import State

NO_LOGIN = 255  # exit status of ssh where it, not the command, failed
RENEWAL = 5.0  # seconds that sshd has to show the host key that the container says is its own
RENEWAL_POLL = 0.05  # seconds
KILLED = 137  # exit status of a command in a container that ends
CRASHES = 2  # restarts by the engine after which a container that is not running is not coming up


@dataclass(frozen=True)
class AskTheContainer:
    """Host keys as the container itself says them, written down for every later login."""

    engine: Engine
    known: KnownHosts
    say: Callable[[str], None] = lambda line: None  # hears of a key that was another one until now

    def lookup(self, address: Address) -> tuple[str, ...]:
        line = self.engine.host_key()
        if not line:
            return ()
        note_host_key(address, line, self.known, self.say)
        return self.known.lookup(address)


def note_host_key(address: Address, line: str, known: KnownHosts, say: Callable[[str], None]) -> None:
    """Write down what the container itself says its key is; a person hears of it where another one was known. Raises SshError."""
    before = known.lookup(address)
    known.remember(address, line)
    if before and keys.bare(line) not in before:
        new, old = keys.fingerprint(line), keys.fingerprint(before[0])
        say(f"note: {address.endpoint} has a new host key, {new} instead of {old}; the container itself says so")


@dataclass
class Watch:
    """An eye on the container while its SSH is waited for. `dead` is what it was when it was given up: soon it may be restarted."""

    engine: Engine
    dead: Container | None = None

    def alive(self) -> bool:
        found = self.engine.container()
        if found is not None and (found.running or (found.state == "restarting" and found.restarts < CRASHES)):
            return True
        self.dead = found
        return False

    def ended(self, error: CommandFailed) -> bool:
        """Whether a command in the container failed because that did not run, or ended meanwhile. It may run again by now."""
        self.dead = self.engine.container()
        return not_running(error.output) or error.exit_code == KILLED or self.dead is None or not self.dead.running


def log_in(state: State) -> State:
    """The state with a session. Raises SshError, after saying the container's state and last words."""
    watch = Watch(state.engine)
    try:
        session = _log_in(state, watch)
    except CommandFailed as error:
        if not watch.ended(error):
            raise
        raise _did_not_come_up(state, watch, NotReachable("the container does not stay up")) from error
    except SshError as error:
        raise _did_not_come_up(state, watch, error) from error
    known = replace(
        state.memory,
        folder=str(state.folder.path),
        project=state.engine.project,
        container=state.container.id,
        credentials=_digest(state),
    )
    if known != state.memory:
        memory.remember(state.folder.path, known)
    return replace(state, session=session, memory=known)


def _log_in(state: State, watch: Watch) -> Session:
    known, asking = KnownHosts.own(), _asking(state)
    _bring_credentials(state)
    host_keys: HostKeys = known if known.lookup(state.address) else asking
    try:
        return _wait(state, host_keys, watch)
    except HostKeyChanged:
        # Another container had this port, or this one has new keys: the container itself knows.
        return _wait_for_new_keys(state, asking, watch)
    except LoginRefused:
        # Made by plain `docker compose up`, perhaps before .env had our key.
        state.engine.push_keys(wanted_keys(state))
        return _wait(state, asking, watch)


def renew_host_keys(state: State) -> tuple[State, str]:
    """New host keys for the running container: the state with a session under them, and the fingerprint.

    Raises CommandFailed: the container cannot make them. SshError: its sshd does not show them.
    """
    state.engine.rotate_host_keys()
    watch = Watch(state.engine)
    try:
        session = _wait_for_new_keys(state, AskTheContainer(state.engine, KnownHosts.own()), watch)
    except SshError as error:
        raise _did_not_come_up(state, watch, error) from error
    if state.session is not None:
        state.session.close()
    return replace(state, session=session), keys.fingerprint(session.host_key)


def _wait_for_new_keys(state: State, asking: AskTheContainer, watch: Watch) -> Session:
    """The same where sshd may still have to read the key that the container says is its own."""
    deadline = time.monotonic() + RENEWAL
    while True:
        try:
            return _wait(state, asking, watch)
        except HostKeyChanged as error:
            if time.monotonic() > deadline:
                raise _another(state.address, error.message) from error
        time.sleep(RENEWAL_POLL)


def _asking(state: State) -> AskTheContainer:
    return AskTheContainer(state.engine, KnownHosts.own(), state.talk.say)


def _another(address: Address, fact: str) -> HostKeyChanged:
    """The port answers with a key that the container itself says is not its own."""
    hint = (
        "the container itself says what is expected. `docker ps` and `ss -ltn` show whether another program has port "
        f"{address.port}; or its sshd goes on with older keys, which `composegen restart` ends"
    )
    return HostKeyChanged(fact, hint=hint)


def _wait(state: State, host_keys: HostKeys, watch: Watch) -> Session:
    key, timeout = keys.own_key(), state.options.timeout
    return wait_for_login(state.address, key=key, host_keys=host_keys, timeout=timeout, alive=watch.alive)


def _bring_credentials(state: State) -> None:
    """Changed keys or a changed password in `.env` do not reach a container that runs (Compose says Running); this way they do."""
    if not state.created:
        if (state.memory.container, state.memory.credentials) != (state.container.id, _digest(state)):
            _push_credentials(state)
            if state.memory.container != state.container.id and not state.folder.settings.password:
                state.talk.say("note: .env has no password, so a password that the container made itself is no longer valid")
    elif keys.own_public_key() not in state.folder.settings.authorized_keys:
        state.engine.push_keys(wanted_keys(state))


def _push_credentials(state: State) -> None:
    state.engine.push_keys(wanted_keys(state))
    state.engine.push_password(state.folder.settings.password)


def wanted_keys(state: State) -> list[str]:
    """Who may log in: those of `.env`, and composegen's own key for its probes."""
    return list(dict.fromkeys([*state.folder.settings.authorized_keys, keys.own_public_key()]))


def _digest(state: State) -> str:
    return hashlib.sha256("\n".join([*wanted_keys(state), state.folder.settings.password]).encode()).hexdigest()


def log_in_with_openssh(state: State, command: Sequence[str]) -> int:
    found = state.container
    if not found.running:
        raise EngineError(f"'{found.name}' does not run: {found.in_words()}", hint="`composegen up` starts it", said=found.error)
    known_hosts = KnownHosts.own()
    _asking(state).lookup(state.address)
    if (state.memory.container, state.memory.credentials) != (found.id, _digest(state)):
        _push_credentials(state)
        memory.remember(state.folder.path, replace(state.memory, container=found.id, credentials=_digest(state)))
    tty = None if sys.stdin.isatty() else False  # left alone, ssh says on every call that a pipe is no terminal
    forward = state.folder.settings.forward_agent == "yes"
    with tempfile.TemporaryDirectory(prefix="composegen-") as folder:
        log = Path(folder) / "ssh.log"
        argv = openssh.command(
            state.address,
            key=keys.own_key(),
            known_hosts=known_hosts.path,
            remote_command=command,
            tty=tty,
            forward_agent=forward,
            log=log,
        )
        status = Command(tuple(argv)).attached()
        said = log.read_text(errors="replace") if log.exists() else ""
    if status == NO_LOGIN and "Host key verification failed" in said:
        raise _another(state.address, _in_our_words(said, state.address, known_hosts))
    for line in said.splitlines():
        state.talk.say(line)
    return status


def _in_our_words(said: str, address: Address, known_hosts: KnownHosts) -> str:
    """One sentence for what ssh says in capitals about a host key."""
    shown = next(iter(re.findall(r"SHA256:[\w+/]+", said)), "none that is known")
    expected = ", ".join(map(keys.fingerprint, known_hosts.lookup(address))) or "no other"
    return f"{address.endpoint} shows another host key than expected: {shown} instead of {expected}"


def _did_not_come_up(state: State, watch: Watch, reason: SshError) -> SshError:
    words = _last_words(state, watch)
    for line in words:
        state.talk.say(line)
    hint = reason.hint or "`composegen logs` shows all it said"
    return type(reason)(f"SSH of '{state.engine.project}' did not come up: {reason.message}", hint=hint, said="\n".join(words))


def _last_words(state: State, watch: Watch) -> list[str]:
    """How the container is, and the end of its log."""
    try:
        found = watch.dead or state.engine.container()
        how = f"container '{state.engine.project}': {found.in_words() if found else 'not there'}"
        return [how, *(f"  | {line}" for line in state.engine.last_words().splitlines())]
    except ComposegenError as error:
        return [f"container '{state.engine.project}': {error.message}"]
