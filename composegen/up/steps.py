"""The steps, in order. Each takes what is known and returns what is known after it, and what it did in one line."""

from __future__ import annotations

import re
from dataclasses import replace

from composegen import host
from composegen.engine import guard, inputs, is_local, loss, memory
from composegen.errors import CommandFailed, EngineError, UsageError
from composegen.folder import recorded_variant
from composegen.model import Settings
from composegen.ssh import credentials
from composegen.up import gpu_check
from composegen.up import ready as way_in
from composegen.up.state import State

Step = tuple[State, str]


def preflight(state: State) -> Step:
    """What is there, whose it is, and whether the port is free.

    Raises EngineError: something is in the way. FolderError: the folder has lost what the test needs. UsageError: a key or the
    password cannot be meant.
    """
    folder, engine = state.folder, state.engine
    if folder.shadowed:
        state.talk.say(f"note: exported {', '.join(folder.shadowed)} beat what .env says")
    credentials.refuse_unusable(folder.settings)
    known = look_around(state)
    found = known.look.container
    _refuse_unusable_port(known)
    if _will_be_created(known) or (found and not found.alive):
        gpu_check.refuse_missing(known)
    if state.options.test and _will_be_created(known):
        # What the test needs is better missed now than after minutes of building.
        recorded_variant(folder.path)
    if not found and known.memory.project != engine.project and (left := engine.volumes()):
        _adopt(state, left)
    return known, f"'{engine.project}' is {found.in_words() if found else 'not there yet'}"


def _adopt(state: State, volumes: tuple[str, ...]) -> None:
    """Volumes do not say whose they are, and hold host keys and what IDEs keep. Raises EngineError: nobody agreed to use them."""
    name = state.engine.project
    before = memory.folders_of(name)
    if before and not any(folder.exists() for folder in before):
        state.talk.say(f"note: volumes of '{name}' will be used; {before[0]}, where they were made, is gone: {', '.join(volumes)}")
        return
    state.talk.say(f"there are volumes of an earlier '{name}', which this folder never used: {', '.join(volumes)}")
    if not state.options.adopt and not state.talk.confirm("Are they yours, and to be used here?"):
        free = guard.free_name(name, state.engine.names_in_use())
        raise EngineError(
            f"the volumes of '{name}' may be another folder's",
            hint=f"`composegen up --adopt` uses them, host keys and IDE files included; or COMPOSE_PROJECT_NAME={free} in .env",
        )


def look_around(state: State) -> State:
    """What is there, and what the folder says now. Raises EngineError: what is there is somebody else's."""
    folder, engine = state.folder, state.engine
    look = engine.look(state.base)
    guard.refuse_foreign(engine, look)
    return replace(
        state,
        look=look,
        memory=memory.recall(folder.path),
        inputs=inputs.digest(folder.path, state.variables),
        config_hash=engine.config_hash() if look.container else "",
    )


def _refuse_unusable_port(state: State) -> None:
    """Before anything is destroyed: can a new or started container publish its port? Raises EngineError."""
    found = state.look.container
    if not is_local() or (found and found.alive and not _will_be_created(state)):
        return
    address, port = _wanted(state)
    # Whose port this container has itself is no question, only whether this host still has the address.
    free = host.port_is_free(0 if found and found.holds(address, port) else port, address)
    if free is None:
        raise guard.no_such_address(address)
    if not free:
        raise guard.port_taken(state.engine, address, port)


def _will_be_created(state: State) -> bool:
    return state.look.container is None or bool(state.options.recreate or why_build(state) or why_recreate(state))


def _wanted(state: State) -> tuple[str, int]:
    """Address and port that the container will have. An unchanged one keeps its own, which a compose.override.yaml may have set."""
    found, settings = state.look.container, state.folder.settings
    if found and found.binding and found.config_hash == state.config_hash:
        return found.binding
    return settings.bind, settings.port


def _explain_lost_port(state: State, error: CommandFailed) -> None:
    """Raises EngineError, where the port that was free before was taken meanwhile: by whom."""
    address, port = _wanted(state)
    if re.search("port is already allocated|address already in use", error.said) and host.port_is_free(port, address) is False:
        raise guard.port_taken(state.engine, address, port) from error


def build(state: State) -> Step:
    """An image of what the folder says now. Raises EngineError or CommandFailed."""
    reason = why_build(state)
    if not reason:
        return state, "skipped, nothing it is made of changed"
    state.talk.say(f"building {state.engine.project}-dev: {reason}")
    return build_now(state)


def build_now(state: State, *, fresh: bool = False) -> Step:
    """The same without asking whether anything changed; `fresh` uses no cache."""
    _refuse_passwords_in_addresses(state.folder.settings)
    state.engine.versions()
    if not state.look.base:
        state.engine.refuse_silent_registry(state.base)
    state.engine.build(fresh=fresh)
    look = state.engine.look(state.base)
    built = replace(state.memory, folder=str(state.folder.path), inputs=state.inputs or "", image=look.image, base=look.base)
    memory.remember(state.folder.path, built)
    return replace(state, look=look, memory=built), "the image is as it was" if look.image == state.look.image else "a new image"


def _refuse_passwords_in_addresses(settings: Settings) -> None:
    """Raises UsageError, which does not quote it: an argument of the build holds a password, and stays in the image's history."""
    cure = "leave it out of the address and put it into a file as ~/.netrc is, which NETRC in .env names"
    for variable, address, hint in (
        ("PIP_INDEX_URL", settings.pip_index_url, cure),
        ("FRAMEWORK_INDEX_URL", settings.framework_index_url, cure),
        ("APT_MIRROR", settings.apt_mirror, "take a mirror that needs none: the image keeps its package sources"),
    ):
        if re.search(r"://[^/]*@", address):
            raise UsageError(f"{variable} holds a user or password, which everybody who has the image could read", hint=hint)


def why_build(state: State) -> str:
    """Why the image may not be what the folder says now; empty when it is."""
    known, look = state.memory, state.look
    reasons = (
        (state.options.build, "asked for"),
        (not look.image, "there is no image yet"),
        (state.inputs is None, "anything in the folder may reach it"),
        (known.image != look.image, "it was built by somebody else"),
        (known.inputs != state.inputs, "what it is made of changed"),
        (known.base != look.base, "its base image changed"),
    )
    return next((reason for holds, reason in reasons if holds), "")


def start(state: State) -> Step:
    """A running container of that image and configuration. Raises EngineError: nobody agreed to what that would lose."""
    found = state.look.container
    reason = why_recreate(state) or ("asked for" if found and state.options.recreate else "")
    if reason:
        agree(state, reason)
    elif found and found.running:
        return state, "skipped, it is running"
    elif found and found.paused:
        state.engine.start()
        return replace(state, look=replace(state.look, container=state.engine.container())), "goes on, it was paused"
    _explain_mapped_users(state)
    # Where the engine fails half-way, what it made already is this folder's all the same.
    begun = replace(state.memory, folder=str(state.folder.path), project=state.engine.project)
    memory.remember(state.folder.path, begun)
    state = replace(state, memory=begun)
    try:
        state.engine.up(recreate=bool(reason))
    except CommandFailed as error:
        _explain_lost_port(state, error)
        raise
    look = replace(state.look, container=state.engine.container())
    done = "created anew" if reason else "started" if found else "created"
    return replace(state, look=look, created=not found or bool(reason)), done


def _explain_mapped_users(state: State) -> None:
    """Asked before a container is made only: it costs a question to the engine."""
    user = state.folder.settings.user
    if user != "root" and (kind := state.engine.info().maps_users):
        from composegen.doctor.checks.engine import MAPPED

        state.talk.say(f"note: {MAPPED[kind].format(user=user, stack=state.folder.choices.stack)}")


def why_recreate(state: State) -> str:
    """Why Compose would make the container anew; empty when it would not."""
    found = state.look.container
    if found is None:
        return ""
    if state.config_hash != found.config_hash:
        return "compose.yaml or .env changed"
    return "its image changed" if found.image != state.look.image else ""


def agree(state: State, reason: str) -> None:
    """Say what a re-creation loses, and have a yes when that is anything at all. Raises EngineError: nobody says yes."""
    name, lost = state.engine.project, state.engine.loss(state.container)
    words = loss.in_words(lost)
    state.talk.say(f"'{name}' has to be created anew: {reason}; that loses {'this:' if words else 'nothing'}")
    for line in words:
        state.talk.say(f"  {line}")
    if words and not state.options.recreate and not state.talk.confirm(f"Re-create '{name}' and lose that?"):
        raise EngineError(
            f"'{name}' is as it was, for nobody agreed to lose what is in it",
            hint="`composegen up --recreate` agrees; packages to keep belong in apt.txt and requirements.txt",
        )


def ready(state: State) -> Step:
    """A session, logged in. Raises SshError, after saying what the container said."""
    logged_in = way_in.log_in(state)
    if not state.options.rotate_host_keys:
        return logged_in, f"{logged_in.address} lets us in"
    renewed, fingerprint = way_in.renew_host_keys(logged_in)
    return renewed, f"{renewed.address} lets us in, with the new host key {fingerprint}"


def connect(state: State) -> Step:
    """The interpreter is known. Raises SshError."""
    known = state.memory
    if state.session is not None and not (known.interpreter and known.image == state.look.image):
        from composegen.smoke import pythons

        known = replace(known, interpreter=pythons.find(state.session).chosen)
        memory.remember(state.folder.path, known)
    return replace(state, memory=known), "`composegen ssh`"
