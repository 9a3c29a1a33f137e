"""Keys come and go while the container runs, and nobody else's key notices."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from composegen.errors import EngineError, LoginRefused, SshError
from composegen.smoke.probe import LOGIN_TIMEOUT, Fail, Found, Skip, Visit
from composegen.smoke.target import Door
from composegen.ssh import connect, keys

# What sshd reads. It is made from the lists of keys at every start and change, so that what is only here never stays for long.
AUTHORIZED_KEYS = "/etc/ssh/authorized_keys"
# Should nobody come back, the container forgets the key by itself.
ADD = """
    printf '%s\\n' "$1" >>{file}
    (sleep 30; {drop}) >/dev/null 2>&1 </dev/null &
"""
DROP = """if grep -qxF -- "$1" {file}; then
    new=$(mktemp {file}.XXXXXX) && {{ grep -vxF -- "$1" {file} >"$new"; chmod 644 "$new"; mv "$new" {file}; }}
fi"""


def key_renewal(visit: Visit) -> Found:
    """A temporary key lets in as soon as it is added and no longer once it is removed; the others are as they were."""
    door = visit.target.door
    if door is None:
        raise Skip("only the engine can bring a key in, and it is not to be asked")
    with tempfile.TemporaryDirectory(prefix="composegen-") as directory:
        temporary = Path(directory) / "id_ed25519"
        keys.make(temporary)
        try:
            before = _listed(door)
        except EngineError as error:
            raise Skip(f"the engine cannot be asked: {error.message}") from None
        with _added(door, keys.bare(temporary.with_suffix(".pub").read_text())):
            if not _lets_in(visit, temporary):
                raise Fail("a key that was added to the running container does not log in", hint=_HINT)
        if _lets_in(visit, temporary):
            raise Fail("a key that was removed from the running container still logs in", hint=_HINT)
        if _listed(door) != before:
            raise Fail(f"{AUTHORIZED_KEYS} has changed meanwhile", hint="did somebody else add or remove a key?")
    return Found("a temporary key got in once added, and not once removed; the others stayed", {"keys": len(before)})


_HINT = f"container/sshd_config: AuthorizedKeysFile names {AUTHORIZED_KEYS}"


def _listed(door: Door) -> list[str]:
    return door.inside(["cat", AUTHORIZED_KEYS]).splitlines()


@contextlib.contextmanager
def _added(door: Door, key: str) -> Iterator[None]:
    drop = DROP.format(file=AUTHORIZED_KEYS)
    try:
        door.inside(["sh", "-c", ADD.format(file=AUTHORIZED_KEYS, drop=drop), "sh", key])
        yield
    finally:
        door.inside(["sh", "-c", drop, "sh", key])


def _lets_in(visit: Visit, key: Path) -> bool:
    try:
        connect(visit.target.address, key=key, host_keys=visit.host_keys, timeout=LOGIN_TIMEOUT).close()
    except LoginRefused:
        return False
    except SshError as error:
        raise visit.no_connection(error) from None
    return True
