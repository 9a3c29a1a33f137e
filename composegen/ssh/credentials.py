"""Keys and the password that `.env` names: refused before a container is made of them, for sshd would pass over them in silence."""

from __future__ import annotations

from collections.abc import Sequence

from composegen import passwords
from composegen.errors import UsageError
from composegen.model import Settings
from composegen.ssh.public_key import holds_private_key, says_something, with_options

KEYS = "SSH_AUTHORIZED_KEYS"
PASSWORD = "SSH_PASSWORD"


def refuse_unusable(settings: Settings) -> None:
    """Raises UsageError, which quotes no secret: a key or password that nobody can use, or a password that others would guess."""
    _refuse_unusable_keys(settings.authorized_keys)
    try:
        passwords.refuse_unusable(settings.password)
        passwords.refuse_weak(settings.password, settings.bind, known=(settings.user, settings.project_name))
    except UsageError as error:
        raise UsageError(f"{PASSWORD}: {error.message}", hint=error.hint) from None


def _refuse_unusable_keys(lines: Sequence[str]) -> None:
    for number, line in enumerate(lines, 1):
        if not says_something(line):
            continue
        try:
            with_options(line, source=f"{KEYS}, line {number}")
        except UsageError as error:
            private = holds_private_key("\n".join(lines))
            message = f"{KEYS} holds a private key, which must stay where it is" if private else error.message
            hint = "put its public half there instead" if private else f"mend it in .env; {error.hint}"
            raise UsageError(message, hint=hint) from None
