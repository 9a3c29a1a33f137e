"""`composegen doctor`: from a folder in whatever state, or none, and its engine to what the doctor looks at."""

from __future__ import annotations

import os
from pathlib import Path

from composegen import host
from composegen.doctor.site import Site
from composegen.engine import DockerEngine, Engine
from composegen.errors import CatalogueError, ComposegenError, FolderError, UsageError
from composegen.folder import GENERATED, Folder, damaged, is_ours, open_folder, recorded_variant, variables
from composegen.model import Stack, Variant


def site_at(directory: Path) -> Site:
    """What the doctor looks at in `directory`: composegen's folder, one that cannot be read, or engine and host alone.

    Raises UsageError: there is no such directory.
    """
    if not directory.is_dir():
        raise UsageError(f"'{directory}' is not a folder", hint="name one that exists")
    try:
        folder = open_folder(directory)
    except ComposegenError as error:
        # Somebody who names no folder may mean none: the current one need not be composegen's.
        return bare_site(directory, trouble=error if directory != Path() or _may_be_ours(directory) else None)
    return site_of(folder, DockerEngine(folder.path, folder.settings.project_name))


def site_of(folder: Folder, engine: Engine) -> Site:
    """What the doctor looks at for a folder of composegen's."""
    return Site(
        engine,
        directory=folder.path,
        choices=folder.choices,
        settings=folder.settings,
        variant=_variant(folder),
        variables=variables(folder.path),
        systems=host.systems(),
        stack=lambda: _stack(folder),
        shadowed=folder.shadowed,
        damaged=lambda: damaged(folder.path),
    )


def bare_site(directory: Path, *, trouble: ComposegenError | None = None) -> Site:
    """The engine and this host alone; `trouble`: why no more, where a folder is there."""
    path = directory.resolve()
    return Site(DockerEngine(path, ""), directory=path, variables=os.environ, systems=host.systems(), trouble=trouble)


def _may_be_ours(directory: Path) -> bool:
    try:
        return is_ours(directory) or (directory / GENERATED).exists()
    except FolderError:  # a compose.yaml that cannot be read
        return True


def _variant(folder: Folder) -> Variant | None:
    """As recorded; None where the folder has lost its record."""
    try:
        return recorded_variant(folder.path)
    except FolderError:
        return None


def _stack(folder: Folder) -> Stack | None:
    """As the catalogue has it now, the user's own catalogues included."""
    from composegen import catalogue

    try:
        return catalogue.stack(folder.choices.stack, catalogue.directories((), os.environ))
    except (CatalogueError, UsageError):
        return None
