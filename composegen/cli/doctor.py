"""`composegen doctor`: is this host ready for this folder?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from composegen.cli import place
from composegen.errors import ComposegenError, Told, UsageError

if TYPE_CHECKING:
    from composegen.doctor import Diagnosis, Finding, Site

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "skip": "bright_black"}
INDENT = " " * 20  # of what belongs under a detail


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(
    directory: Path = place.DIR,
    fix: bool = typer.Option(False, "--fix", help="Do what is safe, asking before each change, and look again."),
    yes: bool = typer.Option(False, "--yes", help="With --fix: agree to every change."),
    report: Path | None = typer.Option(
        None, metavar="FILE", help="Write versions, findings, .env and log to attach to a bug report; without secrets and names."
    ),
    as_json: bool = place.JSON,
) -> None:
    """Say whether this host is ready for this folder, and what to do where it is not.

    Exits with 1 when a check fails; a warning does not. Outside a folder of composegen's it looks at engine and host alone.

    Example: composegen doctor --fix
    """
    from composegen import diagnosis, doctor
    from composegen.doctor import report as reporting

    if yes and not fix:
        raise UsageError("--yes agrees to the changes of --fix, which is not given", hint="composegen doctor --fix --yes")
    if report:
        reporting.refuse_foreign(report)
    tell = _ignore if as_json else show
    site = diagnosis.site_at(directory)
    parts = doctor.begin(site, reporting.PARTS if report else ())
    found = doctor.examine(site, doctor.CHECKS, tell)
    done, refused = _mended(found, site, agreed=yes) if fix else ([], "")
    if done:
        if not as_json:
            print(f"{summary(found)}; after that:")
        site = diagnosis.site_at(directory)
        parts = doctor.begin(site, reporting.PARTS if report else ())
        found = doctor.examine(site, doctor.CHECKS, tell)
    if report:
        reporting.write(report, reporting.text(site, found, parts.result()))
        place.say(f"wrote {report}: look through it before you send it")
    shown = found.to_json() | ({"mended": done} if fix else {})
    print(json.dumps(shown, indent=2, ensure_ascii=False) if as_json else summary(found))
    if refused:
        raise Told(f"nobody is here to answer: {refused}", hint="nothing was changed; `--fix --yes` agrees to all")
    if not found.ok:
        raise typer.Exit(1)


def _mended(found: Diagnosis, site: Site, *, agreed: bool) -> tuple[list[str], str]:
    """What was done, and the first question that nobody was there to answer."""
    from composegen.cli.app import show as complain
    from composegen.mending import mends

    done: list[str] = []
    for mend in mends(found, site):
        if not agreed and not place.asks():
            return done, mend.question
        if agreed or place.confirm(mend.question):
            try:
                done.append(mend.do())
                place.say(done[-1])
            except ComposegenError as error:  # that one cannot be done keeps no other from it
                complain(error)
    return done, ""


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
