"""`composegen doctor`: from a folder, or none, and its engine to what the doctor finds."""

from __future__ import annotations

import os
from pathlib import Path

from composegen import host
from composegen.doctor.site import Site
from composegen.engine import DockerEngine
from composegen.folder import Folder, recorded_variant, variables


def site_of(folder: Folder) -> Site:
    """What the doctor looks at for a folder of composegen's. Raises FolderError: it has lost what it recorded of its variant."""
    return Site(
        DockerEngine(folder.path, folder.settings.project_name),
        directory=folder.path,
        choices=folder.choices,
        settings=folder.settings,
        variant=recorded_variant(folder.path),
        variables=variables(folder.path),
        systems=host.systems(),
    )


def bare_site(directory: Path) -> Site:
    """The engine and this host alone."""
    return Site(DockerEngine(directory, ""), directory=directory, variables=os.environ, systems=host.systems())
