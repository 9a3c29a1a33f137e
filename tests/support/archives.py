"""Archives with the layout of JetBrains' own, small, with programs that only say who they are; and broken ones.

A stand-in backend registers itself, answers `status`, and `run` listens and greets; nothing of an IDE is in it.
"""

from __future__ import annotations

import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

MACHINES = {"x86_64": 62, "aarch64": 183}
LAUNCH_ARCH = {"x86_64": "amd64", "aarch64": "aarch64"}

# As in the real ones: intellij-community, platform/build-scripts/resources/linux/scripts/remote-dev-server.sh.
ENTRY = """#!/bin/sh
set -e -u -f
IDE_BIN_DIR="$(cd "$(dirname "$0")" && pwd)"
IDE_HOME="$(dirname "$IDE_BIN_DIR")"
exec "$IDE_HOME/plugins/remote-dev-server/bin/launcher.sh" "$@"
"""
# The commands of the real one that tests use; registration as it does it, with its words.
LAUNCHER = """#!/bin/sh
set -e -u -f
IDE_HOME="$(cd "$(dirname "$0")/../../.." && pwd)"
DIST="$HOME/.cache/JetBrains/RemoteDev"
case "${1:-}" in
  status) echo "STATUS:"; cat "$IDE_HOME/product-info.json" ;;
  registerBackendLocationForGateway)
    case "$IDE_HOME/" in "$DIST/dist"/*) echo "$IDE_HOME is located in default path. No need to register it."; exit 1 ;; esac
    link_name=$(printf %s "$IDE_HOME" | sed 's/[^a-zA-Z0-9.]/_/g')
    mkdir -p "$DIST/userProvidedDist"
    if [ -L "$DIST/userProvidedDist/$link_name" ]; then
      echo "$IDE_HOME is already registered ($DIST/userProvidedDist/$link_name exists)"
      exit 1
    fi
    ln -s "$IDE_HOME" "$DIST/userProvidedDist/$link_name"
    ;;
  run) exec python3 "$IDE_HOME/server.py" "$HOME/port" "$2" ;;
  *) echo "Usage: ./remote-dev-server.sh [starter command] [path to project]" >&2; exit 1 ;;
esac
"""
# It chooses a port of the loopback interface, writes it down, and greets whoever comes.
SERVER = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 0))
with open(sys.argv[1], "w") as file:
    file.write(f"{listener.getsockname()[1]}\\n")
while True:
    client, _ = listener.accept()
    client.sendall(f"IDE server of {sys.argv[2]}\\n".encode())
    client.close()
"""


def elf(architecture: str, glibc: str = "2.17") -> bytes:
    """The beginning of a program for that machine, with the version of glibc that it asks for."""
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 3, MACHINES[architecture], 1)
    return header + bytes(40) + f"\0libc.so.6\0GLIBC_{glibc}\0GLIBC_PRIVATE\0".encode()


def ide(
    path: Path,
    *,
    code: str = "PY",
    name: str = "PyCharm",
    version: str = "2024.3.1",
    build: str = "243.22562.220",
    architecture: str = "x86_64",
    glibc: str = "2.17",
    more: Iterable[tarfile.TarInfo] = (),
    padding: int = 0,
    without: str = "",
) -> Path:
    """An IDE with a remote backend; `more` are members without content, `padding` bytes that do not compress, `without` a file."""
    info = {
        "name": name,
        "version": version,
        "buildNumber": build,
        "productCode": code,
        "dataDirectoryName": f"{name}{version[:6]}",
        "svgIconPath": f"bin/{name.lower()}.svg",
        "launch": [
            {
                "os": "Linux",
                "arch": LAUNCH_ARCH[architecture],
                "launcherPath": f"bin/{name.lower()}",
                "javaExecutablePath": "jbr/bin/java",
                "startupWmClass": f"jetbrains-{name.lower()}",
            }
        ],
    }
    files = {
        "product-info.json": json.dumps(info, indent=2).encode(),
        "build.txt": f"{code}-{build}".encode(),
        f"bin/{name.lower()}": elf(architecture, glibc),
        f"bin/{name.lower()}.svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>',
        "bin/remote-dev-server.sh": ENTRY.encode(),
        "plugins/remote-dev-server/bin/launcher.sh": LAUNCHER.encode(),
        "server.py": SERVER.encode(),
        "jbr/bin/java": elf(architecture, glibc),
    }
    root = f"{name.lower()}-{version}"
    content = {f"{root}/{file}": text for file, text in files.items() if file != without}
    if padding:
        content[f"{root}/lib/padding"] = noise(padding)
    return write(path, content, [*more, link(f"{root}/jbr/legal", "bin")])


def write(path: Path, files: dict[str, bytes], more: Iterable[tarfile.TarInfo] = ()) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
        for entry in more:
            archive.addfile(entry)
    return path


def vsix(path: Path, *, platform: str = "", needs: Sequence[str] = ()) -> Path:
    """An extension of VS Code with the layout that vsce gives it; nothing of a real one is in it."""
    package = {
        "name": "python",
        "publisher": "ms-python",
        "version": "2024.22.0",
        "displayName": "Python",
        "engines": {"vscode": "^1.94.0"},
        "extensionDependencies": list(needs),
        "main": "./out/main.js",
    }
    target = f' TargetPlatform="{platform}"' if platform else ""
    identity = f'<Identity Language="en-US" Id="python" Version="2024.22.0" Publisher="ms-python"{target} />'
    manifest = f"<PackageManifest><Metadata>{identity}</Metadata></PackageManifest>"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("extension.vsixmanifest", manifest)
        archive.writestr("extension/package.json", json.dumps(package, indent=2))
        archive.writestr("extension/out/main.js", noise(5000))
        tool = zipfile.ZipInfo("extension/bin/tool")
        tool.external_attr = 0o100755 << 16
        archive.writestr(tool, "#!/bin/sh\n")
    return path


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


def special(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    """A member of that name and kind, without content."""
    entry = tarfile.TarInfo(name)
    entry.type = kind
    return entry


def noise(size: int) -> bytes:
    """The same bytes each time, which gzip cannot make smaller."""
    import random

    return random.Random(1).randbytes(size)
