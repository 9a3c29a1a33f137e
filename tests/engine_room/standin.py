"""A `docker` command that says what a test wants, first on the PATH. Real processes, no engine."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

import pytest


@dataclass(frozen=True)
class Standin:
    directory: Path

    def says(self, *answers: tuple[str, str]) -> None:
        """`(words, script)`: when the arguments contain the words, run that piece of shell. The first that fits counts."""
        cases = "\n".join(f"  *{quote(words)}*) {script} ;;" for words, script in answers)
        text = f'#!/bin/sh\necho "$*" >>{quote(str(self.directory / "calls"))}\ncase "$*" in\n{cases}\n  *) exit 0 ;;\nesac\n'
        file = self.directory / "docker"
        file.write_text(text)
        file.chmod(file.stat().st_mode | stat.S_IXUSR)

    def fails(self, words: str, *, status: int = 1) -> None:
        """Whatever is asked, it says these words on standard error."""
        self.says(("", f"printf '%s\\n' {quote(words)} >&2; exit {status}"))

    @property
    def calls(self) -> list[str]:
        file = self.directory / "calls"
        return file.read_text().splitlines() if file.exists() else []


def put_first(monkeypatch: pytest.MonkeyPatch, directory: Path) -> Standin:
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")
    return Standin(directory)
