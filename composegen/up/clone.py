"""A fresh clone has no `.env`: writing one, and keeping what plain `docker compose up` made there before."""

from __future__ import annotations

from composegen.engine import DockerEngine
from composegen.engine.guard import same_folder
from composegen.folder import Folder, assigned
from composegen.init import ensure_env


def with_env(opened: Folder, *, dry_run: bool = False) -> Folder:
    """The folder with a `.env` of this person and machine. A container that is there already keeps its name and port.

    `dry_run`: as it would be, and nothing is written.
    Raises FolderError: it cannot be written. EngineError: the engine does not answer.
    """
    there = DockerEngine(opened.path, opened.settings.project_name).container()
    written = ensure_env(opened, dry_run=dry_run)
    if there is None or there.working_dir is None or not same_folder(there.working_dir, opened.path):
        return written
    if dry_run:
        return opened
    kept = {"COMPOSE_PROJECT_NAME": there.project, **({"SSH_PORT": str(there.port)} if there.port else {})}
    return assigned(written, kept)
