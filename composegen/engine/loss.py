"""What re-creating a container would lose, from the engine's own lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from composegen.engine.values import Loss

# What every start writes again, or nobody misses: these paths and everything below them.
_REMADE = (
    *("/run", "/tmp", "/var/run", "/var/tmp", "/var/log", "/var/cache", "/var/lib/apt", "/dev", "/proc", "/sys"),
    *("/etc/composegen", "/etc/ssh", "/etc/sudoers.d/composegen", "/etc/profile.d/zz-composegen.sh", "/var/lib/ide", "/home/code"),
    *("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/subuid", "/etc/subgid", "/etc/.pwd.lock"),
    *("/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/subuid-", "/etc/subgid-"),
    *("/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab", "/etc/ld.so.cache"),
)

# The same in a home: histories, and what the entrypoint links into the volume of the IDEs.
_REMADE_AT_HOME = (
    *(".bash_history", ".python_history", ".viminfo", ".lesshst", ".wget-hsts", ".profile", ".bashrc", ".bash_logout"),
    *(".cache", ".config/JetBrains", ".local/share/JetBrains", ".vscode-server", ".cursor-server", ".zed_server"),
)

# What NVIDIA's container toolkit puts into a container at its start: the driver's files and links to them, wherever the host has
# them, and the loader's configuration. https://github.com/NVIDIA/nvidia-container-toolkit: pkg/nvcdi, internal/discover and
# internal/ldconfig; compared with what 1.20 put into a container on an H200.
_GPU_DRIVERS = re.compile(
    r"/etc/ld\.so\.conf\.d/(zz-nvcr|00-compat)-[^/]+\.conf"
    r"|/etc/(nvidia|cufile\.json)(/.*)?"
    r"|/.*/firmware/nvidia(/.*)?"
    r"|/usr/bin/nvidia-[^/]+"
    r"|(/usr)?/lib(32|64)?/([^/]+-linux-gnu/)?((gbm|nvidia|vdpau|xorg)/(.*/)?)?"
    r"[^/]*(nvidia|libcuda|libnvcuvid|libnvoptix|libGLX_indirect)[^/]*"
    r"|/(etc|usr/share)/(vulkan|glvnd|egl|nvidia|OpenCL)/(.*/)?[^/]*(nvidia|nvoptix)[^/]*"
)

# How the command lines of the container's own processes begin; all others are somebody's work.
_OWN = (
    *("/sbin/docker-init", "/usr/bin/tini", "tini ", "sshd: ", "/usr/sbin/sshd", "sftp-server"),
    *("grep --line-buffered -vE", "ps ", "/bin/bash /etc/composegen/", "ssh-keygen -q -N "),
)


def files(changed: Mapping[str, str]) -> tuple[str, ...]:
    """The topmost paths worth naming, as `A /opt/tool`: what lies in a new folder is named by that folder."""
    folders = {str(parent) for path in changed for parent in PurePosixPath(path).parents}
    leaves = [path for path in changed if path not in folders and not _remade(path)]
    return tuple(sorted({_topmost(path, changed) for path in leaves}, key=lambda named: named[2:]))


def _topmost(path: str, changed: Mapping[str, str]) -> str:
    above = [str(parent) for parent in reversed(PurePosixPath(path).parents)]
    named = next((parent for parent in above if changed.get(parent) == "A"), path)
    return f"{changed[named]} {named}"


def _remade(path: str) -> bool:
    inside_home = re.sub(r"^/(root|home/[^/]+)/", "", path)
    if _GPU_DRIVERS.fullmatch(path):
        return True
    return _below(path, _REMADE) or (inside_home != path and _below(inside_home, _REMADE_AT_HOME)) or "/__pycache__/" in f"{path}/"


def _below(path: str, places: Iterable[str]) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in places)


_SUPERVISOR = re.compile(r"/\S*python\S* /usr/bin/supervisord ")  # under whichever Python it runs


def processes(commands: Iterable[str]) -> tuple[str, ...]:
    """Command lines that are somebody's work."""
    return tuple(command for command in commands if not command.startswith(_OWN) and not _SUPERVISOR.match(command))


def in_words(loss: Loss, *, most: int = 5) -> list[str]:
    """Two lines at most: `changed outside the volumes: A /opt/tool, …` and `running: python train.py`."""
    said = []
    for what, found in (("changed outside the volumes", loss.files), ("running", loss.processes)):
        if found:
            more = f", and {len(found) - most} more" if len(found) > most else ""
            said.append(f"{what}: {', '.join(found[:most])}{more}")
    return said
