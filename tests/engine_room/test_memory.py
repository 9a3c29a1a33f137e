from __future__ import annotations

from pathlib import Path

import pytest

from composegen.engine.memory import Memory, recall, remember


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(tmp_path / "state")}


def files(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "state").rglob("*") if path.is_file()]


def test_what_was_remembered_is_recalled(tmp_path: Path, environment: dict[str, str]) -> None:
    remember(tmp_path, Memory(inputs="a", image="b"), environment)
    assert recall(tmp_path, environment) == Memory(inputs="a", image="b")
    assert recall(tmp_path / "another", environment) == Memory()


def test_only_the_person_can_read_it(tmp_path: Path, environment: dict[str, str]) -> None:
    remember(tmp_path, Memory(), environment)
    assert [path.stat().st_mode & 0o777 for path in files(tmp_path)] == [0o600]


@pytest.mark.parametrize("damaged", ["", "{", "[]", "null", '{"inputs": 7, "unknown": 1}', "\x00"])
def test_a_damaged_memory_is_no_memory_and_no_failure(tmp_path: Path, environment: dict[str, str], damaged: str) -> None:
    remember(tmp_path, Memory(image="b"), environment)
    files(tmp_path)[0].write_text(damaged)
    assert recall(tmp_path, environment).image == ""


def test_a_state_directory_that_cannot_be_written_is_no_failure(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "state").write_text("a file")
    remember(tmp_path, Memory(image="b"), environment)
    assert recall(tmp_path, environment) == Memory()


def test_a_relative_state_directory_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    remember(tmp_path, Memory(image="b"), {"XDG_STATE_HOME": "relative"})
    assert (tmp_path / "home/.local/state/composegen/folders").is_dir()
