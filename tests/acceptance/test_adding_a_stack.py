"""docs/adding-a-stack.md, followed to the letter."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Cli

PAGE = Path(__file__).resolve().parents[2] / "docs" / "adding-a-stack.md"


def files_and_commands() -> Iterator[tuple[str, str]]:
    """`(file name, its text)` for a block that a line introduces as `NAME`:, and `("", commands)` for a block of commands."""
    for name, language, text in re.findall(r"(?s)(?:`([^`\n]+)`:\n\n)?```(yaml|sh)\n(.*?)```", PAGE.read_text(encoding="utf-8")):
        yield (name if language == "yaml" else "", text)


@pytest.mark.engine
def test_following_the_page_adds_a_framework(
    tmp_path: Path, composegen: Cli, project: str, free_port: int, build_environment: dict[str, str]
) -> None:
    exported = {**build_environment, "COMPOSE_PROJECT_NAME": project, "SSH_PORT": str(free_port)}
    # The command `composegen` of this environment, as somebody has it after `pip install`.
    path = f"{Path(sys.executable).parent}:{composegen.environment()['PATH']}"
    said = ""
    for name, text in files_and_commands():
        if name:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
            continue
        done = subprocess.run(
            ["bash", "-euxc", text],
            cwd=tmp_path,
            env={**composegen.environment(), **exported, "PATH": path},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        said += done.stdout + done.stderr
    assert "ok    framework" in said and "abacus computes" in said
    assert "moved from abacus 1.3.0 cpu to abacus 1.2.1 cpu" in said
    assert 'version: "1.3.0"' in (tmp_path / "abacus" / "compose.yaml").read_text(encoding="utf-8")
