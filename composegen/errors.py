"""Every mistake composegen explains: one fact, then a hint.

    ComposegenError                exit 1
    ├── Told                            a command that reports has said what it found; the exit code goes with it
    ├── UsageError                 exit 2   a flag, a name or a value that cannot be meant
    │   └── model.WrongSetting              a variable of .env
    ├── FolderError                         the folder on disk: not ours, edited, unreadable, full
    ├── CatalogueError                      a catalogue file that does not say what it must
    ├── EngineError                         Docker is missing, stopped, forbidden, too old, or failed
    │   └── CommandFailed                   one engine command failed: the command and what it said
    └── SshError                            the way into the container
        ├── NotReachable                    nobody answers, or not as an SSH server
        ├── LoginRefused                    the server answers and says no
        └── HostKeyChanged                  another host key than the one written down

Only `composegen.cli` prints these and exits; a traceback is always a bug.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence


class ComposegenError(Exception):
    """A mistake with a known cause: `message` is one sentence, `hint` says what to do about it.

    `said`: words of another program that tell why, where there are any; the user has seen them, or the message has them.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None, said: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.said = said


class UsageError(ComposegenError):
    exit_code = 2

    @classmethod
    def unknown(cls, kind: str, given: str, known: Sequence[str], *, more: str = "") -> UsageError:
        """`no stack named 'pytroch'`, with the nearest known names as the hint."""
        from difflib import get_close_matches

        nearest = get_close_matches(given, known, n=1)
        said = f"did you mean '{nearest[0]}'?" if nearest else f"known: {', '.join(known)}."
        return cls(f"no {kind} named '{given}'", hint=f"{said} {more}".strip())


class FolderError(ComposegenError):
    pass


class CatalogueError(ComposegenError):
    pass


class EngineError(ComposegenError):
    pass


class Told(ComposegenError):
    """What a command found is on stdout already, as text or JSON; this is the sentence and the exit code that go with it."""


class CommandFailed(EngineError):
    """An engine command failed. `command` can be pasted into a shell, `said` is the tail of its words, `shown`: the user saw it."""

    def __init__(self, message: str, *, argv: Sequence[str], output: str, status: int = 1, shown: bool = False) -> None:
        super().__init__(message, said=output)
        self.command = shlex.join(argv)
        self.shown = shown
        self.exit_code = status

    @property
    def output(self) -> str:
        """What is left to show of what it said."""
        return "" if self.shown else self.said


class SshError(ComposegenError):
    pass


class NotReachable(SshError):
    pass


class LoginRefused(SshError):
    pass


class HostKeyChanged(SshError):
    pass
