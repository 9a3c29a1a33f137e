"""The journey of `init`: what was asked → choices and settings → texts → a plan of the folder.

    request → choices (tracked, the project's) ┐
            → settings (.env, this person's)   ┴→ texts → plan → write

Everything is checked before anything is written. In a folder that is composegen's already, what was not asked stays as it is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from composegen import catalogue, dotenv, folder, host, render
from composegen.errors import FolderError, UsageError
from composegen.folder import ENV, Folder, Plan
from composegen.init import options, own_file, paths, settings, sources
from composegen.init.choices import choose, recorded, refuse_newer, remarks
from composegen.init.request import Request
from composegen.model import Choices, Settings, Stack
from composegen.model.gpu import OWN_FILE
from composegen.model.selection import PARTS

__all__ = [
    "Prepared",
    "Request",
    "default_directory",
    "ensure_env",
    "key_names",
    "prepare",
    "prepare_update",
    "repository_to_offer",
    "write",
]


@dataclass(frozen=True)
class Prepared:
    """What `write` will do, and what there is to say about it."""

    plan: Plan
    choices: Choices
    settings: Settings
    notes: tuple[str, ...]
    owner: tuple[int, int] | None = None
    moved_from: Choices | None = None  # the variant that the folder was made for until now, where that is another one

    def to_json(self) -> dict[str, Any]:
        """The object of `init --json`. Secrets are left out, keys are named."""
        hidden = ("SSH_PASSWORD", "SSH_AUTHORIZED_KEYS")
        return {
            "path": str(self.plan.directory.resolve()),
            "stack": self.choices.stack,
            "device": self.choices.device,
            "version": self.choices.version,
            "cuda": self.choices.cuda,
            "flavour": self.choices.flavour,
            "files": {change.path: change.kind for change in self.plan.changes},
            "settings": {name: value for name, value in self.settings.to_variables().items() if name not in hidden},
            "keys": list(key_names(self.settings)),
            "notes": list(self.notes),
        }


def prepare(
    request: Request, *, environment: Mapping[str, str] | None = None, dry_run: bool = False, reset: bool = False
) -> Prepared:
    """Everything that `init` would write, checked and compared with what is there. Nothing is written in the folder.

    `reset`: edits will be given up, so that it does not matter whether they can be merged.

    Raises UsageError: an option that cannot be meant. FolderError: the folder is not composegen's, holds another stack, or
    has a compose file that is not YAML. CatalogueError: a catalogue is wrong. ComposegenError: the asked port is taken. Edits that
    cannot be merged are the plan's `conflicts`.
    """
    exported = os.environ if environment is None else environment
    for option, text in request.texts():
        options.on_one_line(option, text)
    directory = paths.directory(request.directory)
    stack = catalogue.stack(request.stack, catalogue.directories(request.catalogues, exported))
    folder.refuse_foreign(directory)
    before = recorded(directory)
    choices, notes = choose(request, stack, before)
    caller = host.caller(directory, exported)
    env = folder.read_text(directory / ENV)
    asked, more = settings.asked(request, choices, caller, before=_settings(env))
    images = [_image(each, stack) for each in (before, choices) if each]
    from_mirrors, told = sources.asked(request.mirror, images, stack.variant_of(choices), _settings(env) or Settings())
    asked |= from_mirrors
    texts = render.render(choices, stack)
    if not reset and (broken := folder.broken(directory, texts)):
        raise FolderError("\n".join(broken), hint="mend that line; `composegen update --reset` gives up all edits instead")
    plan = folder.plan(directory, texts, copies={f"wheels/{path.name}": path for path in request.wheels})
    if env is None or request.keys:
        # Last: composegen's own key is made for a folder that will be written only.
        asked["authorized_keys"] = settings.authorized_keys(request.keys, dry_run=dry_run)
    text = _env_text(env, {**settings.defaults(directory, caller), **asked} if env is None else asked, choices)
    after = folder.read_settings(dotenv.parse(text), {})
    made = (after.code_dir,) if after.code_dir.startswith("./") else ()
    own = own_file.changes(directory, choices, after)
    plan = replace(plan, changes=(*plan.changes, folder.plan_env(directory, text), *own), directories=made)
    notes += [*_mended(plan), *told, *more, *settings.remarks(after, exported), *remarks(choices, stack)]
    return Prepared(
        plan, choices, after, tuple(notes), _owner(caller), moved_from=before if before and _moved(before, choices) else None
    )


def _mended(plan: Plan) -> list[str]:
    """What to say of files that were changed without anybody's asking."""
    why = (
        "CRLF line ends or a BOM are gone, for with them the container cannot start; git makes CRLF where core.autocrlf is on, "
        "and `container/** text eol=lf` in .gitattributes keeps it from that"
    )
    return [f"{', '.join(plan.mended)}: {why}"] if plan.mended else []


def prepare_update(request: Request, *, reset: bool = False, dry_run: bool = False) -> Prepared:
    """What `update` would write: the request's folder with its own stack. `reset` gives up edits, each kept as `NAME.orig`.

    Raises like `prepare`; FolderError: no folder of composegen's, one of a newer composegen, or one with changes staged in git.
    """
    before = recorded(request.directory)
    if before is None:
        raise FolderError(f"no folder of composegen's in '{request.directory}'", hint="`composegen init STACK` writes one")
    refuse_newer(request.directory)
    if not dry_run and (staged := host.staged(request.directory)):
        raise FolderError(
            f"git has staged changes in '{request.directory}': {', '.join(staged[:5])}",
            hint="commit or unstage them first, so that what this changes can be told from what you did",
        )
    # A clone without a .env stays one: that file is for whoever starts the container. A mirror is that person's wish.
    clone = request.mirror is None and not (request.directory / ENV).exists()
    prepared = prepare(replace(request, stack=before.stack), dry_run=dry_run or clone, reset=reset)
    if clone:
        tracked = tuple(change for change in prepared.plan.changes if change.path not in (ENV, OWN_FILE))
        prepared = replace(prepared, plan=replace(prepared.plan, changes=tracked))
    return replace(prepared, plan=folder.reset(prepared.plan)) if reset else prepared


def _moved(before: Choices, after: Choices) -> bool:
    """A folder that was written before versions were recorded moves nowhere when its own is filled in."""
    return bool(before.version) and any(getattr(before, part) != getattr(after, part) for part in PARTS)


def _image(choices: Choices, stack: Stack) -> str:
    """What a folder of these choices builds on; empty where the stack no longer has that variant."""
    try:
        return choices.base or stack.variant_of(choices).image
    except UsageError:
        return ""


def _settings(env: str | None) -> Settings | None:
    return None if env is None else Settings.from_variables(dotenv.parse(env))


def _env_text(there: str | None, asked: dict[str, Any], choices: Choices) -> str:
    """A new `.env`, or the one that is there with what was asked changed in it."""
    if there is None:
        return render.env(Settings(**asked), choices)
    text = dotenv.assign(there, settings.variables(asked))
    known = dotenv.parse(text)
    missing = [name for name, value in choices.env if value is None and name not in known]
    if not missing:
        return text
    end = "\r\n" if "\r\n" in text else "\n"
    separator = "" if not text or text.endswith("\n") else end
    lines = ["# Your own, named in compose.yaml.", *(f"{name}=" for name in missing)]
    return f"{text}{separator}" + "".join(f"{line}{end}" for line in lines)


def _owner(caller: host.Caller) -> tuple[int, int] | None:
    """Under sudo the new files belong to the person, so that plain `docker compose` can read their `.env`."""
    return None if caller.uid == os.geteuid() else (caller.uid, caller.gid)


def write(prepared: Prepared) -> None:
    """Make it so: all or nothing. Raises FolderError: the disk refuses."""
    settings, code = prepared.settings, prepared.plan.directory / prepared.settings.code_dir
    new = not code.exists()
    folder.write(prepared.plan, owner=prepared.owner)
    if new and settings.uid and prepared.owner is None and os.geteuid() == 0:
        # root writes a folder for somebody else, who is to work in it.
        os.chown(code, settings.uid, settings.gid)


def ensure_env(opened: Folder, environment: Mapping[str, str] | None = None, *, dry_run: bool = False) -> Folder:
    """The same folder with a `.env`: a missing one, as in a fresh clone, is written with this person's and machine's values.

    `dry_run`: the folder as it would be, and nothing is written. Raises FolderError: it cannot be written.
    """
    if (opened.path / ENV).exists():
        return opened
    exported = os.environ if environment is None else environment
    caller = host.caller(opened.path, exported)
    asked, _ = settings.asked(Request(opened.choices.stack, opened.path), opened.choices, caller, before=None)
    keys = settings.authorized_keys((), dry_run=dry_run)
    text = _env_text(None, {**settings.defaults(opened.path, caller), **asked, "authorized_keys": keys}, opened.choices)
    if dry_run:
        return folder.open_folder(opened.path, environment, env=text)
    folder.write(Plan(opened.path, (folder.plan_env(opened.path, text),)), owner=_owner(caller))
    return folder.open_folder(opened.path, environment)


def default_directory(stack: str) -> Path:
    """Where `init STACK` writes: `./STACK`, or the current folder when it holds that stack already."""
    here = recorded(Path())
    return Path() if here and here.stack == stack else Path(stack)


def repository_to_offer(request: Request) -> Path | None:
    """The git work tree that a new folder would lie in, as code to mount; None where code was chosen already.

    Raises UsageError: the folder cannot be used.
    """
    repository = host.git_root(paths.directory(request.directory))
    chosen = request.code is not None or (request.directory / ENV).exists()
    return None if chosen or repository == request.directory.resolve() else repository


def key_names(settings: Settings) -> tuple[str, ...]:
    """What each authorized key is called: its comment, else its type and end."""
    words = [key.split(maxsplit=2) for key in settings.authorized_keys]
    return tuple(each[2] if len(each) > 2 else f"{each[0]} …{each[-1][-8:]}" for each in words)
