"""`composegen test --chaos`: sshd is killed again and again, and nobody's work may notice."""

from __future__ import annotations

import contextlib
import secrets
import shlex
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from composegen.errors import ComposegenError, EngineError, SshError
from composegen.smoke.probe import LOGIN_TIMEOUT, Fail, Found, Probe, Skip, Visit
from composegen.smoke.target import Door
from composegen.ssh import Session, connect, wait_for_login

KILLS = 5
BACK_WITHIN = 2.0  # seconds from the kill until somebody is logged in
TICK = 0.1  # seconds
PATIENCE = 20.0  # seconds until a login that does not come is given up
PLAN = (
    f"--chaos kills sshd in the container {KILLS} times with SIGKILL. Open sessions and running programs should go on;"
    " logging in should work again within 2 s. One small program counts in /tmp meanwhile and is removed afterwards."
)

OUTLIVE = "what sshd has started must outlive it: look at [program:sshd] in container/supervisord.py"
# The process that listens, by the file it wrote; that number may be another's meanwhile.
KILL = 'pid=$(cat /run/sshd.pid) && [ "$(cat "/proc/$pid/comm")" = sshd ] && kill -KILL "$pid"'
# Its parent starts it again. In a container of composegen's first templates, --init tini had none: sshd's end was the container's.
KEPT = (
    'parent=$(sed -n "s/^PPid:[[:space:]]*//p" "/proc/$(cat /run/sshd.pid)/status") && '
    'tr "\\0" " " <"/proc/$parent/cmdline" | grep -qE "entrypoint\\.sh|supervisord"'
)
# Ends by itself, should nobody come back to end it.
COUNT = "n=0; while [ $n -lt 3000 ]; do n=$((n + 1)); echo $n >{file}; sleep {tick}; done"
START = "nohup sh -c {count} >/dev/null 2>&1 </dev/null & echo $!"


@dataclass(frozen=True)
class Seen:
    """What one storm showed: seconds until each login, why the open session ended, and how far the job counted."""

    seconds: tuple[float, ...]
    session: str  # why it ended; empty where it went on
    counted: tuple[int, int]  # before the first kill and after the last


class Storm:
    """Kills once, whoever asks first; three probes look at what it did."""

    def __init__(self, seen: Seen | None = None) -> None:
        self._once = threading.Lock()
        self._seen: Seen | Exception | None = seen

    def login(self, visit: Visit) -> Found:
        seconds = self._result(visit).seconds
        data = {"seconds": [round(each, 3) for each in seconds]}
        if slow := [each for each in seconds if each > BACK_WITHIN]:
            hint = "`composegen logs` shows what supervisor and sshd said"
            raise Fail(f"a login took {max(slow):.1f} s after sshd was killed, not {BACK_WITHIN:g} s", hint=hint, data=data)
        return Found(f"sshd killed {len(seconds)} times, a login again within {max(seconds):.2f} s each time", data)

    def session(self, visit: Visit) -> Found:
        if ended := self._result(visit).session:
            raise Fail(f"an open session ended when sshd was killed: {ended}", hint=OUTLIVE)
        return Found("an open session went on")

    def job(self, visit: Visit) -> Found:
        before, after = self._result(visit).counted
        data = {"before": before, "after": after}
        if after <= before:
            raise Fail(
                "a program that was started before stopped when sshd was killed",
                hint=OUTLIVE,
                data=data,
            )
        return Found(f"a program that was started before went on, from {before} to {after}", data)

    def _result(self, visit: Visit) -> Seen:
        with self._once:
            if self._seen is None:
                try:
                    self._seen = _storm(visit)
                except (Fail, Skip, ComposegenError) as error:
                    self._seen = error
            if isinstance(self._seen, Exception):
                raise self._seen
            return self._seen


def probes() -> tuple[Probe, ...]:
    """Three questions to one storm."""
    storm = Storm()
    return (
        Probe("chaos-login", storm.login, needs_session=False),
        Probe("chaos-session", storm.session, needs_session=False),
        Probe("chaos-job", storm.job, needs_session=False),
    )


def _storm(visit: Visit) -> Seen:
    """Raises Skip: it would be no test here."""
    target = visit.target
    if target.door is None:
        raise Skip("the engine is not to be asked")
    _refuse_unkept(target.door)
    address, host_keys, seconds, ended = target.address, visit.host_keys, [], ""
    with (
        connect(address, key=target.key, host_keys=host_keys, timeout=LOGIN_TIMEOUT) as session,
        _job(session, target.door) as file,
    ):
        before = _counted(target.door, file)
        for _ in range(KILLS):
            if visit.closed:
                raise Skip("interrupted")
            target.door.inside(["bash", "-c", KILL])
            started = time.monotonic()
            wait_for_login(address, key=target.key, host_keys=host_keys, timeout=PATIENCE).close()
            seconds.append(time.monotonic() - started)
            ended = ended or _why_ended(session)
        time.sleep(3 * TICK)
        return Seen(tuple(seconds), ended, (before, _counted(target.door, file)))


def _refuse_unkept(door: Door) -> None:
    try:
        door.inside(["bash", "-c", KEPT])
    except EngineError:
        raise Skip("nothing in this container would start sshd again: killing it could end everything else") from None


def _why_ended(session: Session) -> str:
    try:
        session.run("true")
    except SshError as error:
        return error.message
    return ""


@contextlib.contextmanager
def _job(session: Session, door: Door) -> Iterator[str]:
    """A program that somebody started over SSH and left running; yields the file that it counts in."""
    file = f"/tmp/.composegen-{secrets.token_hex(8)}"
    started = session.run(f"sh -c {shlex.quote(START.format(count=shlex.quote(COUNT.format(file=file, tick=TICK))))}")
    try:
        yield file
    finally:
        door.inside(["sh", "-c", f"kill {int(started.stdout)}; rm -f {file}"])


def _counted(door: Door, file: str) -> int:
    """0 where it has not begun."""
    return int(door.inside(["sh", "-c", f"cat {file} 2>/dev/null || true"]).strip() or 0)
