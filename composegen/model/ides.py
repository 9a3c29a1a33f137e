"""What IDEs need of the machine that they work on over SSH, as data. The next IDE, or the next bound of one, is a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from composegen.model.selection import version_key


@dataclass(frozen=True)
class Range:
    """A range of an IDE's versions, and the oldest libraries that its server runs with."""

    ide: str
    versions: str  # in words; empty: current ones
    glibc: str = ""  # empty: its server brings its own C library, so that any will do, musl too
    libstdcxx: str = ""  # as symbols count, 3.4.25; empty: it brings its own
    source: str = ""


# An IDE's newest range first; the first that a system has the libraries for is the one to take there.
# VS Code looks for both libraries before it installs its server (check-requirements-linux.sh in microsoft/vscode). From 1.86.1 to
# 1.98 it came with another server for older systems, whose end was announced (docs/remote/faq.md). Its forks have the server of the
# VS Code that they are built on; only of Cursor was that seen.
# JetBrains documents "any glibc-based image", and Ubuntu 16.04 or newer, which has 2.23. Their runtime has been built for newer
# ones since (JetBrains/JetBrainsRuntime#551): 2023.2 was seen to start on less than 2.28.
VSCODE = "microsoft/vscode-docs docs/remote/linux.md, microsoft/vscode#231623"
JETBRAINS = "jetbrains.com/help/go/prerequisites.html"
RANGES = (
    Range("VS Code", "", glibc="2.28", libstdcxx="3.4.25", source=VSCODE),
    Range("VS Code", "1.98 and older", glibc="2.17", libstdcxx="3.4.18", source=VSCODE),
    Range("Cursor", "", glibc="2.28", libstdcxx="3.4.25", source="cursor/cursor#3481"),
    Range("Cursor", "older than 1.4.3", glibc="2.17", libstdcxx="3.4.18", source="cursor/cursor#3481, one report"),
    Range("Windsurf", "", glibc="2.28", libstdcxx="3.4.25", source="that of VS Code; its vendor names none"),
    Range("Windsurf", "built on VS Code 1.98 or older (Help, About)", glibc="2.17", libstdcxx="3.4.18", source="that of VS Code"),
    Range("JetBrains IDEs", "", glibc="2.28", source="every system of the catalogue but Ubuntu 18.04"),
    Range("JetBrains IDEs", "2023.2; newer ones are not confirmed", glibc="2.23", source=JETBRAINS),
    Range("Zed", "", source="zed-industries/zed#19571: its remote server is linked statically, with musl"),
)
NEWEST_NEED = max((each.glibc for each in RANGES), key=version_key)  # on a system that has it every IDE's current version works


@dataclass(frozen=True)
class Resources:
    """CPU cores, and memory and free disk in GB (10^9 bytes). `least` is a vendor's minimum, `good` its recommendation."""

    ide: str
    least: Mapping[str, float]
    good: Mapping[str, float]
    source: str


# The first is content with the least. Microsoft says nothing of disk: 0.5 GB is what a server and a few extensions take.
RESOURCES = (
    Resources(
        "VS Code",
        least={"cores": 1, "memory": 1, "disk": 0.5},
        good={"cores": 2, "memory": 2},
        source="microsoft/vscode-docs docs/remote/ssh.md, System requirements",
    ),
    Resources(
        "JetBrains IDEs",
        least={"cores": 2, "memory": 4, "disk": 5},
        good={"cores": 4, "memory": 4, "disk": 5},  # below these Gateway warns, and lets one go on
        source=JETBRAINS,
    ),
)

OPENSSH = "7.9"  # or later, recommended for Toolbox: jetbrains.com/help/toolbox-app/installation.html

# fs.inotify.max_user_watches that vendors ask for: article 15268113529362 of intellij-support.jetbrains.com; docs/setup/linux.md of
# microsoft/vscode-docs.
WATCHES = {"JetBrains IDEs": 1048576, "VS Code": 524288}

# What IDEs' installers, launchers and extensions call, by the package of Debian and Ubuntu that has it; `|`: either will do.
# JetBrains: plugins/remote-dev-server/bin/launcher.sh, and a log of Gateway's in loft-sh/devpod#300.
# VS Code: docs/remote/linux.md, check-requirements-linux.sh, and a log of Remote-SSH in vscode-remote-release#6397.
TOOLS = {
    "bash": ("bash",),
    "coreutils": ("cat", "cp", "cut", "id", "ln", "mkdir", "mv", "nohup", "readlink", "sha256sum", "sort", "tr", "tty", "uname"),
    "curl": ("curl|wget",),
    "debianutils": ("which",),
    "findutils": ("find", "xargs"),
    "grep": ("grep",),
    "gzip": ("gzip",),
    "libc-bin": ("getconf", "ldconfig", "ldd"),
    "mawk": ("awk",),
    "procps": ("pgrep", "ps"),
    "sed": ("sed",),
    "tar": ("tar",),
    "util-linux": ("flock",),
}
# What some plugins and extensions unpack with: most do without.
GOOD_TOOLS = {"unzip": ("unzip",)}


def working(libc: str, version: str, libstdcxx: str) -> dict[str, Range | None]:
    """By IDE, the newest versions that work with this C library (`libc` is glibc or musl) and this libstdc++; None: none does.

    An empty `version` or `libstdcxx` is a library that is not there.
    """
    newest: dict[str, Range | None] = dict.fromkeys(each.ide for each in RANGES)
    for each in RANGES:
        if (
            newest[each.ide] is None
            and reaches(version if libc == "glibc" else "", each.glibc)
            and reaches(libstdcxx, each.libstdcxx)
        ):
            newest[each.ide] = each
    return newest


def reaches(version: str, least: str) -> bool:
    """Whether a version is as new as needed; an empty one is only where nothing is."""
    return not least or (version != "" and version_key(version) >= version_key(least))
