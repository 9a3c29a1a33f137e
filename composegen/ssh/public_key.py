"""Public keys as text: what a line of an authorized_keys file says, and why it is not a key where it is not."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from composegen.errors import UsageError

MIN_RSA_BITS = 2048  # ssh-audit fails less; OpenSSH itself refuses fewer than 1024 (RequiredRSASize)

# What sshd accepts as a key of a user: https://man.openbsd.org/sshd#AUTHORIZED_KEYS_FILE_FORMAT
TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
_FIELDS = {"ssh-ed25519": 2, "ssh-rsa": 3, "sk-ssh-ed25519@openssh.com": 3, "sk-ecdsa-sha2-nistp256@openssh.com": 4}
_ECDSA_FIELDS = 3
_PRIVATE = re.compile(r"BEGIN (?P<kind>[A-Z0-9 ]*)PRIVATE KEY|PuTTY-User-Key-File")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
# Options in front of a key hold no space outside of double quotes: https://man.openbsd.org/sshd#AUTHORIZED_KEYS_FILE_FORMAT
_OPTIONS = re.compile(r'((?:[^\s"]|"(?:\\.|[^"\\])*")+)\s+(\S.*)')
_OWN_BITS = {"ecdsa-sha2-nistp384": 384, "ecdsa-sha2-nistp521": 521}


@dataclass(frozen=True)
class PublicKey:
    """A public key; `str()` is its line in an authorized_keys file. `source` says where it was found."""

    type: str
    blob: str  # base64
    comment: str = ""
    source: str = field(default="", compare=False)

    @property
    def fingerprint(self) -> str:
        """`SHA256:…`, as `ssh-keygen -l` shows it."""
        digest = hashlib.sha256(base64.b64decode(self.blob)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    @property
    def bits(self) -> int:
        """As `ssh-keygen -l` shows it."""
        if self.type == "ssh-rsa":
            return _rsa_bits(list(_parts(base64.b64decode(self.blob))))
        return _OWN_BITS.get(self.type, 256)

    def __str__(self) -> str:
        return f"{self.type} {self.blob} {self.comment}".rstrip()


def parse_line(line: str, *, source: str) -> PublicKey:
    """The key in one line `TYPE BASE64 [COMMENT]`.

    Raises UsageError: it is none, or none that sshd accepts; the message names `source`.
    """
    kind, blob = _words(line)
    if problem := _problem(kind, blob):
        raise UsageError(f"{source}: {problem}", hint="a key is one line: ssh-ed25519 AAAA… comment")
    comment = " ".join(line.split()[2:])
    return PublicKey(kind, blob, _UNPRINTABLE.sub("", comment), source)


def with_options(line: str, *, source: str) -> tuple[str, PublicKey]:
    """The options in front of a key, such as `from="10.0.0.0/8"`, and the key; no options where there are none.

    Raises UsageError like `parse_line`.
    """
    options = _OPTIONS.match(line.strip())
    if options and options[1] not in TYPES and not _problem(*_words(options[2])):
        return options[1], parse_line(options[2], source=source)
    return "", parse_line(line, source=source)


def _words(line: str) -> tuple[str, str]:
    """The type and the base64 of a line, empty where it has fewer words."""
    kind, blob, *_ = [*line.split(), "", ""]
    return kind, blob


def parse_file(content: bytes, path: Path) -> Iterator[PublicKey]:
    """The keys of a file, line by line; comments and empty lines are passed over. `path` may be a name for what is none.

    Raises UsageError: as `parse_line`, with the line's number; or the file holds no key, or a private one.
    """
    text = content.decode("utf-8-sig", errors="replace")
    if private := _PRIVATE.search(text):
        raise _private_key(path, text, private["kind"] or "")
    if "BEGIN SSH2 PUBLIC KEY" in text or "BEGIN PUBLIC KEY" in text:
        form = "-m PKCS8 " if "BEGIN PUBLIC KEY" in text else ""
        raise UsageError(f"{path} is not in OpenSSH's format", hint=f"`ssh-keygen -i {form}-f {path}` converts it")
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if says_something(line)]
    if not lines:
        raise UsageError(f"{path} holds no key", hint="a key is one line: ssh-ed25519 AAAA… comment")
    for number, line in lines:
        yield parse_line(line, source=f"{path}, line {number}")


def valid_lines(text: str, *, source: str) -> list[PublicKey]:
    """The keys among the lines of a text; what is none is passed over."""
    return [parse_line(line, source=source) for line in text.splitlines() if says_something(line) and not _problem(*_words(line))]


def says_something(line: str) -> bool:
    """Whether a line of an authorized_keys file is more than a comment."""
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _problem(kind: str, blob: str) -> str:
    """Why these two words are not a key that sshd accepts; empty where they are."""
    if kind == "ssh-dss":
        return "DSA keys are too weak, and sshd refuses them since OpenSSH 7"
    if "-cert-" in kind:
        return "this is a certificate, not a key"
    if kind not in TYPES:
        options = (
            " (a key with options in front? SSH_AUTHORIZED_KEYS in .env takes it by hand)" if "=" in kind or "," in kind else ""
        )
        # A file of something else may hold secrets, so only what looks like a word of a key line is shown.
        word = f"'{kind}'" if re.fullmatch(r"[\w@.,=\"-]{1,40}", kind) else "its first word"
        return f"{word} is not a type of key{options}"
    try:
        parts = list(_parts(base64.b64decode(blob, validate=True)))
    except (binascii.Error, ValueError):
        return f"the text after {kind} is damaged or cut off"
    if len(parts) != _FIELDS.get(kind, _ECDSA_FIELDS) or parts[0] != kind.encode():
        return f"the text after {kind} is not such a key"
    if kind == "ssh-ed25519" and len(parts[1]) != 32:
        return f"the text after {kind} is not such a key"
    if kind == "ssh-rsa" and (bits := _rsa_bits(parts)) < MIN_RSA_BITS:
        return f"an RSA key of {bits} bits is too weak; {MIN_RSA_BITS} is the least, and ed25519 is better"
    return ""


def _rsa_bits(parts: list[bytes]) -> int:
    """The length of the modulus; a blob is type, exponent, modulus (RFC 4253, section 6.6)."""
    return int.from_bytes(parts[2], "big").bit_length()


def _parts(data: bytes) -> Iterator[bytes]:
    """The length-prefixed strings of RFC 4251, section 5. Raises ValueError: the data ends early."""
    while data:
        end = 4 + int.from_bytes(data[:4], "big")
        if len(data) < end:
            raise ValueError("cut off")
        yield data[4:end]
        data = data[end:]


def looks_like_a_key(text: str) -> bool:
    """Whether a word of a command line is meant as a key itself, not as the path of a file."""
    kind, space, _ = text.lstrip().partition(" ")
    return (bool(space) and kind.startswith(("ssh-", "ecdsa-", "sk-"))) or holds_private_key(text)


def holds_private_key(text: str) -> bool:
    """Whether a text has a private key in it, in any of the usual formats."""
    return bool(_PRIVATE.search(text))


def _private_key(path: Path, text: str, kind: str) -> UsageError:
    public = path.with_name(f"{path.name}.pub")
    locked = "ENCRYPTED" in text or (kind == "OPENSSH " and _openssh_is_encrypted(text))
    if public.exists():
        hint = f"give its public half: {public}"
    elif path.is_file():
        hint = f"`ssh-keygen -y -f {path} > {public}` writes its public half"
    else:
        hint = "give its public half, which is in the .pub file beside it"
    return UsageError(f"{path} is {'an encrypted' if locked else 'a'} private key, which must stay where it is", hint=hint)


def _openssh_is_encrypted(text: str) -> bool:
    """OpenSSH's PROTOCOL.key: magic, then the cipher's name, which is `none` in a key without passphrase."""
    body = "".join(line for line in text.splitlines() if line and not line.startswith("-----"))
    try:
        head = base64.b64decode(body[:64], validate=True)
    except (binascii.Error, ValueError):
        return False
    return not head.startswith(b"openssh-key-v1\0\0\0\0\4none")
