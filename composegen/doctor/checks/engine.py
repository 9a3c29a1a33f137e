"""Docker itself, and what it has under this folder's names."""

from __future__ import annotations

from composegen.doctor.explaining import explained
from composegen.doctor.reading import fix
from composegen.doctor.site import PATIENCE, Late, Site, Unanswered, Verdict
from composegen.engine import guard, memory
from composegen.errors import EngineError

# How many networks the engine's own address pools have room for: 172.17 to 172.31 as /16, and 192.168 in pieces of /20.
# https://github.com/moby/moby/blob/v28.5.2/daemon/libnetwork/ipamutils/utils.go
POOLS = 31
FEW_LEFT = 3
# How the engine maps users: what that means for somebody who logs in with a uid of the host's.
MAPPED = {
    "rootless": "this engine is rootless: root in the container is you on the host, and '{user}' is not; "
    "`composegen init {stack} . --user root` makes the files in the code folder yours",
    "userns": "this engine maps every uid to another of the host (userns-remap), and '{user}' may not be let into the code folder; "
    "`userns_mode: host` for the service dev in compose.override.yaml takes this container out of that",
}
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}  # what images call a machine → what kernels call it


def answers(site: Site) -> Verdict:
    """The daemon answers you, and it, Compose and BuildKit are new enough."""
    try:
        found = site.versions
    except EngineError as error:
        said = explained(error)
        return Verdict("fail", said.message, said.hint or "")
    except Late:
        return Verdict("fail", f"Docker's daemon does not answer within {PATIENCE:g} s", fix("daemon-silent", site.systems))
    return Verdict("ok", f"Engine {found.engine}, Compose {found.compose}, BuildKit")


def names(site: Site) -> Verdict:
    """Container, project, network and volumes of this folder's name are its own."""
    _ = site.project
    engine, look = site.engine, site.look
    name, found = engine.project, look.container
    try:
        guard.refuse_foreign(engine, look)
    except EngineError as error:
        return Verdict("fail", error.message, error.hint or "")
    if network := engine.foreign_network():
        said = f"there is a network '{network}' that Compose did not make for '{name}', and it will not use"
        return Verdict("fail", said, f"`docker network rm {network}`, if nothing needs it; or {_another(site)}")
    if not found and memory.recall(site.directory).project != name and (left := engine.volumes()):
        said = f"there are volumes of an earlier '{name}', which this folder never used: {', '.join(left)}"
        return Verdict("warn", said, f"`composegen up --adopt` uses them, host keys and IDE files included; or {_another(site)}")
    return Verdict("ok", f"'{name}' is {found.in_words() if found else 'free'}")


def _another(site: Site) -> str:
    return f"COMPOSE_PROJECT_NAME={guard.free_name(site.engine.project, site.engine.names_in_use())} in .env"


def networks(site: Site) -> Verdict:
    """There are addresses left for the folder's network."""
    _ = site.info
    used = site.engine.networks()
    said = f"{used} networks, where the engine's own address pools have room for {POOLS}"
    return Verdict("warn", said, fix("subnets-exhausted", site.systems)) if used > POOLS - FEW_LEFT else Verdict("ok", said)


def users(site: Site) -> Verdict:
    """Files in the code folder will be the caller's."""
    stack, user, kind = site.project.stack, site.settings.user, site.info.maps_users
    if kind and user != "root":
        return Verdict("warn", MAPPED[kind].format(user=user, stack=stack))
    return Verdict("ok", f"{kind}, and root logs in" if kind else f"'{user}' logs in, with uids as on the host")


def architecture(site: Site) -> Verdict:
    """The image is for the engine's processor."""
    _ = site.project
    has, said = site.info.architecture, site.engine.architecture(site.base) if site.base else ""
    if not said:
        raise Unanswered(f"the engine's machine is {has}, and the base image is not there yet to be asked")
    wanted = MACHINES.get(said, said)
    if wanted == has:
        return Verdict("ok", f"{has}, as is the base image")
    apart = f"the base image is for {wanted}, and the engine's machine is {has}"
    if site.here and (site.root / f"proc/sys/fs/binfmt_misc/qemu-{wanted}").exists():
        apart += ": it runs emulated (binfmt), many times slower and without a GPU"
        return Verdict("warn", apart, fix("wrong-architecture", site.systems))
    return Verdict("fail", apart, fix("wrong-architecture", site.systems))
