"""Facts about this host, each behind a small function. Nothing here talks to an engine.

nvidia  what there is of NVIDIA's: driver, device files, cards and who uses them
"""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from composegen.errors import ComposegenError

LAST_PORT = 65535


def port_is_free(port: int, bind: str) -> bool | None:
    """Whether the engine can publish `port` on the address `bind`; None where this host has no such address and cannot tell.

    Listening is tried, with SO_REUSEADDR as in the engine's proxy: a closing connection is no obstacle, a listener is. A published
    port of another container counts, since docker-proxy listens on it (unless the engine runs with `userland-proxy: false`).
    """
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((bind, port))
            listener.listen(1)
    except PermissionError:
        # A port below 1024, which only the engine may open: see whether somebody answers.
        return not _answers(port, bind)
    except OSError as error:
        import errno

        return False if error.errno == errno.EADDRINUSE else None
    return True


def _answers(port: int, bind: str) -> bool:
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)
    try:
        with socket.create_connection((address, port), timeout=0.5):
            return True
    except OSError:
        return False


def free_port(wanted: int, bind: str) -> int:
    """`wanted`, or the next port above it that is free on `bind`. Raises ComposegenError: none is."""
    for port in range(wanted, LAST_PORT + 1):
        if port_is_free(port, bind) is not False:
            return port
    raise ComposegenError(f"no free port from {wanted} to {LAST_PORT} on {bind}", hint="choose a lower one with --port")


@dataclass(frozen=True)
class Caller:
    """The person whose files these are: `name` as Linux's useradd takes it."""

    name: str
    uid: int
    gid: int


def caller(directory: Path, environment: Mapping[str, str] | None = None) -> Caller:
    """Who works in `directory`.

    That is the process's user. Under sudo it is the one who called sudo, if the folder (or the nearest parent that exists) is
    theirs: `sudo composegen` for want of the docker group must not give root the files, while a root shell in /root means root.
    """
    exported = os.environ if environment is None else environment
    uid, gid = os.geteuid(), os.getegid()
    sudo_uid, sudo_gid = exported.get("SUDO_UID", ""), exported.get("SUDO_GID", "")
    if uid == 0 and sudo_uid.isdecimal() and sudo_gid.isdecimal() and _owner(directory) == int(sudo_uid) != 0:
        return Caller(_name(int(sudo_uid), exported.get("SUDO_USER", "")), int(sudo_uid), int(sudo_gid))
    return Caller(_name(uid, ""), uid, gid)


def _owner(directory: Path) -> int:
    path = directory.resolve()
    while not path.exists() and path != path.parent:
        path = path.parent
    return path.stat().st_uid


def _name(uid: int, known: str) -> str:
    if uid == 0:
        return "root"
    if not known:
        import pwd

        try:
            known = pwd.getpwuid(uid).pw_name
        except KeyError:
            known = f"user{uid}"
    return linux_user_name(known)


LINUX_USER = r"[a-z_][a-z0-9_-]{0,31}"  # Debian's and Ubuntu's useradd refuse anything else
# Of every Debian and Ubuntu (base-passwd), and of the packages that the image gets: nobody's login.
SYSTEM_USERS = (
    *("daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy", "www-data", "backup", "list", "irc"),
    *("gnats", "nobody", "_apt", "sshd", "messagebus", "systemd-network", "systemd-resolve", "systemd-timesync"),
)


def linux_user_name(text: str) -> str:
    """The nearest name useradd takes: `DOMAIN\\alice` and `alice@corp` are alice, `Alice.B` is alice-b. Never a system's own."""
    bare = text.rpartition("\\")[2].partition("@")[0].lower()
    kept = re.sub(r"[^a-z0-9_-]+", "-", bare).strip("-")
    if not kept or kept in ("root", *SYSTEM_USERS):
        return "user"
    return (kept if re.match(LINUX_USER, kept) else f"u{kept}")[:32]


def user_ids(name: str) -> tuple[int, int] | None:
    """uid and gid of a user of this host, or None where there is no such user."""
    import pwd

    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return entry.pw_uid, entry.pw_gid


def user_name(uid: int) -> str:
    """What this host calls a user; `uid 12345` where it knows none of that number."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def group_id(name: str) -> str:
    """The number of a group of this host; empty where there is no such group."""
    import grp

    try:
        return str(grp.getgrnam(name).gr_gid)
    except KeyError:
        return ""


def staged(directory: Path) -> tuple[str, ...]:
    """What git would commit below `directory`, relative to it; nothing where that is no work tree or there is no git."""
    import subprocess

    if git_root(directory) is None:
        return ()
    try:
        argv = ["git", "-C", str(directory), "diff", "--cached", "--name-only", "--relative", "-z"]
        said = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except OSError:
        return ()
    return tuple(name for name in said.stdout.split("\0") if name) if said.returncode == 0 else ()


def git_root(path: Path) -> Path | None:
    """The work tree of the git repository that `path` is in, or None, also where its folders may not be looked into."""
    try:
        absolute = path.resolve()
        return next((each for each in (absolute, *absolute.parents) if (each / ".git").exists()), None)
    except (OSError, RuntimeError):  # RuntimeError: a loop of symbolic links, before Python 3.13
        return None


def systems(platform: str = sys.platform, root: Path = Path("/")) -> tuple[str, ...]:
    """What this host runs, from the nearest to the widest: ("wsl", "debian"), ("fedora",), ("macos",); empty where unknown.

    A distribution counts as the one whose package manager it uses, by ID and ID_LIKE of os-release(5).
    """
    if platform == "darwin":
        return ("macos",)
    kernel, about = text(root / "proc/sys/kernel/osrelease"), text(root / "etc/os-release")
    names = re.findall(r"[\w-]+", " ".join(re.findall(r"(?m)^ID(?:_LIKE)?=(.*)$", about)))
    family = next((FAMILIES[name] for name in names if name in FAMILIES), "")
    return tuple(filter(None, ("wsl" if "microsoft" in kernel.lower() else "", family)))


FAMILIES = {
    **dict.fromkeys(("debian", "ubuntu"), "debian"),
    **dict.fromkeys(("fedora", "rhel", "centos", "rocky", "almalinux", "ol", "amzn", "openEuler"), "fedora"),
    **dict.fromkeys(("arch", "manjaro"), "arch"),
}


def text(file: Path) -> str:
    """What a file of this host holds; empty where it is not there or not to be read."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
