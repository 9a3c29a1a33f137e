"""What is said when the container ends before anybody can log in, with an engine that only remembers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from composegen.engine import Look
from composegen.engine.failures import failure
from composegen.errors import CommandFailed, NotReachable
from composegen.up import ready
from tests.engine_room.test_steps import FakeEngine, Person, made, state

EXEC = ("docker", "exec", "--interactive", "work", "composegen-entrypoint", "keys")


class Refusing(FakeEngine):
    status, words = 1, ""

    def push_keys(self, lines: Sequence[str]) -> None:
        raise failure(EXEC, self.status, self.words)

    def last_words(self, lines: int = 20) -> str:
        return "no such luck"


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Refusing:
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return Refusing(tmp_path, Look(made(tmp_path)))


@pytest.mark.parametrize(
    ("by_now", "status", "words"),
    [
        ("restarting", 1, "Error response from daemon: Container 0d77 is restarting, wait until the container is running"),
        ("running", 1, "Error response from daemon: container 0d77 is not running"),
        ("running", 137, ""),
        ("exited", 1, "Error response from daemon: something new"),
    ],
)
def test_a_container_that_crashes_again_and_again_is_said_with_its_last_words(
    engine: Refusing, by_now: str, status: int, words: str
) -> None:
    engine.status, engine.words, person = status, words, Person()
    engine.there = replace(engine.there, container=made(engine.directory, state=by_now))
    with pytest.raises(NotReachable, match="SSH of 'work' did not come up") as error:
        ready.log_in(replace(state(engine, person=person), look=engine.there))
    assert "composegen logs" in (error.value.hint or "")
    assert person.heard[0].startswith(f"container 'work': {by_now}")
    assert person.heard[1:] == ["  | no such luck"]


def test_keys_that_a_running_container_does_not_take_are_another_matter(engine: Refusing) -> None:
    engine.words = "no valid key among them"
    with pytest.raises(CommandFailed, match="no valid key"):
        ready.log_in(replace(state(engine), look=engine.there))
