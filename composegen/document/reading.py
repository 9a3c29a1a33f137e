"""YAML text as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    # Text in YAML 1.2; and 2024-13-45 is no date to anybody.
    yaml.constructor.add_constructor("tag:yaml.org,2002:timestamp", lambda constructor, node: node.value)
    with explained(name, text):
        return yaml.load(text)


def places(text: str) -> dict[tuple[str, ...], int]:
    """The line (from 1) of every place in a YAML document, by its path of keys and indices as text; `()` is the document's.

    What an alias repeats has its places where it stands first.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    found: dict[tuple[str, ...], int] = {}
    walked: set[int] = set()

    def walk(node: Any, path: tuple[str, ...], line: int) -> None:
        found[path] = line
        if id(node) in walked:
            return
        walked.add(id(node))
        if isinstance(node, MappingNode):
            for key, value in node.value:
                walk(value, (*path, str(key.value)), key.start_mark.line + 1)
        elif isinstance(node, SequenceNode):
            for number, each in enumerate(node.value):
                walk(each, (*path, str(number)), each.start_mark.line + 1)

    walk(YAML(typ="safe", pure=True).compose(text), (), 1)
    return found


def line_of(path: tuple[str, ...], places: Mapping[tuple[str, ...], int]) -> int:
    """The line of the nearest of those places: what is missing has none of its own."""
    return next((places[path[:end]] for end in range(len(path), -1, -1) if path[:end] in places), 1)


@contextmanager
def explained(name: str, text: str) -> Iterator[None]:
    """What ruamel.yaml says inside the block of a text that is not YAML becomes a ComposegenError: one line, with the place."""
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    try:
        yield
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1} " if mark else ""
        raise _not_yaml(name, f"{where}{error.problem or error.context}", "mend that line") from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _not_yaml(name, f"line {line} has a character that YAML does not allow", "mend that line") from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise _not_yaml(name, str(error), "mend that file") from None


def _not_yaml(name: str, problem: str, hint: str) -> ComposegenError:
    return ComposegenError(f"{name} is not YAML: {' '.join(problem.split())}", hint=hint)


def _untagged(constructor: Any, suffix: str, node: Any) -> Any:
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    if isinstance(node, SequenceNode):
        return constructor.construct_sequence(node, deep=True)
    if isinstance(node, MappingNode):
        return constructor.construct_mapping(node, deep=True)
    return constructor.construct_scalar(node)
