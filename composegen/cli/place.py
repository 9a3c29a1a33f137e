"""What commands on a folder have in common: their DIR argument, and from there the folder and its engine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand

if TYPE_CHECKING:
    from composegen.engine import DockerEngine
    from composegen.folder import Folder
    from composegen.model import Finding
    from composegen.up import Talk

HERE = Path()
COMMAND = "composegen.command"  # where `WithCommand` keeps what stands behind `--`

DIR = typer.Argument(Path(), metavar="DIR", help="The folder; the current one by default.", show_default=False)
JSON = typer.Option(False, "--json", help="One JSON document on stdout.")
CATALOGUE = typer.Option(
    [],
    "--catalogue",
    metavar="DIR",
    help="Catalogue files of your own, above COMPOSEGEN_CATALOGUE's; repeatable.",
    show_default=False,
)
MIRROR = typer.Option(
    None,
    "--mirror",
    metavar="cn|none",
    help="Images and packages from mirrors of a region; none: from the usual places again. What you set in .env stays.",
    show_default=False,
)
DEVCONTAINER = typer.Option(
    None,
    "--devcontainer/--no-devcontainer",
    help="Write .devcontainer/ as well, by which Dev Containers open the same container; default no.",
    show_default=False,
)
TIMEOUT = typer.Option("60", "--timeout", metavar="SECONDS", help="How long a started container has until somebody can log in.")
GRACE = typer.Option(
    None, "--grace", metavar="SECONDS", help="How long programs get to end; 30 seconds by default.", show_default=False
)
DRY_RUN = typer.Option(False, "--dry-run", help="Say what would be done, and do nothing.")


class WithCommand(TyperCommand):
    """`[DIR] [-- CMD…]`: what stands behind `--` is kept apart, whether or not DIR is given."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        ctx.meta[COMMAND] = args[end + 1 :]
        return super().parse_args(ctx, args[:end])

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- CMD...]"]


def seconds(text: str, option: str) -> float:
    """Raises UsageError: it is not a time that can be waited for."""
    from composegen.errors import UsageError

    try:
        found = float(text)
    except ValueError:
        found = -1
    if not 0 <= found < 1e6:
        raise UsageError(f"{option} is '{text}', not a number of seconds", hint=f"for example {option} 60")
    return found


def opened(directory: Path) -> tuple[Folder, DockerEngine]:
    """The folder and the engine seen from it. Raises FolderError: it is not composegen's."""
    from composegen.engine import DockerEngine
    from composegen.folder import open_folder

    folder = open_folder(directory)
    return folder, DockerEngine(folder.path, folder.settings.project_name)


def with_env(folder: Folder, engine: DockerEngine, *, dry_run: bool = False) -> tuple[Folder, DockerEngine]:
    """The same with a `.env`, as a fresh clone has none; `dry_run`: as if it had one. Raises FolderError: it cannot be written."""
    from composegen.engine import DockerEngine
    from composegen.folder import ENV

    if (folder.path / ENV).exists():
        return folder, engine
    from composegen.up.clone import with_env as made

    folder = made(folder, dry_run=dry_run)
    verb = "would write" if dry_run else "wrote"
    say(f"{verb} {folder.path / ENV}: project '{folder.settings.project_name}', port {folder.settings.port}")
    return folder, DockerEngine(folder.path, folder.settings.project_name)


def with_forwarding(
    folder: Folder, engine: DockerEngine, wanted: bool | None, *, dry_run: bool = False
) -> tuple[Folder, DockerEngine]:
    """The same with that in its `.env`; None: whatever that says already. Raises FolderError: it cannot be written."""
    if wanted is None or wanted == (folder.settings.forward_agent == "yes"):
        return folder, engine
    from composegen.engine import DockerEngine
    from composegen.up.agent import VARIABLE, with_forwarding

    folder = with_forwarding(folder, wanted, dry_run=dry_run)
    verb, then = ("would write", "the container would be created anew") if dry_run else ("wrote", "a new container reads it")
    say(f"{verb} {VARIABLE}={'yes' if wanted else 'no'} to {folder.path / '.env'}: {then}")
    return folder, DockerEngine(folder.path, folder.settings.project_name)


def with_gpus(folder: Folder, engine: DockerEngine, mode: str | None, *, dry_run: bool = False) -> tuple[Folder, DockerEngine]:
    """The same where this machine hands GPUs over by `mode`, None: as `.env` says, whose GPUS may have been edited meanwhile.

    Raises UsageError: not that device. FolderError: it cannot be written.
    """
    from composegen.model import wanted
    from composegen.model.gpu import OWN_FILE

    choices, settings = folder.choices, folder.settings
    if mode is None and not (OWN_FILE in settings.compose_file or wanted(choices, settings).needs_own_file(choices.gpu_mode)):
        return folder, engine
    from composegen.engine import DockerEngine
    from composegen.init.own_file import fitted

    folder, written = fitted(folder, mode, dry_run=dry_run)
    if not written:
        return folder, engine
    want = wanted(folder.choices, folder.settings)
    say(f"{'would write' if dry_run else 'wrote'} {written}: GPUS={','.join(want.ids)} by {want.mode} on this machine")
    return folder, DockerEngine(folder.path, folder.settings.project_name)


def own(directory: Path, *, existing: bool = False) -> tuple[Folder, DockerEngine]:
    """The same, once it is certain that the container of that name is this folder's, and if asked that there is one.

    Raises EngineError: it is somebody else's, or not there.
    """
    from composegen.engine import refuse_foreign
    from composegen.errors import EngineError

    folder, engine = opened(directory)
    look = engine.look()
    refuse_foreign(engine, look)
    if existing and look.container is None:
        raise EngineError(f"there is no container '{engine.project}'", hint="`composegen up` makes it")
    return folder, engine


def talk(*, ask: bool = True, tell: Callable[[Finding], None] = lambda finding: None) -> Talk:
    """Progress goes to standard error; questions are asked where a person sits at a terminal."""
    from composegen.up import Talk

    somebody = ask and asks()
    return Talk(say, confirm if somebody else lambda question: False, tell, somebody)


def asks() -> bool:
    """Whether a person sits at a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str) -> bool:
    """Ask on standard error. Unlike typer's, it lets Ctrl-C through, which is an exit code of its own."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    try:
        return input().strip().lower() in ("y", "yes")
    except EOFError:
        return False


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
