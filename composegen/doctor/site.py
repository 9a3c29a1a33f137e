"""What the doctor looks at: a folder's wishes, the engine, and this host. Values, and answers that are waited for at most once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeVar

from composegen.engine import Engine, Info
from composegen.errors import EngineError
from composegen.model import Choices, Settings, Variant

T = TypeVar("T")
Status = Literal["ok", "warn", "fail", "skip"]


@dataclass(frozen=True)
class Mend:
    """What is safe to do for the user. `question` is asked first; `do` says in one line what it did, or raises ComposegenError."""

    question: str
    do: Callable[[], str]


@dataclass(frozen=True)
class Verdict:
    """What one check found. `fix`: what to do about it, one command or sentence a line."""

    status: Status
    detail: str
    fix: str = ""
    mend: Mend | None = None


class Site:
    """One folder on one engine and host, or an engine and host alone where there is no folder (`choices` is None).

    Every check gets the same one. The engine is asked once, by whoever needs it first.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        directory: Path,
        choices: Choices | None = None,
        settings: Settings | None = None,
        variant: Variant | None = None,
        variables: Mapping[str, str] | None = None,
        systems: tuple[str, ...] = (),
        root: Path = Path("/"),
    ) -> None:
        self.engine, self.directory = engine, directory
        self.choices, self.settings, self.variant = choices, settings or Settings(), variant
        self.variables = variables or {}  # what Compose interpolates with
        self.systems = systems  # of host.systems(): which fix is this host's
        self.root = root  # of the files that checks read; another one in tests
        self._info = _Once(engine.info)

    @property
    def info(self) -> Info:
        """Raises Unanswered: the engine does not answer, which is the finding of one check only."""
        try:
            return self._info.answer()
        except EngineError as error:
            raise Unanswered("the engine does not answer") from error


class Unanswered(Exception):
    """A check cannot be made here; the reason is its only argument."""


class _Once(Generic[T]):
    """An answer that several threads want and the first of them asks for; an error is everybody's."""

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask, self._asking = ask, threading.Lock()
        self._answer: Future[T] = Future()

    def answer(self) -> T:
        with self._asking:
            if not self._answer.done():
                try:
                    self._answer.set_result(self._ask())
                except EngineError as error:
                    self._answer.set_exception(error)
        return self._answer.result()
