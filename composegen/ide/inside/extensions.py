"""Extensions in the servers of VS Code and of Cursor, in a container.

A server has them in `extensions/`, each in its folder, and knows those alone that `extensions.json` names: what that does not name
it marks in `.obsolete` and removes. Without the file it takes all folders and writes one (microsoft/vscode,
src/vs/platform/extensionManagement: common/extensionsProfileScannerService.ts, node/extensionsWatcher.ts).
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from composegen.errors import ComposegenError
from composegen.ide.inside.container import command, refuse_closed, refuse_lack_of_space, script, survey
from composegen.ide.inside.unpack import unpack
from composegen.ide.vendor.download import Progress
from composegen.ide.vendor.vsix import Vsix, as_tar, refuse_other_machine
from composegen.ssh import Session

SERVERS = {"vscode": ".vscode-server", "cursor": ".cursor-server"}  # client: folder in the home
LISTED, OBSOLETE = "extensions.json", ".obsolete"

# A folder's name: publisher.name-version, and the platform of one that is for it alone.
FOLDER = re.compile(r".*?-(\d+\.\d+\.\d+.*?)(?:-(?:alpine|darwin|linux|win32)-\w+|-web|-universal)?")
# `$1`: a file; prints nothing where it is not there.
READ = 'if [ -e ~/"$1" ]; then cat ~/"$1"; fi'
WRITE = 'cd ~/"$1" && cat >".composegen.$2" && mv -T ".composegen.$2" "$2"'
# Clients, what they have, its path, KiB and the version that product.json or package.json tells.
LIST = r"""
version() { sed -n 's/^[[:space:]]*"version"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p' "$1" 2>/dev/null | head -n 1; }
each() { printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$(du -sk "$3" 2>/dev/null | cut -f 1)" "$(version "$3/$4")"; }
for client in vscode cursor; do
  for place in ~/.$client-server/bin/* ~/.$client-server/cli/servers/*/server; do
    if [ -e "$place/product.json" ]; then each $client server "$place" product.json; fi
  done
  for place in ~/.$client-server/extensions/*; do
    if [ -e "$place/package.json" ]; then each $client extension "$place" package.json; fi
  done
done
"""
REMOVE = 'cd ~/"$1" && new=$(mktemp -d "$PWD/.composegen.new.XXXXXX") && mv -T "$2" "$new/gone" && rm -rf "$new"'


@dataclass(frozen=True)
class Part:
    """A server, or an extension of one, in a container."""

    client: str  # a key of SERVERS
    kind: str  # server or extension
    path: str
    size: int  # bytes on disk
    version: str

    @property
    def id(self) -> str:
        """publisher.name of an extension: its folder's name without the version."""
        name = PurePosixPath(self.path).name
        return name.partition(f"-{self.version}")[0] if self.version else name

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), **({"id": self.id} if self.kind == "extension" else {})}


@dataclass(frozen=True)
class Outcome:
    vsix: Vsix
    client: str
    path: str
    new: bool  # False: it was there already, or `dry_run`
    kept: bool
    missing: tuple[str, ...]  # other extensions that it needs, and that are not there

    def to_json(self) -> dict[str, Any]:
        about = {"id": self.vsix.id, "version": self.vsix.version, "platform": self.vsix.platform}
        return {**about, **{name: value for name, value in vars(self).items() if name != "vsix"}}


def installed(session: Session) -> tuple[Part, ...]:
    """Servers and extensions, whoever put them there. Raises SshError."""
    rows = (line.split("\t") for line in script(session, LIST).stdout.splitlines())
    return tuple(
        Part(client, kind, path, int(size) * 1024 if size.isdigit() else 0, _version(kind, path, version))
        for client, kind, path, size, version in (row for row in rows if len(row) == 5)
    )


def _version(kind: str, path: str, said: str) -> str:
    """What the file seemed to say. A package.json may have all on one line or another version further up: its folder knows."""
    name = PurePosixPath(path).name
    found = FOLDER.fullmatch(name) if kind == "extension" and not (said and f"-{said}" in name) else None
    return found[1] if found else said


def install(
    session: Session, vsix: Vsix, client: str, *, progress: Progress = lambda done, total: None, dry_run: bool = False
) -> Outcome:
    """Put an extension where that client's server finds it; one of that version that is there is only listed.

    Raises ComposegenError: it is made for another machine, or does not fit in there. SshError.
    """
    folder = f"{SERVERS[client]}/extensions"
    home = survey(session, folder)
    refuse_other_machine(vsix, home.machine)
    refuse_closed(home, folder)
    here = [part for part in installed(session) if part.client == client and part.kind == "extension"]
    same = next((part for part in here if (part.id, part.version) == (vsix.id, vsix.version)), None)
    path = same.path if same else f"{home.path}/{vsix.folder}"
    if not same:
        refuse_lack_of_space(home, vsix.size, vsix.id)
    if not dry_run:
        if not same:
            unpack(session, folder, vsix.folder, "package.json", ("-x",), as_tar(vsix, progress), vsix.size)
        _edit(session, folder, LISTED, list, lambda found: listed(found, vsix, path))
        _edit(
            session, folder, OBSOLETE, dict, lambda found: {each: found[each] for each in found if each != PurePosixPath(path).name}
        )
    missing = tuple(each for each in vsix.needs if each not in {part.id for part in here})
    return Outcome(vsix, client, path, not same and not dry_run, home.kept, missing)


def remove(session: Session, part: Part) -> None:
    """Raises ComposegenError: it cannot be removed."""
    folder = f"{SERVERS[part.client]}/extensions"
    said = script(session, REMOVE, folder, PurePosixPath(part.path).name)
    if not said.ok:
        raise ComposegenError(f"{part.path} cannot be removed: {said.output.strip()}", hint="`composegen ide list` shows it")
    _edit(session, folder, LISTED, list, lambda found: [each for each in found if _id(each) != part.id])


def _edit(session: Session, folder: str, name: str, kind: type[Any], edit: Callable[[Any], Any]) -> None:
    """Change a JSON file of a server's where there is one. Raises ComposegenError: it is not of that kind, or cannot be written."""
    said = script(session, READ, f"{folder}/{name}").stdout
    if not said.strip():
        return
    found: Any = None
    with suppress(ValueError):
        found = json.loads(said)
    if not isinstance(found, kind):
        raise ComposegenError(f"~/{folder}/{name} in the container is damaged", hint="remove it: the server makes it anew")
    if (wanted := edit(found)) != found:
        written = session.run(command(WRITE, folder, name), stdin=json.dumps(wanted).encode())
        if not written.ok:
            raise ComposegenError(
                f"~/{folder}/{name} cannot be written: {written.output.strip()}", hint="is the volume full? `composegen ide list`"
            )


def listed(found: list[Any], vsix: Vsix, path: str) -> list[Any]:
    """What extensions.json says once it is installed; one of another version is replaced, as VS Code does it."""
    if any(_id(each) == vsix.id and each.get("version") == vsix.version for each in found):
        return found
    entry = {
        "identifier": {"id": vsix.id},
        "version": vsix.version,
        "location": {"$mid": 1, "path": path, "scheme": "file"},
        "relativeLocation": vsix.folder,
        "metadata": {"installedTimestamp": int(time.time() * 1000), "pinned": True, "source": "vsix"},
    }
    return [*(each for each in found if _id(each) != vsix.id), entry]


def _id(entry: Any) -> str:
    identifier = entry.get("identifier") if isinstance(entry, dict) else None
    return str(identifier.get("id", "")).lower() if isinstance(identifier, dict) else ""
