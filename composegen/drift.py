"""`composegen check`: where a folder differs from what its own `x-composegen` renders. Nothing is written, no engine is asked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from composegen import catalogue, document, folder, render
from composegen.errors import FolderError
from composegen.folder import COMPOSE, GENERATED
from composegen.model import Choices, Stack

# Folders that hold no project of anybody's, and would take long to look through.
PASSED_OVER = {"node_modules", "__pycache__", "venv", "site-packages"}


@dataclass(frozen=True)
class Drift:
    """One folder. `diff` is what must be undone to have it as composegen writes it, behind what is not YAML; empty: nothing."""

    directory: Path
    diff: str

    @property
    def ok(self) -> bool:
        return not self.diff


def check(directory: Path, catalogues: Sequence[Path] = ()) -> Drift:
    """Compare a folder with a fresh rendering of its recorded choices.

    Raises FolderError: the folder is not composegen's, or of a newer one. UsageError or CatalogueError: its variant is not known.
    """
    text = folder.read_text(directory / COMPOSE)
    if text is None:
        raise FolderError(f"no {COMPOSE} in '{directory}'", hint="name a folder that composegen wrote, or check --all of a tree")
    choices = document.choices(text, name=str(directory / COMPOSE))
    texts = _rendered(choices, catalogue.stack(choices.stack, tuple(catalogues)))
    said = "".join(f"{line}\n" for line in folder.broken(directory, texts))
    return Drift(directory, said + folder.difference(directory, texts))


@lru_cache(maxsize=256)
def _rendered(choices: Choices, stack: Stack) -> Mapping[str, str]:
    return render.render(choices, stack)


def find(root: Path) -> Iterator[Path]:
    """Every folder below `root` that composegen wrote, in order; what lies inside one is its own."""
    for here, below, files in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith(".") and name not in PASSED_OVER)
        # The record tells a folder that was written from a file that only looks like one, such as composegen's own template.
        if COMPOSE in files and folder.is_ours(Path(here)) and (Path(here) / GENERATED).exists():
            below.clear()
            yield Path(here)
