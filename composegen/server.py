"""The engine that people share: every container of composegen's on it, and what of composegen's making is left over.

    tenants()                  who has what
    leftovers(inventory, …)    what nobody needs any more, whose it is, and whether it may be removed; pure
    remove(leftover)           does it

Nothing of anybody else's is ever removed, nor what may be somebody else's: whose a volume is, is known from the folder it was made
from, as a container's label or this person's own memory of folders names it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from composegen.document import choices
from composegen.engine import inventory as asked
from composegen.engine import memory
from composegen.engine.guard import may_exist
from composegen.engine.inventory import Inventory, Resident
from composegen.errors import ComposegenError
from composegen.folder import COMPOSE, read_text
from composegen.host import user_name

Kind = Literal["image", "volume", "build cache"]


@dataclass(frozen=True)
class Tenant:
    """One container, as `composegen ls` shows it. Empty texts: unknown, or none."""

    name: str
    state: str
    owner: str
    folder: str
    folder_is_there: bool
    stack: str
    gpus: str
    address: str
    port: int | None
    disk: int | None  # bytes that its layer and its volumes take; None where the engine did not add up in time
    last_login: str  # RFC 3339, UTC
    last_user: str

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True)
class Leftover:
    """What nobody needs any more. `kept`: why it is not removed all the same; empty where it may be."""

    kind: Kind
    name: str
    size: int | None  # bytes
    owner: str
    why: str
    kept: str = ""

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))


def tenants() -> tuple[Tenant, ...]:
    """Everybody's containers. Raises EngineError: the engine does not answer."""
    found = asked.inventory()
    with ThreadPoolExecutor() as pool:
        logins = list(pool.map(lambda each: asked.last_login(each.container.id), found.residents))
    sizes = {volume.name: volume.size for volume in found.volumes}
    return tuple(_tenant(each, sizes, login) for each, login in zip(found.residents, logins, strict=True))


def _tenant(resident: Resident, sizes: dict[str, int | None], login: tuple[str, str]) -> Tenant:
    container, folder = resident.container, resident.container.working_dir
    address, port = container.binding or ("", None)
    return Tenant(
        name=container.name,
        state=container.in_words(),
        owner=_owner(folder) or user_name(resident.uid),
        folder=str(folder or ""),
        folder_is_there=bool(folder and may_exist(folder)),
        stack=_stack(folder),
        gpus=resident.gpus,
        address=address,
        port=port,
        disk=resident.layer + sum(sizes.get(name) or 0 for name in resident.volumes),
        last_login=login[0],
        last_user=login[1],
    )


def leftovers(
    found: Inventory, caller: str, *, folders_of: Callable[[str], Sequence[Path]] = memory.folders_of
) -> tuple[Leftover, ...]:
    """Images and volumes that no container uses and no folder will need again, and the build cache.

    `caller` is the user who asks, `folders_of` what that user's own memory says of a project's folders.
    """
    by_project = {each.container.project: each for each in found.residents}
    images_in_use = {each.container.image for each in found.residents}
    volumes_in_use = {name for each in found.residents for name in each.volumes}

    def judged(kind: Kind, name: str, project: str, size: int | None, *, named: bool) -> Leftover | None:
        mine = tuple(folders_of(project))
        resident = by_project.get(project)
        folders = [*mine, *([resident.container.working_dir] if resident and resident.container.working_dir else [])]
        there = [folder for folder in folders if may_exist(folder)]
        if there and named:
            return None  # the next `up` in that folder wants it
        owner = next(filter(None, map(_owner, folders)), caller if mine else "")
        why = f"a later build in {there[0]} took its place" if there else f"'{project}' has no folder any more"
        if not folders:
            why = f"nobody's container is called '{project}'"
        kept = "" if owner == caller else f"it is {owner}'s" if owner else "whose it is cannot be told"
        return Leftover(kind, name, size, owner, why, kept)

    images = [each for each in found.images if each.id not in images_in_use]
    volumes = [each for each in found.volumes if each.name not in volumes_in_use]
    judgements = [
        *(judged("image", (*each.names, each.id[7:19])[0], each.project, each.size, named=bool(each.names)) for each in images),
        *(judged("volume", each.name, each.project, each.size, named=True) for each in volumes),
    ]
    everybody = "it is everybody's on this engine; --build-cache removes it"
    cache = [Leftover("build cache", "", found.cache, "", "unused by any build", everybody)] if found.cache else []
    return (*filter(None, judgements), *cache)


def remove(leftover: Leftover) -> None:
    """Raises EngineError: something began to use it meanwhile, or the engine does not answer."""
    if leftover.kind == "image":
        asked.remove_image(leftover.name)
    elif leftover.kind == "volume":
        asked.remove_volume(leftover.name)
    else:
        asked.prune_build_cache()


def _owner(folder: Path | None) -> str:
    """Who owns a folder; empty where it is gone, or not to be looked at."""
    try:
        return user_name(folder.stat().st_uid) if folder else ""
    except OSError:
        return ""


def _stack(folder: Path | None) -> str:
    try:
        text = read_text(folder / COMPOSE) if folder else None
        return choices(text, name=COMPOSE).stack if text else ""
    except (ComposegenError, OSError):
        return ""
