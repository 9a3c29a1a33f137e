"""What `composegen doctor --fix` does for the user, where that is safe. Data: a check's name → what may mend its finding.

A check brings its own mend where engine and host suffice for that. Here are those that take more: a folder's files, or keys. Each
looks for itself whether there is something to mend: what a check saw may have changed, and a finding can have several reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from composegen import host
from composegen.doctor import Diagnosis, Site
from composegen.doctor.site import Mend
from composegen.engine import guard
from composegen.errors import ComposegenError, EngineError
from composegen.folder import ENV, Folder, assigned, open_folder

PRIVATE = 0o600


def mends(found: Diagnosis, site: Site) -> Iterator[Mend]:
    """What can be done about the findings, in their order, each looked for once the one before it was done or declined."""
    for finding in found.findings:
        if finding.status in ("warn", "fail") and finding.answered:
            mend, look = finding.mend, MENDS.get(finding.name)
            with suppress(ComposegenError):  # what it looks at does not answer any more; the finding stands
                mend = mend or (look(site) if look else None)
            if mend:
                yield mend


def _records(site: Site) -> Mend | None:
    """What nothing works with as it is, and nobody edits."""
    if site.choices is None or not (site.variant is None or site.damaged()):
        return None
    return Mend("Run `composegen update`, which writes that anew and keeps your edits?", lambda: _update(site.directory))


def _update(directory: Path) -> str:
    from composegen.init import Request, prepare_update, write

    prepared = prepare_update(Request("", directory))
    write(prepared)
    prepared.plan.explain_conflicts()
    return f"wrote {', '.join(change.path for change in prepared.plan.pending)}"


def _env(site: Site) -> Mend | None:
    """A `.env` of this person and machine, which nobody else reads."""
    if site.choices is None:
        return None
    if (site.directory / ENV).exists():
        return _private(site.directory / ENV)
    return Mend("Write .env, with your key, a free port and a name of its own?", lambda: _write_env(site.directory))


def _write_env(directory: Path) -> str:
    from composegen.up.clone import with_env

    written = with_env(open_folder(directory)).settings
    return f"wrote {directory / ENV}: project '{written.project_name}', port {written.port}"


def _private(file: Path) -> Mend | None:
    if not file.exists() or not file.stat().st_mode & 0o077:
        return None

    def close() -> str:
        file.chmod(PRIVATE)
        return f"{file} is yours alone"

    return Mend(f"Take {file} from group and others (chmod 600)?", close)


def _port(site: Site) -> Mend | None:
    """Another port than one that somebody else listens on."""
    folder = open_folder(site.directory)
    bind, port = folder.settings.bind, folder.settings.port
    if "SSH_PORT" in folder.shadowed or host.port_is_free(port, bind) is not False:
        return None
    free = host.free_port(port + 1, bind)
    return Mend(f"Set SSH_PORT={free} in .env, since {port} is taken?", lambda: _set(folder, "SSH_PORT", str(free)))


def _name(site: Site) -> Mend | None:
    """Another name than one of somebody else's."""
    folder, engine = open_folder(site.directory), site.engine
    try:
        guard.refuse_foreign(engine, engine.look())
    except EngineError:
        if "COMPOSE_PROJECT_NAME" not in folder.shadowed:
            free = guard.free_name(engine.project, engine.names_in_use())
            question = f"Set COMPOSE_PROJECT_NAME={free} in .env, since '{engine.project}' is another's?"
            return Mend(question, lambda: _set(folder, "COMPOSE_PROJECT_NAME", free))
    return None


def _set(folder: Folder, name: str, value: str) -> str:
    assigned(folder, {name: value})
    return f"wrote {name}={value} to {folder.path / ENV}"


def _own_key(site: Site) -> Mend | None:
    """composegen's own key, which OpenSSH refuses where others may read it."""
    from composegen.ssh import keys

    return _private(keys.config_directory() / keys.OWN_KEY)


def _host_key(site: Site) -> Mend | None:
    """In composegen's own known_hosts: the container itself, which the engine knows by its name, says what belongs there."""
    from composegen.ssh import Address, KnownHosts

    found, settings = site.engine.container(), site.settings
    if found is None or found.port is None or not (key := site.engine.host_key()):
        return None
    known_hosts = KnownHosts.own()
    address = Address.published(settings.bind, found.port, settings.user, project=site.engine.project)
    if not (known := known_hosts.lookup(address)) or key in known:
        return None

    def learn() -> str:
        known_hosts.remember(address, key)
        return f"{known_hosts.path} has the container's host key for {address.endpoint}"

    return Mend(f"Replace the old host key for {address.endpoint} in {known_hosts.path} by the container's?", learn)


MENDS: Mapping[str, Callable[[Site], Mend | None]] = {
    "folder": _records,
    "env": _env,
    "port": _port,
    "names": _name,
    "login": _own_key,
    "host-key": _host_key,
}
