"""The engine is the judge: the container of a line, and that of the file it is converted to, are one and the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from composegen.convert import Converted, convert
from composegen.convert.flags import BY_NAME
from tests.convert.compare import differences
from tests.convert.judge import Bench, read_lines

pytestmark = pytest.mark.engine

LINES = read_lines(Path(__file__).parent / "lines.txt")


def converted(text: str) -> Converted:
    """As strictly as it can be: a runtime stays one."""
    return convert(text, keep_runtime=True)


def test_the_engine_makes_the_same_containers_of_lines_and_files(bench: Bench) -> None:
    said = judged(bench, LINES)
    assert not said, "\n".join(said)


def judged(bench: Bench, lines: Sequence[str]) -> list[str]:
    """Every difference between what the engine makes of lines and of the files they are converted to."""
    texts = [bench.own(line) for line in lines]
    files = {text: converted(text) for text in texts}
    from_lines = dict(zip(texts, bench.all_created(texts), strict=True))
    from_files = bench.composed({text: file.text for text, file in files.items()})
    return [
        f"{text.strip()}\n    {said}" for text in texts for said in _judged(bench, from_lines[text], from_files[text], files[text])
    ]


def _judged(bench: Bench, lines: list[Any], made: Any, file: Converted) -> list[str]:
    if refused := [each for each in lines if isinstance(each, str)]:
        return [f"the engine refuses the line: {refused[0]}"]
    if isinstance(made, str):
        return [f"Compose refuses the file: {made}"]
    if len(lines) != len(made):
        return [f"{len(lines)} lines, {len(made)} services"]
    allowed = {
        field for note in file.notes if note.what in BY_NAME and note.kind != "meaning" for field in BY_NAME[note.what].fields
    }
    services = list(file.document["services"].items())
    return [
        said
        for number, (line, container) in enumerate(zip(lines, made, strict=True))
        for said in differences(line, container, names(container, services[number]), bench.names, allowed)
    ]


def names(container: Any, service: tuple[str, Any]) -> set[str]:
    """What Compose makes an alias of without being asked."""
    return {container["Name"].removeprefix("/"), container["Config"]["Labels"]["com.docker.compose.service"], service[0]}
