"""`composegen test`: does the running container do what it should, seen over SSH."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from composegen.cli import place
from composegen.errors import UsageError

if TYPE_CHECKING:
    from composegen.model import Finding, Report

COLOURS = {"ok": "green", "fail": "red", "skip": "yellow"}
INDENT = " " * 35  # of what belongs under a detail


def register(app: typer.Typer) -> None:
    app.command("test")(test)


def test(
    directory: Path = place.DIR,
    only: list[str] = typer.Option([], metavar="NAME", help="Only this probe or group; may be given several times."),
    without: list[str] = typer.Option([], metavar="NAME", help="All but this one: `--without framework`, `--without refused`."),
    chaos: bool = typer.Option(False, "--chaos", help="Afterwards kill the container's sshd five times: nobody's work may notice."),
    yes: bool = typer.Option(False, "--yes", help="Do not ask before --chaos."),
    junit: Path = typer.Option(None, metavar="FILE", help="Also write the findings as JUnit XML.", show_default=False),
    as_json: bool = place.JSON,
) -> None:
    """Test the running container over SSH: logins, interpreter, framework, GPU, files, forwarding, what IDEs need.

    Exits with 1 when a probe fails. A probe that cannot run here says why, and does not fail.

    Example: composegen test --without framework
    """
    from composegen import testing

    if junit and not junit.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {junit.absolute().parent} for --junit", hint="make it, or choose another one")
    folder, engine = place.opened(directory)
    if chaos:
        _agree_to_chaos(yes)
    tell = _ignore if as_json else show
    report = testing.run(folder, engine, only=only, without=without, chaos=chaos, tell=tell, say=place.say)
    if junit:
        _write_junit(junit, report, suite=folder.path.name)
    print(json.dumps(report.to_json(), indent=2) if as_json else summary(report))
    if not report.ok:
        raise typer.Exit(1)


def _agree_to_chaos(yes: bool) -> None:
    """Say what will happen. Raises UsageError: nobody has agreed, and nobody is there to ask. Exit: a person says no."""
    from composegen.smoke import chaos

    place.say(chaos.PLAN)
    if not yes and not place.asks():
        raise UsageError("--chaos asks first, and nobody is at a terminal", hint="--yes agrees")
    if not yes and not place.confirm("Go on?"):
        raise typer.Exit(1)


def show(finding: Finding) -> None:
    """One line of the table, or several where a probe has much to say."""
    first, *more = finding.detail.splitlines() or [""]
    outcome = typer.style(f"{finding.outcome:4}", fg=COLOURS[finding.outcome])
    typer.echo(f"{outcome}  {finding.name:18}{finding.seconds:8.2f} s  {first}".rstrip())
    for line in more:
        typer.echo(f"{INDENT}{line}")
    if finding.hint:
        label = "hint" if finding.outcome == "fail" else "note"
        typer.echo(f"{INDENT}{label}: " + f"\n{INDENT}      ".join(finding.hint.splitlines()))


def summary(report: Report) -> str:
    outcomes = [finding.outcome for finding in report.findings]
    ok, failed, skipped = outcomes.count("ok"), outcomes.count("fail"), outcomes.count("skip")
    return f"{ok} ok, {failed} failed, {skipped} skipped in {report.seconds:.1f} s"


def _ignore(finding: Finding) -> None:
    pass


def _write_junit(path: Path, report: Report, *, suite: str) -> None:
    from composegen.smoke.junit import junit

    try:
        path.write_text(junit(report, suite=suite), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", hint="choose another file with --junit") from None
