"""What writing some texts into a folder would change, found out without touching anything.

Every file is compared three ways. The base is `.composegen/generated.json`, the texts of the last write: a file that still equals
its base follows the new text; one that was edited stays; one that was edited *and* has a new text gets both, merged
(`composegen.folder.merge`). Where the two meet in one place the edit stays, and the whole new text comes beside it as `NAME.new`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from composegen import dotenv
from composegen.errors import FolderError, Told
from composegen.folder.merge import merge
from composegen.folder.texts import ENV, plain, read, read_text, unusable, worn
from composegen.model.record import FILE as VARIANT

Kind = Literal["create", "identical", "update", "merge", "keep", "conflict", "remove"]

COMPOSE = "compose.yaml"
GENERATED = ".composegen/generated.json"
GENERATED_VERSION = 1
ASIDE = ".orig"  # what an edited text is called when it is given up
BESIDE = ".new"  # what a conflict's new text is called, behind the file's own name


@dataclass(frozen=True)
class Change:
    """One file: what would happen to it, and the unified diff of it (secrets masked; empty where nothing changes)."""

    path: str  # relative to the folder, with slashes
    kind: Kind
    diff: str = ""
    text: str = ""
    source: Path | None = None  # a file that is copied instead of a text
    places: tuple[str, ...] = ()  # where a conflict is
    mended: bool = False  # of line ends or a BOM with which the container could not start


@dataclass(frozen=True)
class Plan:
    directory: Path
    changes: tuple[Change, ...]
    directories: tuple[str, ...] = ()  # made where missing

    @property
    def conflicts(self) -> tuple[str, ...]:
        return tuple(change.path for change in self.changes if change.kind == "conflict")

    @property
    def pending(self) -> tuple[Change, ...]:
        """What `write` will do."""
        return tuple(
            change
            for change in self.changes
            if change.kind in ("create", "update", "merge", "remove") or (change.kind == "conflict" and change.text)
        )

    @property
    def mended(self) -> tuple[str, ...]:
        return tuple(change.path for change in self.changes if change.mended)

    def explain_conflicts(self) -> None:
        """Raises Told: some edits could not be merged; names every place and the file with the new text."""
        met = [change for change in self.changes if change.kind == "conflict"]
        if not met:
            return
        said = [f"{each.path} ({', '.join(each.places)})" if each.places else each.path for each in met]
        beside = [f"{change.path}{BESIDE}" for change in met if change.source is None]
        hint = f"your text stays; take what you want from {', '.join(beside)} and remove it" if beside else "move that file away"
        raise Told(f"edited by hand, and changed in the same place by this: {'; '.join(said)}", hint=hint)

    @property
    def diff(self) -> str:
        """Every change as one unified diff, without composegen's own record."""
        return "".join(change.diff for change in self.changes if change.path != GENERATED)


def plan(
    directory: Path, texts: Mapping[str, str], *, copies: Mapping[str, Path] | None = None, directories: Sequence[str] = ()
) -> Plan:
    """Compare `texts` (`{relative path: text}`) with what is there; left-over files of an earlier plan are removed unless edited.

    `copies` are files to copy, `directories` are made where missing. Raises FolderError: the folder is not composegen's, or
    something in it is not a file, leads out of the folder through a symbolic link, or cannot be read.
    """
    refuse_foreign(directory)
    # A record of composegen's own holds no edit of anybody's: whatever is there may be replaced.
    base = {**generated(directory), VARIANT: _text_there(directory, VARIANT) or ""}
    changes = [change for path, text in texts.items() for change in _compared(directory, path, text, base.get(path))]
    changes += [_compare_copy(directory, path, source) for path, source in (copies or {}).items()]
    changes += _left_over(directory, base, texts)
    changes.append(_compare(directory, GENERATED, _record(texts), _text_there(directory, GENERATED)))
    found = Plan(directory, tuple(changes), tuple(directories))
    for change in found.pending:
        _refuse_leading_out(directory, change.path)
    return found


def reset(plan: Plan) -> Plan:
    """The same plan with every edit given up: composegen's text takes its place, and what was there is kept as `NAME.orig`."""
    record = next(change.text for change in plan.changes if change.path == GENERATED) or read_text(plan.directory / GENERATED) or ""
    texts = {path: "\n".join(lines) for path, lines in json.loads(record)["files"].items()}
    changes: list[Change] = []
    for change in plan.changes:
        if change.path.endswith(BESIDE):
            continue
        there = _text_there(plan.directory, change.path) if change.kind in ("keep", "merge", "conflict") else None
        if there is None or change.path not in texts:
            changes.append(change)
            continue
        text = texts[change.path]
        changes.append(Change(change.path, "update", _diff(change.path, there, text), worn(change.path, text, there)))
        changes.append(Change(f"{change.path}{ASIDE}", "create", text=there))
    return replace(plan, changes=tuple(changes))


def difference(directory: Path, texts: Mapping[str, str]) -> str:
    """Every difference of a folder from `texts` and the record of them, as one unified diff; `.env` and code are a person's own.

    Raises FolderError: a file cannot be read.
    """
    expected = {**texts, GENERATED: _record(texts)}
    base = generated(directory) if _differs(directory, GENERATED, expected[GENERATED]) else texts
    left_over = {path: "" for path in base if path not in texts and _text_there(directory, path) is not None}
    return "".join(
        _drift(path, text, _text_there(directory, path))
        for path, text in {**expected, **left_over}.items()
        if _differs(directory, path, text)
    )


def _differs(directory: Path, path: str, text: str) -> bool:
    there = _text_there(directory, path)
    return there is None or plain(there) != text or unusable(path, there)


def _drift(path: str, wanted: str, there: str | None) -> str:
    if there is None:
        return f"{path} is missing\n"
    found = _diff(path, wanted, there, of=("as composegen writes it", "here"))
    return found or f"{path} has CRLF line ends or a BOM, with which the container cannot start\n"


def plan_env(directory: Path, text: str) -> Change:
    """The change that makes `text` the folder's `.env`, which is the person's own: it has no base, and its diff shows no secret."""
    return plan_untracked(directory, ENV, text)


def plan_untracked(directory: Path, path: str, text: str) -> Change:
    """The change that makes `text` a file that git ignores, or removes it where `text` is empty."""
    there = _text_there(directory, path)
    if not text:
        return Change(path, "identical") if there is None else Change(path, "remove", _diff(path, there, ""))
    change = _compare(directory, path, text, base=there)
    if change.kind != "identical":
        _refuse_leading_out(directory, path)
    return change


def _compared(directory: Path, path: str, text: str, base: str | None) -> Iterator[Change]:
    """The change of a file that may hold edits, and where those cannot be merged the new text beside it."""
    found, there, besides = _compare(directory, path, text, base), _text_there(directory, path) or "", list[Change]()
    if found.kind in ("keep", "identical") and (directory / f"{path}{BESIDE}").exists():
        # Nobody has settled an earlier conflict: while its file is there, it is not forgotten.
        found = Change(path, "conflict", places=(f"{path}{BESIDE} of an earlier update is still there",))
    elif found.kind == "conflict":
        found = _merged(path, base, there, text)
        if found.kind == "conflict":
            beside = f"{path}{BESIDE}"
            besides = [_compare(directory, beside, text, base=_text_there(directory, beside), like=there)]
    yield _startable(found, there) if unusable(path, there) else found
    yield from besides


def _merged(path: str, base: str | None, there: str, text: str) -> Change:
    if base is None:
        return Change(path, "conflict", places=("all of it: what was generated last is not known",))
    merged = merge(path, base, there, text)
    diff = _diff(path, there, merged.text)
    if not merged.conflicts:
        return Change(path, "merge", diff, merged.text)
    return Change(path, "conflict", diff, merged.text if merged.text != there else "", places=merged.conflicts)


def _startable(change: Change, there: str) -> Change:
    """The same change with line ends that the container can start with; edits stay."""
    kind: Kind = "update" if change.kind == "identical" else "merge" if change.kind == "keep" else change.kind
    diff = change.diff or f"{change.path}: CRLF line ends become LF, a BOM goes\n"
    return replace(change, kind=kind, diff=diff, text=plain(change.text or there), mended=True)


def _compare(directory: Path, path: str, text: str, base: str | None, *, like: str = "") -> Change:
    """`like` is the text whose line ends a new file gets; one that is there keeps its own."""
    there = _text_there(directory, path)
    if there is None:
        return Change(path, "create", _diff(path, "", text), worn(path, text, like))
    if plain(there) == plain(text):
        return Change(path, "identical")
    if base is not None and plain(there) == plain(base):
        return Change(path, "update", _diff(path, there, text), worn(path, text, there))
    if base is not None and plain(base) == plain(text):
        return Change(path, "keep")
    return Change(path, "conflict", _diff(path, there, text))


def _compare_copy(directory: Path, path: str, source: Path) -> Change:
    from filecmp import cmp

    target = directory / path
    if not os.path.lexists(target):
        return Change(path, "create", f"+++ {path} (a copy of {source})\n", source=source)
    try:
        same = cmp(source, target, shallow=False)
    except OSError as error:
        raise FolderError(f"cannot read '{error.filename}': {error.strerror}") from None
    return Change(path, "identical" if same else "conflict", source=source)


def _left_over(directory: Path, base: Mapping[str, str], texts: Mapping[str, str]) -> Iterator[Change]:
    """What composegen wrote earlier and these choices have no use for: removed while nobody edited it, else kept."""
    for path, text in base.items():
        if path in texts or (there := _text_there(directory, path)) is None:
            continue
        edited = plain(there) != plain(text)
        yield Change(path, "keep") if edited else Change(path, "remove", _diff(path, there, ""))


def _text_there(directory: Path, path: str) -> str | None:
    if (directory / path).is_dir():
        raise FolderError(f"'{directory / path}' is a folder where composegen writes a file", hint="move it away")
    return read(directory / path, errors="replace" if path in (GENERATED, VARIANT) else "strict")


def _diff(path: str, old: str, new: str, *, of: tuple[str, str] = ("", "")) -> str:
    from difflib import unified_diff

    if path == ENV:
        old, new = dotenv.masked(old), dotenv.masked(new)
    lines = unified_diff(
        plain(old).splitlines(keepends=True),
        plain(new).splitlines(keepends=True),
        f"a/{path}" if old else "/dev/null",
        f"b/{path}" if new else "/dev/null",
        *of,
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def generated(directory: Path) -> dict[str, str]:
    """What was written last; nothing where that is not known, or can no longer be read."""
    try:
        loaded = json.loads(_text_there(directory, GENERATED) or "")
        if loaded["version"] != GENERATED_VERSION:
            raise FolderError(f"'{directory / GENERATED}' is of version {loaded['version']!r}", hint="upgrade composegen")
        return {str(path): "\n".join(lines) for path, lines in loaded["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _record(texts: Mapping[str, str]) -> str:
    files = {path: texts[path].split("\n") for path in sorted(texts)}
    return json.dumps({"version": GENERATED_VERSION, "files": files}, indent=1, ensure_ascii=False) + "\n"


def refuse_foreign(directory: Path) -> None:
    """A folder that holds other things is never filled; an empty one, or an empty git repository, may be."""
    try:
        entries = [] if not directory.exists() else [entry.name for entry in directory.iterdir()]
    except NotADirectoryError:
        raise FolderError(f"'{directory}' is a file", hint="name another folder: `composegen init STACK DIR`") from None
    except OSError as error:
        raise FolderError(f"cannot read '{directory}': {error.strerror}", hint="look at its owner and mode") from None
    if set(entries) <= {".git"} or is_ours(directory) or (directory / GENERATED).exists():
        return
    raise FolderError(
        f"'{directory}' exists and composegen did not write it", hint="name another folder: `composegen init STACK DIR`"
    )


def _refuse_leading_out(directory: Path, path: str) -> None:
    root = os.path.realpath(directory)
    target = os.path.realpath(directory / path)
    if os.path.commonpath((root, target)) != root:
        raise FolderError(f"'{directory / path}' leads to '{target}', outside the folder", hint="replace the link by a file")


def is_ours(directory: Path) -> bool:
    """Whether composegen wrote the compose.yaml there; quick, and says nothing about whether it is still sound."""
    text = read_text(directory / COMPOSE) or ""
    return any(line.startswith("x-composegen:") for line in text.splitlines())
