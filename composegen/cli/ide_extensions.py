"""`composegen ide` with extensions of VS Code: .vsix files into the container, publisher.name out of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from composegen.errors import ComposegenError

if TYPE_CHECKING:
    from composegen.ssh import Session


def install(log_in: Callable[[], Session], given: list[str], *, cursor: bool, dry_run: bool, as_json: bool) -> None:
    """Raises ComposegenError: one is no extension, or does not fit in there."""
    from composegen.cli import progress
    from composegen.ide.inside import extensions
    from composegen.ide.vendor import vsix

    clients = list(extensions.SERVERS) if cursor else ["vscode"]
    found = [vsix.look_into(Path(word).expanduser()) for word in given]
    with log_in() as session, progress.stages() as stages:
        done = [
            extensions.install(session, each, client, progress=stages(each.id), dry_run=dry_run)
            for each in found
            for client in clients
        ]
    if as_json:
        print(json.dumps({"extensions": [each.to_json() for each in done]}, indent=2, ensure_ascii=False))
        return
    for each in done:
        verb = "is installed" if each.new else "would be installed" if dry_run else "is there already"
        print(f"{each.vsix.id} {each.vsix.version} {verb} for {each.client}: {each.path}")
        if missing := [name for name in each.missing if name not in [other.id for other in found]]:
            print(f"  needs     {', '.join(missing)}, which is not there")
        if not each.kept:
            print("  note      that folder is on no volume: a new container loses it")


def remove(log_in: Callable[[], Session], given: list[str], *, dry_run: bool, as_json: bool) -> None:
    """Raises ComposegenError: there is none of that name."""
    from composegen.ide.inside import extensions

    with log_in() as session:
        there = [part for part in extensions.installed(session) if part.kind == "extension" and part.id in map(str.lower, given)]
        for name in given:
            if name.lower() not in [part.id for part in there]:
                raise ComposegenError(f"there is no extension {name} in the container", hint="`composegen ide list` shows them")
        for part in there if not dry_run else []:
            extensions.remove(session, part)
    if as_json:
        print(json.dumps({"removed": [part.to_json() for part in there], "dry_run": dry_run}, indent=2, ensure_ascii=False))
    else:
        print("\n".join(f"{'would remove' if dry_run else 'removed'} {part.path}" for part in there))
