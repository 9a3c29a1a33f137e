"""Files of a folder with which nothing works as they are. They hold no edit that anybody could mean, and `update` mends them."""

from __future__ import annotations

from pathlib import Path

from composegen.folder.changes import GENERATED, generated
from composegen.folder.texts import read, unusable

NEEDED = ("Dockerfile", "container/")  # what every build copies


def damaged(directory: Path) -> tuple[str, ...]:
    """Each such file and what is wrong with it. Raises FolderError: one cannot be read, or is a newer composegen's.

    That the folder has lost its variant is not among them: whoever opens it needs that anyway, and knows.
    """
    texts = generated(directory)
    found = [] if texts else [f"{GENERATED} is missing or damaged"]
    for path in (path for path in texts if path.startswith(NEEDED)):
        there = read(directory / path, errors="replace")
        if there is None:
            found.append(f"{path} is missing")
        elif unusable(path, there):
            found.append(f"{path} has CRLF line ends or a BOM")
    return tuple(found)
