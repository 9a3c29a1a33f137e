"""Whether the ssh-agent may be forwarded: a person's setting, which `up` can change."""

from __future__ import annotations

from composegen.folder import Folder, assigned

VARIABLE = "SSH_FORWARD_AGENT"


def with_forwarding(opened: Folder, wanted: bool, *, dry_run: bool = False) -> Folder:
    """The folder with that in its `.env`. Raises FolderError: it cannot be written."""
    return assigned(opened, {VARIABLE: "yes" if wanted else "no"}, dry_run=dry_run)
