"""Where the program begins."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    # A run is short and ends by itself: looking for reference cycles meanwhile would cost a tenth of the start.
    gc.disable()
    from composegen.cli import commands

    if sys.argv[1:] in ([], ["--help"]):
        # The whole answer is known without typer, whose import takes longer than `docker compose version`.
        print(commands.overview())
        return
    from composegen.cli.app import app

    app()


if __name__ == "__main__":
    main()
