"""`composegen up`: from a folder to a container that lets you in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from composegen.cli import place
from composegen.cli.connect import USUAL, laptop_lines, lines
from composegen.cli.test import show
from composegen.errors import UsageError

if TYPE_CHECKING:
    from composegen.folder import Folder
    from composegen.up import Connection, Outcome


def register(app: typer.Typer) -> None:
    app.command("up")(up)


def up(
    directory: Path = place.DIR,
    timeout: str = place.TIMEOUT,
    build: bool = typer.Option(False, "--build", help="Ask BuildKit even where nothing changed."),
    recreate: bool = typer.Option(False, "--recreate", help="Make the container anew, whatever that loses."),
    adopt: bool = typer.Option(False, "--adopt", help="Use volumes of this name that another folder may have made."),
    rotate_host_keys: bool = typer.Option(False, "--rotate-host-keys", help="Renew the host keys; open sessions stay."),
    ssh_config: bool | None = typer.Option(
        None,
        "--ssh-config/--no-ssh-config",
        help="Give ~/.ssh/config a line, for `ssh composegen-NAME`; default: ask once. With no-: write no alias at all.",
        show_default=False,
    ),
    show_config: bool = typer.Option(False, "--print", help="Write no alias, print what belongs into ~/.ssh/config."),
    forward_agent: bool | None = typer.Option(
        None,
        "--forward-agent/--no-forward-agent",
        help="Let your ssh-agent come along; default: what .env says, at first no.",
        show_default=False,
    ),
    gpu_mode: str | None = typer.Option(
        None, metavar="deploy|runtime|cdi", help="How this machine hands GPUs over; default: what .env says, else the project."
    ),
    test: bool = typer.Option(True, "--test/--no-test", help="Run the smoke tests after a creation."),
    as_json: bool = place.JSON,
    dry_run: bool = place.DRY_RUN,
) -> None:
    """Build if needed, start, wait until SSH lets in, test, and say how to connect.

    Example: composegen up mindspore
    """
    from composegen.engine.inputs import base_image

    if show_config and ssh_config:
        raise UsageError("--print writes nothing, and --ssh-config does", hint="leave one of them out")
    patience = place.seconds(timeout, "--timeout")
    folder, engine = place.opened(directory)
    # The engine answers while Python imports what comes next; each takes about as long as the other.
    engine.ahead(base_image(folder.path, folder.settings.to_variables()))
    from composegen import up as journey

    options = journey.Options(
        timeout=patience,
        build=build,
        recreate=recreate,
        test=test,
        adopt=adopt,
        rotate_host_keys=rotate_host_keys,
        ssh_config=False if show_config else ssh_config,
    )
    folder, engine = place.with_env(folder, engine, dry_run=dry_run)
    folder, engine = place.with_forwarding(folder, engine, forward_agent, dry_run=dry_run)
    folder, engine = place.with_gpus(folder, engine, gpu_mode, dry_run=dry_run)
    if dry_run:
        foreseen = journey.foresee(folder, engine, options)
        said = [f"{name:10}{detail}" for name, detail in foreseen.items()]
        print(_foreseen_as_json(engine.project, foreseen) if as_json else "\n".join(said))
        return
    talk = place.talk() if as_json or show_config else place.talk(tell=show)
    outcome = journey.up(folder, engine, options, talk)
    block = {"ssh_config": journey.by_hand(outcome.connection, folder)} if show_config else {}
    if as_json:
        print(json.dumps(_as_json(outcome) | block, indent=2))
    else:
        # With --print nothing else is on standard output, so that it can go into a file.
        say = place.say if block else print
        say("\n".join(_lines(outcome.connection, folder)))
        print(*block.values(), end="")
    if not outcome.ok:
        raise typer.Exit(1)


def _lines(connection: Connection, folder: Folder) -> list[str]:
    """How to connect, from here and from a laptop."""
    from composegen.up import ways

    found = ways.ways(connection, folder, ways.came_in_by(folder))
    more = "  more IDEs    `composegen connect`"
    return [*lines(found, only=USUAL), more, *laptop_lines(found)]


def _foreseen_as_json(project: str, foreseen: dict[str, str]) -> str:
    steps = [{"name": name, "detail": detail} for name, detail in foreseen.items()]
    return json.dumps({"dry_run": True, "project": project, "steps": steps}, indent=2)


def _as_json(outcome: Outcome) -> dict[str, Any]:
    connection = outcome.connection
    return {
        "ok": outcome.ok,
        "project": connection.project,
        "host": connection.address.host,
        "port": connection.address.port,
        "user": connection.address.user,
        "alias": connection.alias or None,
        "interpreter": connection.interpreter or None,
        "steps": [
            {"name": result.name, "detail": result.detail, "seconds": round(result.seconds, 3)} for result in outcome.results
        ],
        "test": outcome.report.to_json() if outcome.report else None,
    }
