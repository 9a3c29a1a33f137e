"""How a folder's container is, without changing anything."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from composegen.engine import Engine
from composegen.folder import Folder
from composegen.ssh import Address
from composegen.up.state import Options, State, Talk
from composegen.up.steps import look_around, why_build, why_recreate


@dataclass(frozen=True)
class Status:
    """Empty texts mean: there is none, or nothing to do."""

    project: str
    state: str  # created, running, paused, restarting, exited, dead; "absent"
    in_words: str
    health: str
    exit_code: int
    address: Address
    image: str
    container: str
    since: str  # RFC 3339
    interpreter: str
    needs_build: str  # why
    needs_recreate: str  # why

    @property
    def running(self) -> bool:
        return self.state == "running"

    def to_json(self) -> dict[str, Any]:
        address = asdict(self.address)
        found = {name: value for name, value in asdict(self).items() if name not in ("address", "in_words")}
        return {**found, **address, "running": self.running}


def status(folder: Folder, engine: Engine) -> Status:
    """Raises EngineError: the engine does not answer, or the container of that name is somebody else's."""
    state = look_around(State(folder, engine, Options(), Talk(lambda line: None)))
    found, look = state.look.container, state.look
    return Status(
        project=engine.project,
        state=found.state if found else "absent",
        in_words=found.in_words() if found else "not there; `composegen up` makes it",
        health=found.health if found else "",
        exit_code=found.exit_code if found else 0,
        address=state.address,
        image=look.image,
        container=found.id if found else "",
        since=found.since if found and found.running else "",
        interpreter=state.memory.interpreter if state.memory.image == look.image else "",
        needs_build=why_build(state),
        needs_recreate=why_recreate(state),
    )
