"""A command's words → a run: which flags with which values, the image, and what is to run in it; read as Docker's parser does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePath

from composegen.convert.flags import BY_NAME, Flag
from composegen.convert.notes import Source
from composegen.convert.text import MARK, has_expansion
from composegen.convert.words import Script, Word
from composegen.errors import UsageError

PROGRAMS = ("docker", "podman", "nvidia-docker")
VERBS = ("run", "create")
# In front of a command, and none of the container's business; with their flags that take a value.
WRAPPERS = {"sudo": ("-u", "-g", "-h", "-p"), "env": (), "exec": (), "time": (), "nohup": (), "winpty": (), "command": ()}
GLOBAL_WITH_VALUE = ("--config", "-c", "--context", "-H", "--host", "-l", "--log-level", "--tlscacert", "--tlscert", "--tlskey")
TRUE, FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
# https://github.com/distribution/reference, or the beginning of an image's id
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_IMAGE = (
    rf"(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?/)?{_COMPONENT}(?:/{_COMPONENT})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@[a-z0-9]+:[0-9a-f]{32,})?"
)
PLACEHOLDER = re.compile(r"<[A-Za-z][^<>]*>|(?<![{$])\{[A-Za-z][\w .-]*\}(?!\})|(?<![./])\.\.\.(?!/)|…")
SUSPECT = re.compile(r"(?i)/path/to\b|\byour[-_ ][a-z]\w*|\bchange[-_]?me\b|\bx{3,}\b")


@dataclass(frozen=True)
class Run:
    """One `docker run`. `given`: each flag's values by its full name, in order; a flag that takes none has `true` or `false`."""

    program: str
    given: dict[str, list[Word]]
    image: Word
    command: tuple[Word, ...]
    assigned: dict[str, str] = field(default_factory=dict)  # in front of the command: NV_GPU=0 nvidia-docker run …

    def texts(self, name: str) -> list[str]:
        return [word.text for word in self.given.get(name, ())]

    def last(self, name: str) -> str | None:
        return next(reversed(self.texts(name)), None)

    def switched_on(self, name: str) -> bool:
        return self.last(name) in TRUE

    def at(self, name: str) -> int:
        return self.given[name][-1].at


def runs(script: Script) -> list[Run]:
    """Every `docker run` and `docker create` of a text; other commands are left out with a note.

    Raises UsageError: there is none, or one that Docker would refuse.
    """
    found = [run for words in script.commands if (run := _run(words, script))]
    if not found:
        raise UsageError("there is no `docker run` in that", hint='give the whole line, in quotes: "docker run -p 80:80 nginx"')
    return found


def _run(words: tuple[Word, ...], script: Script) -> Run | None:
    source = script.source
    left, assigned = list(words), dict[str, str]()
    _unwrapped(left, assigned)
    program = PurePath(left[0].text.replace("\\", "/")).name.removesuffix(".exe") if left else ""
    verb = _verb(left[1:], source) if program in PROGRAMS else None
    if verb is None:
        source.note("dropped", " ".join(word.text for word in words)[:60], "is no `docker run` and was left out", words[0].at)
        return None
    given, rest = _flags(verb, source)
    if not rest:
        hint = "the image is the first word that is neither a flag nor a flag's value"
        raise source.refusal(left[0].at, "this line names no image", hint)
    image, command = rest[0], tuple(rest[1:])
    _check(script, given, image, command)
    if assigned and set(assigned) != {"NV_GPU"}:
        names = ", ".join(name for name in assigned if name != "NV_GPU")
        source.note(
            "meaning", names, "in front of the command is the shell's: put it into .env beside the compose file", words[0].at
        )
    return Run(program, given, image, command, assigned)


def _unwrapped(left: list[Word], assigned: dict[str, str]) -> None:
    """What stands in front of the program is taken away, assignments are kept."""
    while left:
        if (found := _ASSIGNMENT.fullmatch(left[0].text)) and not left[0].quoted:
            assigned[found[1]] = found[2]
            left.pop(0)
        elif left[0].text in WRAPPERS:
            valued = WRAPPERS[left.pop(0).text]
            while left and left[0].text.startswith("-"):
                if left.pop(0).text in valued and left:
                    left.pop(0)
        else:
            return


def _verb(left: list[Word], source: Source) -> list[Word] | None:
    """What stands behind `run`; None where it is another command of Docker's."""
    while left and left[0].text.startswith("-"):
        flag = left.pop(0)
        source.note("dropped", flag.text, "says where the engine is; give it to `docker compose` as well", flag.at)
        if flag.text in GLOBAL_WITH_VALUE and left:
            left.pop(0)
    if left and left[0].text == "container":
        left.pop(0)
    return left[1:] if left and left[0].text in VERBS else None


# --- Flags ------------------------------------------------------------------------------------------------------------------


def _flags(words: list[Word], source: Source) -> tuple[dict[str, list[Word]], list[Word]]:
    """The flags with their values, and the words behind them, from the image on."""
    given: dict[str, list[Word]] = {}
    left = list(words)
    while left and left[0].text.startswith("-") and left[0].text != "-":
        word = left.pop(0)
        if word.text == "--":
            break
        for flag, value in _read(word, left, source):
            given.setdefault(flag.name, []).append(value)
    return given, left


def _read(word: Word, left: list[Word], source: Source) -> Iterator[tuple[Flag, Word]]:
    """The flags of one word: `--name VALUE`, `--name=VALUE`, or short ones together, `-itp 80:80`."""
    if word.text.startswith("--"):
        name, equals, value = word.text.partition("=")
        flag = _known(name, word, source)
        yield flag, _value(flag, value if equals else None, word, left, source)
        return
    letters = word.text[1:]
    while letters:
        flag = _known(f"-{letters[0]}", word, source)
        letters = letters[1:]
        if letters.startswith("=") or (flag.takes and letters):
            yield flag, _value(flag, letters.removeprefix("="), word, left, source)
            return
        yield flag, _value(flag, None, word, left, source)


def _known(name: str, word: Word, source: Source) -> Flag:
    if name not in BY_NAME:
        with source.blamed(word.at):
            if has_expansion(word.text):
                raise UsageError("a variable stands where a flag is expected", hint="write the flags that it holds in its place")
            raise UsageError.unknown("flag of docker run", name, [each for each in BY_NAME if each.startswith("--")])
    return BY_NAME[name]


def _value(flag: Flag, value: str | None, word: Word, left: list[Word], source: Source) -> Word:
    if not flag.takes:
        value = "true" if value is None else value
        if value not in (*TRUE, *FALSE):
            raise source.refusal(word.at, f"{flag.name}={value} is neither true nor false", f"write {flag.name} alone")
        return Word(value, word.at)
    if value is None and not left:
        raise source.refusal(word.at, f"{flag.name} has no value", f"write {flag.name} VALUE")
    return left.pop(0) if value is None else Word(value, word.at, word.quoted)


# --- What nobody can mean ---------------------------------------------------------------------------------------------------


def _check(script: Script, given: dict[str, list[Word]], image: Word, command: tuple[Word, ...]) -> None:
    source = script.source
    for name, words in given.items():
        for word in words:
            _refuse_placeholder(source, name, word)
    _refuse_placeholder(source, "the image", image)
    if not has_expansion(image.text) and not re.fullmatch(_IMAGE, image.text):
        raise source.refusal(image.at, f"'{image.text}' is not the name of an image", _image_hint(image.text))
    if command and len(image.text) == 1 and has_expansion(image.text) and not image.quoted:
        what = script.expansions.plain(image.text)
        source.note("meaning", what, "is taken for the image; flags that it may hold must be written out", image.at)
    for word in command:
        if found := PLACEHOLDER.search(MARK.sub("", word.text)):
            source.note("meaning", found[0], "looks like a placeholder; it was taken as it stands", word.at)


def _image_hint(given: str) -> str:
    if given != given.lower() and re.fullmatch(_IMAGE, given.lower()):
        return f"names of images are in lower case: {given.lower()}"
    return "the first word that is neither a flag nor a flag's value is the image, such as python:3.12"


def _refuse_placeholder(source: Source, name: str, word: Word) -> None:
    text = MARK.sub("", word.text)
    if found := PLACEHOLDER.search(text):
        if not word.quoted:
            raise source.refusal(word.at, f"{found[0]} of {name} is a placeholder", "write what is meant in its place")
        source.note("meaning", found[0], "looks like a placeholder; it was taken as it stands", word.at)
    elif found := SUSPECT.search(text):
        source.note("meaning", found[0], "looks like a placeholder; it was taken as it stands", word.at)
