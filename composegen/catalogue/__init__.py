"""What composegen knows about frameworks: one YAML file per stack beside this module."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from composegen import document
from composegen.errors import CatalogueError, UsageError
from composegen.model import Check, Stack, Variant

HERE = Path(__file__).parent


@cache
def names() -> tuple[str, ...]:
    """Every stack's name, sorted."""
    return tuple(sorted(file.stem for file in HERE.glob("*.yaml")))


@cache
def stack(name: str) -> Stack:
    """The stack of that name. Raises UsageError: there is none."""
    if name not in names():
        raise UsageError.unknown("stack", name, names(), more="`composegen stacks` lists them all")
    return _trusted(document.load((HERE / f"{name}.yaml").read_text(encoding="utf-8"), name=f"{name}.yaml"))


def _trusted(loaded: dict[str, Any]) -> Stack:
    """A stack of our own catalogue. The tests hold every file of it against `parse`; pydantic would double the time of `init`."""

    def variant(given: dict[str, Any]) -> Variant:
        lists = {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
        checks = {"check": Check(**given["check"])} if "check" in given else {}
        return Variant(**{**given, **lists, **checks})

    return Stack(loaded["name"], loaded["title"], tuple(map(variant, loaded["variants"])))


def parse(text: str, *, file: str) -> Stack:
    """Read a catalogue file that anybody may have written. Raises CatalogueError with every problem, each with file and path."""
    from pydantic import TypeAdapter, ValidationError

    try:
        loaded = TypeAdapter(Stack).validate_python(document.load(text, name=file))
    except ValidationError as error:
        problems = [f"{file}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()]
        raise CatalogueError("\n".join(problems), hint="see docs/architecture.md for what a catalogue file holds") from None
    return loaded


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
