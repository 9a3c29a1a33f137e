"""Texts ↔ disk: a folder as values, and what changes in it written all or not at all.

open_folder(directory)   a folder on disk as values
plan(directory, texts)   what would change; nothing is touched (see `composegen.folder.changes`)
write(plan)              makes it so; on any failure the folder is as it was
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from composegen import document, dotenv
from composegen.errors import ComposegenError, FolderError
from composegen.folder.atomic import Owner, all_or_nothing
from composegen.folder.changes import (
    COMPOSE,
    GENERATED,
    Change,
    Kind,
    Plan,
    difference,
    is_ours,
    plan,
    plan_env,
    plan_untracked,
    refuse_foreign,
    reset,
)
from composegen.folder.damage import damaged
from composegen.folder.merge import is_document
from composegen.folder.settings import UNBUILDABLE, read_settings
from composegen.folder.texts import ENV, read_text
from composegen.model import Choices, Settings, Variant
from composegen.model.record import FILE as VARIANT
from composegen.model.record import variant_from

__all__ = [
    "COMPOSE",
    "ENV",
    "GENERATED",
    "UNBUILDABLE",
    "Change",
    "Folder",
    "Kind",
    "Plan",
    "assigned",
    "broken",
    "damaged",
    "difference",
    "is_ours",
    "open_folder",
    "plan",
    "plan_env",
    "plan_untracked",
    "read_settings",
    "read_text",
    "recorded_variant",
    "refuse_foreign",
    "reset",
    "variables",
    "write",
]


@dataclass(frozen=True)
class Folder:
    """A produced folder: what the project chose, and what this person and machine set."""

    path: Path  # absolute
    choices: Choices
    settings: Settings
    shadowed: tuple[str, ...] = ()  # exported variables that beat .env

    @property
    def code(self) -> Path:
        """The folder of code, where the engine is on this machine; absolute."""
        return (self.path / Path(self.settings.code_dir).expanduser()).resolve()


def open_folder(directory: Path, environment: Mapping[str, str] | None = None, *, env: str | None = None) -> Folder:
    """The folder as it is on disk; `environment` (default: the process's) overlays `.env`, as it does in Compose.

    `env` is the text of a `.env` that is not written yet.

    Raises FolderError: no compose.yaml of composegen's there, or one of its files cannot be read. UsageError: a value of `.env`
    or an exported one cannot be meant.
    """
    exported = os.environ if environment is None else environment
    compose = read_text(directory / COMPOSE)
    if compose is None:
        where = "the current folder" if directory in (Path(), Path.cwd()) else f"'{directory}'"
        raise FolderError(f"no {COMPOSE} in {where}", hint="`composegen init STACK` writes a folder; or name the folder to use")
    choices = document.choices(compose, name=str(directory / COMPOSE))
    variables = dotenv.parse((read_text(directory / ENV) if env is None else env) or "", exported)
    ours = Settings().to_variables()
    shadowed = tuple(name for name in ours if name in exported and exported[name] != variables.get(name, ""))
    return Folder(directory.resolve(), choices, read_settings(variables, exported), shadowed)


def assigned(opened: Folder, values: Mapping[str, str], *, dry_run: bool = False) -> Folder:
    """The folder with these variables in its `.env`, which is there. `dry_run`: as it would be, and nothing is written.

    Raises FolderError: it cannot be written.
    """
    text = dotenv.assign(read_text(opened.path / ENV) or "", values)
    if dry_run:
        return open_folder(opened.path, env=text)
    write(Plan(opened.path, (plan_env(opened.path, text),)))
    return open_folder(opened.path)


def variables(directory: Path, environment: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """What Compose interpolates a folder's files with: its `.env`, and what is exported over it. Raises FolderError, UsageError."""
    exported = os.environ if environment is None else environment
    return {**dotenv.parse(read_text(directory / ENV) or "", exported), **exported}


def recorded_variant(directory: Path) -> Variant:
    """What the catalogue said of the folder's variant when the folder was written; its catalogue need not be at hand.

    Raises FolderError: the folder does not have it, or it is damaged.
    """
    file = directory / VARIANT
    text = read_text(file, errors="replace")
    try:
        return variant_from(json.loads(text or ""))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        what = "is missing" if text is None else "is damaged"
        raise FolderError(f"'{file}' {what}", hint="`composegen update` writes it anew") from None


def broken(directory: Path, texts: Mapping[str, str]) -> list[str]:
    """What keeps compose files that should be `texts` from being YAML: each with file, line and column."""
    edited = {path: text for path in filter(is_document, texts) if (text := read_text(directory / path)) not in (None, texts[path])}
    # One that is as composegen writes it is sound, and reading it takes longer than all else of a check.
    return [said for path, text in edited.items() if (said := _broken(text or "", str(directory / path)))]


def _broken(text: str, name: str) -> str:
    try:
        document.load(text, name=name)
    except ComposegenError as error:
        return error.message
    return ""


def write(plan: Plan, *, owner: Owner | None = None) -> None:
    """Make the plan so: every change, or none. `.env` is readable by its owner only; new files belong to `owner`, if given.

    Raises FolderError: the disk refuses; nothing was written then.
    """
    try:
        with all_or_nothing(owner) as staging:
            for directory in ("", *plan.directories):
                staging.directory(plan.directory / directory)
            for change in plan.pending:
                target = plan.directory / change.path
                if change.kind == "remove":
                    staging.removal(target)
                elif change.source is not None:
                    staging.copy(change.source, target)
                else:
                    staging.text(target, change.text, private=change.path == ENV)
    except OSError as error:
        raise FolderError(
            f"cannot write '{error.filename or plan.directory}': {error.strerror}",
            hint="nothing was written; look at free space and modes",
        ) from None
