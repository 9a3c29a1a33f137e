"""How a folder's container is, without changing anything."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from composegen.doctor.lost_gpu import Lost
from composegen.engine import Engine
from composegen.folder import Change, Folder, Plan, read_text, write
from composegen.host.smi import Device
from composegen.ssh import Address
from composegen.up.cards import cards
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
    installed: tuple[str, ...] = ()  # by hand, as `apt NAME` and `pip NAME==VERSION`; lost when the container is created anew
    gpus: tuple[Device, ...] = ()  # NVIDIA's, as the running container sees them
    gpu_trouble: Lost | None = None  # why it has none, or would not start

    @property
    def running(self) -> bool:
        return self.state == "running"

    def to_json(self) -> dict[str, Any]:
        address = {name: getattr(self.address, name) for name in ("host", "port", "user")}
        found = {name: value for name, value in asdict(self).items() if name not in ("address", "in_words")}
        lists = {"installed": list(self.installed), "gpus": list(found["gpus"])}
        return {**found, **address, **lists, "running": self.running}


def status(folder: Folder, engine: Engine) -> Status:
    """Raises EngineError: the engine does not answer, or the container of that name is somebody else's."""
    state = look_around(State(folder, engine, Options(), Talk(lambda line: None)))
    found, look = state.look.container, state.look
    seen = cards(folder, engine, found)
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
        installed=engine.installed_by_hand() if found and found.running else (),
        gpus=seen.devices,
        gpu_trouble=seen.lost,
    )


FILES = {"apt": "apt.txt", "pip": "requirements.txt"}


def write_down(folder: Folder, installed: Sequence[str]) -> tuple[str, ...]:
    """Add what was installed by hand to the folder's lists of packages; the files that changed. Raises FolderError."""
    changes = []
    for kind, name in FILES.items():
        there = read_text(folder.path / name) or ""
        known = {re.split(r"[=<>!~ \[;#]", line, maxsplit=1)[0].lower() for line in there.splitlines()}
        wanted = [each.split(" ", 1)[1] for each in installed if each.startswith(f"{kind} ")]
        new = [each for each in wanted if each.split("=")[0].lower() not in known]
        if new:
            separator = "" if there.endswith("\n") or not there else "\n"
            changes.append(Change(name, "update", text=f"{there}{separator}" + "".join(f"{each}\n" for each in new)))
    write(Plan(folder.path, tuple(changes)))
    return tuple(change.path for change in changes)
