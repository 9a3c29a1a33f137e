from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine_room.standin import Standin, put_first


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Standin:
    """The only `docker` there is."""
    return put_first(monkeypatch, tmp_path / "bin")
