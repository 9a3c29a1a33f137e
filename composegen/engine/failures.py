"""What is raised where an engine command failed. Why it failed is told from its words by `composegen.doctor`, above this room."""

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

_ABSENT = re.compile(r"no such (container|image|object)|could not find the file", re.IGNORECASE)
# 409 is Conflict, for a container that ended after the engine had looked: https://docs.docker.com/reference/api/engine/version/v1.51/
_NOT_RUNNING = re.compile(r"is restarting|is not running|unable to upgrade to tcp, received 409")


def failure(argv: Sequence[str], status: int, output: str, *, directory: Path | None = None, shown: bool = False) -> CommandFailed:
    """The error for a command that ended with `status` and said `output`.

    `directory` is where it ran; `shown` says the user has already seen the output, so that it is not repeated.
    """
    said = [line.strip() for line in output.strip().splitlines() if line.strip()]
    what = f"`{' '.join(_subcommand(argv))}` failed" + (f": {said[-1]}" if said and not shown and len(said[-1]) < 200 else "")
    error = CommandFailed(what, argv=argv, output=output, status=status if status > 0 else 1, shown=shown)
    if directory is not None and directory != Path.cwd():
        error.command = f"cd {quote(str(directory))} && {error.command}"
    return error


def only_absent(output: str) -> bool:
    """Whether a command failed only because there is no container, image or file of that name; wordings of Docker 23 to 29."""
    return bool(_ABSENT.search(output))


def not_running(output: str) -> bool:
    """Whether a command failed because the container does not run, or is between two tries to."""
    return bool(_NOT_RUNNING.search(output))


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
