"""`composegen doctor`: from a folder, or none, and its engine to what the doctor looks at."""

from __future__ import annotations

import os
from pathlib import Path

from composegen import host
from composegen.doctor.site import Site
from composegen.engine import DockerEngine, Engine
from composegen.errors import CatalogueError, FolderError, UsageError
from composegen.folder import Folder, recorded_variant, variables
from composegen.model import Stack, Variant


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
    )


def bare_site(directory: Path) -> Site:
    """The engine and this host alone."""
    return Site(DockerEngine(directory, ""), directory=directory, variables=os.environ, systems=host.systems())


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
