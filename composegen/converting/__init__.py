"""`composegen convert --output`: a converted line → a folder as `init` makes it.

    service → what has a place among the options of `init` → request → prepared
            → what has none → compose.override.yaml, which Compose merges by itself
            → its command → services/command.conf, which supervisor keeps running

recognising   which stack is meant by an image
here          paths, seen from the folder
placing       each part of the service, and where it goes
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from composegen import catalogue, document, dotenv, folder, init
from composegen.convert import IS_FOLDER, Converted
from composegen.converting import placing, recognising
from composegen.errors import UsageError
from composegen.folder import ENV, Change
from composegen.init import Prepared, Request
from composegen.model import SERVICE

OVERRIDE = "compose.override.yaml"
COMMAND = "services/command.conf"


def prepare(
    converted: Converted, directory: Path, *, keys: Sequence[Path] = (), catalogues: Sequence[Path] = (), dry_run: bool = False
) -> Prepared:
    """Everything that would be written, checked; nothing is.

    Raises UsageError: several lines, or an image whose name nobody knows yet; and all that `init.prepare` raises.
    """
    services = converted.document["services"]
    if len(services) != 1:
        raise UsageError("a folder has one container, and these are several lines", hint="give one line with --output")
    ((_, service),) = services.items()
    where = catalogue.directories(catalogues, os.environ)
    found = recognising.recognised(service["image"], catalogue.stacks(where), wants_gpu=placing.wants_gpu(service))
    placed = placing.place(service, found, directory)
    request = Request(found.stack.name, directory, keys=tuple(keys), catalogues=tuple(catalogues), **placed.options)
    prepared = init.prepare(request, dry_run=dry_run)
    texts = {COMMAND: placed.program} if placed.program else {}
    if placed.left:
        texts[OVERRIDE] = _override(placed.left, converted.document)
    return _with(prepared, texts, [*_of_line(converted), *found.notes, *placed.notes])


def _own(directory: Path, path: str, text: str) -> Change:
    """A file that is there already is somebody's, and stays as it is."""
    there = folder.read_text(directory / path)
    if there is None:
        return folder.plan_untracked(directory, path, text)
    return Change(path, "identical" if there == text else "keep")


def _of_line(converted: Converted) -> list[str]:
    """What there is to say of the line itself: here the current folder is known, and nobody misses a flag of the terminal's."""
    return [str(note) for note in converted.notes if note.kind != "dropped" and note.why != IS_FOLDER]


def _override(left: dict[str, Any], whole: dict[str, Any]) -> str:
    """What no option of `init` says, as plain Compose."""
    named = {key: {name: whole[key][name] for name in whole.get(key, {}) if name in str(left)} for key in ("networks", "volumes")}
    tree = {"services": {SERVICE: left}, **{key: value for key, value in named.items() if value}}
    said = ["The rest of the `docker run` line. Compose merges this file with compose.yaml; edit freely."]
    return document.dump(tree, {("services",): said})


def _with(prepared: Prepared, texts: dict[str, str], notes: Sequence[str]) -> Prepared:
    """The same with files of the user's own: composegen writes them once, and never again."""
    directory = prepared.plan.directory
    changes = [_own(directory, path, text) for path, text in texts.items()]
    env = next(change for change in prepared.plan.changes if change.path == ENV)
    others = [change for change in prepared.plan.changes if change.path != ENV]
    files = prepared.settings.compose_file
    if OVERRIDE in texts and files and OVERRIDE not in files.split(":"):
        # Compose looks for an override by itself only where nothing says which files there are.
        settings = prepared.settings.with_(compose_file=f"{files}:{OVERRIDE}")
        env = folder.plan_env(directory, dotenv.assign(env.text, {"COMPOSE_FILE": settings.compose_file}))
        prepared = replace(prepared, settings=settings)
    kept = [f"{change.path} is there already and stays as it is" for change in changes if change.kind == "keep"]
    plan = replace(prepared.plan, changes=(*others, *changes, env))
    return replace(prepared, plan=plan, notes=(*notes, *kept, *prepared.notes))
