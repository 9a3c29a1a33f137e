"""What `connect` sees in a container, with this machine for one."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from composegen import catalogue
from composegen.folder import Folder
from composegen.model import Choices, Settings, record
from composegen.smoke.pythons import Pythons
from composegen.up.ways import examine
from tests.smoke.fakes import FakeSession


@pytest.mark.parametrize(
    ("seen", "chosen", "says"),
    [
        (Pythons("/a", "/a", "/a", "3.9"), "/a", ""),
        (Pythons("/a", "/b", "/a", "3.9"), "/a", "`ssh HOST python` finds /b: choose /a, which the image was built with"),
        (Pythons("/a", "", "/b", "3.9"), "/a", "`ssh HOST python` finds none; a login shell finds /b: choose /a"),
        (Pythons("", "/b", "/b", "3.9"), "/b", ""),
        (Pythons("", "", "", ""), "", ""),
    ],
)
def test_the_images_own_python_is_the_one_to_choose(seen: Pythons, chosen: str, says: str) -> None:
    assert seen.chosen == chosen
    assert seen.disagreement.startswith(says) and bool(seen.disagreement) == bool(says)


def test_what_profiles_print_is_no_answer() -> None:
    assert Pythons.parse("Welcome!\n/not/this\n\x01/a\n/a\n/b\nPython 3.7.5\n") == Pythons("/a", "/a", "/b", "3.7.5")


def test_the_framework_is_the_installed_one_and_the_backend_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    variant = replace(catalogue.stack("mindspore").variants[0], framework=("no-such-thing", "nvidia-*", "pytest"))
    (tmp_path / record.FILE).parent.mkdir()
    (tmp_path / record.FILE).write_text(json.dumps(record.record(variant)))
    folder = Folder(tmp_path, Choices("mindspore", "gpu"), Settings())
    assert examine(FakeSession(), folder).backend == ""
    for age, name in enumerate(("old one", "new one")):
        server = tmp_path / "home/.cache/JetBrains/RemoteDev/dist" / name / "bin/remote-dev-server.sh"
        server.parent.mkdir(parents=True)
        server.touch()
        os.utime(server, (age, age))
    found = examine(FakeSession(), folder)
    assert found.framework == f"pytest {version('pytest')}"
    assert found.backend == str(tmp_path / "home/.cache/JetBrains/RemoteDev/dist/new one")
