"""Which passwords a login takes, and which are too easily guessed where others can try them.

The judge of that is zxcvbn (0.1 s to import, and only where a password meets an address that others reach): it knows common
passwords, words, names, dates, keyboard rows and repetitions, and says how many guesses an attacker needs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from composegen.errors import UsageError

# Both limits hold: PAM_MAX_RESP_SIZE of security/_pam_types.h, by which chpasswd reads, and CRYPT_MAX_PASSPHRASE_SIZE of crypt.h.
LONGEST = 511  # bytes
# zxcvbn's highest class. Nothing slows a guesser down here (one address for everybody behind the engine's proxy, so that none can
# be shut out): at 100 guesses a second this is three years.
ENOUGH = 10  # powers of ten
FIRST_TRIED = ("composegen", "docker", "mindspore", "pytorch", "tensorflow", "paddle", "nvidia", "cuda")  # in such a container
JUDGED = 72  # characters; zxcvbn takes no more


def refuse_unusable(text: str) -> None:
    """Raises UsageError, which does not quote it: no login takes this password."""
    if any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        raise UsageError("the password is not UTF-8 text", hint="use a terminal or a file in UTF-8")
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise UsageError("the password holds a line break or control character", hint="use printable characters on one line")
    if len(text.encode()) > LONGEST:
        raise UsageError(
            f"the password is {len(text.encode())} bytes long, and Linux takes {LONGEST} at most", hint="use a shorter one"
        )


def refuse_weak(text: str, address: str, *, known: Sequence[str] = ()) -> None:
    """A guessable password is fine on loopback only. `known` are words that an attacker tries first, such as the project's name.

    Raises UsageError: others can reach `address`, and it takes too few guesses.
    """
    if not text or is_loopback(address):
        return
    found = guesses(text, known)
    if found < ENOUGH:
        raise UsageError(
            f"the password is too weak for {address}, where others can try it: about 10^{found} guesses find it",
            hint="let a password manager make one (20 random characters), or keep 127.0.0.1, or use keys and no password",
        )


def guesses(text: str, known: Sequence[str] = ()) -> int:
    """How many guesses find it, as a power of ten, rounded down."""
    from zxcvbn import zxcvbn

    return math.floor(float(zxcvbn(text[:JUDGED], user_inputs=[*FIRST_TRIED, *known])["guesses_log10"]))


def is_loopback(address: str) -> bool:
    return address == "::1" or address.startswith("127.")
