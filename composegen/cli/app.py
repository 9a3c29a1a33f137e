"""The command line as a whole: how a command is found, and how an error is shown. Which commands there are: `commands`."""

from __future__ import annotations

import errno
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from composegen.cli.commands import COMMANDS, overview
from composegen.cli.plain import read_plainly
from composegen.errors import CommandFailed, ComposegenError, SshError, Told, UsageError

# What a path or a disk can be at fault for; any other refusal of the system that nobody explained is a bug, and stays a traceback.
PATH_ERRORS = {errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG}
DISK_ERRORS = {errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE}

# What typer raises when the words of a command line do not fit; it has no public name of its own.
WrongUsage: Any = typer.BadParameter.__base__

AS_JSON = "composegen.json"  # where it is kept that one JSON object is wanted on stdout
INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it
OUTPUT_TAIL = 20  # lines of a failed engine command that are shown


class Commands(TyperGroup):
    """Shows an explained error as `error:` and `hint:` lines and exits with its code, in a shell and under a test runner alike."""

    def get_params(self, ctx: Any) -> Any:
        return read_plainly(super().get_params(ctx))

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        # Only the module of the command that runs is imported.
        registry = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
        import_module(f"composegen.cli.{COMMANDS[cmd_name].module}").register(registry)
        built: Any = typer.main.get_command(registry)
        # typer makes a group of several commands, and of one the command itself.
        command = built.commands[cmd_name] if hasattr(built, "commands") else built
        read_plainly(command.get_params(ctx))
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            raise UsageError.unknown("command", args[0], list(COMMANDS), more="`composegen --help` lists them all")
        return super().resolve_command(ctx, args)

    def get_help(self, ctx: Any) -> str:
        return overview()

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        own = args[: args.index("--")] if "--" in args else args
        ctx.meta[AS_JSON] = "--json" in own
        try:
            return super().parse_args(ctx, args)
        except WrongUsage as error:
            raise wrongly_used(error, ctx) from None

    def invoke(self, ctx: Any) -> Any:
        try:
            refuse_missing_folder()
            return super().invoke(ctx)
        except ComposegenError as raised:
            error = in_words_of_its_cause(raised)
            if ctx.meta[AS_JSON] and not isinstance(error, Told):
                print(json.dumps({"ok": False, "error": error.message, "hint": error.hint or ""}, indent=2, ensure_ascii=False))
            show(error)
            raise typer.Exit(error.exit_code) from None
        except WrongUsage as error:
            raise wrongly_used(error, ctx) from None
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                # The reader of a pipe (`| head`) went away: nobody is left to tell.
                sys.stderr.close()
            elif error.errno not in PATH_ERRORS | DISK_ERRORS:
                raise
            else:
                said = f"{str(error.filename or 'the system')[:80]}: {error.strerror}"
                show(ComposegenError(said, hint="look at that path, its owner and mode, and at free space"))
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None


def wrongly_used(error: Any, ctx: Any) -> typer.Exit:
    """Show what typer says of a command line that does not fit, in our own words' order; the exit that follows."""
    where = getattr(error, "ctx", None) or ctx
    message = str(error.format_message()).rstrip(".")
    show(UsageError(message[:1].lower() + message[1:], hint=f"`{where.command_path} --help` shows how it is meant"))
    return typer.Exit(UsageError.exit_code)


def refuse_missing_folder() -> None:
    """Raises ComposegenError: the current folder was removed, so that no relative path means anything."""
    try:
        Path.cwd()
    except FileNotFoundError:
        raise ComposegenError("the current folder is gone", hint="`cd` to one that exists") from None


def in_words_of_its_cause(error: ComposegenError) -> ComposegenError:
    """Every error goes through here: what `composegen explain` knows of what engine, container or SSH said becomes its hint."""
    if not error.said and not isinstance(error, SshError):
        return error
    from composegen.doctor import explained

    return explained(error)


def show(error: ComposegenError) -> None:
    print(f"error: {error.message}", file=sys.stderr)
    if isinstance(error, CommandFailed):
        for line in error.output.rstrip().splitlines()[-OUTPUT_TAIL:]:
            print(f"  | {line}", file=sys.stderr)
        print(f"  command: {error.command}", file=sys.stderr)
    if error.hint:
        print("  hint: " + "\n        ".join(error.hint.splitlines()), file=sys.stderr)


app = typer.Typer(
    name="composegen",
    cls=Commands,
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,  # rich would double the time of --help
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from composegen import __version__

        print(f"composegen {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version and exit."),
) -> None:
    pass
