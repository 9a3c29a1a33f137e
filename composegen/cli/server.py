"""`composegen ls` and `composegen clean`: an engine that several people share."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from composegen.cli import place
from composegen.errors import EngineError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from composegen.server import Leftover, Tenant

UNITS = ("B", "kB", "MB", "GB", "TB")


def register(app: typer.Typer) -> None:
    app.command("ls")(ls)
    app.command("clean", rich_help_panel="More")(clean)


def ls(as_json: bool = place.JSON) -> None:
    """List every composegen container on this engine, whoever's it is: owner, folder, stack, GPUs, port, disk, last login.

    Example: composegen ls
    """
    from composegen import server

    there = server.tenants()
    if as_json:
        print(json.dumps([each.to_json() for each in there], indent=2, ensure_ascii=False))
        return
    rows = [("NAME", "STATE", "OWNER", "STACK", "GPUS", "PORT", "DISK", "LAST LOGIN", "FOLDER"), *map(_row, there)]
    typer.echo("\n".join(_aligned(rows)) if there else "no container of composegen's is on this engine")


def clean(
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),
    build_cache: bool = typer.Option(False, "--build-cache", help="Also the unused build cache, which is everybody's."),
    dry_run: bool = place.DRY_RUN,
    as_json: bool = place.JSON,
) -> None:
    """Remove images and volumes of composegen's that are left over, after asking; never another user's.

    Left over is what no container uses and whose folder is gone, and an image that a later build took the name from. What may be
    somebody else's is listed, and stays.

    Example: composegen clean --dry-run
    """
    from composegen import host, server
    from composegen.engine.inventory import inventory

    found = server.leftovers(inventory(), host.user_name(host.caller(place.HERE).uid))
    chosen = [each for each in found if not each.kept or (build_cache and each.kind == "build cache")]
    if not as_json:
        lines = [_line("remove", each, each.why) for each in chosen]
        lines += [_line("keep", each, f"{each.why}; {each.kept}") for each in found if each not in chosen]
        typer.echo("\n".join(_aligned(lines)) if found else "nothing is left over")
    if not dry_run and chosen and not _agreed(chosen, yes):
        raise typer.Exit(1)
    removed = [] if dry_run else [each for each in chosen if _removed(each)]
    if as_json:
        shown = [{**each.to_json(), "removed": each in removed} for each in found]
        print(json.dumps({"leftovers": shown}, indent=2, ensure_ascii=False))
    elif chosen and not dry_run:
        typer.echo(f"removed {len(removed)} of {len(chosen)}, {size(sum(each.size or 0 for each in removed))}")
    if not dry_run and len(removed) < len(chosen):
        raise typer.Exit(1)


def _agreed(chosen: Sequence[Leftover], yes: bool) -> bool:
    """Raises UsageError: nobody has agreed, and nobody is there to ask."""
    if yes:
        return True
    if not place.asks():
        raise UsageError("`clean` asks before it removes, and nobody is at a terminal", hint="--yes agrees, --dry-run only lists")
    return place.confirm(f"Remove {len(chosen)} of these, {size(sum(each.size or 0 for each in chosen))}?")


def _removed(leftover: Leftover) -> bool:
    from composegen import server

    try:
        server.remove(leftover)
    except EngineError as error:
        place.say(f"{leftover.kind} {leftover.name} stays: {error.message}")
        return False
    return True


def _row(each: Tenant) -> tuple[str, ...]:
    return (
        each.name,
        each.state,
        each.owner,
        each.stack or "?",
        each.gpus or "-",
        f"{each.address or '0.0.0.0'}:{each.port}" if each.port else "-",
        size(each.disk),
        f"{datetime.fromisoformat(each.last_login).astimezone():%Y-%m-%d %H:%M}" if each.last_login else "-",
        f"{each.folder or '?'}{'' if each.folder_is_there or not each.folder else ' (gone)'}",
    )


def _line(verb: str, each: Leftover, why: str) -> tuple[str, ...]:
    return (verb, f"{each.kind} {each.name}".rstrip(), size(each.size), each.owner or "?", why)


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def size(number: int | None) -> str:
    """`1.2 GB` of a number of bytes; `?` where it is unknown."""
    if number is None:
        return "?"
    amount, unit = float(number), UNITS[0]
    for unit in UNITS:
        if amount < 1000 or unit == UNITS[-1]:
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == UNITS[0] or amount >= 100 else f"{amount:.1f} {unit}"
