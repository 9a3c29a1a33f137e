"""Whether the ssh-agent may be forwarded: a person's setting, which `up` can change."""

from __future__ import annotations

from composegen import dotenv, folder
from composegen.folder import ENV, Folder, Plan

VARIABLE = "SSH_FORWARD_AGENT"


def with_forwarding(opened: Folder, wanted: bool, *, dry_run: bool = False) -> Folder:
    """The folder with that in its `.env`, which is there. `dry_run`: as it would be, and nothing is written.

    Raises FolderError: it cannot be written.
    """
    text = dotenv.assign(folder.read_text(opened.path / ENV) or "", {VARIABLE: "yes" if wanted else "no"})
    if dry_run:
        return folder.open_folder(opened.path, env=text)
    folder.write(Plan(opened.path, (folder.plan_env(opened.path, text),)))
    return folder.open_folder(opened.path)
