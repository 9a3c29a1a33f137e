"""Who gets in and who does not."""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from pathlib import Path

from composegen.errors import HostKeyChanged, LoginRefused, NotReachable, SshError
from composegen.smoke.probe import LOGIN_TIMEOUT, Fail, Found, Skip, Visit
from composegen.ssh import connect, keys, login_methods, read_banner, read_offer

WRONG_PASSWORD = "composegen-tries-a-wrong-password"
UNKNOWN_USER = "composegen-nobody"
# SHA-1 (plain `ssh-rsa` signs with it), MD5, CBC, and ciphers of another age, by the names they have in SSH.
WEAK = re.compile(r"sha1|md5|^ssh-rsa|dss|cbc|arcfour|3des|^none$")


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


def refused_empty(visit: Visit) -> Found:
    return _refused(visit, "an empty password", password="")


def refused_keyboard(visit: Visit) -> Found:
    """The other way to hand over a password (keyboard-interactive), which is configured apart."""
    return _refused(visit, "a wrong answer to a prompt", answer=WRONG_PASSWORD)


def refused_unknown(visit: Visit) -> Found:
    """The key alone lets nobody in under a name that the container does not know."""
    return _refused(visit, "an unknown user with the right key", user=UNKNOWN_USER, key=visit.target.key)


def refused_anonymous(visit: Visit) -> Found:
    return _refused(visit, "no credentials")


def _refused(
    visit: Visit, what: str, *, user: str = "", key: Path | None = None, password: str | None = None, answer: str | None = None
) -> Found:
    """`what` does not get in. Raises Fail: it does. Skip: nobody answers, which is another probe's finding."""
    address = replace(visit.target.address, user=user or visit.target.address.user)
    try:
        connect(address, key=key, password=password, answer=answer, host_keys=visit.host_keys, timeout=LOGIN_TIMEOUT).close()
    except LoginRefused as error:
        return Found(f"{what} does not get in" + (f" ({error.hint})" if error.hint else ""))
    except SshError as error:
        raise visit.no_connection(error) from None
    raise Fail(f"{what} gets in as {address.user}", hint="look at PermitEmptyPasswords and at the authorized keys")


def cipher_floor(visit: Visit) -> Found:
    """Nothing that the server offers is weak, so that no client and nobody in between can choose it."""
    try:
        offer = read_offer(visit.target.address, timeout=LOGIN_TIMEOUT)
    except NotReachable as error:
        raise visit.no_connection(error) from None
    data = {name: list(getattr(offer, name)) for name in ("key_exchanges", "host_keys", "ciphers", "macs")}
    if weak := [name for name in offer.names if WEAK.search(name)]:
        hint = "container/sshd_config: KexAlgorithms, HostKeyAlgorithms, Ciphers and MACs say what sshd offers; then rebuild"
        raise Fail(f"the server offers {', '.join(weak)}", hint=hint, data={**data, "weak": weak})
    best = ", ".join(names[0] for names in (offer.key_exchanges, offer.ciphers) if names)
    return Found(f"{len(offer.names)} algorithms, none of them weak; first choice {best}", data)


def forward(visit: Visit) -> Found:
    """A forwarded TCP channel, which IDEs reach their backends through; sshd itself is at its other end."""
    with visit.session.channel("127.0.0.1", 22) as channel:
        said = channel.receive(64)
    if not said.startswith(b"SSH-2.0-"):
        raise Fail(f"port 22 of the container says {said!r} through a forward", hint="sshd_config: AllowTcpForwarding yes")
    return Found("127.0.0.1:22 of the container, through a TCP forward")
