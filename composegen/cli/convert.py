"""`composegen convert`: a `docker run` line into Compose, or into a folder; and back."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand

from composegen.cli import place
from composegen.errors import UsageError

if TYPE_CHECKING:
    from composegen.convert import Converted, Note

LINE = "composegen.line"  # where the words of a line are kept that a shell has split already
BEGINS_LINE = ("--", "docker", "podman", "nvidia-docker", "sudo")


class Line(TyperCommand):
    """What stands behind `--`, or from `docker` on, is the line and none of our own options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        start = next((number for number, word in enumerate(args) if word in BEGINS_LINE), len(args))
        ctx.meta[LINE] = args[start:][args[start : start + 1] == ["--"] :]
        return super().parse_args(ctx, args[:start])

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- docker run ...]"]


def register(app: typer.Typer) -> None:
    app.command("convert", cls=Line)(convert)


def convert(
    ctx: typer.Context,
    line: str = typer.Argument(
        "-", metavar='["docker run ..."|FILE]', help="The line, or a file with lines; `-`, or nothing, is standard input."
    ),
    output: Path | None = typer.Option(None, "--output", metavar="DIR", help="Write a folder with SSH in it, as `init` does."),
    keep_runtime: bool = typer.Option(False, "--keep-runtime", help="Keep `runtime: nvidia` instead of a GPU reservation."),
    to_run: bool = typer.Option(False, "--to-run", help="The other way: print the `docker run` lines of a compose file."),
    service: str = typer.Option("", "--service", metavar="NAME", help="With --to-run: of this service alone."),
    key: list[Path] = typer.Option([], metavar="FILE", help="With --output: public key that may log in. Repeatable."),
    catalogue: list[Path] = place.CATALOGUE,
    dry_run: bool = typer.Option(False, "--dry-run", help="With --output: show the diff and write nothing."),
    as_json: bool = place.JSON,
) -> None:
    """Turn a `docker run` line into Compose, or into a folder with SSH; and back.

    The result is on standard output, what there is to say of it on standard error. Several lines become several services.

    Example: composegen convert "docker run -d -p 8080:80 -v data:/data --name web nginx"

    Example: composegen convert --output work "docker run --gpus all -v $PWD:/home/code pytorch/pytorch"

    Example: composegen convert --to-run compose.yaml
    """
    words: list[str] = ctx.meta[LINE]
    if to_run:
        return _back(words[0] if words else line, service, as_json=as_json)
    from composegen import convert as room

    converted = room.convert(words or _text(line), keep_runtime=keep_runtime)
    if output is not None:
        return _folder(converted, output, key, catalogue, dry_run=dry_run, as_json=as_json)
    if as_json:
        print(json.dumps(converted.to_json(), indent=2, ensure_ascii=False))
    else:
        print(converted.text, end="")
        _tell(converted.notes)
    return None


def _text(given: str) -> str:
    """The lines themselves. Raises UsageError: there is no such file, or it is no text."""
    if not given.strip():
        raise UsageError("there is no line to convert", hint='for example "docker run -p 80:80 nginx"')
    if given == "-":
        if sys.stdin.isatty():
            print("Paste the line, then Ctrl-D on a line of its own.", file=sys.stderr)
        read, name = sys.stdin.buffer.read, "standard input"
    elif re.search(r"\s", given) or given in ("docker", "podman"):
        return given
    else:
        read, name = Path(given).read_bytes, f"'{given}'"
    try:
        return read().decode()
    except OSError as error:
        hint = 'give a file, or a whole line in quotes: "docker run -p 80:80 nginx"'
        raise UsageError(f"cannot read {name}: {error.strerror}", hint=hint) from None
    except UnicodeDecodeError:
        raise UsageError(f"{name} is no text in UTF-8", hint="give the line itself, in quotes") from None


def _tell(notes: Iterable[Note]) -> None:
    for note in notes:
        print(f"{'note' if note.kind == 'dropped' else 'warning'}: {note}", file=sys.stderr)


def _back(file: str, service: str, *, as_json: bool) -> None:
    from composegen import convert as room
    from composegen.engine.config import resolved

    if not Path(file).is_file():
        raise UsageError(f"no file '{file}'", hint="give a compose file: composegen convert --to-run compose.yaml")
    found = room.lines(resolved(Path(file)), service)
    if as_json:
        print(json.dumps([each.to_json() for each in found], indent=2, ensure_ascii=False))
        return
    print("\n".join(map(str, found)))
    for each in found:
        _tell(each.notes)


def _folder(
    converted: Converted, directory: Path, keys: list[Path], catalogues: list[Path], *, dry_run: bool, as_json: bool
) -> None:
    from composegen import converting
    from composegen.cli.init import report
    from composegen.init import write

    prepared = converting.prepare(converted, directory, keys=keys, catalogues=catalogues, dry_run=dry_run)
    if not dry_run:
        write(prepared)
    report(prepared, dry_run=dry_run, as_json=as_json)
