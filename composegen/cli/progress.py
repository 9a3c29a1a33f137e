"""How far something is that takes minutes: a bar on a terminal, a line a stage elsewhere. All of it goes to standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from composegen.cli import place

if TYPE_CHECKING:
    from composegen.ide.vendor.download import Progress
    from composegen.ide.vendor.obtain import Stages


@contextmanager
def stages() -> Iterator[Stages]:
    """A function that begins a stage, and gives the one that says how far it is: bytes done, and of how many."""
    if not sys.stderr.isatty():
        yield _line
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description:9}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True)) as bars:

        def begin(stage: str) -> Progress:
            task = bars.add_task(stage, total=None)
            return lambda done, total: bars.update(task, completed=done, total=total)

        yield begin


def _line(stage: str) -> Progress:
    place.say(f"{stage} …")
    return lambda done, total: None
