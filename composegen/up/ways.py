"""What leads into a folder's container, whether it runs, is stopped or was never started: for `connect`, and the end of `up`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from composegen import host
from composegen.engine import Engine, guard, memory
from composegen.errors import ComposegenError, EngineError, FolderError
from composegen.folder import Folder, recorded_variant
from composegen.ide import Place, links
from composegen.model import CODE_TARGET
from composegen.ssh import KnownHosts, connect, keys
from composegen.ssh.address import PREFIX
from composegen.ssh.laptop import Laptop, Server
from composegen.ssh.public_key import valid_lines
from composegen.up import alias
from composegen.up.state import Connection, Options, State, Talk

if TYPE_CHECKING:
    from composegen.model import Settings
    from composegen.smoke.pythons import Pythons
    from composegen.ssh import Session

LOGIN_TIMEOUT = 15.0  # seconds
# The newest backend that an IDE put there, or that was registered for Gateway; as that starts it.
BACKEND = """
    cd ~/.cache/JetBrains/RemoteDev 2>/dev/null || exit 0
    newest=$(ls -dt userProvidedDist/*/bin/remote-dev-server.sh dist/*/bin/remote-dev-server.sh 2>/dev/null | head -n 1)
    if [ "$newest" ]; then readlink -f "${newest%/bin/remote-dev-server.sh}"; fi
"""
# importlib.metadata is there since Python 3.8; MindSpore 2.0's image has 3.7.
VERSIONS = """
import sys
try:
    from importlib.metadata import version
except ImportError:
    from pkg_resources import get_distribution
    version = lambda name: get_distribution(name).version
for name in sys.argv[1:]:
    try:
        print(name, version(name))
    except Exception:
        pass
"""


@dataclass(frozen=True)
class Seen:
    """What a session found in the container."""

    pythons: Pythons
    framework: str = ""  # `mindspore 2.0.0a0`, as installed; empty: none is
    backend: str = ""


@dataclass(frozen=True)
class Ways:
    connection: Connection
    place: Place  # as the IDE reaches it, which is on the laptop where there is one
    framework: str  # as installed, else as the folder asks for it
    laptop: Laptop | None  # None: the caller sits at this machine
    seen: Seen | None = None
    why_unseen: str = ""  # why nobody could look; empty where that was not tried

    @property
    def alias(self) -> str:
        return f"{PREFIX}{self.connection.project}"

    @property
    def reason(self) -> str:
        """Why no interpreter is known, or why it is this one where others are seen, too; empty: all agree, or nobody looked."""
        if self.seen is None:
            return self.why_unseen
        return self.seen.pythons.disagreement if self.seen.pythons.chosen else "the container has no Python"

    @property
    def links(self) -> dict[str, str]:
        return links(self.place)

    def to_json(self) -> dict[str, Any]:
        """`host` and `port` are this machine's; a laptop's IDE goes by the alias, as `links` do."""
        address, pythons = self.connection.address, self.seen.pythons if self.seen else None
        return {
            "alias": self.alias,
            "alias_works": bool(self.connection.alias),
            "host": address.host,
            "port": address.port,
            "user": address.user,
            "interpreter": (pythons.chosen or None) if pythons else None,
            "reason": self.reason or None,
            "pythons": {name: getattr(pythons, name) for name in ("image", "command", "login_shell")} if pythons else None,
            "python": pythons.version if pythons else None,
            "framework": self.framework or None,
            "project": self.place.project,
            "links": self.links,
            "laptop": {name: getattr(self.laptop, name) for name in ("config", "known_hosts", "script")} if self.laptop else None,
        }


def connection(state: State) -> Connection:
    settings = state.folder.settings
    only_key = None if _others(settings) or settings.password else keys.own_key()
    project, interpreter = state.engine.project, state.memory.interpreter
    return Connection(project, state.address, interpreter, settings.code_dir, only_key, state.alias, alias.by_alias(state))


def _others(settings: Settings) -> list[str]:
    """Keys of persons."""
    return [key for key in settings.authorized_keys if key != keys.own_public_key()]


def ways(connected: Connection, folder: Folder, server: Server | None, seen: Seen | None = None, why_unseen: str = "") -> Ways:
    """Raises SshError or UsageError: there can be no alias."""
    address, settings = connected.address, folder.settings
    laptop = None
    if server:
        users = tuple(valid_lines("\n".join(_others(settings)), source=".env"))
        laptop = Laptop(alias.of(connected.project, address, settings), server, KnownHosts.own().lookup(address), users)
    name = f"{PREFIX}{connected.project}"
    place = Place(name, name if laptop else address.host, address.port, address.user, CODE_TARGET, seen.backend if seen else "")
    framework = (seen.framework if seen else "") or _asked_for(folder)
    return Ways(connected, place, framework, laptop, seen, why_unseen)


def came_in_by(folder: Folder, environ: Mapping[str, str] = os.environ) -> Server | None:
    """The server that a laptop jumps through, where the caller came over SSH; under sudo, whoever called that."""
    return Server.came_in_by(environ, host.user_name(host.caller(folder.path, environ).uid))


def look(folder: Folder, engine: Engine, server: Server | None) -> Ways:
    """The same for a container as it is. Changes nothing. Raises EngineError: the container of that name is somebody else's."""
    state = State(folder, engine, Options(), Talk(lambda line: None), memory=memory.recall(folder.path))
    seen, why = None, ""
    try:
        found = engine.look()
    except EngineError as error:
        why = error.message
    else:
        guard.refuse_foreign(engine, found)
        state = replace(state, look=found)
        if found.container is None:
            why = "there is no container yet; `composegen up` makes it"
        elif not found.container.running:
            why = f"the container is {found.container.in_words()}; `composegen start` starts it"
        else:
            seen, why = _seen(state)
    project = engine.project
    published = f"{PREFIX}{project}" if alias.works(project) else ""
    known = connection(replace(state, alias=published))
    return ways(replace(known, interpreter=seen.pythons.chosen if seen else ""), folder, server, seen, why)


def log_in(folder: Folder, engine: Engine) -> Session:
    """A session with the running container, as the user that an IDE logs in as.

    Raises EngineError: it does not run, or is somebody else's. SshError: nobody answers, or we are not let in.
    """
    found = engine.look()
    guard.refuse_foreign(engine, found)
    guard.running(found.container)
    return _session(State(folder, engine, Options(), Talk(lambda line: None), look=found))


def _session(state: State) -> Session:
    return connect(state.address, key=keys.own_key(), host_keys=KnownHosts.own(), timeout=LOGIN_TIMEOUT)


def _seen(state: State) -> tuple[Seen | None, str]:
    try:
        with _session(state) as session:
            return examine(session, state.folder), ""
    except ComposegenError as error:
        return None, error.message


def examine(session: Session, folder: Folder) -> Seen:
    """Raises SshError."""
    from composegen.smoke import pythons

    found = pythons.find(session)
    backend = session.run(f"sh -c {shlex.quote(BACKEND)}").stdout.strip()
    names = _distributions(folder)
    framework = ""
    if names and found.chosen:
        said = session.run(shlex.join([found.chosen, "-c", VERSIONS, *names]))
        framework = next(iter(said.stdout.splitlines()), "")
    return Seen(found, framework, backend if backend.startswith("/") else "")


def _distributions(folder: Folder) -> tuple[str, ...]:
    """Those that are the framework; none where the folder lost what it recorded, or its stack has none."""
    try:
        return tuple(name for name in recorded_variant(folder.path).framework if "*" not in name)
    except FolderError:
        return ()


def _asked_for(folder: Folder) -> str:
    try:
        variant = recorded_variant(folder.path)
    except FolderError:
        return ""
    return f"{folder.choices.stack} {variant.version}" if variant.framework else ""
