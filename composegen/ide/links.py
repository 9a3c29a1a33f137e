"""Links that open a container's project in an IDE, as data.

A link names the alias wherever the client starts OpenSSH, so that key, host key and jump come from ~/.ssh/config; no link can
carry a key or a password. It consists of characters that RFC 3986 leaves as they are; all others are UTF-8 in percent signs: so it
is the same on Windows, where the code page would else decide what a path means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

Confidence = Literal["vendor", "community"]


@dataclass(frozen=True)
class Place:
    """What a client connects to, and what it opens there."""

    alias: str  # a Host of ssh_config
    host: str  # for clients that do not read ssh_config
    port: int
    user: str
    project: str  # absolute path in the container
    backend: str = ""  # path of an IDE backend in the container; empty: none is there


@dataclass(frozen=True)
class Client:
    """`link` is a format: `{…}` are a Place's fields, quoted; `{path}` is `project` with its slashes as they are."""

    name: str
    title: str
    link: str
    source: Confidence  # whose word its form is: the vendor's own code or documentation, or several public users'
    unconfirmed: str = ""  # what neither says


GATEWAY = "jetbrains-gateway://connect#host={host}&port={port}&user={user}&type=ssh"
# Remote-SSH takes a port in the name in newer versions only; an alias works in all, https://github.com/microsoft/vscode/issues/158088
REMOTE_SSH = "vscode-remote/ssh-remote+{alias}{path}"
UNDOCUMENTED = "JetBrains documents none of its parameters"
PREFILLS = f"{UNDOCUMENTED}; since 2025.3 it fills in the dialog, and `Check Connection and Continue` is yours to press"

CLIENTS = (
    Client(
        "toolbox",
        "JetBrains Toolbox",
        "jetbrains://gateway/ssh/environment?h={alias}&launchIde=true&ideHint=PY&projectHint={project}",
        "community",
        "some versions ignore projectHint",
    ),
    Client(
        "gateway",
        "Gateway, which installs a backend",
        GATEWAY + "&deploy=true&projectPath={project}",
        "community",
        PREFILLS,
    ),
    Client(
        "gateway-backend",
        "Gateway, with the backend in the container",
        GATEWAY + "&deploy=false&idePath={backend}&projectPath={project}",
        "community",
        PREFILLS,
    ),
    # https://github.com/microsoft/vscode/issues/171140
    Client("vscode", "VS Code", f"vscode://{REMOTE_SSH}", "vendor"),
    Client("vscode-insiders", "VS Code Insiders", f"vscode-insiders://{REMOTE_SSH}", "community"),
    Client("cursor", "Cursor", f"cursor://{REMOTE_SSH}", "community"),
    Client("windsurf", "Windsurf", f"windsurf://{REMOTE_SSH}", "community"),
    # https://zed.dev/docs/remote-development
    Client("zed", "Zed", "zed://ssh/{alias}{path}", "vendor", "whether it decodes percent signs in a path"),
)


def links(place: Place) -> dict[str, str]:
    """A link for each client, by its name; that for a backend only where there is one."""
    words = {name: quote(str(value), safe="") for name, value in vars(place).items()}
    path = quote(place.project, safe="/")
    return {
        client.name: client.link.format(**words, path=path) for client in CLIENTS if place.backend or "{backend}" not in client.link
    }
