"""What the folder's `.env` asks for, and the code it names."""

from __future__ import annotations

import os
from pathlib import Path

from composegen import host
from composegen.doctor.site import Site, Unanswered, Verdict
from composegen.engine import guard
from composegen.errors import UsageError

NETWORKED = ("nfs", "nfs4", "cifs", "smb3", "9p", "drvfs", "fuse.sshfs", "virtiofs")  # file systems of another machine


def exported(site: Site) -> Verdict:
    """No exported variable stands in for one of `.env`."""
    _ = site.project
    if site.shadowed:
        names = " ".join(site.shadowed)
        return Verdict("warn", f"exported, so that what .env says does not count: {names}", f"`unset {names}`")
    return Verdict("ok", "no exported variable beats .env")


def port(site: Site) -> Verdict:
    """The port is this container's, or free."""
    _ = site.project
    address, number, found = site.settings.bind, site.settings.port, site.look.container
    if found and found.holds(address, number):
        return Verdict("ok", f"{number} on {address} is this container's")
    site.insist_on_host("ports")
    free = host.port_is_free(number, address)
    if free:
        return Verdict("ok", f"{number} on {address} is free")
    error = guard.no_such_address(address) if free is None else guard.port_taken(site.engine, address, number)
    return Verdict("fail", error.message, error.hint or "")


def login(site: Site) -> Verdict:
    """Somebody will be able to log in, and nobody else."""
    from composegen.ssh import credentials, keys

    _ = site.project
    try:
        credentials.refuse_unusable(site.settings)
    except UsageError as error:
        return Verdict("fail", error.message, error.hint or "")
    given, password = site.settings.authorized_keys, site.settings.password
    if not given and not password:
        steps = "`ssh-keygen -t ed25519` makes a key, `composegen ssh-keys add FILE.pub` lets it in"
        return Verdict("warn", "neither key nor password is set: the container makes a password and says it in its log", steps)
    own = keys.config_directory() / keys.OWN_KEY
    if own.exists() and own.stat().st_mode & 0o077:
        return Verdict("warn", f"others may read {own}", f"`chmod 600 {own}`")
    return Verdict("ok", f"{len(given)} key{'' if len(given) == 1 else 's'}, {'a' if password else 'no'} password")


def host_key(site: Site) -> Verdict:
    """The host key that was written down is the container's."""
    from composegen.ssh import Address, KnownHosts

    _ = site.project
    found = site.look.container
    if found is None or not found.running or found.port is None:
        raise Unanswered("the container does not run")
    known_hosts = KnownHosts.own()
    address = Address.published(site.settings.bind, found.port, site.settings.user, project=site.engine.project)
    known, shown = known_hosts.lookup(address), site.engine.host_key()
    if shown and known and shown not in known:
        said = f"{known_hosts.path} has another host key for {address.endpoint} than the container shows"
        return Verdict("warn", said, "`composegen up` learns it anew from the container itself")
    return Verdict("ok", f"{'known' if known else 'not written down yet'} for {address.endpoint}")


def code(site: Site) -> Verdict:
    """The code folder is there, the login user's, and on a file system that lets root in."""
    _ = site.project
    site.insist_on_host("files")
    folder = site.directory / Path(site.settings.code_dir).expanduser()
    try:
        owner = folder.stat().st_uid
    except OSError as error:
        made = f"`mkdir -p {folder}`, or another CODE_DIR in .env: the engine would make it as root"
        return Verdict("fail", f"CODE_DIR {folder}: {error.strerror}", made)
    kind = _file_system(folder, site.root)
    if kind.startswith("nfs") and site.settings.user == "root":
        said = f"{folder} is on NFS, which usually takes root for nobody (root_squash): root in the container could not write there"
        me = host.caller(folder).name
        return Verdict("warn", said, f"log in as yourself: `composegen init {site.project.stack} . --user {me}`")
    if site.settings.user != "root" and owner != site.settings.uid:
        said = f"{folder} belongs to uid {owner}, and '{site.settings.user}' is uid {site.settings.uid}"
        return Verdict("warn", said, f"`sudo chown {site.settings.uid} {folder}`, or another USER_UID in .env")
    slow = f", on {kind}, which is slower than a disk of this machine" if kind in NETWORKED else ""
    return Verdict("ok", f"{folder}{slow}")


def _file_system(folder: Path, root: Path) -> str:
    """The kind of file system that a folder is on, as /proc/mounts calls it; empty where that does not say."""
    try:
        lines = (root / "proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    mounted = [(Path(fields[1].replace("\\040", " ")), fields[2]) for line in lines if len(fields := line.split()) > 2]
    above = [(len(at.parts), kind) for at, kind in mounted if at in (real := Path(os.path.realpath(folder)), *real.parents)]
    return max(above, default=(0, ""), key=lambda each: each[0])[1]
