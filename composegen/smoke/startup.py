"""What shells do before they do what an IDE asks of them."""

from __future__ import annotations

import contextlib
import shlex

from composegen.errors import EngineError, SshError
from composegen.smoke.probe import Fail, Found, Visit
from composegen.ssh import Result

TIMEOUT = 10.0  # seconds; Gateway waits longer, and nobody likes that
MARK = "REMOTE_EXEC_OUTPUT_MARKER_"  # Gateway's own, loft-sh/devpod#300
UNREAD = "not read by any start-up file"
# As JetBrains IDEs ask, whose input stays open, and as VS Code does, whose script is the input.
WAYS = {
    "a login shell ($SHELL -lc)": (f"$SHELL -lc 'echo {MARK} && uname -sm && cat'", f"{UNREAD}\n", f"\n{UNREAD}\n"),
    "bash with its script on standard input": ("bash", f"echo {MARK}\nuname -sm\n", "\n"),
}
LONGEST = 100  # characters of noise that are shown

# The user's login shell, and the first start-up file that does not leave a shell as it found it: what others read comes first.
BLAME = r"""
    getent passwd "$(id -u)" | cut -d: -f7
    for file in /etc/profile.d/*.sh ~/.bashrc ~/.bash_profile ~/.bash_login ~/.profile /etc/bash.bashrc /etc/profile; do
        if [ ! -r "$file" ]; then continue; fi
        said=$(echo unread | timeout 2 bash --noprofile --norc -c '. "$1"; printf "\001"; cat' bash "$file" 2>/dev/null)
        if [ "$said" != $'\001unread' ]; then echo "$file"; break; fi
    done
"""
# The engine's way in is root's, and such a shell keeps others out.
AS_USER = 'export HOME=$(getent passwd "$1" | cut -d: -f6); exec runuser -u "$1" -- bash --noprofile --norc -c "$2"'


def shell(visit: Visit) -> Found:
    """Start-up files neither print nor read nor end, so that an IDE gets the answer to what it asked."""
    for way, (command, stdin, end) in WAYS.items():
        try:
            result = visit.session.run(command, stdin=stdin.encode(), timeout=TIMEOUT)
        except SshError as error:
            if "no end of" not in error.message:
                raise
            raise _told(visit, f"{way} does not come to its end within {TIMEOUT:g} s") from None
        if wrong := _wrong(result, end):
            raise _told(visit, f"{way} {wrong}")
    return Found("a login shell and bash on standard input say what they are asked, and nothing else")


def _wrong(result: Result, end: str) -> str:
    """What an IDE would stumble over; empty: nothing."""
    before, mark, after = result.stdout.partition(f"{MARK}\n")
    if not mark:
        said = result.output.strip()
        return f"runs nothing: it says {said[:LONGEST]!r}" if said else f"runs nothing, and ends with status {result.status}"
    if before:
        return f"prints {before.strip()[:LONGEST]!r} first"
    rest = after[after.find("\n") :]  # past the machine's name
    if UNREAD in end and UNREAD not in rest:
        return "has files that read from standard input, which is the IDE's"
    return f"prints {rest.replace(UNREAD, '').strip()[:LONGEST]!r} afterwards" if rest != end else ""


def _told(visit: Visit, detail: str) -> Fail:
    """The finding, with the file at fault where one can be found."""
    login_shell, file = _blamed(visit)
    if login_shell.rpartition("/")[2] in ("nologin", "false"):
        hint = f"the login shell is {login_shell}: `usermod -s /bin/bash {visit.target.address.user}` in the container"
        return Fail(detail, hint=hint, data={"shell": login_shell})
    where = file or "~/.bashrc, ~/.profile or a file in /etc/profile.d"
    hint = f"{where}: output, `read`, `exec` and `exit` belong behind `case $- in *i*) ;; *) return ;; esac`"
    return Fail(f"{detail}; at fault is {file}" if file else detail, hint=hint, data={"shell": login_shell, "file": file})


def _blamed(visit: Visit) -> tuple[str, str]:
    """The login shell, and the start-up file at fault; empty where that cannot be told."""
    said = ""
    with contextlib.suppress(EngineError, SshError):
        if visit.target.door is not None:
            said = visit.target.door.inside(["bash", "-c", AS_USER, "bash", visit.target.address.user, BLAME])
        else:
            said = visit.session.run(f"bash --noprofile --norc -c {shlex.quote(BLAME)}").stdout
    login_shell, file, *_ = [*said.splitlines(), "", ""]
    return login_shell, file
