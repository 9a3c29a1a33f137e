"""`composegen connect`: what an IDE needs to open the container, from here or from a laptop."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from composegen.cli import place
from composegen.errors import ComposegenError, UsageError

if TYPE_CHECKING:
    from composegen.folder import Folder
    from composegen.ssh.laptop import Laptop, Server
    from composegen.up.ways import Ways

PYCHARM = "pycharm"
USUAL = ("toolbox", "vscode")  # whose links `up` shows
ONLY_OURS = "only composegen's own gets in: `ssh-keygen` makes one of yours, SSH_AUTHORIZED_KEYS in .env lets it in"
NO_ALIAS = "which is not there: `composegen up --ssh-config` puts it into ~/.ssh/config"


def register(app: typer.Typer) -> None:
    app.command("connect")(connect)


def connect(
    words: list[str] = typer.Argument(
        None,
        metavar="[pycharm] [DIR]",
        help="pycharm: the fields of its SSH interpreter dialog. DIR: the folder; the current one by default.",
        show_default=False,
    ),
    ide: str | None = typer.Option(None, metavar="NAME", help="Only this one's link, for example vscode.", show_default=False),
    open_it: bool = typer.Option(False, "--open", help="Open the link of --ide on this machine."),
    laptop: bool = typer.Option(False, "--laptop", help="Only what to paste into a shell of the laptop that you came from."),
    server: str | None = typer.Option(
        None,
        metavar="[USER@]HOST[:PORT]",
        help="How the laptop reaches this machine; default: as you came in.",
        show_default=False,
    ),
    write_ide_config: bool = typer.Option(
        False,
        "--write-ide-config",
        help="Write the interpreter into the code folder, for VS Code and PyCharm; yours stays.",
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="With --write-ide-config: show the diff and write nothing."),
    as_json: bool = place.JSON,
) -> None:
    """Say what an IDE needs, here or on your laptop: links, address, interpreter.

    Example: composegen connect --ide vscode --open
    """
    from composegen.up import ways

    dialog, directory = _told_apart(words or [])
    _refuse_contradiction(ide, open_it=open_it)
    _refuse_beside(write_ide_config, dry_run=dry_run, others={"--ide": ide, "--laptop": laptop, PYCHARM: dialog})
    folder, engine = place.opened(directory)
    found = ways.look(folder, engine, _server(folder, server, needed=laptop))
    if write_ide_config:
        _write_ide_config(folder, found, dry_run=dry_run, as_json=as_json)
        return
    link = _link(found, ide) if ide else ""
    if as_json:
        print(json.dumps(found.to_json(), indent=2))
    elif laptop and found.laptop:
        _explain(found.laptop, folder.path)
        print(found.laptop.script, end="")
    elif dialog:
        print("\n".join(_dialog(found, folder)))
    else:
        print(link or "\n".join([*lines(found), *laptop_lines(found)]))
    if ide:
        _say_what_is_unconfirmed(ide)
        if found.alias in link and (note := _no_alias(found)):
            place.say(f"note: {note}")
    if open_it:
        _open(link)


def _told_apart(words: list[str]) -> tuple[bool, Path]:
    """Whether the dialog is meant, and DIR; a folder named pycharm is `./pycharm`. Raises UsageError: two folders."""
    dialog = bool(words) and words[0] == PYCHARM
    rest = words[1:] if dialog else words
    if len(rest) > 1:
        raise UsageError(f"one folder at a time, not {' and '.join(rest)}", hint="`composegen connect DIR`")
    return dialog, Path(rest[0]) if rest else Path()


def _refuse_contradiction(ide: str | None, *, open_it: bool) -> None:
    from composegen.ide import CLIENTS

    names = [client.name for client in CLIENTS]
    if ide is not None and ide not in names:
        raise UsageError.unknown("IDE", ide, names)
    if open_it and ide is None:
        raise UsageError("--open needs --ide, which says what to open", hint="for example --ide vscode --open")


def _refuse_beside(write: bool, *, dry_run: bool, others: Mapping[str, object]) -> None:
    if dry_run and not write:
        raise UsageError("--dry-run needs --write-ide-config: nothing else here writes", hint="leave it out")
    if write and (other := next((name for name, given in others.items() if given), "")):
        raise UsageError(f"--write-ide-config and {other} are two wishes", hint="one after the other")


def _write_ide_config(folder: Folder, found: Ways, *, dry_run: bool, as_json: bool) -> None:
    """Raises ComposegenError: no interpreter is known. FolderError: what is there cannot be read, or nothing can be written."""
    from composegen.up import ide_config

    config = ide_config.prepare(folder, found)
    plan = config.plan
    if not dry_run:
        ide_config.write(config)
    if as_json:
        told = {"path": str(plan.directory), "files": {each.path: each.kind for each in plan.changes}, "kept": list(config.kept)}
        print(json.dumps(told | ({"diff": plan.diff} if dry_run else {}), indent=2, ensure_ascii=False))
        return
    if dry_run:
        print(plan.diff or "nothing would change\n", end="")
    else:
        files = ", ".join(each.path for each in plan.pending)
        print(f"wrote in {plan.directory}: {files}" if files else f"{plan.directory} has it all: nothing to write")
    for line in config.kept:
        place.say(f"note: {line}")


def _server(folder: Folder, named: str | None, *, needed: bool) -> Server | None:
    """Raises UsageError: a laptop is meant, and nobody knows how it reaches this machine."""
    from composegen.ssh.laptop import Server
    from composegen.up import ways

    server = Server.named(named) if named is not None else ways.came_in_by(folder)
    if needed and server is None:
        hint = "add --server [USER@]HOST[:PORT], as you type it behind `ssh` on the laptop"
        raise UsageError("you did not come over SSH, or came by a tunnel: how does the laptop reach this machine?", hint=hint)
    return server


def _link(found: Ways, ide: str) -> str:
    """Raises ComposegenError: it has none."""
    if ide not in found.links:
        why = found.why_unseen or "no IDE has put one there"
        raise ComposegenError(f"there is no backend in the container: {why}", hint="`--ide gateway` installs one as it connects")
    return found.links[ide]


def _say_what_is_unconfirmed(ide: str) -> None:
    from composegen.ide import CLIENTS

    for client in CLIENTS:
        if client.name == ide and client.unconfirmed:
            place.say(f"note on {client.title}: {client.unconfirmed}")


def _open(link: str) -> None:
    from composegen.ide.opener import open_link

    open_link(link)


def lines(found: Ways, *, only: tuple[str, ...] = ()) -> list[str]:
    """How to connect: the way in, what is there, and the links of these IDEs, or of all."""
    connection, seen = found.connection, found.seen
    address = connection.address
    key = f"-i {shlex.quote(str(connection.only_key))} " if connection.only_key else ""
    version = f"   Python {seen.pythons.version}" if seen else ""
    rows = {
        "alias": connection.by_alias,
        "ssh": f"composegen ssh    or: ssh {key}-p {address.port} {address.user}@{address.host}",
        "host": f"{address.host}   port {address.port}   user {address.user}",
        "interpreter": f"{connection.interpreter}{version}" if connection.interpreter else "",
        "but" if connection.interpreter else "no interpreter": found.reason,
        "framework": found.framework if seen else "",
        "key": ONLY_OURS if key else "",
        "code": f"{connection.code} here is {found.place.project} there",
        **{name: link for name, link in found.links.items() if name in (only or found.links)},
        "note": _no_alias(found),
    }
    shown = {name: value for name, value in rows.items() if value}
    width = max(map(len, shown))
    state = "not ready" if found.why_unseen else "ready"
    return [f"{connection.project} is {state}:", *(f"  {name:{width}}  {value}" for name, value in shown.items())]


def _no_alias(found: Ways) -> str:
    """Empty: it works, or belongs on the laptop."""
    return "" if found.connection.alias or found.laptop else f"links go by the alias {found.alias}, {NO_ALIAS}"


def laptop_lines(found: Ways) -> list[str]:
    """What belongs on the laptop; nothing where the caller sits here."""
    if found.laptop is None:
        return []
    known = found.laptop.known_hosts.splitlines()
    return [
        "",
        "On your laptop, at the top of ~/.ssh/config (`composegen connect --laptop` gives one paste for all of it):",
        "",
        *found.laptop.config.splitlines(),
        *(["", "and this at the end of ~/.ssh/known_hosts:", "", *known] if known else []),
    ]


def _explain(laptop: Laptop, folder: Path) -> None:
    """On standard error, so that the block itself can be piped."""
    place.say("paste this into a shell of the laptop; on Windows into Git Bash, or put both parts into the files by hand")
    if not laptop.user_keys:
        place.say("note: the container lets in none of your laptop's keys yet; there, once:")
        add = shlex.quote(f"composegen ssh-keys add - {shlex.quote(str(folder))}")
        place.say(f"  {laptop.server.command} {add} <~/.ssh/id_ed25519.pub")


def _dialog(found: Ways, folder: Folder) -> list[str]:
    from composegen.ide.pycharm import GATEWAY_READS, dialog
    from composegen.ssh import keys

    connection = found.connection
    interpreter = connection.interpreter or f"not known: {found.reason}"
    if found.laptop:
        code, key = "your copy of the code on the laptop", None
    else:
        code, key = str(folder.code), keys.own_key()
    fields = dialog(found.place, interpreter, code, key)
    return [
        "PyCharm, Settings > Python > Interpreter > Add Interpreter > On SSH:",
        *(f"  {name:20} {value}" for name, value in fields.items()),
        GATEWAY_READS,
    ]
