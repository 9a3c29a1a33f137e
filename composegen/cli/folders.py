"""`composegen check` and `composegen update`: a folder on disk against what composegen writes now."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from composegen.cli import place
from composegen.errors import ComposegenError, FolderError, Told, UsageError

if TYPE_CHECKING:
    from composegen.drift import Drift
    from composegen.init import Prepared, Request
    from composegen.model import Choices


def register(app: typer.Typer) -> None:
    app.command("check")(check)
    app.command("update")(update)


def check(
    directories: list[Path] = typer.Argument(
        None, metavar="[DIR]...", help="Folders; the current one by default.", show_default=False
    ),
    every: bool = typer.Option(False, "--all", help="Every folder of composegen's below DIR."),
    catalogue: list[Path] = place.CATALOGUE,
    as_json: bool = place.JSON,
) -> None:
    """Exit 1 and show the difference where a folder is not as composegen writes it.

    Example: composegen check --all
    """
    from composegen import drift
    from composegen.catalogue import directories as lookup

    roots = directories or [Path()]
    found = [each for root in roots for each in drift.find(_there(root))] if every else roots
    if not found:
        raise FolderError(
            f"no folder of composegen's below {', '.join(map(str, roots))}", hint="`composegen init STACK` writes one"
        )
    outcomes = [_checked(directory, lookup(catalogue, os.environ)) for directory in found]
    reports = [each for each in outcomes if isinstance(each, drift.Drift)]
    broken = [each for each in outcomes if not isinstance(each, drift.Drift)]
    if as_json:
        told = [{"path": str(each.directory), "ok": each.ok, "diff": each.diff} for each in reports]
        told += [{"path": str(directory), "ok": False, "error": error.message} for directory, error in broken]
        print(json.dumps({"ok": all(each["ok"] for each in told), "folders": told}, indent=2, ensure_ascii=False))
    else:
        for each in reports:
            print(f"ok    {each.directory}" if each.ok else f"drift {each.directory}\n{each.diff}", end="\n" if each.ok else "")
    drifted = [each.directory for each in reports if not each.ok]
    _complain(drifted, broken)


def _checked(directory: Path, catalogues: tuple[Path, ...]) -> Drift | tuple[Path, ComposegenError]:
    """What cannot be checked hides no other folder."""
    from composegen import drift

    try:
        return drift.check(directory, catalogues)
    except ComposegenError as error:
        return directory, error


def _there(root: Path) -> Path:
    if not root.is_dir():
        raise UsageError(f"'{root}' is not a folder", hint="name one that exists")
    return root


def _complain(drifted: list[Path], broken: list[tuple[Path, ComposegenError]]) -> None:
    from composegen.cli.app import show

    for directory, error in broken:
        show(
            type(error)(f"{directory}: {error.message}" if str(directory) not in error.message else error.message, hint=error.hint)
        )
    if drifted:
        names = " ".join(shlex.quote(str(each)) for each in drifted[:3])
        raise Told(
            f"{len(drifted)} of the folders differ from what composegen writes"
            if len(drifted) > 1
            else f"{drifted[0]} differs from what composegen writes",
            hint=f"`composegen update {names}` brings what is new and keeps edits; with --reset edits go, kept beside as NAME.orig",
        )
    if broken:
        raise typer.Exit(1)


def update(
    directory: Path = place.DIR,
    device: str | None = typer.Option(None, metavar="gpu|cpu|rocm|npu", help="Move to another device."),
    version: str | None = typer.Option(None, metavar="VERSION", help="Move to another version; latest: the newest known."),
    cuda: str | None = typer.Option(None, metavar="VERSION", help="Move to another CUDA."),
    flavour: str | None = typer.Option(None, metavar="NAME", help="Move to another flavour."),
    gpu_mode: str | None = typer.Option(None, metavar="deploy|runtime|cdi", help="Hand GPUs over another way."),
    devcontainer: bool | None = place.DEVCONTAINER,
    mirror: str | None = place.MIRROR,
    reset: bool = typer.Option(False, "--reset", help="Give up the edits of composegen's files; each is kept beside as NAME.orig."),
    catalogue: list[Path] = place.CATALOGUE,
    dry_run: bool = typer.Option(False, "--dry-run", help="Show the diff and write nothing."),
    as_json: bool = place.JSON,
) -> None:
    """Bring a folder to the current templates, or to another version, merged with your edits.

    Example: composegen update --version 2.2.14 --dry-run
    """
    from composegen.cli.init import report
    from composegen.init import Request, prepare_update, write

    request = Request(
        "",
        directory,
        device=device,
        version=version,
        cuda=cuda,
        flavour=flavour,
        gpu_mode=gpu_mode,
        devcontainer=devcontainer,
        mirror=mirror,
        catalogues=tuple(catalogue),
    )
    prepared = prepare_update(request, reset=reset, dry_run=dry_run)
    if dry_run:
        report(prepared, dry_run=True, as_json=as_json)
        return
    kept = _keep_image(directory, prepared.moved_from) if prepared.moved_from else ""
    write(prepared)
    try:
        report(prepared, dry_run=False, as_json=as_json)
    finally:
        if prepared.moved_from:
            _say_the_way_back(request, prepared, prepared.moved_from, kept)


def _keep_image(directory: Path, before: Choices) -> str:
    """The image that was built until now, under a name of its own; empty where there is none, or no engine to ask."""
    from composegen import up as journey

    try:
        _, engine = place.opened(directory)
        return journey.keep_image(
            engine, "-".join(filter(None, (before.version, before.device, before.cuda and f"cuda{before.cuda}")))
        )
    except ComposegenError:
        return ""


def _say_the_way_back(request: Request, prepared: Prepared, before: Choices, kept: str) -> None:
    parts = {"--device": before.device, "--version": before.version, "--cuda": before.cuda, "--flavour": before.flavour}
    words = [word for option, value in parts.items() if value for word in (option, value)]
    words += [word for catalogue in request.catalogues for word in ("--catalogue", str(catalogue))]
    where = [] if request.directory == Path() else [str(request.directory)]
    back = shlex.join(["composegen", "update", *where, *words])
    place.say(f"moved from {_called(before)} to {_called(prepared.choices)}; back: {back}")
    if kept:
        place.say(f"the image that was built until now is kept as {kept}")


def _called(choices: Choices) -> str:
    parts = (choices.stack, choices.version, choices.device, choices.cuda and f"CUDA {choices.cuda}", choices.flavour)
    return " ".join(filter(None, parts))
