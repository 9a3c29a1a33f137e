from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from composegen.model import Choices
from tests.support.box import Box, make_box
from tests.support.engine import Engine, free_port

MakeBox = Callable[..., Box]


@pytest.fixture
def box(engine: Engine, base_image: str, projects: Callable[[], str], tmp_path: Path) -> MakeBox:
    """Writes a folder of the `python` stack; `own` as SSH_AUTHORIZED_KEYS stands for the box's own key."""

    def make(*, choices: Choices | None = None, base: str = base_image, **variables: str) -> Box:
        name = projects()
        return make_box(engine, tmp_path / name, name, free_port(), choices or Choices("python", "cpu"), base=base, **variables)

    return make


@pytest.fixture
def derived_base(engine: Engine, base_image: str, projects: Callable[[], str]) -> Callable[[str], str]:
    """A base image made from `base_image` by Dockerfile lines; removed with its project name."""

    def build(lines: str) -> str:
        tag = f"{projects()}-dev:base"
        done = engine.run("build", "--quiet", "--tag", tag, "-", stdin=f"FROM {base_image}\n{lines}\n")
        assert done.returncode == 0, done.stderr
        return tag

    return build
