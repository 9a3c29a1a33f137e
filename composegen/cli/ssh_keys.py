"""`composegen ssh-keys`: who may log in, changed without a rebuild, a re-creation or a restart."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from composegen.cli import place
from composegen.errors import ComposegenError, Told, UsageError

if TYPE_CHECKING:
    from composegen.engine import DockerEngine
    from composegen.folder import Folder
    from composegen.ssh.keys import PublicKey
    from composegen.up.authorized import Change, Entry, Outcome

ACTIONS = ("list", "add", "remove")
STDIN = "-"


def register(app: typer.Typer) -> None:
    app.command("ssh-keys")(ssh_keys)


def ssh_keys(
    action: str = typer.Argument("list", metavar="[list|add|remove]", show_default=False, help="What to do; list by default."),
    words: list[str] = typer.Argument(
        None,
        metavar="[KEY]... [DIR]",
        help="add: files of public keys, a key in quotes, or - for standard input. "
        "remove: numbers of the list, fingerprints, comments or files. A word that is a folder is DIR.",
        show_default=False,
    ),
    key: list[str] = typer.Option([], "--key", metavar="KEY", help="The same as KEY, never taken for DIR; repeatable."),
    own: bool = typer.Option(False, "--own", help="composegen's own key, which its commands log in with."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Remove the last key of a person, too."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Show the difference and change nothing."),
    as_json: bool = place.JSON,
) -> None:
    """Say who may log in by key, or change it at once; jobs and open sessions go on.

    Example: composegen ssh-keys add ~/.ssh/id_ed25519.pub
    """
    from composegen.up import authorized

    if action not in ACTIONS:
        raise UsageError.unknown("action", action, ACTIONS, more="`composegen ssh-keys add KEY DIR`")
    directory, given = _told_apart(action, words or [], key)
    new = _keys(given, own=own) if action == "add" else []
    folder, engine = place.own(directory)
    if action == "list":
        _show(folder, authorized.listed(folder, engine), as_json=as_json)
        return
    authorized.refuse_shadowed(folder)
    folder, engine = place.with_env(folder, engine, dry_run=dry_run)
    with authorized.alone(folder):
        entries = authorized.listed(folder, engine)
        if action == "add":
            change = authorized.adding(folder, entries, new)
        else:
            change = authorized.removing(folder, entries, _agreed(folder, entries, given, own=own, yes=yes or dry_run))
        if dry_run:
            print(_as_json(change, None) if as_json else change.plan.diff or "nothing would change\n", end="")
            return
        outcome = authorized.make_so(change, engine)
    _say(change, outcome, engine)
    if as_json:
        print(_as_json(change, outcome), end="")
    _complain(outcome)


def _told_apart(action: str, words: list[str], keys: list[str]) -> tuple[Path, list[str]]:
    """DIR, and the words that mean keys. Raises UsageError: two folders, or a key where none is meant."""
    folders = [word for word in words if Path(word).is_dir()]
    given = [*(word for word in words if word not in folders), *keys]
    if action == "list" and given and not folders and not keys:
        folders, given = given, []  # one that does not exist is explained where it is opened
    if len(folders) > 1 or (action == "list" and given):
        raise UsageError(f"one folder at a time, not {' and '.join(folders + given)}", hint="`composegen ssh-keys list DIR`")
    return Path(folders[0]) if folders else Path(), given


def _keys(given: list[str], *, own: bool) -> list[PublicKey]:
    """Every key that was given. Raises UsageError: one is no key, or there is none."""
    from composegen.ssh import keys

    found = [*keys.read_text(keys.own_public_key(), "composegen's own key")] if own else []
    if not given and not own:
        if sys.stdin.isatty():
            raise UsageError("no key to add", hint="name a file: `composegen ssh-keys add ~/.ssh/id_ed25519.pub`; - reads one here")
        given = [STDIN]
    for word in given:
        if word == STDIN:
            found += keys.read_text(sys.stdin.buffer.read().decode(errors="replace"), "standard input")
        else:
            found += _keys_of(word)
    return found


def _keys_of(word: str) -> tuple[PublicKey, ...]:
    """Of a file, or of a text that is a key itself."""
    from composegen.ssh import keys
    from composegen.ssh.public_key import looks_like_a_key

    return keys.read_text(word, "the key") if looks_like_a_key(word) else keys.read(Path(word))


def _agreed(folder: Folder, entries: tuple[Entry, ...], given: list[str], *, own: bool, yes: bool) -> list[Entry]:
    """The keys that go. Raises UsageError: none is meant. ComposegenError: nobody agreed to what that means."""
    from composegen.up import authorized

    words = [str(key) for word in given for key in (_keys_of(word) if _is_key_file(word) else [word])]
    gone = [authorized.chosen(entries, word) for word in words]
    gone += [entry for entry in entries if own and entry.own and entry not in gone]
    if not gone:
        raise UsageError("no key to remove", hint="a number, fingerprint or comment: `composegen ssh-keys list` shows them")
    if any(entry.own for entry in gone) and not own:
        raise UsageError(
            "that is composegen's own key, which `up`, `ssh` and `test` log in with",
            hint="`composegen ssh-keys remove --own` takes it out all the same, until the next `up`",
        )
    question = "Nobody but composegen could log in then, and no password is set. Remove it all the same?"
    if authorized.locks_out(folder, entries, gone) and not yes and not (place.asks() and place.confirm(question)):
        raise ComposegenError(
            "that is the last key of a person, and no password is set", hint="--yes removes it; or add another key first"
        )
    return gone


def _is_key_file(word: str) -> bool:
    """A comment may be the name of a file as well; a path is none."""
    return ("/" in word or word.endswith(".pub")) and Path(word).is_file()


def _show(folder: Folder, entries: tuple[Entry, ...], *, as_json: bool) -> None:
    from composegen.up.authorized import VARIABLE

    if as_json:
        print(json.dumps({"keys": [entry.to_json() for entry in entries]}, indent=2, ensure_ascii=False))
    else:
        print("\n".join(map(_line, entries)) or "no key lets anybody in")
    if VARIABLE in folder.shadowed:
        place.say(f"note: the exported {VARIABLE} beats .env: `up` lets in what it says")


def _line(entry: Entry) -> str:
    places = [".env"] if entry.in_env else []
    places += ["container" if entry.in_container else "not in the container"] if entry.in_container is not None else []
    places += [f"{file} there" for file in entry.homes]
    about = "; composegen's own" if entry.own else ""
    if entry.key is None:
        return f"{entry.number:3}  no key: {entry.line[:60]!r}  ({', '.join(places)})"
    kind = f"{entry.key.type.removeprefix('ssh-')} {entry.key.bits}"
    options = f" {entry.options}" if entry.options else ""
    name = f"{entry.key.fingerprint}  {entry.key.comment or '(no comment)'}{options}"
    return f"{entry.number:3}  {kind:12} {name}  ({', '.join(places)}{about})"


def _say(change: Change, outcome: Outcome, engine: DockerEngine) -> None:
    for entry in change.added:
        place.say(f"added {entry.name}")
    for entry in change.removed:
        place.say(f"removed {entry.name}")
    if not change.added and not change.removed:
        place.say(".env has it already")
    if outcome.told:
        place.say(f"'{engine.project}' knows at once; open sessions and jobs go on")
    else:
        place.say(f"'{engine.project}' does not run: `composegen up` or `start` tells it")


def _complain(outcome: Outcome) -> None:
    """Raises Told: a removed key gets in all the same."""
    if outcome.still_in:
        entry, files = outcome.still_in[0]
        raise Told(
            f"{entry.name} still gets in: {files[0]} in the container has it as well",
            hint=f"take it out there: composegen exec -- vi {files[0]}",
        )


def _as_json(change: Change, outcome: Outcome | None) -> str:
    told: dict[str, Any] = {
        "added": [entry.to_json() for entry in change.added],
        "removed": [entry.to_json() for entry in change.removed],
    }
    if outcome is None:
        told["diff"] = change.plan.diff
    else:
        told["container_told"] = outcome.told
        told["still_in"] = [
            {"fingerprint": each.key and each.key.fingerprint, "files": list(files)} for each, files in outcome.still_in
        ]
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"
