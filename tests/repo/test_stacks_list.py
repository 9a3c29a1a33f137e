"""`make lint` notices a committed folder that went away, and one that nobody writes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def checked(*target: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, ROOT / "scripts/write-stacks.py", "--check", *target], capture_output=True, text=True)


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    """A copy of the committed folders."""
    return Path(shutil.copytree(ROOT / "stacks", tmp_path / "stacks"))


def test_the_committed_folders_are_those_of_the_list() -> None:
    done = checked()
    assert done.returncode == 0, done.stderr


def test_lint_asks() -> None:
    lint = (ROOT / "Makefile").read_text(encoding="utf-8").split("\nlint:")[1].split("\n\n")[0]
    assert "scripts/write-stacks.py --check" in lint


def test_a_missing_a_hollow_and_a_left_over_folder_are_named(stacks: Path) -> None:
    assert checked(stacks).returncode == 0
    shutil.rmtree(stacks / "python")
    (stacks / "jax/.composegen/generated.json").unlink()
    (stacks / "pyhton").mkdir()
    done = checked(stacks)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "stacks/ has no jax/: run `make stacks`",
        "stacks/ has no python/: run `make stacks`",
        "stacks/ has pyhton, which scripts/write-stacks.py does not write",
    ]
