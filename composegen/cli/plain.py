"""Options that are text, paths or flags, read without pydantic.

typer 0.29 makes a pydantic TypeAdapter for every parameter of a command that runs, which costs 0.1 to 0.2 s; text, paths and flags
have nothing to validate. This uses a private attribute of typer: where another version has none, all works as before, only slower.
It can go when typer does without pydantic for these.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

_READERS: dict[Any, Callable[[Any], Any]] = {
    bool: lambda given: given,  # a flag is a bool already; only an environment variable would be text, and no option has one
    str: str,
    Path: Path,
    list[str]: lambda given: [str(each) for each in given],
    list[Path]: lambda given: [Path(each) for each in given],
}


class _Plain:
    """Stands where typer keeps its RuntimeParam."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        self._read = read

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        return self._read(value)


def read_plainly(parameters: list[Any]) -> list[Any]:
    """These parameters of a typer command, made to do without pydantic, where they are text, paths or flags."""
    for parameter in parameters:
        annotation = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
        if annotation in _READERS and getattr(parameter, "_runtime_param", ...) is None:
            parameter._runtime_param = _Plain(_READERS[annotation])
    return parameters
