from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.feed import Site, serving


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A vendor's site, which this process asks past any proxy, and an empty folder for downloads."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with serving() as served:
        for name, value in served.environment.items():
            monkeypatch.setenv(name, value)
        yield served
