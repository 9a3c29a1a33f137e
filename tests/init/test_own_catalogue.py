"""A team's own catalogue on the command line: every problem of it at once, and its name where a folder needs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.init.conftest import Said, tree

Run = Callable[..., Said]
ABACUS = (
    (Path(__file__).resolve().parents[2] / "docs/adding-a-stack.md")
    .read_text(encoding="utf-8")
    .split("```yaml\n")[1]
    .split("```")[0]
)


@pytest.fixture
def ours(here: Path) -> Path:
    (here / "ours").mkdir()
    (here / "ours/abacus.yaml").write_text(ABACUS)
    return here / "ours"


@pytest.mark.parametrize("command", [["stacks"], ["stacks", "--json"], ["stacks", "one"], ["init", "one"], ["init", "two", "w"]])
def test_every_problem_of_every_file_is_told_at_once(composegen: Run, here: Path, ours: Path, command: list[str]) -> None:
    (ours / "one.yaml").write_text(ABACUS.replace("device: cpu", "device: toaster").replace("slim-bookworm", "slim+bookworm"))
    (ours / "two.yaml").write_text(ABACUS.replace("name: abacus", "name: [two"))
    before = tree(here)
    said = composegen(*command, "--catalogue", "ours")
    *problems, hint = said.stderr.removeprefix("error: ").splitlines()
    assert said.code == 1 and hint.startswith("  hint: ") and tree(here) == before
    assert [line.split(" line ")[0] for line in problems] == ["ours/one.yaml"] * 3 + ["ours/two.yaml is not YAML:"]
    for place in ("name: is 'abacus'", "variants.0.device: Input", "variants.0.image: 'python:3.11-slim+bookworm' is not"):
        assert place in said.stderr


def test_a_folder_whose_stack_is_not_known_here_is_told_where_a_teams_own_comes_from(
    composegen: Run, here: Path, ours: Path
) -> None:
    composegen("init", "abacus", "--catalogue", "ours").ok()
    for command in ("update", "check"):
        said = composegen(command, "abacus")
        assert said.code in (1, 2) and "no stack named 'abacus'" in said.stderr
        assert "--catalogue DIR" in said.stderr.splitlines()[-1]
        composegen(command, "abacus", "--catalogue", "ours").ok()
