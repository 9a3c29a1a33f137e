"""A text as somebody pasted it → commands of words, as the shell that it was written for would read it. Nothing is run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from composegen.convert.notes import Source
from composegen.convert.shells import CMD, POWERSHELL, SH, Expander, Person, guessed
from composegen.convert.text import MARK, Expansions

PROGRAMS = ("docker", "podman", "nvidia-docker", "sudo")
# What stands in front of a command where somebody copied a terminal: `$ `, `# `, `ada@box:~$ `, `PS C:\> `, `C:\Users\ada>`.
_PROMPT = re.compile(rf"[ \t]*(?:PS [^>\n]*>|[A-Za-z]:\\[^>\n]*>|[^\s'\"]*[$#%>❯])[ \t]*(?=(?:{'|'.join(PROGRAMS)})\b)")
_CONTINUED_PROMPT = re.compile(r"[ \t]*>{1,2}[ \t]+")
_OPERATOR = re.compile(r"&&|\|\||;|\||(?:[0-9]|&)?>>?(?:&[0-9-])?|<{1,3}|&|[()]")
_PLACEHOLDER = re.compile(r"<[^<>\n]+>")
# What a shell makes names of files of, or several words.
_PATTERN = re.compile(r"[*?]|\[(?![0-9A-Fa-f:]+\]:)[^\]]+\]|\{[^{}]*,[^{}]*\}|\{[0-9a-z]+\.\.[0-9a-z]+\}")
_UNWRITABLE = re.compile(f"{MARK.pattern}|[\x00\ud800-\udfff\ufffe\uffff]")
# `~` is the home folder at the beginning of a word, and in one that could be an assignment.
_HOME = re.compile(r"~(?=[/\s:]|$)")
_TILDE_PREFIX = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*=(?:[^\s'\"]*:)?)?")
ENDS = ("&&", "||", ";", "\n")
# Signs that a word processor or web page put in the place of others.
MISPRINTED = {
    **dict.fromkeys("–—−‐‑", "a typographic dash, where - or -- is meant"),
    **dict.fromkeys("“”„«»", 'a typographic quotation mark, where " is meant'),
    **dict.fromkeys("‘’‚", "a typographic quotation mark, where ' is meant"),
    **dict.fromkeys("\u00a0\u2007\u202f\u3000", "a blank that no shell takes for one"),
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff", "a sign that nobody sees"),
}
ANSI = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"', "a": "\a", "e": "\x1b"}


@dataclass(frozen=True)
class Word:
    text: str  # with marks for what the shell would have expanded
    at: int  # its offset in the source
    quoted: bool = False  # in part or as a whole


@dataclass(frozen=True)
class Script:
    """The commands of a text, in its order."""

    commands: tuple[tuple[Word, ...], ...]
    source: Source
    expansions: Expansions


def from_words(given: Sequence[str]) -> Script:
    """One command that a shell has split and expanded already."""
    source = Source("\0".join(given), words=True)
    words, at = [], 0
    for text in given:
        _refuse_unwritable(source, text, at)
        words.append(Word(text, at, quoted=True))
        at += len(text) + 1
    return Script((tuple(words),), source, Expansions())


def from_text(given: str, person: Person) -> Script:
    """Every command of a text. Raises UsageError: what no shell would read as it is meant, with its place."""
    text = given.replace("\r\n", "\n").removeprefix("\ufeff")
    source, expansions = Source(text), Expansions()
    _refuse_unwritable(source, text, 0)
    scanner = _Scanner(source, person, expansions)
    return Script(tuple(scanner.commands()), source, expansions)


def _refuse_unwritable(source: Source, text: str, at: int) -> None:
    if found := _UNWRITABLE.search(text):
        raise source.refusal(at + found.start(), f"{found[0]!r} is no text that a compose file can hold", "write it in another way")


class _Scanner:
    """One pass over the text; `at` is where it is."""

    def __init__(self, source: Source, person: Person, expansions: Expansions) -> None:
        self.source, self.text, self.at = source, source.text, 0
        self.shell = guessed(source.text)
        self.expander = Expander(self.shell, person, expansions, lambda written, why: source.note("meaning", written, why, self.at))
        self.escape = re.escape(self.shell.escape)
        self.blank = re.compile(rf"(?:[ \t]|{self.escape}\n)+")

    def commands(self) -> Iterator[tuple[Word, ...]]:
        while self.at < len(self.text):
            words = tuple(self._words())
            operator = self._operator()
            if words:
                yield words
            if operator == "|":
                tuple(self._words())
                self.source.note("dropped", "|", "is the shell's; `docker compose logs` shows what a container says", self.at)

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What is here, read over."""
        if found := pattern.match(self.text, self.at):
            self.at = found.end()
        return found

    # --- Between words ------------------------------------------------------------------------------------------------------

    def _words(self) -> Iterator[Word]:
        """The words up to the command's end, which is left standing."""
        if self.at == 0 or self.text[self.at - 1] == "\n":
            self._match(_PROMPT)
        while True:
            self._blanks()
            if self._at_end():
                return
            if self._redirected():
                continue
            yield self._word()

    def _blanks(self) -> None:
        if (found := self._match(self.blank)) and "\n" in found[0]:
            self._match(_CONTINUED_PROMPT)
        if found := re.compile(rf"{self.escape}[ \t]+\n").match(self.text, self.at):
            hint = f"take the blank away, so that {self.shell.escape} is the line's last character"
            raise self.source.refusal(self.at, f"{self.shell.escape} with a blank behind it does not continue the line", hint)
        self._match(re.compile(rf"{self.escape}$"))

    def _at_end(self) -> bool:
        if self.at >= len(self.text):
            return True
        if self.shell.comment and self.text.startswith(self.shell.comment, self.at):
            self.at = (self.text + "\n").index("\n", self.at)
            self._refuse_torn("a comment ends the command")
            return True
        if self.text[self.at] == "\n":
            self._refuse_torn(f"this line does not end with {self.shell.escape}, so the command ends here")
            return True
        found = _OPERATOR.match(self.text, self.at)
        ends = found is not None and found[0] in (*ENDS, "|", "&", "(", ")")
        return ends and self.text[self.at] not in self.shell.plain

    def _refuse_torn(self, what: str) -> None:
        """Raises UsageError: the next line can only belong to this one."""
        following = re.compile(r"\s*(-{1,2}[A-Za-z][^\n]*)").match(self.text, self.at)
        if following:
            hint = "let each line of a command but its last end that way, with no comment between them"
            raise self.source.refusal(self.at, f"{what}, and `{following[1].strip()[:40]}` stands alone", hint)

    def _operator(self) -> str:
        """What ended the command, read over."""
        if self._match(re.compile("\n")):
            return "\n"
        found = self._match(_OPERATOR)
        operator = found[0] if found else ""
        if operator in ("(", ")"):
            raise self.source.refusal(self.at - 1, f"'{operator}' begins or ends a subshell", "give the docker line alone")
        if operator == "&" and self.shell.background:
            self.source.note("dropped", "&", "is the shell's; `docker compose up -d` starts in the background", self.at - 1)
        return operator

    def _redirected(self) -> bool:
        """A redirection and its file, read over."""
        if found := _PLACEHOLDER.match(self.text, self.at):
            hint = "write what is meant in its place; quote it where it is meant as it stands"
            raise self.source.refusal(self.at, f"{found[0]} is a placeholder", hint)
        at = self.at
        operator = self._match(_OPERATOR)
        if not operator:
            return False
        self._blanks()
        if not re.search(r"&[0-9-]$", operator[0]) and self.at < len(self.text) and self.text[self.at] != "\n":
            self._word()
        self.source.note("dropped", self.text[at : self.at].strip(), "redirects for the shell", at)
        return True

    # --- Inside a word ------------------------------------------------------------------------------------------------------

    def _word(self) -> Word:
        start, pieces, quoted = self.at, list[str](), False
        while self.at < len(self.text) and self.text[self.at] not in " \t\n":
            character = self.text[self.at]
            if character in MISPRINTED:
                raise self.source.refusal(self.at, f"'{character}' is {MISPRINTED[character]}", "type it anew")
            if pieces and not character.isdigit() and character not in self.shell.plain and _OPERATOR.match(self.text, self.at):
                break
            if self.text.startswith(f"{self.shell.escape}\n", self.at):
                self.at += 2
                continue
            quoted = quoted or character == '"' or (character == "'" and self.shell.single_quotes)
            pieces.append(self._piece(character, start))
        word = Word("".join(pieces), start, quoted)
        if not quoted and (found := _PATTERN.search(word.text)):
            self.source.note("meaning", found[0], "may become several words in a shell; it was taken as it stands", start)
        return word

    def _piece(self, character: str, start: int) -> str:
        if character == "'" and self.shell.single_quotes:
            return self._single()
        if character == '"':
            return self._double()
        if character == self.shell.escape:
            self.at += 2
            return self.text[self.at - 1 : self.at]
        if self.shell.home and character == "~" and self._at_home(start):
            self.at += 1
            return self.expander.expansions.mark("${HOME}")
        if self.text.startswith("$'", self.at) and self.shell is SH:
            return self._ansi()
        return self._expanded() or self._taken(1)

    def _at_home(self, start: int) -> bool:
        return bool(_TILDE_PREFIX.fullmatch(self.text, start, self.at) and _HOME.match(self.text, self.at))

    def _expanded(self) -> str:
        found = self.shell.expansion.match(self.text, self.at)
        if not found:
            return ""
        with self.source.blamed(self.at):
            value = self.expander.read(found)
        self.at = found.end()
        return value

    def _taken(self, length: int) -> str:
        self.at += length
        return self.text[self.at - length : self.at]

    def _single(self) -> str:
        start = self.at
        doubled = "(?:[^']|'')*" if self.shell is POWERSHELL else "[^']*"
        found = self._match(re.compile(f"'({doubled})'"))
        if not found:
            raise self._unclosed(start)
        return found[1].replace("''", "'")

    def _ansi(self) -> str:
        start = self.at
        found = self._match(re.compile(r"\$'((?:[^'\\]|\\.)*)'", re.DOTALL))
        if not found:
            raise self._unclosed(start)
        return re.sub(r"(?s)\\(.)", lambda each: ANSI.get(each[1], each[0]), found[1])

    def _double(self) -> str:
        start, pieces = self.at, list[str]()
        self.at += 1
        while self.at < len(self.text):
            character = self.text[self.at]
            following = self.text[self.at + 1 : self.at + 2]
            if character == '"':
                self.at += 1
                return "".join(pieces)
            if character == "\\" and following == '"' and self.shell is CMD:
                self.at += 2
                pieces.append('"')
            elif character == self.shell.escape and following and following in f"{self.shell.escaped_in_double}\n":
                self.at += 2
                pieces.append("" if following == "\n" else following)
            else:
                pieces.append(self._expanded() or self._taken(1))
        raise self._unclosed(start)

    def _unclosed(self, at: int) -> Exception:
        return self.source.refusal(at, f"the quotation mark {self.text[at]} is never closed", "close it where the text ends")
