"""`composegen stacks`: what can be made."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from composegen.cli import place

if TYPE_CHECKING:
    from composegen.model import Stack


def register(app: typer.Typer) -> None:
    app.command("stacks", rich_help_panel="More")(stacks)


def stacks(
    name: str = typer.Argument("", metavar="[NAME]", help="One stack with its variants."),
    directories: list[Path] = place.CATALOGUE,
    as_json: bool = place.JSON,
) -> None:
    """List the stacks that `init` can write, or show one.

    Example: composegen stacks mindspore
    """
    from composegen import catalogue

    lookup = catalogue.directories(directories, os.environ)
    if name:
        stack = catalogue.stack(name, lookup)
        print(json.dumps(catalogue.describe(stack), indent=2) if as_json else "\n".join(_shown(stack)))
        return
    listed = [catalogue.summarise(each) for each in catalogue.stacks(lookup)]
    if as_json:
        print(json.dumps(listed, indent=2))
        return
    for entry in listed:
        print(f"{entry['name']:12} {entry['title']} ({', '.join(entry['devices'])})")


def _shown(stack: Stack) -> Iterator[str]:
    yield f"{stack.name}: {stack.title}. Marks: * default, ? fewer sources, ?? doubtful. No image was ever pulled by this project."
    limits = {variant.contract.os: variant.contract.ide for variant in stack.variants if variant.contract.ide}
    yield from (f"! on {system}: {' '.join(limit)}" for system, limit in limits.items())
    for device in stack.devices:
        for variant in (each for each in stack.variants if each.device == device):
            mark = "*" if variant.default else " "
            doubt = {"high": "", "medium": " ?", "low": " ??"}[variant.confidence]
            cuda = f"CUDA {variant.cuda}" if variant.cuda else ""
            limited = " !" if variant.contract.ide else ""
            yield f"{mark} {device:5} {variant.version:14} {cuda:10} {variant.flavour:12} {variant.image}{doubt}{limited}"
