"""What came of lines: whether the engine makes the same containers of them and of the files that they are converted to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from composegen.convert import Converted, convert, lines
from composegen.convert.flags import BY_NAME
from composegen.errors import UsageError
from tests.convert.compare import differences
from tests.convert.judge import Bench


class Verdict(NamedTuple):
    line: str
    kind: str  # same, different, or who refuses it
    said: str = ""

    def __str__(self) -> str:
        return f"{self.line.strip()}\n    {self.kind}: {self.said}"


def compared(bench: Bench, given: Sequence[str], *, allowed: bool = True) -> list[Verdict]:
    """Each line's verdict; a runtime stays one. `allowed`: the fields that a note has named need not be the same."""
    texts = [bench.own(line) for line in given]
    from_lines = dict(zip(texts, bench.all_created(texts), strict=True))
    files: dict[str, Converted] = {}
    found: list[Verdict] = []
    for text in texts:
        engine = next((each for each in from_lines[text] if isinstance(each, str)), "")
        try:
            file = convert(text, keep_runtime=True)
        except UsageError as error:
            found.append(Verdict(text, "both refuse" if engine else "we refuse", f"{error.message} ({engine or error.hint})"))
            continue
        if engine:
            found.append(Verdict(text, "the engine refuses", engine))
        else:
            files[text] = file
    made = bench.composed({text: file.text for text, file in files.items()})
    return found + [
        _verdict(bench, text, from_lines[text], made[text], file, _allowed(file) if allowed else set())
        for text, file in files.items()
    ]


def _verdict(bench: Bench, text: str, of_line: list[Any], of_file: Any, file: Converted, allowed: set[str]) -> Verdict:
    if isinstance(of_file, str):
        return Verdict(text, "Compose refuses", of_file)
    if len(of_line) != len(of_file):
        return Verdict(text, "different", f"{len(of_line)} lines, {len(of_file)} services")
    services = list(file.document["services"])
    said = [
        each
        for number, (line, container) in enumerate(zip(of_line, of_file, strict=True))
        for each in differences(line, container, _names(container, services[number]), bench.names, allowed)
    ]
    return Verdict(text, "different" if said else "same", "\n    ".join(said))


def _allowed(file: Converted) -> set[str]:
    """The fields that notes have named as not the same."""
    return {field for note in file.notes if note.what in BY_NAME for field in BY_NAME[note.what].fields}


def _names(container: Mapping[str, Any], service: str) -> set[str]:
    """What Compose makes an alias of without being asked."""
    return {container["Name"].removeprefix("/"), container["Config"]["Labels"]["com.docker.compose.service"], service}


def back_again(bench: Bench, given: Sequence[str]) -> list[Verdict]:
    """What differs between the containers of lines, and of the lines that come back from the files of those."""
    texts = [bench.own(line) for line in given]
    files = {text: convert(text, keep_runtime=True) for text in texts}
    resolved = bench.resolved({text: file.text for text, file in files.items()})
    again = {text: str(lines(resolved[text])[0]).replace("docker run -d", "docker run") for text in texts}
    first, second = bench.all_created(texts), bench.all_created([again[text] for text in texts])
    found = []
    for text, (one,), (two,) in zip(texts, first, second, strict=True):
        if isinstance(one, str) or isinstance(two, str):
            found.append(Verdict(text, "the engine refuses", f"{one if isinstance(one, str) else two}\n{again[text]}"))
        elif said := list(differences(one, two, set(), bench.names, _allowed(files[text]))):
            found.append(Verdict(text, "different", "\n    ".join([*said, again[text], json.dumps(resolved[text]["services"])])))
    return found
