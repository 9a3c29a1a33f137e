"""Running an engine command: quietly, in the background, with its progress visible, or with the terminal handed over.

python-on-whales runs commands only in the current directory and only to their end. Those that must run in the folder (Compose
resolves COMPOSE_FILE of a `.env` against the working directory, not against --project-directory), that stream progress to a
terminal, or that overlap with other work go through here instead.
"""

from __future__ import annotations

import atexit
import codecs
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from composegen.engine import failures
from composegen.errors import EngineError

PATIENCE = 10.0  # seconds an interrupted command gets to put things in order
SHOW_CURSOR = "\x1b[?25h"  # BuildKit hides it while it draws
TAIL = 64 * 1024  # characters of visible output that are kept to find the cause of a failure in
_UNDER_WAY: set[subprocess.Popen[bytes]] = set()
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


@dataclass(frozen=True)
class Said:
    """How a command ended and what it said."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Command:
    """An argument vector and the folder it runs in. Nothing is started by making one."""

    argv: tuple[str, ...]
    directory: Path | None = None

    def begin(self, *, stdin: str | None = None) -> Running:
        """Start it in the background. Raises EngineError: there is no such program, or no such folder."""
        return Running(self, _start(self, stdin=stdin is not None, captured=True), stdin)

    def run(self, *, stdin: str | None = None) -> str:
        """Its standard output. Raises EngineError or CommandFailed."""
        running = self.begin(stdin=stdin)
        return self.checked(running.result()).stdout

    def checked(self, said: Said) -> Said:
        if said.status != 0:
            raise failures.failure(self.argv, said.status, said.stderr or said.stdout, directory=self.directory)
        return said

    def attached(self) -> int:
        """Hand over the terminal until it ends; its exit status as a shell reports it."""
        process = _start(self, captured=False)
        while process.returncode is None:
            with suppress(KeyboardInterrupt):  # the terminal has told the command too; it decides
                process.wait()
        return _as_shell(process.returncode)

    def visible(self) -> None:
        """Run with progress on standard error, drawn for a terminal if that is one. Raises EngineError or CommandFailed."""
        tail = ""

        def keep(text: str) -> None:
            nonlocal tail
            tail = (tail + text)[-TAIL:]

        status = _teed(self, keep)
        if status != 0:
            raise failures.failure(self.argv, status, _ESCAPES.sub("", tail), directory=self.directory, shown=True)


def docker(*arguments: str) -> Command:
    """`docker ARGUMENTS`, in the current folder."""
    return Command(("docker", *arguments))


class Running:
    """A command in the background; `result` waits for it."""

    def __init__(self, command: Command, process: subprocess.Popen[bytes], stdin: str | None) -> None:
        self._command, self._process, self._stdin = command, process, stdin
        _UNDER_WAY.add(process)

    def result(self) -> Said:
        stdin = None if self._stdin is None else self._stdin.encode()
        try:
            stdout, stderr = self._process.communicate(stdin)
        except BaseException:
            _end(self._process, lambda seconds: self._process.communicate(timeout=seconds))
            raise
        finally:
            _UNDER_WAY.discard(self._process)
        return Said(_as_shell(self._process.returncode), stdout.decode(errors="replace"), stderr.decode(errors="replace"))


@atexit.register
def _end_what_nobody_waits_for() -> None:
    """A client waits minutes for an engine that does not answer, in a session of its own; it must not outlive us."""
    for process in tuple(_UNDER_WAY):
        _signal_all(process, signal.SIGKILL)


def _start(command: Command, *, stdin: bool = False, captured: bool, output: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command.argv,
            cwd=command.directory,
            env=_environment(command.directory),
            stdin=None if not captured else subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=output if captured else None,
            stderr=output if captured else None,
            # In a session of its own, Ctrl-C reaches the command once, through _end, and it can put things in order.
            start_new_session=captured,
        )
    except FileNotFoundError as error:
        if command.directory is not None and not command.directory.is_dir():
            raise EngineError(f"'{command.directory}' is not a folder") from None
        if error.filename == "docker":
            raise failures.MISSING from None
        raise EngineError(f"there is no `{command.argv[0]}` on the PATH") from None
    except OSError as error:
        raise EngineError(f"cannot run `{command.argv[0]}`: {error.strerror}") from None


def _environment(directory: Path | None) -> Mapping[str, str]:
    # Compose trusts PWD for the name of its working directory; through a symbolic link it would be another one.
    return {**os.environ, **({"PWD": str(directory)} if directory else {}), "DOCKER_CLI_HINTS": "false"}


def _end(process: subprocess.Popen[bytes], hear_out: Callable[[float], object]) -> None:
    """Interrupt a command and all that it started, and wait until it is gone.

    It has PATIENCE to put things in order, while `hear_out` takes what it still says: nobody can end while waiting for a reader.
    Then, or at the next KeyboardInterrupt, it is killed.
    """
    _signal_all(process, signal.SIGINT)
    try:
        with suppress(subprocess.TimeoutExpired):
            hear_out(PATIENCE)
    finally:
        _signal_all(process, signal.SIGKILL)
        process.wait()


def _signal_all(process: subprocess.Popen[bytes], number: int) -> None:
    if process.returncode is None:  # once it was waited for, its group's number may be another's
        with suppress(ProcessLookupError, PermissionError):  # macOS says the latter where all have ended
            os.killpg(process.pid, number)


def _hear_out(process: subprocess.Popen[bytes], descriptor: int, seconds: float) -> None:
    """Throw away what it says, until it has ended and nobody it started can say more. Raises subprocess.TimeoutExpired."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0 and select.select([descriptor], [], [], left)[0] and _read(descriptor):
        pass
    process.wait(max(deadline - time.monotonic(), 0))


def _as_shell(returncode: int) -> int:
    return 128 - returncode if returncode < 0 else returncode


def _teed(command: Command, keep: Callable[[str], None]) -> int:
    """Run it and copy what it says to standard error while keeping it; a terminal sees what it would see without us."""
    reading, writing = os.openpty() if sys.stderr.isatty() else os.pipe()
    try:
        _imitate_terminal(writing)
        process = _start(command, captured=True, output=writing)
    finally:
        os.close(writing)
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    try:
        while chunk := _read(reading):
            text = decoder.decode(chunk)
            sys.stderr.write(text)
            sys.stderr.flush()
            keep(text)
        return _as_shell(process.wait())
    except BaseException:
        try:
            _end(process, lambda seconds: _hear_out(process, reading, seconds))
        finally:
            _show_cursor()
        raise
    finally:
        os.close(reading)


def _show_cursor() -> None:
    if sys.stderr.isatty():
        sys.stderr.write(SHOW_CURSOR)
        sys.stderr.flush()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""  # how a pseudo-terminal says that its other end was closed


def _imitate_terminal(descriptor: int) -> None:
    """Give a pseudo-terminal the size of ours, and let it pass on every byte as it is: ours turns line ends into what it needs."""
    if os.isatty(descriptor):
        import fcntl
        import termios

        fcntl.ioctl(descriptor, termios.TIOCSWINSZ, fcntl.ioctl(sys.stderr.fileno(), termios.TIOCGWINSZ, b"\0" * 8))
        attributes = termios.tcgetattr(descriptor)
        attributes[1] &= ~termios.OPOST
        termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
