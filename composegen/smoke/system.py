"""What is inside: user, system, interpreter, memory, and who keeps sshd running."""

from __future__ import annotations

import os
import re
import shlex

from composegen.smoke.probe import Fail, Found, Skip, Visit
from composegen.smoke.pythons import INTERPRETER_FILE, SAY, Pythons

SUPERVISOR_CONFIGURATION = "/etc/composegen/supervisord.conf"
SUPERVISOR_SOCKET = "/run/supervisor.sock"
SUPERVISOR_CALL = (  # http://supervisord.org/api.html#supervisor.rpcinterface.SupervisorNamespaceRPCInterface.getProcessInfo
    "<methodCall><methodName>supervisor.getProcessInfo</methodName>"
    "<params><param><value><string>sshd</string></value></param></params></methodCall>"
)

# supervisor answers root only. What anybody can see: the sshd that listens has a keeper, and that one is supervisor's.
SSHD_IS_SUPERVISORS = (
    "parent() { sed -n 's/^PPid:[[:space:]]*//p' \"/proc/$1/status\"; }; "
    "is() { tr '\\0' ' ' <\"/proc/$1/cmdline\" | grep -q \"$2\"; }; "
    'keeper=$(parent "$(cat /run/sshd.pid)") && is "$keeper" \'entrypoint.sh sshd\' && is "$(parent "$keeper")" supervisord '
    "&& echo 'sshd RUNNING'"
)


def identity(visit: Visit) -> Found:
    """The right user on whatever system this is."""
    script = 'id -un; id -u; id -g; uname -m; (. /etc/os-release 2>/dev/null; echo "${PRETTY_NAME:-unknown}")'
    name, uid, gid, machine, system = visit.ask(script, r"(\S+)\n(\d+)\n(\d+)\n(\S+)\n([^\n]*)\n")
    data = {"user": name, "uid": int(uid), "gid": int(gid), "architecture": machine, "os": system}
    if name != visit.target.address.user or int(uid) != visit.target.login_uid:
        wanted = f"{visit.target.address.user} with uid {visit.target.login_uid}"
        raise Fail(f"logged in as {name} with uid {uid}, not as {wanted}", hint="SSH_USER and USER_UID in .env", data=data)
    return Found(f"{name} ({uid}:{gid}), {system}, {machine}", data)


def interpreter(visit: Visit) -> Found:
    """The Python that was found when the image was built is the one that commands and login shells find."""
    seen = Pythons.parse(visit.shell(SAY).stdout)
    if not seen.chosen:
        raise Skip("the image has no Python")
    data = {"path": seen.command, "version": seen.version, "recorded": seen.image}
    if seen.command != seen.image:
        hint = f"PATH of SSH sessions differs from PATH at build time; {INTERPRETER_FILE} was written by the build"
        raise Fail(f"SSH finds {seen.command or 'no Python'}, the image has {seen.image or 'none'}", hint=hint, data=data)
    if seen.login_shell != seen.command:
        hint = "JetBrains IDEs run login shells; something in /etc/profile.d or ~/.profile changes PATH"
        raise Fail(f"a login shell finds {seen.login_shell or 'no Python'}, a command finds {seen.command}", hint=hint, data=data)
    return Found(f"{seen.command}, Python {seen.version}", data)


def shm(visit: Visit) -> Found:
    """/dev/shm is as large as it was asked to be."""
    block, blocks = visit.ask("stat -f -c '%S %b' /dev/shm", r"(\d+) (\d+)\n")
    size, wanted = int(block) * int(blocks), _wanted_shm(visit)
    data = {"bytes": size}
    if wanted is not None and abs(size - wanted) >= os.sysconf("SC_PAGE_SIZE"):
        raise Fail(
            f"/dev/shm has {_mebibytes(size)}, not {_mebibytes(wanted)} ({visit.target.shm})",
            hint="re-create the container",
            data=data,
        )
    return Found(
        _mebibytes(size) + (", as on the host" if wanted is not None and visit.target.shm in ("host", "ipc") else ""), data
    )


def _wanted_shm(visit: Visit) -> int | None:
    """In bytes; None where anything is right or the host cannot be looked at."""
    asked = visit.target.shm
    if asked in ("host", "ipc"):
        if not visit.target.local:
            return None
        host = os.statvfs("/dev/shm")
        return host.f_frsize * host.f_blocks
    if not (size := re.fullmatch(r"(?i)(\d+)([bkmg])b?", asked)):
        return None
    return int(size[1]) << 10 * "bkmg".index(size[2].lower())


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"


def supervisor(visit: Visit) -> Found:
    """supervisor says that sshd runs, so that it will be started again when it ends."""
    if visit.target.init != "supervisor":
        raise Skip(f"sshd runs under {visit.target.init}")
    # supervisorctl needs a quarter of a second to ask what curl asks in a hundredth.
    ask = f"curl -sf --unix-socket {SUPERVISOR_SOCKET} --data '{SUPERVISOR_CALL}' http://supervisor/RPC2"
    ask = f"{ask} || supervisorctl -c {SUPERVISOR_CONFIGURATION} status sshd"
    said = visit.shell(f'if [ "$(id -u)" = 0 ]; then sh -c {shlex.quote(ask)}; else {SSHD_IS_SUPERVISORS}; fi').output
    state = re.search(r"statename</name>\s*<value><string>(\w+)", said) or re.search(r"sshd\s+([A-Z]+)", said)
    if not state or state[1] != "RUNNING":
        seen = f"supervisor says sshd is {state[1]}" if state else f"supervisor does not answer: {' '.join(said.split())[:200]}"
        raise Fail(seen, hint="sshd was not started by supervisor; `composegen restart` starts both")
    since = re.search(r"pid \d+, uptime [\d:]+(?: days?, [\d:]+)?", said)
    return Found(f"sshd RUNNING, {since[0] if since else 'pid unknown'}")
