"""The life of a container after `up`: one command each, every one of them through the guard that keeps folders apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from composegen.cli import place

if TYPE_CHECKING:
    from composegen.engine import DockerEngine
    from composegen.folder import Folder
    from composegen.up.status import Status

VOLUMES = typer.Option(False, "--volumes", help="Remove host keys and IDE backends as well.")


def register(app: typer.Typer) -> None:
    app.command("status")(status)
    app.command("down")(down)
    app.command("rm")(rm)
    app.command("build")(build)
    app.command("pull")(pull)
    app.command("start")(start)
    app.command("stop")(stop)
    app.command("restart")(restart)
    app.command("ps")(ps)
    app.command("logs")(logs)
    app.command("exec", cls=place.WithCommand)(exec_)
    app.command("ssh", cls=place.WithCommand)(ssh)


def status(
    directory: Path = place.DIR,
    write: bool = typer.Option(False, "--write", help="Add what was installed by hand to apt.txt and requirements.txt."),
    as_json: bool = place.JSON,
) -> None:
    """Say how the container is, and what was installed in it by hand. Exit code 1 when it is not running.

    Example: composegen status --json
    """
    from composegen.up.status import status as find
    from composegen.up.status import write_down

    folder, engine = place.own(directory)
    found = find(folder, engine)
    if as_json:
        print(json.dumps(found.to_json(), indent=2))
    else:
        print("\n".join(_status_lines(found)))
    if found.installed and (write or (not as_json and place.asks() and place.confirm("Write them down, for the next build?"))):
        place.say(f"added to {', '.join(write_down(folder, found.installed)) or 'nothing: all of them are written down'}")
    elif found.installed and not as_json:
        place.say("creating the container anew loses them: `composegen status --write` adds them to apt.txt and requirements.txt")
    if not found.running:
        raise typer.Exit(1)


def _status_lines(found: Status) -> list[str]:
    rows = {
        "container": found.in_words,
        "since": found.since,
        "ssh": str(found.address),
        "image": found.image,
        "python": found.interpreter,
        "build": f"needed: {found.needs_build}" if found.needs_build else "",
        "gpu": "; ".join(f"{each.index} {each.in_words()}" for each in found.gpus),
        "trouble": "\n             ".join((found.gpu_trouble.title, *found.gpu_trouble.fix)) if found.gpu_trouble else "",
        "by hand": ", ".join(found.installed),
        "up": f"would create it anew: {found.needs_recreate}" if found.needs_recreate else "",
    }
    return [found.project, *(f"  {name:10} {value}" for name, value in rows.items() if value)]


def down(directory: Path = place.DIR, volumes: bool = VOLUMES, grace: str = place.GRACE, dry_run: bool = place.DRY_RUN) -> None:
    """Remove the container and its network; images and code stay, volumes too unless asked.

    Example: composegen down --volumes
    """
    folder, engine = place.own(directory)
    kept = engine.volumes()
    if volumes and kept:
        _refuse_others_volumes(folder, engine)
    from composegen.up import alias

    going = [f"container and network of '{engine.project}'", *(f"volume {name}" for name in kept if volumes)]
    if dry_run:
        going += [f"alias composegen-{engine.project}"] if alias.is_there(engine.project) else []
        print("\n".join(f"would remove {each}" for each in going))
        return
    there = engine.container() is not None or (volumes and kept)
    engine.down(volumes=volumes, seconds=_whole(grace))
    gone = [f"alias composegen-{engine.project}"] if alias.withdraw(engine.project, place.say) else []
    if not there:
        place.say(f"there is no container '{engine.project}'")
    if removed := [*(going if there else []), *gone]:
        place.say(f"removed {', '.join(removed)}")
    if kept and not volumes:
        place.say(f"kept {', '.join(kept)}: `composegen down --volumes` removes them as well")


def _refuse_others_volumes(folder: Folder, engine: DockerEngine) -> None:
    """Volumes do not say whose they are: without a container, only this person's memory of an earlier `up` here does."""
    from composegen.engine.memory import recall
    from composegen.errors import EngineError

    if engine.container() is None and recall(folder.path).project != engine.project:
        raise EngineError(
            f"the volumes of '{engine.project}' may be another folder's: composegen never started a container here",
            hint=f"if they are yours: docker volume rm {' '.join(engine.volumes())}",
        )


def rm(directory: Path = place.DIR, volumes: bool = VOLUMES, grace: str = place.GRACE, dry_run: bool = place.DRY_RUN) -> None:
    """The same as `down`.

    Example: composegen rm
    """
    down(directory, volumes, grace, dry_run)


def build(
    directory: Path = place.DIR,
    no_cache: bool = typer.Option(False, "--no-cache", help="Run every step again."),
    dry_run: bool = place.DRY_RUN,
) -> None:
    """Build the image, whether or not anything changed.

    BuildKit uses what it has cached.

    Example: composegen build --no-cache
    """
    from composegen import up as journey

    folder, engine = place.with_env(*place.own(directory)) if not dry_run else place.own(directory)
    if dry_run:
        print(f"would build {engine.project}-dev from {folder.path / 'Dockerfile'}")
        return
    place.say(journey.build(folder, engine, place.talk(), fresh=no_cache))


def pull(directory: Path = place.DIR, dry_run: bool = place.DRY_RUN) -> None:
    """Fetch the newest base image of that name; the next `up` builds on it.

    Example: composegen pull
    """
    from composegen.engine.inputs import base_image
    from composegen.errors import EngineError

    folder, engine = place.own(directory)
    image = base_image(folder.path, folder.settings.to_variables())
    if not image:
        raise EngineError(
            "compose.yaml does not say its base image as composegen writes it", hint="`docker pull IMAGE` fetches one"
        )
    if dry_run:
        print(f"would pull {image}")
        return
    if engine.only_here(image):
        place.say(f"{image} was made on this machine and is in no registry: it is used as it is")
        return
    engine.refuse_silent_registry(image)
    engine.pull(image)


def start(directory: Path = place.DIR, timeout: str = place.TIMEOUT, dry_run: bool = place.DRY_RUN) -> None:
    """Start the container that was stopped, and wait until SSH lets in. One that lost its GPU is created anew, after asking.

    Example: composegen start
    """
    _awaited(directory, timeout, "start", dry_run=dry_run)


def stop(directory: Path = place.DIR, grace: str = place.GRACE, dry_run: bool = place.DRY_RUN) -> None:
    """Stop the container; what is in it stays.

    Example: composegen stop
    """
    _, engine = place.own(directory, existing=True)
    if dry_run:
        print(f"would stop '{engine.project}'")
        return
    engine.stop(seconds=_whole(grace))
    place.say(f"'{engine.project}' is stopped")


def restart(
    directory: Path = place.DIR, grace: str = place.GRACE, timeout: str = place.TIMEOUT, dry_run: bool = place.DRY_RUN
) -> None:
    """Stop the container, start it again, and wait until SSH lets in; what is in it stays.

    Example: composegen restart
    """
    _awaited(directory, timeout, "restart", lambda engine: engine.restart(seconds=_whole(grace)), dry_run=dry_run)


def _awaited(directory: Path, timeout: str, verb: str, act: Callable[[DockerEngine], None] | None = None, *, dry_run: bool) -> None:
    """`act`, else what `start` means, and then wait until somebody can log in."""
    folder, engine = place.own(directory, existing=True)
    if dry_run:
        print(f"would {verb} '{engine.project}'")
        return
    from composegen import up as journey

    options, talk = journey.Options(timeout=place.seconds(timeout, "--timeout")), place.talk()
    if act is None:
        journey.start(folder, engine, options, talk)
    else:
        act(engine)
        journey.wait_until_ready(folder, engine, options, talk)
    place.say(f"'{engine.project}' is running and lets you in")


def _whole(grace: str | None) -> int | None:
    """Docker counts this in whole seconds; None leaves it to the container's own."""
    return None if grace is None else round(place.seconds(grace, "--grace"))


def ps(directory: Path = place.DIR) -> None:
    """Show the folder's containers, as `docker compose ps --all` does.

    Example: composegen ps
    """
    _, engine = place.own(directory)
    raise typer.Exit(engine.ps())


def logs(
    directory: Path = place.DIR,
    follow: bool = typer.Option(False, "--follow", "-f", help="Go on showing what comes."),
    tail: str = typer.Option("all", "--tail", "-n", help="Lines from the end."),
    timestamps: bool = typer.Option(False, "--timestamps", "-t", help="With the time of each line."),
) -> None:
    """Show what the container said.

    Example: composegen logs --tail 20 -f
    """
    _, engine = place.own(directory)
    flags = [flag for flag, wanted in (("--follow", follow), ("--timestamps", timestamps)) if wanted]
    raise typer.Exit(engine.logs([*flags, "--tail", tail]))


def exec_(context: typer.Context, directory: Path = place.DIR) -> None:
    """Run a command in the container as root, past SSH; bash by default. Its exit code is passed on.

    Example: composegen exec -- tail -n 5 /etc/hosts
    """
    _, engine = place.own(directory, existing=True)
    raise typer.Exit(engine.exec(context.meta[place.COMMAND] or ["bash"]))


def ssh(context: typer.Context, directory: Path = place.DIR) -> None:
    """Log in with the real OpenSSH client: the right user, port, key and known host. The exit code is passed on.

    Example: composegen ssh mindspore -- nvidia-smi
    """
    from composegen import up as journey

    folder, engine = place.own(directory, existing=True)
    raise typer.Exit(journey.log_in_with_openssh(folder, engine, context.meta[place.COMMAND], place.talk()))
