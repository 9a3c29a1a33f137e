"""Backends of JetBrains' IDEs in a container: put there whole or not at all, and registered as their own launcher does it.

Only Gateway knows the form of its own (~/.cache/JetBrains/RemoteDev/dist). What it did not put there it finds by a link in
userProvidedDist, which `remote-dev-server.sh registerBackendLocationForGateway` makes: the path, with `_` for all but letters,
digits and dots (plugins/remote-dev-server/bin/launcher.sh). That fails a second time, so that the link is made here.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from composegen.errors import ComposegenError, SshError
from composegen.ide.inside.container import script
from composegen.ide.inside.unpack import parts, unpack
from composegen.ide.products import Product, of_code
from composegen.ide.vendor.archive import INFO, LARGEST_INFO, SERVER
from composegen.ide.vendor.download import Progress
from composegen.ssh import Session

FOLDER = ".local/share/JetBrains"  # in the home; the entrypoint keeps it in the volume
OURS = f"{FOLDER}/backends"
BUSY = 75  # exit status

REGISTER = rf"""
set -e
cd ~/{OURS}/"$1"
home=$(pwd -P)
links=~/.cache/JetBrains/RemoteDev/userProvidedDist
mkdir -p "$links"
ln -sfn "$home" "$links/$(printf %s "$home" | sed 's/[^a-zA-Z0-9.]/_/g')"
printf '%s\n' "$home"
"""
# Where ours are; then ours, Gateway's and what somebody registered elsewhere: path without links, whether it is registered, KiB.
LIST = rf"""
printf '%s\n' "$(readlink -m ~/{OURS})"
links=~/.cache/JetBrains/RemoteDev/userProvidedDist
dist=~/.cache/JetBrains/RemoteDev/dist
registered=$(for link in "$links"/*; do readlink -f "$link"; done 2>/dev/null)
{{
  for server in ~/{OURS}/*/{SERVER} "$dist"/*/{SERVER} "$links"/*/{SERVER}; do
    if [ -e "$server" ]; then readlink -f "${{server%/{SERVER}}}"; fi
  done
}} | sort -u | while read -r home; do
  known=no
  if printf '%s\n' "$registered" | grep -qxF "$home"; then known=yes; fi
  printf '%s\t%s\t%s\n' "$home" "$known" "$(du -sk "$home" 2>/dev/null | cut -f 1)"
done
"""
# Its programs have its path in their command line; grep's own has not, for the path comes on standard input.
REMOVE = rf"""
set -e
cd ~/{OURS}
home=$(cd "$1" && pwd -P)
if printf '%s/\n' "$home" | grep -qsF -f - /proc/[0-9]*/cmdline; then exit {BUSY}; fi
for link in ~/.cache/JetBrains/RemoteDev/userProvidedDist/*; do
  if [ "$(readlink -f "$link")" = "$home" ]; then rm -f "$link"; fi
done
gone=$(mktemp -d "$PWD/.composegen.new.XXXXXX")
mv -T "$1" "$gone/gone"
rm -rf "$gone"
"""


@dataclass(frozen=True)
class Backend:
    """A backend in a container."""

    path: str
    code: str  # what product-info.json says
    title: str
    version: str
    build: str
    size: int  # bytes on disk
    registered: bool  # Gateway finds it by a link
    ours: bool  # composegen put it there

    @property
    def name(self) -> str:
        """As the user types it; empty: none that we know."""
        product = of_code(self.code)
        return product.name if product else ""

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, **vars(self)}


def folder_name(product: Product, build: str) -> str:
    return f"{product.name}-{build}"


def installed(session: Session) -> tuple[Backend, ...]:
    """Every backend in the login user's home, whoever put it there. Raises SshError."""
    ours, *lines = script(session, LIST).stdout.splitlines() or [""]
    return tuple(_read(session, line, ours) for line in lines if line.count("\t") == 2)


def _read(session: Session, line: str, ours: str) -> Backend:
    path, known, size = line.split("\t")
    said = script(session, f'head -c {LARGEST_INFO} "$1"/{INFO}', path).stdout
    info: dict[str, Any] = {}
    with suppress(ValueError):
        info = json.loads(said)
    code = str(info.get("productCode", ""))
    product = of_code(code)
    return Backend(
        path=path,
        code=code,
        title=product.title if product else str(info.get("name", "")),
        version=str(info.get("version", "")),
        build=str(info.get("buildNumber", "")),
        size=int(size) * 1024 if size.isdigit() else 0,
        registered=known == "yes",
        ours=Path(path).parent == Path(ours),
    )


def install(session: Session, archive: Path, name: str, progress: Progress = lambda done, total: None) -> None:
    """Unpack an archive as `name`. Nothing is there before it is whole. Raises ComposegenError or SshError, see `unpack`."""
    # `tar -czf FILE .` writes `./` before every name, and GNU tar counts that as a component.
    options = ("-xz", r"--transform=s,^\(\./*\)*,,", "--strip-components=1")
    unpack(session, OURS, name, SERVER, options, parts(archive, progress), archive.stat().st_size)


def register(session: Session, name: str) -> str:
    """Let Gateway find it; its path. Registering again changes nothing. Raises SshError."""
    said = script(session, REGISTER, name)
    if not said.ok:
        raise SshError(f"{name} could not be registered for Gateway: {said.output.strip()}", hint="`composegen ide list` shows it")
    return said.stdout.strip()


def remove(session: Session, backend: Backend) -> None:
    """Take out one that we put there, and its registration. Raises ComposegenError: it runs, or cannot be removed."""
    said = script(session, REMOVE, Path(backend.path).name)
    if said.status == BUSY:
        raise ComposegenError(
            f"{backend.title} {backend.version} runs in the container",
            hint=f"close it, or `composegen ssh -- pkill -f {backend.path}`",
        )
    if not said.ok:
        raise ComposegenError(f"{backend.path} cannot be removed: {said.output.strip()}", hint="`composegen ide list` shows it")


def chosen(backends: tuple[Backend, ...], product: Product, build: str = "") -> tuple[Backend, ...]:
    """Those of that product, and of that build number or version."""
    of_product = [each for each in backends if each.code in product.codes]
    return tuple(each for each in of_product if not build or build in (each.build, each.version))
