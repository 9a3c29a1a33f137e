"""The command line as a whole: which commands there are, in which order, and how an error is shown.

Command modules import only typer and `composegen.errors` at the top, so that `--help` stays as fast as `docker compose version`.
"""

from __future__ import annotations

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from composegen.cli import catalogue, init, lifecycle, test, up
from composegen.cli.plain import read_plainly
from composegen.errors import CommandFailed, ComposegenError

INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it
OUTPUT_TAIL = 20  # lines of a failed engine command that are shown


class Commands(TyperGroup):
    """Shows an explained error as `error:` and `hint:` lines and exits with its code, in a shell and under a test runner alike."""

    def get_params(self, ctx: Any) -> Any:
        return read_plainly(super().get_params(ctx))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            read_plainly(command.get_params(ctx))
        return command

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ComposegenError as error:
            show(error)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # The reader of a pipe (`| head`) went away: nobody is left to tell.
            sys.stderr.close()
            raise typer.Exit(1) from None


def show(error: ComposegenError) -> None:
    print(f"error: {error.message}", file=sys.stderr)
    if isinstance(error, CommandFailed):
        for line in error.output.rstrip().splitlines()[-OUTPUT_TAIL:]:
            print(f"  | {line}", file=sys.stderr)
        print(f"  command: {error.command}", file=sys.stderr)
    if error.hint:
        print(f"  hint: {error.hint}", file=sys.stderr)


app = typer.Typer(
    name="composegen",
    cls=Commands,
    help="One line gives a GPU container that an IDE opens over SSH.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,  # rich would double the time of --help
    pretty_exceptions_enable=False,
)

for module in (init, up, test, lifecycle, catalogue):
    module.register(app)


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


def main() -> None:
    app()
