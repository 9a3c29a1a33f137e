"""A folder of composegen's to examine, written in this process, in a HOME of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from composegen.init import Request, prepare, write
from composegen.model import Settings


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What `composegen init python demo` writes, with nothing exported that would choose for the test."""
    for name in ("SSH_AUTH_SOCK", "SUDO_UID", "SUDO_GID", "SUDO_USER", "XDG_CONFIG_HOME", *Settings().to_variables()):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    write(prepare(Request("python", tmp_path / "demo")))
    return tmp_path / "demo"
