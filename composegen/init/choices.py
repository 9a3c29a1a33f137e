"""The project's side of a request: what is tracked and re-creates the folder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from composegen import document, folder
from composegen.errors import FolderError, UsageError
from composegen.folder import COMPOSE
from composegen.init import options, paths
from composegen.init.request import Request
from composegen.model import Choices, Device, Init, Stack, parse_shm


def choose(request: Request, stack: Stack) -> Choices:
    """The choices recorded in the folder, or the stack's defaults, changed by what was asked. Lists grow; a name has one value.

    Raises UsageError: an option that cannot be meant. FolderError: the folder holds another stack, or its record is damaged.
    """
    before = recorded(request.directory)
    if before and before.stack != stack.name:
        raise FolderError(
            f"'{request.directory}' holds the stack '{before.stack}', not '{stack.name}'",
            hint=f"name another folder: `composegen init {stack.name} DIR`",
        )
    _known("device", request.device, get_args(Device))
    _known("init", request.init, get_args(Init))
    device = stack.variant(request.device or (before.device if before else None)).device
    start = replace(before, device=device) if before else Choices(stack.name, device)
    mounts = [paths.mount(text, request.directory) for text in request.mounts]
    variables = [options.variable(text) for text in request.env]
    _refuse_twice("--mount", [mount.target for mount in mounts])
    _refuse_twice("--env", [name for name, _ in variables])
    return replace(
        start,
        **_asked(request),
        mounts=tuple({mount.target: mount for mount in (*start.mounts, *mounts)}.values()),
        env=tuple(dict((*start.env, *variables)).items()),
        apt=_grown(start.apt, map(options.package, request.apt)),
        pip=_grown(start.pip, map(options.requirement, request.pip)),
        wheels=_grown(start.wheels, map(options.wheel, request.wheels)),
    )


def recorded(directory: Path) -> Choices | None:
    """The choices in the folder's compose.yaml; None where composegen wrote none."""
    if not folder.is_ours(directory):
        return None
    return document.choices(folder.read_text(directory / COMPOSE) or "", name=str(directory / COMPOSE))


def _asked(request: Request) -> dict[str, Any]:
    asked = {
        "base": None if request.base is None else options.image(request.base),
        "shm": None if request.shm is None else parse_shm(request.shm),
        "init": request.init,
    }
    return {name: value for name, value in asked.items() if value is not None}


def _known(option: str, given: str | None, known: tuple[str, ...]) -> None:
    if given is not None and given not in known:
        raise UsageError.unknown(option, given, known)


def _refuse_twice(option: str, names: list[str]) -> None:
    if repeated := [name for name in names if names.count(name) > 1]:
        raise UsageError(f"{option} names {repeated[0]} twice", hint="say it once")


def _grown(before: tuple[str, ...], asked: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*before, *asked)))
