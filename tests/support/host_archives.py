"""Archives with the layouts of Gateway's and the Toolbox App's own; their programs only say who they are."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support import archives

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16"><rect width="16" height="16"/></svg>'


def says(words: str) -> bytes:
    """A program that says that and its arguments, and the latter into the file $STARTED as well."""
    return f'#!/bin/sh\necho "{words}" "$@"\n[ -z "$STARTED" ] || echo "$@" >"$STARTED"\n'.encode()


def gateway(
    folder: Path,
    build: str = "243.22562.220",
    version: str = "2024.3.1",
    *,
    machine: str = "x86_64",
    without: str = "",
    more: str = "",
) -> Path:
    """`without`: a file that is not in it; `more`: one that is, besides."""
    info = {
        "name": "JetBrains Gateway",
        "version": version,
        "buildNumber": build,
        "productCode": "GW",
        "dataDirectoryName": "JetBrainsGateway2024.3",
        "svgIconPath": "bin/gateway.svg",
        "launch": [{"os": "Linux", "launcherPath": "bin/gateway", "startupWmClass": "jetbrains-gateway"}],
    }
    files = {
        "product-info.json": json.dumps(info).encode(),
        "build.txt": f"GW-{build}".encode(),
        "bin/gateway": says(f"gateway {build}"),
        "bin/gateway.sh": says(f"gateway.sh {build}"),
        "bin/gateway.svg": SVG,
        "jbr/bin/java": archives.elf(machine),
        "lib/app.jar": b"PK" + build.encode(),
        **({more: b"more"} if more else {}),
    }
    root = f"JetBrainsGateway-{build}"
    content = {f"{root}/{name}": text for name, text in files.items() if name != without}
    legal = [archives.link(f"{root}/jbr/legal", "bin"), archives.link(f"{root}/lib/again.jar", f"{root}/lib/app.jar", b"1")]
    return archives.write(folder / f"JetBrainsGateway-{version}.tar.gz", content, legal)


def toolbox(folder: Path, build: str = "2.6.3.43718", *, of_1: bool = False) -> Path:
    """`of_1`: as it was before 2.6, an AppImage and nothing else."""
    root = f"jetbrains-toolbox-{build}"
    files = {
        "bin/jetbrains-toolbox": says(f"toolbox {build}"),
        "bin/jetbrains-toolbox.desktop": b"[Desktop Entry]\nType=Application\nName=JetBrains Toolbox\nExec=jetbrains-toolbox %u\n",
        "bin/toolbox.svg": SVG,
        "bin/toolbox-tray-color.png": b"\x89PNG\r\n\x1a\n",
    }
    if of_1:
        files = {"jetbrains-toolbox": says(f"toolbox {build}")}
    return archives.write(folder / f"{root}.tar.gz", {f"{root}/{name}": text for name, text in files.items()})
