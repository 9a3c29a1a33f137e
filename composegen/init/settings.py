"""A person's and a machine's side of a request: what `.env` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from composegen import host, passwords
from composegen.errors import ComposegenError
from composegen.host import Caller
from composegen.init import gpus, options, paths
from composegen.init.request import Request
from composegen.model import HOST_GROUPS, Choices, Settings, project_name_from

FIRST_USER = 1000  # uid and gid of the first person on a Linux machine, where --user names nobody of this one


def defaults(directory: Path, caller: Caller) -> dict[str, Any]:
    """What a new `.env` says where nothing is asked; keys come later."""
    return {"project_name": default_name(directory, caller.name), "user": caller.name, "uid": caller.uid, "gid": caller.gid}


def default_name(directory: Path, user: str) -> str:
    """`FOLDER-USER`, so that two people's folders of one name never meet on an engine."""
    person = project_name_from(user)
    room = options.LONGEST_NAME - 1 - len(person)
    return f"{project_name_from(directory.resolve().name)[:room]}-{person}"


def asked(request: Request, choices: Choices, caller: Caller, *, before: Settings | None) -> tuple[dict[str, Any], list[str]]:
    """The settings that the options name, checked, and what to say about them; a new `.env` (no `before`) gets a free port as well.

    Raises UsageError: an option that cannot be meant. ComposegenError: the asked port is taken.
    """
    found: dict[str, Any] = {}
    if request.name is not None:
        found["project_name"] = options.name(request.name)
    if request.bind is not None:
        found["bind"] = options.bind(request.bind)
    if request.code is not None:
        found["code_dir"] = paths.code(request.code, request.directory)
    if request.password is not None:
        found["password"] = options.password(request.password)
    if request.user is not None:
        found["user"], found["uid"], found["gid"] = _login(options.user(request.user), caller)
    if request.forward_agent is not None:
        found["forward_agent"] = "yes" if request.forward_agent else "no"
    of_gpus, notes = gpus.settings(request, choices, before)
    found |= of_gpus
    group = HOST_GROUPS.get(choices.device)
    if group and not (before and getattr(before, group.setting)):
        found[group.setting] = host.group_id(group.name)
    now = (before or Settings()).with_(**found)
    passwords.refuse_weak(now.password, now.bind, known=(now.user, now.project_name))
    weak = _weak_on_loopback(now) if request.password else []
    port, of_port = _port(request.port, before, now.bind)
    return found | port, notes + of_port + weak


def _login(name: str, caller: Caller) -> tuple[str, int, int]:
    """Files in the code volume stay the caller's, whatever the login is called."""
    if name == "root":
        return "root", 0, 0
    if caller.uid != 0:
        return name, caller.uid, caller.gid
    uid, gid = host.user_ids(name) or (0, 0)
    return (name, uid, gid) if uid else (name, FIRST_USER, FIRST_USER)


def _weak_on_loopback(settings: Settings) -> list[str]:
    found = passwords.guesses(settings.password, (settings.user, settings.project_name))
    if found >= passwords.ENOUGH:
        return []
    return [f"the password is weak (about 10^{found} guesses find it): fine on {settings.bind}, refused anywhere else"]


def _port(text: str | None, before: Settings | None, bind: str) -> tuple[dict[str, int], list[str]]:
    if text is None:
        if before is not None:
            return {}, []
        usual = Settings().port
        chosen = host.free_port(usual, bind)
        return {"port": chosen}, [] if chosen == usual else [f"port {usual} is taken: {chosen} was chosen instead"]
    wanted = options.port(text)
    # What runs on a port that `.env` names already is most likely this folder's own container.
    if (before is None or (before.port, before.bind) != (wanted, bind)) and host.port_is_free(wanted, bind) is False:
        raise ComposegenError(f"port {wanted} of {bind} is taken", hint=f"the next free one: --port {host.free_port(wanted, bind)}")
    return {"port": wanted}, []


def authorized_keys(files: tuple[Path, ...], *, dry_run: bool = False) -> tuple[str, ...]:
    """Who may log in: the keys in `files`, else those the caller offers, and always composegen's own, which probes use.

    Raises UsageError: a file is no public key. SshError: composegen's own key can be neither read nor made; a dry run makes none.
    """
    from composegen.ssh import keys

    given = [key for file in files for key in keys.read(file)] if files else keys.offered()
    exists = (keys.config_directory() / keys.OWN_KEY).exists()
    own = [keys.own_public_key()] if exists or not dry_run else []
    return tuple(dict.fromkeys((*map(str, given), *own)))


def variables(settings: dict[str, Any]) -> dict[str, str]:
    """Fields of Settings as `.env` names and texts."""
    texts = Settings(**settings).to_variables()
    names = {field.name: field.metadata["variable"] for field in fields(Settings)}
    return {names[field]: texts[names[field]] for field in settings}


def remarks(settings: Settings, exported: Mapping[str, str]) -> list[str]:
    """What a careful colleague would say about these settings."""
    said = []
    if settings.bind in ("0.0.0.0", "::"):
        said.append(f"SSH is published on {settings.bind}: every network of this machine can try to log in")
    if host.port_is_free(settings.port, settings.bind) is None:
        said.append(f"this machine has no address {settings.bind}: whether port {settings.port} is free there was not checked")
    if len(settings.authorized_keys) < 2 and not settings.password:
        said.append("no key of yours was found, so only composegen's own gets in: `ssh-keygen` makes one, --key FILE lets it in")
    if shadowing := [name for name, value in settings.to_variables().items() if exported.get(name, value) != value]:
        said.append(f"exported variables beat .env: {', '.join(shadowing)}")
    return said
