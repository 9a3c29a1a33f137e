"""composegen as a user runs it: a process of its own, in a HOME of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

# What the caller's shell may have set and a test must not inherit: composegen's own variables, Compose's, and the ssh-agent.
_FOREIGN = ("SSH_", "COMPOSE_", "USER_UID", "USER_GID", "CODE_DIR", "GPUS", "BASE_IMAGE", "APT_MIRROR", "XDG_", "COMPOSEGEN_")


@dataclass(frozen=True)
class Result:
    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def checks(self) -> dict[str, Any]:
        """By their names, what `doctor --json` or `test --json` says of each."""
        return {each["name"]: each for each in self.json["checks"]}

    def ok(self) -> Result:
        """Itself. Raises AssertionError with everything that was said when the exit code is not 0."""
        assert self.code == 0, f"exit {self.code}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"
        return self


@dataclass(frozen=True)
class Cli:
    home: Path
    env: Mapping[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()  # run it somewhere else, such as in a network namespace

    def __call__(
        self,
        *arguments: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        timeout: float = 600,
    ) -> Result:
        """Run `composegen ARGUMENTS`, without a terminal; `stdin` is its standard input (nothing by default)."""
        done = subprocess.run(
            [*self.prefix, *self.argv(*arguments)],
            cwd=cwd or self._made_home(),
            env={**self.environment(), **(env or {})},
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def argv(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "composegen", *arguments]

    def environment(self) -> dict[str, str]:
        """The caller's environment with this HOME and without what would choose for the test."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        docker = os.environ.get("DOCKER_CONFIG") or str(Path.home() / ".docker")
        own = {"HOME": str(self._made_home()), "DOCKER_CONFIG": docker, "PYTHONPATH": str(ROOT), "COLUMNS": "132"}
        return {**kept, **own, **self.env}

    def _made_home(self) -> Path:
        self.home.mkdir(parents=True, exist_ok=True)
        return self.home
