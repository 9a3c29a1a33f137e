"""Wall times and sizes, both sides of a comparison in turn, so that a busy machine slows both."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One line of the table. `bar` is the most that `ours` may be, in times `theirs` (or more than it, where `added`)."""

    what: str
    ours: float
    against: str
    theirs: float
    bar: float | None
    unit: str = "s"
    added: bool = False

    @property
    def relation(self) -> float:
        return self.ours - self.theirs if self.added else self.ours / self.theirs

    @property
    def verdict(self) -> str:
        if self.bar is None:
            return "stated"
        return "ok" if self.relation <= self.bar else "OVER"

    def cells(self) -> tuple[str, ...]:
        relation = f"+{self.relation:.2f} {self.unit}" if self.added else f"{self.relation:.2f} ×"
        bar = "" if self.bar is None else f"+{self.bar:g} {self.unit}" if self.added else f"{self.bar:g} ×"
        return self.what, self._amount(self.ours), self.against, self._amount(self.theirs), relation, bar, self.verdict

    def _amount(self, value: float) -> str:
        return f"{value:.3f} s" if self.unit == "s" else f"{value:.0f} {self.unit}"


HEADINGS = ("what", "composegen", "against", "that", "ratio", "at most", "")


def table(rows: Sequence[Row]) -> str:
    """A Markdown table with aligned columns."""
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    text = [" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    return "\n".join(f"| {line} |" for line in [text[0], " | ".join("-" * width for width in widths), *text[1:]])


Step = Callable[[], object]


def side_by_side(
    ours: Step, theirs: Step, *, rounds: int, before: Step = lambda: None, warm_up: bool = True
) -> tuple[float, float]:
    """Median seconds of both, taken in turn and with the order swapped every round; `before` runs untimed ahead of each."""
    if warm_up:
        for step in (ours, theirs):
            before()
            step()
    seconds: dict[Step, list[float]] = {ours: [], theirs: []}
    for number in range(rounds):
        for step in (ours, theirs) if number % 2 else (theirs, ours):
            before()
            started = time.perf_counter()
            step()
            seconds[step].append(time.perf_counter() - started)
    return statistics.median(seconds[ours]), statistics.median(seconds[theirs])


def run(*argv: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None, stdin: str = "") -> str:
    """Standard output of a command. Raises RuntimeError with what it said when it fails."""
    words = [str(word) for word in argv]
    done = subprocess.run(words, cwd=cwd, env={**os.environ, **(env or {})}, input=stdin, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)} failed ({done.returncode}):\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout.strip()


def until_banner(port: int, *, deadline: float = 60, poll: float = 0.02) -> None:
    """Return when an SSH server says its banner on 127.0.0.1:PORT, whichever sshd it is."""
    ends = time.monotonic() + deadline
    while time.monotonic() < ends:
        if banner(port).startswith(b"SSH-"):
            return
        time.sleep(poll)
    raise RuntimeError(f"no SSH banner on port {port} within {deadline} s")


def banner(port: int) -> bytes:
    """What a server says first; nothing where nobody answers. The engine's proxy accepts before sshd does, and then hangs up."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            return connection.recv(64)
    except OSError:
        return b""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
