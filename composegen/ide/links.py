"""Links that open a container's project in an IDE, as data.

A link names the alias wherever the client starts OpenSSH, so that key, host key and jump come from ~/.ssh/config; no link can
carry a key or a password. It consists of characters that RFC 3986 leaves as they are; all others are UTF-8 in percent signs: so it
is the same on Windows, where the code page would else decide what a path means.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


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
    unconfirmed: str = ""  # what its vendor does not say, or not everywhere keeps to


GATEWAY = "jetbrains-gateway://connect#host={host}&port={port}&user={user}&type=ssh"
# Remote-SSH takes a port in the name in newer versions only; an alias works in all, https://github.com/microsoft/vscode/issues/158088
REMOTE_SSH = "vscode-remote/ssh-remote+{alias}{path}"
PREFILLS = (
    "JetBrains documents no such link; since 2025.3 it fills in a dialog, where `Check Connection and Continue` is yours to press"
)
AS_VSCODE = "it is VS Code's link with another scheme, as public users of it write it"

CLIENTS = (
    # https://www.jetbrains.com/help/toolbox-app/ names such a link and not its parameters
    Client(
        "toolbox",
        "JetBrains Toolbox",
        "jetbrains://gateway/ssh/environment?h={alias}&launchIde=true&ideHint=PY&projectHint={project}",
        "some versions open the IDE without the project",
    ),
    Client("gateway", "Gateway", GATEWAY + "&deploy=true&projectPath={project}", PREFILLS),
    Client("gateway-backend", "Gateway", GATEWAY + "&deploy=false&idePath={backend}&projectPath={project}", PREFILLS),
    # https://github.com/microsoft/vscode/issues/171140
    Client("vscode", "VS Code", f"vscode://{REMOTE_SSH}"),
    Client("vscode-insiders", "VS Code Insiders", f"vscode-insiders://{REMOTE_SSH}", AS_VSCODE),
    Client("cursor", "Cursor", f"cursor://{REMOTE_SSH}", AS_VSCODE),
    Client("windsurf", "Windsurf", f"windsurf://{REMOTE_SSH}", AS_VSCODE),
    # https://zed.dev/docs/remote-development
    Client("zed", "Zed", "zed://ssh/{alias}{path}", "its documentation does not say whether it takes spaces in a path"),
)


def links(place: Place) -> dict[str, str]:
    """A link for each client, by its name; that for a backend only where there is one."""
    words = {name: quote(str(value), safe="") for name, value in vars(place).items()}
    path = quote(place.project, safe="/")
    return {
        client.name: client.link.format(**words, path=path) for client in CLIENTS if place.backend or "{backend}" not in client.link
    }
