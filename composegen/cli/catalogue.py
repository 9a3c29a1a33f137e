"""`composegen stacks`: what can be made."""

from __future__ import annotations

import json

import typer


def register(app: typer.Typer) -> None:
    app.command("stacks", rich_help_panel="More")(stacks)


def stacks(
    name: str = typer.Argument("", metavar="[NAME]", help="One stack with its variants."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """List the stacks that `init` can write, or show one.

    Example: composegen stacks mindspore
    """
    from composegen import catalogue

    if name:
        stack = catalogue.stack(name)
        if as_json:
            print(json.dumps(catalogue.describe(stack), indent=2))
            return
        print(f"{stack.name}: {stack.title}")
        for variant in stack.variants:
            default = " (default)" if variant.default else ""
            print(f"  {variant.device:5} {variant.version:12} {variant.image}{default}")
        return
    listed = [catalogue.summarise(catalogue.stack(each)) for each in catalogue.names()]
    if as_json:
        print(json.dumps(listed, indent=2))
        return
    for entry in listed:
        print(f"{entry['name']:12} {entry['title']} ({', '.join(entry['devices'])})")
