"""The words of a failed engine command and what they mean. Data: adding a cause is adding a line.

Wordings from docker/cli, docker/compose and moby, versions 23 to 28; see tests/engine_room/test_failures.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from composegen.errors import CommandFailed, EngineError

MISSING = EngineError(
    "Docker is not installed: there is no `docker` on the PATH",
    hint="install Docker Engine with its Compose plugin: https://docs.docker.com/engine/install/",
)

# The engine cannot be used at all: (what it says, the fact, the hint).
REFUSALS: tuple[tuple[str, str, str], ...] = (
    (
        r"permission denied while trying to connect to the docker",
        "you may not use Docker's socket",
        "`sudo usermod -aG docker $USER`, then log in again",
    ),
    (
        r"cannot connect to the docker daemon|failed to connect to the docker api|error during connect",
        "Docker's daemon does not answer",
        "start it: `sudo systemctl start docker`, without systemd `sudo dockerd &`; `docker context ls` says where it is sought",
    ),
    (
        r"'compose' is not a docker command|unknown command: docker compose|unknown .*flag: .*Usage:\s+docker \[OPTIONS\] COMMAND",
        "Docker has no Compose plugin",
        "install docker-compose-plugin (Docker's packages) or docker-compose (Debian's), 2.24 or newer",
    ),
    (
        r"requires buildx|buildx component is missing|'buildx' is not a docker command|unknown command: docker buildx",
        "Docker has no BuildKit client (buildx), or one that is too old",
        "install docker-buildx-plugin (Docker's packages) or docker-buildx (Debian's)",
    ),
    (
        r"client version [\d.]+ is too (new|old)",
        "Docker's client and daemon are too far apart in age",
        "upgrade the older one; composegen needs Docker Engine 23 and Compose 2.24 or newer",
    ),
)

# The command failed for a reason we know: (what it says, the hint).
HINTS: tuple[tuple[str, str], ...] = (
    (
        r"could not select device driver|unknown or invalid runtime name: nvidia|unresolvable CDI devices|nvidia-container-cli",
        "install the NVIDIA Container Toolkit and restart Docker, or do without a GPU: `composegen init … --gpus none`",
    ),
    (r"port is already allocated|address already in use", "set another SSH_PORT in .env"),
    (r"cannot assign requested address", "SSH_BIND in .env must be an address of this host, such as 127.0.0.1 or 0.0.0.0"),
    (r"container name .* is already in use", "set another COMPOSE_PROJECT_NAME in .env"),
    (r"no space left on device", "`docker system df` shows what takes the room; `docker builder prune` frees old build cache"),
    (
        r"self[- ]signed certificate|CERTIFICATE_VERIFY_FAILED|certificate signed by unknown authority",
        "behind a TLS-inspecting proxy set CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt in .env",
    ),
    (
        r"failed to resolve source metadata.*(not found|denied|manifest unknown)|manifest for .* not found|pull access denied",
        "that base image is not in the registry, or not for you: look at BASE_IMAGE in .env and the image in the Dockerfile",
    ),
    (
        r"failed to resolve source metadata|failed to do request|lookup \S+.*no such host|TLS handshake timeout|i/o timeout",
        "the registry cannot be reached: mend network or proxy, or set BASE_IMAGE in .env to an image of `docker images`",
    ),
    (r"address pools have been fully subnetted|non-overlapping IPv4 address pool", "`docker network prune` frees unused networks"),
    (r"mounts denied|is not shared from the host", "share that folder in Docker Desktop's settings, under Resources, File sharing"),
    (r"failed to read .*\.env|unexpected character .* in variable", "mend .env: put values with $, # or spaces into single quotes"),
    (r"container \S+ is paused|cannot start a paused container", "`composegen start` lets it go on"),
    (
        r"usage: \S*composegen-entrypoint",
        "an older composegen wrote this container's files: `composegen update`, then `composegen up`",
    ),
    (r"container \S+ is (restarting|not running)", "`composegen logs` shows all it said, `composegen status` how it is"),
    (r"bind source path does not exist", "make that folder, or set another CODE_DIR in .env"),
)


def failure(argv: Sequence[str], status: int, output: str, *, directory: Path | None = None, shown: bool = False) -> EngineError:
    """The error for a command that ended with `status` and said `output`.

    `directory` is where it ran; `shown` says the user has already seen the output, so that it is not repeated.
    """
    for pattern, fact, hint in REFUSALS:
        if re.search(pattern, output, re.IGNORECASE | re.DOTALL):
            return EngineError(fact, hint=hint)
    known = next((hint for pattern, hint in HINTS if re.search(pattern, output, re.IGNORECASE | re.DOTALL)), None)
    said = [line.strip() for line in output.strip().splitlines() if line.strip()]
    what = f"`{' '.join(_subcommand(argv))}` failed" + (f": {said[-1]}" if said and not shown and len(said[-1]) < 200 else "")
    error = CommandFailed(what, argv=argv, output="" if shown else output, status=status if status > 0 else 1, hint=known)
    if directory is not None and directory != Path.cwd():
        error.command = f"cd {quote(str(directory))} && {error.command}"
    return error


def _subcommand(argv: Sequence[str]) -> list[str]:
    """`docker compose up`: the command without paths, options and arguments."""
    words = ["docker"]
    rest = iter(argv[1:])
    for word in rest:
        if word in ("--project-name", "--project-directory", "--file"):
            next(rest, None)
        elif word.startswith("-"):
            break
        else:
            words.append(word)
            if word != "compose":
                break
    return words
