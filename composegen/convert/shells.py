"""The three shells that command lines are written for, as data; and what becomes of what they would have expanded.

The rule: the current folder becomes the folder of the compose file; a variable becomes Compose's own interpolation; what only the
shell knows of this person (`$UID`, `$(id -u)`) becomes its value now. Whatever else a shell would put there is refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from composegen.convert.text import HERE, Expansions
from composegen.errors import UsageError


@dataclass(frozen=True)
class Shell:
    name: str
    escape: str  # one character: before a line's end it continues the line
    single_quotes: bool
    escaped_in_double: str  # what `escape` takes the meaning from between double quotes; empty: nothing
    comment: str  # begins one, at the start of a word
    expansion: re.Pattern[str]  # `Expander` knows its groups
    plain: str = ""  # what is an operator elsewhere, and part of a word here
    home: bool = True  # `~` is the home folder
    background: bool = True  # `&` is; else it only ends a command


_NAME = r"[A-Za-z_][A-Za-z0-9_]*"

SH = Shell(
    "sh",
    "\\",
    single_quotes=True,
    escaped_in_double='$`"\\',
    comment="#",
    expansion=re.compile(
        rf"\$\((?P<command>[^()]*)\)|`(?P<quoted_command>[^`]*)`|\$\{{(?P<braced>{_NAME})(?P<rest>:?[-?+][^{{}}$`\"'\\]*)?\}}"
        rf"|\$(?P<variable>{_NAME})|(?P<unknown>\$[0-9@*?$!({{-])"
    ),
)
CMD = Shell(
    "cmd",
    "^",
    single_quotes=False,
    escaped_in_double="",
    comment="",
    expansion=re.compile(rf"%(?P<variable>{_NAME})%|(?P<unknown>%[0-9*])"),
    plain=";()",
    home=False,
    background=False,
)
POWERSHELL = Shell(
    "PowerShell",
    "`",
    single_quotes=True,
    escaped_in_double='$`"',
    comment="#",
    expansion=re.compile(
        rf"\$\((?P<command>[^()]*)\)|\$\{{env:(?P<braced>{_NAME})\}}|\$env:(?P<variable>{_NAME})"
        rf"|\$\{{?(?P<own>(?i:pwd|home|pid))(?:\.Path)?\}}?|(?P<unknown>\$[A-Za-z_{{(?$^])"
    ),
)
SHELLS = (SH, CMD, POWERSHELL)

IS_FOLDER = "is the folder of the compose file, wherever that will be"
FOLDER_COMMANDS = {"pwd", "pwd -P", "pwd -L", "get-location", "gl", "(get-location).path"}
FOLDER_VARIABLES = {"PWD", "CD"}
USER_COMMANDS = {"whoami", "id -un", "id -nu"}


@dataclass(frozen=True)
class Person:
    """What a shell knows of who types, and of the machine."""

    uid: int
    gid: int
    host: str

    @classmethod
    def current(cls) -> Person:
        return cls(os.getuid(), os.getgid(), os.uname().nodename)

    @property
    def commands(self) -> dict[str, str]:
        return {"id -u": str(self.uid), "id -g": str(self.gid), "hostname": self.host, "uname -n": self.host}

    @property
    def variables(self) -> dict[str, str]:
        """Variables of the shell that it does not hand on, so that Compose never sees them."""
        return {"UID": str(self.uid), "EUID": str(self.uid), "HOSTNAME": self.host}


# What tells a text's shell, the surest sign first: how lines are continued, else how variables are named.
SIGNS = (
    (r"\\[ \t]*\n", SH),
    (r"[ \t]\^[ \t]*\n", CMD),
    (r"[ \t]`[ \t]*\n", POWERSHELL),
    (r"\$\{?env:|\$\{?pwd\}?\.Path|Get-Location|^\s*PS [^>\n]*>", POWERSHELL),
    (r"\$[({A-Za-z]", SH),
    (r"%[A-Za-z_]{2,}%(?![A-Za-z])|^\s*[A-Za-z]:\\[^>\n]*>", CMD),
)


def guessed(text: str) -> Shell:
    """The shell that a text was written for."""
    return next((shell for sign, shell in SIGNS if re.search(sign, text)), SH)


@dataclass
class Expander:
    """Reads one expansion at a time; `notes` is told what changes its meaning."""

    shell: Shell
    person: Person
    expansions: Expansions
    note: Callable[[str, str], None]  # what was written, and what became of it

    def read(self, written: re.Match[str]) -> str:
        """What stands in the text instead: a mark, or a value. Raises UsageError: only the shell could say."""
        kind = str(written.lastgroup if written.lastgroup != "rest" else "braced")
        name = written[kind]
        if kind in ("command", "quoted_command"):
            return self._command(" ".join(name.split()), written[0])
        if kind == "unknown":
            raise only_the_shell(written[0])
        rest = written["rest"] or "" if "rest" in self.shell.expansion.groupindex else ""
        return self._variable(name.upper() if kind == "own" else name, rest, written[0])

    def _command(self, command: str, written: str) -> str:
        if command.lower() in FOLDER_COMMANDS:
            return self._folder(written)
        if command in USER_COMMANDS:
            return self._interpolated("${USER}", written)
        if (value := self.person.commands.get(command)) is not None:
            self.note(written, f"was written as {value}, which it is here and now")
            return value
        raise only_the_shell(written)

    def _variable(self, name: str, rest: str, written: str) -> str:
        if name.upper() in FOLDER_VARIABLES and not rest:
            return self._folder(written)
        if (value := self.person.variables.get(name)) is not None and not rest:
            self.note(written, f"was written as {value}, which it is here and now")
            return value
        if name in ("RANDOM", "SECONDS", "PPID", "PID", "BASHPID", "LINENO"):
            raise only_the_shell(written)
        return self._interpolated(f"${{{name}{rest}}}", written)

    def _folder(self, written: str) -> str:
        self.note(written, IS_FOLDER)
        return HERE

    def _interpolated(self, expression: str, written: str) -> str:
        self.note(written, f"is {expression}, which Compose reads from its environment and .env each time")
        return self.expansions.mark(expression)


def only_the_shell(written: str) -> UsageError:
    return UsageError(f"only the shell knows what stands for {written}", hint="write what it stands for in its place")
