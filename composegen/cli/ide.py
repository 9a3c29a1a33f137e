"""`composegen ide`: IDE backends and extensions in the container, put there ahead; Gateway and Toolbox on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from composegen.cli import place
from composegen.errors import ComposegenError, UsageError

if TYPE_CHECKING:
    from composegen.ide.inside.backend import Backend
    from composegen.ide.inside.extensions import Part
    from composegen.ide.inside.installing import Outcome
    from composegen.ide.products import Product
    from composegen.ide.vendor.obtain import Wanted
    from composegen.ssh import Session

NOT_VERIFIED = "NOT: nobody says its SHA-256, and --sha256 was not given"
ACTIONS = ("list", "install", "remove")
# The options that mean something, by action and what is meant; all others are refused.
FROM = ("--archive", "--build", "--sha256")
TAKES = {
    ("list", ""): (),
    ("install", "backend"): FROM,
    ("install", "host"): FROM,
    ("install", "extension"): ("--cursor",),
    ("remove", "backend"): ("--build",),
    ("remove", "host"): (),
    ("remove", "extension"): (),
}


def register(app: typer.Typer) -> None:
    app.command("ide")(ide)


def ide(
    action: str = typer.Argument("list", metavar="[list|install|remove]", show_default=False, help="What to do; list by default."),
    words: list[str] = typer.Argument(
        None,
        metavar="[NAME|FILE.vsix]... [DIR]",
        help="NAME: the IDE, for example pycharm. FILE.vsix: extensions for VS Code; remove: publisher.name. "
        "DIR: the folder; the current one by default.",
        show_default=False,
    ),
    archive: str = typer.Option("", metavar="FILE|URL", help="The vendor's .tar.gz, instead of the release feed."),
    build: str = typer.Option("", metavar="BUILD", help="That build number or version, instead of the latest."),
    sha256: str = typer.Option("", metavar="HEX", help="What the archive's SHA-256 must be, instead of the vendor's word."),
    cursor: bool = typer.Option(False, "--cursor", help="Extensions for Cursor as well."),
    uninstall: bool = typer.Option(False, "--uninstall", help="The same as `remove`."),
    dry_run: bool = place.DRY_RUN,
    as_json: bool = place.JSON,
) -> None:
    """Put IDE backends and extensions into the container, or Toolbox on this machine; list, remove.

    Backends and extensions are in the volume of the IDEs, which a new container finds again. Two programs go on this machine, into
    /opt or ~/.local/opt: `toolbox`, and `gateway`, whose successor Toolbox is.

    Example: composegen ide install pycharm
    """
    from composegen.ide.vendor.obtain import Wanted

    if action not in ACTIONS:
        raise UsageError.unknown("action", action, ACTIONS, more="`composegen ide install NAME DIR`")
    wanted = Wanted(archive, build, sha256)
    given_options = {"--archive": archive, "--build": build, "--sha256": sha256, "--cursor": cursor}
    options = [name for name, value in given_options.items() if value]
    if action == "list":
        _refuse_idle(action, "", [*options, *(["--uninstall"] if uninstall else [])])
        _list(_folder(words or []), as_json=as_json)
        return
    action = "remove" if uninstall else action
    given = [word for word in words or [] if _is_extension(action, word)]
    rest = [word for word in words or [] if word not in given]
    if given:
        _refuse_idle(action, "extension", options)
        _extensions(action, given, _folder(rest), cursor=cursor, dry_run=dry_run, as_json=as_json)
        return
    product, directory = _told_apart(action, rest)
    _refuse_idle(action, product.kind, options)
    if product.kind == "host":
        _on_this_machine(action, product, rest, wanted, dry_run=dry_run, as_json=as_json)
    elif action == "remove":
        _remove(product, directory, build, dry_run=dry_run, as_json=as_json)
    else:
        _install(product, directory, wanted, dry_run=dry_run, as_json=as_json)


def _refuse_idle(action: str, kind: str, options: list[str]) -> None:
    """Raises UsageError: an option that would change nothing."""
    takes = TAKES[action, kind]
    if idle := [name for name in options if name not in takes]:
        what = f"`ide {action}`" + {"host": " of a program of this machine", "extension": " of an extension"}.get(kind, "")
        hint = f"it takes {' and '.join(takes)}" if takes else "leave it out"
        raise UsageError(f"{' and '.join(idle)} {'mean' if len(idle) > 1 else 'means'} nothing to {what}", hint=hint)


def _is_extension(action: str, word: str) -> bool:
    """A .vsix file to install, or publisher.name to remove; a path of a folder may have dots as well."""
    return word.lower().endswith(".vsix") if action == "install" else "." in word.strip("./") and not Path(word).is_dir()


def _extensions(action: str, given: list[str], directory: Path, *, cursor: bool, dry_run: bool, as_json: bool) -> None:
    from composegen.cli import ide_extensions

    def session() -> Session:
        return _session(directory)

    if action == "remove":
        ide_extensions.remove(session, given, dry_run=dry_run, as_json=as_json)
    else:
        ide_extensions.install(session, given, cursor=cursor, dry_run=dry_run, as_json=as_json)


def _on_this_machine(action: str, product: Product, words: list[str], wanted: Wanted, *, dry_run: bool, as_json: bool) -> None:
    from composegen.cli import ide_host

    if len(words) > 1:
        raise UsageError(
            f"{product.title} goes on this machine, not into {words[1]}", hint=f"`composegen ide install {product.name}`"
        )
    if action == "remove":
        ide_host.remove(product, dry_run=dry_run, as_json=as_json)
    else:
        ide_host.install(product, wanted, dry_run=dry_run, as_json=as_json)


def _told_apart(action: str, words: list[str]) -> tuple[Product, Path]:
    """The IDE, and DIR; a folder that is called as an IDE is `./pycharm`. Raises UsageError."""
    from composegen.ide import products

    if not words:
        names = ", ".join(product.name for product in products.PRODUCTS)
        raise UsageError(f"which IDE? `composegen ide {action} NAME`", hint=f"there are {names}")
    return products.named(words[0]), _folder(words[1:])


def _folder(words: list[str]) -> Path:
    if len(words) > 1:
        raise UsageError(f"one folder at a time, not {' and '.join(words)}", hint="`composegen ide install NAME DIR`")
    return Path(words[0]) if words else Path()


def _session(directory: Path) -> Session:
    """Raises EngineError: the container does not run. SshError: nobody is let in."""
    from composegen.up import ways

    return ways.log_in(*place.opened(directory))


def _install(product: Product, directory: Path, wanted: Wanted, *, dry_run: bool, as_json: bool) -> None:
    from composegen.cli import progress
    from composegen.ide.inside import installing

    with _session(directory) as session, progress.stages() as stages:
        done = installing.install(session, product, wanted, stages=stages, dry_run=dry_run)
    if as_json:
        print(json.dumps(done.to_json(), indent=2, ensure_ascii=False))
    else:
        print("\n".join(_said(done)))


def _said(done: Outcome) -> list[str]:
    from composegen.cli.server import size
    from composegen.ide.inside import installing

    verb = "would be installed" if done.state == installing.WOULD else f"is {done.state}"
    what = " ".join(word for word in (done.product.title, done.version, done.build and f"({done.build})") if word)
    lines = [f"{what} {verb}: {done.path}"]
    if done.state != installing.THERE:
        lines.append(f"  from      {done.source}")
    if done.size is not None:
        lines.append(f"  size      {size(done.size)}")
    if done.state == installing.INSTALLED:
        lines.append(f"  verified  {f'with {done.verified_by}' if done.verified_by else NOT_VERIFIED}")
        lines.append("  connect   Gateway finds it; `composegen connect --ide gateway-backend` is the link")
    lines += [
        f"  beside    {each.version} ({each.build}): `composegen ide remove {each.name} --build {each.build}`"
        for each in done.others
    ]
    if not done.kept:
        lines.append("  note      that folder is on no volume: a new container loses it")
    return lines


def _list(directory: Path, *, as_json: bool) -> None:
    from composegen.ide.inside import backend, extensions

    with _session(directory) as session:
        backends, parts = backend.installed(session), extensions.installed(session)
    if as_json:
        found = {f"{kind}s": [part.to_json() for part in parts if part.kind == kind] for kind in ("server", "extension")}
        print(json.dumps({"backends": [each.to_json() for each in backends], **found}, indent=2, ensure_ascii=False))
    else:
        lines = [*map(_line, backends), *map(_part, parts)]
        print("\n".join(lines) or "nothing of an IDE is in the container: `composegen ide install NAME`")


def _part(each: Part) -> str:
    from composegen.cli.server import size

    what = each.id if each.kind == "extension" else "server"
    return f"{each.client:10} {each.version:12} {what:18} {size(each.size):>8}  {each.path}"


def _line(each: Backend) -> str:
    from composegen.cli.server import size

    by = "" if each.ours else "  not by composegen"
    found = "registered" if each.registered else "not registered"
    return f"{each.name or each.title or '?':10} {each.version:12} {each.build:18} {size(each.size):>8}  {found}{by}  {each.path}"


def _remove(product: Product, directory: Path, build: str, *, dry_run: bool, as_json: bool) -> None:
    from composegen.ide.inside import backend

    with _session(directory) as session:
        there = backend.chosen(backend.installed(session), product, build)
        ours = [each for each in there if each.ours]
        if not ours:
            which = f"{product.title} {build}".strip()
            hint = f"{there[0].path} is not composegen's: remove it there" if there else "`composegen ide list` shows what is there"
            raise ComposegenError(f"composegen put no {which} into the container", hint=hint)
        for each in ours if not dry_run else []:
            backend.remove(session, each)
    if as_json:
        print(json.dumps({"removed": [each.to_json() for each in ours], "dry_run": dry_run}, indent=2, ensure_ascii=False))
    else:
        print("\n".join(f"{'would remove' if dry_run else 'removed'} {each.path}" for each in ours))
