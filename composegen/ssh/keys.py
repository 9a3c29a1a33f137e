"""SSH keys: composegen's own, those that the user offers, and those in a file. Private keys never leave their file.

Only making a key needs the cryptography package (0.1 s to import); reading public keys needs nothing.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from composegen.errors import SshError, UsageError
from composegen.ssh.public_key import PublicKey, parse_file, parse_line, valid_lines

__all__ = [
    "PublicKey",
    "bare",
    "config_directory",
    "fingerprint",
    "make",
    "offered",
    "own_key",
    "own_public_key",
    "read",
    "read_text",
]

OWN_KEY = "id_ed25519"
MAX_FILE = 16 * 2**20  # bytes; 10,000 RSA-4096 keys are 7.5 MB
AGENT_TIMEOUT = 3.0  # seconds; a locked or forwarded agent may never answer


def config_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_CONFIG_HOME/composegen`, else `~/.config/composegen`. A relative value is ignored, as the XDG specification says."""
    configured = environ.get("XDG_CONFIG_HOME", "")
    base = Path(configured) if Path(configured).is_absolute() else Path.home() / ".config"
    return base / "composegen"


def own_key() -> Path:
    """The path of composegen's own private key, made at the first call; two calls at once agree on one key.

    Raises SshError: it can be neither read nor made.
    """
    path = config_directory() / OWN_KEY
    if not path.exists():
        make(path)
    return path


def own_public_key() -> str:
    """`ssh-ed25519 AAAA… composegen@HOST`, the public half of `own_key`. Raises SshError like it."""
    path = own_key()
    try:
        return str(parse_line(_public(path).read_text(encoding="utf-8").strip(), source=str(path)))
    except (FileNotFoundError, UsageError):
        return _restore_public(path)
    except OSError as error:
        raise _cannot_use(path, error) from error


def make(path: Path) -> None:
    """Write a new ed25519 key pair to `path` (0600) and `path`.pub; a key that is there already stays.

    Raises SshError: the directory cannot be written.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    public = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as draft:
            new = Path(draft) / path.name
            new.touch(mode=0o600)
            new.write_bytes(pem)
            try:
                # Linking, unlike renaming, never replaces a key that another process made meanwhile.
                os.link(new, path)
            except FileExistsError:
                return
            new.unlink()
            new.write_bytes(public + f" composegen@{socket.gethostname()}\n".encode())
            new.replace(_public(path))
    except OSError as error:
        raise _cannot_use(path, error) from error


def _restore_public(path: Path) -> str:
    """Derive the public half again, where its file is missing or damaged."""
    from cryptography.hazmat.primitives import serialization

    try:
        private = serialization.load_ssh_private_key(path.read_bytes(), password=None)
        public = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        line = f"{public.decode()} composegen@{socket.gethostname()}"
        _public(path).write_text(f"{line}\n", encoding="utf-8")
    except OSError as error:
        raise _cannot_use(path, error) from error
    except ValueError as error:
        hint = "remove the file; composegen then makes another key"
        raise SshError(f"{path} is not a private key that composegen made", hint=hint) from error
    return line


def _public(path: Path) -> Path:
    return path.with_name(f"{path.name}.pub")


def _cannot_use(path: Path, error: OSError) -> SshError:
    return SshError(
        f"cannot use {path}: {error.strerror or error}",
        hint="composegen keeps its own key there; XDG_CONFIG_HOME chooses another directory",
    )


def bare(line: str) -> str:
    """A host key as `TYPE BASE64`, without its comment. Raises SshError: it is not a public key."""
    key = _host_key(line)
    return f"{key.type} {key.blob}"


def fingerprint(line: str) -> str:
    """`SHA256:…` of a host key. Raises SshError like `bare`."""
    return _host_key(line).fingerprint


def _host_key(line: str) -> PublicKey:
    try:
        return parse_line(line, source="the host key")
    except UsageError as error:
        raise SshError(error.message) from error


def read(path: Path) -> tuple[PublicKey, ...]:
    """Every public key in a file, in order and once.

    Raises UsageError: the file cannot be read, is too large, holds no key, a private key, or a line that is not a key sshd accepts.
    """
    try:
        file = path.expanduser()
    except RuntimeError:  # ~NAME, where there is no such person
        raise UsageError(f"cannot read the key file {path}: no such user", hint="--key takes a .pub file") from None
    try:
        # A named pipe that nobody writes to, or a terminal, would be waited for for ever.
        if file.exists() and not file.is_file() and not file.is_dir() and not _is_handed_over(file):
            raise UsageError(f"{path} is a pipe or device, not a key file", hint="--key takes a .pub file")
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE + 1)
    except OSError as error:
        raise UsageError(f"cannot read the key file {path}: {error.strerror or error}", hint="--key takes a .pub file") from None
    if len(content) > MAX_FILE:
        raise UsageError(f"{path} is too large for a key file", hint="--key takes a .pub file")
    return _once(parse_file(content, path))


def read_text(text: str, source: str) -> tuple[PublicKey, ...]:
    """Every public key in a text, as `read`. Raises UsageError like it, naming `source`."""
    return _once(parse_file(text.encode(errors="replace"), Path(source)))


def _is_handed_over(file: Path) -> bool:
    """Whether the shell opened it for this process: `--key /dev/stdin`, or `--key <(ssh-add -L)`."""
    return str(file) == "/dev/stdin" or str(file.parent) in ("/dev/fd", "/proc/self/fd")


def offered(environ: Mapping[str, str] = os.environ, home: Path | None = None) -> tuple[PublicKey, ...]:
    """The caller's public keys: the agent's, those in `~/.ssh`, and for a caller who came by SSH those that let them in here.

    What is unreadable, too weak, or restricted by options is left out. Never raises.
    """
    ssh = (home or Path.home()) / ".ssh"
    found = [*_agent_keys(environ)]
    for file in sorted(ssh.glob("*.pub")):
        found += valid_lines(_text(file), source=f"~/.ssh/{file.name}")
    if environ.get("SSH_CONNECTION"):
        found += valid_lines(_text(ssh / "authorized_keys"), source="~/.ssh/authorized_keys")
    return _once(found)


def _agent_keys(environ: Mapping[str, str]) -> list[PublicKey]:
    if not environ.get("SSH_AUTH_SOCK"):
        return []
    try:
        listed = subprocess.run(
            ["ssh-add", "-L"], env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, timeout=AGENT_TIMEOUT
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return valid_lines(listed.stdout.decode(errors="replace"), source="ssh-agent") if listed.returncode == 0 else []


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _once(found: Iterable[PublicKey]) -> tuple[PublicKey, ...]:
    return tuple({(key.type, key.blob): key for key in reversed(list(found))}.values())[::-1]
