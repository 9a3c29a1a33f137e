"""`composegen doctor`: is this host ready for this folder?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from composegen.cli import place

if TYPE_CHECKING:
    from composegen.doctor.examining import Diagnosis, Finding

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "skip": "bright_black"}
INDENT = " " * 20  # of what belongs under a detail


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(directory: Path = place.DIR, as_json: bool = place.JSON) -> None:
    """Say whether this host is ready for this folder, and what to do where it is not.

    Exits with 1 when a check fails; a warning does not. Outside a folder of composegen's it looks at engine and host alone.

    Example: composegen doctor
    """
    from composegen import diagnosis, doctor
    from composegen.folder import is_ours

    site = diagnosis.site_of(*place.opened(directory)) if is_ours(directory) or directory != Path() else None
    found = doctor.examine(site or diagnosis.bare_site(directory), doctor.CHECKS, _ignore if as_json else show)
    print(json.dumps(found.to_json(), indent=2, ensure_ascii=False) if as_json else summary(found))
    if not found.ok:
        raise typer.Exit(1)


def show(finding: Finding) -> None:
    first, *more = finding.detail.splitlines() or [""]
    typer.echo(f"{typer.style(f'{finding.status:4}', fg=COLOURS[finding.status])}  {finding.name:14}{first}".rstrip())
    for line in more:
        typer.echo(f"{INDENT}{line}")
    if finding.status in ("warn", "fail"):
        for line in finding.fix.splitlines():
            typer.echo(f"{INDENT}- {line}")


def summary(found: Diagnosis) -> str:
    statuses = [finding.status for finding in found.findings]
    return f"{statuses.count('ok')} ok, {statuses.count('warn')} warnings, {statuses.count('fail')} failed"


def _ignore(finding: Finding) -> None:
    pass
