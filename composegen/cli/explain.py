"""`composegen explain`: what an error text means."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

from composegen.cli import place
from composegen.errors import Told, UsageError

if TYPE_CHECKING:
    from io import BufferedReader

    from composegen.doctor import Match


def register(app: typer.Typer) -> None:
    app.command("explain", rich_help_panel="More")(explain)


def explain(
    file: str = typer.Argument("-", metavar="[FILE]", help="A file with the error text; `-`, or nothing, is standard input."),
    as_json: bool = place.JSON,
) -> None:
    """Read an error text, name the cause, print the fix.

    The text may be a whole log: of docker, compose, a build, ssh, sshd, an IDE or a framework. Exits with 1 when it names no known
    cause; nothing is ever guessed.

    Example: composegen explain build.log

    Example: docker compose up 2>&1 | composegen explain
    """
    from composegen import doctor, host

    with opened(file) as stream:
        found = doctor.explain(stream)
    systems = host.systems()
    if as_json:
        print(json.dumps({"matches": [as_object(match, systems) for match in found]}, indent=2, ensure_ascii=False))
    else:
        typer.echo("\n\n".join(in_words(match, systems) for match in found), nl=bool(found))
    if not found:
        raise Told(
            "no known cause is in that text",
            hint="give it all that was said, from the first error on; into a pipe that takes `2>&1`",
        )


@contextmanager
def opened(file: str) -> Iterator[BufferedReader]:
    """What is to be read, byte by byte. Raises UsageError: there is no such file."""
    if file == "-":
        if sys.stdin.isatty():
            print("Paste the error text, then Ctrl-D on a line of its own.", file=sys.stderr)
        yield cast("BufferedReader", sys.stdin.buffer)
        return
    try:
        stream = Path(file).open("rb")  # noqa: SIM115 closed below; only the opening may be explained as a wrong FILE
    except OSError as error:
        raise UsageError(f"cannot read '{file}': {error.strerror}", hint="give a file with the error text, or `-`") from None
    with stream:
        yield stream


def as_object(match: Match, systems: tuple[str, ...]) -> dict[str, object]:
    return {
        "cause": match.cause.id,
        "title": match.cause.title,
        "fix": list(match.cause.steps(systems)),
        "evidence": f"line {match.line}: {match.evidence}",
        "why": match.cause.why,
        "source": match.cause.source,
        "follows_from": list(match.follows_from),
    }


def in_words(match: Match, systems: tuple[str, ...]) -> str:
    cause = match.cause
    lines = [
        f"{typer.style(cause.title, bold=True)} [{cause.id}]",
        f"  line {match.line}: {match.evidence}",
        *([f"  follows from: {', '.join(match.follows_from)}"] if match.follows_from else []),
        f"  why: {cause.why}",
        "  fix:",
        *(f"    - {step}" for step in cause.steps(systems)),
        f"  more: {cause.source}",
    ]
    return "\n".join(lines)
