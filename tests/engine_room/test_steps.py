"""The steps of `up` before the login, with an engine that only remembers what it was asked to do."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from composegen import catalogue, render
from composegen.engine import Container, Info, Look, Loss, Versions
from composegen.engine.memory import Memory, recall
from composegen.errors import CommandFailed, EngineError, FolderError
from composegen.folder import Folder
from composegen.model import Choices, Settings
from composegen.model.record import FILE as VARIANT
from composegen.up import Options, State, Talk, foresee, steps
from composegen.up.status import status


@dataclass
class FakeEngine:
    directory: Path
    there: Look = field(default_factory=lambda: Look(None))
    hash: str = "now"
    lost: Loss = field(default_factory=Loss)
    project: str = "work"
    published_by: tuple[str, Path | None] | None = None
    did: list[str] = field(default_factory=list)
    by_hand: tuple[str, ...] = ()
    about: Info = field(default_factory=Info)
    configured: str = "{}"
    registries: list[str] = field(default_factory=list)

    def look(self, base: str = "") -> Look:
        return self.there

    def container(self) -> Container | None:
        return self.there.container

    def project_owner(self, name: str) -> Path | None:
        return None

    def names_in_use(self) -> frozenset[str]:
        return frozenset()

    def publisher(self, address: str, port: int) -> tuple[str, Path | None] | None:
        return self.published_by

    def config(self) -> str:
        return self.configured

    def config_hash(self) -> str:
        return self.hash

    def volumes(self) -> tuple[str, ...]:
        return ()

    def foreign_network(self) -> str:
        return ""

    def only_here(self, image: str) -> bool:
        return False

    def architecture(self, image: str) -> str:
        return "amd64"

    def networks(self) -> int:
        return 1

    def versions(self, about: Info | None = None) -> Versions:
        return Versions("28", "2.40")

    def info(self) -> Info:
        return self.about

    def loss(self, container: Container) -> Loss:
        return self.lost

    def refuse_silent_registry(self, image: str) -> None:
        self.registries.append(image)

    def installed_by_hand(self) -> tuple[str, ...]:
        return self.by_hand

    def tag(self, image: str, name: str) -> None:
        self.did.append(f"tag {name}")

    def host_key(self) -> str:
        return ""

    def authorized_keys(self) -> dict[str, tuple[str, ...]]:
        return {}

    def last_words(self, lines: int = 20) -> str:
        return ""

    def build(self, *, fresh: bool = False) -> None:
        self.did.append("build fresh" if fresh else "build")
        self.there = replace(self.there, image="sha256:new")

    def up(self, *, recreate: bool = False) -> None:
        self.did.append("up recreate" if recreate else "up")
        self.there = replace(self.there, container=made(self.directory, image=self.there.image))

    def start(self) -> None:
        self.did.append("start")
        self.there = replace(self.there, container=made(self.directory, image=self.there.image))

    def stop(self, *, seconds: int | None = None) -> None: ...
    def restart(self, *, seconds: int | None = None) -> None: ...
    def down(self, *, volumes: bool = False, seconds: int | None = None) -> None: ...
    def pull(self, image: str) -> None: ...
    def push_keys(self, lines: Sequence[str]) -> None: ...
    def push_password(self, password: str) -> None: ...
    def rotate_host_keys(self) -> None: ...
    def inside(self, command: Sequence[str], *, stdin: str = "") -> str:
        return ""

    def ps(self, arguments: Sequence[str] = ()) -> int:
        return 0

    def logs(self, arguments: Sequence[str] = ()) -> int:
        return 0

    def exec(self, command: Sequence[str]) -> int:
        return 0


def made(directory: Path, *, state: str = "running", image: str = "sha256:img", made_from: str = "now") -> Container:
    return Container("1f", "work", state, image=image, project="work", working_dir=directory, config_hash=made_from)


@dataclass
class Person:
    """Hears everything; says `answer` when asked."""

    answer: bool = False
    heard: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def confirm(self, question: str) -> bool:
        self.asked.append(question)
        return self.answer

    @property
    def talk(self) -> Talk:
        return Talk(self.heard.append, self.confirm)


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    directory = tmp_path / "work"
    directory.mkdir()
    for name, text in {"Dockerfile": "FROM x\n", ".dockerignore": "*\n!apt.txt\n", "compose.yaml": "services: {}\n"}.items():
        (directory / name).write_text(text)
    (directory / VARIANT).parent.mkdir()
    (directory / VARIANT).write_text(render.render(Choices("python", "cpu"), catalogue.stack("python"))[VARIANT])
    return directory


def state(
    engine: FakeEngine, *, options: Options = Options(), person: Person | None = None, port: int = 0, bind: str = "127.0.0.1"
) -> State:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        settings = Settings(project_name="work", port=port or free.getsockname()[1], bind=bind)
    folder = Folder(engine.directory, Choices("python", "cpu"), settings)
    return State(folder, engine, options, (person or Person()).talk)


def walked(begin: State) -> State:
    for step in (steps.preflight, steps.build, steps.start):
        begin, _ = step(begin)
    return begin


def test_the_first_time_builds_and_creates(directory: Path) -> None:
    engine = FakeEngine(directory)
    after = walked(state(engine))
    assert engine.did == ["build", "up"]
    assert after.created


def test_nothing_is_done_when_nothing_changed(directory: Path) -> None:
    engine = FakeEngine(directory)
    walked(state(engine))
    engine.did.clear()
    assert not walked(state(engine)).created
    assert engine.did == []


def test_changed_inputs_build_again_and_a_new_image_makes_the_container_anew(directory: Path) -> None:
    engine = FakeEngine(directory)
    walked(state(engine))
    engine.did.clear()
    (directory / "Dockerfile").write_text("FROM y\n")
    engine.there = replace(engine.there, container=made(directory, image="sha256:older"))
    assert walked(state(engine)).created
    assert engine.did == ["build", "up recreate"]


def test_a_build_that_fails_is_not_remembered(directory: Path) -> None:
    class Failing(FakeEngine):
        def build(self, *, fresh: bool = False) -> None:
            raise CommandFailed("`docker compose build` failed", argv=["docker"], output="")

    with pytest.raises(CommandFailed):
        walked(state(Failing(directory)))
    assert recall(directory) == Memory()


def test_volumes_of_a_start_that_failed_are_this_folders_own(directory: Path) -> None:
    """The engine makes networks and volumes before it finds out that a container cannot be made."""

    class HalfWay(FakeEngine):
        def up(self, *, recreate: bool = False) -> None:
            raise CommandFailed("`docker compose up` failed", argv=["docker"], output="")

        def volumes(self) -> tuple[str, ...]:
            return ("work_host_keys",)

    with pytest.raises(CommandFailed):
        walked(state(HalfWay(directory), options=Options(adopt=True)))
    person = Person()
    with pytest.raises(CommandFailed):
        walked(state(HalfWay(directory), person=person))
    assert not person.asked


@pytest.mark.parametrize("interrupted", [KeyboardInterrupt, EngineError("no")])
def test_an_interrupted_build_builds_again(directory: Path, interrupted: BaseException) -> None:
    class Interrupted(FakeEngine):
        def build(self, *, fresh: bool = False) -> None:
            raise interrupted

    with pytest.raises((KeyboardInterrupt, EngineError)):
        walked(state(Interrupted(directory)))
    engine = FakeEngine(directory)
    walked(state(engine))
    assert engine.did == ["build", "up"]


def test_build_is_asked_for(directory: Path) -> None:
    engine = FakeEngine(directory)
    walked(state(engine))
    engine.did.clear()
    walked(state(engine, options=Options(build=True)))
    assert engine.did == ["build"]


def test_an_image_that_others_built_or_a_new_base_is_built_again(directory: Path) -> None:
    engine = FakeEngine(directory)
    walked(state(engine))
    for image, base in (("sha256:theirs", ""), ("sha256:new", "sha256:pulled")):
        engine.there = replace(engine.there, image=image, base=base)
        after, _ = steps.preflight(state(engine))
        assert steps.why_build(after)


@pytest.mark.parametrize(
    ("mapping", "user", "says"),
    [
        ("rootless", "alice", "root in the container is you on the host"),
        ("userns", "alice", "userns_mode: host"),
        ("rootless", "root", ""),
        ("", "alice", ""),
    ],
)
def test_mapped_users_are_explained_before_a_container_is_made(directory: Path, mapping: str, user: str, says: str) -> None:
    engine, person = FakeEngine(directory, about=Info(security=(mapping,))), Person()
    begin = state(engine, person=person)
    walked(replace(begin, folder=replace(begin.folder, settings=begin.folder.settings.with_(user=user))))
    notes = [line for line in person.heard if line.startswith("note: this engine")]
    assert len(notes) == bool(says) and all(says in note for note in notes)
    person.heard.clear()
    walked(state(engine, person=person))
    assert not [line for line in person.heard if line.startswith("note: this engine")], "nothing is made, so nothing is asked"


def test_a_stopped_container_is_started(directory: Path) -> None:
    engine = FakeEngine(directory)
    walked(state(engine))
    engine.did.clear()
    engine.there = replace(engine.there, container=made(directory, state="exited", image="sha256:new"))
    assert not walked(state(engine)).created
    assert engine.did == ["up"]


def test_a_paused_container_goes_on(directory: Path) -> None:
    engine = FakeEngine(directory)
    walked(state(engine))
    engine.did.clear()
    engine.there = replace(engine.there, container=made(directory, state="paused", image="sha256:new"))
    assert "go on" in foresee(state(engine).folder, engine, Options())["start"]
    assert walked(state(engine)).container.running
    assert engine.did == ["start"]


LOST = Loss(("A /opt/tool",), ("python train.py",))


def changed(directory: Path, lost: Loss) -> FakeEngine:
    engine = FakeEngine(directory)
    walked(state(engine))
    engine.did.clear()
    engine.hash, engine.lost = "changed", lost
    return engine


def test_a_recreation_that_loses_something_is_announced_and_refused_without_a_yes(directory: Path) -> None:
    engine, person = changed(directory, LOST), Person()
    with pytest.raises(EngineError) as refused:
        walked(state(engine, person=person))
    assert engine.did == []
    assert "--recreate" in (refused.value.hint or "")
    heard = "\n".join(person.heard)
    assert all(words in heard for words in ("compose.yaml or .env changed", "A /opt/tool", "python train.py"))


def test_a_yes_or_the_option_makes_it_anew(directory: Path) -> None:
    engine, person = changed(directory, LOST), Person(answer=True)
    assert walked(state(engine, person=person)).created
    assert person.asked
    engine = changed(directory, LOST)
    assert walked(state(engine, options=Options(recreate=True))).created
    assert engine.did == ["up recreate"]


@pytest.mark.parametrize(("made_from", "reason"), [("changed", "compose.yaml or .env changed"), ("now", "asked for")])
def test_a_recreation_that_is_asked_for_tells_the_reason_there_is_anyway(directory: Path, made_from: str, reason: str) -> None:
    engine, person = changed(directory, Loss()), Person()
    engine.hash = made_from
    assert walked(state(engine, options=Options(recreate=True), person=person)).created
    assert any(f"anew: {reason}" in line for line in person.heard)


def test_a_recreation_that_loses_nothing_is_announced_and_done(directory: Path) -> None:
    engine, person = changed(directory, Loss()), Person()
    assert walked(state(engine, person=person)).created
    assert person.asked == []
    assert any("loses nothing" in line for line in person.heard)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of 127.0.0.1 that somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_that_is_taken_is_said_before_anything_is_built(directory: Path, taken: int) -> None:
    engine = FakeEngine(directory)
    with pytest.raises(EngineError, match="is taken by another program") as refused:
        walked(state(engine, port=taken))
    assert "SSH_PORT=" in (refused.value.hint or "")
    assert engine.did == []


def test_a_container_that_has_the_port_is_named(directory: Path, taken: int, tmp_path: Path) -> None:
    theirs = FakeEngine(directory, published_by=("theirs", tmp_path))
    with pytest.raises(EngineError, match=f"taken by the container 'theirs' of {tmp_path}"):
        walked(state(theirs, port=taken))
    ours = FakeEngine(directory, published_by=("old", directory))
    with pytest.raises(EngineError, match="taken by the container 'old', made from this folder") as refused:
        walked(state(ours, port=taken))
    assert "docker compose --project-name old down" in (refused.value.hint or "")


def publishing(directory: Path, port: int) -> FakeEngine:
    """One whose container runs, and publishes that port of 127.0.0.1."""
    engine = FakeEngine(directory)
    walked(state(engine))
    engine.did.clear()
    engine.there = replace(engine.there, container=replace(made(directory, image="sha256:new"), binding=("127.0.0.1", port)))
    return engine


def test_a_new_port_that_is_taken_leaves_the_running_container_alone(directory: Path, taken: int) -> None:
    engine = publishing(directory, port=1)
    engine.hash = "changed"
    with pytest.raises(EngineError, match="is taken"):
        walked(state(engine, options=Options(recreate=True), port=taken))
    assert engine.did == []


def test_an_address_that_this_host_lacks_leaves_the_running_container_alone(directory: Path, taken: int) -> None:
    engine = publishing(directory, taken)
    engine.hash = "changed"
    with pytest.raises(EngineError, match=r"no address 192\.0\.2\.1") as refused:
        walked(state(engine, options=Options(recreate=True), port=taken, bind="192.0.2.1"))
    assert "SSH_BIND" in (refused.value.hint or "")
    assert engine.did == []


@pytest.mark.parametrize("bind", ["127.0.0.1", "0.0.0.0"])
def test_the_port_that_the_container_itself_has_is_not_taken(directory: Path, taken: int, bind: str) -> None:
    engine = publishing(directory, taken)
    assert not walked(state(engine, port=taken, bind=bind)).created
    engine.hash = "changed"
    assert walked(state(engine, port=taken, bind=bind)).created


def test_a_port_of_an_override_file_is_the_one_that_counts(directory: Path, taken: int) -> None:
    engine = publishing(directory, port=1)
    assert walked(state(engine, options=Options(recreate=True), port=taken)).created


def test_anothers_container_is_left_alone(directory: Path, tmp_path: Path) -> None:
    engine = FakeEngine(directory, there=Look(made(tmp_path), folders=(tmp_path,)))
    with pytest.raises(EngineError, match="another folder"):
        walked(state(engine, options=Options(build=True, recreate=True)))
    assert engine.did == []


def test_shadowed_variables_are_named(directory: Path) -> None:
    person = Person()
    begin = state(FakeEngine(directory), person=person)
    steps.preflight(replace(begin, folder=replace(begin.folder, shadowed=("SSH_PORT",))))
    assert any("SSH_PORT" in line for line in person.heard)


def test_status_says_what_up_would_do(directory: Path) -> None:
    engine = FakeEngine(directory)
    folder = state(engine).folder
    assert (status(folder, engine).state, status(folder, engine).needs_build) == ("absent", "there is no image yet")
    walked(state(engine))
    assert (status(folder, engine).needs_build, status(folder, engine).needs_recreate) == ("", "")
    engine.hash = "changed"
    found = status(folder, engine).to_json()
    assert (found["running"], found["needs_recreate"]) == (True, "compose.yaml or .env changed")


@pytest.mark.parametrize("damage", ["", "{", "[]"])
def test_what_the_test_needs_is_missed_before_anything_is_built(directory: Path, damage: str) -> None:
    (directory / VARIANT).write_text(damage)
    engine = FakeEngine(directory)
    with pytest.raises(FolderError, match=r"variant\.json' is damaged") as raised:
        walked(state(engine))
    assert raised.value.hint == "`composegen update` writes it anew"
    with pytest.raises(FolderError):
        foresee(state(engine).folder, engine, Options())
    assert engine.did == []


def test_a_folder_without_it_can_be_started_untested_and_goes_on_being_used(directory: Path) -> None:
    (directory / VARIANT).unlink()
    engine = FakeEngine(directory)
    walked(state(engine, options=Options(test=False)))
    assert engine.did == ["build", "up"]
    walked(state(engine))
    assert engine.did == ["build", "up"], "a container that runs is not tested again"
