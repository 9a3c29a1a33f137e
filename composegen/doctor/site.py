"""What the doctor looks at: a folder's wishes, the engine, and this host. Values, and answers that are waited for at most once."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeVar

from composegen.engine import Engine, Info, Look, Versions, inputs, is_local
from composegen.errors import ComposegenError, EngineError
from composegen.host import nvidia
from composegen.model import Choices, Settings, Stack, Variant, Wanted, wanted

T = TypeVar("T")
PATIENCE = 1.7  # seconds that the engine has for an answer, in less than the checks have
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
        stack: Callable[[], Stack | None] = lambda: None,
        damaged: Callable[[], tuple[str, ...]] = lambda: (),
        trouble: ComposegenError | None = None,
        root: Path = Path("/"),
        here: bool | None = None,
        shadowed: tuple[str, ...] = (),
    ) -> None:
        self.engine, self.directory = engine, directory
        self.choices, self.settings, self.variant = choices, settings or Settings(), variant
        self.variables = variables or {}  # what Compose interpolates with
        self.systems = systems  # of host.systems(): which fix is this host's
        self.stack = stack  # the folder's in the catalogue, None where that no longer has it; reading it takes a moment
        self.damaged = damaged  # the folder's files that nothing works with as they are, and that `update` mends
        self.trouble = trouble  # why there is no more to know of a folder that is there
        self.root = root  # of the files that checks read; another one in tests
        self.shadowed = shadowed  # exported variables that beat `.env`
        self._here = here
        self._info, self._cards = _Once(engine.info), _Once(nvidia.cards)
        self._look = _Once(lambda: engine.look(self.base))

    @property
    def info(self) -> Info:
        """Raises Unanswered."""
        return _unless_silent(self._info)

    @property
    def here(self) -> bool:
        """Whether the engine runs on this very host, so that its files say something about the engine's. Raises Unanswered.

        A socket of this host may lead elsewhere: into the machine of Docker Desktop, or through a tunnel of SSH's.
        """
        if self._here is None:
            kernel = os.uname()
            self._here = is_local(self.variables) and (self.info.name, self.info.kernel) == (kernel.nodename, kernel.release)
        return self._here

    def insist_on_host(self, what: str) -> None:
        """Raises Unanswered: the engine runs elsewhere, so that this host's files say nothing of `what`."""
        if not self.here:
            raise Unanswered(f"the engine runs on another machine, whose {what} cannot be seen from here")

    @property
    def project(self) -> Choices:
        """What the folder's project chose. Raises Unanswered: there is no folder, or none that can be read."""
        if self.choices is None:
            raise Unanswered("the folder cannot be read" if self.trouble else "there is no folder of composegen's here")
        return self.choices

    @property
    def base(self) -> str:
        """The image that the build starts from; empty where compose.yaml does not say it in composegen's way."""
        return inputs.base_image(self.directory, self.settings.to_variables())

    @property
    def versions(self) -> Versions:
        """Of engine and Compose. Raises EngineError: why they cannot be used. Late: the engine does not answer."""
        return self.engine.versions(self._info.answer(PATIENCE))

    @property
    def look(self) -> Look:
        """What the engine has under the folder's name. Raises Unanswered."""
        return _unless_silent(self._look)

    @property
    def wanted(self) -> Wanted | None:
        """What the folder's container gets of GPUs on this machine; None where there is no folder."""
        return wanted(self.choices, self.settings) if self.choices else None

    @property
    def driver(self) -> nvidia.Driver | None:
        """NVIDIA's, None where the engine's machine is another one. Raises Unanswered."""
        return nvidia.driver(self.root) if self.here else None

    @property
    def cards(self) -> nvidia.Cards:
        """Of this host, by nvidia-smi, which is asked at most once and may take its PATIENCE."""
        return self._cards.answer()


def _unless_silent(asked: _Once[T]) -> T:
    """Raises Unanswered: the engine does not answer, which is the finding of one check only."""
    try:
        return asked.answer(PATIENCE)
    except (EngineError, Late) as error:
        raise Unanswered("the engine does not answer") from error


class Late(Exception):
    """There is no answer within the time that there is."""


class Unanswered(Exception):
    """A check cannot be made here; the reason is its only argument."""


class _Once(Generic[T]):
    """An answer that several threads want and the first of them asks for; an error is everybody's."""

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask, self._asking = ask, threading.Lock()
        self._answer: Future[T] | None = None
        self._began = 0.0  # time.monotonic()

    def answer(self, patience: float | None = None) -> T:
        """Raises what asking raised. Late: there was no answer `patience` seconds after it was asked."""
        with self._asking:
            if self._answer is None:
                self._answer, self._began = in_background(self._ask), time.monotonic()
        try:
            return self._answer.result(timeout=None if patience is None else max(self._began + patience - time.monotonic(), 0))
        except TooLate:
            raise Late from None


def in_background(make: Callable[[], T]) -> Future[T]:
    """What it returns or raises, once it does; nobody has to wait for that."""
    answer: Future[T] = Future()

    def fill() -> None:
        try:
            answer.set_result(make())
        except Exception as error:
            answer.set_exception(error)

    # A daemon, unlike a pool's thread, does not keep the process from ending while it still waits for a network.
    threading.Thread(target=fill, daemon=True).start()
    return answer
