"""`composegen init`: write the folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from composegen.cli import place
from composegen.errors import UsageError

if TYPE_CHECKING:
    from composegen.init import Prepared, Request

SHOWN_NOTES = 5  # with the rest that makes twelve lines
VERBS = {
    "create": "wrote",
    "update": "updated",
    "merge": "merged with your edits:",
    "remove": "removed",
    "keep": "kept your edits of",
}


def register(app: typer.Typer) -> None:
    app.command("init")(init)


def init(
    stack: str = typer.Argument(..., metavar="STACK", help="What to run; `composegen stacks` lists them."),
    directory: Path | None = typer.Argument(None, metavar="[DIR]", help="Where to write; default ./STACK."),
    device: str | None = typer.Option(None, metavar="gpu|cpu|rocm|npu", help="Default: the stack's own."),
    version: str | None = typer.Option(None, metavar="VERSION", help="Of the framework, such as 2.6; latest: the newest known."),
    cuda: str | None = typer.Option(None, metavar="VERSION", help="CUDA of the image, such as 12.4."),
    flavour: str | None = typer.Option(
        None, metavar="NAME", help="Such as runtime, devel, jupyter; `composegen stacks NAME` lists them."
    ),
    base: str | None = typer.Option(None, metavar="IMAGE", help="Another base image."),
    name: str | None = typer.Option(None, metavar="NAME", help="Project and container name, verbatim; default FOLDER-USER."),
    port: str | None = typer.Option(None, metavar="PORT", help="Port of SSH on this machine; default 2222, or the next free one."),
    bind: str | None = typer.Option(None, metavar="ADDRESS", help="Address to publish SSH on; default 127.0.0.1."),
    code: str | None = typer.Option(None, metavar="DIR", help="Your code, mounted at /home/code; default code/ in the folder."),
    mount: list[str] = typer.Option([], metavar="SRC:DST", help="Mount more; repeatable."),
    env: list[str] = typer.Option(
        [], metavar="K=V|K", help="Variable of the container; K alone: its value is in .env. Repeatable."
    ),
    shm: str | None = typer.Option(
        None, metavar="host|ipc|SIZE", help="/dev/shm: the host's, the host's with ipc, or a size such as 8gb."
    ),
    gpus: str | None = typer.Option(
        None, metavar="all|none|auto|N|ID,ID", help="GPUs: all, none, what is offered here, how many free ones, or which."
    ),
    gpu_mode: str | None = typer.Option(
        None, metavar="deploy|runtime|cdi", help="How they are handed over: reservation, nvidia runtime, or CDI."
    ),
    user: str | None = typer.Option(None, metavar="root|NAME", help="Who logs in; default you."),
    forward_agent: bool | None = typer.Option(
        None,
        "--forward-agent/--no-forward-agent",
        help="Let your ssh-agent come along; default: what .env says, at first no.",
        show_default=False,
    ),
    key: list[Path] = typer.Option(
        [], metavar="FILE", help="Public key that may log in; default the agent's and yours. Repeatable."
    ),
    password: bool = typer.Option(False, "--password", help="Allow a password: asked for, or read from standard input."),
    supervision: str | None = typer.Option(None, "--init", metavar="supervisor|tini", help="What keeps sshd running."),
    sudo: bool | None = typer.Option(
        None, "--sudo/--no-sudo", help="Whether the login user has sudo; default no: root is a login of its own."
    ),
    apt: list[str] = typer.Option([], metavar="PKG", help="Debian package to add; repeatable."),
    pip: list[str] = typer.Option([], metavar="REQ", help="Python requirement to add; repeatable."),
    wheel: list[Path] = typer.Option([], metavar="FILE", help="Wheel to copy and install; repeatable."),
    service: list[str] = typer.Option(
        [], metavar="jupyter|tensorboard", help="Keep it running beside sshd, reachable by SSH forward; repeatable."
    ),
    devcontainer: bool | None = place.DEVCONTAINER,
    mirror: str | None = place.MIRROR,
    catalogue: list[Path] = place.CATALOGUE,
    dry_run: bool = typer.Option(False, "--dry-run", help="Show the diff and write nothing."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object on stdout."),
) -> None:
    """Write a folder of plain Docker files.

    Example: composegen init mindspore --port 2200 --key ~/.ssh/id_ed25519.pub
    """
    from composegen.init import Request, default_directory, prepare, write

    request = Request(
        stack,
        directory or default_directory(stack),
        device=device,
        version=version,
        cuda=cuda,
        flavour=flavour,
        base=base,
        init=supervision,
        sudo=sudo,
        shm=shm,
        mounts=tuple(mount),
        env=tuple(env),
        apt=tuple(apt),
        pip=tuple(pip),
        wheels=tuple(wheel),
        services=tuple(service),
        devcontainer=devcontainer,
        name=name,
        bind=bind,
        port=port,
        code=code,
        gpus=gpus,
        gpu_mode=gpu_mode,
        user=user,
        forward_agent=forward_agent,
        keys=tuple(key),
        password=_password() if password else None,
        mirror=mirror,
        catalogues=tuple(catalogue),
    )
    request, offer = _offered_repository(request, ask=not (as_json or dry_run))
    prepared = prepare(request, dry_run=dry_run)
    if not dry_run:
        write(prepared)
    report(prepared, dry_run=dry_run, as_json=as_json, repository=offer)


def report(prepared: Prepared, *, dry_run: bool, as_json: bool, repository: Path | None = None) -> None:
    """Say what was, or would be, written. Raises Told: some edits could not be merged."""
    if as_json:
        print(json.dumps(prepared.to_json() | ({"diff": prepared.plan.diff} if dry_run else {}), indent=2, ensure_ascii=False))
    elif dry_run:
        print(prepared.plan.diff or "nothing would change\n", end="")
    else:
        _tell(prepared, repository)
    prepared.plan.explain_conflicts()


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.read().removesuffix("\n").removesuffix("\r")
    from getpass import getpass

    first = getpass("Password for SSH: ")
    if first != getpass("Once more: "):
        raise UsageError("the two passwords differ", hint="type the same twice")
    return first


def _offered_repository(request: Request, *, ask: bool) -> tuple[Request, Path | None]:
    """On a terminal a new folder inside a git repository can mount that as code; elsewhere it is left at a hint."""
    from dataclasses import replace

    from composegen.init import repository_to_offer

    repository = repository_to_offer(request)
    if repository is None or not (ask and sys.stdin.isatty() and sys.stdout.isatty()):
        return request, repository
    answer = input(f"Mount the git repository {repository} as code instead of an empty folder? [y/N] ")
    return (replace(request, code=str(repository)), None) if answer.strip().lower() in ("y", "yes") else (request, None)


def _tell(prepared: Prepared, repository: Path | None) -> None:
    import shlex

    from composegen.init import key_names

    directory, settings = prepared.plan.directory, prepared.settings
    told = {kind: [change.path for change in prepared.plan.changes if change.kind == kind] for kind in VERBS}
    for kind, verb in VERBS.items():
        if told[kind]:
            print(f"{verb} {_files(directory, told[kind])}")
    if not prepared.plan.pending:
        print(f"{directory}/ is as it should be: nothing to write")
    print(f"  name  {settings.project_name}")
    print(f"  ssh   {settings.bind} port {settings.port}, user {settings.user}{', password set' if settings.password else ''}")
    print(f"  keys  {_shortened(key_names(settings)) or 'none'}")
    hint = [f"to mount the git repository as code: --code {shlex.quote(str(repository))}"] if repository else []
    notes = [*prepared.notes, *hint]
    for note in notes[:SHOWN_NOTES]:
        print(f"  note: {note}")
    if len(notes) > SHOWN_NOTES:
        print(f"  and {len(notes) - SHOWN_NOTES} more notes: --json has them all")
    where = "" if directory.resolve() == Path.cwd() else f"cd {shlex.quote(str(directory))} && "
    print(f"next: {where}composegen up")


def _files(directory: Path, paths: list[str]) -> str:
    return f"{directory}/{paths[0]}" if len(paths) == 1 else f"{directory}/: {_shortened(paths)}"


def _shortened(names: list[str] | tuple[str, ...], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
