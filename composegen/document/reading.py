"""YAML text as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from composegen.errors import ComposegenError


def load(text: str, *, name: str) -> Any:
    """The plain value of a YAML 1.2 document; `name` says in an error which file it was.

    Raises ComposegenError: the text is not YAML, with line and column.
    """
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    # Compose's own tags (!reset, !override) carry a value that can be read without them.
    yaml.constructor.add_multi_constructor("!", _untagged)
    with explained(name):
        return yaml.load(text)


def places(text: str) -> dict[tuple[str | int, ...], int]:
    """The line (from 1) of every place in a YAML document, by its path of keys and indices; `()` is the document's."""
    from ruamel.yaml import YAML
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    found: dict[tuple[str | int, ...], int] = {}

    def walk(node: Any, path: tuple[str | int, ...], line: int) -> None:
        found[path] = line
        if isinstance(node, MappingNode):
            for key, value in node.value:
                walk(value, (*path, key.value), key.start_mark.line + 1)
        elif isinstance(node, SequenceNode):
            for number, each in enumerate(node.value):
                walk(each, (*path, number), each.start_mark.line + 1)

    walk(YAML(typ="safe", pure=True).compose(text), (), 1)
    return found


@contextmanager
def explained(name: str) -> Iterator[None]:
    """What ruamel.yaml says inside the block of a text that is not YAML becomes a ComposegenError with line and column."""
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        yield
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ComposegenError(f"{name} is not YAML:{where} {error.problem or error.context}", hint="mend that line") from None
    except YAMLError as error:
        raise ComposegenError(f"{name} is not YAML: {error}", hint="mend that file") from None


def _untagged(constructor: Any, suffix: str, node: Any) -> Any:
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    if isinstance(node, SequenceNode):
        return constructor.construct_sequence(node, deep=True)
    if isinstance(node, MappingNode):
        return constructor.construct_mapping(node, deep=True)
    return constructor.construct_scalar(node)
