from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from composegen.engine import Container, Look, refuse_foreign
from composegen.engine.guard import free_name
from composegen.errors import EngineError


@dataclass
class FakeEngine:
    directory: Path
    project: str = "work"
    used: frozenset[str] = field(default_factory=frozenset)

    def publisher(self, address: str, port: int) -> tuple[str, Path | None] | None:
        return None

    def names_in_use(self) -> frozenset[str]:
        return self.used


def ours(directory: Path | None, project: str = "work") -> Container:
    return Container("1", "work", "running", project=project, working_dir=directory)


def test_nothing_there_and_our_own_container_pass(tmp_path: Path) -> None:
    engine = FakeEngine(tmp_path)
    refuse_foreign(engine, Look(None))
    refuse_foreign(engine, Look(ours(tmp_path), folders=(tmp_path,)))


def test_the_same_folder_by_another_name_passes(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    refuse_foreign(FakeEngine(real), Look(ours(link), folders=(link,)))


@pytest.mark.parametrize("what", ["container", "project without a container of that name"])
def test_another_folders_project_is_refused_and_a_free_name_proposed(tmp_path: Path, what: str) -> None:
    other = tmp_path / "other"
    other.mkdir()
    look = Look(ours(other) if what == "container" else None, folders=(other,))
    with pytest.raises(EngineError) as refused:
        refuse_foreign(FakeEngine(tmp_path, used=frozenset({"work", "work-2"})), look)
    assert str(other) in refused.value.message
    assert "COMPOSE_PROJECT_NAME=work-3" in (refused.value.hint or "")
    assert "docker rm" not in (refused.value.hint or "")


def test_a_container_that_compose_did_not_make_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="not of this folder"):
        refuse_foreign(FakeEngine(tmp_path), Look(ours(None, project="")))


def test_a_container_of_that_name_in_another_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="not of this folder"):
        refuse_foreign(FakeEngine(tmp_path), Look(ours(tmp_path, project="another")))


def test_a_folder_that_was_moved_is_told_the_way_back(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    with pytest.raises(EngineError) as refused:
        refuse_foreign(FakeEngine(tmp_path), Look(ours(gone), folders=(gone,)))
    assert "docker rm --force work" in (refused.value.hint or "")


def test_a_free_name_counts_up() -> None:
    assert free_name("a", frozenset({"a"})) == "a-2"
    assert free_name("a", frozenset({"a", "a-2", "a-3"})) == "a-4"
