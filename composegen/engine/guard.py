"""Whose container is it, and whose port. Two folders of one name, and two people on one engine, never meet."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from composegen import host
from composegen.engine.values import Container, Look
from composegen.errors import EngineError


class Neighbourhood(Protocol):
    """Where a project lives, and which names are taken there."""

    @property
    def directory(self) -> Path: ...
    @property
    def project(self) -> str: ...
    def names_in_use(self) -> frozenset[str]: ...
    def publisher(self, address: str, port: int) -> tuple[str, Path | None] | None: ...


def refuse_foreign(engine: Neighbourhood, look: Look) -> None:
    """Pass when nothing under this project's name belongs to somebody else.

    Raises EngineError: a container of that name is not this folder's, or another folder uses the project name; proposes a free one.
    """
    here = engine.directory
    for folder in look.folders:
        if not same_folder(folder, here):
            fact = f"the project '{engine.project}' belongs to another folder: {folder}"
            raise _refusal(engine, fact, moved=not may_exist(folder))
    container = look.container
    if container is None:
        return
    if container.working_dir is None or container.project != engine.project:
        raise _refusal(engine, f"there is a container named '{container.name}' that is not of this folder")
    if not same_folder(container.working_dir, here):
        raise _refusal(engine, f"the container '{container.name}' belongs to another folder: {container.working_dir}")


def running(container: Container | None) -> Container:
    """The container, which runs. Raises EngineError: there is none, or it does not."""
    if container is None:
        raise EngineError("this folder has no container yet", hint="`composegen up` makes and starts it")
    if not container.running:
        raise EngineError(
            f"the container is not running: {container.in_words()}", hint="`composegen up` starts it", said=container.error
        )
    return container


def same_folder(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _refusal(engine: Neighbourhood, fact: str, *, moved: bool = False) -> EngineError:
    name = free_name(engine.project, engine.names_in_use())
    hint = f"set COMPOSE_PROJECT_NAME={name} in .env (or `composegen init STACK --name {name}`)"
    if moved:
        hint += f"; or, if you moved that folder here, `docker rm --force {engine.project}` and come back: its volumes stay"
    return EngineError(fact, hint=hint)


def free_name(wanted: str, used: frozenset[str]) -> str:
    """The first of `wanted-2`, `wanted-3` … that nothing on the engine uses."""
    number = 2
    while f"{wanted}-{number}" in used:
        number += 1
    return f"{wanted}-{number}"


def no_such_address(address: str) -> EngineError:
    hint = "set SSH_BIND in .env to an address it has, such as 127.0.0.1, or to 0.0.0.0 for all"
    return EngineError(f"this host has no address {address}", hint=hint)


def port_taken(engine: Neighbourhood, address: str, port: int) -> EngineError:
    """Who has a port of this host that is not free. Raises EngineError: the engine does not answer."""
    by, hint = "another program", f"set SSH_PORT={host.free_port(port + 1, address)} in .env"
    if publisher := engine.publisher(address, port):
        name, folder = publisher
        by = f"the container '{name}'" + (f" of {folder}" if folder else "")
        if folder and same_folder(folder, engine.directory):
            by = f"the container '{name}', made from this folder under another name"
            hint = f"`docker compose --project-name {name} down` removes it; its volumes stay. Or {hint}"
    return EngineError(f"port {port} on {address} is taken by {by}", hint=hint)


def may_exist(folder: Path) -> bool:
    """False only when it is certainly gone: a folder that we may not see can be another user's."""
    try:
        folder.stat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True
