"""What of a container decides which IDE fits into it, as one session sees it."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from composegen.errors import ComposegenError
from composegen.ssh import Result, Session

# `$1`: a folder of the home. `stat` and `df` follow the link to the volume because of the `/.`.
SURVEY = r"""
place=$HOME/$1
mkdir -p "$place" 2>/dev/null
say() { printf '%s=%s\n' "$1" "$2"; }
say machine "$(uname -m)"
say libc "$(getconf GNU_LIBC_VERSION 2>/dev/null || ldd --version 2>&1 | head -n 1)"
say user "$(id -un)"
say uid "$(id -u)"
say path "$(cd "$place" 2>/dev/null && pwd -P)"
say owner "$(stat -c %u "$place/." 2>/dev/null)"
if [ -w "$place/." ]; then say writable yes; fi
set -- $(df -Pk "$place/." 2>/dev/null | tail -n 1)
say free "$4"
say mount "$6"
"""


@dataclass(frozen=True)
class Home:
    """A folder of the login user's home, and the machine around it."""

    user: str
    uid: int
    machine: str  # as `uname -m` says it
    libc: str  # `glibc 2.36`, `musl libc (x86_64)`
    path: str  # of the folder, without links; empty: it is not there and cannot be made
    owner: int | None
    writable: bool
    free: int  # bytes
    mount: str  # where what holds it is mounted; `/` is the container's own layer

    @property
    def kept(self) -> bool:
        """Whether a new container finds it again."""
        return self.mount != "/"

    @property
    def glibc(self) -> tuple[int, int] | None:
        """None: it has another libc."""
        found = re.search(r"(?i)(?:glibc|gnu libc)\D*?(\d+)\.(\d+)", self.libc)
        return (int(found[1]), int(found[2])) if found else None


def script(session: Session, text: str, *arguments: str) -> Result:
    """Run a script in the login user's `sh`, whatever their own shell is. Raises SshError."""
    return session.run(command(text, *arguments))


def command(text: str, *arguments: str) -> str:
    return shlex.join(["sh", "-c", text, "sh", *arguments])


def survey(session: Session, folder: str) -> Home:
    """Look at `folder` below the home. Raises SshError, or ComposegenError: the container says nothing that can be read."""
    said = script(session, SURVEY, folder)
    values = dict(line.split("=", 1) for line in said.stdout.splitlines() if "=" in line)
    if not values.get("machine") or not values.get("uid", "").isdigit():
        raise ComposegenError("the container does not say what it is", hint="`composegen test` finds out why", said=said.output)
    owner, free = values.get("owner", ""), values.get("free", "")
    return Home(
        user=values.get("user", ""),
        uid=int(values["uid"]),
        machine=values["machine"],
        libc=values.get("libc", ""),
        path=values.get("path", ""),
        owner=int(owner) if owner.isdigit() else None,
        writable=values.get("writable") == "yes",
        free=int(free) * 1024 if free.isdigit() else 0,
        mount=values.get("mount", ""),
    )


def refuse_closed(home: Home, folder: str) -> None:
    """Raises ComposegenError: the login user cannot write there."""
    if home.path and home.writable:
        return
    if home.owner is not None and home.owner != home.uid:
        fact = f"~/{folder} in the container belongs to uid {home.owner}, and {home.user} is {home.uid}"
    else:
        fact = f"{home.user} cannot write to ~/{folder} in the container"
    raise ComposegenError(fact, hint=f"`composegen exec -- chown -R {home.user}: /var/lib/ide/{home.user}` gives it to {home.user}")


def refuse_lack_of_space(home: Home, needed: int, what: str) -> None:
    """Raises ComposegenError: it would not fit."""
    if needed > home.free:
        raise ComposegenError(
            f"{what} takes {needed / 1e9:.2f} GB, and {home.path} has {home.free / 1e9:.2f} GB free",
            hint="`composegen ide list` shows what is there, `composegen ide remove` and `composegen clean` make space",
        )


def refuse_other_libc(home: Home, what: str, least: tuple[int, int] = (0, 0)) -> None:
    """Raises ComposegenError: the container's libc is not glibc, or older than what `what` was built for."""
    if home.glibc is None:
        raise ComposegenError(
            f"{what} needs glibc, and the container has {home.libc or 'another libc'}",
            hint="take a base image of Debian, Ubuntu or another glibc system (`init --base`)",
        )
    if home.glibc < least:
        needed, has = (".".join(map(str, version)) for version in (least, home.glibc))
        raise ComposegenError(
            f"{what} needs glibc {needed}, and the container has {has}",
            hint="--build takes an older one; or `composegen update --version` moves to a newer system",
        )
