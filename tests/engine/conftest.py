from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Cli, Result
from tests.support.engine import Engine, tear_down, unique_name
from tests.support.engine import free_port as new_port


@dataclass(frozen=True)
class Work:
    """A folder that `composegen init python` wrote, and what a test wants to know of its container."""

    path: Path
    project: str
    port: int
    cli: Cli
    engine: Engine

    def __call__(self, *arguments: str, env: Mapping[str, str] | None = None) -> Result:
        return self.cli(*arguments, cwd=self.path, env=env)

    @property
    def container(self) -> dict[str, Any]:
        return dict(json.loads(self.engine("inspect", "--type", "container", self.project))[0])

    @property
    def id(self) -> str:
        return str(self.container["Id"])

    def replace(self, file: str, old: str, new: str) -> None:
        text = (self.path / file).read_text()
        assert old in text
        (self.path / file).write_text(text.replace(old, new))

    def interrupted(self, *arguments: str, once: str, after: float = 0.3) -> Result:
        """`composegen ARGUMENTS`, sent SIGINT `after` seconds after it said `once` on standard error."""
        process = subprocess.Popen(
            self.cli.argv(*arguments),
            cwd=self.path,
            env=self.cli.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr
        heard = ""
        for line in process.stderr:
            heard += line
            if once in line:
                break
        time.sleep(after)
        os.kill(process.pid, signal.SIGINT)
        stdout, rest = process.communicate(timeout=60)
        return Result(process.returncode, stdout, heard + rest)


@pytest.fixture
def work(tmp_path: Path, composegen: Cli, engine: Engine, base_image: str, project: str, free_port: int) -> Work:
    path = tmp_path / "work"
    composegen("init", "python", str(path), "--base", base_image, "--name", project, "--port", str(free_port)).ok()
    return Work(path, project, free_port, composegen, engine)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, engine: Engine, base_image: str) -> Iterator[Work]:
    """One folder for the tests of a module, which leave it as `init` wrote it, whatever they do to its container."""
    folder, project, port = tmp_path_factory.mktemp("shared"), unique_name(), new_port()
    cli = Cli(home=folder / "home")
    cli("init", "python", str(folder / "work"), "--base", base_image, "--name", project, "--port", str(port)).ok()
    try:
        yield Work(folder / "work", project, port, cli, engine)
    finally:
        tear_down(engine, project)


@pytest.fixture
def running(shared: Work) -> Work:
    """That folder with its container up, as far as `up` itself is right."""
    shared("up", "--no-test", "--ssh-config").ok()
    return shared
