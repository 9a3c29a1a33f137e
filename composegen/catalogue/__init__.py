"""What composegen knows about frameworks: one YAML file per stack beside this module, and facts that they share in `facts/`.

schema    a file as somebody writes it, and every variant that it means
shape     what somebody wrote, held against that field by field
rules     what else must hold
reading   from a file to a stack, with every problem at once; kept ready-made in the user's cache
mirrors   where images and packages come from where the usual places are slow
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from composegen.catalogue.reading import parse, read, read_all
from composegen.errors import CatalogueError, UsageError
from composegen.model import Stack

__all__ = ["OWN", "VARIABLE", "describe", "directories", "files", "names", "parse", "stack", "stacks", "summarise"]

OWN = Path(__file__).parent
VARIABLE = "COMPOSEGEN_CATALOGUE"


def files(directories: Sequence[Path] = ()) -> dict[str, Path]:
    """Every stack's name with its file, sorted. A stack of one of `directories` replaces composegen's own of that name.

    Raises CatalogueError: one of `directories` is not a folder with catalogue files.
    """
    found: dict[str, Path] = {}
    for directory in (OWN, *directories):
        here = {file.stem: file for file in directory.glob("*.yaml")} if directory.is_dir() else {}
        if not here:
            what = "has no *.yaml file" if directory.is_dir() else "is not a folder"
            raise CatalogueError(f"the catalogue '{directory}' {what}", hint="docs/adding-a-stack.md says what goes into one")
        found |= here
    return dict(sorted(found.items()))


def directories(given: Sequence[Path], environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Where stacks are looked up besides here: `given`, and above that what COMPOSEGEN_CATALOGUE names, separated by colons."""
    exported = environment.get(VARIABLE, "")
    return (*(Path(each) for each in exported.split(os.pathsep) if each), *given)


def names(directories: Sequence[Path] = ()) -> tuple[str, ...]:
    """Every stack's name, sorted."""
    return tuple(files(directories))


def stack(name: str, directories: Sequence[Path] = ()) -> Stack:
    """The stack of that name.

    Raises UsageError: there is none. CatalogueError: its file is wrong; told with every problem of every file of `directories`.
    """
    known = files(directories)
    if name not in known:
        more = "`composegen stacks` lists them all; `--catalogue DIR` adds a team's own"
        raise UsageError.unknown("stack", name, list(known), more=more)
    try:
        return read(known[name])
    except CatalogueError:
        read_all(file for file in known.values() if file == known[name] or file.parent != OWN)
        raise


def stacks(directories: Sequence[Path] = ()) -> list[Stack]:
    """Every stack, by name. Raises CatalogueError: what is wrong with any file, all at once."""
    return read_all(files(directories).values())


def summarise(stack: Stack) -> dict[str, Any]:
    """One line of `composegen stacks --json`."""
    return {
        "name": stack.name,
        "title": stack.title,
        "devices": list(stack.devices),
        "versions": list(dict.fromkeys(variant.version for variant in stack.variants if variant.version)),
        "default": stack.variant().image,
    }


def describe(stack: Stack) -> dict[str, Any]:
    """`composegen stacks NAME --json`: the summary with every variant in full."""
    from dataclasses import asdict

    return {**summarise(stack), "variants": [asdict(variant) for variant in stack.variants]}
