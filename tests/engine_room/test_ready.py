"""What is said when the container ends before anybody can log in, with an engine that only remembers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from composegen.engine import Look
from composegen.engine.failures import failure
from composegen.errors import CommandFailed, HostKeyChanged, NotReachable
from composegen.ssh import KnownHosts, keys
from composegen.up import State, ready
from tests.engine_room.test_steps import FakeEngine, Person, made, state
from tests.ssh.servers import Sshd, new_key, prepared_sshd, public

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
        ("running", 1, "unable to upgrade to tcp, received 409"),
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
    assert error.value.said == "\n".join(person.heard)


def test_keys_that_a_running_container_does_not_take_are_another_matter(engine: Refusing) -> None:
    engine.words = "no valid key among them"
    with pytest.raises(CommandFailed, match="no valid key"):
        ready.log_in(replace(state(engine), look=engine.there))


@dataclass
class Saying(FakeEngine):
    """One whose container says that this is its host key."""

    key: str = ""

    def host_key(self) -> str:
        return self.key


def reaching(sshd: Sshd, engine: FakeEngine, person: Person) -> State:
    begin = state(engine, person=person, port=sshd.address.port)
    folder = replace(begin.folder, settings=replace(begin.folder.settings, user=sshd.address.user))
    container = replace(made(engine.directory), binding=("127.0.0.1", sshd.address.port))
    return replace(begin, folder=folder, look=Look(container))


@pytest.fixture
def sshd(tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    """A real sshd that lets in composegen's own key of this test."""
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    (tmp_path / "sshd").mkdir()
    sshd = prepared_sshd(tmp_path / "sshd", free_port)
    own = keys.config_directory() / keys.OWN_KEY
    own.parent.mkdir(parents=True)
    shutil.copy(sshd.key, own)
    sshd.start()
    sshd.wait()
    yield sshd
    sshd.stop()


def test_a_key_that_the_container_itself_says_is_taken_and_said(sshd: Sshd, tmp_path: Path) -> None:
    person, known = Person(), KnownHosts.own()
    state = reaching(sshd, Saying(tmp_path, key=sshd.host_key), person)
    known.remember(state.address, old := public(new_key(tmp_path, "old")))
    after = ready.log_in(state)
    assert after.session
    after.session.close()
    assert person.heard[-1].startswith(f"note: {sshd.address.endpoint} has a new host key")
    assert f"{keys.fingerprint(sshd.host_key)} instead of {keys.fingerprint(old)}" in person.heard[-1]


def test_a_server_that_is_not_the_container_is_never_trusted(sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "RENEWAL", 0.2)
    ours = public(new_key(tmp_path, "ours"))
    with pytest.raises(HostKeyChanged, match="shows another host key than expected") as error:
        ready.log_in(reaching(sshd, Saying(tmp_path, key=ours), Person()))
    assert f"{keys.fingerprint(sshd.host_key)} instead of {keys.fingerprint(ours)}" in error.value.message
    assert "docker ps" in (error.value.hint or "") and "composegen up" not in (error.value.hint or "")
    assert KnownHosts.own().lookup(sshd.address) == (keys.bare(ours),)
