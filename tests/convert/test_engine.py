"""The engine is the judge: the container of a line, and that of the file it is converted to, are one and the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from composegen.convert import Converted, convert
from composegen.convert.flags import BY_NAME
from composegen.errors import UsageError
from tests.convert.compare import differences
from tests.convert.judge import Bench, read_lines

pytestmark = pytest.mark.engine

LINES = read_lines(Path(__file__).parent / "lines.txt")


def test_the_engine_makes_the_same_containers_of_lines_and_files(bench: Bench) -> None:
    said = judged(bench, LINES)
    assert not said, "\n".join(said)


Verdict = tuple[str, str, str]  # the line, one word, and what there is to say


def judged(bench: Bench, lines: Sequence[str]) -> list[str]:
    """All that is not the same between what the engine makes of lines, and of the files that they are converted to."""
    return [f"{line.strip()}\n    {kind}: {said}" for line, kind, said in compared(bench, lines) if kind != "same"]


def compared(bench: Bench, lines: Sequence[str]) -> list[Verdict]:
    """Each line's verdict: same, different, or who refuses it."""
    texts = [bench.own(line) for line in lines]
    from_lines = dict(zip(texts, bench.all_created(texts), strict=True))
    files: dict[str, Converted] = {}
    found: list[Verdict] = []
    for text in texts:
        engine = next((each for each in from_lines[text] if isinstance(each, str)), "")
        try:
            files[text] = convert(text, keep_runtime=True)
        except UsageError as error:
            found.append((text, "both refuse" if engine else "we refuse", f"{error.message} / {engine or error.hint}"))
        else:
            if engine:
                found.append((text, "engine refuses", engine))
                del files[text]
    made = bench.composed({text: file.text for text, file in files.items()})
    return [
        *found,
        *(verdict for text, file in files.items() for verdict in _verdicts(bench, text, from_lines[text], made[text], file)),
    ]


def _verdicts(bench: Bench, text: str, lines: list[Any], made: Any, file: Converted) -> list[Verdict]:
    if isinstance(made, str):
        return [(text, "compose refuses", made)]
    if len(lines) != len(made):
        return [(text, "different", f"{len(lines)} lines, {len(made)} services")]
    allowed = {field for note in file.notes if note.what in BY_NAME for field in BY_NAME[note.what].fields}
    services = list(file.document["services"].items())
    found = [
        (text, "different", said)
        for number, (line, container) in enumerate(zip(lines, made, strict=True))
        for said in differences(line, container, names(container, services[number]), bench.names, allowed)
    ]
    return found or [(text, "same", "")]


def names(container: Any, service: tuple[str, Any]) -> set[str]:
    """What Compose makes an alias of without being asked."""
    return {container["Name"].removeprefix("/"), container["Config"]["Labels"]["com.docker.compose.service"], service[0]}
