"""`composegen init` in this process, in a folder and a HOME of its own, with nothing exported that would choose for the test."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from composegen.cli.app import app
from composegen.model import Settings

FOREIGN = ("SSH_AUTH_SOCK", "SSH_CONNECTION", "SUDO_UID", "SUDO_GID", "SUDO_USER", "XDG_CONFIG_HOME", *Settings().to_variables())

Tree = dict[str, bytes]


@dataclass(frozen=True)
class Said:
    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    def ok(self) -> Said:
        assert self.code == 0, f"exit {self.code}\n{self.stdout}\n{self.stderr}"
        return self


def tree(directory: Path) -> Tree:
    """Every file, link and folder under a directory, by relative path."""
    return {
        str(path.relative_to(directory)): b"" if path.is_dir() else path.read_bytes() if path.exists() else b"->"
        for path in sorted(directory.rglob("*"))
    }


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, empty; HOME is beside it."""
    for name in FOREIGN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def composegen(here: Path) -> Callable[..., Said]:
    def run(*arguments: str | Path, stdin: str = "") -> Said:
        done = CliRunner().invoke(app, [os.fspath(each) for each in arguments], input=stdin, catch_exceptions=False)
        return Said(done.exit_code, done.stdout, done.stderr)

    return run


@pytest.fixture
def refused(composegen: Callable[..., Said], here: Path) -> Callable[..., Said]:
    """Run what must be refused: one sentence, a hint, the right exit code, and nothing written."""

    def run(*arguments: str | Path, code: int = 2, stdin: str = "", says: str = "") -> Said:
        before = tree(here)
        said = composegen(*arguments, stdin=stdin)
        assert said.code == code, f"exit {said.code}\n{said.stdout}\n{said.stderr}"
        error, *more = said.stderr.splitlines()
        assert error.startswith("error: ") and says in said.stderr
        assert len(more) == 1 and more[0].startswith("  hint: "), said.stderr
        assert tree(here) == before, "something was written"
        assert not (here.parent / "home" / ".config").exists(), "a key was made for a folder that was refused"
        return said

    return run
