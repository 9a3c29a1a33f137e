"""Who gets in and who does not."""

from __future__ import annotations

import tempfile
from pathlib import Path

from composegen.errors import HostKeyChanged, LoginRefused, SshError
from composegen.smoke.probe import LOGIN_TIMEOUT, Fail, Found, Skip, Visit
from composegen.ssh import connect, keys, login_methods, read_banner

WRONG_PASSWORD = "composegen-tries-a-wrong-password"


def banner(visit: Visit) -> Found:
    return Found(read_banner(visit.target.address, timeout=LOGIN_TIMEOUT))


def host_key(visit: Visit) -> Found:
    """The server's key is the one that the container says it has."""
    if not visit.target.host_key:
        raise Skip("the container's own word on its host key is not known")
    expected = keys.bare(visit.target.host_key)
    fingerprint = keys.fingerprint(expected)
    try:
        shown = visit.login().host_key
    except LoginRefused:
        shown = expected  # it was verified before the login was refused
    except HostKeyChanged:
        raise
    except SshError as error:
        raise visit.no_connection(error) from None
    if shown != expected:
        raise Fail("the server shows another host key than the container has", hint="another container may have this port")
    return Found(f"{expected.split()[0]} {fingerprint}", {"fingerprint": fingerprint})


def login_key(visit: Visit) -> Found:
    try:
        visit.login()
    except LoginRefused as error:
        hint = f"{visit.target.key} is not among SSH_AUTHORIZED_KEYS in .env, or came there later; `composegen up` brings it in"
        raise Fail(error.message, hint=hint) from None
    return Found(f"as {visit.target.address.user}")


def login_password(visit: Visit) -> Found:
    """The password gets in; where none is set, the server takes none."""
    target = visit.target
    if target.password:
        connect(target.address, password=target.password, host_keys=visit.host_keys, timeout=LOGIN_TIMEOUT).close()
        return Found(f"as {target.address.user}")
    try:
        offered = login_methods(target.address, host_keys=visit.host_keys, timeout=LOGIN_TIMEOUT)
    except SshError as error:
        raise visit.no_connection(error) from None
    if "password" in offered or "keyboard-interactive" in offered:
        hint = "a password from an earlier start is still valid; re-creating the container ends that"
        raise Fail("SSH_PASSWORD is empty, yet the server takes passwords", hint=hint)
    return Found("none is set, and the server takes none")


def refused_key(visit: Visit) -> Found:
    with tempfile.TemporaryDirectory(prefix="composegen-") as directory:
        stranger = Path(directory) / "id_ed25519"
        keys.make(stranger)
        return _refused(visit, "a key that nobody allowed", key=stranger)


def refused_password(visit: Visit) -> Found:
    return _refused(visit, "a wrong password", password=WRONG_PASSWORD)


def refused_anonymous(visit: Visit) -> Found:
    return _refused(visit, "no credentials")


def _refused(visit: Visit, what: str, *, key: Path | None = None, password: str | None = None) -> Found:
    """`what` does not get in. Raises Fail: it does. Skip: nobody answers, which is another probe's finding."""
    try:
        connect(visit.target.address, key=key, password=password, host_keys=visit.host_keys, timeout=LOGIN_TIMEOUT).close()
    except LoginRefused as error:
        return Found(f"{what} does not get in" + (f" ({error.hint})" if error.hint else ""))
    except SshError as error:
        raise visit.no_connection(error) from None
    raise Fail(f"{what} gets in as {visit.target.address.user}", hint="look at PermitEmptyPasswords and at the authorized keys")


def forward(visit: Visit) -> Found:
    """A forwarded TCP channel, which IDEs reach their backends through; sshd itself is at its other end."""
    with visit.session.channel("127.0.0.1", 22) as channel:
        said = channel.receive(64)
    if not said.startswith(b"SSH-2.0-"):
        raise Fail(f"port 22 of the container says {said!r} through a forward", hint="sshd_config: AllowTcpForwarding yes")
    return Found("127.0.0.1:22 of the container, through a TCP forward")
