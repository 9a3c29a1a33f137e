"""The GPUs of a folder's container, over a FakeEngine: who is asked, and how a lost one comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from composegen.doctor import Site
from composegen.doctor.checks.container_gpu import has_its_gpu
from composegen.doctor.site import Unanswered, Verdict
from composegen.engine import Look, Loss
from composegen.errors import CommandFailed, EngineError
from composegen.folder import Folder
from composegen.host.smi import Device
from composegen.model import Choices, Settings
from composegen.up import Options, State, cards
from composegen.up.status import status
from tests.engine_room.test_steps import FakeEngine, Person, made

CARD = "0, NVIDIA H100 80GB HBM3, 81559, 72600, 12\n"
LOST = "Failed to initialize NVML: Unknown Error\nended with status 255\n"


@dataclass
class Container(FakeEngine):
    """Says `said` when it is asked for its GPUs."""

    said: str = CARD
    asked: list[Sequence[str]] = field(default_factory=list)

    def inside(self, command: Sequence[str], *, stdin: str = "") -> str:
        self.asked.append(command)
        return self.said


def folder(directory: Path, device: str = "gpu", **settings: str) -> Folder:
    own = Settings(project_name="work", **settings)  # type: ignore[arg-type]
    return Folder(directory, Choices("pytorch", "gpu" if device == "gpu" else "cpu"), own)


def running(directory: Path, said: str = CARD, lost: Loss = Loss()) -> Container:
    return Container(directory, Look(made(directory)), said=said, lost=lost)


def started(engine: Container, options: Options = Options(), person: Person | None = None) -> Person:
    hearing = person or Person()
    cards.start(State(folder(engine.directory), engine, options, hearing.talk, look=engine.there))
    return hearing


def test_status_has_name_memory_and_load(tmp_path: Path) -> None:
    engine = running(tmp_path)
    found = status(folder(tmp_path), engine)
    assert (found.gpus, found.gpu_trouble) == ((Device("0", "NVIDIA H100 80GB HBM3", 81559, 72600, 12),), None)
    assert found.gpus[0].in_words() == "NVIDIA H100 80GB HBM3, 70.9 of 79.6 GiB free, load 12 %"
    as_json = found.to_json()
    assert as_json["gpus"] == [{"index": "0", "name": "NVIDIA H100 80GB HBM3", "total": 81559, "free": 72600, "load": 12}]
    assert len(engine.asked) == 1


@pytest.mark.parametrize("device, settings", [("cpu", {}), ("gpu", {"compose_file": "compose.yaml:compose.nogpu.yaml"})])
def test_who_asks_for_no_gpu_pays_nothing(tmp_path: Path, device: str, settings: dict[str, str]) -> None:
    engine = running(tmp_path)
    found = status(folder(tmp_path, device, **settings), engine)
    assert (found.gpus, found.gpu_trouble, engine.asked) == ((), None, [])


def test_a_container_that_does_not_run_is_not_asked(tmp_path: Path) -> None:
    stopped = replace(
        made(tmp_path, state="exited"), error="nvidia-container-cli: initialization error: nvml error: driver not loaded"
    )
    engine = Container(tmp_path, Look(stopped))
    found = status(folder(tmp_path), engine)
    assert found.gpu_trouble and found.gpu_trouble.title and engine.asked == []


def test_an_answer_that_never_comes_is_waited_for_so_long_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from threading import Event

    held = Event()

    class Hanging(Container):
        def inside(self, command: Sequence[str], *, stdin: str = "") -> str:
            held.wait(60)
            return ""

    monkeypatch.setattr(cards, "PATIENCE", 0.1)
    trouble = status(folder(tmp_path), Hanging(tmp_path, Look(made(tmp_path)))).gpu_trouble
    assert trouble and "no answer within 0.1 s" in trouble.title and not held.is_set()
    held.set()


def test_an_engine_that_refuses_is_quoted(tmp_path: Path) -> None:
    class Refusing(Container):
        def inside(self, command: Sequence[str], *, stdin: str = "") -> str:
            raise CommandFailed("`docker exec` failed", argv=["docker"], output="something new")

    trouble = status(folder(tmp_path), Refusing(tmp_path, Look(made(tmp_path)))).gpu_trouble
    assert trouble and "something new" in trouble.title


# --- start ----------------------------------------------------------------------------------------------------------------


def test_what_is_well_or_stopped_is_started_as_it_is(tmp_path: Path) -> None:
    for engine in (running(tmp_path), Container(tmp_path, Look(made(tmp_path, state="exited")))):
        started(engine)
        assert engine.did == ["start"]


def test_a_lost_gpu_comes_back_with_a_new_container_where_that_loses_nothing(tmp_path: Path) -> None:
    engine = running(tmp_path, LOST)
    person = started(engine)
    assert engine.did == ["up recreate"] and person.asked == []
    assert person.heard == ["'work' has to be created anew: a running container lost its GPU; that loses nothing"]


def test_somebody_has_to_agree_where_it_loses_something(tmp_path: Path) -> None:
    engine = running(tmp_path, LOST, Loss(files=("A /opt/tool",)))
    with pytest.raises(EngineError, match="nobody agreed"):
        started(engine)
    assert engine.did == []
    assert started(engine, person=Person(answer=True)).asked == ["Re-create 'work' and lose that?"]
    assert engine.did == ["up recreate"]


# --- doctor ---------------------------------------------------------------------------------------------------------------


def verdict(engine: Container, root: Path, **settings: str) -> Verdict:
    own = folder(engine.directory, **settings)
    return has_its_gpu(Site(engine, directory=own.path, choices=own.choices, settings=own.settings, root=root, here=True))


def test_the_doctor_says_that_all_is_well_or_mends_as_start_does(tmp_path: Path) -> None:
    well, lost = running(tmp_path), running(tmp_path, LOST, Loss(files=("A /opt/tool",)))
    assert (verdict(well, tmp_path).status, verdict(well, tmp_path).mend) == ("ok", None)
    found = verdict(lost, tmp_path)
    assert (found.status, found.detail) == ("fail", "a running container lost its GPU")
    assert found.mend and found.mend.question == "Create 'work' anew? That loses changed outside the volumes: A /opt/tool."
    assert found.mend.do() == "'work' is created anew" and lost.did == ["up recreate"]


def test_the_doctor_starts_what_came_before_the_driver(tmp_path: Path) -> None:
    (tmp_path / "sys/module/nvidia").mkdir(parents=True)
    (tmp_path / "sys/module/nvidia/version").write_text("550.54.15\n")
    stopped = replace(
        made(tmp_path, state="exited"), error="nvidia-container-cli: initialization error: nvml error: driver not loaded"
    )
    engine = Container(tmp_path, Look(stopped))
    found = verdict(engine, tmp_path)
    assert found.detail == "it was to start before the NVIDIA driver was ready, as after a reboot"
    assert found.mend and found.mend.do() == "'work' is started" and engine.did == ["start"]


def test_the_doctor_leaves_alone_what_is_not_this_folders_or_has_no_gpu(tmp_path: Path) -> None:
    elsewhere = Container(tmp_path, Look(made(tmp_path / "other"), folders=(tmp_path / "other",)))
    for engine, settings in (
        (elsewhere, {}),
        (Container(tmp_path), {}),
        (running(tmp_path, LOST), {"compose_file": "compose.yaml:compose.nogpu.yaml"}),
    ):
        with pytest.raises(Unanswered):
            verdict(engine, tmp_path, **settings)
